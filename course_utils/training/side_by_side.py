"""Many small GANs trained side by side: one game a row, all rows one computation.

A small network leaves a processor waiting: most of a step's time goes into starting operations, not
into arithmetic. Optimisers work number by number, so one Keras optimiser serves all the seeds of a
contestant without mixing them. Lesson 02 compares optimisers with it.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from course_utils.models.stacked_mlp import StackedMLP
from course_utils.training.lookahead import Lookahead
from course_utils.worlds.mixtures_2d import GaussianMixture2D

# Their norm, mean or test for infinities of a variable takes in all its rows, which are different games.
_ACROSS_ROWS = (
    keras.optimizers.Lamb,
    keras.optimizers.Adafactor,
    keras.optimizers.Muon,
    keras.optimizers.LossScaleOptimizer,
)


@dataclasses.dataclass(frozen=True)
class Contestant:
    """What is compared: how the two players learn. Everything else is the same for all contestants.

    Args:
        generator_optimizer: a function that makes a Keras optimiser. It must work number by number.
            `SideBySide` refuses those that look across the games: any with Keras's ``clipnorm`` or
            ``global_clipnorm`` (use ``clip_norm`` below), Lamb, Adafactor, Muon and LossScaleOptimizer,
            also inside a `Lookahead`.
        discriminator_optimizer: the same for the other player.
        r1: weight γ of the penalty γ/2 · E[‖∇f(x)‖²] on real points (Mescheder et al. 2018, eq. 9),
            at least 0.
        clip_norm: longest gradient of a player in a game; a longer one is scaled down to it.

    Raises:
        ValueError: if ``r1`` is negative or not finite, or ``clip_norm`` not positive.

    Example:
        >>> Contestant(keras.optimizers.SGD, keras.optimizers.SGD).r1
        0.0
    """

    generator_optimizer: Callable[[], keras.optimizers.Optimizer]
    discriminator_optimizer: Callable[[], keras.optimizers.Optimizer]
    r1: float = 0.0
    clip_norm: float = float("inf")

    def __post_init__(self) -> None:
        if not 0 <= self.r1 < math.inf:
            raise ValueError(f"r1 must be a finite number of at least 0. Received: {self.r1}.")
        if not self.clip_norm > 0:
            raise ValueError(f"clip_norm must be positive. Received: {self.clip_norm}.")


class SideBySide:
    """Play the same two-dimensional GAN for every pair of a contestant and a seed, all at once.

    Games of one seed begin with the same weights and see the same data and noise, whichever
    contestant plays them, so contestants can be compared seed by seed. A round is a discriminator step,
    then a generator step on the non-saturating loss with fresh noise (Goodfellow et al. 2014,
    algorithm 1).

    Args:
        contestants: name → `Contestant`.
        seeds: different integers from 0 to 2³¹ − 1; every contestant plays one game for each.
        mixture: the data.
        hidden: units of each of the two hidden layers of both players.
        batch: real points, and as many generated ones, of a step.
        noise_dim: numbers that the generator gets for one point.
        jit: compile the round with XLA: faster steps, after some seconds of compilation.

    Attributes:
        steps_done: rounds played so far.

    Raises:
        ValueError: if there is no contestant or seed, a seed comes twice or is out of range, a size is no whole
            number of at least 1, or an optimiser looks across the games.

    Example:
        >>> from course_utils.worlds.mixtures_2d import ring
        >>> adam = lambda: keras.optimizers.Adam(1e-3, beta_1=0.5)
        >>> games = SideBySide({"Adam": Contestant(adam, adam)}, seeds=[0, 1], mixture=ring())
        >>> games.play(2)["generator_loss"].shape
        (1, 2)
        >>> games.sample(5, seed=0).shape
        (1, 2, 5, 2)
    """

    def __init__(
        self,
        contestants: Mapping[str, Contestant],
        seeds: Sequence[int],
        mixture: GaussianMixture2D,
        *,
        hidden: int = 32,
        batch: int = 64,
        noise_dim: int = 2,
        jit: bool = False,
    ) -> None:
        if not contestants:
            raise ValueError("contestants must hold at least one. Received: none.")
        seeds = list(seeds)  # an array has no truth value
        if not seeds or not all(map(_is_seed, seeds)) or len(set(seeds)) < len(seeds):
            raise ValueError(f"seeds must be different integers from 0 to 2**31 - 1, at least one. Received: {seeds}.")
        self.contestants, self.seeds = dict(contestants), [int(seed) for seed in seeds]
        hidden, self.batch, self.noise_dim = (
            _whole(name, size) for name, size in (("hidden", hidden), ("batch", batch), ("noise_dim", noise_dim))
        )
        self.steps_done = 0
        self._means = tf.constant(mixture.means, tf.float32)
        self._deviation = float(mixture.deviation)
        self._log_weights = tf.constant(np.log(mixture.weights)[None], tf.float32)
        settings = list(self.contestants.values())
        self._generator_optimizers, self._discriminator_optimizers = (
            [_made(name, getattr(one, name)) for one in settings]
            for name in ("generator_optimizer", "discriminator_optimizer")
        )
        self._networks = StackedMLP(self.noise_dim, hidden, 2), StackedMLP(2, hidden, 1)
        self._generators, self._discriminators = (
            # One variable a contestant, (S, P): a row holds all the weights of one game's player.
            [tf.Variable(np.stack([network.initial(2 * seed + player) for seed in self.seeds])) for _ in settings]
            for player, network in enumerate(self._networks)
        )
        rows = self._generators + self._discriminators
        for optimizer, row in zip(self._generator_optimizers + self._discriminator_optimizers, rows, strict=True):
            optimizer.build([row])
        r1, clip_norm = (
            np.repeat([getattr(one, name) for one in settings], len(seeds)) for name in ("r1", "clip_norm")
        )
        # A penalty or a norm that no contestant asks for is not computed.
        self._r1 = tf.constant(r1, tf.float32) if r1.any() else None
        self._clip_norm = tf.constant(clip_norm[:, None], tf.float32) if np.isfinite(clip_norm).any() else None
        self._round = tf.function(self._play_round, jit_compile=True) if jit else self._play_round
        # Traced once, here: TensorFlow would take several objects of this class for one that retraces.
        step = tf.TensorSpec((), tf.int32)
        self._rounds = tf.function(self._play_rounds).get_concrete_function(step, step)

    def play(self, steps: int) -> dict[str, np.ndarray]:
        """Play some rounds of every game.

        Args:
            steps: how many, at least 1.

        Returns:
            ``"discriminator_loss"`` and ``"generator_loss"``, float32 (contestants, seeds): means over these
            rounds in nats, without the penalty. A game that ran away holds NaN or infinity; the others go on.

        Raises:
            ValueError: if ``steps`` is no whole number of at least 1.
        """
        steps = _whole("steps", steps)
        totals = self._rounds(tf.constant(self.steps_done), tf.constant(self.steps_done + steps)).numpy()
        self.steps_done += steps
        means = totals.reshape(2, len(self.contestants), len(self.seeds)) / steps
        return {"discriminator_loss": means[0], "generator_loss": means[1]}

    def sample(self, count: int, *, seed: int) -> np.ndarray:
        """Return generated points, from the same noise in every game.

        Args:
            count: points of a game, at least 1.
            seed: of the noise, an integer from 0 to 2³¹ − 1.

        Returns:
            float32 (contestants, seeds, count, 2).

        Raises:
            ValueError: if ``count`` is no whole number of at least 1, or ``seed`` is out of range.
        """
        count = _whole("count", count)
        if not _is_seed(seed):
            raise ValueError(f"seed must be an integer from 0 to 2**31 - 1. Received: {seed!r}.")
        noise = tf.random.stateless_normal((count, self.noise_dim), seed=(seed, 0))
        points = self._networks[0](tf.concat(self._generators, 0), self._for_all_games(noise[None]))
        return points.numpy().reshape(len(self.contestants), len(self.seeds), count, 2)

    def _for_all_games(self, values):
        """Repeat (S, ...) for every contestant, or (1, ...) for every game."""
        games = len(self.contestants) * len(self.seeds)
        return tf.tile(values, (games // values.shape[0], *[1] * (values.shape.rank - 1)))

    def _play_rounds(self, first, last):
        games = len(self.contestants) * len(self.seeds)
        totals = tf.zeros((2, games))
        for step in tf.range(first, last):
            real, noise = (
                tf.stack(rows) for rows in zip(*[self._draw(seed, step) for seed in self.seeds], strict=True)
            )
            totals += self._round(self._for_all_games(real), self._for_all_games(noise))
        return totals

    def _draw(self, seed: int, step):
        """Return real points (B, 2) and noise (2, B, noise_dim), functions of the seed and the step alone."""
        mode = tf.random.stateless_categorical(self._log_weights, self.batch, seed=(seed, 3 * step))[0]
        jitter = tf.random.stateless_normal((self.batch, 2), seed=(seed, 3 * step + 1))
        real = tf.gather(self._means, mode) + self._deviation * jitter
        return real, tf.random.stateless_normal((2, self.batch, self.noise_dim), seed=(seed, 3 * step + 2))

    def _play_round(self, real, noise):
        """Make one step of each player in all N games: real (N, B, 2), noise (N, 2, B, noise_dim)."""
        generator, discriminator = self._networks
        weights = tf.concat(self._generators, 0)  # (N, P)
        fake = generator(weights, noise[:, 0])
        judges = tf.concat(self._discriminators, 0)
        with tf.GradientTape() as tape:
            tape.watch(judges)
            # One pass over real and fake together: the same numbers, because no layer looks across the
            # batch, and fewer operations to start.
            logits = discriminator(judges, tf.concat([real, fake], 1))  # (N, 2B, 1)
            signed = tf.concat([-logits[:, : self.batch], logits[:, self.batch :]], 1)
            discriminator_loss = _mean(tf.nn.softplus(signed))  # (N,), the mean of both halves
            # The games share no weight, so the gradient of their sum holds each game's own in its rows.
            total = tf.reduce_sum(discriminator_loss + self._penalty(judges, real))
        self._apply(tape.gradient(total, judges), self._discriminators, self._discriminator_optimizers)

        judges = tf.concat(self._discriminators, 0)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            generator_loss = _mean(tf.nn.softplus(-discriminator(judges, generator(weights, noise[:, 1]))))
            total = tf.reduce_sum(generator_loss)
        self._apply(tape.gradient(total, weights), self._generators, self._generator_optimizers)
        return tf.stack([discriminator_loss, generator_loss])

    def _penalty(self, judges, real):
        if self._r1 is None:
            return 0.0
        with tf.GradientTape() as tape:
            tape.watch(real)
            total = tf.reduce_sum(self._networks[1](judges, real))
        slopes = tape.gradient(total, real)  # (N, B, 2)
        return 0.5 * self._r1 * tf.reduce_mean(tf.reduce_sum(slopes**2, -1), -1)

    def _apply(self, gradient, rows, optimizers) -> None:
        if self._clip_norm is not None:
            norm = tf.norm(gradient, axis=1, keepdims=True)
            gradient *= tf.minimum(1.0, self._clip_norm / tf.maximum(norm, 1e-12))
        for part, row, optimizer in zip(tf.split(gradient, len(rows)), rows, optimizers, strict=True):
            optimizer.apply([part], [row])


def _mean(values):
    """Return each game's mean: (N, B, 1) → (N,)."""
    return tf.reduce_mean(values, axis=(1, 2))


def _whole(name: str, value: int) -> int:
    if not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1. Received: {value!r}.")
    return int(value)


def _is_seed(value: int) -> bool:
    # TensorFlow's stateless draws take a seed modulo 2**32, so that a larger one would repeat another's games.
    return isinstance(value, numbers.Integral) and 0 <= value < 2**31


def _made(name: str, make: Callable[[], keras.optimizers.Optimizer]) -> keras.optimizers.Optimizer:
    """Return the optimiser that a contestant asks for, if its games stay apart in it."""
    optimizer = inner = make()
    while isinstance(inner, Lookahead):
        inner = inner.optimizer
    norm = next((norm for norm in ("clipnorm", "global_clipnorm") if getattr(inner, norm)), None)
    if norm or isinstance(inner, _ACROSS_ROWS):
        received = type(inner).__name__ + (f" with {norm}" if norm else "")
        raise ValueError(
            f"{name} must work number by number; one that looks across the games mixes them. "
            f"Received: {received}. Take another optimiser, and Contestant(clip_norm=...) to clip."
        )
    return optimizer
