"""Relaxed tokens: a point of the simplex in place of a word, or a word that pretends to be one.

They are (…, V) tensors that a generator's `step` takes as its next input and a discriminator as a soft one-hot.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def gumbel_softmax(logits: tf.Tensor, uniforms: tf.Tensor, temperature: float | tf.Tensor) -> tf.Tensor:
    """Return softmax((logits + g) / temperature) with Gumbel noise g = −log(−log u).

    The largest entry is at token v with probability softmax(logits)_v, whatever the temperature (the Gumbel-max trick).
    Towards 0 the rest vanishes: a one-hot, whose gradient has little bias and a variance without bound. At high
    temperatures all entries are alike, and the gradient is steady and wrong.

    Args:
        logits: (…, V) float32, as every generator of the course returns them.
        uniforms: of the same shape, independent draws from U[0, 1).
        temperature: positive number, or a scalar tensor, for example one that a schedule lowers.

    Returns:
        (…, V) of the dtype of ``logits``, positive and of sum 1 along the last axis. Differentiable in ``logits``.

    Raises:
        ValueError: if the shapes differ or the temperature is a number that is not positive.

    Example:
        >>> gumbel_softmax([0.0, 0.0], [0.5, 0.5], temperature=1.0).numpy()  # equal noise
        array([0.5, 0.5], dtype=float32)

    Source: Jang et al. 2017, equation 2; Maddison et al. 2017 ("the Concrete distribution").
    """
    logits = tf.convert_to_tensor(logits)
    uniforms = tf.cast(uniforms, logits.dtype)
    if not logits.shape.is_compatible_with(uniforms.shape):
        raise ValueError(f"Every logit needs a uniform number. Received: {logits.shape} and {uniforms.shape}.")
    if not tf.is_tensor(temperature) and not temperature > 0:
        raise ValueError(f"temperature must be positive. Received: {temperature}. Take an argmax for the limit 0.")
    # A generator of U[0, 1) returns 0 now and then, and its logarithm would be −inf.
    uniforms = tf.maximum(uniforms, np.finfo(logits.dtype.as_numpy_dtype).tiny)
    noise = -tf.math.log(-tf.math.log(uniforms))
    return tf.nn.softmax((logits + noise) / tf.cast(temperature, logits.dtype))


def straight_through(probabilities: tf.Tensor, tokens: tf.Tensor | None = None) -> tf.Tensor:
    """Return one-hots of tokens, with the gradient of their probabilities: forward a word, backward the identity.

    What follows sees real words, unlike the soft ones of `gumbel_softmax`. The gradient is that of another function,
    so it is biased, unless all that follows is linear in the one-hot.

    Args:
        probabilities: (…, V) float.
        tokens: (…) ids, drawn from the probabilities; ``None`` for the likeliest.

    Returns:
        (…, V) of the dtype of ``probabilities``, exact zeros and ones.

    Raises:
        ValueError: if the shapes do not fit.

    Example:
        >>> straight_through([[0.2, 0.8], [0.6, 0.4]], tokens=[0, 0]).numpy()
        array([[1., 0.],
               [1., 0.]], dtype=float32)

    Source: Bengio et al. 2013, "Estimating or propagating gradients through stochastic neurons", section 4.
    """
    probabilities = tf.convert_to_tensor(probabilities)
    if tokens is None:
        tokens = tf.argmax(probabilities, axis=-1)
    tokens = tf.convert_to_tensor(tokens)
    if not tokens.shape.is_compatible_with(probabilities.shape[:-1]):
        raise ValueError(
            "probabilities must be (…, V) and tokens the same without the last axis. "
            f"Received: {probabilities.shape} and {tokens.shape}."
        )
    one_hot = tf.one_hot(tokens, probabilities.shape[-1], dtype=probabilities.dtype)
    # The brackets keep zeros and ones exact: p − p is 0 to the last bit, where 1 + p would round.
    return one_hot + (probabilities - tf.stop_gradient(probabilities))


def straight_through_gumbel(logits: tf.Tensor, uniforms: tf.Tensor, temperature: float | tf.Tensor) -> tf.Tensor:
    """Return one-hots of tokens drawn from softmax(logits), with the gradient of their Gumbel-softmax relaxation.

    Args, errors: as `gumbel_softmax`.

    Returns:
        (…, V) of the dtype of ``logits``, exact zeros and ones.

    Example:
        >>> straight_through_gumbel([0.0, 0.0], [0.3, 0.6], temperature=1.0).numpy()
        array([0., 1.], dtype=float32)

    Source: Jang et al. 2017, section 2.2.
    """
    return straight_through(gumbel_softmax(logits, uniforms, temperature))
