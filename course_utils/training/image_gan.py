"""A GAN on images as a `keras.Model`: lesson 03's loop as a `train_step`, the rest from `fit()`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from course_utils.losses import LOSSES, gradient_penalty, r1_penalty, zero_centred_penalty
from course_utils.training.input_ranges import images_range
from course_utils.training.replicas import draw, reseed_dropout, share_of_replica
from course_utils.training.two_players import TwoPlayerModel

PENALTIES = {"gradient": gradient_penalty, "r1": r1_penalty, "zero_centred": zero_centred_penalty}


@keras.saving.register_keras_serializable(package="course_utils")
class ImageGAN(TwoPlayerModel):
    """Generator and discriminator with alternating steps, any loss, any number of discriminator steps.

    One `train_step` takes a batch of ``discriminator_steps · B`` images, makes that many discriminator steps on B fresh
    images each, then one generator step on B fresh noise vectors (Goodfellow et al. 2014, algorithm 1), or on the
    images that the discriminator saw last. Draw number ``n`` of the noise is a function of ``(seed, n)``, so a resumed,
    a distributed and an uninterrupted training see the same noise.

    Args:
        generator: noise (B, noise_dim) → images (B, H, W, C).
        discriminator: images (B, H, W, C) → logits (B, 1).
        loss: a key of `course_utils.losses.LOSSES`.
        discriminator_steps: discriminator steps a generator step.
        penalty: ``None``, ``"gradient"``, ``"r1"`` or ``"zero_centred"``.
        penalty_weight: its weight; 10 is usual for ``"gradient"`` and ``"r1"``.
        real_label: below 1 for one-sided label smoothing (cross-entropy losses only).
        simultaneous: whether the generator learns from the images and the logits of the last discriminator step, as
            in the TensorFlow DCGAN tutorial, which saves a pass through both networks; as published, it writes new
            images and asks the discriminator after its step.
        image_range: lowest and highest value that real images may have; a batch beyond it stops `fit` with one error.
        seed: non-negative integer for the noise and the mixing shares.

    Metrics (means over the epoch): ``discriminator_loss`` and ``generator_loss`` without the
    penalty, ``discriminator_accuracy`` (mean of the shares of real logits above 0 and fake logits
    below 0), and ``penalty`` if there is one.

    Raises:
        ValueError: for an unknown loss or penalty, or impossible settings; names the choices.

    Example:
        >>> from course_utils.models.image_mlp import build_discriminator, build_generator
        >>> gan = ImageGAN(build_generator(hidden=(8,)), build_discriminator(hidden=(8,)))
        >>> gan.compile()
        >>> history = gan.fit(tf.zeros((4, 28, 28, 1)), batch_size=2, verbose=0)
        >>> gan.sample(3, seed=0).shape
        (3, 28, 28, 1)
    """

    ADVICE = (
        "a gradient penalty, or float32 instead of mixed precision; and check that the images are finite and in [-1, 1]"
    )

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str = "non_saturating",
        discriminator_steps: int = 1,
        penalty: str | None = None,
        penalty_weight: float = 10.0,
        real_label: float = 1.0,
        simultaneous: bool = False,
        image_range: tuple[float, float] = (-1.0, 1.0),
        seed: int = 0,
        **kwargs: Any,
    ):
        trackers = ("discriminator_loss", "generator_loss", "discriminator_accuracy")
        super().__init__(trackers if penalty is None else (*trackers, "penalty"), **kwargs)
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}. Received: {loss!r}.")
        if penalty is not None and penalty not in PENALTIES:
            raise ValueError(f"penalty must be None or one of {', '.join(PENALTIES)}. Received: {penalty!r}.")
        if discriminator_steps < 1:
            raise ValueError(f"discriminator_steps must be at least 1. Received: {discriminator_steps}.")
        if penalty_weight < 0:
            raise ValueError(f"penalty_weight must not be negative. Received: {penalty_weight}.")
        if seed < 0:
            raise ValueError(f"seed must be a non-negative integer. Received: {seed}.")
        if not image_range[0] < image_range[1]:
            raise ValueError(f"image_range must be a lower and a higher number. Received: {image_range}.")
        if not 0.5 < real_label <= 1.0:
            raise ValueError(f"real_label must be above 0.5 and at most 1. Received: {real_label}.")
        if real_label != 1.0 and loss not in ("minimax", "non_saturating"):
            raise ValueError(f"real_label smooths cross-entropy losses only; the loss is {loss!r}. Use real_label=1.")
        self.generator = generator
        self.discriminator = discriminator
        self.settings = {
            "loss": loss,
            "discriminator_steps": discriminator_steps,
            "penalty": penalty,
            "penalty_weight": penalty_weight,
            "real_label": real_label,
            "simultaneous": simultaneous,
            "image_range": tuple(image_range),
            "seed": seed,
        }
        self.noise_dim = generator.inputs[0].shape[-1]
        self.input_ranges += [images_range(self, *image_range)]
        self._losses = LOSSES[loss]
        self._mixes = penalty in ("gradient", "zero_centred")
        self.built = True

    def call(self, noise, training: bool = False):
        return self.generator(noise, training=training)

    def train_step(self, real):
        """Make one round of the game on (discriminator_steps · B, H, W, C) real images."""
        if isinstance(real, tuple):
            raise ValueError("A batch must be images alone. Received: a tuple. Use a dataset with labels=False.")
        real = self.input_ranges[0].checked(real, real)
        return self._train_on(real, real)

    def _train_on(self, images, real):
        """Make one round on ``real``, a tensor or a tuple whose first is ``images``."""
        rounds, seed = self.settings["discriminator_steps"], self.settings["seed"]
        if images.shape[0] is not None and images.shape[0] % rounds:
            raise ValueError(
                f"A batch must hold discriminator_steps = {rounds} equal parts. Received: {images.shape[0]} images. "
                f"Use a batch size that is a multiple of {rounds}."
            )
        rows = tf.shape(images)[0] // rounds
        # A last batch of unknown size may not split evenly.
        real = tf.nest.map_structure(lambda part: part[: rows * rounds], real)
        first = self.steps_done * (rounds + 1)
        # Drawn outside the compiled part: there XLA would use another generator.
        draws = rounds + (not self.settings["simultaneous"])
        noise = [draw(seed, first + n, rows, self.noise_dim) for n in range(draws)]
        # Shares are drawn at −1 − n, the noise at n: no number serves twice.
        shares = [draw(seed, -1 - first - n, rows) for n in range(rounds)] if self._mixes else []
        reseed_dropout(self, seed, self.steps_done)
        self._round(real, noise, shares)
        return self.get_metrics_result()

    def _play_round(self, real, noise, shares) -> None:
        rounds, simultaneous = self.settings["discriminator_steps"], self.settings["simultaneous"]
        for n in range(rounds):
            # Every `rounds`-th row, so that the parts do not depend on how replicas split the batch.
            part = tf.nest.map_structure(lambda rows, n=n: rows[n::rounds], real)
            share = shares[n] if shares else None
            if simultaneous and n == rounds - 1:
                losses = self._simultaneous_step(part, noise[n], share)
            else:
                losses = [self._discriminator_step(part, self._written(noise[n], part), share)]
        if not simultaneous:
            losses += [self._generator_step(part, noise[rounds])]
        self.finish_step(*losses)

    # What a subclass with labels does otherwise. ``real`` is what a batch holds.

    def _images(self, real):
        return real

    def _written(self, noise, real):
        return self.generator(noise, training=True)

    def _logits(self, images, real):
        return self.discriminator(images, training=True)

    def _discriminator_step(self, real, fake, shares):
        with tf.GradientTape() as tape:
            logits = self._logits(self._images(real), real), self._logits(fake, real)
            loss, total = self._judged(*logits, real, fake, shares)
        self.apply_gradients(self.discriminator_optimizer, tape, total, self.discriminator)
        return loss

    def _generator_step(self, real, noise):
        with tf.GradientTape() as tape:
            fake_logits = self._logits(self._written(noise, real), real)
            real_logits = self._logits(self._images(real), real) if self._losses.relativistic else None
            loss, total = self._answered(real_logits, fake_logits)
        self.apply_gradients(self.generator_optimizer, tape, total, self.generator)
        return loss

    def _simultaneous_step(self, real, noise, shares):
        with tf.GradientTape() as generator_tape:
            fake = self._written(noise, real)
            with tf.GradientTape() as tape:
                logits = self._logits(self._images(real), real), self._logits(fake, real)
                loss, total = self._judged(*logits, real, fake, shares)
            generator_loss, generator_total = self._answered(*logits)
        self.apply_gradients(self.discriminator_optimizer, tape, total, self.discriminator)
        # The tape has kept the discriminator's weights as they were.
        self.apply_gradients(self.generator_optimizer, generator_tape, generator_total, self.generator)
        return [loss, generator_loss]

    def _judged(self, real_logits, fake_logits, real, fake, shares):
        """Return the discriminator's loss, and what its optimiser lowers."""
        loss = self._discriminator_loss(real_logits, fake_logits)
        self.trackers["discriminator_loss"].update_state(loss)
        right = [tf.reduce_mean(tf.cast(logits > 0, tf.float32)) for logits in (real_logits, -fake_logits)]
        self.trackers["discriminator_accuracy"].update_state(0.5 * (right[0] + right[1]))
        total = share_of_replica(loss + self._weighted_penalty(real, fake, shares))
        return loss, self.discriminator_optimizer.scale_loss(total)

    def _answered(self, real_logits, fake_logits):
        """Return the generator's loss, and what its optimiser lowers."""
        logits = (real_logits, fake_logits) if self._losses.relativistic else (fake_logits,)
        loss = self._losses.generator(*logits)
        self.trackers["generator_loss"].update_state(loss)
        return loss, self.generator_optimizer.scale_loss(share_of_replica(loss))

    def _discriminator_loss(self, real_logits, fake_logits):
        if self.settings["real_label"] != 1.0:
            return self._losses.discriminator(real_logits, fake_logits, real_label=self.settings["real_label"])
        return self._losses.discriminator(real_logits, fake_logits)

    def _weighted_penalty(self, real, fake, shares):
        if self.settings["penalty"] is None:
            return 0.0

        def discriminate(points):
            return self._logits(points, real)

        function, images = PENALTIES[self.settings["penalty"]], self._images(real)
        value = function(discriminate, images, fake, shares) if self._mixes else function(discriminate, images)
        self.trackers["penalty"].update_state(value)
        return self.settings["penalty_weight"] * value

    def sample(self, count: int, *, seed: int) -> np.ndarray:
        """Return ``count`` generated images, float32 (count, H, W, C); the same seed, the same images."""
        noise = tf.random.stateless_normal((count, self.noise_dim), seed=(seed, 0))
        return self.generator(noise, training=False).numpy()

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            **self.settings,
        }

    @classmethod
    def from_config(cls, config: dict) -> ImageGAN:
        networks = {
            name: keras.saving.deserialize_keras_object(config.pop(name)) for name in ("generator", "discriminator")
        }
        return cls(**networks, **config)
