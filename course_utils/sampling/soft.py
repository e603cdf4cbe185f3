"""Relaxed sentences: every token a point of the simplex, with a gradient to the generator."""

from __future__ import annotations

import tensorflow as tf

from course_utils import gradients
from course_utils.sampling.compiled import check_temperature, check_whole, run_compiled, seed_pair


def soft_sample(generator, n: int, length: int, *, temperature, seed=0, straight_through: bool = False) -> tf.Tensor:
    """Return sentences of Gumbel-softmax tokens, each fed back as the next input.

    Every token is softmax((logits + Gumbel noise) / temperature). It has a gradient to the logits and, through them, to
    the tokens before it, at the price of a bias that shrinks with the temperature while the variance grows. With
    ``straight_through`` the tokens are distributed as those of `sample`. Nothing stops at an end token.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        n: how many sentences, B.
        length: T.
        temperature: above 0, a number or a scalar tensor.
        seed: a whole number, or an int32 tensor (2,).
        straight_through: return and feed back one-hot vectors, with the relaxed vectors' gradient.

    Returns:
        float32 (n, length, V), rows that sum to 1. Differentiable in the generator's weights.

    Raises:
        ValueError: for a count below 1 or a temperature that is not positive.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> generator = RecurrentGenerator(5, embedding_dim=4, hidden_dim=4, end_token=None)
        >>> soft_sample(generator, 2, 3, temperature=0.5).shape
        TensorShape([2, 3, 5])

    Source: Jang et al. 2017; Maddison et al. 2017; for sequences Kusner & Hernández-Lobato 2016.
    """
    check_whole(n=n, length=length)
    tensors = (seed_pair(seed), check_temperature(temperature, zero=False))
    return run_compiled(_soft_sample, generator, (n, length, straight_through), tensors)


def _soft_sample(generator, n, length, straight_through, seed, temperature) -> tf.Tensor:
    uniforms = tf.random.stateless_uniform((length, n, generator.vocabulary_size), seed)
    return soft_sentences(generator, uniforms, temperature=temperature, straight_through=straight_through)


def soft_sentences(
    generator, uniforms, *, temperature, straight_through: bool = False, feed_tokens: bool = False
) -> tf.Tensor:
    """Return the sentences that `soft_sample` makes of given random numbers, for steps compiled with XLA.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        uniforms: float32 (T, B, V) in [0, 1), drawn outside XLA, which would take another generator of them.
        temperature, straight_through: as of `soft_sample`.
        feed_tokens: feed back the token of the largest entry, not the vector. It follows p_g(· | tokens before), and a
            step's gradient reaches those before it through the state alone.

    Returns:
        float32 (B, T, V). Differentiable in the generator's weights.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> generator = RecurrentGenerator(5, embedding_dim=4, hidden_dim=4, end_token=None)
        >>> soft_sentences(generator, tf.fill((3, 2, 5), 0.5), temperature=0.5).shape
        TensorShape([2, 3, 5])

    Source: as `soft_sample`; ``feed_tokens``: the public code of Nie et al. 2019 (RelGAN).
    """
    length, n, _ = uniforms.shape
    relax = gradients.straight_through_gumbel if straight_through else gradients.gumbel_softmax

    def draw(logits, position):
        return relax(logits, uniforms[position], temperature)

    return _unrolled(generator, generator.initial_state(n, length), n, length, draw, feed_tokens)


def soft_argmax_sentences(generator, state, length: int, *, sharpness: float) -> tf.Tensor:
    """Return sentences of soft-argmax tokens softmax(sharpness · logits), each fed back as the next input.

    Nothing is drawn: the sentences follow from the state they start from, such as
    `course_utils.models.latent_recurrent.LatentGenerator.state_of` gives for a code.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        state: of B rows, before the first input.
        length: T.
        sharpness: L, above 0; with a large one the tokens are nearly one-hot.

    Returns:
        float32 (B, T, V). Differentiable in the generator's weights and in the state.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> generator = RecurrentGenerator(5, embedding_dim=4, hidden_dim=4, end_token=None)
        >>> soft_argmax_sentences(generator, generator.initial_state(2), 3, sharpness=100.0).shape
        TensorShape([2, 3, 5])

    Source: Zhang et al. 2017 (TextGAN), section 2.4.
    """
    n = tf.nest.flatten(state)[0].shape[0]
    return _unrolled(generator, state, n, length, lambda logits, _: tf.nn.softmax(sharpness * logits), False)


def _unrolled(generator, state, n, length, draw, feed_tokens) -> tf.Tensor:
    token, tokens = tf.fill((n,), generator.start_token), []
    for position in range(length):  # unrolled: a graph loop would keep every step on stacks for its gradient
        logits, state = generator.step(token, state)
        token = draw(logits, position)
        tokens.append(token)
        if feed_tokens:
            token = tf.argmax(token, axis=1, output_type=tf.int32)
    return tf.stack(tokens, axis=1)


def pad_after_end(tokens, end_token: int) -> tf.Tensor:
    """Return soft sentences that turn into padding (id 0) where they have ended, differentiably.

    A sentence is alive at t with the weight a_t = Π_{s<t} (1 − x_s[end]); what stands there becomes
    a_t · x_t + (1 − a_t) · (one-hot of 0). On one-hot vectors that is what `sample` does: padding after the end token.

    Args:
        tokens: x, soft one-hot vectors, float (B, T, V), T fixed.
        end_token: id of the end token.

    Returns:
        A tensor of the shape and dtype of ``tokens``.

    Example:
        >>> half_ended = tf.constant([[[0.0, 0.5, 0.5], [0.0, 1.0, 0.0]]])
        >>> pad_after_end(half_ended, end_token=2).numpy()[0, 1]
        array([0.5, 0.5, 0. ], dtype=float32)
    """
    tokens = tf.convert_to_tensor(tokens)
    # Factor by factor: the gradient of tf.math.cumprod divides by its factors, which are 0 where a sentence ended.
    alive = [tf.ones_like(tokens[:, 0, end_token])]
    for position in range(tokens.shape[1] - 1):
        alive.append(alive[-1] * (1 - tokens[:, position, end_token]))
    alive = tf.stack(alive, axis=1)[..., None]  # (B, T, 1)
    return alive * tokens + (1 - alive) * tf.one_hot(0, tokens.shape[2], dtype=tokens.dtype)
