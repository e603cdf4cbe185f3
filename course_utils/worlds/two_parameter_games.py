"""Games of two numbers, θ for the generator and ψ for the discriminator: small enough to see all of training.

A point is (θ, ψ) on the last axis. Everything works on any number of points at once, in float64.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy import special

LOSSES = ("minimax", "non_saturating", "wasserstein")
PENALTIES = (None, "r1", "one_centred")


@dataclasses.dataclass(frozen=True)
class BilinearGame:
    """The game min over θ, max over ψ of θψ: both gradients are linear, and the only equilibrium is the origin.

    Source: Goodfellow 2016 ("NIPS 2016 tutorial: generative adversarial networks"), section 7.2 (an exercise).
    """

    def value(self, points: np.ndarray) -> np.ndarray:
        """Return θψ, which θ descends and ψ ascends.

        Args, Returns, Raises: as `DiracGAN.value`.

        Example:
            >>> BilinearGame().value([[2.0, 3.0], [0.0, 1.0]])
            array([6., 0.])
        """
        generator, discriminator = _split(points)
        return generator * discriminator

    def velocity(self, points: np.ndarray) -> np.ndarray:
        """Return (−ψ, θ): the generator's direction of descent, the discriminator's of ascent.

        Args, Returns, Raises: as `DiracGAN.velocity`.

        Example:
            >>> BilinearGame().velocity([2.0, 3.0])
            array([-3.,  2.])
        """
        generator, discriminator = _split(points)
        return np.stack([-discriminator, generator], axis=-1)

    def jacobian(self, points: np.ndarray) -> np.ndarray:
        """Return the derivative of the velocity; row i, column j is ∂velocityᵢ/∂pointⱼ. It is the same everywhere.

        Args, Returns, Raises: as `DiracGAN.jacobian`.

        Example:
            >>> np.linalg.eigvals(BilinearGame().jacobian([0.0, 0.0]))
            array([0.+1.j, 0.-1.j])
        """
        return np.tile([[0.0, -1.0], [1.0, 0.0]], (*as_points(points).shape[:-1], 1, 1))


@dataclasses.dataclass(frozen=True)
class DiracGAN:
    """The smallest GAN: the data are the point x = 0, the generator's samples the point θ, D(x) = σ(ψx).

    The logit is ψx and real is 1, as everywhere in this course. Mescheder et al. give the real point
    the negative sign; their game is this one with −ψ in place of ψ, so eigenvalues are the same and the
    rotation goes the other way round.

    Args:
        loss: ``"minimax"``: the generator descends V = log σ(0) + log(1 − σ(ψθ)), the discriminator
            ascends it. ``"non_saturating"``: the generator descends −log σ(ψθ) instead.
            ``"wasserstein"``: ψx is a critic's score; it ascends ψ·0 − ψθ, the generator descends it.
        penalty: what the discriminator pays: ``None``; ``"r1"``, strength/2 · ψ², since ψ is the slope
            of the logit at the data; ``"one_centred"``, strength/2 · (|ψ| − 1)², as in WGAN-GP.
        strength: γ, at least 0.

    Raises:
        ValueError: for an unknown loss or penalty, a strength that is negative or not finite, or a
            strength without a penalty.

    Example:
        >>> np.linalg.eigvals(DiracGAN(penalty="r1", strength=2.0).jacobian([0.0, 0.0])).round(3)
        array([-0.134, -1.866])

    Source: Mescheder et al. 2018 ("Which training methods for GANs do actually converge?"), sections 2 to 4.
    """

    loss: str = "minimax"
    penalty: str | None = None
    strength: float = 0.0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {LOSSES}. Received: {self.loss!r}.")
        if self.penalty not in PENALTIES:
            raise ValueError(f"penalty must be one of {PENALTIES}. Received: {self.penalty!r}.")
        if not 0 <= self.strength < math.inf:
            raise ValueError(f"strength must be a finite number of at least 0. Received: {self.strength}.")
        if self.penalty is None and self.strength:
            raise ValueError(f"A strength needs a penalty: choose 'r1' or 'one_centred'. Received: {self}.")

    def value(self, points: np.ndarray) -> np.ndarray:
        """Return what the discriminator ascends, without its penalty: V in nats, or the critic's difference −ψθ.

        Args:
            points: (..., 2), finite.

        Returns:
            (...) float64; −log 4 at the equilibrium of the first two losses, 0 at that of ``"wasserstein"``.

        Raises:
            ValueError: for points of another shape or not finite.

        Example:
            >>> DiracGAN().value([[0.0, 0.0], [1.0, 2.0]]).round(4)
            array([-1.3863, -2.8201])
        """
        generator, discriminator = _split(points)
        logit = generator * discriminator
        return -logit if self.loss == "wasserstein" else -math.log(2) - np.logaddexp(0.0, logit)

    def velocity(self, points: np.ndarray) -> np.ndarray:
        """Return the generator's direction of descent and the discriminator's of ascent, penalty included.

        Args, Raises: as `value`.

        Returns:
            (..., 2) float64. At ψ = 0, where ``"one_centred"`` has a kink, the penalty adds 0.

        Example:
            >>> DiracGAN().velocity([1.0, 0.0])
            array([ 0. , -0.5])
        """
        generator, discriminator = _split(points)
        pull, push, _, _ = self._slopes(generator * discriminator)
        centre = np.sign(discriminator) if self.penalty == "one_centred" else 0.0
        cost = self.strength * (discriminator - centre)
        return np.stack([pull * discriminator, -push * generator - cost], axis=-1)

    def jacobian(self, points: np.ndarray) -> np.ndarray:
        """Return the derivative of the velocity; row i, column j is ∂velocityᵢ/∂pointⱼ.

        Args, Raises: as `value`.

        Returns:
            (..., 2, 2) float64. With ``"one_centred"`` and a strength above 0 the velocity jumps at
            ψ = 0, so there is no derivative by ψ and that entry is NaN.

        Example:
            >>> DiracGAN(penalty="r1", strength=3.0).jacobian([0.0, 0.0])
            array([[ 0. ,  0.5],
                   [-0.5, -3. ]])
        """
        generator, discriminator = _split(points)
        logit = generator * discriminator
        pull, push, pull_slope, push_slope = self._slopes(logit)
        penalty = np.full_like(discriminator, self.strength)
        if self.penalty == "one_centred" and self.strength:
            penalty[discriminator == 0] = np.nan
        of_generator = [pull_slope * discriminator**2, pull + pull_slope * logit]
        of_discriminator = [-push - push_slope * logit, -push_slope * generator**2 - penalty]
        return np.stack([*of_generator, *of_discriminator], axis=-1).reshape(*logit.shape, 2, 2)

    def _slopes(self, logit: np.ndarray) -> tuple[np.ndarray | float, ...]:
        """Return a and b of the velocity (aψ, −bθ) as functions of the fake logit, and their derivatives by it."""
        if self.loss == "wasserstein":
            return 1.0, 1.0, 0.0, 0.0
        fake, real = special.expit(logit), special.expit(-logit)  # the second is 1 − the first without cancellation
        slope = fake * real
        return (fake, fake, slope, slope) if self.loss == "minimax" else (real, fake, -slope, slope)


Game = BilinearGame | DiracGAN


def as_points(points: np.ndarray) -> np.ndarray:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim < 1 or array.shape[-1] != 2:
        raise ValueError(f"Points must be (θ, ψ) on the last axis, (..., 2). Received: shape {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"Points must be finite. Received: {array}.")
    return array


def _split(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    array = as_points(points)
    return array[..., 0], array[..., 1]
