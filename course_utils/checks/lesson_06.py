"""Exercises and quiz of lesson 06, judging_images."""

from __future__ import annotations

import numpy as np

from course_utils.checks.compare import array_close, call, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: the kernel distance without bias -------------------------------------------------------


def _kernel(a, b):
    return (a @ b.T / a.shape[1] + 1.0) ** 3


def _others(k):
    n = len(k)
    return (k.sum() - np.trace(k)) / (n * (n - 1))


def reference_kernel_estimate(x, y):
    """Estimate the squared maximum mean discrepancy; pairs of a vector with itself are left out."""
    return _others(_kernel(x, x)) + _others(_kernel(y, y)) - 2.0 * _kernel(x, y).mean()


def _with_itself(x, y):
    return _kernel(x, x).mean() + _kernel(y, y).mean() - 2.0 * _kernel(x, y).mean()


def _half_divided(x, y):
    def others(k):
        return (k.sum() - np.trace(k)) / len(k) ** 2

    return others(_kernel(x, x)) + others(_kernel(y, y)) - 2.0 * _kernel(x, y).mean()


def _one_cross(x, y):
    return _others(_kernel(x, x)) + _others(_kernel(y, y)) - _kernel(x, y).mean()


def _undivided(x, y):
    def kernel(a, b):
        return (a @ b.T + 1.0) ** 3

    return _others(kernel(x, x)) + _others(kernel(y, y)) - 2.0 * kernel(x, y).mean()


def _cross_others(x, y):
    n = min(len(x), len(y))
    return _others(_kernel(x, x)) + _others(_kernel(y, y)) - 2.0 * _others(_kernel(x[:n], y[:n]))


def _verify_kernel_estimate(answer) -> str | None:
    rng = np.random.default_rng(0)
    for n, m, d in ((6, 6, 3), (7, 4, 2)):
        x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5
        found = call(answer, x, y)
        for wrong, reason in (
            (_with_itself, "The pairs of a vector with itself are in it, the diagonals of k(x, x) and k(y, y)."),
            (_half_divided, "The diagonal is out of the sum, but still in the number of pairs: n (n - 1) remain."),
            (_one_cross, "The cross term counts twice."),
            (_undivided, "The inner product must be divided by d, the number of features."),
            (_cross_others, "All pairs of one x and one y are different vectors; none is left out of the cross term."),
        ):
            if numbers_close(found, wrong(x, y), 1e-6, "It") is None:
                return reason
        if reason := numbers_close(found, reference_kernel_estimate(x, y), 1e-6, f"For {n} and {m} vectors it"):
            return reason
    return None


kernel_estimate = Exercise(
    name="The kernel distance",
    verify=_verify_kernel_estimate,
    reference=reference_kernel_estimate,
    wrong=[
        (_with_itself, "diagonals"),
        (_half_divided, "remain"),
        (_one_cross, "twice"),
        (_undivided, "divided by d"),
        (_cross_others, "none is left out"),
        (lambda x, y: 1e6, "too large"),
    ],
    hint="`k = (x @ x.T / d + 1) ** 3` has the pairs with itself on its diagonal: subtract `np.trace(k)` from its sum.",
    solution="""```python
def kernel_estimate(x, y):
    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    def others(k):
        return (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))

    return others(kernel(x, x)) + others(kernel(y, y)) - 2 * kernel(x, y).mean()
```
A vector is more like itself than like any other. With the diagonal in, each set would seem more unlike the other one
than it is, and the more so the smaller it is.""",
    expects="a function of `x` and `y` that returns a number",
)

# --- Exercise 2: a classifier score by hand --------------------------------------------------------------

SCORE = 2.0**0.6


def _verify_score(answer) -> str | None:
    for wrong, reason in (
        (2.0, "The 400 images of which the classifier is unsure lower it."),
        (0.6 * np.log(2.0), "This is the mean divergence, in nats. The score is its exponential."),
        (2.0**0.4, "This is the exponential of the mean entropy of single images."),
        (np.log(2.0), "This is the entropy of the mean prediction, in nats. Go on from here."),
        (0.6, "This is the mean divergence in bits. The score is 2 to that power."),
        (1.6, "Scores do not mix with the images' shares; entropies do. Take the mean, then the exponential."),
    ):
        if numbers_close(answer, wrong, 2e-3, "It") is None:
            return reason
    return numbers_close(answer, SCORE, 2e-3, "The score")


score_by_hand = Exercise(
    name="A score by hand",
    verify=_verify_score,
    reference=SCORE,
    wrong=[
        (2.0, "unsure"),
        (0.6 * np.log(2.0), "exponential"),
        (2.0**0.4, "single images"),
        (np.log(2.0), "Go on"),
        (0.6, "bits"),
        (1.6, "entropies do"),
        (9.0, "too large"),
        (1.0, "too small"),
    ],
    hint="The mean prediction is ½ and ½: entropy log 2. What is the entropy of a single image, on the mean?",
    solution="""The mean prediction is ½ for 3 and ½ for 7, of entropy log 2. A clear image has entropy 0, an unsure one
log 2, so the mean is 0.4 · log 2. The score is exp(log 2 − 0.4 · log 2) = 2^0.6 = 1.516:

```python
score_by_hand = 2**0.6
```""",
    expects="a number",
)

# --- Exercise 3: recall and coverage -------------------------------------------------------------------


def reference_recall_coverage(distances, fake_radii, real_radii):
    """Ask of each real vector: is it in a fake's ball, and is a fake in its own ball?"""
    recall = (distances <= fake_radii[:, None]).any(axis=0).mean()
    coverage = (distances <= real_radii[None, :]).any(axis=0).mean()
    return recall, coverage


def _precision_twice(distances, fake_radii, real_radii):
    precision = (distances <= real_radii[None, :]).any(axis=1).mean()
    return precision, precision


def _exchanged(distances, fake_radii, real_radii):
    return reference_recall_coverage(distances, fake_radii, real_radii)[::-1]


def _fakes_asked(distances, fake_radii, real_radii):
    recall = (distances <= fake_radii[:, None]).any(axis=1).mean()
    coverage = (distances <= real_radii[None, :]).any(axis=1).mean()
    return recall, coverage


def _in_all(distances, fake_radii, real_radii):
    recall = (distances <= fake_radii[:, None]).all(axis=0).mean()
    coverage = (distances <= real_radii[None, :]).all(axis=0).mean()
    return recall, coverage


def _shares_of_pairs(distances, fake_radii, real_radii):
    return (distances <= fake_radii[:, None]).mean(), (distances <= real_radii[None, :]).mean()


def _verify_recall_coverage(answer) -> str | None:
    rng = np.random.default_rng(3)
    for n, m in ((6, 9), (8, 5)):
        distances, fakes, reals = rng.uniform(size=(n, m)), rng.uniform(0.0, 0.3, n), rng.uniform(0.0, 0.4, m)
        found = call(answer, distances, fakes, reals)
        for wrong, reason in (
            (
                _precision_twice,
                "This is the precision: it asks the fake vectors. Recall and coverage ask the real ones.",
            ),
            (_exchanged, "The two are exchanged: recall uses the fakes' radii, coverage the real ones'."),
            (_fakes_asked, "The share must be one of real vectors: look along axis 0, over the fakes."),
            (_in_all, "One ball is enough: `any`, where `all` stands."),
            (_shares_of_pairs, "This is a share of pairs. Ask each real vector whether there is any."),
        ):
            if array_close(found, wrong(distances, fakes, reals), "It") is None:
                return reason
        expected = reference_recall_coverage(distances, fakes, reals)
        if reason := array_close(found, expected, f"(recall, coverage) for {n} fakes and {m} real vectors"):
            return reason
    return None


recall_coverage = Exercise(
    name="Recall and coverage",
    verify=_verify_recall_coverage,
    reference=reference_recall_coverage,
    wrong=[
        (_precision_twice, "precision"),
        (_exchanged, "exchanged"),
        (_fakes_asked, "axis 0"),
        (_in_all, "any"),
        (_shares_of_pairs, "pairs"),
        (lambda distances, fake_radii, real_radii: (2.0, 2.0), "too"),
    ],
    hint="Both are `(distances <= ...).any(axis=0).mean()`. Row i of distances belongs to fake i: whose radius where?",
    solution="""```python
def recall_coverage(distances, fake_radii, real_radii):
    recall = (distances <= fake_radii[:, None]).any(axis=0).mean()
    coverage = (distances <= real_radii[None, :]).any(axis=0).mean()
    return recall, coverage
```
Only the owner of the balls differs. A single far fake has a huge ball, so it can raise recall; it cannot raise
coverage, for the real vectors own those balls.""",
    expects="a function of `distances`, `fake_radii` and `real_radii` that returns two numbers",
)

# --- Quiz --------------------------------------------------------------------------------------------

quiz_copies = Question(
    "A generator has stored the training images and returns them with a little noise. Which of these tells?",
    options={
        "a": "the Fréchet distance, because it is close to 0",
        "b": "precision and recall, because both are high",
        "c": "distances to the nearest training image, beside those of held-out images",
        "d": "the classifier score, because it falls",
    },
    right="c",
    explanations={
        "a": "A distance close to 0 is what an excellent generator would have too.",
        "b": "The same: high values are the aim, and copies reach them.",
        "c": "New images of the same kind lie as far from the training set as held-out ones do; copies lie nearer.",
        "d": "Copies of clear digits are clear digits: it stays where it is for real images.",
    },
)

quiz_limit = Question(
    "Generators A and B are measured with 1,000 images each: A has a Fréchet distance of 3.0, B of 3.4. Extrapolated "
    "to endlessly many, A has 2.4 and B 2.2. What may be said?",
    options={
        "a": "A is better: equally many images are a fair comparison.",
        "b": "The bias depends on the generator; the order at 1,000 images need not be the order of the limits.",
        "c": "The extrapolation is wrong: bias is the same for all.",
        "d": "B memorised, for its bias is larger.",
    },
    right="b",
    explanations={
        "a": "Equal numbers remove most of the unfairness, not all: the slope in 1/N differs between generators.",
        "b": "The slope comes from the generator's own covariance. Give the limit, or the kernel distance.",
        "c": "The bias depends on the distribution that is sampled, so on the generator.",
        "d": "The slope says how the features of a sample vary, nothing about training images.",
    },
)

quiz_labels = Question(
    "From lesson 04: a conditional GAN is trained with each image under the label of its neighbour in the batch. What "
    "shows the mistake?",
    options={
        "a": "The discriminator's loss goes to 0.",
        "b": "The samples look broken.",
        "c": "The classifier sees the digit that was asked for in about one sample of ten.",
        "d": "The Fréchet distance becomes infinite.",
    },
    right="c",
    explanations={
        "a": "The labels say nothing, so the game is an ordinary GAN's, with an ordinary loss.",
        "b": "They look like digits. Only they are not those asked for.",
        "c": "Image and label are independent, so the best generator ignores the label: chance level.",
        "d": "It looks at images only, and those are about as good as without labels.",
    },
)
