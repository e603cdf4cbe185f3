"""Exercises and quiz of lesson 02: one alternating step as a matrix, where turning ends, and what counts as covered."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks.compare import AnswerError, array_close, call, describe, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: the matrix of an alternating step ---------------------------------------------------


def reference_matrix(h):
    """θ' = θ − hψ' with ψ' = ψ + hθ, as a matrix on (θ, ψ)."""
    return [[1 - h**2, -h], [h, 1]]


def _simultaneous_matrix(h):
    return [[1, -h], [h, 1]]


def _generator_first_matrix(h):
    return [[1, -h], [h, 1 - h**2]]


def _transposed_matrix(h):
    return np.transpose(reference_matrix(h))


def _plus_matrix(h):
    return [[1 + h**2, -h], [h, 1]]


def _verify_matrix(answer: Any) -> str | None:
    for h in (0.3, 1.5):
        found = call(answer, h)
        for wrong, reason in (
            (_simultaneous_matrix, "This is the simultaneous step: here θ must answer the new ψ, not the old one."),
            (
                _generator_first_matrix,
                "Here θ moves first and ψ answers. In this lesson the discriminator, ψ, is first.",
            ),
            (_transposed_matrix, "It is transposed: the first row makes the new θ, the second the new ψ."),
            (_plus_matrix, "Look at the sign of h²: θ goes down along ψ' = ψ + hθ, so hθ comes back with a minus."),
        ):
            if array_close(found, wrong(h), "It") is None:
                return reason
        if reason := array_close(found, reference_matrix(h), f"The matrix for h = {h}"):
            return reason
    return None


alternating_matrix = Exercise(
    name="The matrix of an alternating step",
    verify=_verify_matrix,
    reference=reference_matrix,
    wrong=[
        (_simultaneous_matrix, "new ψ"),
        (_generator_first_matrix, "moves first"),
        (_transposed_matrix, "transposed"),
        (_plus_matrix, "sign of h²"),
        (lambda h: [1 - h**2, 1], "shape (2,)"),
    ],
    hint="Write ψ' = ψ + hθ first. Then put it into θ' = θ − hψ' and collect what stands before θ and before ψ.",
    solution="""```python
def alternating_matrix(h):
    return [[1 - h**2, -h], [h, 1]]
```
θ' = θ − h(ψ + hθ) = (1 − h²)θ − hψ, and ψ' = hθ + ψ. Its determinant is (1 − h²) + h² = 1: the product of
the two eigenvalues. For h < 2 they are a complex pair, so each has size 1.""",
    expects="a function of `h` that returns a 2 × 2 nested list or array",
)

# --- Exercise 2: the penalty at which turning ends ---------------------------------------------------


def _verify_gamma(answer: Any) -> str | None:
    for value, reason in (
        (0.5, "At γ = 1/2 the root is √(1/16 − 1/4), still imaginary: the path turns. Both terms are squared halves."),
        (0.25, "1/4 is the number under the root. It is γ²/4 that must reach it, not γ."),
        (2.0, "At γ = 2 both eigenvalues are real, but that is so before. Where does the root become real first?"),
        (0.0, "Without a penalty the eigenvalues are purely imaginary: the path turns for ever."),
    ):
        if numbers_close(answer, value, 1e-3, "It") is None:
            return reason
    return numbers_close(answer, 1.0, 1e-3, "γ")


critical_gamma = Exercise(
    name="Where turning ends",
    verify=_verify_gamma,
    reference=1.0,
    wrong=[(0.5, "still imaginary"), (0.25, "under the root"), (2.0, "before"), (0.0, "for ever"), (-1.0, "sign")],
    hint="A path turns while the eigenvalues have an imaginary part. When is $\\gamma^2/4 - 1/4$ no longer negative?",
    solution="```python\ncritical_gamma = 1.0\n```\n$\\gamma^2/4 = 1/4$ at $\\gamma = 1$. There both eigenvalues are "
    "$-1/2$. With more penalty one of them comes closer to 0 again, so the slow direction becomes slower: "
    "$-\\gamma/2 + \\sqrt{\\gamma^2/4 - 1/4} \\approx -1/(4\\gamma)$ for large $\\gamma$.",
    expects="a number",
)

# --- Exercise 3: modes covered and the share of high quality ---------------------------------------------


def reference_coverage(points, means, deviation):
    """Return (modes covered, share of high quality), Srivastava et al. 2017, section 4.1."""
    distances = np.linalg.norm(points[:, None, :] - means, axis=-1)  # (N, K)
    good = distances.min(axis=1) <= 3 * deviation
    return len(set(distances.argmin(axis=1)[good])), good.mean()


def _any_quality(points, means, deviation):
    distances = np.linalg.norm(points[:, None, :] - means, axis=-1)
    return len(set(distances.argmin(axis=1))), (distances.min(axis=1) <= 3 * deviation).mean()


def _one_deviation(points, means, deviation):
    return reference_coverage(points, means, deviation / 3)


def _counted(points, means, deviation):
    covered, share = reference_coverage(points, means, deviation)
    return covered, share * len(points)


def _pairs(points, means, deviation):
    good = np.linalg.norm(points[:, None, :] - means, axis=-1) <= 3 * deviation
    return good.any(axis=0).sum(), good.mean()


def _exchanged(points, means, deviation):
    return reference_coverage(points, means, deviation)[::-1]


def _coverage_case() -> tuple[np.ndarray, np.ndarray, float]:
    means = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
    # Mode 0: one within σ, one within 3σ. Mode 1: one within 3σ. Mode 2: one within 4σ, too far. Mode 3: one within
    # 3σ in each coordinate, but not in distance.
    points = np.array([[0.05, 0.0], [0.15, 0.2], [4.0, 0.25], [0.0, 4.35], [4.25, 4.25]])
    return points, means, 0.1


def _two_numbers(answer: Any, *case: Any) -> list:
    """Call the learner's function and unpack its pair: a tuple, list, array or tensor."""
    found = call(answer, *case)
    try:
        covered, share = found
    except Exception:  # a learner's object may raise anything when it is unpacked
        reason = f"Return two numbers, the modes covered and the share. Received: {describe(found)}."
        raise AnswerError(reason) from None
    return [covered, share]


def _verify_coverage(answer: Any) -> str | None:
    case = _coverage_case()
    found = _two_numbers(answer, *case)
    for wrong, reason in (
        (_any_quality, "A mode is covered only by a sample of high quality: one within 3 deviations of it."),
        (_one_deviation, "High quality means within three standard deviations, not within one."),
        (_counted, "The second number is a share of all samples, from 0 to 1, not their count."),
        (_pairs, "Divide by the number of samples, not by the number of pairs of a sample and a mode."),
        (_exchanged, "The two are exchanged: first the modes covered, then the share."),
    ):
        if array_close(found, list(wrong(*case)), "It") is None:
            return reason
    right = reference_coverage(*case)
    for number, expected, what in zip(found, right, ("The number of modes covered", "The share"), strict=True):
        if reason := numbers_close(number, expected, 1e-6, what):
            return reason
    scaled = _two_numbers(answer, *(10 * part for part in case))
    if array_close(scaled, list(right), "It"):
        return "With all lengths ten times as large the answer should stay the same: is `deviation` in it?"
    nothing = _two_numbers(answer, case[0] + 100, *case[1:])
    if array_close(nothing, [0, 0], "It"):
        raise AnswerError("With all samples far from every mode it should be 0 modes and a share of 0.")
    return None


def _square_discs(points, means, deviation):
    offsets = np.abs(points[:, None, :] - means).max(axis=-1)
    good = offsets.min(axis=1) <= 3 * deviation
    return len(set(offsets.argmin(axis=1)[good])), good.mean()


def _fixed_radius(points, means, deviation):
    return reference_coverage(points, means, 0.1)


coverage = Exercise(
    name="Modes covered and the share of high quality",
    verify=_verify_coverage,
    reference=reference_coverage,
    wrong=[
        (_any_quality, "only by a sample of high quality"),
        (_one_deviation, "three standard deviations"),
        (_counted, "not their count"),
        (_pairs, "pairs"),
        (_exchanged, "exchanged"),
        (_square_discs, "too large"),
        (_fixed_radius, "`deviation`"),
        (lambda points, means, deviation: 2, "two numbers"),
        (lambda points, means, deviation: (2, 3 / 5), "all samples far"),
    ],
    hint="`distances.min(axis=1)`: how far each sample is from its nearest mode; `distances.argmin(axis=1)`: which.",
    solution="""```python
def coverage(points, means, deviation):
    distances = np.linalg.norm(points[:, None, :] - means, axis=-1)  # (N, K)
    good = distances.min(axis=1) <= 3 * deviation
    return len(set(distances.argmin(axis=1)[good])), good.mean()
```
Two numbers, because either alone is easily fooled: one perfect point repeated has the share 1, and samples
spread evenly over the whole square touch every mode.""",
    expects="a function of `points`, `means` and `deviation` that returns two numbers",
)

# --- Quiz --------------------------------------------------------------------------------------------

quiz_rotation = Question(
    "At an equilibrium the velocity's Jacobian has the eigenvalues ±i/2. You take simultaneous gradient steps "
    "and halve the step size. What happens?",
    options={
        "a": "The path now spirals in.",
        "b": "The path still spirals out, more slowly.",
        "c": "The path closes into a circle.",
        "d": "Nothing changes.",
    },
    right="b",
    explanations={
        "a": "The update's eigenvalues are 1 ± ih/2. Their size √(1 + h²/4) is above 1 for every h > 0.",
        "b": "√(1 + h²/4) comes closer to 1, but stays above it. A smaller step delays; it does not settle.",
        "c": "A circle needs eigenvalues of size exactly 1: the limit h → 0, or alternating steps.",
        "d": "The growth a step is √(1 + h²/4): it depends on h.",
    },
)

quiz_monitor = Question(
    "You train a GAN with ReduceLROnPlateau on the generator's loss. The loss stops falling after ten epochs, "
    "and the callback cuts the learning rate. What do you know?",
    options={
        "a": "The generator has converged.",
        "b": "The discriminator has become too strong.",
        "c": "Nothing about the samples: this loss is measured against an opponent that moves as well.",
        "d": "The modes have collapsed.",
    },
    right="c",
    explanations={
        "a": "A loss that no longer falls is what a balanced game looks like from the first hundred steps on.",
        "b": "Then the generator's loss would have risen; and that alone would not say whether the samples are worse.",
        "c": "Monitor something with a fixed yardstick: a distance of samples to the data.",
        "d": "Collapse shows in the samples. The losses of a collapsed game can look like any others.",
    },
)

quiz_value = Question(
    "From lesson 01: on a training plot the discriminator's loss (the mean of the two halves) lies at 0.40 nats, "
    "below log 2 = 0.69. The discriminator is close to the best one. What does that say?",
    options={
        "a": "Real and generated samples can still be told apart: their Jensen–Shannon divergence is about 0.29 nats.",
        "b": "The generator is better than the data.",
        "c": "The discriminator's loss should have been at −log 4.",
        "d": "The generator's gradient has vanished.",
    },
    right="a",
    explanations={
        "a": "At D* the loss is log 2 − JSD (half of V with the sign turned), so JSD = 0.69 − 0.40 = 0.29.",
        "b": "There is no better than the data here: the best the generator can do is to raise this loss to log 2.",
        "c": "−log 4 is the value V of the game. This loss is −V/2, so its balance is log 2.",
        "d": "0.40 is far from 0. The saturating gradient vanishes where D is sure of every fake.",
    },
)
