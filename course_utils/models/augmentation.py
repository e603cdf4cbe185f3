"""Differentiable augmentation: small random changes of all that a discriminator sees, real and written alike."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="course_utils")
class DifferentiableAugmentation(keras.layers.Layer):
    """Shift each image by a random number of pixels, and grey a random square of it out, in training alone.

    Put it before a discriminator's first layer. Both players then see changed images: the discriminator cannot learn a
    small training set by heart, and since the change is differentiable, the generator is told how to move the image
    before the change. Changing the real images alone would teach the generator to write changed ones.

    Args:
        shift: the largest shift, as a share of height and width; what comes in at an edge is the background −1.
        cut: height and width of the square as a share of the image's; 0 for none.
        seed: of the random numbers.

    Raises:
        ValueError: for shares outside [0, 1).

    Example:
        >>> layer = DifferentiableAugmentation()
        >>> layer(tf.ones((2, 28, 28, 1)), training=True).shape
        TensorShape([2, 28, 28, 1])

    Source: Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training", section 3.2: its
    translation by 1/8 and cutout of 1/2; its colours are left out, as grey digits have none.
    """

    def __init__(self, *, shift: float = 0.125, cut: float = 0.5, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        for name, value in (("shift", shift), ("cut", cut)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be at least 0 and below 1. Received: {value}.")
        self.shift, self.cut, self.seed = shift, cut, seed
        self.numbers = keras.random.SeedGenerator(seed)

    def call(self, images, training: bool = False):
        if not training:
            return images
        rows = tf.shape(images)[0]
        for axis in (1, 2):
            images = self._shifted(images, axis, rows)
        return self._cut(images, rows) if self.cut else images

    def _shifted(self, images, axis: int, rows):
        size = images.shape[axis]
        furthest = round(self.shift * size)
        moves = keras.random.randint((rows, 1), -furthest, furthest + 1, seed=self.numbers)
        places = tf.range(size) - moves  # (B, size): where each pixel comes from
        # A product with 0s and 1s, which XLA and every device do alike, forwards and backwards.
        chosen = tf.one_hot(places, size, dtype=images.dtype)  # outside: a row of 0s
        formula = "bpq,bqwc->bpwc" if axis == 1 else "bpq,bhqc->bhpc"
        return tf.einsum(formula, chosen, images + 1.0) - 1.0

    def _cut(self, images, rows):
        seen = tf.ones((rows, 1, 1, 1), bool)
        for axis in (1, 2):
            size = images.shape[axis]
            side = round(self.cut * size)
            middle = keras.random.randint((rows, 1), 0, size + (1 - side % 2), seed=self.numbers)
            away = tf.range(size) - (middle - side // 2)
            inside = (away >= 0) & (away < side)
            inside = tf.reshape(inside, (rows, size, 1, 1) if axis == 1 else (rows, 1, size, 1))
            seen = inside if axis == 1 else ~(seen & inside)
        return tf.where(seen, images, tf.zeros((), images.dtype))  # 0 is the middle grey

    def get_config(self) -> dict:
        return {**super().get_config(), "shift": self.shift, "cut": self.cut, "seed": self.seed}
