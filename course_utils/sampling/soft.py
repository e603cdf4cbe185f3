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
    relax = gradients.straight_through_gumbel if straight_through else gradients.gumbel_softmax
    token = tf.fill((n,), generator.start_token)
    state = generator.initial_state(n, length)
    tokens = []
    for position in range(length):  # unrolled: a graph loop would keep every step on stacks for its gradient
        logits, state = generator.step(token, state)
        token = relax(logits, uniforms[position], temperature)
        tokens.append(token)
    return tf.stack(tokens, axis=1)
