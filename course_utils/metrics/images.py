"""Measures of generated digits, all of them read off the course's own digit classifier.

`report` gives them in one call. No number is enough alone: perfect threes and nothing else have high
confidence and a coverage of 1, and the classifier takes uniform noise for one digit with a
confidence near 100 %. The Fréchet distance sees both, but in a unit that means nothing without its floor.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from course_utils.metrics.digit_scorer import digit_scorer
from course_utils.metrics.frechet import feature_statistics, frechet_distance
from course_utils.models.digit_classifier import CLASSES


def frechet_digit_distance(images, real) -> float:
    """Return the Fréchet distance between generated and real images on the classifier's 64 features.

    It falls as the number of images grows, even for a perfect generator: compare distances only at
    the same number of images, and with the floor in `report`.

    Args:
        images: float32 ``(N, 28, 28, 1)`` in [-1, 1] or uint8 ``(N, 28, 28)``, N at least 128.
        real: real images in either form; their features are remembered between calls.

    Returns:
        A float of at least 0.

    Raises:
        ValueError: if either set is in neither form or holds fewer than 128 images.

    Example:
        >>> distance = frechet_digit_distance(samples, mnist.train_images)  # doctest: +SKIP

    Reference:
        Heusel et al. (2017), eq. 6, with the course's classifier in the place of Inception; the bias:
        Bińkowski et al. (2018), "Demystifying MMD GANs", section 4.
    """
    scorer = digit_scorer()
    return _distance(scorer.features(images), scorer.reference_features(real))


def digit_coverage(probabilities, minimum_share: float = 0.01) -> int:
    """Return how many of the ten digits have at least ``minimum_share`` of the images.

    An image counts for its most probable digit. MNIST itself has 9 to 11 % of each digit; 1 % is a
    digit made ten times too rarely. Give a hundred images or more, or one image alone makes the share.

    Args:
        probabilities: float array ``(N, 10)``, rows adding up to 1.
        minimum_share: above 0, at most 1.

    Returns:
        An integer, 1 to 10; 0 is possible only for a share above 0.1.

    Raises:
        ValueError: if ``probabilities`` are not, or the share is out of its range.

    Example:
        >>> digit_coverage(np.eye(10)[[3, 3, 3, 7]])
        2
    """
    if not 0.0 < minimum_share <= 1.0:
        raise ValueError(f"minimum_share must be above 0 and at most 1. Received: {minimum_share!r}.")
    return int((_shares(probabilities) >= minimum_share).sum())


def digit_entropy(probabilities) -> float:
    """Return the entropy, in nats, of the histogram of the most probable digits.

    At most ``log 10 = 2.303`` (every digit equally often; MNIST itself has 2.301), 0 when all images
    are taken for one digit.

    Args:
        probabilities: float array ``(N, 10)``, rows adding up to 1.

    Returns:
        A float from 0 to log 10.

    Raises:
        ValueError: if ``probabilities`` are not.

    Example:
        >>> round(digit_entropy(np.eye(10)[[3, 3, 7, 7]]), 3)  # log 2
        0.693
    """
    shares = _shares(probabilities)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum()) + 0.0  # + 0.0 turns -0.0 into 0.0


@dataclasses.dataclass(frozen=True)
class ImageReport:
    """What `report` measured.

    Attributes:
        count: how many generated images.
        distance: Fréchet digit distance between the generated and the real images.
        floor: the same distance for ``count`` real images that were held out: the value no honest
            generator is expected to go below.
        coverage: digits with at least 1 % of the generated images, 1 to 10.
        entropy: of the digits' histogram, in nats.
        confidence: mean probability of the most probable digit.
    """

    count: int
    distance: float
    floor: float
    coverage: int
    entropy: float
    confidence: float

    def __str__(self) -> str:
        return (
            f"{self.count:,} images: Fréchet digit distance {self.distance:.2f} (real images: {self.floor:.2f}), "
            f"{self.coverage} of {CLASSES} digits, entropy {self.entropy:.2f} of {math.log(CLASSES):.2f} nats, "
            f"mean confidence {self.confidence:.1%}"
        )


def report(samples, real, held_out) -> ImageReport:
    """Measure generated digits, beside the same measure of as many real ones.

    The distance is biased upwards, by more the fewer images there are. The floor therefore comes from as
    many held-out images as there are samples, drawn with a fixed seed.

    Args:
        samples: generated images, float32 ``(N, 28, 28, 1)`` in [-1, 1], N at least 128.
        real: the images the generator learned from, such as ``mnist.train_images``.
        held_out: other real images, such as ``mnist.test_images``; at least N.

    Returns:
        The `ImageReport`; printing it gives one line.

    Raises:
        ValueError: if a set is in neither form, there are fewer than 128 samples, fewer held-out
            images than samples, or ``held_out`` is ``real``.

    Example:
        >>> print(report(samples, mnist.train_images, mnist.test_images))  # doctest: +SKIP
        1,000 images: Fréchet digit distance ...

    Reference:
        Heusel et al. (2017), eq. 6; Bińkowski et al. (2018), section 4, and Chong and Forsyth (2020),
        "Effectively unbiased FID and Inception Score", on the bias.
    """
    scorer = digit_scorer()
    features, probabilities = scorer.score(samples)
    count = len(features)
    real_features, other_features = scorer.reference_features(real), scorer.reference_features(held_out)
    if other_features is real_features:
        raise ValueError(
            "held_out must be other images than real: a set is at no distance from itself. Received: the same twice."
        )
    if len(other_features) < count:
        raise ValueError(
            f"The floor needs as many held-out images as samples. Received: {len(other_features)} for {count} "
            "samples. Measure fewer samples."
        )
    chosen = np.random.default_rng(0).permutation(len(other_features))[:count]
    return ImageReport(
        count=count,
        distance=_distance(features, real_features),
        floor=_distance(other_features[chosen], real_features),
        coverage=digit_coverage(probabilities),
        entropy=digit_entropy(probabilities),
        confidence=float(probabilities.max(axis=1).mean()),
    )


def _distance(features_1: np.ndarray, features_2: np.ndarray) -> float:
    """The Fréchet distance between two sets of features."""
    first, second = feature_statistics(features_1), feature_statistics(features_2)
    return frechet_distance(first.mean, first.covariance, second.mean, second.covariance)


def _shares(probabilities) -> np.ndarray:
    """Return the share of each digit among the most probable ones, float64 ``(10,)``."""
    probabilities = np.asarray(probabilities)
    good = probabilities.dtype.kind in "fiu" and probabilities.ndim == 2 and probabilities.shape[1:] == (CLASSES,)
    # Both comparisons are written so that NaN fails them.
    good = good and len(probabilities) and probabilities.min() >= 0
    if not (good and np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-3)):
        raise ValueError(
            "probabilities must be (N, 10) with rows that add up to 1, N at least 1. "
            f"Received: {probabilities.dtype} {probabilities.shape}. Pass logits through a softmax first."
        )
    return np.bincount(probabilities.argmax(axis=1), minlength=CLASSES) / len(probabilities)
