"""Films: frames of a training as one animated GIF, made on demand."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from course_utils.plotting.figure import CourseFigure
from course_utils.runtime import replacing

_COLOURS = 64
_LAST_FRAME = 6  # the end stays this many times longer, so that one can look at it


@dataclasses.dataclass(frozen=True, repr=False)
class Animation:
    """An animated GIF that shows itself in a notebook and in the HTML made from it.

    Args:
        data: the bytes of the GIF.
        frames: how many frames it has.
        alt: what it shows, in words.
    """

    data: bytes
    frames: int
    alt: str

    @property
    def size(self) -> int:
        """Bytes of the GIF; a notebook that shows it grows by 4/3 of this."""
        return len(self.data)

    def __repr__(self) -> str:
        return f"Film of {self.frames} frames, {self.size / 1000:.0f} kB: {self.alt}"

    def _repr_html_(self) -> str:
        # An <img> and not image/gif: nbconvert has no rule for that type and would leave it out of the HTML.
        encoded = base64.b64encode(self.data).decode("ascii")
        return f'<img src="data:image/gif;base64,{encoded}" alt="{html.escape(self.alt)}">'


def film(
    frames: Sequence[CourseFigure | np.ndarray],
    path: str | os.PathLike | None = None,
    *,
    alt: str,
    milliseconds: int = 200,
) -> Animation:
    """Join frames into an animated GIF that loops and holds its last frame.

    Args:
        frames: figures, or uint8 pictures (H, W) or (H, W, 3), all of one size.
        path: where to write the file as well; nothing is written without it.
        alt: what the film shows, in words.
        milliseconds: how long a frame stays, at least 20 (browsers slow down faster films).

    Returns:
        The `Animation`; it knows its ``size`` in bytes.

    Raises:
        ValueError: if there are no frames, they differ in size or are no pictures, or alt is empty.

    Example:
        >>> film([np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8)], alt="Black, then white.").frames
        2
    """
    if not alt.strip():
        raise ValueError(f"alt must describe the film in words. Received: {alt!r}.")
    if milliseconds < 20:
        raise ValueError(f"milliseconds must be 20 or more. Received: {milliseconds!r}.")
    pictures = [_picture(frame) for frame in frames]
    sizes = sorted({picture.size for picture in pictures})
    if len(sizes) != 1:
        raise ValueError(f"A film needs frames, all of one size (width, height). Received: {sizes}.")
    # With one palette for all, pixels that stay the same cost nothing: half the bytes of a palette a frame.
    palette = _palette(pictures)
    pictures = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    buffer = io.BytesIO()
    durations = [milliseconds] * (len(pictures) - 1) + [_LAST_FRAME * milliseconds]
    pictures[0].save(
        buffer, format="GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=True
    )
    if path is not None:
        with replacing(path) as part:
            part.write_bytes(buffer.getvalue())
    return Animation(buffer.getvalue(), len(pictures), alt)


def _picture(frame: Any) -> Image.Image:
    if isinstance(frame, CourseFigure):
        return frame.to_image()
    frame = np.asarray(frame)
    if frame.dtype != np.uint8 or not (frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 3)):
        raise ValueError(
            "A frame must be a figure or a uint8 picture (H, W) or (H, W, 3); `tile` makes one of images in [-1, 1]. "
            f"Received: {frame.dtype} {frame.shape}."
        )
    return Image.fromarray(frame).convert("RGB")


def _palette(pictures: list[Image.Image]) -> Image.Image:
    """Choose the colours of the first, the middle and the last picture together."""
    chosen = [pictures[0], pictures[len(pictures) // 2], pictures[-1]]
    return Image.fromarray(np.concatenate([np.asarray(picture) for picture in chosen])).quantize(_COLOURS)
