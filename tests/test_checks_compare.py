"""The helpers of `verify` functions: what they accept, and the words they find for what is wrong."""

import math

import numpy as np
import pytest
import tensorflow as tf
from garbage import Hostile, leave

from course_utils.checks import array_close, call, numbers_close
from course_utils.checks.compare import AnswerError, UnfilledError


@pytest.mark.parametrize(
    "number", [0.5, np.float16(0.5), np.array(0.5), tf.constant(0.5), tf.Variable(0.5), tf.constant(0.5, tf.bfloat16)]
)
def test_numbers_of_every_library_are_read(number):
    assert numbers_close(number, 0.5, 1e-9, "x") is None
    assert "too large" in numbers_close(number, 0.45, 1e-2, "x")


def test_number_reasons():
    assert numbers_close(3, 3, 0, "n") is None
    assert "half" in numbers_close(1.0, 2.0, 1e-6, "x")
    assert "base-10" in numbers_close(math.log10(3), math.log(3), 1e-6, "x")
    assert "NaN" in numbers_close(math.nan, 0, 1, "x") and "infinite" in numbers_close(math.inf, 0, 1, "x")
    assert numbers_close(True, 1.0, 1e-6, "x") == "x should be one number. Received: True."
    assert "an object of type Hostile" in numbers_close(Hostile(), 1.0, 1e-6, "x")
    # Next to zero every factor fits, so only the direction is said.
    assert numbers_close(1e-3, -1e-3, 1e-3, "x") == "x is too large. Received: 0.001."


def test_array_reasons():
    want = np.arange(6.0).reshape(2, 3)
    assert array_close(want.tolist(), want, "A") is None
    assert array_close(tf.constant(want, tf.float32), want, "A") is None
    assert array_close(want.T, want, "A") == "A has shape (3, 2) and should have shape (2, 3); it is transposed."
    assert array_close(-want, want, "A") == "A has the right size but the wrong sign."
    assert "twice" in array_close(2 * want, want, "A")
    assert "NaN" in array_close(np.where(want > 4, np.nan, want), want, "A")
    assert array_close(want - np.array([[0, 0, 0], [0, 1, 0]]), want, "A") == (
        "A is too small at index (1, 1). Received there: 3; 1 of 6 differ."
    )
    assert "array of numbers. Received: the text" in array_close("abc", want, "A")
    assert array_close(want + 1e-6, want, "A") is None and array_close(want + 1e-3, want, "A") is not None


def test_call_protects_what_it_compares_with():
    values = np.ones(3)

    def spoil(array):
        array[:] = 0
        return array

    assert call(spoil, values).sum() == 0 and values.sum() == 3
    assert call(len, [1, 2]) == 2 and call(np.exp, 0.0) == 1.0 and call(int) == 0
    with pytest.raises(UnfilledError):
        call(lambda x: None, 1)
    with pytest.raises(AnswerError, match="raised SystemExit: bye when called with 1"):
        call(leave, 1)
    with pytest.raises(AnswerError, match="cannot be called with 1, 2: too many positional arguments"):
        call(lambda x: x, 1, 2)
