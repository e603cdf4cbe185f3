"""Fashion-MNIST: articles of clothing, through Keras, which needs a network the first time."""

from __future__ import annotations

import gzip
import zlib

import numpy as np

from course_utils.datasets.card import Card
from course_utils.datasets.images import ImageSet

SHAPES = ((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,))


def load_fashion_mnist() -> ImageSet:
    """Return the 60,000 training and 10,000 test images of clothing.

    Keras downloads them once into its own cache folder; they are not in the course's bundle.

    Returns:
        An `ImageSet`; labels 0-9 are T-shirt/top, trouser, pullover, dress, coat, sandal, shirt,
        sneaker, bag, ankle boot.

    Raises:
        ConnectionError: if they are not in the cache and cannot be downloaded.
        ValueError: if the cached files are damaged.

    Example:
        >>> clothing = load_fashion_mnist()  # doctest: +SKIP
        >>> clothing.train_images.shape  # doctest: +SKIP
        (60000, 28, 28)

    Reference:
        Xiao, Rasul, Vollgraf: Fashion-MNIST. 2017. arXiv:1708.07747.
    """
    import keras

    damaged = (
        "The cached files of Fashion-MNIST are damaged ({}). Delete the folder datasets/fashion-mnist in Keras's "
        "cache (~/.keras, or KERAS_HOME) and load again."
    )
    try:
        (train_images, train_labels), (test_images, test_labels) = keras.datasets.fashion_mnist.load_data()
    except (gzip.BadGzipFile, EOFError, zlib.error, ValueError) as error:
        raise ValueError(damaged.format(error)) from None
    except Exception as error:
        # Keras raises a bare Exception when a download fails, and passes on what the socket raised.
        raise ConnectionError(
            f"Fashion-MNIST could not be downloaded ({error}). It is the one image set that needs a network, the "
            "first time only; connect and load again, or use load_mnist(), which needs none."
        ) from None
    arrays = (train_images, train_labels, test_images, test_labels)
    if tuple(array.shape for array in arrays) != SHAPES or any(array.dtype != np.uint8 for array in arrays):
        received = ", ".join(f"{array.dtype} {array.shape}" for array in arrays)
        raise ValueError(damaged.format(f"expected uint8 {SHAPES}, received {received}"))
    return ImageSet(
        train_images=train_images,
        train_labels=train_labels.astype(np.int32),
        test_images=test_images,
        test_labels=test_labels.astype(np.int32),
        card=Card(
            name="Fashion-MNIST articles of clothing",
            source="keras.datasets.fashion_mnist (downloaded, not bundled)",
            licence="MIT",
            attribution="Zalando SE; Han Xiao, Kashif Rasul, Roland Vollgraf",
            sizes={"train": len(train_images), "test": len(test_images)},
            notes="Same format as MNIST; shirt, T-shirt, pullover and coat are hard to tell apart at 28 by 28.",
        ),
    )
