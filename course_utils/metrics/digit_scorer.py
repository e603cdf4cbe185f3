"""The digit classifier as a measuring instrument: images in, features and probabilities out."""

from __future__ import annotations

import collections
import functools
import hashlib

import keras
import numpy as np
import tensorflow as tf

from course_utils.datasets.images import scale_pixels
from course_utils.models.digit_classifier import load_digit_classifier

BATCH = 500  # the fastest of 100, 500 and 1,000 on two CPU cores
REMEMBERED = 4


class DigitScorer:
    """What the digit classifier makes of images: features and class probabilities.

    Everywhere, ``images`` are what a generator makes or what MNIST holds: float32 ``(N, 28, 28, 1)`` in
    [-1, 1], or uint8 ``(N, 28, 28)`` in 0 to 255, which is scaled.

    Args:
        classifier: a model of `build_digit_classifier`, trained.

    Example:
        >>> scorer = DigitScorer(load_digit_classifier())
        >>> scorer.features(np.zeros((3, 28, 28), "uint8")).shape
        (3, 64)
    """

    def __init__(self, classifier: keras.Model):
        outputs = [classifier.get_layer("features").output, classifier.get_layer("logits").output]
        model = keras.Model(classifier.input, outputs)
        # One trace for every batch size: the last batch of a set is seldom full.
        signature = [tf.TensorSpec((None, *classifier.input.shape[1:]), tf.float32)]
        self._model = tf.function(lambda batch: model(batch, training=False), input_signature=signature)
        self._known: collections.OrderedDict[bytes, np.ndarray] = collections.OrderedDict()

    def features(self, images) -> np.ndarray:
        """Return the feature layer's values, float32 ``(N, 64)``.

        Raises:
            ValueError: if ``images`` are in neither of the two forms.
        """
        return self.score(images)[0]

    def probabilities(self, images) -> np.ndarray:
        """Return the probability of each digit, float32 ``(N, 10)``; rows add up to 1.

        Raises:
            ValueError: if ``images`` are in neither of the two forms.
        """
        return self.score(images)[1]

    def score(self, images) -> tuple[np.ndarray, np.ndarray]:
        """Return features ``(N, 64)`` and probabilities ``(N, 10)`` from one pass over the images.

        Raises:
            ValueError: if ``images`` are in neither of the two forms.
        """
        images = _checked(images)
        batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
        parts = [self._model(scale_pixels(batch) if batch.dtype == np.uint8 else batch) for batch in batches]
        logits = tf.concat([part[1] for part in parts], axis=0)
        return tf.concat([part[0] for part in parts], axis=0).numpy(), tf.nn.softmax(logits).numpy()

    def reference_features(self, images) -> np.ndarray:
        """Return `features` of a set that is measured against again and again, from memory if it can.

        The last four sets are remembered by their content, so that an array changed in place is
        scored anew.

        Returns:
            Float32 ``(N, 64)``, read-only: what a caller changed would be wrong for every later one.

        Raises:
            ValueError: if ``images`` are in neither of the two forms.
        """
        images = _checked(images)
        key = hashlib.sha256(np.ascontiguousarray(images)).digest()
        if key not in self._known:
            self._known[key] = self.features(images)
            self._known[key].setflags(write=False)
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return self._known[key]


@functools.cache
def digit_scorer() -> DigitScorer:
    """Return the process's scorer on the weights in the data folder.

    Raises:
        FileNotFoundError: if the weights are missing.
        ValueError: if their checksum is not the registered one.

    Example:
        >>> digit_scorer().probabilities(np.zeros((3, 28, 28), "uint8")).shape
        (3, 10)
    """
    return DigitScorer(load_digit_classifier())


def _checked(images) -> np.ndarray:
    """Return images in one of the two accepted forms unchanged, as an array, or raise the one error."""
    try:
        images = np.asarray(images)
    except ValueError:  # rows of unequal length; the error below says the rest
        images = np.array(images, dtype=object)
    if images.ndim and len(images):
        if images.dtype == np.uint8 and images.shape[1:] == (28, 28):
            return images
        # Written so that NaN fails too; a hair beyond 1 is what float32 rounding may leave of a tanh.
        if images.dtype == np.float32 and images.shape[1:] == (28, 28, 1) and np.abs(images).max() <= 1.0 + 1e-5:
            return images
    values = f", from {images.min()} to {images.max()}" if images.size and images.dtype.kind in "fiu" else ""
    raise ValueError(
        "Images must be float32 (N, 28, 28, 1) in [-1, 1], or uint8 (N, 28, 28), N at least 1. "
        f"Received: {images.dtype} {images.shape}{values}. Reshape or rescale them first."
    )
