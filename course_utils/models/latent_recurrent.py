"""A recurrent generator whose sentence follows from a code."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.models.recurrent import RecurrentGenerator
from course_utils.models.sequence import check_positive, layer_seeds


@keras.saving.register_keras_serializable(package="course_utils")
class LatentGenerator(RecurrentGenerator):
    """A `RecurrentGenerator` that starts from a code z, h₀ = tanh(C z), and adds P z to the embedding of every input.

    `course_utils.sampling.sample` draws a code for each sentence. Where nothing else is asked for, the code is 0: then
    it is the plain network, and takes its weights (`take_weights`). The paper's gates read the code by matrices of
    their own; P z reaches them through those of the embedding.

    Args:
        vocabulary_size: V.
        code_dim: length of a code.
        **settings: others of `RecurrentGenerator`.

    Call arguments, returns: as of `RecurrentGenerator`, for the code 0.

    Raises:
        ValueError: as `RecurrentGenerator`.

    Example:
        >>> generator = LatentGenerator(10, code_dim=3, embedding_dim=4, hidden_dim=8)
        >>> logits, _ = generator.step(tf.constant([1, 1]), generator.state_of(tf.constant([[1.0, 0, 0], [0, 1.0, 0]])))
        >>> logits.shape, bool(tf.reduce_all(logits[0] == logits[1]))
        (TensorShape([2, 10]), False)

    Source: Zhang et al. 2017 (TextGAN), section 2.3.
    """

    def __init__(self, vocabulary_size: int, *, code_dim: int = 128, **settings: Any):
        super().__init__(vocabulary_size, **settings)
        check_positive("code_dim", code_dim)
        self.settings["code_dim"] = code_dim
        seeds = layer_seeds(self.settings["seed"])
        kernels = [keras.initializers.GlorotUniform(seed=next(seeds) + 500) for _ in range(2)]
        # Without biases, so that the code 0 is the plain network.
        self.code_to_state, self.code_to_input = (
            keras.layers.Dense(
                width,
                use_bias=False,
                activation=activation,
                kernel_initializer=kernel,
                name=name,
                dtype=self.dtype_policy,
            )
            for width, activation, kernel, name in (
                (self.settings["hidden_dim"], "tanh", kernels[0], "code_to_state"),
                (self.settings["embedding_dim"], None, kernels[1], "code_to_input"),
            )
        )
        self.code_to_state.build((None, code_dim))
        self.code_to_input.build((None, code_dim))

    def take_weights(self, generator: RecurrentGenerator) -> None:
        """Take the weights of a plain network with the same settings; those that read the code stay."""
        given = generator.trainable_variables
        for own, weight in zip(self.trainable_variables[: len(given)], given, strict=True):
            own.assign(weight)

    def draw_codes(self, count: int, key) -> tf.Tensor:
        """Return codes, uniform on [−1, 1], float32 (count, code_dim).

        Args:
            count: how many.
            key: int32 (2,), of the draw.
        """
        return tf.random.stateless_uniform((count, self.settings["code_dim"]), key, -1.0, 1.0)

    def state_of(self, codes) -> tuple[tf.Tensor, ...]:
        """Return the state before the first input.

        Args:
            codes: float (B, code_dim).
        """
        first = self.code_to_state(codes)
        rest = super().initial_state(first.shape[0])[1:]  # the cell of an LSTM starts from 0
        return (first, *rest, self.code_to_input(codes))

    def initial_state(self, batch_size: int, length: int | None = None) -> tuple[tf.Tensor, ...]:
        """Return the state of the code 0; ``length`` is ignored."""
        added = tf.zeros((batch_size, self.settings["embedding_dim"]), self.compute_dtype)
        return (*super().initial_state(batch_size), added)

    def step(self, token, state, training: bool = False):
        """Read one token, ids (B,) or soft (B, V); return the next one's logits (B, V) and the state after it."""
        *recurrent, added = state
        read = self.embed(token, 1, training) + added
        hidden, recurrent = self.recurrence.cell(read, recurrent, training=training)
        return self.project(hidden, training), (*recurrent, added)
