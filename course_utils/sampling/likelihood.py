"""How probable a generator finds given sentences."""

from __future__ import annotations

import tensorflow as tf

from course_utils.models.sequence import shift_right


def counted_positions(tokens: tf.Tensor, end_token: int | None) -> tf.Tensor:
    """Return which positions belong to a sentence: all up to its end token, bool (B, T).

    Example:
        >>> counted_positions(tf.constant([[5, 2, 0, 0], [5, 6, 7, 8]]), end_token=2).numpy().astype(int)
        array([[1, 1, 0, 0],
               [1, 1, 1, 1]])
    """
    if end_token is None:
        return tf.ones(tf.shape(tokens), tf.bool)
    return tf.cumsum(tf.cast(tokens == end_token, tf.int32), axis=1, exclusive=True) == 0


def log_prob(generator, tokens, *, training: bool = False) -> tf.Tensor:
    """Return log p_g(x_t | x_{<t}) for each token; its sum over axis 1 is log p_g(x).

    Differentiable in the generator's weights. What stands after a sentence's end token does not count.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        tokens: int32 (B, T), sentences without the start token.
        training: passed on to the generator, for its dropout.

    Returns:
        float32 (B, T), in nats; 0 at positions after the end token.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> generator = RecurrentGenerator(5, embedding_dim=4, hidden_dim=4, end_token=None)
        >>> log_prob(generator, [[1, 2, 3]]).shape
        TensorShape([1, 3])
    """
    tokens = tf.convert_to_tensor(tokens, tf.int32)
    logits = generator(shift_right(tokens, generator.start_token), training=training)
    picked = -tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tokens, logits=logits)
    return tf.where(counted_positions(tokens, generator.end_token), picked, 0.0)
