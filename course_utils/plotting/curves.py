"""Curves: losses over training, and the one-dimensional game of densities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from course_utils.plotting.figure import DISCRIMINATOR, EXACT_LINE, FAKE, GENERATOR, REAL, CourseFigure, subplots

_LOSSES = {"discriminator_loss": ("discriminator", DISCRIMINATOR), "generator_loss": ("generator", GENERATOR)}


def draw_losses(
    axes: Axes, history: Mapping[str, Sequence[float]], *, step_unit: str = "epoch", first: int = 1
) -> None:
    """Draw both players' losses and the log 2 line into axes that exist.

    Args:
        axes: where to draw.
        history: ``"discriminator_loss"`` and ``"generator_loss"``, each a list of floats in nats.
        step_unit: what one entry stands for, such as ``"epoch"`` or ``"step"``.
        first: the number of the first entry; more than 1 after a resumed training.

    Raises:
        ValueError: if a loss is missing, empty, or they differ in length.

    Example:
        >>> figure, axes = subplots(alt="Both losses after one epoch.")
        >>> draw_losses(axes, {"discriminator_loss": [0.5], "generator_loss": [1.0]})
        >>> [line.get_label() for line in axes.lines]
        ['discriminator', 'generator', 'log 2, balance']
    """
    lengths = {name: len(history[name]) for name in _LOSSES if name in history}
    if len(lengths) < len(_LOSSES) or len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise ValueError(
            f"history must hold {' and '.join(_LOSSES)}, of the same length and not empty. "
            f"Received: { ({name: len(history[name]) for name in history})!r} (name: length)."
        )
    for name, (label, colour) in _LOSSES.items():
        values = np.asarray(history[name], dtype=float)
        marker = "o" if len(values) < 30 else None  # a single point has no line to see
        axes.plot(first + np.arange(len(values)), values, color=colour, marker=marker, markersize=3, label=label)
    axes.axhline(math.log(2), label="log 2, balance", **EXACT_LINE)
    axes.set_xlabel(step_unit)
    axes.set_ylabel("loss (nats)")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    # Above the axes a legend hides no curve, wherever training takes them.
    axes.legend(fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)


def loss_curves(
    history: Mapping[str, Sequence[float]], *, alt: str | None = None, step_unit: str = "epoch"
) -> CourseFigure:
    """Draw both players' losses over training, with the log 2 line of a balanced game.

    With the mean-of-halves convention a discriminator that cannot tell real from fake pays log 2.

    Args:
        history: ``"discriminator_loss"`` and ``"generator_loss"``, each a list of floats in nats,
            such as the ``history`` attribute of what ``fit()`` returns.
        alt: what the curves show; by default their last values.
        step_unit: what one entry stands for, such as ``"epoch"`` or ``"step"``.

    Returns:
        The figure.

    Raises:
        ValueError: if a loss is missing, empty, or they differ in length.

    Example:
        >>> loss_curves({"discriminator_loss": [0.5, 0.6], "generator_loss": [1.0, 0.8]})
        Figure: Loss curves over 2 epochs. The discriminator ends at 0.60 nats, the generator at 0.80, log 2 is 0.69.
    """
    figure, axes = subplots(alt=alt or "Loss curves", figsize=(6.5, 3.4))
    draw_losses(axes, history, step_unit=step_unit)
    if alt is None:
        discriminator, generator = (history[name] for name in _LOSSES)
        steps = f"{len(generator)} {step_unit}{'s' if len(generator) > 1 else ''}"
        figure.alt = (
            f"Loss curves over {steps}. The discriminator ends at {discriminator[-1]:.2f} nats, "
            f"the generator at {generator[-1]:.2f}, log 2 is {math.log(2):.2f}."
        )
    return figure


def density_game(
    x: np.ndarray,
    p_data: np.ndarray,
    p_g: np.ndarray,
    d: np.ndarray,
    d_star: np.ndarray,
    *,
    title: str | None = None,
    alt: str | None = None,
) -> CourseFigure:
    """Draw a one-dimensional GAN: densities above, D(x) and the exact D*(x) below.

    D*(x) = p_data(x) / (p_data(x) + p_g(x)) (Goodfellow et al. 2014, proposition 1).

    Args:
        x: (N,) grid.
        p_data: (N,) density of the data.
        p_g: (N,) density of the generator's samples.
        d: (N,) the discriminator's probability of "real".
        d_star: (N,) its exact optimum; NaN where both densities vanish.
        title: written above, such as ``"step 200"``.
        alt: what the figure shows; by default how far D is from D* and p_g from p_data.

    Returns:
        The figure.

    Raises:
        ValueError: if the arrays are not of one shape (N,).

    Example:
        >>> x = np.linspace(-1, 1, 5)
        >>> density_game(x, np.full(5, 0.5), np.full(5, 0.5), np.full(5, 0.5), np.full(5, 0.5)).axes[1].get_ylabel()
        'probability of real'
    """
    given = {"x": x, "p_data": p_data, "p_g": p_g, "d": d, "d_star": d_star}
    arrays = {name: np.asarray(values, dtype=float) for name, values in given.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    if arrays["x"].ndim != 1 or len(set(shapes.values())) > 1:
        raise ValueError(f"All five arrays must have one shape (N,). Received: {shapes}.")
    x, p_data, p_g, d, d_star = arrays.values()
    if alt is None:
        overlap = np.trapezoid(np.minimum(p_data, p_g), x)
        distance = np.nanmax(np.abs(d - d_star), initial=0.0)
        alt = (
            f"{title + ': ' if title else ''}the densities p_data and p_g overlap in {overlap:.0%} of their mass; "
            f"below them D(x) differs from the exact D*(x) by at most {distance:.2f}."
        )
    figure, (top, bottom) = subplots(2, 1, alt=alt, figsize=(7, 4.8), sharex=True)
    for density, colour, label in ((p_data, REAL, "p_data (real)"), (p_g, FAKE, "p_g (generated)")):
        top.plot(x, density, color=colour, label=label)
        top.fill_between(x, density, color=colour, alpha=0.15)
    # Room above the data's peaks, so that the frame of a moving figure stays while p_g moves in it.
    top.set_ylim(0, max(1.8 * p_data.max(), 1.05 * p_g.max()))
    top.set_ylabel("density (1 / unit of x)")
    bottom.plot(x, d, color=DISCRIMINATOR, label="D(x), learned")
    bottom.plot(x, d_star, label="D*(x), exact", **EXACT_LINE)
    bottom.axhline(0.5, color="gray", linewidth=1, linestyle=":", label="1/2: cannot tell")
    bottom.set_ylim(-0.03, 1.03)
    bottom.set_ylabel("probability of real")
    bottom.set_xlabel("x")
    for axes in (top, bottom):
        # Beside the axes a legend hides no curve, wherever the curves move.
        axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    if title:
        figure.suptitle(title, fontsize="medium")
    return figure
