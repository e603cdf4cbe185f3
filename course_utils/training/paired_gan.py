"""A GAN that learns from pairs of images: pix2pix, the context encoder, and the plain regression to compare with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from course_utils.losses import LOSSES
from course_utils.training.input_ranges import images_range
from course_utils.training.replicas import reseed_dropout, share_of_replica
from course_utils.training.two_players import TwoPlayerModel

DISTANCES = {"absolute": tf.abs, "squared": tf.square}


@keras.saving.register_keras_serializable(package="course_utils")
class PairedGAN(TwoPlayerModel):
    """A generator from source to target images, paid for looking real and for being near the target.

        loss of the generator = adversarial_weight · (GAN loss) + distance_weight · mean |target − made|ᵖ

    With a discriminator of pairs (source, image), ``distance="absolute"`` and the defaults this is pix2pix. With a
    discriminator of images, ``distance="squared"`` and weights of 0.001 and 0.999 it is the context encoder. With
    ``adversarial_weight=0`` it is regression, and the discriminator only watches. A step is one of the discriminator,
    then one of the generator, on the same images.

    Args:
        generator: source images → images, (B, H, W, C).
        discriminator: (source, images) → logits (B, …), or images → logits.
        loss: a key of `course_utils.losses.LOSSES` that is not relativistic.
        distance: ``"absolute"`` (p = 1) or ``"squared"`` (p = 2), a mean over all pixels.
        distance_weight, adversarial_weight: of the two parts, at least 0, not both 0.
        seed: non-negative integer of dropout.

    Metrics (means over the epoch): ``discriminator_loss``, ``generator_loss`` (its adversarial part, unweighted) and
    ``distance`` (unweighted).

    Raises:
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.models.image_to_image import build_patch_discriminator, build_unet
        >>> gan = PairedGAN(build_unet(filters=(2, 2)), build_patch_discriminator(filters=(2, 2), source_channels=1))
        >>> gan.compile()
        >>> history = gan.fit(tf.zeros((4, 28, 28, 1)), tf.ones((4, 28, 28, 1)), batch_size=2, verbose=0)
        >>> gan.translate(np.zeros((3, 28, 28, 1))).shape
        (3, 28, 28, 1)

    Source: Isola et al. 2017, "Image-to-image translation with conditional adversarial networks", eq. 4; Pathak et al.
    2016, "Context encoders: feature learning by inpainting", eq. 3.
    """

    ADVICE = "or float32 instead of mixed precision; and check that the images are finite and in [-1, 1]"

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str = "non_saturating",
        distance: str = "absolute",
        distance_weight: float = 100.0,
        adversarial_weight: float = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(("discriminator_loss", "generator_loss", "distance"), **kwargs)
        known = [name for name, pair in LOSSES.items() if not pair.relativistic]
        if loss not in known:
            raise ValueError(f"loss must be one of {', '.join(known)}. Received: {loss!r}.")
        if distance not in DISTANCES:
            raise ValueError(f"distance must be one of {', '.join(DISTANCES)}. Received: {distance!r}.")
        weights = (distance_weight, adversarial_weight)
        if min(weights) < 0 or max(weights) == 0:
            raise ValueError(f"The weights must be at least 0, and not both 0. Received: {weights}.")
        if seed < 0:
            raise ValueError(f"seed must be a non-negative integer. Received: {seed}.")
        self.generator, self.discriminator = generator, discriminator
        self.settings = {
            "loss": loss,
            "distance": distance,
            "distance_weight": distance_weight,
            "adversarial_weight": adversarial_weight,
            "seed": seed,
        }
        self.input_ranges += [images_range(self)]
        self._losses, self._distance = LOSSES[loss], DISTANCES[distance]
        self._reads_source = len(discriminator.inputs) == 2
        self.built = True

    def call(self, source, training: bool = False):
        return self.generator(source, training=training)

    def train_step(self, pair):
        """Make one step on source images and their targets."""
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ValueError("A batch must be (source, target). Received: images alone. Zip the two.")
        source, target = pair
        reseed_dropout(self.generator, self.settings["seed"], self.steps_done)
        checked = self.input_ranges[0].checked
        self._round(checked(source, source), checked(target, target))
        return self.get_metrics_result()

    def _play_round(self, source, target) -> None:
        made = self.generator(source, training=True)
        with tf.GradientTape() as tape:
            logits = [self._logits(source, images) for images in (target, made)]
            discriminator_loss = self._losses.discriminator(*logits)
            total = self.discriminator_optimizer.scale_loss(share_of_replica(discriminator_loss))
        self.apply_gradients(self.discriminator_optimizer, tape, total, self.discriminator)
        with tf.GradientTape() as tape:
            made = self.generator(source, training=True)
            generator_loss = self._losses.generator(self._logits(source, made))
            distance = tf.reduce_mean(self._distance(tf.cast(target, tf.float32) - made))
            total = self.settings["adversarial_weight"] * generator_loss + self.settings["distance_weight"] * distance
            total = self.generator_optimizer.scale_loss(share_of_replica(total))
        self.apply_gradients(self.generator_optimizer, tape, total, self.generator)
        values = (discriminator_loss, generator_loss, distance)
        for name, value in zip(self.trackers, values, strict=True):
            self.trackers[name].update_state(value)
        self.finish_step(*values)

    def _logits(self, source, images):
        return self.discriminator([source, images] if self._reads_source else images, training=True)

    def translate(self, source) -> np.ndarray:
        """Return the images made of source images (B, H, W, C), float32."""
        return self.generator.predict(source, batch_size=500, verbose=0)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            **self.settings,
        }

    @classmethod
    def from_config(cls, config: dict) -> PairedGAN:
        networks = {
            name: keras.saving.deserialize_keras_object(config.pop(name)) for name in ("generator", "discriminator")
        }
        return cls(**networks, **config)
