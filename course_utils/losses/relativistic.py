"""Relativistic losses: is a real sample more real than a fake one?"""

from __future__ import annotations

import tensorflow as tf

from course_utils.losses.logits import as_float32


def _pair(real_logits, fake_logits) -> tuple[tf.Tensor, tf.Tensor]:
    """Return both as float32, refusing shapes that would broadcast silently against each other."""
    real, fake = as_float32(real_logits), as_float32(fake_logits)
    if not real.shape.is_compatible_with(fake.shape):
        raise ValueError(
            "Real and fake logits are compared pair by pair and need equal shapes. "
            f"Received: {tuple(real.shape)} and {tuple(fake.shape)}."
        )
    return real, fake


def _global_mean(values: tf.Tensor) -> tf.Tensor:
    """Mean over the batch of all replicas: a relativistic average must not depend on the device count."""
    mean = tf.reduce_mean(values)
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
        mean = context.all_reduce(tf.distribute.ReduceOp.MEAN, mean)
    return mean


def relativistic_generator_loss(real_logits, fake_logits) -> tf.Tensor:
    """Return −E[log σ(C(G(z)) − C(x))]: a fake should look more real than the real it is paired with.

    Args:
        real_logits: logits of real samples, (B,) or (B, 1).
        fake_logits: logits of as many generated samples.

    Returns:
        A float32 scalar. The equilibrium value is log 2.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> round(float(relativistic_generator_loss([1.0], [1.0])), 4)
        0.6931

    Source: Jolicoeur-Martineau 2019 (RSGAN).
    """
    real, fake = _pair(real_logits, fake_logits)
    return tf.reduce_mean(tf.nn.softplus(real - fake))


def relativistic_discriminator_loss(real_logits, fake_logits) -> tf.Tensor:
    """Return −E[log σ(C(x) − C(G(z)))]: the same with the players exchanged.

    Source: Jolicoeur-Martineau 2019 (RSGAN). Arguments, value and errors as
    `relativistic_generator_loss`.
    """
    return relativistic_generator_loss(fake_logits, real_logits)


def relativistic_average_generator_loss(real_logits, fake_logits) -> tf.Tensor:
    """Return the average relativistic loss: each sample against the *mean* logit of the other kind.

    ½ (E[softplus(C(x) − E C(G(z)))] + E[softplus(E C(x) − C(G(z)))]).

    Args:
        real_logits: logits of real samples, (B,) or (B, 1).
        fake_logits: logits of generated samples.

    Returns:
        A float32 scalar. The equilibrium value is log 2.

    Example:
        >>> round(float(relativistic_average_generator_loss([2.0, 0.0], [1.0, 1.0])), 4)
        0.7532

    Source: Jolicoeur-Martineau 2019 (RaSGAN), halved.
    """
    real, fake = as_float32(real_logits), as_float32(fake_logits)
    real_half = tf.nn.softplus(real - _global_mean(fake))
    fake_half = tf.nn.softplus(_global_mean(real) - fake)
    return 0.5 * (tf.reduce_mean(real_half) + tf.reduce_mean(fake_half))


def relativistic_average_discriminator_loss(real_logits, fake_logits) -> tf.Tensor:
    """Return the same with the players exchanged.

    Source: Jolicoeur-Martineau 2019 (RaSGAN), halved. Arguments and value as
    `relativistic_average_generator_loss`.
    """
    return relativistic_average_generator_loss(fake_logits, real_logits)
