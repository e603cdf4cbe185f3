"""One block of a Transformer: attention, then an MLP, each normed first and added to what came in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

SPREAD = 0.02  # standard deviation of the initial weights, GPT-2's


class TransformerBlock(keras.layers.Layer):
    """x + attention(norm(x)), then x + MLP(norm(x)), with an MLP four times as wide inside.

    Args:
        dim: width of x, (B, T, dim).
        heads: attention heads; divides ``dim``.
        dropout: rate on what each half adds.
        blocks: how many the network stacks; the more, the less each adds at first.
        seeds: of initial weights and dropout, from `layer_seeds`.
    """

    def __init__(self, dim: int, heads: int, dropout: float, blocks: int, seeds: Iterator[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.heads, self.head_dim = heads, dim // heads
        # What a block adds is scaled down so that the sum over all blocks keeps its size (Radford et al. 2019).
        added = SPREAD / (2 * blocks) ** 0.5

        def dense(width: int, spread: float, activation=None):
            initializer = keras.initializers.RandomNormal(stddev=spread, seed=next(seeds))
            return keras.layers.Dense(
                width, activation=activation, kernel_initializer=initializer, dtype=self.dtype_policy
            )

        self.attention_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy)
        self.query_key_value = dense(3 * dim, SPREAD)
        self.attention_output = dense(dim, added)
        self.mlp_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy)
        self.mlp_hidden = dense(4 * dim, SPREAD, activation="gelu")
        self.mlp_output = dense(dim, added)
        self.dropout = keras.layers.Dropout(dropout, seed=next(seeds), dtype=self.dtype_policy)

    def build(self, input_shape) -> None:
        dim = input_shape[-1]
        for layer in (self.attention_norm, self.query_key_value, self.attention_output, self.mlp_norm, self.mlp_hidden):
            layer.build((None, None, dim))
        self.mlp_output.build((None, None, 4 * dim))

    def call(self, x, training: bool = False):
        query, key, value = self._split(x)  # (B, heads, T, head_dim) each
        return self._finish(x, attend(query, key, value, self.seen(tf.shape(x)[1])), training)

    def seen(self, length) -> tf.Tensor | bool:
        """Return which keys each query sees, (T, T), or True for all: those of an encoder."""
        return True

    def _split(self, x):
        """Return query, key and value of (B, T, dim), each (B, heads, T, head_dim)."""
        parts = self.query_key_value(self.attention_norm(x))
        parts = tf.reshape(
            parts, (-1, tf.shape(x)[1] if x.shape[1] is None else x.shape[1], 3, self.heads, self.head_dim)
        )
        return tf.unstack(tf.transpose(parts, (2, 0, 3, 1, 4)))

    def _finish(self, x, attended, training):
        """Add the attention's result, then the MLP's."""
        joined = tf.reshape(tf.transpose(attended, (0, 2, 1, 3)), tf.shape(x))  # (B, T, dim)
        x += self.dropout(self.attention_output(joined), training=training)
        return x + self.dropout(self.mlp_output(self.mlp_hidden(self.mlp_norm(x))), training=training)


def attend(query, keys, values, seen):
    """softmax(q·k / √head_dim) over the keys that are seen, times the values (Vaswani et al. 2017, eq. 1)."""
    scores = tf.matmul(query, keys, transpose_b=True) / tf.cast(query.shape[-1], query.dtype) ** 0.5
    # The softmax in float32: half precision would round small weights away.
    scores = tf.where(seen, tf.cast(scores, tf.float32), -1e9)
    return tf.matmul(tf.cast(tf.nn.softmax(scores), values.dtype), values)


def check_heads(heads: int, model_dim: int) -> None:
    """Raise a ValueError unless the heads divide the width."""
    if model_dim % heads:
        raise ValueError(f"heads must divide model_dim. Received: heads={heads} and model_dim={model_dim}.")
