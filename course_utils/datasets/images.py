"""Labelled images of 28 by 28 grey values in a training and a test part."""

from __future__ import annotations

import dataclasses

import numpy as np

from course_utils.datasets.batching import shuffled_batches
from course_utils.datasets.card import Card


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with labels, as they are stored: one byte a pixel.

    Attributes:
        train_images: uint8 (N, 28, 28), 0 is background.
        train_labels: int32 (N,), 0 to 9.
        test_images: uint8 (M, 28, 28).
        test_labels: int32 (M,).
        card: source, licence and sizes.
    """

    train_images: np.ndarray = dataclasses.field(repr=False)
    train_labels: np.ndarray = dataclasses.field(repr=False)
    test_images: np.ndarray = dataclasses.field(repr=False)
    test_labels: np.ndarray = dataclasses.field(repr=False)
    card: Card

    def batches(self, batch_size: int, *, split: str = "train", labels: bool = False, seed: int = 0):
        """Return shuffled batches for a GAN.

        Args:
            batch_size: images in a batch; the rest that fills no batch is left out of a pass.
            split: ``"train"`` or ``"test"``.
            labels: yield (images, labels) instead of images.
            seed: decides the order.

        Returns:
            A `tf.data.Dataset` of float32 (B, 28, 28, 1) in [-1, 1]; with ``labels`` also int32 (B,).

        Raises:
            ValueError: if the split is unknown or smaller than one batch.

        Example:
            >>> from course_utils.datasets import load_mnist
            >>> batch = next(iter(load_mnist().batches(64)))
            >>> tuple(batch.shape)
            (64, 28, 28, 1)
        """
        if split not in ("train", "test"):
            raise ValueError(f"split must be 'train' or 'test'. Received: {split!r}.")
        train = split == "train"
        images = self.train_images if train else self.test_images
        if not labels:
            return shuffled_batches(images, batch_size, seed=seed, transform=scale_pixels)
        classes = self.train_labels if train else self.test_labels
        return shuffled_batches(
            (images, classes), batch_size, seed=seed, transform=lambda pixels, label: (scale_pixels(pixels), label)
        )


def scale_pixels(images):
    """Map bytes 0..255 to -1..1, the range of a generator's tanh, and give grey images a channel axis.

    Args:
        images: uint8 (B, H, W) or (B, H, W, C).

    Returns:
        float32 tensor (B, H, W, 1) or (B, H, W, C).

    Example:
        >>> scale_pixels(np.array([[[0, 255]]], "uint8")).numpy().ravel().tolist()
        [-1.0, 1.0]
    """
    import tensorflow as tf

    scaled = tf.cast(images, tf.float32) / 127.5 - 1.0
    return scaled[..., tf.newaxis] if scaled.shape.rank == 3 else scaled
