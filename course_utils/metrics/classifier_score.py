"""The classifier score, known as Inception score: are single images clear, and is the whole set varied?"""

from __future__ import annotations

import numpy as np

from course_utils.metrics.features import real_numbers


def classifier_score(probabilities) -> float:
    """Return exp(E KL(p(y|x) ‖ p(y))): the number of classes that a set of clear images seems to hold.

    It is 1 if the classifier says the same of every image, and the number of classes K if it is sure of each image and
    each class has as many. It never looks at a real image, and one clear image a class scores K.

    Args:
        probabilities: float (N, K), a row an image, rows adding up to 1, N at least 1.

    Returns:
        A float from 1 to K. With N below a few thousand it is too small, since the mean is taken over few images.

    Raises:
        TypeError: if they are no real numbers.
        ValueError: if they are not rows of probabilities.

    Example:
        >>> round(classifier_score(np.eye(10)[[3, 7]]), 6)
        2.0

    Reference:
        Salimans et al. (2016), "Improved techniques for training GANs", section 4, without its ten splits.
    """
    p = real_numbers("probabilities", probabilities)
    if p.ndim != 2 or not p.size or p.min() < 0 or not np.allclose(p.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError(
            f"probabilities must be (N, K) with rows that add up to 1, N at least 1. Received shape: {p.shape}. "
            "Pass logits through a softmax first."
        )
    entropies = (_entropy(p.mean(axis=0)), _entropy(p).mean())
    return float(np.exp(entropies[0] - entropies[1]))


def _entropy(p: np.ndarray) -> np.ndarray:
    return -np.sum(p * np.log(p, out=np.zeros_like(p), where=p > 0), axis=-1)
