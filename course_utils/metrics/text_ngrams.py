"""Sentences as one row of whole numbers, and the fast count of their n-grams.

Every measure of text in this room starts here. What counts as a sentence is decided in one place, `read_sentences`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from course_utils.datasets import END


class Sentences(NamedTuple):
    """N sentences, one after another. Equal tokens have equal numbers, from 0 to P − 1 at most.

    Attributes:
        tokens: int64 (P,), the tokens of all sentences.
        lengths: int64 (N,), how many of them each sentence has.
    """

    tokens: np.ndarray
    lengths: np.ndarray


def read_sentences(**sets) -> Sentences:
    """Return the sentences of one or several sets, in the order given, on one numbering of their tokens.

    A set is one of two things. *A list of sentences*, each a list of tokens, strings or whole numbers: they count as
    they are, and a sentence may be empty. *An array of ids*, integer (N, T): each row is read as `Vocabulary.decode`
    reads it, up to its first end token (id 2), which does not count, or to the end of the row. What a generator
    writes before the end counts, even padding. Where every row is a whole sentence and 2 a word as any other, as with
    the LSTM oracle, give ``array.tolist()``.

    Args:
        **sets: the sets by the names of the caller's arguments, which errors repeat.

    Returns:
        The `Sentences`.

    Raises:
        TypeError: if a set is neither, a sentence is a string, or the tokens are not all strings or all whole numbers.
        ValueError: for a set without a sentence, an array of another shape, or negative ids.

    Example:
        >>> read_sentences(sentences=[["a", "b", "a"], ["c"]])
        Sentences(tokens=array([0, 1, 0, 2]), lengths=array([3, 1]))
        >>> read_sentences(sentences=np.array([[7, 9, 7, 2, 0], [2, 7, 7, 7, 7], [9, 0, 9, 9, 9]]))
        Sentences(tokens=array([1, 2, 1, 2, 0, 2, 2, 2]), lengths=array([3, 0, 5]))
    """
    parts = [
        _of_array(name, given) if hasattr(given, "__array__") else _of_lists(name, given)
        for name, given in sets.items()
    ]
    kinds = set().union(*(map(type, tokens) for tokens, _ in parts if isinstance(tokens, list)))
    strings = {kind for kind in kinds if issubclass(kind, str)}
    others = kinds - strings
    arrays = any(isinstance(tokens, np.ndarray) and tokens.size for tokens, _ in parts)
    unknown = [kind for kind in others if kind is bool or not issubclass(kind, (int, np.integer))]
    if unknown or (strings and (others or arrays)):
        names = sorted(kind.__name__ for kind in kinds) + ["ids of an array"] * arrays
        raise TypeError(
            f"Tokens must be all strings or all whole numbers. Received: {', '.join(names)}. Encode or decode one set "
            "with the vocabulary of the other."
        )
    lengths = np.concatenate([lengths for _, lengths in parts])
    if strings:
        number = {}
        flat = itertools.chain.from_iterable(tokens for tokens, _ in parts)
        return Sentences(np.array([number.setdefault(token, len(number)) for token in flat], np.int64), lengths)
    flat = np.concatenate([np.asarray(tokens, np.int64) for tokens, _ in parts])
    return Sentences(np.unique(flat, return_inverse=True)[1], lengths)


def ngrams(sentences: Sentences, max_n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the n-grams of all sentences, for n from 1 to ``max_n``; none reaches over the end of a sentence.

    An n-gram of order n is named by the number of its first n − 1 tokens and that of its last one. So its name fits
    into 64 bits for any vocabulary and any n, and one sort an order numbers them all.

    Args:
        sentences: the `Sentences`.
        max_n: the longest n-gram, at least 1.

    Yields:
        The number of the sentence of each n-gram, and of the n-gram itself, int64 (P_n,) each. Equal n-grams have equal
        numbers, from 0 without a gap.

    Example:
        >>> for owners, grams in ngrams(read_sentences(sentences=[["a", "b", "a"], ["a", "b"]]), 2):
        ...     print(owners, grams)
        [0 0 0 1 1] [0 1 0 0 1]
        [0 0 1] [0 1 0]
    """
    tokens, lengths = sentences
    owners = np.repeat(np.arange(len(lengths)), lengths)
    ends = np.repeat(np.cumsum(lengths), lengths)
    kinds = tokens.max(initial=-1) + 1
    starts, grams = np.arange(len(tokens)), tokens
    for n in range(1, max_n + 1):
        if n > 1:
            kept = starts + n <= ends[starts]
            starts = starts[kept]
            grams = np.unique(grams[kept] * kinds + tokens[starts + n - 1], return_inverse=True)[1]
        yield owners[starts], grams


def counted(owners: np.ndarray, grams: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each sentence's different n-grams, and how often each stands in it.

    Args:
        owners: int64 (P_n,), of `ngrams`.
        grams: int64 (P_n,), of `ngrams`.

    Returns:
        Owners, n-grams and counts, int64 (K,) each, one entry for each pair of a sentence and an n-gram of it.

    Example:
        >>> counted(np.array([0, 0, 0, 1]), np.array([4, 5, 4, 4]))
        (array([0, 0, 1]), array([4, 5, 4]), array([2, 1, 1]))
    """
    kinds = grams.max(initial=0) + 1
    pairs, counts = np.unique(owners * kinds + grams, return_counts=True)
    return pairs // kinds, pairs % kinds, counts


def check_order(**orders) -> None:
    """Raise `ValueError` for the first argument that is no whole number of at least 1."""
    for name, order in orders.items():
        if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or order < 1:
            raise ValueError(f"{name} must be a whole number of at least 1. Received: {order!r}.")


def _of_array(name: str, given) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of an array up to the end token of each row, and the rows' lengths."""
    array = np.asarray(given)
    if array.dtype.kind not in "iu":
        raise TypeError(f"An array of {name} must hold integer ids. Received dtype: {array.dtype}. Encode the text.")
    if array.ndim != 2 or not len(array):
        raise ValueError(f"An array of {name} must be (N, T), N at least 1. Received shape: {array.shape}.")
    if array.size and array.min() < 0:
        raise ValueError(f"Ids of {name} must not be negative. Received: {array.min()}. Pad rows with 0.")
    inside = ~np.logical_or.accumulate(array == END, axis=1)
    return array[inside].astype(np.int64), inside.sum(axis=1)


def _of_lists(name: str, given) -> tuple[list, np.ndarray]:
    """Return all tokens of a list of lists, and the lists' lengths."""
    if not isinstance(given, (list, tuple)):
        raise TypeError(
            f"{name} must be a list of sentences or an integer array (N, T). Received: {type(given).__name__}."
        )
    if not given:
        raise ValueError(f"{name} must hold at least one sentence. Received: none.")
    for index, sentence in enumerate(given):
        if not isinstance(sentence, (list, tuple)):
            raise TypeError(
                f"Sentence {index} of {name} must be a list of tokens. Received: {type(sentence).__name__}. Split a "
                "string with Vocabulary.tokens; turn arrays into lists with tolist()."
            )
    return list(itertools.chain.from_iterable(given)), np.array([len(sentence) for sentence in given], np.int64)
