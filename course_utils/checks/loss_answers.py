"""Lesson 10's right and wrong losses of two players, as functions of the discriminator's probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks.compare import array_close, call, describe, numbers_close

# TensorFlow is imported where it is used: `import course_utils.checks` must stay light.

REAL, FAKE = np.array([0.9, 0.6, 0.75, 0.2]), np.array([0.3, 0.05, 0.55, 0.8])


def d_loss_of(real, fake):
    return -(np.log(real).mean() + np.log(1 - fake).mean()) / 2


def mended_losses(real, fake):
    """The mean of the halves for D, the non-saturating loss for G."""
    import tensorflow as tf

    d_loss = -(tf.reduce_mean(tf.math.log(real)) + tf.reduce_mean(tf.math.log(1 - fake))) / 2
    return d_loss, -tf.reduce_mean(tf.math.log(fake))


def as_printed(real, fake):
    return np.log(real).mean() + np.log1p(1 - fake).mean(), np.log1p(1 - fake).mean()


D_MISTAKES = (
    (lambda r, f: np.log(r).mean() + np.log1p(1 - f).mean(), "The discriminator's loss is unchanged: sign and log1p."),
    (lambda r, f: -np.log(r).mean() - np.log1p(1 - f).mean(), "The discriminator's loss: log1p(1 − D) is log(2 − D)."),
    (lambda r, f: -(np.log(r).mean() + np.log1p(1 - f).mean()) / 2, "The discriminator's loss has log(2 − D) in it."),
    (lambda r, f: -2 * d_loss_of(r, f), "The discriminator's loss still has the wrong sign: it is minimised."),
    (lambda r, f: -d_loss_of(r, f), "The discriminator's loss still has the wrong sign: it is minimised."),
    (
        lambda r, f: 2 * d_loss_of(r, f),
        "The discriminator's loss: take the mean of both halves, not their sum.",
    ),
    (lambda r, f: -(np.log(1 - r).mean() + np.log(f).mean()) / 2, "The discriminator's labels are exchanged."),
    (lambda r, f: -np.log(r).mean(), "The discriminator's loss has no fakes in it."),
)
G_MISTAKES = (
    (lambda f: np.log1p(1 - f).mean(), "The generator's loss is unchanged: log1p(1 − D) is log(2 − D)."),
    (lambda f: -np.log1p(1 - f).mean(), "The generator's loss has log(2 − D) in it."),
    (lambda f: np.log(f).mean(), "The generator's loss has the wrong sign: minimised, it drives D(fake) to 0."),
    (lambda f: -np.log(1 - f).mean(), "The generator's loss has the discriminator's goal: it drives D(fake) to 0."),
    (lambda f: np.log(1 - f).mean(), "The generator's loss is the one that saturates: it is flat where D is sure."),
)


def verify_losses(answer: Any) -> str | None:
    import tensorflow as tf

    pair = call(answer, tf.constant(REAL), tf.constant(FAKE))
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        return f"Return both losses, `d_loss, g_loss`. Received: {describe(pair)}."
    for wrong, reason in D_MISTAKES:
        if numbers_close(pair[0], wrong(REAL, FAKE), 1e-6, "It") is None:
            return reason
    if reason := numbers_close(pair[0], d_loss_of(REAL, FAKE), 1e-6, "The discriminator's loss", "nats"):
        return reason
    for wrong, reason in G_MISTAKES:
        if numbers_close(pair[1], wrong(FAKE), 1e-6, "It") is None:
            return reason
    if reason := numbers_close(pair[1], -np.log(FAKE).mean(), 1e-6, "The generator's loss", "nats"):
        return reason
    blind = call(answer, tf.fill((3,), 0.5), tf.fill((3,), 0.5))
    return array_close([float(part) for part in blind], [np.log(2)] * 2, "With D = ½ everywhere, the pair")
