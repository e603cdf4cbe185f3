"""Sentences for the measures of text: drawn at random from few words, so that n-grams repeat, and real ones."""

import functools

import numpy as np

from course_utils.datasets import END, load_english
from course_utils.datasets.word_splitting import split_words


def random_sentences(seed, number, *, words=5, longest=9, shortest=1):
    """Return lists of ``shortest`` to ``longest`` whole numbers."""
    rng = np.random.default_rng(seed)
    return [rng.integers(3, 3 + words, rng.integers(shortest, longest + 1)).tolist() for _ in range(number)]


@functools.cache
def real_sentences(number):
    """Return the tokens of English sentences that have much in common: neighbours in the alphabet."""
    return [split_words(sentence) for sentence in sorted(load_english("train").sentences)[6_000 : 6_000 + number]]


def as_array(sentences, length):
    """Return sentences as ids with an end token where it fits, and padding."""
    rows = [[*sentence, END, *[0] * length][:length] for sentence in sentences]
    return np.array(rows, np.int32)
