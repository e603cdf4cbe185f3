"""Layers whose weights are divided by their largest singular value, so that none stretches its input."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class _Spectral:
    """What both layers share: one step of the power iteration at each training call.

    The weights W, as a matrix of inputs times outputs, are used as W / σ, where σ ≈ uᵀWᵀv is their largest singular
    value. u is remembered between calls; since W moves little from step to step, one iteration a call is enough.
    u and v are constants to the gradient, σ is not. Without ``training`` u stays as it is, and W is divided just the
    same. `keras.layers.SpectralNormalization` instead writes W / σ into the weights at each training call.

    Source: Miyato et al. 2018, "Spectral normalization for generative adversarial networks", algorithm 1.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=(self.kernel.shape[-1],),
            initializer=keras.initializers.RandomNormal(seed=0),
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    # Those of the two layers store the kernel and the bias alone.

    def save_own_variables(self, store):
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        keras.layers.Layer.load_own_variables(self, store)

    def normalised_kernel(self, training: bool):
        """Return W / σ, and move u one iteration on if it is trained."""
        matrix = ops.reshape(ops.cast(self.kernel, "float32"), (-1, self.kernel.shape[-1]))
        fixed = ops.stop_gradient(matrix)
        u = ops.convert_to_tensor(self.u)
        v = _unit(ops.matmul(fixed, u))
        if training:
            u = _unit(ops.matmul(v, fixed))
            self.u.assign(u)
            v = _unit(ops.matmul(fixed, u))
        sigma = ops.sum(v * ops.matmul(matrix, _unit(u)))
        return self.kernel / ops.cast(sigma, self.kernel.dtype)


@keras.saving.register_keras_serializable(package="course_utils")
class SpectralConv2D(_Spectral, keras.layers.Conv2D):
    """A convolution with spectral normalisation; arguments as `keras.layers.Conv2D`.

    The kernel is normalised as a matrix of (height · width · channels) times filters, as published. The convolution
    itself may stretch an image by more than 1: at most by the root of the number of times that a pixel is read.

    Example:
        >>> SpectralConv2D(4, 3, padding="same")(ops.ones((2, 8, 8, 1))).shape
        TensorShape([2, 8, 8, 4])
    """

    def call(self, inputs, training: bool = False):
        outputs = self.convolution_op(inputs, self.normalised_kernel(training))
        if self.use_bias:
            outputs = outputs + self.bias
        return outputs if self.activation is None else self.activation(outputs)


@keras.saving.register_keras_serializable(package="course_utils")
class SpectralDense(_Spectral, keras.layers.Dense):
    """A linear layer with spectral normalisation; arguments as `keras.layers.Dense`.

    Example:
        >>> SpectralDense(4)(ops.ones((2, 3))).shape
        TensorShape([2, 4])
    """

    def call(self, inputs, training: Any = False):
        outputs = ops.matmul(inputs, self.normalised_kernel(training))
        if self.use_bias:
            outputs = outputs + self.bias
        return outputs if self.activation is None else self.activation(outputs)


def _unit(vector):
    return vector / (ops.norm(vector) + 1e-12)
