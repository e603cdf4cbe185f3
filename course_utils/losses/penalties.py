"""Gradient penalties on a discriminator or critic, without their weight.

They are functions of the network, the images and (where points are mixed) the mixing shares, so the
caller owns every random draw. Add ``weight * penalty`` to the discriminator's loss, and report the
loss without it.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def _squared_gradient_norms(discriminator: Callable, points: tf.Tensor) -> tf.Tensor:
    """Return ‖∇ₓ D(x)‖² for each of B points, shape (B,)."""
    with tf.GradientTape() as tape:
        tape.watch(points)
        # Summed, because the gradient of the sum holds each sample's own gradient (no batch norm!).
        total = tf.reduce_sum(tf.cast(discriminator(points), tf.float32))
    gradient = tf.cast(tape.gradient(total, points), tf.float32)
    return tf.reduce_sum(tf.square(gradient), axis=tuple(range(1, gradient.shape.rank)))


def _mixed(real: tf.Tensor, fake: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """Return shares · real + (1 − shares) · fake, with one share a sample."""
    if not real.shape.is_compatible_with(fake.shape):
        raise ValueError(
            "Real and fake samples are mixed pair by pair and need equal shapes. "
            f"Received: {tuple(real.shape)} and {tuple(fake.shape)}."
        )
    shares = tf.reshape(tf.cast(shares, real.dtype), (-1, *([1] * (real.shape.rank - 1))))
    return shares * real + (1.0 - shares) * fake


def gradient_penalty(critic: Callable, real: tf.Tensor, fake: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """Return E[(‖∇ C(x̂)‖ − 1)²] at points x̂ on the lines between real and fake samples.

    Args:
        critic: maps samples (B, …) to logits (B,) or (B, 1), without batch normalisation (it would
            make one sample's gradient depend on the others).
        real: real samples, (B, …), float.
        fake: generated samples of the same shape.
        shares: the real sample's share at each point, (B,), drawn from U(0, 1) and from nothing else.

    Returns:
        A float32 scalar. The paper's weight for it is 10.

    Raises:
        ValueError: if the shapes of ``real`` and ``fake`` differ.

    Example:
        >>> x = tf.ones((2, 3))
        >>> float(gradient_penalty(lambda x: 2.0 * x[:, 0], x, 0 * x, tf.constant([0.2, 0.8])))
        1.0

    Source: Gulrajani et al. 2017, algorithm 1.
    """
    squared = _squared_gradient_norms(critic, _mixed(real, fake, shares))
    # Under the root stands a small number: the square root's own derivative is infinite at 0.
    return tf.reduce_mean(tf.square(tf.sqrt(squared + 1e-12) - 1.0))


def zero_centred_penalty(discriminator: Callable, real: tf.Tensor, fake: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """Return E[‖∇ D(x̂)‖²] at points x̂ on the lines between real and fake samples.

    Args, errors: as `gradient_penalty`.

    Returns:
        A float32 scalar.

    Example:
        >>> x = tf.ones((2, 3))
        >>> float(zero_centred_penalty(lambda x: 2.0 * x[:, 0], x, 0 * x, tf.constant([0.2, 0.8])))
        4.0

    Source: Thanh-Tung et al. 2019 (0-GP).
    """
    return tf.reduce_mean(_squared_gradient_norms(discriminator, _mixed(real, fake, shares)))


def r1_penalty(discriminator: Callable, real: tf.Tensor) -> tf.Tensor:
    """Return ½ E[‖∇ D(x)‖²] at real samples.

    Args:
        discriminator: maps samples (B, …) to logits (B,) or (B, 1).
        real: real samples, (B, …), float.

    Returns:
        A float32 scalar; its weight is the paper's γ.

    Example:
        >>> float(r1_penalty(lambda x: 2.0 * x[:, 0], tf.ones((2, 3))))
        2.0

    Source: Mescheder et al. 2018, eq. 9.
    """
    return 0.5 * tf.reduce_mean(_squared_gradient_norms(discriminator, real))
