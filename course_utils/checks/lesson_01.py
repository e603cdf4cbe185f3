"""Exercises and quiz of lesson 01: unequal shares, a false line in a proof, and the optimum of a wrong formula."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks.compare import array_close, call, describe, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: the best discriminator when real and fake samples are not equally many ----------------


def reference_with_share(p, q, share):
    """Maximise share · p log y + (1 − share) q log(1 − y) over y."""
    return share * p / (share * p + (1 - share) * q)


def _without_share(p, q, share):
    return p / (p + q)


def _exchanged_share(p, q, share):
    return reference_with_share(p, q, 1 - share)


def _probability_of_fake(p, q, share):
    return 1 - reference_with_share(p, q, share)


def _share_outside(p, q, share):
    return share * p / (p + q)


def _ratio(p, q, share):
    return share * p / ((1 - share) * q)


_SLIPS = (
    (_without_share, "This is p / (p + q), the answer for equal shares: the share has not been used."),
    (_exchanged_share, "The shares are exchanged: `share` is the share of real samples and belongs to p."),
    (_probability_of_fake, "This is the probability of fake. D says how likely x is real, so p stands above the line."),
    (_share_outside, "The share stands above the line only. Both terms of the function have a factor; keep both."),
    (_ratio, "This is a / b, which has no upper end. The derivative a/y − b/(1 − y) is 0 at y = a / (a + b)."),
)


def _verify_share(answer: Any) -> str | None:
    p, q, share = np.array([0.4, 0.2, 0.1]), np.array([0.1, 0.2, 0.3]), 0.75
    value = call(answer, p, q, share)
    for slip, words in _SLIPS:
        if array_close(value, slip(p, q, share), "D") is None:
            return words
    if reason := array_close(value, reference_with_share(p, q, share), "With three quarters real, D"):
        return reason
    if reason := array_close(call(answer, p, q, 0.5), p / (p + q), "With equal shares D"):
        return reason
    return array_close(call(answer, p, q, 0.1), reference_with_share(p, q, 0.1), "With one tenth real, D")


optimal_with_share = Exercise(
    name="The best discriminator for unequal shares",
    verify=_verify_share,
    reference=reference_with_share,
    wrong=[
        (_without_share, "has not been used"),
        (_exchanged_share, "exchanged"),
        (_probability_of_fake, "probability of fake"),
        (_share_outside, "above the line only"),
        (_ratio, "no upper end"),
        (lambda p, q, share: np.where(p > q, 1.0, 0.0), "3 of 3 differ"),
        (lambda p, q, share: p / (p + q / (8 * share - 3)), "one tenth"),  # right at both other shares
        (lambda p, q: p / (p + q), "cannot be called with"),
    ],
    hint="At one $x$ the function is $a \\log y + b \\log(1 - y)$ again. What are $a$ and $b$ now?",
    solution="""```python
def optimal_with_share(p, q, share):
    return share * p / (share * p + (1 - share) * q)
```
With $a = \\pi p(x)$ and $b = (1 - \\pi) q(x)$ the derivation does not change: the maximum is at $a / (a + b)$.
In logits, $f = \\log \\frac{p}{q} + \\log \\frac{\\pi}{1 - \\pi}$: unequal shares move the logit by a constant.""",
    expects="a function of `p`, `q` and `share` that returns an array",
)

# --- Exercise 2: a proof with one false line -----------------------------------------------------------

_LINES = {
    1: "Line 1 is the definition of the loss: the mean of the two halves is −V/2.",
    2: "Line 2 follows from line 1: multiply by −2.",
    3: "Line 3 is the identity of this section, and it holds. Look at which D it speaks of.",
    5: "Line 5 follows from line 4. So is line 4 true?",
    6: "Line 6 is true: each of the two divergences is at least 0, and 0 only for equal densities.",
}


def _verify_false_line(answer: Any) -> str | None:
    if isinstance(answer, bool) or not isinstance(answer, int | np.integer):
        return f"Give the number of a line as a whole number. Received: {describe(answer)}."
    if answer == 4:
        return None
    return _LINES.get(int(answer), f"The proof has the lines 1 to 6. Received: {describe(answer)}.")


false_line = Exercise(
    name="The false line",
    verify=_verify_false_line,
    reference=4,
    wrong=[(3, "which D"), (5, "is line 4 true"), (6, "at least 0"), (1, "definition"), (2, "multiply"), (7, "1 to 6")],
    hint="Two different discriminators occur in the proof. Where does it treat them as one?",
    solution="""```python
4
```
Line 2 is about the discriminator at hand, line 3 about $D^*$. Equating them assumes that $D = D^*$. What holds is
$V(D, G) \\le V(D^*, G)$, so $-\\log 4 \\le 2\\,\\mathrm{JSD} - \\log 4$, which says $\\mathrm{JSD} \\ge 0$: nothing.
A discriminator that says ½ to everything has the loss log 2 against *every* generator.""",
    expects="the number of a line, 1 to 6",
)

# --- Exercise 3: what log1p(1 - D) would teach the discriminator ---------------------------------------

# Densities (p_data, p_g) at three places, the ones of lesson 00.
PLACES = {"no fakes": (0.4, 0.0), "as many": (0.2, 0.2), "mostly fakes": (0.1, 0.3)}
_WRONG_OPTIMUM = {name: min(1.0, 2 * p / (p + q)) for name, (p, q) in PLACES.items()}


def _is(answer: Any, number: float) -> bool:
    return numbers_close(answer, number, 1e-3, "It") is None


def _verify_log1p(answer: Any) -> str | None:
    if not isinstance(answer, dict) or set(answer) != set(PLACES):
        return f"Keep the dict with its three keys {', '.join(map(repr, PLACES))}. Received: {describe(answer)}."
    if all(_is(answer[name], p / (p + q)) for name, (p, q) in PLACES.items()):
        return "These are the maxima with log(1 - D). With log1p(1 - D) = log(2 - D) the derivative is another."
    for name, (p, q) in PLACES.items():
        what = f"The maximum at {name!r}"
        if answer[name] is None:
            return f"{what} is still None."
        if _is(answer[name], 2 * p / (p + q)) and 2 * p / (p + q) > 1:
            return f"{what} is no probability. What is the largest value of a rising function on [0, 1], and where?"
        if reason := numbers_close(answer[name], _WRONG_OPTIMUM[name], 1e-3, what):
            return reason
    return None


log1p_optimum = Exercise(
    name="The optimum of a wrong formula",
    verify=_verify_log1p,
    reference=_WRONG_OPTIMUM,
    wrong=[
        ({"no fakes": 1.0, "as many": 0.5, "mostly fakes": 0.25}, "log(2 - D)"),
        ({"no fakes": 2.0, "as many": 1.0, "mostly fakes": 0.5}, "no probability"),
        ({"no fakes": 1.0, "as many": 0.5, "mostly fakes": 0.5}, "'as many' is half as large"),
        ({"no fakes": 1.0, "as many": 1.0, "mostly fakes": None}, "still None"),
        ({"no fakes": 1.0}, "three keys"),
    ],
    hint="Where is the derivative $p/y - q/(2 - y)$ zero? And if that is outside $[0, 1]$?",
    solution="""```python
{"no fakes": 1.0, "as many": 1.0, "mostly fakes": 0.5}
```
$p/y = q/(2 - y)$ gives $y = 2p/(p + q)$. Where $p \\ge q$ that is 1 or more, the function rises on all of $[0, 1]$,
and its maximum is at the end, $y = 1$. So this discriminator is sure of "real" wherever data are at least as dense.""",
    expects="a dict with three probabilities",
)

# --- Quiz ----------------------------------------------------------------------------------------------

quiz_bound = Question(
    "On fresh samples, many of them, a discriminator pays L_D = 0.40 nats (mean of the halves). "
    "What follows about JSD(p_data, p_g)?",
    options={
        "a": "JSD = log 2 - 0.40 = 0.29.",
        "b": "JSD is at least 0.29.",
        "c": "JSD is at most 0.29.",
        "d": "Nothing, because D is not known to be the best one.",
    },
    right="b",
    explanations={
        "a": "Only if this D were D*. A better one could pay less.",
        "b": "-2 L_D = V(D, G) ≤ V(D*, G) = 2 JSD - log 4, so JSD ≥ log 2 - L_D. Every D gives a lower bound.",
        "c": "It is the other way round: D* pays at most 0.40, and the less it pays, the larger JSD is.",
        "d": "No D beats D*, and that is enough for a bound in one direction.",
    },
)

quiz_convex = Question(
    "max over D of V(D, G) is a convex function of p_g. What does that say about training a generator network?",
    options={
        "a": "Gradient descent on its weights ends at p_data from every start.",
        "b": "In the space of densities there is one valley; in the space of weights there may be several.",
        "c": "Alternating steps of D and G converge.",
    },
    right="b",
    explanations={
        "a": "The map from weights to p_g is not linear: one bump against two peaks had two valleys.",
        "b": "Convexity is a statement about mixtures of densities. A mixture of two networks' densities need not "
        "be the density of any network of that kind.",
        "c": "It is about the maximum over D, taken exactly each time. Steps of two players are the next lesson.",
    },
)

quiz_seeds = Question(
    "From lesson 00: two methods, one run each, end at TV 0.030 and 0.033. Three runs of the first one, from three "
    "seeds, differ by up to 0.004. Which method is better?",
    options={
        "a": "The first: its TV is smaller.",
        "b": "Neither is shown to be better; the difference is within the spread of the seeds.",
        "c": "They are equal.",
    },
    right="b",
    explanations={
        "a": "Another seed may turn the order round: 0.003 is less than what the seed alone changes.",
        "b": "Play each method from several seeds and hold the difference beside the spread.",
        "c": "That is not shown either. A difference may exist that so few runs cannot see.",
    },
)
