"""Feature vectors, the form in which images reach a metric, checked in one place."""

from __future__ import annotations

import numpy as np


def real_numbers(name: str, values) -> np.ndarray:
    """Return values as a float64 array.

    Args:
        name: of the argument, for the error.
        values: an array of real numbers, or what becomes one.

    Raises:
        TypeError: if they are no real numbers.
        ValueError: if one is not finite.

    Example:
        >>> real_numbers("mean", [1, 2])
        array([1., 2.])
    """
    try:
        values = np.asarray(values)
    except ValueError as error:  # rows of unequal length
        raise TypeError(f"{name} must be an array of real numbers. Received: a ragged list.") from error
    if values.dtype.kind not in "fiu":
        raise TypeError(f"{name} must hold real numbers. Received dtype: {values.dtype}.")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(
            f"{name} must be finite. Received: {int((~np.isfinite(values)).sum())} values NaN or infinite."
        )
    return values


def check_features(name: str, values, *, at_least: int = 0) -> np.ndarray:
    """Return feature vectors as float64 (N, d).

    Args:
        name: of the argument, for the error.
        values: float (N, d).
        at_least: the smallest N that will do.

    Raises:
        TypeError: if they are no real numbers.
        ValueError: if the shape is another, N is too small, or a value is not finite.

    Example:
        >>> check_features("features", [[1, 2]]).shape
        (1, 2)
    """
    features = real_numbers(name, values)
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"{name} must be (N, d). Received shape: {features.shape}.")
    if len(features) < at_least:
        raise ValueError(f"{name} must hold at least {at_least} vectors. Received: {len(features)}. Give more of them.")
    return features


def check_pair(features, real, *, at_least: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of generated and of real images, of which both must be in the same space.

    Args:
        features: float (N, d), of generated images.
        real: float (M, d), of real ones.
        at_least: the smallest N and M that will do.

    Raises:
        TypeError: if they are no real numbers.
        ValueError: as `check_features`, or if d differs.
    """
    features, real = (check_features(*one, at_least=at_least) for one in (("features", features), ("real", real)))
    if features.shape[1] != real.shape[1]:
        raise ValueError(
            f"features and real must have as many columns. Received: {features.shape[1]} and {real.shape[1]}. "
            "Take both from the same layer of the same network."
        )
    return features, real


def squared_distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the squared Euclidean distances of all pairs, float64 (N, M), at least 0.

    Args:
        one: float64 (N, d).
        other: float64 (M, d).

    Example:
        >>> squared_distances(np.zeros((1, 2)), np.array([[3.0, 4.0]]))
        array([[25.]])
    """
    # ‖a‖² + ‖b‖² − 2a·b: one product of matrices in place of N·M differences. Rounding may go below 0.
    squares = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)
    squares -= 2.0 * (one @ other.T)
    return np.maximum(squares, 0.0, out=squares)
