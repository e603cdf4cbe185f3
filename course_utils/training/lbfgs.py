"""SciPy's L-BFGS-B on TensorFlow variables: a quasi-Newton method with a line search.

Keras has no optimiser with a line search, because one needs the loss of the same function again and
again, not of a new batch at each call.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from scipy import optimize


@dataclasses.dataclass(frozen=True)
class LBFGSResult:
    """What a minimisation came to.

    Args:
        loss: the loss at the variables' final values.
        steps: steps made.
        evaluations: times that the loss and its gradient were computed; the line search needs more than
            one a step.
        converged: ``True`` if the slope or the improvement became tiny; ``False`` at a limit, or if the
            line search found no better point.
        message: SciPy's reason for stopping.
    """

    loss: float
    steps: int
    evaluations: int
    converged: bool
    message: str


def minimize_lbfgs(
    loss: Callable[[], tf.Tensor], variables: Sequence[tf.Variable], *, steps: int = 100, memory: int = 10
) -> LBFGSResult:
    """Move variables to a minimum of a loss that depends on nothing else.

    The loss must be the same function at every call: a fixed batch, fixed noise, no dropout. SciPy works
    in float64, the loss in the variables' own type.

    Args:
        loss: gives a scalar from the variables' current values. It is compiled by `tf.function`; hand over a
            `tf.function` of your own to minimise again and again without a new trace.
        variables: `tf.Variable` or `keras.Variable` of float type, any shapes; changed in place.
        steps: most steps, at least 1. A line search of up to 20 evaluations belongs to each.
        memory: pairs of earlier steps and gradient changes that stand for the Hessian, at least 1.

    Returns:
        An `LBFGSResult`. The variables hold the best point that was accepted.

    Raises:
        TypeError: if something else than variables of float type is given.
        ValueError: for no variables, a variable that the loss does not depend on, a loss that is no
            scalar, or a setting below 1.
        FloatingPointError: if the loss or its gradient is NaN or infinite. The variables are put back to
            the last point where both were finite, or to the start.

    Example:
        >>> weight = tf.Variable([3.0, -1.0])
        >>> minimize_lbfgs(lambda: tf.reduce_sum((weight - [1.0, 2.0]) ** 2), [weight]).converged
        True
        >>> weight.numpy().round(4)
        array([1., 2.], dtype=float32)

    Source: Byrd, Lu, Nocedal & Zhu 1995 ("A limited memory algorithm for bound constrained
    optimization"), in `scipy.optimize.minimize`; here without bounds.
    """
    for name, value in (("steps", steps), ("memory", memory)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1. Received: {value}.")
    variables = list(variables)
    if not variables:
        raise ValueError("variables must hold at least one variable. Received: none.")
    inner = [variable.value if isinstance(variable, keras.Variable) else variable for variable in variables]
    for variable in inner:
        if not isinstance(variable, tf.Variable) or not variable.dtype.is_floating:
            raise TypeError(f"variables must be tf.Variable or keras.Variable of float type. Received: {variable!r}.")
    compiled = loss if hasattr(loss, "get_concrete_function") else tf.function(loss)
    last_finite = _read(inner)

    def evaluate(flat: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal last_finite
        _write(inner, flat)
        value, gradient = _value_and_gradient(compiled, inner)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            _write(inner, last_finite)
            raise FloatingPointError(
                f"L-BFGS needs a finite loss and gradient. Received: a loss of {value} and "
                f"{np.sum(~np.isfinite(gradient))} of {gradient.size} slopes not finite. The variables are back at the "
                "last finite point. Start elsewhere, or keep the loss from running away."
            )
        last_finite = flat
        return value, gradient

    options = {"maxiter": steps, "maxcor": memory}
    found = optimize.minimize(evaluate, last_finite, jac=True, method="L-BFGS-B", options=options)
    # The last evaluation may have been a trial of a failed line search; SciPy then goes back with x, not with fun.
    _write(inner, found.x)
    return LBFGSResult(float(compiled()), int(found.nit), int(found.nfev), bool(found.success), str(found.message))


def _read(variables: list[tf.Variable]) -> np.ndarray:
    """Return all values in one row, float64."""
    return np.concatenate([variable.numpy().astype(np.float64).ravel() for variable in variables])


def _write(variables: list[tf.Variable], flat: np.ndarray) -> None:
    """Undo `_read`."""
    ends = np.cumsum([np.prod(variable.shape, dtype=int) for variable in variables])
    for variable, values in zip(variables, np.split(flat, ends[:-1]), strict=True):
        variable.assign(values.reshape(variable.shape))


def _value_and_gradient(loss: Callable[[], tf.Tensor], variables: list[tf.Variable]) -> tuple[float, np.ndarray]:
    with tf.GradientTape() as tape:
        tape.watch(variables)
        value = loss()
    if value.shape.rank != 0:
        raise ValueError(f"The loss must be a scalar. Received: shape {value.shape}. Take its mean or sum.")
    slopes = tape.gradient(value, variables)
    for variable, slope in zip(variables, slopes, strict=True):
        if slope is None:
            raise ValueError(f"The loss must depend on every variable. Received: one without {variable.name!r}.")
    # convert_to_tensor, because an embedding's gradient holds its used rows only
    flat = [tf.convert_to_tensor(slope).numpy().astype(np.float64).ravel() for slope in slopes]
    return float(value), np.concatenate(flat)
