"""Tasks from images to images, made of grey images: outlines, missing parts, thin and thick strokes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

INK = 128  # grey values from here on are stroke


def outlines(images) -> np.ndarray:
    """Return the edges of the strokes: those of their pixels that have background beside them.

    Args:
        images: uint8 (N, H, W).

    Returns:
        uint8 (N, H, W), 0 or 255.

    Raises:
        ValueError: for another type or shape.

    Example:
        >>> image = np.zeros((1, 5, 5), np.uint8)
        >>> image[0, 1:4, 1:4] = 200
        >>> outlines(image)[0, 2].tolist()
        [0, 255, 0, 255, 0]
    """
    import scipy.ndimage

    ink = _checked(images) >= INK
    cross = scipy.ndimage.generate_binary_structure(2, 1)[None]
    inner = scipy.ndimage.binary_erosion(ink, cross)
    return np.where(ink & ~inner, np.uint8(255), np.uint8(0))


def with_missing(images, tops, lefts, size: Sequence[int]) -> np.ndarray:
    """Return images with a rectangle missing, and where it is.

    Args:
        images: float (N, H, W, C) in [−1, 1].
        tops, lefts: int (N,), the rectangle's upper left corner in each image.
        size: its height and width, such that it lies inside.

    Returns:
        float32 (N, H, W, C + 1): the images with 0, the middle grey, in the rectangle, and a mask that is 1 there.

    Raises:
        ValueError: if a rectangle lies outside.

    Example:
        >>> with_missing(np.ones((1, 4, 4, 1)), [1], [2], (2, 2))[0, 1].tolist()
        [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """
    images, tops, lefts = np.asarray(images), np.asarray(tops)[:, None], np.asarray(lefts)[:, None]
    height, width = images.shape[1:3]
    if tops.min() < 0 or lefts.min() < 0 or tops.max() + size[0] > height or lefts.max() + size[1] > width:
        raise ValueError(
            f"The rectangle of {size[0]} by {size[1]} must lie in the image of {height} by {width}. Received: corners "
            f"from ({tops.min()}, {lefts.min()}) to ({tops.max()}, {lefts.max()})."
        )
    rows, columns = np.arange(height), np.arange(width)
    inside = ((rows >= tops) & (rows < tops + size[0]))[:, :, None] & (
        (columns >= lefts) & (columns < lefts + size[1])
    )[:, None, :]
    mask = inside[..., None].astype(np.float32)
    return np.concatenate([images * (1.0 - mask), mask], axis=-1).astype(np.float32)


def stroke_widths(images) -> np.ndarray:
    """Return how wide the strokes of each image are, in pixels: twice the ink's area divided by its outline's length.

    Args:
        images: uint8 (N, H, W).

    Returns:
        float64 (N,); 0 for an image without ink.

    Raises:
        ValueError: for another type or shape.

    Example:
        >>> bar = np.zeros((1, 30, 9), np.uint8)
        >>> bar[0, :, 3:6] = 255  # 30 by 3 pixels
        >>> stroke_widths(bar).round(2).tolist()
        [2.73]
    """
    ink = _checked(images) >= INK
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    sides = sum(np.abs(np.diff(padded.astype(np.int8), axis=axis)).sum(axis=(1, 2)) for axis in (1, 2))
    return 2.0 * ink.sum(axis=(1, 2)) / np.maximum(sides, 1)


def _checked(images) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ValueError(f"images must be uint8 (N, H, W). Received: {images.dtype} {images.shape}.")
    return images
