"""Exercises and quiz of lesson 10: a temperature schedule, the errors of a widespread program, its losses mended."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks import loss_answers as losses
from course_utils.checks.compare import call, describe, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: a temperature that falls ----------------------------------------------------------------


def reference_temperature(step, steps, start, end):
    """From start at step 0 to end at the last step, by equal factors."""
    return start * (end / start) ** (step / (steps - 1))


def _fixed(step, steps, start, end):
    return start * (end / start) ** (step / 5_000)


def _never_there(step, steps, start, end):
    return start * (end / start) ** (step / steps)


def _linear(step, steps, start, end):
    return start + (end - start) * step / (steps - 1)


def _linear_never_there(step, steps, start, end):
    return start + (end - start) * step / steps


def _upward(step, steps, start, end):
    return reference_temperature(step, steps, end, start)


def _inverse(step, steps, start, end):
    return 1 / reference_temperature(step, steps, start, end)


_SCHEDULES = (
    (_fixed, "It still divides by 5,000: with other numbers of steps it stops short of the end, or runs past it."),
    (_never_there, "The last step has the number steps − 1, so there step / steps is not 1 yet."),
    (_linear, "It falls by equal differences. Equal factors are meant: each step multiplies by the same number."),
    (_linear_never_there, "It falls by equal differences; equal factors are meant. And the last step is steps − 1."),
    (_upward, "It runs the wrong way: at step 0 it should be `start`."),
    (_inverse, "This is 1/τ. The temperature itself is asked for."),
)
_RUNS = ((600, 1.0, 0.1), (5_001, 2.0, 0.5), (12, 1.0, 1.0))


def _verify_temperature(answer: Any) -> str | None:
    for steps, start, end in _RUNS:
        for step in (0, 1, steps // 2, steps - 1):
            found = call(answer, step, steps, start, end)
            right = reference_temperature(step, steps, start, end)
            what = f"At step {step} of {steps}, from {start} to {end}, the temperature"
            reason = numbers_close(found, right, 1e-6, what)
            if reason is None:
                continue
            for wrong, words in _SCHEDULES:
                if all(_same(answer, wrong, n, *run) for run in _RUNS[:2] for n in (1, run[0] // 2)):
                    return words
            return reason
    return None


def _same(answer: Any, wrong: Any, step: int, steps: int, start: float, end: float) -> bool:
    found = call(answer, step, steps, start, end)
    return numbers_close(found, wrong(step, steps, start, end), 1e-6, "It") is None


temperature = Exercise(
    name="A temperature that falls",
    verify=_verify_temperature,
    reference=reference_temperature,
    wrong=[
        *((wrong, reason.split(".")[0]) for wrong, reason in _SCHEDULES),
        (lambda step, steps, start, end: start, "too large"),
        (lambda step, steps, start, end: [start], "one number"),
        (lambda step, steps: 1.0, "cannot be called"),
    ],
    hint="Which exponent is 0 at step 0 and 1 at the last step, whatever `steps` is? The last step is not `steps`.",
    solution="""```python
def temperature(step, steps, start, end):
    return start * (end / start) ** (step / (steps - 1))
```
A schedule with a number of steps written into it fits one length of training only. In a public implementation of
RelGAN the sharpness should grow to 1,000; its schedule divides by 5,000, so a run of 2,000 steps ends at
1000^(2000/5000) = 15.8.""",
    expects="a function of `step`, `steps`, `start` and `end` that returns one number",
)

# --- Exercise 2: find the errors ---------------------------------------------------------------------------

_LINES = 12
_ERRORS = {
    1: "look at what is called real here. Is any of it text?",
    2: "which output stands for which word? What would make 128 numbers a choice?",
    4: "Adam keeps a mean and a variance for every weight. Whose?",
    8: "one of the two calls shows the discriminator something that no data set holds.",
    9: "try D = 1 on the real ones and D = 0 on the fakes: is the loss then at its smallest? Then D = 0 and 1.",
    10: "`log1p(x)` is log(1 + x). Put 1 − D in for x.",
}
_FINE = {
    3: "Line 3 may stay: a sigmoid at the end is right if the losses take probabilities. (The course uses logits.)",
    5: "Line 5 may stay: it is the loop over batches.",
    6: "Line 6 may stay: noise is what a generator starts from.",
    7: "Line 7 may stay: two gradients are taken from one tape, so it must be persistent.",
    11: "Line 11 may stay: the discriminator's loss for the discriminator's weights.",
    12: "Line 12 may stay. Keras stops there, but what it refuses was written further up.",
}


def _verify_errors(answer: Any) -> str | None:
    wanted = "Give the numbers of the wrong lines as a list, such as `[3, 7]`."
    if isinstance(answer, np.ndarray):
        answer = answer.tolist()
    if not isinstance(answer, list | tuple | set | frozenset):
        return f"{wanted} Received: {describe(answer)}."
    if not all(isinstance(line, int | np.integer) and not isinstance(line, bool) for line in answer):
        return f"{wanted} Received: {describe(answer)}."
    named = {int(line) for line in answer}
    if not named or not all(1 <= line <= _LINES for line in named):
        return f"The listing has the lines 1 to {_LINES}. {wanted}"
    fine = sorted(named & _FINE.keys())
    if fine:
        return _FINE[fine[0]]
    missing = [line for line in _ERRORS if line not in named]
    if missing:
        return f"{len(named)} of the {len(_ERRORS)} errors found. A clue for the next: {_ERRORS[missing[0]]}"
    return None


errors = Exercise(
    name="Find the errors",
    verify=_verify_errors,
    reference=list(_ERRORS),
    wrong=[
        *(([line], reason.split(":")[0]) for line, reason in _FINE.items()),
        ([2, 4, 8, 9, 10], "called real here"),
        ([1, 4, 8], "3 of the 6 errors"),
        ([1, 2, 4, 9, 10], "no data set holds"),
        ([1, 2, 4, 8, 10], "at its smallest"),
        ([1, 2, 4, 8, 9], "1 + x"),
        ([0, 1], "lines 1 to 12"),
        ({1, 2, 13}, "lines 1 to 12"),
        (4, "as a list"),
        ([1.5, 2.0], "as a list"),
    ],
    hint="Follow the data: what goes in as real, what comes out as text? Then put D = 0 and D = 1 into both losses.",
    solution="""`[1, 2, 4, 8, 9, 10]`

1. The data are pictures. A text GAN needs sentences: rows of ids, as one-hots.
2. 128 numbers without bound are no text. Each place needs a logit a word, and a way to choose (Gumbel-softmax).
4. One Adam for two networks: its moments belong to one list of weights, and Keras 3 refuses the second list.
8. The real rows go *through the generator* first, so the discriminator never sees data.
9. log D(real) + log(2 − D(fake)) is least at D(real) = 0 and D(fake) = 1: the sign is lost, and `log1p(1 − D)` is
not log(1 − D).
10. Here too: log(2 − D), where log(1 − D) was meant (or −log D, which does not saturate).""",
    expects="a list of line numbers",
)

# --- Exercise 3: its losses, mended -----------------------------------------------------------------------

mended_losses = Exercise(
    name="Its losses, mended",
    verify=losses.verify_losses,
    reference=losses.mended_losses,
    wrong=[
        (losses.as_printed, "unchanged: sign and log1p"),
        *(
            (lambda r, f, wrong=wrong: (wrong(r.numpy(), f.numpy()), 0.0), words[:30])
            for wrong, words in losses.D_MISTAKES
        ),
        *(
            (lambda r, f, g=g: (losses.d_loss_of(r.numpy(), f.numpy()), g(f.numpy())), words[:30])
            for g, words in losses.G_MISTAKES
        ),
        (lambda real, fake: losses.d_loss_of(real.numpy(), fake.numpy()), "both losses"),
        (lambda real, fake: (losses.d_loss_of(real.numpy(), fake.numpy()), 0.5), "too small"),
        (lambda real, fake: (fake, fake), "one number"),
    ],
    hint="D should be paid for log D(real) and log(1 − D(fake)), and a loss is what one does *not* want. What does the "
    "generator want of D(fake)? What does `log1p` add?",
    solution="""```python
def mended_losses(real, fake):
    d_loss = -(tf.reduce_mean(tf.math.log(real)) + tf.reduce_mean(tf.math.log(1 - fake))) / 2
    return d_loss, -tf.reduce_mean(tf.math.log(fake))
```
`tf.math.log1p(-fake)` is log(1 − D) too, and more exact near 0: that was perhaps meant. As the generator's loss it is
flat where the discriminator is sure of a fake (lesson 01); −log D is not.""",
    expects="a function of `real` and `fake`, probabilities, that returns `d_loss, g_loss`",
)

# --- Quiz --------------------------------------------------------------------------------------------------

quiz_soft = Question(
    "D learns from soft letters and is right in 99 % of the cases. You replace each fake by its most probable letters "
    "before D learns from it, and leave the generator's step as it is. What do you expect?",
    options={
        "a": "Nothing: the letters are the same, so D finds the same differences.",
        "b": "D loses the cue that only fakes are soft, and has to look at the letters.",
        "c": "The generator gets no gradient any more.",
        "d": "D becomes right in 100 % of the cases.",
    },
    right="b",
    explanations={
        "a": "The letters are the same, their form is not: real names hold only 0 and 1, soft ones never do.",
        "b": "Both are one-hots now. What is left to tell them apart is what they say.",
        "c": "Only D's step sees drawn letters. In the generator's own step they are soft and carry a slope.",
        "d": "It loses its surest sign, so it is right less often.",
    },
)

quiz_z = Question(
    "A generator with Gumbel noise and z was trained by maximum likelihood, z drawn anew for each name. A name tells "
    "0.00 nats about its z. What follows?",
    options={
        "a": "All names that it writes are alike.",
        "b": "The training failed: a good model uses its z.",
        "c": "It ignores z, which costs it nothing: the Gumbel noise makes the names differ.",
        "d": "z was too short.",
    },
    right="c",
    explanations={
        "a": "Letters are still drawn, with Gumbel noise. Only z has no say in it.",
        "b": "The mean of log p(x | z) over z is at most log p(x), and equal if z says nothing: ignoring it is best.",
        "c": "Then p(x | z) = p(x) for every z, and no other solution has a smaller loss.",
        "d": "No length of z helps: names and z were paired at random, so there is nothing to learn from it.",
    },
)

quiz_variance = Question(
    "From lesson 09: the temperature of a Gumbel-softmax word falls from 0.4 to 0.1. What happens to its gradient?",
    options={
        "a": "Its bias falls, its variance grows about fourfold.",
        "b": "Its bias and its variance fall.",
        "c": "Its bias grows, its variance falls.",
        "d": "Both stay; only the words look sharper.",
    },
    right="a",
    explanations={
        "a": "With the probability of about τ it is of size 1/τ, else nearly 0: variance like 1/τ, and 0.4/0.1 = 4.",
        "b": "The variance cannot fall as well: nearly all slopes become 0, and the few others huge.",
        "c": "That is what a *rising* temperature does.",
        "d": "The slope of a softmax carries a factor 1/τ; it changes with the temperature.",
    },
)
