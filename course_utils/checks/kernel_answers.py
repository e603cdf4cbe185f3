"""Lesson 12's right and wrong ways to measure how far two sets of points are apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from course_utils.checks.compare import call, numbers_close


def _kernel(a, b, width):  # exp(−|a − b|² / width) of all pairs
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(axis=2) / width)


def _mmd(a, b, width, cross=2.0, own=1.0):
    own_pairs = own * (_kernel(a, a, width).mean() + _kernel(b, b, width).mean())
    return float(own_pairs - cross * _kernel(a, b, width).mean())


def kernel_distance(a, b, sigma):
    """Return MMD² of the sets a (n, F) and b (m, F) with a Gaussian kernel.

    Example:
        >>> round(kernel_distance(np.zeros((2, 1)), np.full((1, 1), 2.0), 2.0), 4)  # 2 − 2 exp(−½)
        0.7869
    """
    return _mmd(a, b, 2 * sigma**2)


def cross_once(a, b, sigma):
    return _mmd(a, b, 2 * sigma**2, cross=1.0)


def cross_added(a, b, sigma):
    return _mmd(a, b, 2 * sigma**2, cross=-2.0)


def cross_alone(a, b, sigma):
    return _mmd(a, b, 2 * sigma**2, own=0.0)


def bandwidth_not_squared(a, b, sigma):
    return _mmd(a, b, 2 * sigma)


def without_two(a, b, sigma):
    return _mmd(a, b, sigma**2)


def distance_not_squared(a, b, sigma):
    def kernel(x, y):
        return np.exp(-np.linalg.norm(x[:, None] - y[None], axis=2) / (2 * sigma**2)).mean()

    return float(kernel(a, a) + kernel(b, b) - 2 * kernel(a, b))


def root(a, b, sigma):
    return float(np.sqrt(max(kernel_distance(a, b, sigma), 0.0)))


def without_own_pairs(a, b, sigma):
    found, width = -2 * _kernel(a, b, 2 * sigma**2).mean(), 2 * sigma**2
    for part in (a, b):
        found += (_kernel(part, part, width).sum() - len(part)) / (len(part) * (len(part) - 1))
    return float(found)


def sums(a, b, sigma):
    kernels = [_kernel(*pair, 2 * sigma**2).sum() for pair in ((a, a), (b, b), (a, b))]
    return float(kernels[0] + kernels[1] - 2 * kernels[2])


def of_means(a, b, sigma):
    return float(((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum())


MMD_MISTAKES = (
    (cross_once, "The third mean counts twice: (ā − b̄)² = ā² + b̄² − *2* ā b̄."),
    (cross_added, "The third mean is subtracted."),
    (cross_alone, "Only the third mean is there. The means over pairs within each set are missing."),
    (bandwidth_not_squared, "The bandwidth is not squared: divide by 2σ²."),
    (without_two, "The 2 in the kernel is missing: divide by 2σ²."),
    (distance_not_squared, "The distance in the exponent is not squared."),
    (root, "This is the root, MMD. The square is wanted."),
    (
        without_own_pairs,
        "You left out the pairs of a point with itself. Here they count (a biased estimate, never < 0).",
    ),
    (sums, "These are sums over pairs. Means are wanted: the sets may have different sizes."),
    (of_means, "This compares the means of the points themselves. Sets of equal mean and other spread have 0 then."),
)
_MMD_CASES = (
    (np.array([[0.0, 1.0], [0.5, -0.2], [1.5, 0.3]]), np.array([[0.2, 0.1], [2.0, -1.0]]), 0.7),
    (np.array([[0.1], [0.4]]), np.array([[1.0], [0.3], [-0.6], [0.0]]), 1.6),
)


def compare_mmd(answer: Callable) -> str | None:
    """Say what is wrong with a learner's kernel distance, or return None.

    Raises:
        AnswerError: if the answer raises.

    Example:
        >>> compare_mmd(cross_added)
        'The third mean is subtracted.'
    """
    for n, case in enumerate(_MMD_CASES):
        found = call(answer, *case)
        if wrong := numbers_close(found, kernel_distance(*case), 1e-5, "MMD²"):
            made = (words for mistake, words in MMD_MISTAKES if not numbers_close(found, mistake(*case), 1e-5, ""))
            return (
                next(made, wrong) if n == 0 else "It is right for sets of one size only: take the sizes from a and b."
            )
    return None
