"""What of a generator's text stands in its training text already: new n-grams, and the longest copied span."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from course_utils.metrics.text_ngrams import Sentences, check_order, read_sentences


def ngram_novelty(sentences, training, n: int) -> float:
    """Return the share of the n-grams of generated sentences that no training sentence has.

    Every occurrence counts. Real text has new n-grams too: print the novelty of held-out sentences beside it. Far
    below that, the generator recites; far above, it writes what nobody would.

    Args:
        sentences: N generated sentences, in a form of `course_utils.metrics.text_ngrams.read_sentences`.
        training: M sentences.
        n: the order, at least 1.

    Returns:
        A float from 0 to 1; 0 if no generated sentence has n tokens.

    Raises:
        TypeError: if a set of sentences is in neither form.
        ValueError: if a set is empty or n is below 1.

    Example:
        >>> # Of three bigrams "the dog" and "dog sat" are new.
        >>> round(ngram_novelty([["the", "dog", "sat", "down"]], [["the", "cat", "sat", "down"]], 2), 4)
        0.6667

    Source: McCoy et al. 2023, "How much do language models copy from their training data?", section 3.
    """
    check_order(n=n)
    text = read_sentences(sentences=sentences, training=training)
    number = np.maximum(text.lengths[: len(sentences)] - n + 1, 0).sum()
    copied = next(itertools.islice(_copied(text, len(sentences)), n - 1, None))
    return 0.0 if number == 0 else float((number - len(copied)) / number)


def longest_copied_span(sentences, training) -> np.ndarray:
    """Return the length of each sentence's longest run of tokens that stands in a training sentence.

    A run as long as its sentence is one that was copied whole, though perhaps out of a longer one.

    Args:
        sentences: N generated sentences, in a form of `course_utils.metrics.text_ngrams.read_sentences`.
        training: M sentences.

    Returns:
        int64 (N,), in tokens; 0 for a sentence without a known token.

    Raises:
        TypeError: if a set of sentences is in neither form.
        ValueError: if a set is empty.

    Example:
        >>> longest_copied_span([["the", "dog", "sat", "down"], ["no"]], [["the", "cat", "sat", "down"]])
        array([2, 0])

    Source: the longest common substring; as a sign of memorised text: Carlini et al. 2021, "Extracting training data
    from large language models".
    """
    text = read_sentences(sentences=sentences, training=training)
    longest = np.zeros(len(sentences), np.int64)
    for n, owners in enumerate(_copied(text, len(sentences)), start=1):
        if not len(owners):
            return longest
        longest[owners] = n


def _copied(text: Sentences, number: int) -> Iterator[np.ndarray]:
    """Yield, for n = 1, 2, … without end, the sentence of each n-gram of the first ``number`` that the others have too.

    An n-gram is copied only if the shorter one that it begins with is. So each order looks only at the places, in the
    sentences and in the training text, that the one before left over; soon these are few.
    """
    tokens, lengths = text
    owners = np.repeat(np.arange(len(lengths)), lengths)
    ends = np.repeat(np.cumsum(lengths), lengths)
    kinds = tokens.max(initial=0) + 1
    starts, names = np.arange(len(tokens)), np.zeros(len(tokens), np.int64)
    for n in itertools.count(1):
        fits = starts + n <= ends[starts]
        starts, names = starts[fits], names[fits]
        known, names = np.unique(names * kinds + tokens[starts + n - 1], return_inverse=True)
        ours = owners[starts] < number
        on_side = np.zeros((2, len(known)), bool)
        on_side[ours.astype(int), names] = True
        kept = on_side.all(axis=0)[names]
        yield owners[starts[kept & ours]]
        starts, names = starts[kept], names[kept]
