"""Exercises and quiz of lesson 04, convolutional_and_conditional_gans."""

from __future__ import annotations

import numpy as np

from course_utils.checks.compare import array_close, call, describe, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: the transposed convolution ----------------------------------------------------------


def reference_transposed_convolution(small, kernel, stride):
    """Put down a copy of the kernel for each pixel; copies add up where they overlap."""
    n, k = len(small), len(kernel)
    out = np.zeros(((n - 1) * stride + k, (n - 1) * stride + k))
    for i, j in np.ndindex(n, n):
        out[i * stride : i * stride + k, j * stride : j * stride + k] += small[i, j] * kernel
    return out


def _turned(small, kernel, stride):
    return reference_transposed_convolution(small, kernel[::-1, ::-1], stride)


def _overwritten(small, kernel, stride):
    n, k = len(small), len(kernel)
    out = np.zeros(((n - 1) * stride + k, (n - 1) * stride + k))
    for i, j in np.ndindex(n, n):
        out[i * stride : i * stride + k, j * stride : j * stride + k] = small[i, j] * kernel
    return out


def _unmultiplied(small, kernel, stride):
    return reference_transposed_convolution(np.ones_like(small), kernel, stride)


def _without_stride(small, kernel, stride):
    return reference_transposed_convolution(small, kernel, 1)


def _exchanged_places(small, kernel, stride):
    return reference_transposed_convolution(small.T, kernel, stride)


def _cut(small, kernel, stride):
    size = len(small) * stride
    return reference_transposed_convolution(small, kernel, stride)[:size, :size]


def _verify_transposed_convolution(answer) -> str | None:
    kernel = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
    small = np.array([[1.0, -2.0], [0.5, 3.0]])
    found = call(answer, small, kernel, 2)
    for wrong, reason in (
        (_turned, "The kernel is turned by 180°. A copy of it is put down as it is."),
        (_overwritten, "Where copies overlap, the later one overwrites the earlier. They must add up."),
        (_unmultiplied, "Each copy has to be multiplied by the value of its small pixel."),
        (_without_stride, "The stride is ignored: neighbouring copies lie `stride` pixels apart."),
        (_exchanged_places, "Rows and columns are exchanged: small[i, j] belongs at row i·stride, column j·stride."),
        (_cut, "The border is cut off. Here all of it stays: the size is (n - 1)·stride + k."),
    ):
        if array_close(found, wrong(small, kernel, 2), "It") is None:
            return reason
    if reason := array_close(found, reference_transposed_convolution(small, kernel, 2), "With stride 2 the result"):
        return reason
    rng = np.random.default_rng(0)
    for n, k, stride in ((1, 3, 1), (3, 2, 1), (2, 2, 3)):
        small, kernel = rng.normal(size=(n, n)), rng.normal(size=(k, k))
        expected = reference_transposed_convolution(small, kernel, stride)
        what = f"For {n} × {n} pixels, kernel {k} and stride {stride} the result"
        if reason := array_close(call(answer, small, kernel, stride), expected, what):
            return reason
    return None


transposed_convolution = Exercise(
    name="The transposed convolution",
    verify=_verify_transposed_convolution,
    reference=reference_transposed_convolution,
    wrong=[
        (_turned, "turned"),
        (_overwritten, "add up"),
        (_unmultiplied, "multiplied"),
        (_without_stride, "ignored"),
        (_exchanged_places, "exchanged"),
        (_cut, "cut off"),
        (lambda small, kernel, stride: np.zeros((5, 5)), "too"),
    ],
    hint="Begin with `np.zeros` of the full size. Pixel (i, j) owns the rows `i * stride` to `i * stride + k`.",
    solution="""```python
def transposed_convolution(small, kernel, stride):
    n, k = len(small), len(kernel)
    out = np.zeros(((n - 1) * stride + k, (n - 1) * stride + k))
    for i, j in np.ndindex(n, n):
        out[i * stride : i * stride + k, j * stride : j * stride + k] += small[i, j] * kernel
    return out
```
The `+=` is the whole idea: with `=` the layer would not be linear in its input, and no transpose of anything.""",
    expects="a function of `small`, `kernel` and `stride` that returns a two-dimensional array",
)

# --- Exercise 2: the generator's numbers ---------------------------------------------------------------

WEIGHTS = 100 * 7 * 7 * 64 + 4 * 64 + 4 * 4 * 64 * 32 + 4 * 32 + 4 * 4 * 32 * 1 + 1
_COUNTS = {
    WEIGHTS - 4 * (64 + 32): "Both batch normalisations are missing: four numbers for each of 64 and of 32 maps.",
    WEIGHTS - 2 * (64 + 32): "Four numbers a map: γ, β and the two moving averages. The averages are held too.",
    WEIGHTS + 7 * 7 * 64: "The dense layer has no bias: a mean would be subtracted from it at once.",
    WEIGHTS + 32: "The first transposed convolution has no bias: normalisation follows.",
    WEIGHTS - 1: "The last layer has a bias: one, for its one map.",
    WEIGHTS
    + 4 * 7 * 7 * 64
    - 4 * 64: "The first normalisation has four numbers for each of 64 maps, not for each place.",
    100 * 7 * 7 * 64 + 4 * 4 * 64 * 32 * 49 + 4 * 4 * 32 * 196: "These are the products. The numbers held do not "
    "depend on how many places a kernel visits.",
}


def _verify_generator_weights(answer) -> str | None:
    if isinstance(answer, bool) or not isinstance(answer, int | np.integer):
        return f"Give a whole number. Received: {describe(answer)}."
    if answer in _COUNTS:
        return _COUNTS[int(answer)]
    return None if answer == WEIGHTS else numbers_close(float(np.clip(answer, -1e12, 1e12)), WEIGHTS, 0.5, "The number")


generator_weights = Exercise(
    name="The numbers in a generator",
    verify=_verify_generator_weights,
    reference=WEIGHTS,
    wrong=[(count, text[:25]) for count, text in _COUNTS.items()] + [(3, "too small"), (10**9, "too large")],
    hint="Five layers: 100·7·7·64, then four for each of 64 maps, then k²·64·32, and so on. Only the last has a bias.",
    solution="""```python
generator_weights = 100 * 7 * 7 * 64 + 4 * 64 + 4 * 4 * 64 * 32 + 4 * 32 + 4 * 4 * 32 * 1 + 1  # 347,265
```
A bias before a batch normalisation would be subtracted again with the mean, so the layers that are normalised have
none. Of the four numbers a map, training moves γ and β; the two averages are only kept.""",
    expects="a whole number",
)

# --- Exercise 3: the line that is wrong -----------------------------------------------------------------

_LINES = {
    1: "The arguments are right: labels and a seed decide everything that should be decided.",
    2: "Labels are whole numbers; this conversion changes none of them.",
    3: "The same seed and row give the same noise. Is each row of noise treated alone later on?",
    5: "This only changes the type of the array. The images are already wrong.",
}


def _verify_bug_line(answer) -> str | None:
    if isinstance(answer, bool) or not isinstance(answer, int | np.integer):
        return f"Give the number of a line as a whole number. Received: {describe(answer)}."
    if answer == 4:
        return None
    return _LINES.get(int(answer), f"The listing has the lines 1 to 5. Received: {describe(answer)}.")


bug_line = Exercise(
    name="The picture that depends on its company",
    verify=_verify_bug_line,
    reference=4,
    wrong=[(3, "treated alone"), (2, "whole numbers"), (1, "arguments"), (5, "already"), (6, "1 to 5")],
    hint="Which layer lets the images of one batch know of each other, and when?",
    solution="""Line 4. With `training=True` batch normalisation takes mean and variance from the images that are drawn
together, so each picture depends on the others, and on how many there are:

```python
images = generator([noise, labels], training=False)
```
Such a call would also move the averages a little each time somebody draws.""",
    expects="the number of a line, 1 to 5",
)

# --- Quiz --------------------------------------------------------------------------------------------

quiz_constant = Question(
    "The input is constant and the weights are random. Away from the border, which layer gives a constant output "
    "whatever its weights are?",
    options={
        "a": "a transposed convolution with kernel 3 and stride 2",
        "b": "a transposed convolution with kernel 4 and stride 2",
        "c": "repeating each pixel 2 × 2 times, then a convolution with kernel 3",
        "d": "none of these",
    },
    right="c",
    explanations={
        "a": "Its pixels get 4, 2, 2 or 1 kernel entries, so the sums differ.",
        "b": "Each pixel gets four entries, but neighbours get different ones: equal counts, unequal sums.",
        "c": "The repeated image is constant, and an ordinary convolution takes the same sum at every place.",
        "d": "An ordinary convolution of a constant is constant. Which layer ends with one?",
    },
)

quiz_company = Question(
    "A GAN's loop calls `discriminator(images)` without `training`, and Keras takes False. D has batch normalisation. "
    "What is trained?",
    options={
        "a": "A discriminator normalised with the mean and variance of each batch.",
        "b": "A discriminator whose layer subtracts 0 and divides by 1, from the first step to the last.",
        "c": "A discriminator normalised with averages over the training so far.",
        "d": "Nothing: Keras raises an error.",
    },
    right="b",
    explanations={
        "a": "That is what `training=True` would do.",
        "b": "The averages start at 0 and 1, and only calls with `training=True` move them. Only γ and β learn.",
        "c": "The averages would be that if any call had updated them. None does.",
        "d": "No error comes. That is why the mistake lives long.",
    },
)

quiz_samples = Question(
    "From lesson 03: generator A has a Fréchet distance of 3.1 on 5,000 images, generator B one of 2.9 on 50,000 "
    "images. Which is nearer to the data?",
    options={
        "a": "B, because 2.9 is below 3.1.",
        "b": "A, because its distance was measured on fewer images.",
        "c": "It cannot be said before both are measured on equally many images.",
        "d": "They are equally near, because both are above the floor.",
    },
    right="c",
    explanations={
        "a": "The distance falls as the number of images grows, even for one and the same generator.",
        "b": "That A would gain from more images is likely, but not by how much.",
        "c": "The finite sample adds to the distance, and more so the smaller it is. Compare at equal numbers.",
        "d": "The floor also depends on the number of images, and being above it does not make two distances equal.",
    },
)
