"""Exercises and quiz of lesson 00: what a coin says, what it pays, and what the best discriminator says."""

from __future__ import annotations

import math
from typing import Any

from course_utils.checks.compare import describe, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# Densities (p_data, p_g) at the three places of the exercise `best_answers`, as the lesson prints them.
PLACES = {"no fakes": (0.4, 0.0), "as many": (0.2, 0.2), "mostly fakes": (0.1, 0.3)}


def _is(answer: Any, number: float) -> bool:
    return numbers_close(answer, number, 1e-3, "It") is None


def _verify_coin(answer: Any) -> str | None:
    if _is(answer, 50):
        return "50 is a percentage. A probability lies between 0 and 1."
    if _is(answer, math.log(2)):
        return "log 2 is what the coin pays, its loss. Asked here is what it says, its probability."
    return numbers_close(answer, 0.5, 1e-6, "D(x)")


coin = Exercise(
    name="What a coin says",
    verify=_verify_coin,
    reference=0.5,
    wrong=[(50, "percentage"), (1, "twice"), (-0.5, "sign"), (math.log(2), "what the coin pays"), ([0.5], "length 1")],
    hint="A coin that is thrown instead of looking at $x$: how likely does it call $x$ real?",
    solution="```python\n0.5\n```\nHeads and tails are equally likely, whatever $x$ is.",
    expects="a number between 0 and 1",
)


def _verify_blind_loss(answer: Any) -> str | None:
    if _is(answer, 0.5):
        return "0.5 is the probability it says. The loss is minus the logarithm of it."
    return numbers_close(answer, math.log(2), 5e-3, "The loss", "nats")  # 0.69 is right


blind_loss = Exercise(
    name="What a coin pays",
    verify=_verify_blind_loss,
    reference=math.log(2),
    wrong=[
        (2 * math.log(2), "twice"),
        (-math.log(2), "sign"),
        (1.0, "base-2"),
        (math.log10(2), "base-10"),
        (0.5, "minus the logarithm"),
        (0.5 * math.log(2), "half"),
        (0.0, "too small"),
    ],
    hint="Put $D(x) = D(G(z)) = 1/2$ into the formula. Both halves are the same number; what is their mean?",
    solution="```python\n-0.5 * (math.log(0.5) + math.log(1 - 0.5))  # = math.log(2)\n```\n"
    "Each half costs $-\\log \\frac12 = \\log 2$, so their mean does too. Plots of the course draw this line.",
    expects="a number, in nats",
)


def _verify_best_answers(answer: Any) -> str | None:
    if not isinstance(answer, dict) or set(answer) != set(PLACES):
        return f"Keep the dict with its three keys {', '.join(map(repr, PLACES))}. Received: {describe(answer)}."
    best = {name: p_data / (p_data + p_g) for name, (p_data, p_g) in PLACES.items()}
    if all(_is(answer[name], 1 - best[name]) for name in PLACES):
        return "These are probabilities of fake. D says how likely x is real, so p_data stands above the line."
    for name, (p_data, p_g) in PLACES.items():
        what = f"D* at {name!r}"
        if answer[name] is None:
            return f"{what} is still None."
        if name == "as many" and _is(answer[name], p_data):
            return f"{what} is the density itself. Divide it by the sum of both densities."
        if p_g and _is(answer[name], p_data / p_g):
            return f"{what} is the ratio p_data / p_g, which has no upper end. Divide by the sum of both densities."
        if reason := numbers_close(answer[name], best[name], 1e-3, what):
            return reason
    return None


best_answers = Exercise(
    name="The best answer at three places",
    verify=_verify_best_answers,
    reference={name: p_data / (p_data + p_g) for name, (p_data, p_g) in PLACES.items()},
    wrong=[
        ({"no fakes": 0.0, "as many": 0.5, "mostly fakes": 0.75}, "probabilities of fake"),
        ({"no fakes": 1.0, "as many": 1.0, "mostly fakes": 1 / 3}, "the ratio p_data / p_g"),
        ({"no fakes": 1.0, "as many": 0.2, "mostly fakes": 0.1}, "the density itself"),
        ({"no fakes": 0.4, "as many": 0.5, "mostly fakes": 0.25}, "D* at 'no fakes' is too small"),
        ({"no fakes": 1.0, "as many": 0.5, "mostly fakes": None}, "still None"),
        ({"no fakes": 1.0}, "three keys"),
    ],
    hint="Of many samples that fall near $x$, which share is real? At *mostly fakes*, of four samples one is.",
    solution="```python\n"
    '{"no fakes": 0.4 / (0.4 + 0.0), "as many": 0.2 / (0.2 + 0.2), "mostly fakes": 0.1 / (0.1 + 0.3)}\n```\n'
    "Where no fake ever falls, *real* is always right. Where both are equally dense, nobody can do better than a coin.",
    expects="a dict with three probabilities",
)

quiz_balance = Question(
    "The discriminator's loss is log 2 and stays there. What do you know?",
    options={
        "a": "The generator has learned the data.",
        "b": "This discriminator does no better than a coin; the generator may be good, or the discriminator weak.",
        "c": "The discriminator has learned to tell every real sample from every fake.",
    },
    right="b",
    explanations={
        "a": "It may have. But a discriminator that always says 1/2 pays log 2 against any generator: measure p_g.",
        "b": "log 2 is what answering 1/2 costs. Only beside D*, or another measurement, does it say which one it is.",
        "c": "Then its loss would be close to 0, not log 2.",
    },
)

quiz_best = Question(
    "Near some x the generator puts three fakes for every real sample. What does the best discriminator say there?",
    options={"a": "3", "b": "1/3", "c": "1/4", "d": "3/4"},
    right="c",
    explanations={
        "a": "That is p_g / p_data, and no probability.",
        "b": "That is p_data / p_g. D* divides by the sum of both.",
        "c": "One of four samples there is real: p / (p + 3p).",
        "d": "That is the probability of fake. D* is the probability of real.",
    },
)

quiz_checkpoint = Question(
    "You leave an exercise out and run the rest of the lesson. What happens?",
    options={
        "a": "The cells below fail, because the answer is missing.",
        "b": "The checkpoint cell puts in the reference answer, and the cells below run.",
        "c": "The check fills in the solution and counts the exercise as passed.",
    },
    right="b",
    explanations={
        "a": "That is what the checkpoint cell after each exercise prevents.",
        "b": "So you can skip an exercise today and come back to it tomorrow.",
        "c": "A check never changes anything: the exercise stays 'not attempted'. It is the checkpoint that fills in.",
    },
)
