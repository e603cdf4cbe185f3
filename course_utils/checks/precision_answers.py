"""Lesson 14's right and wrong clipped precisions of n-grams."""

from __future__ import annotations

import collections
from typing import Any

from course_utils.checks.compare import call, numbers_close


def _grams(words, n):
    return collections.Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def clipped_precision(words, references, n):
    """The share of the n-grams that a reference has, each at most as often as one reference has it."""
    own = _grams(words, n)
    most = collections.Counter()
    for reference in references:
        most |= _grams(reference, n)
    return sum((own & most).values()) / max(sum(own.values()), 1)


def _unclipped(words, references, n):
    own, known = _grams(words, n), set().union(*(_grams(reference, n) for reference in references))
    return sum(count for gram, count in own.items() if gram in known) / max(sum(own.values()), 1)


def _pooled(words, references, n):
    own = _grams(words, n)
    total = sum((_grams(reference, n) for reference in references), collections.Counter())
    return sum((own & total).values()) / max(sum(own.values()), 1)


def _kinds(words, references, n):
    own, known = _grams(words, n), set().union(*(_grams(reference, n) for reference in references))
    return len(own.keys() & known) / max(len(own), 1)


def _first_only(words, references, n):
    return clipped_precision(words, references[:1], n)


def _recall(words, references, n):
    own, most = _grams(words, n), collections.Counter()
    for reference in references:
        most |= _grams(reference, n)
    return sum((own & most).values()) / max(sum(most.values()), 1)


def _by_words(words, references, n):
    return clipped_precision(words, references, n) * max(len(words) - n + 1, 0) / max(len(words), 1)


def _best_reference(words, references, n):
    return max(clipped_precision(words, [reference], n) for reference in references)


MISTAKES = (
    (_unclipped, "Nothing is clipped: an n-gram counts at most as often as one reference has it."),
    (_pooled, "The counts of all references are added up. The largest count in a single reference is meant."),
    (_kinds, "Each n-gram counts once, however often it stands in the sentence. Sum the counts."),
    (_first_only, "Only the first reference is used. Every one of them may have the n-gram."),
    (_recall, "It is divided by the n-grams of the references: that is a recall. Divide by those of the sentence."),
    (_by_words, "It is divided by the number of words. A sentence of 6 words has only 5 bigrams."),
    (_best_reference, "It is the best single reference's. Each n-gram may take its largest count from another one."),
)
_CASES = (
    ("the the cat sat on the mat mat", ("the cat sat", "on the mat the end", "mat a mat"), 1),
    ("the cat sat on the cat sat", ("the cat sat down", "sat on the cat on the mat"), 2),
    ("a b a b a c", ("a b a d", "a b c"), 2),
    ("one two", ("one two three",), 3),
)
_CASES = tuple((words.split(), [line.split() for line in lines], n) for words, lines, n in _CASES)


def verify_precision(answer: Any) -> str | None:
    for words, references, n in _CASES:
        found = call(answer, list(words), [list(line) for line in references], n)
        what = f"P_{n} of {' '.join(words)!r}"
        reason = numbers_close(found, clipped_precision(words, references, n), 1e-6, what)
        if reason is None:
            continue
        for wrong, words_of_reason in MISTAKES:
            if all(_gives(answer, wrong, case) for case in _CASES):
                return words_of_reason
        return reason
    return None


def _gives(answer: Any, wrong: Any, case: tuple) -> bool:
    words, references, n = case
    found = call(answer, list(words), [list(line) for line in references], n)
    return numbers_close(found, wrong(words, references, n), 1e-6, "It") is None
