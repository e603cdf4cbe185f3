"""Two dimensions: modes on a ring, a grid or a spiral, with the exact density, to see which of them a GAN covers.

Used by lesson 02.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import numpy as np
from scipy import special


class GaussianMixture2D:
    """A weighted sum of round normal densities of one width, p(x) = Σₖ wₖ N(x; μₖ, σ² I).

    Between two such mixtures p (the data) and q the optimal discriminator is exact. As a probability it is
    ``optimal_discriminator(p.pdf(x), q.pdf(x))``; as a logit, ``p.log_pdf(x) - q.log_pdf(x)``, which stays finite far
    from every mode, where both densities round to 0.

    Args:
        means: (K, 2) centres of the modes, in units of x.
        deviation: the positive standard deviation of each mode along each axis, in units of x.
        weights: K positive numbers that sum to 1; by default all modes weigh the same.

    Attributes:
        means: float64 (K, 2).
        deviation: float.
        weights: float64 (K,).

    Raises:
        ValueError: if a shape is wrong, a number not finite, the deviation or a weight not positive, or the weights
            do not sum to 1.

    Example:
        >>> mixture = GaussianMixture2D([[0.0, 0.0], [3.0, 0.0]], deviation=0.5)
        >>> mixture.pdf([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]]).round(3)
        array([0.318, 0.318, 0.   ])
    """

    def __init__(
        self, means: Sequence[Sequence[float]] | np.ndarray, deviation: float, weights: Sequence[float] | None = None
    ) -> None:
        self.means = np.asarray(means, dtype=np.float64)
        if self.means.ndim != 2 or self.means.shape[1] != 2 or not len(self.means):
            raise ValueError(f"means must be (K, 2), K at least 1. Received: {self.means.shape}.")
        if not np.isfinite(self.means).all():
            raise ValueError(f"means must be finite. Received: {self.means.tolist()}.")
        self.deviation = _positive("deviation", deviation)
        modes = len(self.means)
        self.weights = np.full(modes, 1 / modes) if weights is None else np.asarray(weights, dtype=np.float64)
        if self.weights.shape != (modes,):
            raise ValueError(f"weights must be {modes} numbers, one a mode. Received shape: {self.weights.shape}.")
        if not (self.weights > 0).all() or abs(self.weights.sum() - 1) > 1e-9:  # a NaN is not positive either
            raise ValueError(f"The weights must be positive and sum to 1. Received: {self.weights.tolist()}.")

    def pdf(self, points: np.ndarray) -> np.ndarray:
        """Return the density at the points.

        Args:
            points: (..., 2).

        Returns:
            float64 (...), in 1 / unit of x squared.

        Raises:
            ValueError: if the last axis is not 2.

        Example:
            >>> float(GaussianMixture2D([[1.0, 2.0]], deviation=1.0).pdf([1.0, 2.0]).round(4))  # 1 / 2π
            0.1592
        """
        return np.exp(self.log_pdf(points))

    def log_pdf(self, points: np.ndarray) -> np.ndarray:
        """Return the natural logarithm of the density, finite where the density itself rounds to 0.

        Args:
            points: (..., 2).

        Returns:
            float64 (...).

        Raises:
            ValueError: if the last axis is not 2.

        Example:
            >>> mixture = GaussianMixture2D([[0.0, 0.0]], deviation=0.02)
            >>> float(mixture.pdf([1.0, 1.0])), round(float(mixture.log_pdf([1.0, 1.0])))
            (0.0, -2494)
        """
        points = np.asarray(points, dtype=np.float64)
        if points.ndim < 1 or points.shape[-1] != 2:
            raise ValueError(f"points must be (..., 2). Received: {points.shape}.")
        squares = ((points[..., None, :] - self.means) ** 2).sum(axis=-1)  # (..., K)
        exponents = special.logsumexp(-squares / (2 * self.deviation**2), axis=-1, b=self.weights)
        return exponents - np.log(2 * np.pi * self.deviation**2)

    def sample(self, count: int, seed: int | np.random.Generator) -> np.ndarray:
        """Draw independent samples.

        Args:
            count: how many.
            seed: a non-negative integer, or a NumPy generator that goes on from where it is.

        Returns:
            (count, 2) float32.

        Example:
            >>> ring().sample(3, seed=0).shape
            (3, 2)
        """
        random = np.random.default_rng(seed)
        mode = random.choice(len(self.means), size=count, p=self.weights)
        return random.normal(self.means[mode], self.deviation).astype(np.float32)


def ring(modes: int = 8, radius: float = 2.0, deviation: float = 0.02) -> GaussianMixture2D:
    """Return modes of equal weight, evenly spaced on a circle around 0, the first at angle 0.

    Args:
        modes: how many.
        radius: of the circle, in units of x.
        deviation: of each mode, in units of x.

    Returns:
        The `GaussianMixture2D`.

    Raises:
        ValueError: if ``modes`` is no whole number of at least 1, or a length is not positive.

    Example:
        >>> ring(modes=4, radius=1.0).means.round(3) + 0.0
        array([[ 1.,  0.],
               [ 0.,  1.],
               [-1.,  0.],
               [ 0., -1.]])

    Source: Metz et al. 2017, "Unrolled generative adversarial networks", the mixture of 8 Gaussians. The
    ring of Lin et al. 2018, "PacGAN", is the same at half the size: ``ring(radius=1.0, deviation=0.01)``.
    """
    angles = 2 * np.pi * np.arange(_whole("modes", modes, least=1)) / modes
    radius = _positive("radius", radius)
    return GaussianMixture2D(radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1), deviation)


def grid(side: int = 5, spacing: float = 2.0, deviation: float = 0.05) -> GaussianMixture2D:
    """Return side × side modes of equal weight on a square grid around 0.

    Args:
        side: modes along each axis.
        spacing: distance of neighbours, in units of x.
        deviation: of each mode, in units of x.

    Returns:
        The `GaussianMixture2D`.

    Raises:
        ValueError: if ``side`` is no whole number of at least 1, or a length is not positive.

    Example:
        >>> grid(side=2).means
        array([[-1., -1.],
               [-1.,  1.],
               [ 1., -1.],
               [ 1.,  1.]])

    Source: Lin et al. 2018, "PacGAN: the power of two samples in generative adversarial networks", the 2D grid.
    """
    places = (np.arange(_whole("side", side, least=1)) - (side - 1) / 2) * _positive("spacing", spacing)
    return GaussianMixture2D(np.stack(np.meshgrid(places, places, indexing="ij"), axis=-1).reshape(-1, 2), deviation)


def spiral(modes: int = 20, radius: float = 2.0, turns: float = 2.0, deviation: float = 0.05) -> GaussianMixture2D:
    """Return modes of equal weight along an Archimedean spiral that leaves 0, evenly spaced by arc length.

    On r = c φ the length of the curve from 0 to φ is c/2 (φ √(1 + φ²) + arsinh φ).

    Args:
        modes: how many; the first is at 0, the last at the outer end.
        radius: of the outer end, in units of x.
        turns: how often the spiral goes around; ``radius / turns`` lies between one turn and the next.
        deviation: of each mode, in units of x.

    Returns:
        The `GaussianMixture2D`.

    Raises:
        ValueError: if ``modes`` is no whole number of at least 2, or another argument is not positive.

    Example:
        >>> spiral(modes=3, turns=1.0).means.round(2) + 0.0
        array([[ 0.  ,  0.  ],
               [-0.53, -1.26],
               [ 2.  ,  0.  ]])
    """
    _whole("modes", modes, least=2)
    end = 2 * np.pi * _positive("turns", turns)
    # The length has no inverse in closed form; between points this close a straight line is as good.
    angles = np.linspace(0.0, end, 100_001)
    lengths = angles * np.sqrt(1 + angles**2) + np.arcsinh(angles)
    angles = np.interp(np.linspace(0.0, lengths[-1], modes), lengths, angles)
    distances = _positive("radius", radius) * angles / end
    return GaussianMixture2D(distances[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1), deviation)


def _whole(name: str, value: int, least: int) -> int:
    if not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}. Received: {value!r}.")
    return value


def _positive(name: str, value: float) -> float:
    if not (isinstance(value, numbers.Real) and np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be one positive, finite number. Received: {value!r}.")
    return float(value)
