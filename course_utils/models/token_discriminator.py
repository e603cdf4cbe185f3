"""The discriminator of unfinished sentences: one logit after every token, for what has been read so far."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from course_utils.models.dropout import Dropout
from course_utils.models.sequence import check_dropout, check_positive, checked_tokens, layer_seeds

WAVES = 8  # of the position signal, as published


@keras.saving.register_keras_serializable(package="course_utils")
class TokenDiscriminator(keras.Model):
    """Embedding → position signal beside it → LSTM with layer normalisation → one logit a token.

    The logit of a token depends on it and on those before it. What follows an end token gets logits too; who trains the
    network has to leave them out, as `course_utils.training.scratchgan.ScratchGAN` does.

    The LSTM normalises the summed inputs of its four gates together (`NormalisedLSTMCell`). Dropout acts on the
    embedding matrix, so a word loses the same numbers wherever it stands in the batch. The penalty is on all weights:
    l2 · ½ Σ w², found in ``losses``.

    Published: 512 units and beside the 64 learned numbers of a word its 300 of GloVe, which are left out here. To start
    from other embeddings, assign them to ``embedding``. The published linear layer between embedding and LSTM is one
    with the LSTM's own.

    Args:
        vocabulary_size: V.
        embedding_dim: E, width of an embedding.
        hidden_dim: H, width of the LSTM.
        dropout: rate on the embedding matrix, when ``training=True``.
        l2: weight of the penalty.
        seed: of initial weights and dropout; equal seeds give equal networks.

    Call arguments:
        tokens: sentences, integer ids (B, T) or soft one-hot vectors, float (B, T, V), T fixed. Ids outside 0…V−1 are
            not checked under XLA or on a GPU.
        training: whether dropout acts.

    Returns:
        Logits, float32 (B, T), also under mixed precision.

    Raises:
        ValueError: for impossible settings, and for tokens of another rank, dtype or vocabulary.

    Example:
        >>> discriminator = TokenDiscriminator(10, embedding_dim=4, hidden_dim=8)
        >>> discriminator(tf.constant([[5, 6, 2], [7, 2, 0]])).shape
        TensorShape([2, 3])

    Source: de Masson d'Autume et al. 2019, Training language GANs from scratch, section 3 and appendix; settings: the
    authors' code.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int = 64,
        hidden_dim: int = 512,
        dropout: float = 0.1,
        l2: float = 1e-6,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.settings = {
            "vocabulary_size": vocabulary_size,
            "embedding_dim": embedding_dim,
            "hidden_dim": hidden_dim,
            "dropout": dropout,
            "l2": l2,
            "seed": seed,
        }
        for name in ("vocabulary_size", "embedding_dim", "hidden_dim"):
            check_positive(name, self.settings[name])
        check_dropout(dropout)
        if not 0 <= l2 < float("inf"):
            raise ValueError(f"l2 must be a number of at least 0. Received: {l2}.")
        seeds = layer_seeds(seed)

        def glorot():
            return keras.initializers.GlorotUniform(seed=next(seeds))

        policy = self.dtype_policy
        self.embedding = self.add_weight(name="embedding", shape=(vocabulary_size, embedding_dim), initializer=glorot())
        self.embedding_dropout = Dropout(dropout, seed=next(seeds), dtype=policy)
        # Without a bias: the cell adds one after normalising.
        self.inputs_to_gates = keras.layers.Dense(
            4 * hidden_dim, use_bias=False, kernel_initializer=glorot(), name="inputs_to_gates", dtype=policy
        )
        cell = NormalisedLSTMCell(hidden_dim, keras.initializers.Orthogonal(seed=next(seeds)), dtype=policy)
        self.recurrence = keras.layers.RNN(cell, return_sequences=True, name="recurrence", dtype=policy)
        # float32 at the end: in half precision near logits would become equal.
        self.last_layer = keras.layers.Dense(1, kernel_initializer=glorot(), name="last_layer", dtype="float32")
        self.inputs_to_gates.build((None, embedding_dim + WAVES))
        self.recurrence.build((None, None, 4 * hidden_dim))
        self.last_layer.build((None, hidden_dim))
        if l2:
            for weight in self.trainable_variables:
                weight.regularizer = keras.regularizers.L2(l2 / 2)
        self.built = True

    def call(self, tokens, training: bool = False):
        tokens = checked_tokens(tokens, 2, self.settings["vocabulary_size"])
        matrix = self.embedding_dropout(tf.cast(self.embedding, self.compute_dtype), training=training)
        if tokens.dtype.is_integer:
            embedded = tf.gather(matrix, tf.cast(tokens, tf.int32))
        else:
            embedded = tf.matmul(tf.cast(tokens, matrix.dtype), matrix)
        waves = tf.cast(position_signal(tokens.shape[1]), matrix.dtype)
        waves = tf.broadcast_to(waves, (tf.shape(tokens)[0], *waves.shape))
        read = self.inputs_to_gates(tf.concat([embedded, waves], axis=-1))  # (B, T, 4H), of all tokens at once
        return self.last_layer(self.recurrence(read, training=training))[..., 0]

    def get_config(self) -> dict:
        return {**super().get_config(), **self.settings}


class NormalisedLSTMCell(keras.layers.Layer):
    """An LSTM's step whose gates read a layer-normalised sum, LN(inputs + W h) ⊙ gain + bias.

    One mean and one variance for the 4H sums of all gates (input, forget, candidate, output), as in the library that
    the authors of ScratchGAN used. The forget gate's bias starts at 1.

    Args:
        hidden_dim: H.
        initializer: of W.

    Call arguments:
        inputs: float (B, 4H), what the tokens say to the gates.
        states: output and cell before, float (B, H) each.

    Returns:
        The output, and the list of both states after the step.

    Source: Ba et al. 2016, Layer normalization, equation 4; Hochreiter & Schmidhuber 1997.
    """

    def __init__(self, hidden_dim: int, initializer: keras.initializers.Initializer, **kwargs: Any):
        super().__init__(**kwargs)
        self.state_size, self.output_size = [hidden_dim, hidden_dim], hidden_dim
        self._initializer = initializer

    def build(self, input_shape) -> None:
        units = self.output_size
        self.kernel = self.add_weight(name="kernel", shape=(units, 4 * units), initializer=self._initializer)
        self.gain = self.add_weight(name="gain", shape=(4 * units,), initializer="ones")
        open_forget = tf.concat([tf.zeros(units), tf.ones(units), tf.zeros(2 * units)], axis=0)
        self.bias = self.add_weight(name="bias", shape=(4 * units,), initializer=lambda *_, **__: open_forget)

    def call(self, inputs, states):
        hidden, cell = states
        sums = tf.cast(inputs + tf.matmul(hidden, self.kernel), tf.float32)
        mean, variance = tf.nn.moments(sums, axes=[-1], keepdims=True)
        normal = tf.cast((sums - mean) * tf.math.rsqrt(variance + 1e-5), inputs.dtype)
        i, f, g, o = tf.split(normal * self.gain + self.bias, 4, axis=-1)
        cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(g)
        hidden = tf.sigmoid(o) * tf.tanh(cell)
        return hidden, [hidden, cell]


def position_signal(length: int) -> tf.Tensor:
    """Return what tells the positions of a sentence apart: cosines cos(π (t / p_k + s_k)).

    The periods p_k go from 2 to T, evenly on a logarithmic scale, so the slowest is different everywhere; the shifts
    s_k go from 0 to 2, so that not all begin alike.

    Args:
        length: T.

    Returns:
        float32 (T, 8).

    Example:
        >>> position_signal(4).shape, position_signal(4)[::2, 0].numpy().round(2).tolist()
        (TensorShape([4, 8]), [1.0, -1.0])

    Source: the code of de Masson d'Autume et al. 2019.
    """
    periods = tf.exp(tf.linspace(math.log(2.0), math.log(float(length)), WAVES))
    times = tf.range(length, dtype=tf.float32)[:, None] / tf.cast(periods, tf.float32)
    return tf.cos(math.pi * (times + tf.linspace(0.0, 2.0, WAVES)))
