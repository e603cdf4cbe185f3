"""The maximum mean discrepancy: how far two sets of vectors are apart, measured by kernels."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from course_utils.losses.logits import as_float32

BANDWIDTHS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)


def squared_mmd(x, y, bandwidths: Sequence[float] = BANDWIDTHS) -> tf.Tensor:
    """Return MMD², the squared distance of the two sets' means in the feature space of a sum of Gaussian kernels.

        MMD² = mean k(x, x') + mean k(y, y') − 2 mean k(x, y),   k(a, b) = Σ_σ exp(−‖a − b‖² / 2σ²)

    The means are over all pairs, each vector with itself included: the biased estimate, which is never negative (but
    for rounding) and 0 for equal sets. Of two samples of one distribution it expects about 2/n times the number of
    kernels, so compare only equal n. A kernel sees differences of about its bandwidth: far narrower ones see none but
    equal vectors, and far wider ones only the means.

    Args:
        x: float (n, F).
        y: float (m, F).
        bandwidths: σ, one or more, above 0; the default is that of generative moment matching networks.

    Returns:
        A float32 scalar, at most twice the number of kernels. Differentiable in both sets.

    Raises:
        ValueError: if the sets are not (n, F) and (m, F), or a bandwidth is not above 0.

    Example:
        >>> round(float(squared_mmd([[0.0], [0.0]], [[2.0]], bandwidths=[2.0])), 4)  # 2 − 2 exp(−½)
        0.7869

    Source: Gretton et al. 2012, A kernel two-sample test, equation 5; the bandwidths: Li, Swersky & Zemel 2015.
    """
    x, y = as_float32(x), as_float32(y)
    if x.shape.rank != 2 or y.shape.rank != 2 or not x.shape[1:].is_compatible_with(y.shape[1:]):
        raise ValueError(f"The sets must be (n, F) and (m, F). Received: {x.shape} and {y.shape}.")
    if not bandwidths or not all(0 < sigma < float("inf") for sigma in bandwidths):
        raise ValueError(f"bandwidths must be one or more numbers above 0. Received: {bandwidths}.")
    # Distances are differences of squares: near the origin they keep their digits.
    centre = tf.stop_gradient(tf.reduce_mean(y, axis=0))
    x, y = x - centre, y - centre
    return sum(_mean_kernel(*pair, bandwidths) for pair in ((x, x), (y, y))) - 2 * _mean_kernel(x, y, bandwidths)


def _mean_kernel(a, b, bandwidths) -> tf.Tensor:
    squares = tf.reduce_sum(a**2, axis=1)[:, None] + tf.reduce_sum(b**2, axis=1)
    distances = tf.nn.relu(squares - 2 * tf.matmul(a, b, transpose_b=True))  # (n, m); rounding may go below 0
    return tf.reduce_mean(tf.add_n([tf.exp(-distances / (2 * sigma**2)) for sigma in bandwidths]))
