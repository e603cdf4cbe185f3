"""Losses that read the output as a score: least squares, Wasserstein, hinge."""

from __future__ import annotations

import tensorflow as tf

from course_utils.losses.logits import as_float32


def least_squares_generator_loss(fake_logits) -> tf.Tensor:
    """Return ½ E[(D(G(z)) − 1)²] on raw outputs.

    Args:
        fake_logits: raw outputs for generated samples, (B,) or (B, 1).

    Returns:
        A float32 scalar; 1/8 where the discriminator answers 1/2 to everything.

    Example:
        >>> float(least_squares_generator_loss([0.0, 2.0]))
        0.5

    Source: Mao et al. 2017, eq. 9.
    """
    return 0.5 * tf.reduce_mean(tf.square(as_float32(fake_logits) - 1.0))


def least_squares_discriminator_loss(real_logits, fake_logits) -> tf.Tensor:
    """Return ½ (E[(D(x) − 1)²] + E[D(G(z))²]) on raw outputs.

    Args:
        real_logits: raw outputs for real samples, (B,) or (B, 1).
        fake_logits: raw outputs for generated samples.

    Returns:
        A float32 scalar; 1/4 where the discriminator answers 1/2 to everything.

    Example:
        >>> float(least_squares_discriminator_loss([0.5], [0.5]))
        0.25

    Source: Mao et al. 2017, eq. 9.
    """
    real, fake = as_float32(real_logits), as_float32(fake_logits)
    return 0.5 * (tf.reduce_mean(tf.square(real - 1.0)) + tf.reduce_mean(tf.square(fake)))


def wasserstein_generator_loss(fake_logits) -> tf.Tensor:
    """Return −E[C(G(z))] for a critic C.

    Args:
        fake_logits: critic scores of generated samples, (B,) or (B, 1).

    Returns:
        A float32 scalar of either sign.

    Example:
        >>> float(wasserstein_generator_loss([3.0, 1.0]))
        -2.0

    Source: Arjovsky et al. 2017, theorem 3.
    """
    return -tf.reduce_mean(as_float32(fake_logits))


def wasserstein_discriminator_loss(real_logits, fake_logits) -> tf.Tensor:
    """Return E[C(G(z))] − E[C(x)], not halved, without any penalty.

    Args:
        real_logits: critic scores of real samples, (B,) or (B, 1).
        fake_logits: critic scores of generated samples.

    Returns:
        A float32 scalar; minus it estimates the Wasserstein-1 distance if C is 1-Lipschitz.

    Example:
        >>> float(wasserstein_discriminator_loss([3.0], [1.0]))
        -2.0

    Source: Arjovsky et al. 2017, eq. 2.
    """
    return tf.reduce_mean(as_float32(fake_logits)) - tf.reduce_mean(as_float32(real_logits))


def hinge_generator_loss(fake_logits) -> tf.Tensor:
    """Return −E[D(G(z))], the generator's side of the hinge loss.

    The formula is the Wasserstein generator's; only the discriminator's side differs.

    Source: Lim and Ye 2017; Miyato et al. 2018, eq. 17.
    """
    return wasserstein_generator_loss(fake_logits)


def hinge_discriminator_loss(real_logits, fake_logits) -> tf.Tensor:
    """Return ½ (E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]).

    Args:
        real_logits: logits of real samples, (B,) or (B, 1).
        fake_logits: logits of generated samples.

    Returns:
        A float32 scalar, at least 0; 1 where the discriminator answers 0 to everything.

    Example:
        >>> float(hinge_discriminator_loss([0.5], [-3.0]))
        0.25

    Source: Miyato et al. 2018, eq. 16, halved.
    """
    real, fake = as_float32(real_logits), as_float32(fake_logits)
    return 0.5 * (tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake)))
