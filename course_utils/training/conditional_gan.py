"""A GAN whose images are asked for by their label."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from course_utils.training.image_gan import ImageGAN
from course_utils.training.input_ranges import InputRange


@keras.saving.register_keras_serializable(package="course_utils")
class ConditionalGAN(ImageGAN):
    """`ImageGAN` on images with labels: both networks are told the label, so the game is played within each class.

    A written image is given the label of the real one beside it in the batch, so labels have the data's frequencies.

    Args:
        generator: (noise (B, noise_dim), labels int32 (B,)) → images (B, H, W, C).
        discriminator: (images, labels) → logits (B, 1).
        **settings: of `ImageGAN`.

    Metrics: as `ImageGAN`.

    Raises:
        ValueError: as `ImageGAN`, or if the networks do not take labels.

    Example:
        >>> from course_utils.models.image_conv import build_conv_discriminator, build_conv_generator
        >>> networks = [build(filters=(2, 2), classes=10) for build in (build_conv_generator, build_conv_discriminator)]
        >>> gan = ConditionalGAN(*networks)
        >>> gan.compile()
        >>> digits = np.zeros((4, 28, 28, 1), "float32"), np.array([3, 1, 4, 1], "int32")
        >>> history = gan.fit(*digits, batch_size=2, verbose=0)
        >>> gan.sample([7, 7, 2], seed=0).shape
        (3, 28, 28, 1)

    Source: Mirza & Osindero 2014, "Conditional generative adversarial nets", eq. 2.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, **settings: Any):
        for name, network in (("generator", generator), ("discriminator", discriminator)):
            if len(network.inputs) != 2:
                raise ValueError(
                    f"The {name} must take labels too. Received: {len(network.inputs)} input. Give classes."
                )
        super().__init__(generator, discriminator, **settings)
        self.classes = _classes(generator)
        # An embedding reads an unknown label as 0s or as another label, depending on the device.
        advice = "Build both networks with as many classes as there are labels, counted from 0."
        self.input_ranges += [InputRange(self, "labels", 0, self.classes - 1, advice)]

    def call(self, inputs, training: bool = False):
        return self.generator(inputs, training=training)

    def train_step(self, real):
        """Make one round of the game on images (discriminator_steps · B, H, W, C) and their labels."""
        if not isinstance(real, tuple) or len(real) != 2:
            raise ValueError("A batch must be (images, labels). Received: images alone. Use labels=True.")
        images, labels = real
        images = self.input_ranges[0].checked(images, images)
        images = self.input_ranges[1].checked(labels, images)
        labels = tf.clip_by_value(labels, 0, self.classes - 1)  # or the CPU's embedding fails before the NaN is seen
        return self._train_on(images, (images, labels))

    def _images(self, real):
        return real[0]

    def _written(self, noise, real):
        return self.generator([noise, real[1]], training=True)

    def _logits(self, images, real):
        return self.discriminator([images, real[1]], training=True)

    def sample(self, labels, *, seed: int) -> np.ndarray:
        """Return an image for each label, float32 (len(labels), H, W, C); the same seed, the same images.

        Raises:
            ValueError: if a label is not one of the classes.
        """
        labels = np.asarray(labels)
        whole = labels.ndim == 1 and labels.size and labels.dtype.kind in "iu"
        if not whole or labels.min() < 0 or labels.max() >= self.classes:
            some = f", {labels.min()} to {labels.max()}" if labels.size else ""
            raise ValueError(
                f"labels must be whole numbers from 0 to {self.classes - 1}, one an image. "
                f"Received: {labels.dtype} {labels.shape}{some}."
            )
        noise = tf.random.stateless_normal((len(labels), self.noise_dim), seed=(seed, 0))
        return self.generator([noise, tf.constant(labels, tf.int32)], training=False).numpy()


def _classes(generator: keras.Model) -> int:
    """Return how many labels the generator knows."""
    return next(layer.input_dim for layer in generator.layers if isinstance(layer, keras.layers.Embedding))
