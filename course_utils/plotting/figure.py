"""The course's figure: alt text, small PNG, one colour-blind-safe palette, never shown by itself.

Palette: Okabe and Ito, "Color Universal Design" (2008), as printed by Wong, Nature Methods 8, 441 (2011).
"""

from __future__ import annotations

import base64
import io
import sys
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

REAL = "#0072B2"  # blue: data, p_data
FAKE = "#D55E00"  # vermillion: samples, p_g
GENERATOR = FAKE  # what the generator makes and the generator share a colour
DISCRIMINATOR = "#009E73"  # bluish green: D(x), the discriminator's loss
EXACT = "#000000"  # black, always dashed: what a formula says
EXACT_LINE = {"color": EXACT, "linestyle": "--", "linewidth": 1.3}
PALETTE = (REAL, FAKE, DISCRIMINATOR, "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")

_DPI = 80  # a figure 9 inches wide fills JupyterLab's column; more only makes notebooks larger


class CourseFigure(Figure):
    """A Matplotlib figure that carries its alt text and shows as a small PNG.

    Made apart from ``pyplot``: nothing shows unless it is a cell's last expression or is given to
    ``display``, and nothing stays in memory afterwards.

    Args:
        alt: what the figure shows, in words, for readers who cannot see it.
        **options: options of `matplotlib.figure.Figure`.

    Attributes:
        alt: the text; it can be changed while the figure is redrawn.
        colours: how many the PNG may have. 128 are enough for anti-aliased lines in the palette, at a
            third of the bytes of a true-colour PNG; a figure that is all grey needs fewer.

    Raises:
        ValueError: if the alt text is empty.
    """

    colours = 128

    def __init__(self, *, alt: str, **options: Any) -> None:
        if not isinstance(alt, str) or not alt.strip():
            raise ValueError(f"alt must describe the figure in words. Received: {alt!r}.")
        super().__init__(dpi=_DPI, layout="constrained", **options)
        FigureCanvasAgg(self)
        self.alt = alt
        _show_ours()

    def to_image(self) -> Image.Image:
        """Draw the figure and return it as an RGB image."""
        self.canvas.draw()
        return Image.fromarray(np.array(self.canvas.buffer_rgba())[..., :3])

    def to_png(self) -> bytes:
        """Draw the figure and return it as a PNG of at most ``colours`` colours."""
        small = self.to_image().quantize(self.colours, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        small.save(buffer, format="PNG", optimize=True)
        return buffer.getvalue()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        encoded = base64.b64encode(self.to_png()).decode("ascii")
        return {"image/png": encoded}, {"image/png": {"alt": self.alt}}

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    __str__ = __repr__


def _show_ours() -> None:
    """Keep pyplot's inline backend from drawing our figures its own way, without alt text.

    That backend registers a PNG formatter for every Figure, and IPython prefers a registered formatter
    to the figure's own bundle. One of ours that gives nothing leaves the bundle as it is.
    """
    # Outside IPython nothing needs registering, and importing it would cost half a second.
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        shell.display_formatter.formatters["image/png"].for_type(CourseFigure, lambda figure: None)


def subplots(
    rows: int = 1, columns: int = 1, *, alt: str, figsize: tuple[float, float] | None = None, **options: Any
) -> tuple[CourseFigure, Any]:
    """Make a figure with axes, as ``pyplot.subplots`` does, with an alt text and the course's look.

    Args:
        rows: rows of axes.
        columns: columns of axes.
        alt: what the figure shows, in words.
        figsize: width and height in inches at 80 dots an inch; by default 4.5 by 3.2 for each axes.
        **options: options of `matplotlib.figure.Figure.subplots`, such as ``sharex=True``.

    Returns:
        The figure, and one axes or an array of axes.

    Raises:
        ValueError: if the alt text is empty.

    Example:
        >>> figure, axes = subplots(alt="A line from 0 to 1.")
        >>> _ = axes.plot([0, 1], [0, 1])
        >>> figure
        Figure: A line from 0 to 1.
    """
    figure = CourseFigure(alt=alt, figsize=figsize or (4.5 * columns, 3.2 * rows))
    axes = figure.subplots(rows, columns, **options)
    for one in figure.axes:
        _look(one)
    return figure, axes


def _look(axes: Axes) -> None:
    axes.set_prop_cycle(color=PALETTE)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
