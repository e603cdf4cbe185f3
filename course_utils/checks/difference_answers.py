"""Lesson 14's right and wrong ways to tell whether two methods differ over a few seeds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_utils.checks.compare import call, describe

_T = {2: 4.302653, 3: 3.182446, 4: 2.776445, 5: 2.570582, 7: 2.364624, 9: 2.262157}  # 97.5 %, by degrees of freedom


def _t_of(first, second):
    gaps = np.asarray(first) - np.asarray(second)
    return abs(gaps.mean()) / (gaps.std(ddof=1) / math.sqrt(len(gaps)))


def differ(first, second):
    """Whether the 95 % interval of the mean difference, seed by seed, leaves out 0."""
    from scipy import stats

    gaps = np.asarray(first) - np.asarray(second)
    half = stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / math.sqrt(len(gaps))
    return bool(abs(gaps.mean()) > half)


def _normal(first, second):
    return bool(_t_of(first, second) > 1.96)


def _one_sided(first, second):
    from scipy import stats

    return bool(_t_of(first, second) > stats.t.ppf(0.95, len(first) - 1))


def _unpaired(first, second):
    from scipy import stats

    return bool(stats.ttest_ind(first, second).pvalue < 0.05)


def _no_root(first, second):
    gaps = np.asarray(first) - np.asarray(second)
    return bool(abs(gaps.mean()) > _T[len(gaps) - 1] * gaps.std(ddof=1))


def _population(first, second):
    gaps = np.asarray(first) - np.asarray(second)
    return bool(abs(gaps.mean()) > _T[len(gaps) - 1] * gaps.std() / math.sqrt(len(gaps)))


def _upwards(first, second):
    gaps = np.asarray(first) - np.asarray(second)
    return bool(gaps.mean() > _T[len(gaps) - 1] * gaps.std(ddof=1) / math.sqrt(len(gaps)))


def _means(first, second):
    return bool(np.mean(first) != np.mean(second))


def _pair(gaps, level=0.0):
    """Two methods with these differences, seed by seed; the seeds themselves differ by multiples of ``level``."""
    seeds = level * np.arange(len(gaps))
    return np.asarray(gaps, float) + seeds, seeds


_BASE3, _BASE5 = np.array([-1.0, 0.0, 1.0]), np.array([-1.0, -0.5, 0.0, 0.5, 1.0])


def _with_t(base, t):
    """Differences whose t is the given one."""
    return base + t * base.std(ddof=1) / math.sqrt(len(base))


_PAIRS = {
    "clear": (_pair(_with_t(_BASE3, 9.0)), True),
    "clear, downwards": (_pair(-_with_t(_BASE3, 9.0)), True),
    "none": (_pair(_with_t(_BASE3, 0.3)), False),
    "near, three seeds": (_pair(_with_t(_BASE3, 3.9)), False),
    "near, three seeds, less": (_pair(_with_t(_BASE3, 2.4)), False),
    "just over, three seeds": (_pair(_with_t(_BASE3, 4.6)), True),
    "five seeds": (_pair(_with_t(_BASE5, 3.2)), True),
    "five seeds, one side": (_pair(_with_t(_BASE5, 2.4)), False),
    "paired": (_pair(_with_t(_BASE5, 6.0), level=40.0), True),
}
MISTAKES = (
    (_means, "That the means differ says nothing: those of two runs of the same method differ, too."),
    (_unpaired, "Take the differences seed by seed first: what a seed does to both methods then falls out."),
    (_normal, "1.96 is for many seeds. With K of them it is t with K − 1 degrees of freedom: 4.30 for three."),
    (_one_sided, "An interval of 95 % leaves out 2.5 % on *each* side: stats.t.ppf(0.975, K − 1)."),
    (_no_root, "The mean of K differences varies less than one of them: the root of K is missing."),
    (_population, "The standard deviation of few values needs ddof=1: it divides by K − 1."),
    (_upwards, "A method may also be *below* the other one: take the size of the mean difference."),
)


def verify_differ(answer: Any) -> str | None:
    found = {}
    for name, ((first, second), _) in _PAIRS.items():
        value = call(answer, first, second)
        if not isinstance(value, bool | np.bool_):
            return f"The answer should be True or False. Received: {describe(value)}."
        found[name] = bool(value)
    if all(found[name] == right for name, (_, right) in _PAIRS.items()):
        return None
    for wrong, words in MISTAKES:
        if all(found[name] == wrong(*pair) for name, (pair, _) in _PAIRS.items()):
            return words
    name = next(name for name, (_, right) in _PAIRS.items() if found[name] != right)
    (first, second), right = _PAIRS[name]
    gaps = np.round(first - second, 2).tolist()
    return f"With the differences {gaps}, seed by seed, the interval {'leaves out' if right else 'contains'} 0."
