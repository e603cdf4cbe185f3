"""The convolutions and products of one round of a convolutional GAN, each by itself, as this machine makes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Part:
    """One operation of a layer.

    Attributes:
        name: of the layer and the operation.
        call: a compiled function that makes it once and returns a scalar.
        count: how often a round needs it.
        flops: multiplications and additions of one call.
    """

    name: str
    call: Callable[[], tf.Tensor]
    count: int
    flops: int


def parts_of(generator, discriminator, batch: int) -> list[Part]:
    """Return the forward passes, weight gradients and input gradients of a round that moves both players at once.

    The discriminator learns from a real and a written batch, and the generator goes back through its answer to the
    second without its weights' gradients. Nothing goes back to the noise, and only the generator's turn to images.

    Args:
        generator: noise → images, of dense and transposed convolutional layers.
        discriminator: images → logits, of convolutional and dense layers.
        batch: B, real images a round.
    """
    parts = []
    for network, forward, weights, inputs, first_inputs in ((generator, 1, 1, 1, 0), (discriminator, 2, 2, 3, 1)):
        first = True
        for layer in network.layers:
            if not hasattr(layer, "kernel"):
                continue
            counts = (forward, weights, first_inputs if first else inputs)
            operations = _operations(layer, batch)
            for (kind, call), count in zip(operations.items(), counts, strict=True):
                if count:
                    parts.append(Part(f"{layer.name} {kind}", call, count, _flops(layer, batch)))
            first = False
    return parts


def _operations(layer, batch: int) -> dict[str, Callable]:
    """Return the three operations of a layer, on numbers of the right shapes."""
    x = tf.random.stateless_normal((batch, *layer.input.shape[1:]), (0, 1))
    y = tf.random.stateless_normal((batch, *layer.output.shape[1:]), (0, 2))
    kernel = tf.convert_to_tensor(layer.kernel)
    if kernel.shape.rank == 2:
        calls = {
            "forward": lambda: tf.linalg.matmul(x, kernel),
            "weights": lambda: tf.linalg.matmul(x, y, transpose_a=True),
            "inputs": lambda: tf.linalg.matmul(y, kernel, transpose_b=True),
        }
        return {name: _compiled(call) for name, call in calls.items()}
    transposed = type(layer).__name__ == "Conv2DTranspose"
    large, small = (y, x) if transposed else (x, y)
    strides = [1, *layer.strides, 1]
    calls = {
        "down": lambda: tf.nn.conv2d(large, kernel, strides, "SAME"),
        "weights": lambda: tf.raw_ops.Conv2DBackpropFilter(
            input=large, filter_sizes=kernel.shape, out_backprop=small, strides=strides, padding="SAME"
        ),
        "up": lambda: tf.nn.conv2d_transpose(small, kernel, large.shape, strides, "SAME"),
    }
    forward, inputs = ("up", "down") if transposed else ("down", "up")
    return {
        name: _compiled(calls[call])
        for name, call in {"forward": forward, "weights": "weights", "inputs": inputs}.items()
    }


def _compiled(call: Callable) -> Callable[[], tf.Tensor]:
    """Return a function of one number of the result: the whole is computed, and nothing has to be added up."""
    return tf.function(lambda: tf.reshape(call(), (-1,))[0])


def _flops(layer, batch: int) -> int:
    """Count the multiplications and additions of one of the three operations; they are as many for each."""
    kernel = layer.kernel.shape
    if len(kernel) == 2:
        return 2 * batch * kernel[0] * kernel[1]
    small = layer.input.shape if type(layer).__name__ == "Conv2DTranspose" else layer.output.shape
    return 2 * batch * small[1] * small[2] * kernel[0] * kernel[1] * kernel[2] * kernel[3]
