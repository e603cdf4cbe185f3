"""The likelihood of grey values between black and white, which a variational autoencoder is trained with."""

from __future__ import annotations

import tensorflow as tf

from course_utils.losses.logits import as_float32

SMALL = 0.05  # below it the first terms of a series are exact in float32, and the closed forms lose digits


def continuous_bernoulli_log_prob(pixels, logits) -> tf.Tensor:
    """Return log p(x) = x·l − softplus(l) + log(l / tanh(l/2)), the log density of values in [0, 1].

    Without its last term, as most tutorials have it, this is the cross-entropy with grey values as targets, which is
    the density of no distribution: its integral over [0, 1] is tanh(l/2) / l, at most ½.

    Args:
        pixels: x, float (…), in [0, 1].
        logits: l of the same shape; above 0 the density rises towards white.

    Returns:
        float32 (…), nats.

    Example:
        >>> continuous_bernoulli_log_prob([0.0, 0.3, 1.0], [0.0, 0.0, 0.0]).numpy().round(6).tolist()  # uniform
        [0.0, 0.0, 0.0]

    Source: Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli: fixing a pervasive error in variational
    autoencoders", eq. 3 and 6, written with logits.
    """
    pixels, logits = as_float32(pixels), as_float32(logits)
    return pixels * logits - tf.nn.softplus(logits) + _log_normaliser(logits)


def continuous_bernoulli_mean(logits) -> tf.Tensor:
    """Return E[x] = 1 / (1 − exp(−l)) − 1 / l, which lies nearer to ½ than σ(l) does.

    Args:
        logits: l, float (…).

    Returns:
        float32 (…), in (0, 1).

    Example:
        >>> [round(float(mean), 4) for mean in continuous_bernoulli_mean([0.0, 2.0])]
        [0.5, 0.6565]

    Source: Loaiza-Ganem & Cunningham 2019, eq. 8.
    """
    logits = as_float32(logits)
    small = tf.abs(logits) < SMALL
    safe = tf.where(small, 1.0, logits)
    exact = -1.0 / tf.math.expm1(-safe) - 1.0 / safe
    return tf.where(small, 0.5 + logits / 12.0, exact)


def _log_normaliser(logits: tf.Tensor) -> tf.Tensor:
    small = tf.abs(logits) < SMALL
    safe = tf.where(small, 1.0, tf.abs(logits))  # a gradient of the branch that is not taken must be finite too
    exact = tf.math.log(safe / tf.tanh(safe / 2.0))
    return tf.where(small, tf.math.log(2.0) + tf.square(logits) / 12.0, exact)
