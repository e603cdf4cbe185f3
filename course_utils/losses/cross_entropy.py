"""Minimax and non-saturating: the losses of the original paper."""

from __future__ import annotations

import tensorflow as tf

from course_utils.losses.logits import as_float32


def minimax_generator_loss(fake_logits) -> tf.Tensor:
    """Return E[log(1 − D(G(z)))], the generator's term of the min–max game; it saturates.

    Where the discriminator is sure of a fake (very negative logits) the value and its gradient go to 0.

    Args:
        fake_logits: logits of generated samples, (B,) or (B, 1).

    Returns:
        A float32 scalar, at most 0. The equilibrium value is −log 2.

    Example:
        >>> round(float(minimax_generator_loss([0.0])), 4)
        -0.6931

    Source: Goodfellow et al. 2014, eq. 1.
    """
    return -tf.reduce_mean(tf.nn.softplus(as_float32(fake_logits)))


def minimax_discriminator_loss(real_logits, fake_logits, *, real_label: float = 1.0) -> tf.Tensor:
    """Return −½ (E[log D(x)] + E[log(1 − D(G(z)))]): half the cross-entropy of the min–max game.

    Args:
        real_logits: logits of real samples, (B,) or (B, 1).
        fake_logits: logits of generated samples.
        real_label: 1, or a little less for one-sided label smoothing (Salimans et al. 2016, sec. 3.4).
            Labels above 1 are refused: they make the cross-entropy unbounded below.

    Returns:
        A float32 scalar. The equilibrium value is log 2 (with ``real_label=1``).

    Raises:
        ValueError: if ``real_label`` is not in (0.5, 1].

    Example:
        >>> round(float(minimax_discriminator_loss([0.0], [0.0])), 4)
        0.6931

    Source: Goodfellow et al. 2014, eq. 1, negated and halved.
    """
    if not 0.5 < real_label <= 1.0:
        raise ValueError(
            f"real_label must be above 0.5 and at most 1 (one-sided smoothing). Received: {real_label}. "
            "Above 1 the loss has no lower bound."
        )
    real, fake = as_float32(real_logits), as_float32(fake_logits)
    real_half = tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.fill(tf.shape(real), real_label), logits=real)
    return 0.5 * (tf.reduce_mean(real_half) + tf.reduce_mean(tf.nn.softplus(fake)))


def non_saturating_generator_loss(fake_logits) -> tf.Tensor:
    """Return −E[log D(G(z))]: same fixed point as the min–max loss, a gradient where that one has none.

    Args:
        fake_logits: logits of generated samples, (B,) or (B, 1).

    Returns:
        A float32 scalar, at least 0. The equilibrium value is log 2.

    Example:
        >>> round(float(non_saturating_generator_loss([0.0])), 4)
        0.6931

    Source: Goodfellow et al. 2014, sec. 3.
    """
    return tf.reduce_mean(tf.nn.softplus(-as_float32(fake_logits)))
