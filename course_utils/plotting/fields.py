"""Two dimensions: what a discriminator thinks of the plane, and where a game moves its players."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.quiver import Quiver

from course_utils.plotting.figure import DISCRIMINATOR, EXACT, FAKE, PALETTE, REAL, CourseFigure, subplots

# White at 1/2, so that lightness alone shows the boundary; blue and vermillion keep their meanings.
_FAKE_TO_REAL = LinearSegmentedColormap.from_list("fake_to_real", [FAKE, "#FFFFFF", REAL])
_RESOLUTION = 101
_BANDS = 11  # odd, so that 1/2 falls into the middle of the white one


def _grid(x_range: tuple[float, float], y_range: tuple[float, float], count: int) -> tuple[np.ndarray, np.ndarray]:
    for name, (low, high) in (("x_range", x_range), ("y_range", y_range)):
        if not low < high:
            raise ValueError(f"{name} must be (low, high) with low < high. Received: {(low, high)}.")
    return np.meshgrid(np.linspace(*x_range, count), np.linspace(*y_range, count))


def _evaluate(function: Callable, x: np.ndarray, y: np.ndarray, shapes: list[tuple[int, ...]]) -> np.ndarray:
    points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    values = np.asarray(function(points), dtype=float)
    if values.shape not in shapes:
        wanted = " or ".join(map(str, shapes))
        raise ValueError(
            f"function must map points {points.shape} to an array of shape {wanted}. Received: {values.shape}."
        )
    return values


def decision_surface(
    function: Callable[[np.ndarray], Any],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    points_real: Any = None,
    points_fake: Any = None,
    *,
    alt: str | None = None,
) -> CourseFigure:
    """Draw what a two-dimensional discriminator says over the plane, and its 1/2 line.

    Args:
        function: maps float32 points (N, 2) to logits (N,) or (N, 1).
        x_range: lowest and highest x₁.
        y_range: lowest and highest x₂.
        points_real: (M, 2) real points, drawn as blue circles.
        points_fake: (M, 2) generated points, drawn as vermillion triangles.
        alt: what the figure shows; by default how much of the plane is called real.

    Returns:
        The figure.

    Raises:
        ValueError: if a range is empty or the function gives another shape.

    Example:
        >>> decision_surface(lambda points: points[:, 0], (-1, 1), (-1, 1)).axes[0].get_xlabel()
        'x₁'
    """
    x, y = _grid(x_range, y_range, _RESOLUTION)
    logits = _evaluate(function, x, y, [(x.size,), (x.size, 1)]).reshape(x.shape)
    probability = 0.5 * (1 + np.tanh(logits / 2))  # the sigmoid, without overflow
    alt = alt or f"Decision surface of a discriminator: it calls {(logits > 0).mean():.0%} of the shown plane real."
    figure, axes = subplots(alt=alt, figsize=(5.6, 4.4))
    filled = axes.contourf(x, y, probability, levels=np.linspace(0, 1, _BANDS + 1), cmap=_FAKE_TO_REAL, alpha=0.6)
    figure.colorbar(filled, ax=axes, label="D(x), probability of real", ticks=np.linspace(0, 1, 6))
    if logits.min() < 0 < logits.max():
        boundary = axes.contour(x, y, logits, levels=[0.0], colors=EXACT, linestyles="--")
        axes.clabel(boundary, fmt={0.0: "1/2"})
    for points, colour, marker, label in ((points_real, REAL, "o", "real"), (points_fake, FAKE, "^", "fake")):
        if points is not None:
            points = np.asarray(points)
            axes.scatter(*points.T, s=22, c=colour, marker=marker, edgecolors="black", linewidths=0.5, label=label)
    if points_real is not None or points_fake is not None:
        axes.legend(fontsize="small", loc="upper right")
    axes.set(xlim=x_range, ylim=y_range, xlabel="x₁", ylabel="x₂")
    return figure


def draw_vector_field(
    axes: Axes,
    function: Callable[[np.ndarray], Any],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    trajectories: Iterable[tuple[str, Any]] = (),
    *,
    arrows: int = 19,
) -> Quiver:
    """Draw a two-parameter game into axes that exist, for several games side by side.

    Args:
        axes: where to draw.
        function: as for `vector_field`.
        x_range: as for `vector_field`.
        y_range: as for `vector_field`.
        trajectories: as for `vector_field`.
        arrows: how many along each side; fewer for small axes.

    Returns:
        The arrows, from which a colour bar of the speed can be made.

    Raises:
        ValueError: as `vector_field`.

    Example:
        >>> turn = lambda points: np.stack([-points[:, 1], points[:, 0]], axis=1)
        >>> figure, axes = subplots(alt="Arrows that turn around the origin.")
        >>> draw_vector_field(axes, turn, (-1, 1), (-1, 1), arrows=9).N
        81
    """
    x, y = _grid(x_range, y_range, arrows)
    velocity = _evaluate(function, x, y, [(x.size, 2)]).reshape(*x.shape, 2)
    paths = [(label, np.asarray(path, dtype=float)) for label, path in trajectories]
    for label, path in paths:
        if path.ndim != 2 or path.shape[1] != 2 or not len(path):
            raise ValueError(f"The path {label!r} must have shape (T, 2). Received: {path.shape}.")
    speed = np.linalg.norm(velocity, axis=-1)
    direction = velocity / np.where(speed > 0, speed, 1)[..., None]
    shade = LinearSegmentedColormap.from_list("speed", ["#D0D0D0", "#404040"])
    drawn = axes.quiver(x, y, direction[..., 0], direction[..., 1], speed, cmap=shade, pivot="mid", angles="xy")
    colours = [colour for colour in PALETTE if colour != DISCRIMINATOR]
    for index, (label, path) in enumerate(paths):
        colour = colours[index % len(colours)]
        axes.plot(*path.T, color=colour, linewidth=1.6, label=label)
        axes.plot(*path[0], marker="o", color=colour)
        axes.plot(*path[-1], marker="x", markersize=8, markeredgewidth=2, color=colour)
    axes.set(
        xlim=x_range, ylim=y_range, xlabel="θ, the generator's parameter", ylabel="ψ, the discriminator's parameter"
    )
    return drawn


def vector_field(
    function: Callable[[np.ndarray], Any],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    trajectories: Iterable[tuple[str, Any]] = (),
    *,
    alt: str | None = None,
) -> CourseFigure:
    """Draw where a two-parameter game pushes its players, and paths through it.

    Arrows show direction only; their shade shows speed, because speeds differ by orders of magnitude.

    Args:
        function: maps float32 points (N, 2), generator's and discriminator's parameter, to velocities (N, 2).
        x_range: lowest and highest generator parameter θ.
        y_range: lowest and highest discriminator parameter ψ.
        trajectories: pairs (label, path); a path is (T, 2), drawn from its circle to its cross.
        alt: what the figure shows; by default which paths and where they end.

    Returns:
        The figure.

    Raises:
        ValueError: if a range is empty or the function or a path has another shape.

    Example:
        >>> turn = lambda points: np.stack([-points[:, 1], points[:, 0]], axis=1)  # the Dirac-GAN near 0
        >>> vector_field(turn, (-1, 1), (-1, 1), [("a step", [[1, 0], [1, 0.1]])])
        Figure: Vector field of a two-parameter game. The path 'a step' runs from (1, 0) to (1, 0.1).
    """
    trajectories = list(trajectories)
    figure, axes = subplots(alt=alt or "Vector field of a two-parameter game.", figsize=(5.8, 4.6))
    arrows = draw_vector_field(axes, function, x_range, y_range, trajectories)
    figure.colorbar(arrows, ax=axes, label="speed (per unit of time)")
    if trajectories:
        axes.legend(fontsize="small", loc="upper right")
    if alt is None:
        figure.alt += "".join(
            f" The path {label!r} runs from ({path[0][0]:.3g}, {path[0][1]:.3g}) "
            f"to ({path[-1][0]:.3g}, {path[-1][1]:.3g})."
            for label, path in trajectories
        )
    return figure
