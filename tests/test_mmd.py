"""The maximum mean discrepancy against its double sums, and by finite differences."""

import math

import numpy as np
import pytest
import tensorflow as tf

from course_utils.losses.mmd import BANDWIDTHS, squared_mmd

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(5, 3)), RANDOM.normal(1.0, 2.0, size=(7, 3))


def by_double_sums(x, y, bandwidths):
    def kernel(a, b):
        distance = sum((p - q) ** 2 for p, q in zip(a, b, strict=True))
        return sum(math.exp(-distance / (2 * sigma**2)) for sigma in bandwidths)

    def mean(one, other):
        return sum(kernel(a, b) for a in one for b in other) / (len(one) * len(other))

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


@pytest.mark.parametrize("bandwidths", [(1.0,), (0.3, 2.0, 5.0), BANDWIDTHS])
def test_it_is_the_double_sum_over_all_pairs(bandwidths):
    expected = by_double_sums(X, Y, bandwidths)
    assert expected > 1e-3
    assert float(squared_mmd(X, Y, bandwidths)) == pytest.approx(expected, rel=1e-4)
    assert float(squared_mmd(Y, X, bandwidths)) == pytest.approx(expected, rel=1e-4)


def test_equal_sets_are_at_distance_zero():
    for scale in (1e-3, 1.0, 1e4):
        assert float(squared_mmd(scale * X, scale * X)) == 0.0


def test_far_from_the_origin_it_is_the_same():
    expected = by_double_sums(X, Y, (1.0, 3.0))
    assert float(squared_mmd(X + 1_000, Y + 1_000, (1.0, 3.0))) == pytest.approx(expected, rel=1e-3)


def test_sets_that_have_nothing_in_common_are_at_the_largest_distance_and_have_a_finite_slope():
    far = tf.constant(X[:1] + 1e6, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(far)
        value = squared_mmd(far, Y[:1], (1.0, 2.0))
    assert float(value) == 4.0
    assert np.isfinite(tape.gradient(value, far)).all()


def test_the_slope_is_that_of_finite_differences():
    x, direction = tf.constant(X, tf.float32), RANDOM.normal(size=X.shape)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = squared_mmd(x, Y, (0.7, 2.0))
    slope = float(np.sum(tape.gradient(value, x) * direction))
    step = 1e-4
    ahead, behind = (by_double_sums(X + sign * step * direction, Y, (0.7, 2.0)) for sign in (1, -1))
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-3)


@pytest.mark.parametrize(
    ("x", "y", "bandwidths", "message"),
    [
        (X[0], Y, (1.0,), r"must be \(n, F\) and \(m, F\)"),
        (X, Y[:, :2], (1.0,), r"must be \(n, F\) and \(m, F\)"),
        (X, Y, (), "bandwidths must be one or more numbers above 0"),
        (X, Y, (1.0, 0.0), "bandwidths must be one or more numbers above 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(x, y, bandwidths, message):
    with pytest.raises(ValueError, match=message):
        squared_mmd(x, y, bandwidths)
