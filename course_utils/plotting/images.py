"""Images side by side, as one tiled picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from course_utils.plotting.figure import CourseFigure, subplots

_BORDER = 1
_BORDER_GREY = 160  # seen against black digits' ground and against white


def tile(images: Any, *, columns: int = 8) -> np.ndarray:
    """Lay images out in rows, a thin line between them.

    Args:
        images: (N, H, W) or (N, H, W, 1), float in [-1, 1] or uint8; an array or an eager tensor.
        columns: images in a row.

    Returns:
        One uint8 picture (rows * (H + 1) + 1, columns * (W + 1) + 1).

    Raises:
        ValueError: if the shape, the type or the range is another, or there is NaN.

    Example:
        >>> tile(np.zeros((3, 28, 28), np.uint8), columns=2).shape
        (59, 59)
    """
    pixels = _as_uint8(np.asarray(images))
    if columns < 1:
        raise ValueError(f"columns must be at least 1. Received: {columns!r}.")
    count, height, width = pixels.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    picture = np.full(
        (rows * (height + _BORDER) + _BORDER, columns * (width + _BORDER) + _BORDER), _BORDER_GREY, np.uint8
    )
    for index, image in enumerate(pixels):
        top = _BORDER + (index // columns) * (height + _BORDER)
        left = _BORDER + (index % columns) * (width + _BORDER)
        picture[top : top + height, left : left + width] = image
    return picture


def _as_uint8(images: np.ndarray) -> np.ndarray:
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3 or 0 in images.shape:
        raise ValueError(
            f"images must have shape (N, H, W) or (N, H, W, 1). Received: {images.shape}. "
            "For one image add an axis: image[None]."
        )
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"images must be float in [-1, 1] or uint8. Received: {images.dtype}.")
    low, high = float(images.min()), float(images.max())
    if not (low >= -1.001 and high <= 1.001):  # written so that NaN fails too
        raise ValueError(
            f"images must lie in [-1, 1]. Received: {low:g} to {high:g}. "
            "Pixels from 0 to 255 become x / 127.5 - 1; NaN means that the generator diverged."
        )
    return np.clip(np.round((images + 1) * 127.5), 0, 255).astype(np.uint8)


def draw_images(axes: Axes, images: Any, *, columns: int = 8) -> None:
    """Draw images as one tiled picture into axes that exist.

    Args:
        axes: where to draw.
        images: as `tile` takes them.
        columns: images in a row.

    Raises:
        ValueError: as `tile`.

    Example:
        >>> figure, axes = subplots(alt="Eight black squares.")
        >>> draw_images(axes, -np.ones((8, 28, 28, 1)))
        >>> axes.images[0].get_size()
        (30, 233)
    """
    axes.imshow(tile(images, columns=columns), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()


def image_grid(images: Any, *, alt: str, columns: int = 8, title: str | None = None) -> CourseFigure:
    """Show images side by side.

    Args:
        images: (N, H, W) or (N, H, W, 1), float in [-1, 1] or uint8.
        alt: what is to be seen, such as ``"64 samples after 20 epochs; all ten digits appear"``.
        columns: images in a row.
        title: written above.

    Returns:
        The figure.

    Raises:
        ValueError: if the shape, the type or the range is another, there is NaN, or alt is empty.

    Example:
        >>> image_grid(-np.ones((8, 28, 28, 1)), alt="Eight black squares.")
        Figure: Eight black squares.
    """
    picture = tile(images, columns=columns)
    height, width = picture.shape
    wide = max(1.5, min(8.0, 0.8 * columns, 8.0 * width / height))  # inches; one column must not become a tower
    figure, axes = subplots(alt=alt, figsize=(wide, wide * height / width + (0.4 if title else 0.1)))
    figure.colours = 32  # grey levels that an eye can tell apart; noise of 128 makes a large file
    draw_images(axes, images, columns=columns)
    if title:
        axes.set_title(title, fontsize="medium", wrap=True)
    return figure
