"""A GAN small enough to train in a test; run as a script it trains one, and can be told to die."""

import os
import signal
import sys

import keras
import numpy as np
import tensorflow as tf

from course_utils.datasets.batching import shuffled_batches
from course_utils.models.image_mlp import build_discriminator, build_generator
from course_utils.training import backup as backup_module
from course_utils.training.image_gan import ImageGAN

SHAPE = (4, 4, 1)
EPOCHS, STEPS, BATCH = 4, 6, 8


def make_images() -> np.ndarray:
    """Return float32 (48, 4, 4, 1) in [-1, 1]."""
    return np.random.default_rng(0).uniform(-1, 1, (STEPS * BATCH, *SHAPE)).astype(np.float32)


def make_batches(seed: int = 1):
    return shuffled_batches(make_images(), BATCH, seed=seed)


def make_networks(seed: int = 0):
    generator = build_generator(noise_dim=5, hidden=(16,), image_shape=SHAPE, seed=seed)
    return generator, build_discriminator(image_shape=SHAPE, hidden=(16,), seed=seed)


def make_gan(*, compiled: dict | None = None, **settings) -> ImageGAN:
    gan = ImageGAN(*make_networks(), **{"seed": 7, **settings})
    gan.compile(**{"jit_compile": False, **(compiled or {})})  # XLA takes seconds to compile
    return gan


def weights(gan) -> list[np.ndarray]:
    return [np.asarray(w) for w in gan.get_weights()]


def all_close(one, other, **tolerance):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


class DieAtStep(keras.callbacks.Callback):
    """Kill this process, as the out-of-memory killer would, after a given number of steps."""

    def __init__(self, step: int):
        super().__init__()
        self.left = step

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def die_while_writing(call: int) -> None:
    """Kill this process at the ``call``-th rename of a backup's file, with the new file still beside it."""
    original, count = os.replace, 0

    def replace(source, target):
        nonlocal count
        count += 1
        if count == call:
            os.kill(os.getpid(), signal.SIGKILL)
        original(source, target)

    backup_module.os.replace = replace


def main() -> None:
    folder, how, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
    tf.config.experimental.enable_op_determinism()
    if how == "write":
        die_while_writing(at)
    batches = make_batches()
    gan = make_gan(discriminator_steps=2, penalty="gradient")
    keep = backup_module.EpochBackup(folder, batches)
    gan.fit(batches, epochs=EPOCHS, verbose=0, callbacks=[keep, *([DieAtStep(at)] if how == "step" else [])])
    np.savez(sys.argv[4], *weights(gan), losses=keep.history["generator_loss"])


if __name__ == "__main__":
    main()
