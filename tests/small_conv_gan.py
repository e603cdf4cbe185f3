"""Convolutional networks and digits small enough to train in a test."""

import numpy as np
import tensorflow as tf

from course_utils.models.image_conv import build_conv_discriminator, build_conv_generator

SHAPE, CLASSES, BATCH, STEPS = (8, 8, 1), 3, 8, 3


def conv_networks(*, classes=None, seed=0, **of_the_discriminator):
    """Return a generator and a discriminator of two maps a stage."""
    shared = {"image_shape": SHAPE, "filters": (3, 2), "classes": classes, "seed": seed}
    discriminator = build_conv_discriminator(**shared, **of_the_discriminator)
    return build_conv_generator(noise_dim=5, **shared), discriminator


def labelled_images(seed=0):
    """Return float32 (24, 8, 8, 1) in [-1, 1] and int32 labels (24,)."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(-1, 1, (BATCH * STEPS, *SHAPE)).astype(np.float32)
    return images, rng.integers(0, CLASSES, BATCH * STEPS).astype(np.int32)


def one_and_two_devices(make, data, two_devices, *, batch=BATCH):
    """Train a model for an epoch on one device and on two; return the history and the weights of both.

    Args:
        make: returns a compiled model that uses plain gradient descent: Adam would turn a rounding difference in a tiny
            gradient into a whole step.
        data: arrays for `tf.data`.
    """
    results = []
    for strategy in (tf.distribute.get_strategy(), two_devices):
        with strategy.scope():
            model = make()
        batches = tf.data.Dataset.from_tensor_slices(data).batch(batch, drop_remainder=True)
        history = model.fit(batches, verbose=0).history
        results.append((history, [np.asarray(weight) for weight in model.get_weights()]))
    return results
