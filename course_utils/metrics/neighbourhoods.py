"""Precision and recall, density and coverage: how far generated images lie where real ones do, and the reverse."""

from __future__ import annotations

import dataclasses

import numpy as np

from course_utils.metrics.features import check_pair, squared_distances

BLOCK = 1_000  # rows of distances at a time: 80 MB with 10,000 columns


@dataclasses.dataclass(frozen=True)
class NeighbourhoodReport:
    """What `neighbourhoods` measured. Around each vector lies a ball that reaches to its k-th neighbour of its own set.

    Attributes:
        precision: share of generated vectors in the ball of at least one real vector; quality.
        recall: share of real vectors in the ball of at least one generated vector; variety.
        density: real balls that a generated vector lies in, on the mean, divided by k; may exceed 1.
        coverage: share of real vectors whose own ball holds at least one generated vector.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def neighbourhoods(features, real, *, neighbours: int = 5) -> NeighbourhoodReport:
    """Return precision, recall, density and coverage.

    For a perfect generator precision and recall are near each other and below 1; density is 1, and coverage
    1 − ½ᵏ for large sets of equal size. An outlier among the real vectors has a large ball, which fills precision
    up with bad images; density counts how many balls agree, coverage asks only the real vectors' balls. All four
    depend on N and M: compare sets of equal size, and beside the same measure of held-out images.

    Args:
        features: float (N, d), of generated images.
        real: float (M, d), of real ones.
        neighbours: k, at least 1, below N and M.

    Returns:
        The `NeighbourhoodReport`.

    Raises:
        TypeError: if the sets are no real numbers.
        ValueError: if they are not (N, d) and (M, d), not finite, or have k vectors or fewer.

    Example:
        >>> neighbourhoods([[0.0], [0.1]], [[0.0], [1.0], [9.0]], neighbours=1)
        NeighbourhoodReport(precision=1.0, recall=0.3333333333333333, density=2.0, coverage=0.6666666666666666)

    Reference:
        Kynkäänniemi et al. (2019), "Improved precision and recall metric for assessing generative models", eq. 1 and 2
        (with k = 3); Naeem et al. (2020), "Reliable fidelity and diversity metrics", eq. 3 and 4 (with k = 5).
    """
    if neighbours < 1:
        raise ValueError(f"neighbours must be at least 1. Received: {neighbours}.")
    features, real = check_pair(features, real, at_least=neighbours + 1)
    real_radii, radii = _radii(real, neighbours), _radii(features, neighbours)
    in_real_balls = np.zeros(len(features), int)  # real balls around each generated vector
    recalled, covered = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for start in range(0, len(features), BLOCK):
        rows = slice(start, start + BLOCK)
        distances = squared_distances(features[rows], real)
        inside = distances <= real_radii
        in_real_balls[rows] = inside.sum(axis=1)
        covered |= inside.any(axis=0)
        recalled |= (distances <= radii[rows, None]).any(axis=0)
    return NeighbourhoodReport(
        precision=float((in_real_balls > 0).mean()),
        recall=float(recalled.mean()),
        density=float(in_real_balls.mean() / neighbours),
        coverage=float(covered.mean()),
    )


def _radii(vectors: np.ndarray, neighbours: int) -> np.ndarray:
    """Return the squared distance of each vector from its k-th neighbour, itself not counted."""
    blocks = (squared_distances(vectors[start : start + BLOCK], vectors) for start in range(0, len(vectors), BLOCK))
    # Each vector is its own nearest, at place 0.
    return np.concatenate([np.partition(distances, neighbours, axis=1)[:, neighbours] for distances in blocks])
