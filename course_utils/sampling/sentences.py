"""Sentences drawn from a generator, token by token, in one compiled graph."""

from __future__ import annotations

import tensorflow as tf

from course_utils.models.latent_recurrent import LatentGenerator
from course_utils.sampling.compiled import check_temperature, check_whole, run_compiled, seed_pair
from course_utils.sampling.draw import draw_tokens, keep_top

# Rows whose logits are held at a time: 1,024 × 5,000 float32 are 20 MB.
ROWS = 1024


def sample(
    generator, n: int, length: int, *, temperature=1.0, seed=0, top_k: int | None = None, top_p: float | None = None
) -> tf.Tensor:
    """Return sentences x ~ p_g, drawn token by token: x_t ~ softmax(logits_t / temperature).

    A `course_utils.models.latent_recurrent.LatentGenerator` gets a code of its own for each sentence.
    After the end token, if the generator has one, a sentence holds only padding (0). Sentence ``i`` depends on the seed
    and on ``n``, and not on how many rows are computed at a time.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        n: how many sentences.
        length: T, tokens in a sentence, the end token included.
        temperature: at least 0, a number or a scalar tensor; below 1 sharper, 0 greedy.
        seed: a whole number, or an int32 tensor (2,).
        top_k: draw among the k most probable tokens only.
        top_p: draw from the smallest set of tokens whose probability reaches this, in (0, 1].

    Returns:
        int32 (n, length).

    Raises:
        ValueError: for a count below 1, a negative temperature, or a ``top_p`` outside (0, 1].

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> generator = RecurrentGenerator(5, embedding_dim=4, hidden_dim=4, end_token=None)
        >>> sample(generator, 3, 7, seed=1).shape
        TensorShape([3, 7])
    """
    check_whole(n=n, length=length)
    if top_k is not None:
        check_whole(top_k=top_k)
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1. Received: {top_p}.")
    tensors = (seed_pair(seed), check_temperature(temperature, zero=True))
    return run_compiled(_sample, generator, (n, length, top_k, top_p), tensors)


def _sample(generator, n, length, top_k, top_p, seed, temperature) -> tf.Tensor:
    parts = -(-n // ROWS)
    rows = -(-n // parts)
    uniforms = tf.random.stateless_uniform((n, length), seed)
    latent = isinstance(generator, LatentGenerator)
    codes = generator.draw_codes(n, tf.random.fold_in(seed, 1)) if latent else tf.zeros((n, 0))
    uniforms, codes = (tf.pad(given, [[0, parts * rows - n], [0, 0]]) for given in (uniforms, codes))

    def part(given):  # (rows, length) and (rows, code_dim) -> int32 (rows, length)
        uniforms, codes = given
        start, ended = tf.fill((rows,), generator.start_token), tf.zeros((rows,), tf.bool)
        state = generator.state_of(codes) if latent else generator.initial_state(rows, length)
        return continue_sentences(generator, start, ended, state, tf.transpose(uniforms), temperature, top_k, top_p)

    if parts == 1:
        return part((uniforms, codes))
    given = tuple(tf.reshape(whole, (parts, rows, whole.shape[1])) for whole in (uniforms, codes))
    tokens = tf.map_fn(part, given, fn_output_signature=tf.int32, parallel_iterations=1)
    return tf.reshape(tokens, (parts * rows, length))[:n]


def continue_sentences(
    generator, token, ended, state, uniforms, temperature, top_k=None, top_p=None, first=0
) -> tf.Tensor:
    """Draw tokens until the end of all rows; return the drawn ones, and 0 where none was drawn.

    Args:
        token: int32 (R,), the last token known, which the state has not seen yet.
        ended: bool (R,), which rows are complete already and get padding only.
        state: of the R rows.
        uniforms: float32 (T, R), one number for each token.
        temperature: float32 scalar.
        first: int32 scalar, the position of the first token to draw.

    Returns:
        int32 (R, T); 0 before ``first`` and after an end token.
    """
    length, rows = uniforms.shape
    end = generator.end_token

    def draw_next(position, token, ended, state, drawn):
        logits, state = generator.step(token, state)
        if top_k is not None or top_p is not None:
            # The nucleus is that of the tempered distribution; draw_tokens divides by the temperature itself.
            kept = keep_top(logits / tf.maximum(temperature, 1e-6), top_k, top_p)
            logits = tf.where(kept > float("-inf"), logits, kept)
        token = draw_tokens(logits, uniforms[position], temperature)
        if end is not None:
            token = tf.where(ended, 0, token)
            ended = ended | (token == end)
        return position + 1, token, ended, state, tf.where(tf.range(length) == position, token[:, None], drawn)

    *_, drawn = tf.while_loop(
        lambda position, *_: position < length,
        draw_next,
        (tf.convert_to_tensor(first), token, ended, state, tf.zeros((rows, length), tf.int32)),
        parallel_iterations=1,
    )
    return drawn
