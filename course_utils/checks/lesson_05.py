"""Exercises and quiz of lesson 05, stable_training."""

from __future__ import annotations

import numpy as np

from course_utils.checks.compare import array_close, call, describe, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: how steep a penalised critic gets -----------------------------------------------------


def reference_penalised_slope(distance, weight):
    """Where the derivative of ``g · distance − weight · (g − 1)²`` is 0."""
    return 1 + distance / (2 * weight)


def _without_half(distance, weight):
    return 1 + distance / weight


def _without_one(distance, weight):
    return distance / (2 * weight)


def _less_steep(distance, weight):
    return 1 - distance / (2 * weight)


def _multiplied(distance, weight):
    return 1 + distance * weight / 2


def _exactly_one(distance, weight):
    return 1.0


def _estimate(distance, weight):
    return distance * reference_penalised_slope(distance, weight)


def _verify_penalised_slope(answer) -> str | None:
    found = call(answer, 3.0, 10.0)
    for wrong, reason in (
        (
            _without_half,
            "The derivative of the square brings a factor of 2: weight · (g − 1)² gives 2 · weight · (g − 1).",
        ),
        (_without_one, "That is how far g is from 1. The penalty is centred at 1, not at 0."),
        (_less_steep, "A sign is lost: a steeper critic earns more, so the penalty is overcome upwards, g > 1."),
        (_multiplied, "A larger weight has to keep g nearer to 1; yours drives it away."),
        (_exactly_one, "That is where the penalty alone is smallest. The first term pulls as well."),
        (_estimate, "That is the estimate g · distance. The slope g alone is asked for."),
    ):
        if numbers_close(found, wrong(3.0, 10.0), 1e-6, "It") is None:
            return reason
    for distance, weight in ((3.0, 10.0), (0.5, 2.0), (40.0, 10.0)):
        expected = reference_penalised_slope(distance, weight)
        what = f"For a distance of {distance:g} and a weight of {weight:g} the slope"
        if reason := numbers_close(call(answer, distance, weight), expected, 1e-6 * expected, what):
            return reason
    return None


penalised_slope = Exercise(
    name="How steep a penalised critic gets",
    verify=_verify_penalised_slope,
    reference=reference_penalised_slope,
    wrong=[
        (_without_half, "factor of 2"),
        (_without_one, "centred at 1"),
        (_less_steep, "sign"),
        (_multiplied, "nearer to 1"),
        (_exactly_one, "first term"),
        (_estimate, "estimate"),
        (lambda distance, weight: 7.0, "too large"),
    ],
    hint="Take the derivative of g·distance − weight·(g − 1)² with respect to g, and find where it is 0.",
    solution="""```python
def penalised_slope(distance, weight):
    return 1 + distance / (2 * weight)
```
The derivative is distance − 2·weight·(g − 1). It is 0 where g − 1 = distance / (2·weight). The penalty is soft: no
finite weight makes the slope exactly 1.""",
    expects="a function of `distance` and `weight` that returns a number",
)

# --- Exercise 2: the power iteration ---------------------------------------------------------------------


def reference_power_iteration(matrix, u, steps):
    """Apply the matrix and its transpose in turn, at length 1, and return σ and the last u."""
    for _ in range(steps):
        v = matrix @ u
        v = v / np.linalg.norm(v)
        u = v @ matrix
        u = u / np.linalg.norm(u)
    return np.linalg.norm(matrix @ u), u


def _squared(matrix, u, steps):
    _, u = reference_power_iteration(matrix, u, steps)
    return np.linalg.norm(matrix.T @ (matrix @ u)), u


def _once(matrix, u, steps):
    return reference_power_iteration(matrix, u, 1)


def _unscaled(matrix, u, steps):
    for _ in range(steps):
        u = matrix.T @ (matrix @ u)
    return np.linalg.norm(matrix @ u), u


def _frobenius(matrix, u, steps):
    return np.linalg.norm(matrix), reference_power_iteration(matrix, u, steps)[1]


def _forgets_u(matrix, u, steps):
    return reference_power_iteration(matrix, u, steps)[0], u


def _verify_power_iteration(answer) -> str | None:
    rng = np.random.default_rng(0)
    for shape, steps in (((5, 3), 2), ((3, 4), 1), ((6, 6), 30)):
        matrix, u = rng.normal(size=shape), rng.normal(size=shape[1])
        found = call(answer, matrix, u, steps)
        try:
            sigma, last = found
        except (TypeError, ValueError):
            return f"Return two things, σ and the last u. Received: {describe(found)}."
        expected, direction = reference_power_iteration(matrix, u, steps)
        for wrong, reason in (
            (_unscaled, "The vector is not brought back to length 1, so σ grows with the length of u."),
            (_squared, "That is σ²: one product too many. σ is the length of matrix @ u."),
            (_frobenius, "That is the root of the sum of all squared entries, which is never below σ."),
            (_once, "`steps` is ignored: repeat both products so many times."),
        ):
            right = numbers_close(sigma, expected, 1e-6 * expected, "It") is None
            value = wrong(matrix, u, steps)[0]
            if not right and numbers_close(sigma, value, 1e-6 * value, "It") is None:
                return reason
        what = f"For a {shape[0]} × {shape[1]} matrix and {steps} steps σ"
        if reason := numbers_close(sigma, expected, 1e-6 * expected, what):
            return reason
        if array_close(last, u, "u") is None:
            return "σ is right, but the u that you return is the one you were given. The next call needs the new one."
        if reason := array_close(last, direction, "The u that you return"):
            return reason
    return None


power_iteration = Exercise(
    name="The power iteration",
    verify=_verify_power_iteration,
    reference=reference_power_iteration,
    wrong=[
        (_unscaled, "length 1"),
        (_squared, "σ²"),
        (_frobenius, "sum of all squared"),
        (_once, "ignored"),
        (_forgets_u, "given"),
        (lambda matrix, u, steps: 1.0, "two things"),
        (lambda matrix, u, steps: (0.0, u), "too small"),
    ],
    hint="Twice a step: multiply (`matrix @ u`, then `v @ matrix`) and divide by the length, `np.linalg.norm`.",
    solution="""```python
def power_iteration(matrix, u, steps):
    for _ in range(steps):
        v = matrix @ u
        v = v / np.linalg.norm(v)
        u = v @ matrix
        u = u / np.linalg.norm(u)
    return np.linalg.norm(matrix @ u), u
```
Each step multiplies the part of u along a singular vector by the square of its singular value, so the part with the
largest one wins. σ is how far the matrix stretches that u.""",
    expects="a function of `matrix`, `u` and `steps` that returns σ and the last u",
)

# --- Exercise 3: the line that is wrong -----------------------------------------------------------------

_LINES = {
    1: "One share for each image, spread over its pixels: that is what the formula asks for.",
    2: "This is the point between a real and a generated image, pair by pair.",
    4: "The points are no weights, so the tape must be told to watch them.",
    5: "A network without batch normalisation: each score depends on its own image alone.",
    6: "The gradient of all scores holds each image's own gradient, shape (B, 28, 28, 1). What is done with it next?",
    8: "Right, if `norm` holds one slope for each image. Does it?",
}


def _verify_bug_line(answer) -> str | None:
    if isinstance(answer, bool) or not isinstance(answer, int | np.integer):
        return f"Give the number of a line as a whole number. Received: {describe(answer)}."
    if answer == 7:
        return None
    return _LINES.get(int(answer), f"Choose one of the lines 1, 2 and 4 to 8. Received: {describe(answer)}.")


bug_line = Exercise(
    name="The penalty that flattens the critic",
    verify=_verify_bug_line,
    reference=7,
    wrong=[
        (1, "One share"),
        (2, "pair by pair"),
        (4, "watch"),
        (5, "its own"),
        (6, "next"),
        (8, "Does it"),
        (3, "Choose one"),
    ],
    hint="The batch holds 64 images. How many slopes must come out of the gradient?",
    solution="""Line 7. `tf.norm` without an axis takes one length of the whole batch's gradient:

```python
norm = tf.norm(tf.reshape(gradient, (64, -1)), axis=1)  # (64,), one slope an image
```
The squares of 64 slopes are added before the root. If all are equal, the penalty is satisfied when each is 1/√64 = 1/8.
No error comes, and the critic learns, only at an eighth of the slope.""",
    expects="the number of a line",
)

# --- Quiz --------------------------------------------------------------------------------------------

quiz_clipping = Question(
    "A critic of three linear layers, with LeakyReLU between them and no biases, has its weights clipped at 0.01. You "
    "change the limit to 0.02 and train it to its best again. What becomes of its estimate of the distance?",
    options={
        "a": "It stays: the distance is a property of the data.",
        "b": "It doubles.",
        "c": "It becomes eight times as large.",
        "d": "It halves.",
    },
    right="c",
    explanations={
        "a": "The distance stays, the estimate does not: it is taken over other functions.",
        "b": "That would be one layer. Here each of three layers may double.",
        "c": "Doubling every weight multiplies the score by 2³, and every allowed critic becomes one of the new ones.",
        "d": "A wider limit allows more critics, so the maximum cannot fall.",
    },
)

quiz_spectral = Question(
    "`keras.layers.SpectralNormalization` wraps a layer. It was never called with `training=True`. You call it "
    "with `training=False`. What is used?",
    options={
        "a": "The weights divided by their largest singular value.",
        "b": "The weights as they were initialised.",
        "c": "The weights divided by a rough guess of the largest singular value.",
        "d": "Nothing: Keras raises an error.",
    },
    right="b",
    explanations={
        "a": "The division happens in calls with `training=True` alone, which write the result into the weights.",
        "b": "Only a training call divides, and it changes the stored weights. Without one they are as they were.",
        "c": "That describes the course's layers, which divide at each call by what their u says.",
        "d": "No error comes; the layer works as if it were not wrapped.",
    },
)

quiz_penalties = Question(
    "From lesson 02: in the Dirac-GAN, which penalty lets the alternating game arrive at its equilibrium?",
    options={
        "a": "R1, the squared slope at the real points.",
        "b": "The penalty that wants the slope to have size 1.",
        "c": "Both.",
        "d": "None: the game circles whatever is added.",
    },
    right="a",
    explanations={
        "a": "At the equilibrium the logit is flat, and R1 is 0 there, so nothing drives the game away.",
        "b": "At the equilibrium the slope must be 0. This penalty pushes it to ±1, and the game ends on a curve.",
        "c": "At the equilibrium the slope must be 0. One of the two is not satisfied there.",
        "d": "The plain game circles. A penalty that is satisfied at the equilibrium gives its eigenvalues a negative "
        "real part.",
    },
)
