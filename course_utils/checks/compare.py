"""Helpers for the `verify` functions of exercises: compare, call, and say what is wrong in words.

Everything here accepts Python, NumPy and TensorFlow values alike, without importing TensorFlow,
and turns whatever a learner may hand over into a sentence instead of a traceback.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

# Ratios of a wrong to a right value that point at one particular mistake.
_FACTORS = (
    (-1.0, "has the right size but the wrong sign"),
    (2.0, "is twice as large as it should be"),
    (0.5, "is half as large as it should be"),
    (1 / math.log(2), "was taken with the base-2 logarithm; the course uses the natural one"),
    (1 / math.log(10), "was taken with the base-10 logarithm; the course uses the natural one"),
)


class AnswerError(Exception):
    """A wrong answer found deep inside a check; its text is the reason shown to the learner."""


class UnfilledError(Exception):
    """The learner's function gave nothing (``None`` or ``...``): a skeleton not filled in, or a missing return."""


def describe(value: Any) -> str:
    """Say in a few words what a value is, the same on every machine (no memory addresses).

    Args:
        value: anything, including objects whose methods raise.

    Returns:
        A short phrase for "Received: ...".

    Example:
        >>> describe("0.5"), describe(np.zeros((2, 3)))
        ("the text '0.5'", 'an array of shape (2, 3) and type float64')
    """
    try:
        return _describe(value)
    except Exception:  # a learner's object may raise from any of its methods, even __repr__
        return f"an object of type {type(value).__name__}"


def _describe(value: Any) -> str:
    if value is None or value is Ellipsis:
        return "None" if value is None else "..."
    if isinstance(value, str):
        return f"the text {_short(repr(str(value)))}"
    if isinstance(value, bool | int | float | complex | np.number | np.bool_):
        return _short(str(value))
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        kind = "an array" if isinstance(value, np.ndarray) else "a tensor"
        name = getattr(value.dtype, "name", value.dtype)
        return f"{kind} of shape {tuple(value.shape)} and type {name}"
    if callable(value):
        return f"the function {value.__name__}" if hasattr(value, "__name__") else _of_type(value)
    if isinstance(value, list | tuple | dict | set):
        return f"a {type(value).__name__} of length {len(value)}, {_short(repr(value))}"
    return _of_type(value)


def _of_type(value: Any) -> str:
    return f"an object of type {type(value).__name__}"


def _short(text: str, limit: int = 60) -> str:
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", text)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def explain(error: BaseException) -> str:
    """Name an exception in one line, such as ``ZeroDivisionError: division by zero``.

    Example:
        >>> explain(KeyError("loss"))
        "KeyError: 'loss'"
    """
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # an exception of the learner's own may not even print
        lines = []
    return f"{type(error).__name__}: {_short(lines[0], 160)}" if lines else type(error).__name__


def call(function: Callable, *arguments: Any) -> Any:
    """Call a learner's function so that whatever goes wrong becomes a reason.

    Args:
        function: the learner's answer; anything.
        *arguments: positional arguments. NumPy arrays are copied first, so that an answer that
            writes into its input cannot change what it is compared with.

    Returns:
        What the function returned; never ``None``.

    Raises:
        AnswerError: if it is not a function, takes other arguments, or raises.
        UnfilledError: if it returned ``None`` or ``...``, or stumbled over a ``...`` still in it.
            `Exercise.check` catches both.

    Example:
        >>> call(lambda x: 2 * x, 3)
        6
    """
    if not callable(function):
        raise AnswerError(f"A function is expected here. Received: {describe(function)}.")
    shown = ", ".join(map(describe, arguments)) or "no arguments"
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise AnswerError(f"Your function cannot be called with {shown}: {error}.") from None
    except ValueError:
        pass  # some built-ins have no signature to read; calling them tells
    copies = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
    try:
        value = function(*copies)
    except (Exception, SystemExit) as error:
        # A skeleton such as `return x + ...` fails with an error that names the type of `...`.
        if isinstance(error, TypeError | ValueError) and "ellipsis" in explain(error).lower():
            raise UnfilledError(f"There is still a `...` in your function, met when called with {shown}.") from None
        raise AnswerError(f"Your function raised {explain(error)} when called with {shown}.") from None
    if value is None or value is Ellipsis:
        raise UnfilledError(f"Your function returned {describe(value)} when called with {shown}.")
    return value


def _numbers(answer: Any) -> np.ndarray | None:
    """Return the answer as a float64 array, or None if it holds anything but real numbers."""
    try:
        # TensorFlow's own conversion of a bfloat16 scalar fails, its numpy() does not.
        array = np.asarray(answer.numpy() if hasattr(answer, "numpy") else answer)
        # bool is left out: True is no answer to "which number?". bfloat16 is an extension type.
        return array.astype(np.float64) if array.dtype.kind in "iuf" or array.dtype.name == "bfloat16" else None
    except Exception:  # ragged lists, symbolic tensors, objects with a raising __array__
        return None


def _factor(array: np.ndarray, expected: np.ndarray, allowed: np.ndarray) -> str | None:
    if np.all(np.abs(expected) <= 10 * allowed):
        return None  # next to zero every factor fits
    return next((words for ratio, words in _FACTORS if np.all(np.abs(array - ratio * expected) <= allowed)), None)


def _not_finite(array: np.ndarray, what: str) -> str | None:
    if np.isnan(array).any():
        return f"{what} is NaN (not a number). Look for a logarithm of a negative number, 0/0 or infinity - infinity."
    if np.isinf(array).any():
        return f"{what} is infinite. Look for a logarithm of 0, a division by 0 or an overflow of exp."
    return None


def numbers_close(answer: Any, expected: float, tolerance: float, what: str, unit: str = "") -> str | None:
    """Compare one number and say why it is wrong, without giving the right one away.

    Args:
        answer: a Python, NumPy or TensorFlow scalar; anything else gets a reason.
        expected: the right number.
        tolerance: largest absolute difference that still passes.
        what: how the reason names the number; it begins a sentence, such as ``"D*(0)"``.
        unit: written after the received number, such as ``"nats"``.

    Returns:
        None if right, else the reason. Wrong sign, twice, half and other logarithms are named.

    Example:
        >>> numbers_close(1.3863, 0.6931, 1e-3, "The loss", "nats")
        'The loss is twice as large as it should be. Received: 1.3863 nats.'
    """
    number = _numbers(answer)
    if number is None or number.shape != ():
        return f"{what} should be one number. Received: {describe(answer)}."
    if reason := _not_finite(number, what):
        return reason
    if abs(number - expected) <= tolerance:
        return None
    direction = "is too large" if number > expected else "is too small"
    words = _factor(number, np.asarray(expected, np.float64), np.asarray(tolerance)) or direction
    return f"{what} {words}. Received: {number:.6g}{' ' if unit else ''}{unit}."


def array_close(answer: Any, expected: Any, what: str, tolerance: float = 1e-5) -> str | None:
    """Compare an array and say why it is wrong: kind, shape, NaN, sign, factor, or where.

    Args:
        answer: a list, array or tensor; anything else gets a reason.
        expected: the right array.
        what: how the reason names the array; it begins a sentence.
        tolerance: an element passes within ``tolerance * (1 + |expected|)``.

    Returns:
        None if right, else the reason.

    Example:
        >>> array_close([[1.0], [2.0]], [1.0, 2.0], "D(x)")
        'D(x) has shape (2, 1) and should have shape (2,).'
    """
    array, target = _numbers(answer), np.asarray(expected, np.float64)
    if array is None:
        return f"{what} should be an array of numbers. Received: {describe(answer)}."
    if array.shape != target.shape:
        turned = "; it is transposed" if target.ndim == 2 and array.T.shape == target.shape else ""
        return f"{what} has shape {array.shape} and should have shape {target.shape}{turned}."
    if reason := _not_finite(array, what):
        return reason
    allowed = tolerance * (1 + np.abs(target))
    off = np.abs(array - target) - allowed
    if (off <= 0).all():
        return None
    if words := _factor(array, target, allowed):
        return f"{what} {words}."
    worst = np.unravel_index(np.argmax(off), off.shape)
    place = f" at index {tuple(map(int, worst))}" if worst else ""
    direction = "large" if array[worst] > target[worst] else "small"
    return (
        f"{what} is too {direction}{place}. Received there: {array[worst]:.6g}; {(off > 0).sum()} of {off.size} differ."
    )
