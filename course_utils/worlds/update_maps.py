"""Steps through a two-parameter game: both players at once or in turns, their Jacobians, and whole paths."""

from __future__ import annotations

import math

import numpy as np

from course_utils.worlds.two_parameter_games import Game, as_points


def simultaneous_step(game: Game, points: np.ndarray, step_size: float) -> np.ndarray:
    """Move both players at once, each by its gradient at the old point.

    Args:
        game: a game of `course_utils.worlds.two_parameter_games`.
        points: (..., 2), finite.
        step_size: h, above 0.

    Returns:
        (..., 2) float64.

    Raises:
        ValueError: for points of another shape or not finite, or a step size not above 0.

    Example:
        >>> from course_utils.worlds.two_parameter_games import BilinearGame
        >>> simultaneous_step(BilinearGame(), [1.0, 0.0], 0.5)
        array([1. , 0.5])
    """
    return as_points(points) + _positive(step_size) * game.velocity(points)


def alternating_step(game: Game, points: np.ndarray, step_size: float) -> np.ndarray:
    """Move the discriminator, then the generator by its gradient at the new ψ.

    Args, Returns, Raises: as `simultaneous_step`.

    Example:
        >>> from course_utils.worlds.two_parameter_games import BilinearGame
        >>> alternating_step(BilinearGame(), [1.0, 0.0], 0.5)
        array([0.75, 0.5 ])

    Source: Goodfellow et al. 2014, algorithm 1 with k = 1.
    """
    between = _discriminator_moved(game, points, step_size)
    # No game has a velocity at infinity. A ψ that left the range of floats stays there, as in a simultaneous step.
    reached = np.where(np.isfinite(between), between, 0.0)
    return between + step_size * game.velocity(reached) * [1.0, 0.0]


def simultaneous_jacobian(game: Game, points: np.ndarray, step_size: float) -> np.ndarray:
    """Return the derivative of `simultaneous_step`, I + h·J; near a fixed point its eigenvalues decide.

    Args, Raises: as `simultaneous_step`. Returns: (..., 2, 2) float64.

    Example:
        >>> from course_utils.worlds.two_parameter_games import BilinearGame
        >>> abs(np.linalg.eigvals(simultaneous_jacobian(BilinearGame(), [0.0, 0.0], 0.75)))
        array([1.25, 1.25])
    """
    return np.eye(2) + _positive(step_size) * game.jacobian(points)


def alternating_jacobian(game: Game, points: np.ndarray, step_size: float) -> np.ndarray:
    """Return the derivative of `alternating_step`: that of the generator's half times that of the discriminator's.

    Args, Raises: as `simultaneous_step`. Returns: (..., 2, 2) float64.

    Example:
        >>> from course_utils.worlds.two_parameter_games import BilinearGame
        >>> abs(np.linalg.eigvals(alternating_jacobian(BilinearGame(), [0.0, 0.0], 0.75))).round(12)
        array([1., 1.])
    """
    between = _discriminator_moved(game, points, step_size)
    # A half-step moves one coordinate, so only that row of h·J counts.
    first = np.eye(2) + step_size * game.jacobian(points) * [[0.0], [1.0]]
    second = np.eye(2) + step_size * game.jacobian(between) * [[1.0], [0.0]]
    return second @ first


def trajectory(game: Game, start: np.ndarray, step_size: float, steps: int, *, alternating: bool = True) -> np.ndarray:
    """Return the points that repeated steps visit.

    Args:
        game: a game of `course_utils.worlds.two_parameter_games`.
        start: (..., 2), finite; several starts run side by side.
        step_size: h, above 0.
        steps: how many, at least 0.
        alternating: ``False`` moves both players at once.

    Returns:
        (steps + 1, ..., 2) float64, the start first.

    Raises:
        ValueError: as `simultaneous_step`, for negative steps, or if a point leaves the range of floats.

    Example:
        >>> from course_utils.worlds.two_parameter_games import BilinearGame
        >>> trajectory(BilinearGame(), [1.0, 2.0], 1.0, 2)
        array([[ 1.,  2.],
               [-2.,  3.],
               [-3.,  1.]])
    """
    if steps < 0:
        raise ValueError(f"steps must be at least 0. Received: {steps}.")
    step = alternating_step if alternating else simultaneous_step
    path = [as_points(start)]
    for number in range(1, steps + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            path.append(step(game, path[-1], step_size))
        if not np.isfinite(path[-1]).all():
            raise ValueError(
                f"The trajectory left the range of floats. Received: {path[-1]} at step {number} of {steps}. "
                "Take a smaller step_size or fewer steps."
            )
    return np.stack(path)


def _discriminator_moved(game: Game, points: np.ndarray, step_size: float) -> np.ndarray:
    """Return the points after the discriminator's half of an alternating step."""
    return as_points(points) + _positive(step_size) * game.velocity(points) * [0.0, 1.0]


def _positive(step_size: float) -> float:
    if not 0 < step_size < math.inf:
        raise ValueError(f"step_size must be a finite number above 0. Received: {step_size}.")
    return step_size
