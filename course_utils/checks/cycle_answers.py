"""Lesson 07's right and wrong cycle losses."""

from __future__ import annotations

import numpy as np

from course_utils.checks.compare import AnswerError, call, describe, numbers_close


def reference(a, b, to_b, to_a):
    """Mean absolute difference after there and back, both ways added."""
    return np.mean(np.abs(to_a(to_b(a)) - a)) + np.mean(np.abs(to_b(to_a(b)) - b))


def one_way(a, b, to_b, to_a):
    return np.mean(np.abs(to_a(to_b(a)) - a))


def other_way(a, b, to_b, to_a):
    return np.mean(np.abs(to_b(to_a(b)) - b))


def wrong_order(a, b, to_b, to_a):
    return np.mean(np.abs(to_b(to_a(a)) - a)) + np.mean(np.abs(to_a(to_b(b)) - b))


def squares(a, b, to_b, to_a):
    return np.mean((to_a(to_b(a)) - a) ** 2) + np.mean((to_b(to_a(b)) - b) ** 2)


def identity(a, b, to_b, to_a):
    return np.mean(np.abs(to_a(a) - a)) + np.mean(np.abs(to_b(b) - b))


def paired(a, b, to_b, to_a):
    return np.mean(np.abs(to_b(a) - b)) + np.mean(np.abs(to_a(b) - a))


def signed(a, b, to_b, to_a):
    return np.mean(to_a(to_b(a)) - a) + np.mean(to_b(to_a(b)) - b)


def _to_b(x):
    return 0.5 * x + 0.3


def _to_a(x):
    return x * x - 0.1


def verify(answer) -> str | None:
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 4, 4, 1)), rng.uniform(-1, 1, (2, 4, 4, 1))

    def value(function):
        return float(np.asarray(call(function, a, b, _to_b, _to_a)))

    found = call(answer, a, b, _to_b, _to_a)
    if np.shape(found) != ():
        raise AnswerError(f"One number is expected. Received: {describe(found)}. Take the mean over all pixels.")
    for wrong, reason in (
        (one_way, "Only the way a → B → a is there. The paper's sum has both ways."),
        (other_way, "Only the way b → A → b is there. The paper's sum has both ways."),
        (wrong_order, "The order is turned: an image of A goes through `to_b` first, and comes back through `to_a`."),
        (squares, "The differences are squared. The paper takes absolute values."),
        (identity, "That is the identity loss: an image sent to the set that it is from."),
        (paired, "That compares a with b. They are not pairs: a's partner is a itself, after there and back."),
        (signed, "Signs cancel. Take absolute values before the mean."),
    ):
        if numbers_close(found, value(wrong), 1e-5, "It") is None:
            return reason
    return numbers_close(found, value(reference), 1e-5, "The cycle loss")
