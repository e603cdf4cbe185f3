"""Exercises and quiz of lesson 07, image_to_image."""

from __future__ import annotations

import numpy as np

from course_utils.checks import completion_answers as guesses
from course_utils.checks import cycle_answers as cycles
from course_utils.checks.compare import call, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: the best single guess ------------------------------------------------------------------


best_guesses = Exercise(
    name="The best single guess",
    verify=guesses.verify,
    reference=guesses.reference,
    wrong=[
        (guesses.exchanged, "exchanged"),
        (guesses.guesses_with(guesses.unweighted_mean, guesses.median), "weigh each completion"),
        (guesses.guesses_with(guesses.mean, guesses.mean), "mean again"),
        (guesses.guesses_with(guesses.mean, guesses.most_likely), "judged alone"),
        (
            guesses.guesses_with(guesses.mean, lambda completions, chances: 1 - guesses.median(completions, chances)),
            "L1 guess",
        ),
        (lambda completions, chances: chances @ completions, "Two arrays"),
    ],
    hint="The L2 guess weighs the completions by their chances: a product of a vector and a matrix. A pixel that is "
    "0 or 1 has the median 1 exactly if the completions with a 1 there have more than half of the chance.",
    solution="""```python
def best_guesses(completions, chances):
    squared = chances @ completions
    absolute = (squared > 0.5).astype(float)
    return squared, absolute
```
The mean of a pixel that is 0 or 1 is the chance of 1. The expected absolute error of a guess $g$ between 0 and 1 is
$p\\,(1 - g) + (1 - p)\\,g$, a straight line in $g$: its minimum lies at an end.""",
    expects="a function of `completions` and `chances` that returns two arrays",
)

# --- Exercise 2: the receptive field ---------------------------------------------------------------------


def reference_receptive_field(layers):
    """Pixels that one output reads, along one side."""
    size, step = 1, 1  # pixels read, and pixels between neighbours on the present map
    for kernel, stride in layers:
        size += (kernel - 1) * step
        step *= stride
    return size


def _without_strides(layers):
    return 1 + sum(kernel - 1 for kernel, _ in layers)


def _stride_first(layers):
    size, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        size += (kernel - 1) * step
    return size


def _whole_kernels(layers):
    size, step = 1, 1
    for kernel, stride in layers:
        size += kernel * step
        step *= stride
    return size


def _product_of_strides(layers):
    return int(np.prod([stride for _, stride in layers]))


def _as_area(layers):
    return reference_receptive_field(layers) ** 2


def _verify_receptive_field(answer) -> str | None:
    for layers in (((4, 2), (4, 2), (4, 1)), ((3, 1), (5, 2), (3, 3), (2, 1)), ((7, 1),)):
        found = call(answer, list(layers))
        right = reference_receptive_field(layers)
        for wrong, reason in (
            (
                _without_strides,
                "The strides are ignored: after a stride of 2, neighbours on the map are 2 pixels apart.",
            ),
            (_stride_first, "A layer's stride sets the distance for the *next* layer. Widen first, then multiply."),
            (_whole_kernels, "A kernel of 4 adds 3 steps, not 4: the place itself is counted already."),
            (_product_of_strides, "That is the distance between two neighbouring logits, not what one of them reads."),
            (_as_area, "That is the area. One side is asked for."),
        ):
            expected = wrong(layers)
            if expected != right and numbers_close(found, expected, 1e-6, "It") is None:
                return reason
        if reason := numbers_close(found, right, 1e-6, f"For the layers {layers} the size"):
            return reason
    return None


receptive_field = Exercise(
    name="What one logit reads",
    verify=_verify_receptive_field,
    reference=reference_receptive_field,
    wrong=[
        (_without_strides, "ignored"),
        (_stride_first, "next"),
        (_whole_kernels, "adds 3"),
        (_product_of_strides, "neighbouring logits"),
        (_as_area, "area"),
        (lambda layers: 28, "too large"),
    ],
    hint="Go through the layers with two numbers, the size so far and the distance in pixels between neighbours. Both "
    "begin at 1. A layer adds kernel − 1 such distances to the size; then its stride multiplies the distance.",
    solution="""```python
def receptive_field(layers):
    size, step = 1, 1
    for kernel, stride in layers:
        size += (kernel - 1) * step
        step *= stride
    return size
```
For (4, 2), (4, 2), (4, 1): $1 + 3 \\cdot 1 + 3 \\cdot 2 + 3 \\cdot 4 = 22$ pixels. The last stride never counts.""",
    expects="a function of `layers`, a list of pairs (kernel, stride), that returns a whole number",
)

# --- Exercise 3: the cycle loss ---------------------------------------------------------------------------


cycle_loss = Exercise(
    name="The cycle loss",
    verify=cycles.verify,
    reference=cycles.reference,
    wrong=[
        (cycles.one_way, "both ways"),
        (cycles.other_way, "b → A → b"),
        (cycles.wrong_order, "turned"),
        (cycles.squares, "squared"),
        (cycles.identity, "identity"),
        (cycles.paired, "not pairs"),
        (cycles.signed, "cancel"),
        (lambda a, b, to_b, to_a: np.abs(to_a(to_b(a)) - a), "One number"),
        (lambda a, b, to_b, to_a: 0.5 * cycles.reference(a, b, to_b, to_a), "half"),
    ],
    hint="`to_a(to_b(a))` is an image of A after there and back. `np.mean(np.abs(...))` of its difference from `a` is "
    "one of the two terms.",
    solution="""```python
def cycle_loss(a, b, to_b, to_a):
    there_and_back = np.mean(np.abs(to_a(to_b(a)) - a))
    back_and_there = np.mean(np.abs(to_b(to_a(b)) - b))
    return there_and_back + back_and_there
```
No pair of a and b occurs in it. That is why the two sets may hold different digits.""",
    expects="a function of `a`, `b`, `to_b` and `to_a` that returns a number",
)

# --- Exercise 4: the honest cycle error -------------------------------------------------------------------

HONEST = 4 * 4 * 2 / 28**2
_ERRORS = {
    4 * 4 / 28**2: "The mark is 2 away from its ground: from −1 to 1.",
    2 * 4 * 4 * 2 / 28**2: "That is a mark drawn at a wrong place: the error is paid there and at the true place. "
    "Drawing none is cheaper.",
    4 * 4 * 2: "That is the sum. The error is the mean over the 28 × 28 pixels.",
    0.0: "An honest translation does not know where the mark was. It cannot put it back.",
    4 * 4 * 2 * 2 * (23 / 24) / 28**2: "That is a mark drawn at a random place. Drawing none is cheaper.",
    4
    * 4
    * 2
    * 2
    * (1 / 24)
    * (23 / 24)
    / 28**2
    * 24: "That is the mean grey of all places. Under an absolute error the median is better.",
}


def _verify_honest_error(answer) -> str | None:
    for value, reason in _ERRORS.items():
        if numbers_close(answer, value, 1e-4, "It") is None:
            return reason
    return numbers_close(answer, HONEST, 5e-4, "The error")


honest_error = Exercise(
    name="The error of an honest way back",
    verify=_verify_honest_error,
    reference=HONEST,
    wrong=[(4 * 4 / 28**2, "2 away"), (64 / 784, "cheaper"), (32.0, "the sum"), (0.0, "cannot"), (64.0, "too large")],
    hint="Section 1 again: a pixel that is marked in fewer than half of the images has the median −1, so the best way "
    "back draws no mark. How many pixels are wrong then, and by how much each?",
    solution="""```python
honest_error = 4 * 4 * 2 / 28**2  # 0.0408
```
Each place has 1 chance in 24. The median of every border pixel is the background, so the best answer without a message
is to draw no mark, and to be wrong by 2 in 16 of 784 pixels.""",
    expects="a number",
)

# --- Quiz --------------------------------------------------------------------------------------------

quiz_grey = Question(
    "A completion network is trained with the squared error alone. The hole of a digit could hold one of three "
    "strokes, each as likely as the others, at three places that do not overlap. What does the best network draw?",
    options={
        "a": "one of the three strokes, chosen at random",
        "b": "all three strokes, at a third of their ink",
        "c": "nothing",
        "d": "the stroke that the first training image had",
    },
    right="b",
    explanations={
        "a": "That would be wrong twice as often as needed: its expected squared error is larger than the mean's.",
        "b": "The mean of each pixel: grey at all three places, a picture that no digit shows.",
        "c": "That is the best answer under the absolute error, where each pixel takes its median.",
        "d": "The best network depends on the distribution of the completions, not on one image.",
    },
)

quiz_message = Question(
    "A CycleGAN turns marked digits into clean ones and back. The mark comes back at the right place in nearly all "
    "images. What do you conclude?",
    options={
        "a": "The translation into clean digits is right.",
        "b": "The clean-looking digits carry the place of the mark.",
        "c": "The cycle weight is too low.",
        "d": "The way back has learned where marks usually are.",
    },
    right="b",
    explanations={
        "a": "A clean digit says nothing of the place. If that comes back, the translation was more than that.",
        "b": "What comes back must have been in the only thing that was passed on.",
        "c": "A higher weight would make the message more useful, not less.",
        "d": "All places are equally frequent: guessing finds one in twenty-four.",
    },
)

quiz_labels = Question(
    "From lesson 04: a conditional GAN is trained on pairs of image and label. Which single number shows that it "
    "ignores the label?",
    options={
        "a": "the Fréchet distance of its samples",
        "b": "the loss of its discriminator",
        "c": "the share of samples in which a classifier sees the digit that was asked for",
        "d": "the mean confidence of a classifier on its samples",
    },
    right="c",
    explanations={
        "a": "Good digits under wrong labels have the same distance: it never looks at the label.",
        "b": "It says how the game stands, not what was asked and what was drawn.",
        "c": "It compares what was asked with what was drawn; one in ten is chance.",
        "d": "A perfect seven is a confident seven, also where a three was asked for.",
    },
)
