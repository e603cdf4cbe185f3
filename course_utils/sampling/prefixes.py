"""Sentences with a given beginning, which the generator goes on with."""

from __future__ import annotations

import tensorflow as tf

from course_utils.sampling.compiled import run_compiled, seed_pair
from course_utils.sampling.likelihood import counted_positions
from course_utils.sampling.sentences import ROWS, continue_sentences


def complete(generator, tokens, given, *, seed=0) -> tf.Tensor:
    """Return sentences that begin as the given ones and go on as the generator does: x_{>N} ~ p_g(· | x_{≤N}).

    After an end token, given or drawn, a sentence holds only padding (0). With N = 0 the sentences are those of
    `course_utils.sampling.sample` with the same seed.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        tokens: int32 (B, T), sentences whose beginnings count.
        given: N, from 0 to T: how many tokens are given; a whole number or an int32 scalar tensor, so that it may
            change from step to step of a training.
        seed: a whole number, or an int32 tensor (2,).

    Returns:
        int32 (B, T).

    Raises:
        ValueError: if ``tokens`` is no (B, T) of fixed size.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> generator = RecurrentGenerator(5, embedding_dim=4, hidden_dim=4, end_token=None)
        >>> complete(generator, [[1, 2, 3], [4, 4, 4]], 2, seed=1).numpy()[:, :2].tolist()
        [[1, 2], [4, 4]]

    Source: Che et al. 2017 (MaliGAN), section 3.4, for training on completed beginnings.
    """
    tokens = tf.convert_to_tensor(tokens, tf.int32)
    if tokens.shape.rank != 2 or not tokens.shape.is_fully_defined():
        raise ValueError(f"tokens must have a fixed shape (B, T). Received: {tokens.shape}.")
    return run_compiled(_complete, generator, (), (tokens, tf.cast(given, tf.int32), seed_pair(seed)))


def _complete(generator, tokens, given, seed) -> tf.Tensor:
    count, length = tokens.shape
    parts = -(-count // ROWS)
    rows = -(-count // parts)
    uniforms = tf.random.stateless_uniform((count, length), seed)
    uniforms, padded = (tf.pad(array, [[0, parts * rows - count], [0, 0]]) for array in (uniforms, tokens))

    def part(read):
        return _go_on(generator, read[0], read[1], given)

    if parts == 1:
        return part((padded, uniforms))
    shape = (parts, rows, length)
    given_parts = (tf.reshape(padded, shape), tf.reshape(uniforms, shape))
    written = tf.map_fn(part, given_parts, fn_output_signature=tf.int32, parallel_iterations=1)
    return tf.reshape(written, (parts * rows, length))[:count]


def _go_on(generator, tokens, uniforms, given) -> tf.Tensor:
    rows, length = tokens.shape
    end, begun = generator.end_token, tf.range(length) < given

    def read_next(position, token, state):
        return position + 1, tf.gather(tokens, position, axis=1), generator.step(token, state)[1]

    _, token, state = tf.while_loop(
        lambda position, *_: position < given,
        read_next,
        (tf.constant(0), tf.fill((rows,), generator.start_token), generator.initial_state(rows, length)),
        parallel_iterations=1,
    )
    ended = tf.zeros((rows,), tf.bool) if end is None else tf.reduce_any((tokens == end) & begun, axis=1)
    drawn = continue_sentences(generator, token, ended, state, tf.transpose(uniforms), tf.constant(1.0), first=given)
    return tf.where(begun & counted_positions(tokens, end), tokens, drawn)
