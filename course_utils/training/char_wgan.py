"""The Wasserstein GAN of characters: the critic reads the generator's probabilities as they are."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from course_utils.training.image_gan import ImageGAN


@keras.saving.register_keras_serializable(package="course_utils")
class CharWGAN(ImageGAN):
    """The character model of Gulrajani et al. 2017: `ImageGAN` with sentences in place of images.

    No token is drawn in training, so nothing stops the gradient: the critic reads real sentences as one-hot vectors and
    written ones as softmax outputs. A discriminator could tell the two apart at once; the Wasserstein distance, which
    the critic estimates as long as its slope is near 1, still falls as they come nearer. The paper's networks are in
    `course_utils.models.char_resnet`.

    Args:
        generator: noise (B, noise_dim) → probabilities (B, T, V).
        critic: (B, T, V) → scores (B, 1), without batch normalisation.
        critic_steps: critic steps a generator step.
        penalty_weight: λ of the gradient penalty.
        seed: non-negative integer.

    Metrics: ``discriminator_loss``, minus which estimates the distance; ``generator_loss``; ``penalty``; and
    ``discriminator_accuracy``, which says little of a critic, whose scores have no zero.

    Raises:
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.models.char_resnet import build_char_critic, build_char_generator
        >>> small = {"length": 3, "dim": 4, "blocks": 1}
        >>> gan = CharWGAN(build_char_generator(9, **small), build_char_critic(9, **small), critic_steps=2)
        >>> gan.compile()
        >>> history = gan.fit(tf.constant([[3, 4, 2], [5, 2, 0]] * 2), batch_size=4, verbose=0)
        >>> gan.write(5, seed=0).shape
        (5, 3)

    Source: Gulrajani et al. 2017, Improved training of Wasserstein GANs, algorithm 1 and the
    character-level language model of its section 5.
    """

    ADVICE = "or float32 instead of mixed precision; and check that every token is an id of the networks' vocabulary"

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        *,
        critic_steps: int = 10,
        penalty_weight: float = 10.0,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(
            generator,
            critic,
            loss="wasserstein",
            discriminator_steps=critic_steps,
            penalty="gradient",
            penalty_weight=penalty_weight,
            seed=seed,
            **kwargs,
        )
        self.vocabulary_size = generator.output_shape[-1]

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **kwargs: Any) -> None:
        """Set the optimisers and how `fit` runs.

        Args:
            generator_optimizer: a Keras optimiser; ``None`` is the published Adam(1e-4, β₁ = 0.5, β₂ = 0.9).
            discriminator_optimizer: the critic's; ``None`` as above.
            **kwargs: of `ImageGAN.compile`.

        Raises:
            ValueError: as `ImageGAN.compile`.
        """
        super().compile(generator_optimizer or _adam(), discriminator_optimizer or _adam(), **kwargs)

    def train_step(self, real):
        """Make one round of the game on real sentences, integer ids (critic_steps · B, T)."""
        if isinstance(real, tuple) or not real.dtype.is_integer or real.shape.rank != 2:
            received = "a tuple" if isinstance(real, tuple) else f"{real.dtype.name} {real.shape}"
            raise ValueError(f"A batch must be sentences alone, integer ids (B, T). Received: {received}.")
        # Said as NaN because nothing inside a graph can raise, and an unknown id would be read as nothing.
        known = tf.reduce_all((real >= 0) & (real < self.vocabulary_size))
        return super().train_step(tf.where(known, tf.one_hot(real, self.vocabulary_size), float("nan")))

    def write(self, count: int, *, seed: int) -> np.ndarray:
        """Return sentences, int32 (count, T), the likeliest character at each position; equal seeds give equal ones."""
        return self.sample(count, seed=seed).argmax(axis=2).astype(np.int32)

    def get_config(self) -> dict:
        config = super().get_config()
        config["critic"], config["critic_steps"] = config.pop("discriminator"), config.pop("discriminator_steps")
        return {
            name: value
            for name, value in config.items()
            if name not in ("loss", "penalty", "real_label", "simultaneous", "image_range")
        }

    @classmethod
    def from_config(cls, config: dict) -> CharWGAN:
        networks = {name: keras.saving.deserialize_keras_object(config.pop(name)) for name in ("generator", "critic")}
        return cls(**networks, **config)


def _adam() -> keras.optimizers.Adam:
    return keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)
