"""The course's own digit classifier: the ruler that every MNIST generator is measured with."""

from __future__ import annotations

import os

import keras

from course_utils.datasets.files import verified_path

WEIGHTS = "digit_classifier.weights.h5"
FEATURES = 64
CLASSES = 10


def build_digit_classifier() -> keras.Model:
    """Return the classifier's architecture with fresh weights.

    Five 3 x 3 convolutions (two of them halve the image), a 64-dimensional layer ``"features"``
    and the ``"logits"``. Batch normalisation lets it reach its accuracy in a few epochs, and
    keeps every unit of the feature layer in use, so that their covariance is not degenerate.
    Every layer computes in float32 whatever Keras's dtype policy is: a ruler does not change with
    the precision that a generator was trained in.

    Returns:
        A `keras.Model` named ``"digit_classifier"`` from float32 images ``(B, 28, 28, 1)`` in
        [-1, 1] to float32 logits ``(B, 10)``.

    Example:
        >>> build_digit_classifier().get_layer("features").output.shape
        (None, 64)
    """
    image = keras.Input((28, 28, 1), dtype="float32", name="image")
    x = image
    # (B, 28, 28, 1) -> (B, 28, 28, 16) -> (B, 14, 14, 32) -> (B, 14, 14, 32) -> (B, 7, 7, 64) -> (B, 5, 5, 64)
    blocks = ((16, 1, "same"), (32, 2, "same"), (32, 1, "same"), (64, 2, "same"), (64, 1, "valid"))
    for number, (filters, strides, padding) in enumerate(blocks, start=1):
        # No bias: the normalisation that follows would subtract it.
        x = keras.layers.Conv2D(filters, 3, strides, padding, use_bias=False, dtype="float32", name=f"conv_{number}")(x)
        x = keras.layers.BatchNormalization(dtype="float32", name=f"norm_{number}")(x)
        x = keras.layers.ReLU(dtype="float32", name=f"relu_{number}")(x)
    x = keras.layers.Flatten(dtype="float32", name="flatten")(x)
    x = keras.layers.Dropout(0.3, dtype="float32", name="dropout_flat")(x)
    x = keras.layers.Dense(FEATURES, use_bias=False, dtype="float32", name="dense")(x)
    x = keras.layers.BatchNormalization(dtype="float32", name="norm_dense")(x)
    x = keras.layers.ReLU(dtype="float32", name="features")(x)
    x = keras.layers.Dropout(0.3, dtype="float32", name="dropout_features")(x)
    logits = keras.layers.Dense(CLASSES, dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="digit_classifier")


def load_digit_classifier(directory: str | os.PathLike | None = None) -> keras.Model:
    """Return the trained classifier, after its file's checksum has been verified.

    Args:
        directory: the data folder; None looks in ``COURSE_DATA``, then in the repository.

    Returns:
        The model of `build_digit_classifier` with its trained weights. What it was measured to do
        stands beside the weights in ``digit_classifier.json``.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: if the file is not the registered one.

    Example:
        >>> load_digit_classifier().count_params()
        173402
    """
    model = build_digit_classifier()
    model.load_weights(verified_path(WEIGHTS, directory))
    return model
