"""Lesson 07's right and wrong guesses of a pixel that several completions leave open."""

from __future__ import annotations

import numpy as np

from course_utils.checks.compare import array_close, call, describe


def reference(completions, chances):
    """The guess of least expected squared error, and the one of least expected absolute error, for pixels 0 and 1."""
    squared = chances @ completions  # the mean of each pixel
    absolute = (squared > 0.5).astype(float)  # its median: the value that has more than half of the chance
    return squared, absolute


def guesses_with(squared, absolute):
    def answer(completions, chances):
        return squared(completions, chances), absolute(completions, chances)

    return answer


def mean(completions, chances):
    return chances @ completions


def median(completions, chances):
    return (chances @ completions > 0.5).astype(float)


def most_likely(completions, chances):
    return completions[np.argmax(chances)]


def unweighted_mean(completions, chances):
    return completions.mean(axis=0)


def unweighted_median(completions, chances):
    return np.median(completions, axis=0)


def exchanged(completions, chances):
    return median(completions, chances), mean(completions, chances)


def verify(answer) -> str | None:
    rng = np.random.default_rng(0)
    cases = [(np.eye(3), np.array([0.5, 0.3, 0.2]) + np.array([-0.08, 0.06, 0.02]))]
    for k, pixels in ((5, 6), (4, 2)):
        chances = rng.uniform(0.2, 1.0, k)
        cases.append(((rng.random((k, pixels)) < 0.5).astype(float), chances / chances.sum()))
    for completions, chances in cases:
        found = call(answer, completions, chances)
        if not isinstance(found, tuple | list) or len(found) != 2:
            return f"Two arrays are expected: the L2 guess, then the L1 guess. Received: {describe(found)}."
        for guess in found:
            if reason := array_close(np.shape(guess), (completions.shape[1],), "The shape of a guess"):
                return reason
        right = reference(completions, chances)
        for (one, other), reason in (
            ((right[1], right[0]), "The two are exchanged: the squared error comes first."),
            ((unweighted_mean(completions, chances), None), "The mean has to weigh each completion by its chance."),
            ((right[0], right[0]), "The second guess is the mean again. Each pixel's median is 0 or 1 here."),
            (
                (right[0], most_likely(completions, chances)),
                "The most likely completion is no median. Each pixel is judged alone: does 1 have more than half?",
            ),
            ((right[0], unweighted_median(completions, chances)), "The median has to weigh completions by chance."),
        ):
            if array_close(found[0], one, "It") is None and (
                other is None or (array_close(found[1], other, "It") is None and not np.array_equal(other, right[1]))
            ):
                return reason
        for guess, expected, what in zip(found, right, ("The L2 guess", "The L1 guess"), strict=True):
            if reason := array_close(guess, expected, what):
                return reason
    return None
