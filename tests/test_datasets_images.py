"""MNIST, Fashion-MNIST through a stand-in for Keras's download, and their batches."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from course_utils.datasets import load_fashion_mnist, load_mnist
from course_utils.datasets.images import scale_pixels


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


def test_mnist_is_the_published_set(mnist):
    assert mnist.train_images.shape == (60_000, 28, 28) and mnist.train_images.dtype == np.uint8
    assert mnist.test_images.shape == (10_000, 28, 28) and mnist.test_images.dtype == np.uint8
    assert mnist.train_labels.dtype == mnist.test_labels.dtype == np.int32
    # The published sets begin with these digits, have these counts and this mean grey value (0.1307).
    assert mnist.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(mnist.train_labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.train_images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert mnist.card.sizes == {"train": 60_000, "test": 10_000}


def test_batches_are_scaled_images_of_static_shape(mnist):
    batches = mnist.batches(256, seed=3)
    assert batches.element_spec.shape == (256, 28, 28, 1)
    batch = next(iter(batches)).numpy()
    assert batch.dtype == np.float32
    assert batch.min() == -1.0 and batch.max() == 1.0


def test_labels_stay_with_their_images(mnist):
    images, labels = next(iter(mnist.batches(500, split="test", labels=True, seed=1)))
    label_of = {
        hashlib.sha256(image.tobytes()).digest(): label
        for image, label in zip(mnist.test_images, mnist.test_labels, strict=True)
    }
    stored = np.round((images.numpy()[..., 0] + 1) * 127.5).astype(np.uint8)
    assert labels.numpy().dtype == np.int32
    assert [label_of[hashlib.sha256(image.tobytes()).digest()] for image in stored] == labels.numpy().tolist()


def test_same_seed_gives_the_same_order_and_another_seed_another(mnist):
    def first(seed):
        return next(iter(mnist.batches(64, split="test", seed=seed))).numpy()

    assert np.array_equal(first(5), first(5))
    assert not np.array_equal(first(5), first(6))


def test_wrong_split_and_too_large_batch_are_refused(mnist):
    with pytest.raises(ValueError, match=r"'train' or 'test'. Received: 'valid'"):
        mnist.batches(8, split="valid")
    with pytest.raises(ValueError, match="10001"):
        mnist.batches(10_001, split="test")


def test_pixels_map_exactly():
    grey = np.array([[[0, 51], [102, 255]]], np.uint8)
    assert scale_pixels(grey).numpy()[..., 0] == pytest.approx(np.array([[[-1.0, -0.6], [-0.2, 1.0]]]), abs=1e-7)
    assert scale_pixels(np.zeros((2, 4, 5, 3), np.uint8)).shape == (2, 4, 5, 3)


def test_fashion_without_a_network_is_one_clear_error(monkeypatch):
    import keras

    def fail():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", fail)
    with pytest.raises(ConnectionError, match=r"could not be downloaded \(URL fetch failure\).*load_mnist") as caught:
        load_fashion_mnist()
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("error", [EOFError("ended early"), ValueError("cannot reshape")])
def test_fashion_with_a_damaged_cache_says_what_to_delete(monkeypatch, error):
    import keras

    def fail():
        raise error

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", fail)
    with pytest.raises(ValueError, match=rf"damaged \({error}\). Delete the folder datasets/fashion-mnist"):
        load_fashion_mnist()


def test_fashion_has_the_form_of_mnist_and_is_checked(monkeypatch):
    import keras

    def arrays(pixels):
        return (
            (np.zeros((60_000, 28, 28), pixels), np.full(60_000, 9, np.uint8)),
            (np.zeros((10_000, 28, 28), np.uint8), np.zeros(10_000, np.uint8)),
        )

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: arrays(np.uint8))
    clothing = load_fashion_mnist()
    assert clothing.train_labels.dtype == np.int32 and clothing.train_labels[0] == 9
    assert clothing.card.licence == "MIT"
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: arrays(np.int8))
    with pytest.raises(ValueError, match="received int8"):
        load_fashion_mnist()


def test_importing_the_loaders_does_not_import_tensorflow():
    code = "import sys, course_utils.datasets; print('tensorflow' in sys.modules, 'PIL' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["False", "False"]
