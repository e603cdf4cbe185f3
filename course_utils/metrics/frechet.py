"""The Fréchet distance between two Gaussians, and the statistics of features that it compares."""

from __future__ import annotations

import typing

import numpy as np

from course_utils.metrics.features import check_features, real_numbers

# How far, relative to its largest entry, a covariance may be from symmetric or from positive semi-definite.
# Features come in float32, whose rounding is near 1e-7; a matrix beyond this is not a covariance.
TOLERANCE = 1e-5


class FeatureStatistics(typing.NamedTuple):
    """The Gaussian that stands for a set of features.

    Attributes:
        mean: float64 array ``(d,)``.
        covariance: float64 array ``(d, d)``, divided by N - 1.
    """

    mean: np.ndarray
    covariance: np.ndarray


def feature_statistics(features) -> FeatureStatistics:
    """Return the mean and covariance of feature vectors, computed in float64.

    Args:
        features: float array ``(N, d)``, N at least ``2 d``.

    Returns:
        The `FeatureStatistics`.

    Raises:
        TypeError: if ``features`` are not real numbers.
        ValueError: if the shape is not ``(N, d)``, a value is not finite, or N is below ``2 d``: a
            covariance from so few vectors is mostly noise, and so is a distance computed from it.

    Example:
        >>> feature_statistics([[0.0], [2.0]])
        FeatureStatistics(mean=array([1.]), covariance=array([[2.]]))
    """
    features = check_features("features", features)
    count, dimensions = features.shape
    if count < 2 * dimensions:
        raise ValueError(
            f"A covariance of {dimensions} features needs at least {2 * dimensions} vectors. Received: {count}. "
            "Give more of them; a few thousand make the distance steady."
        )
    covariance = np.cov(features, rowvar=False).reshape(dimensions, dimensions)
    return FeatureStatistics(features.mean(axis=0), covariance)


def frechet_distance(mean_1, cov_1, mean_2, cov_2) -> float:
    """Return the Fréchet distance between two Gaussians, in squared units of the features.

        |m1 - m2|² + tr(S1 + S2 - 2 (S1^½ S2 S1^½)^½)

    The last trace is the sum of the singular values of ``S1^½ S2^½``, so that eigenvalues of
    symmetric matrices and one SVD are all that is needed: real by construction, symmetric in its
    two Gaussians, and stable where a covariance is singular, unlike a general matrix square root.

    Args:
        mean_1: float array ``(d,)``.
        cov_1: float array ``(d, d)``, symmetric and positive semi-definite.
        mean_2: float array ``(d,)``.
        cov_2: float array ``(d, d)``, symmetric and positive semi-definite.

    Returns:
        The distance, a float of at least 0; 0 for equal Gaussians. Note that it is a square: moving
        a Gaussian by 3 gives 9.

    Raises:
        TypeError: if an argument does not hold real numbers.
        ValueError: if shapes disagree, a value is not finite, or a covariance is not one.

    Example:
        >>> frechet_distance([0.0], [[1.0]], [3.0], [[4.0]])  # 3² + (2 - 1)²
        10.0

    Reference:
        Dowson and Landau (1982), "The Fréchet distance between multivariate normal distributions";
        Heusel et al. (2017), "GANs trained by a two time-scale update rule ...", eq. 6.
    """
    mean_1, mean_2 = real_numbers("mean_1", mean_1), real_numbers("mean_2", mean_2)
    if mean_1.ndim != 1 or not mean_1.size or mean_1.shape != mean_2.shape:
        raise ValueError(f"The means must both be (d,). Received shapes: {mean_1.shape} and {mean_2.shape}.")
    root_1, trace_1 = _root("cov_1", cov_1, mean_1.size)
    root_2, trace_2 = _root("cov_2", cov_2, mean_1.size)
    overlap = np.linalg.svd(root_1 @ root_2, compute_uv=False).sum()
    shift = mean_1 - mean_2
    # Rounding can leave equal Gaussians a hair below zero.
    return max(0.0, float(shift @ shift + trace_1 + trace_2 - 2.0 * overlap))


def _root(name: str, covariance, dimensions: int) -> tuple[np.ndarray, float]:
    """Return the symmetric square root of a covariance, and the covariance's trace."""
    covariance = real_numbers(name, covariance)
    if covariance.shape != (dimensions, dimensions):
        raise ValueError(f"{name} must be {(dimensions, dimensions)}, as its mean. Received shape: {covariance.shape}.")
    allowed = TOLERANCE * np.abs(covariance).max()
    asymmetry = np.abs(covariance - covariance.T).max()
    if asymmetry > allowed:
        raise ValueError(f"{name} must be symmetric. Received: entries that differ by {asymmetry:.3g} when transposed.")
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2.0)
    if values[0] < -allowed:
        raise ValueError(f"{name} must be positive semi-definite. Received: an eigenvalue of {values[0]:.3g}.")
    # Below this an eigenvalue is rounding, and its square root, eight digits larger, would not be. Cut alike in
    # the root and in the trace, or a singular covariance would differ from itself.
    values = np.where(values > dimensions * np.finfo(np.float64).eps * values[-1], values, 0.0)
    return (vectors * np.sqrt(values)) @ vectors.T, float(values.sum())
