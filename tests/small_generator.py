"""A generator of the course's protocol that is one table: the smallest that can be right or wrong about a language."""

import keras
import tensorflow as tf


class TableGenerator(keras.Model):
    """The logits of the next token are a row of a table, which the last token and the position choose.

    Args:
        logits: (T, V, V) float, logits after each last token at each position; (1, V, V) for the same everywhere.
        start_token: the first input.
    """

    def __init__(self, logits, start_token=0):
        super().__init__()
        logits = tf.convert_to_tensor(logits, tf.float32)
        self.positions, self.vocabulary_size = logits.shape[0], logits.shape[-1]
        self.start_token, self.end_token = start_token, None
        self.table = self.add_weight(shape=logits.shape, name="table")
        self.table.assign(logits)
        self.unused = self.add_weight(shape=(2,), name="unused")

    def initial_state(self, batch_size, length=None):
        return tf.zeros((batch_size,), tf.int32)

    def step(self, token, state, training=False):
        if token.dtype.is_integer:
            token = tf.one_hot(token, self.vocabulary_size)
        rows = tf.gather(tf.convert_to_tensor(self.table), tf.minimum(state, self.positions - 1))  # (B, V, V)
        return tf.einsum("bv,bvw->bw", token, rows), state + 1

    def call(self, tokens, training=False):
        state, logits = self.initial_state(tf.shape(tokens)[0]), []
        for t in range(tokens.shape[1]):
            step, state = self.step(tokens[:, t], state, training)
            logits.append(step)
        return tf.stack(logits, axis=1)
