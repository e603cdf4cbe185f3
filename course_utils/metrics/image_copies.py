"""Is a generated image a copy of one that was learned from? Nearest neighbours, and what they are compared with."""

from __future__ import annotations

import dataclasses

import numpy as np

from course_utils.metrics.features import check_pair, squared_distances

BLOCK = 1_000  # rows of distances at a time: 480 MB with the 60,000 training images


def nearest(features, training) -> tuple[np.ndarray, np.ndarray]:
    """Return each vector's nearest one of the training set.

    Args:
        features: float (N, d): of images, or images as they are, one a row.
        training: float (M, d).

    Returns:
        Indices into ``training``, int64 (N,), and the Euclidean distances, float64 (N,).

    Raises:
        TypeError: if the sets are no real numbers.
        ValueError: if they are not (N, d) and (M, d), N and M at least 1, or not finite.

    Example:
        >>> nearest([[0.0], [5.0]], [[4.0], [1.0]])
        (array([1, 0]), array([1., 1.]))
    """
    features, training = check_pair(features, training, at_least=1)
    indices, distances = [], []
    for start in range(0, len(features), BLOCK):
        squares = squared_distances(features[start : start + BLOCK], training)
        indices.append(squares.argmin(axis=1))
        distances.append(np.sqrt(squares[np.arange(len(squares)), indices[-1]]))
    return np.concatenate(indices), np.concatenate(distances)


@dataclasses.dataclass(frozen=True)
class CopyReport:
    """What `copying` measured.

    Attributes:
        closer: probability that a generated vector lies nearer to the training set than a held-out one does; ½ for
            an honest generator, towards 1 for one that copies, towards 0 for one that misses the data.
        copied: share of generated vectors that lie nearer than 99 in 100 held-out ones; 0.01 for an honest one.
        threshold: that distance.
    """

    closer: float
    copied: float
    threshold: float


def copying(features, training, held_out) -> CopyReport:
    """Return whether generated images lie nearer to the training images than held-out images do.

    A distance to the nearest training image says nothing alone: images of a simple kind are near to each other.
    Held-out images are of the same distribution and cannot be copies, so theirs are what to compare with. A generator
    of blurred images may be near to many training images without copying one.

    Args:
        features: float (N, d), of generated images.
        training: float (M, d), of those the generator learned from.
        held_out: float (K, d), of real images it has not seen.

    Returns:
        The `CopyReport`.

    Raises:
        TypeError: if a set holds no real numbers.
        ValueError: if a set is not (·, d), is empty, or is not finite.

    Example:
        >>> copying([[0.0], [1.0]], [[0.0], [1.0]], [[0.5], [1.5]])
        CopyReport(closer=1.0, copied=1.0, threshold=0.5)

    Reference:
        Meehan, Chaudhuri and Dasgupta (2020), "A non-parametric test to detect data-copying in generative models",
        section 3, without its cells; the probability is the Mann–Whitney statistic divided by its largest value.
    """
    own, other = np.sort(nearest(features, training)[1]), np.sort(nearest(held_out, training)[1])
    # Of the held-out distances, those above each generated one, and half of those equal to it.
    above = len(other) - np.searchsorted(other, own, side="right")
    equal = np.searchsorted(other, own, side="right") - np.searchsorted(other, own, side="left")
    threshold = np.quantile(other, 0.01)
    return CopyReport(
        closer=float((above + 0.5 * equal).mean() / len(other)),
        copied=float((own < threshold).mean()),
        threshold=float(threshold),
    )
