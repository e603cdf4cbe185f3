"""One dimension: densities of data and of what a generator makes, computed.

Used by lessons 00 and 01, where every curve of the game is drawn beside the exact one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import special


class GaussianMixture1D:
    """A weighted sum of normal densities, p(x) = Σₖ wₖ N(x; μₖ, σₖ²).

    Args:
        weights: K positive numbers that sum to 1.
        means: K centres, in units of x.
        deviations: K positive standard deviations, in units of x.

    Raises:
        ValueError: if the three differ in length, are empty or not finite, a weight or deviation is
            not positive, or the weights do not sum to 1.

    Example:
        >>> float(GaussianMixture1D([0.5, 0.5], [-1.0, 1.0], [1.0, 1.0]).cdf(0.0))
        0.5
    """

    def __init__(self, weights: Sequence[float], means: Sequence[float], deviations: Sequence[float]) -> None:
        given = {"weights": weights, "means": means, "deviations": deviations}
        arrays = [np.asarray(values, dtype=np.float64) for values in given.values()]
        self.weights, self.means, self.deviations = arrays
        if self.weights.ndim != 1 or not self.weights.size or len({array.shape for array in arrays}) > 1:
            shapes = {name: array.shape for name, array in zip(given, arrays, strict=True)}
            raise ValueError(f"weights, means and deviations must be K numbers each, K at least 1. Received: {shapes}.")
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError(f"weights, means and deviations must be finite. Received: {given}.")
        for name, array in (("weights", self.weights), ("deviations", self.deviations)):
            if not (array > 0).all():
                raise ValueError(f"All {name} must be positive. Received: {array.tolist()}.")
        if abs(self.weights.sum() - 1) > 1e-9:
            raise ValueError(f"The weights must sum to 1. Received: {weights}, which sum to {self.weights.sum():.6g}.")

    def pdf(self, x: np.ndarray | float) -> np.ndarray:
        """Return the density at x.

        Args:
            x: points, any shape.

        Returns:
            float64, the shape of x, in 1 / unit of x.

        Example:
            >>> GaussianMixture1D([1.0], [0.0], [1.0]).pdf([0.0, 1.0]).round(4)
            array([0.3989, 0.242 ])
        """
        return np.exp(self.log_pdf(x))

    def log_pdf(self, x: np.ndarray | float) -> np.ndarray:
        """Return the natural logarithm of the density at x, finite where the density itself rounds to 0.

        Args:
            x: points, any shape.

        Returns:
            float64, the shape of x.

        Example:
            >>> mixture = GaussianMixture1D([1.0], [0.0], [1.0])
            >>> float(mixture.pdf(100.0)), round(float(mixture.log_pdf(100.0)), 2)
            (0.0, -5000.92)
        """
        heights = self.weights / (np.sqrt(2 * np.pi) * self.deviations)
        return special.logsumexp(-0.5 * self._scores(x) ** 2, axis=-1, b=heights)

    def cdf(self, x: np.ndarray | float) -> np.ndarray:
        """Return the probability of a value at most x.

        The exact mean density of a bin is the difference of ``cdf`` at its edges over its width.

        Args:
            x: points, any shape.

        Returns:
            float64, the shape of x, between 0 and 1.

        Example:
            >>> GaussianMixture1D([1.0], [0.0], [1.0]).cdf([0.0, 1.96]).round(3)
            array([0.5  , 0.975])
        """
        return special.ndtr(self._scores(x)) @ self.weights

    def sample(self, count: int, seed: int | np.random.Generator) -> np.ndarray:
        """Draw independent samples.

        Args:
            count: how many.
            seed: a non-negative integer, or a NumPy generator that goes on from where it is.

        Returns:
            (count,) float32.

        Example:
            >>> two_peaks().sample(3, seed=0).shape
            (3,)
        """
        random = np.random.default_rng(seed)
        peak = random.choice(self.weights.size, size=count, p=self.weights)
        return random.normal(self.means[peak], self.deviations[peak]).astype(np.float32)

    def _scores(self, x: np.ndarray | float) -> np.ndarray:
        """Return (x − μₖ) / σₖ, the shape of x with K appended."""
        return (np.asarray(x, dtype=np.float64)[..., None] - self.means) / self.deviations


class Uniform1D:
    """The density that is constant on an interval and 0 outside.

    Args:
        low: left end, in units of x.
        high: right end, in units of x.

    Raises:
        ValueError: if the ends are not finite, or low is not below high.

    Example:
        >>> Uniform1D(0.0, 4.0).pdf([-1.0, 0.0, 3.0])
        array([0.  , 0.25, 0.25])
    """

    def __init__(self, low: float, high: float) -> None:
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ValueError(f"low and high must be finite, and low below high. Received: low={low}, high={high}.")
        self.low, self.high = float(low), float(high)

    def pdf(self, x: np.ndarray | float) -> np.ndarray:
        """Return the density at x; both ends of the interval belong to it.

        Args:
            x: points, any shape.

        Returns:
            float64, the shape of x, in 1 / unit of x.

        Example:
            >>> Uniform1D(0.0, 0.5).pdf([0.2, 0.7])
            array([2., 0.])
        """
        x = np.asarray(x, dtype=np.float64)
        return np.where((x >= self.low) & (x <= self.high), 1 / (self.high - self.low), 0.0)

    def cdf(self, x: np.ndarray | float) -> np.ndarray:
        """Return the probability of a value at most x.

        Args:
            x: points, any shape.

        Returns:
            float64, the shape of x, between 0 and 1.

        Example:
            >>> Uniform1D(0.0, 4.0).cdf([-1.0, 1.0, 9.0])
            array([0.  , 0.25, 1.  ])
        """
        return np.clip((np.asarray(x, dtype=np.float64) - self.low) / (self.high - self.low), 0.0, 1.0)

    def sample(self, count: int, seed: int | np.random.Generator) -> np.ndarray:
        """Draw independent samples.

        Args:
            count: how many.
            seed: a non-negative integer, or a NumPy generator that goes on from where it is.

        Returns:
            (count,) float32.

        Example:
            >>> Uniform1D(0.0, 4.0).sample(3, seed=0).shape
            (3,)
        """
        return np.random.default_rng(seed).uniform(self.low, self.high, size=count).astype(np.float32)


def gaussian(mean: float = 0.0, deviation: float = 1.0) -> GaussianMixture1D:
    """Return one normal density, as a mixture of a single component.

    Args:
        mean: the centre, in units of x.
        deviation: the positive standard deviation, in units of x.

    Returns:
        The `GaussianMixture1D`.

    Raises:
        ValueError: if the mean is not finite, or the deviation not positive.

    Example:
        >>> float(gaussian(2.0).cdf(2.0))
        0.5
    """
    return GaussianMixture1D(weights=[1.0], means=[mean], deviations=[deviation])


def two_peaks() -> GaussianMixture1D:
    """Return the data of lesson 00: a wide and a narrow peak of unequal weight, with almost nothing between.

    Example:
        >>> two_peaks().means.tolist()
        [-2.0, 1.5]
    """
    return GaussianMixture1D(weights=[0.4, 0.6], means=[-2.0, 1.5], deviations=[0.5, 0.8])


def pushforward_density(
    function: Callable[[np.ndarray], np.ndarray], edges: np.ndarray, *, noise_points: int = 100_000
) -> np.ndarray:
    """Return the density of G(z) for z ~ N(0, 1), as its mean over each bin.

    No sampling: the noise is cut into ``noise_points`` slices of equal probability, and the middle of
    each (by probability) goes through the function. A bin's mass is then right to within about
    1 / ``noise_points`` for each stretch of z that the function maps into it, because at most a part of
    a slice is counted on the wrong side of an edge. Detail finer than a bin is averaged away.

    Args:
        function: G, maps float32 noise (N, 1) to values (N, 1) or (N,).
        edges: (B + 1,) rising edges of the bins, in units of x.
        noise_points: the number N of slices; memory and time grow with it.

    Returns:
        (B,) float64, in 1 / unit of x. Mass outside the edges is left out, so
        ``(density * np.diff(edges)).sum()`` is the share of G's samples that the grid holds.

    Raises:
        ValueError: if the edges do not rise, ``noise_points`` is not positive, or the function gives
            another shape or values that are not finite.

    Example:
        >>> pushforward_density(lambda z: 2 * z, np.array([-2.0, 0.0, 2.0])).round(3)
        array([0.171, 0.171])
    """
    edges = np.asarray(edges, dtype=np.float64)
    if edges.ndim != 1 or edges.size < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f"edges must be two or more rising numbers. Received: {edges}.")
    if noise_points < 1:
        raise ValueError(f"noise_points must be at least 1. Received: {noise_points}.")
    noise = special.ndtri((np.arange(noise_points) + 0.5) / noise_points)
    values = np.asarray(function(noise.astype(np.float32)[:, None]))
    if values.shape not in ((noise_points,), (noise_points, 1)):
        raise ValueError(
            f"The function must map noise ({noise_points}, 1) to values of that shape. Received: {values.shape}."
        )
    if not np.isfinite(values).all():
        raise ValueError("The function must give finite values. Received: NaN or infinity; lower the learning rate.")
    counts, _ = np.histogram(values, bins=edges)
    return counts / (noise_points * np.diff(edges))
