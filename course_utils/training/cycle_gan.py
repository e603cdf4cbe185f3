"""CycleGAN: two generators between two sets of images of which no pairs are known."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from course_utils.losses import LOSSES
from course_utils.training.image_pool import ImagePool
from course_utils.training.input_ranges import images_range
from course_utils.training.replicas import share_of_replica
from course_utils.training.two_players import TwoPlayerModel

NETWORKS = ("to_b", "to_a", "critic_a", "critic_b")


@keras.saving.register_keras_serializable(package="course_utils")
class CycleGAN(TwoPlayerModel):
    """Translates images of a set A to look like those of a set B, and back, so that the way there and back is short.

        loss of both generators = GAN losses + cycle_weight · (|F(G(a)) − a| + |G(F(b)) − b|)
                                  + identity_weight · cycle_weight · (|G(b) − b| + |F(a) − a|)

    A step is one of both generators, then one of both discriminators, who see images out of a pool of earlier ones. The
    GAN losses are least squares. Nothing says that a translation keeps the meaning: the cycle loss is small too if what
    is needed for the way back is hidden in pixels that nobody looks at.

    Args:
        to_b: G, images (B, H, W, C) of A → images of B.
        to_a: F, the reverse.
        critic_a: images → logits (B, …), which of them are of A.
        critic_b: the same of B.
        cycle_weight: λ, at least 0; 0 leaves the cycle loss out.
        identity_weight: of leaving images alone that are of the goal's set already; the paper's, where used, is 0.5.
        pool_size: images that each pool holds, at least the batch; 0 for none.
        seed: non-negative integer for the pools.

    Metrics (means over the epoch): ``discriminator_loss`` and ``generator_loss`` (the means of the two), ``cycle``
    (mean absolute difference after there and back, of both ways) and ``identity``.

    Raises:
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.models.image_to_image import build_patch_discriminator, build_translator
        >>> small = {"image_shape": (8, 8, 1), "filters": (2, 2)}
        >>> translators = [build_translator(blocks=1, seed=n, **small) for n in (0, 1)]
        >>> gan = CycleGAN(*translators, *(build_patch_discriminator(seed=n, **small) for n in (2, 3)), pool_size=0)
        >>> gan.compile()
        >>> history = gan.fit(tf.zeros((4, 8, 8, 1)), tf.ones((4, 8, 8, 1)), batch_size=2, verbose=0)
        >>> gan.translate(np.zeros((3, 8, 8, 1))).shape
        (3, 8, 8, 1)

    Source: Zhu et al. 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks", eq. 3,
    section 4 and, for the identity loss, section 5.2.
    """

    ADVICE = "or float32 instead of mixed precision; and check that the images are finite and in [-1, 1]"

    def __init__(
        self,
        to_b: keras.Model,
        to_a: keras.Model,
        critic_a: keras.Model,
        critic_b: keras.Model,
        *,
        cycle_weight: float = 10.0,
        identity_weight: float = 0.0,
        pool_size: int = 50,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(("discriminator_loss", "generator_loss", "cycle", "identity"), **kwargs)
        for name, value in (("cycle_weight", cycle_weight), ("identity_weight", identity_weight), ("seed", seed)):
            if value < 0:
                raise ValueError(f"{name} must be at least 0. Received: {value}.")
        self.to_b, self.to_a, self.critic_a, self.critic_b = to_b, to_a, critic_a, critic_b
        self.settings = {
            "cycle_weight": cycle_weight,
            "identity_weight": identity_weight,
            "pool_size": pool_size,
            "seed": seed,
        }
        self.input_ranges += [images_range(self)]
        shape = to_b.output_shape[1:]
        self.pools = [ImagePool(pool_size, shape, seed=seed, stream=n) for n in (0, 1)] if pool_size else []
        self._losses = LOSSES["least_squares"]
        self.built = True

    def players(self) -> tuple[list[keras.Model], list[keras.Model]]:
        return [self.to_b, self.to_a], [self.critic_a, self.critic_b]

    def call(self, images, training: bool = False):
        return self.to_b(images, training=training)

    def train_step(self, pair):
        """Make one step on images of A and as many of B, which need not belong together."""
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ValueError("A batch must be (images of A, images of B). Received: images alone. Zip the two.")
        checked = self.input_ranges[0].checked
        a, b = (checked(images, images) for images in pair)
        draws = [pool.draws(self.steps_done, tf.shape(a)[0]) for pool in self.pools]
        self._round(a, b, draws)
        return self.get_metrics_result()

    def _play_round(self, a, b, draws) -> None:
        generators, critics = self.players()
        with tf.GradientTape() as tape:
            made_b, made_a = self.to_b(a, training=True), self.to_a(b, training=True)
            logits = self.critic_b(made_b, training=True), self.critic_a(made_a, training=True)
            generator_loss = _mean(*(self._losses.generator(one) for one in logits))
            cycle = _mean(
                _distance(self.to_a(made_b, training=True), a), _distance(self.to_b(made_a, training=True), b)
            )
            identity = tf.zeros(())
            if self.settings["identity_weight"]:
                identity = _mean(_distance(self.to_b(b, training=True), b), _distance(self.to_a(a, training=True), a))
            kept = self.settings["cycle_weight"] * (cycle + self.settings["identity_weight"] * identity)
            total = self.generator_optimizer.scale_loss(share_of_replica(2.0 * (generator_loss + kept)))
        self.apply_gradients(self.generator_optimizer, tape, total, *generators)
        seen = [made_a, made_b]
        if self.pools:
            seen = [pool.exchanged(images, *draw) for pool, images, draw in zip(self.pools, seen, draws, strict=True)]
        with tf.GradientTape() as tape:
            discriminator_loss = _mean(
                *(
                    self._losses.discriminator(critic(real, training=True), critic(made, training=True))
                    for critic, real, made in ((self.critic_a, a, seen[0]), (self.critic_b, b, seen[1]))
                )
            )
            total = self.discriminator_optimizer.scale_loss(share_of_replica(2.0 * discriminator_loss))
        self.apply_gradients(self.discriminator_optimizer, tape, total, *critics)
        values = (discriminator_loss, generator_loss, cycle, identity)
        for name, value in zip(self.trackers, values, strict=True):
            self.trackers[name].update_state(value)
        self.finish_step(*values)

    def translate(self, images) -> np.ndarray:
        """Return images (B, H, W, C) of A as images of B, float32."""
        return self.to_b.predict(images, batch_size=500, verbose=0)

    def translate_back(self, images) -> np.ndarray:
        """Return images (B, H, W, C) of B as images of A, float32."""
        return self.to_a.predict(images, batch_size=500, verbose=0)

    def get_config(self) -> dict:
        networks = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in NETWORKS}
        return {**super().get_config(), **networks, **self.settings}

    @classmethod
    def from_config(cls, config: dict) -> CycleGAN:
        networks = {name: keras.saving.deserialize_keras_object(config.pop(name)) for name in NETWORKS}
        return cls(**networks, **config)


def _mean(one, other):
    return 0.5 * (one + other)


def _distance(made, images):
    return tf.reduce_mean(tf.abs(tf.cast(images, tf.float32) - made))
