"""How much of a Fréchet distance is due to the number of images, and what would remain of it with endlessly many."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from course_utils.metrics.features import check_features
from course_utils.metrics.frechet import FeatureStatistics, feature_statistics, frechet_distance


@dataclasses.dataclass(frozen=True, eq=False)  # arrays have no single answer to ==
class FrechetCurve:
    """Fréchet distances by the number of images, and the line through them.

    Attributes:
        sizes: int64 (S,).
        distances: float64 (S,).
        limit: the line's value at 1/N = 0.
        slope: of the line, in distance times images.
    """

    sizes: np.ndarray
    distances: np.ndarray
    limit: float
    slope: float


def frechet_curve(features, real: FeatureStatistics, sizes: Sequence[int], *, seed: int = 0) -> FrechetCurve:
    """Return the Fréchet distances of random subsets, and their limit for endlessly many images.

    A sample's covariance is off by an amount of order 1/√N in every direction, and the distance counts all deviations,
    never takes one off for another: so it is too large by about slope / N. A line in 1/N through the distances of
    several sizes therefore meets 1/N = 0 near the distance of the distributions themselves.

    Args:
        features: float (N, d), of generated images.
        real: of the real images, from `feature_statistics`; its own images are as many throughout.
        sizes: of the subsets, two different ones or more, each at least 2 d and at most N.
        seed: of the subsets.

    Returns:
        The `FrechetCurve`.

    Raises:
        TypeError: if the features are no real numbers.
        ValueError: if there are fewer than two sizes, or one is too small or too large.

    Example:
        >>> curve = frechet_curve(features, real, range(1_000, 10_001, 1_000))  # doctest: +SKIP

    Reference:
        Chong and Forsyth (2020), "Effectively unbiased FID and Inception Score and where to find them", section 3, with
        random subsets in the place of its quasi-random noise.
    """
    features = check_features("features", features)
    sizes = np.asarray(sizes, dtype=np.int64)
    if len(np.unique(sizes)) < 2 or sizes.max() > len(features):
        raise ValueError(
            f"sizes must be two different numbers or more, at most {len(features)}, of which there are features. "
            f"Received: {sizes.tolist()}."
        )
    rng = np.random.default_rng(seed)
    distances = []
    for size in sizes:
        some = feature_statistics(features[rng.permutation(len(features))[:size]])
        distances.append(frechet_distance(*some, *real))
    slope, limit = np.polyfit(1.0 / sizes, distances, 1)
    return FrechetCurve(sizes, np.array(distances), float(limit), float(slope))
