"""BLEU of a corpus, of each sentence, of a set against itself, and backward: all references at once, each counted once.

NLTK counts the n-grams of every reference again for every hypothesis. Here all sentences become whole numbers, an order
of n-grams is numbered by one sort, and the most times that one reference has an n-gram is looked up.
"""

from __future__ import annotations

import itertools

import numpy as np

from course_utils.metrics.bleu_smoothing import Counts, checked_smoothing
from course_utils.metrics.text_ngrams import Sentences, check_order, counted, ngrams, read_sentences


def sentence_bleu(hypotheses, references, *, max_n: int = 4, smoothing: str = "epsilon") -> np.ndarray:
    """Return the BLEU of each sentence against all references together.

    The geometric mean of the precisions of orders 1 to ``max_n``, times exp(1 − r/c) for a sentence of c tokens that is
    shorter than the reference nearest in length, r. An n-gram matches at most as often as the one reference has it that
    has it most often. The mean over sentences is what Texygen and its successors print as BLEU.

    Args:
        hypotheses: N sentences, in a form of `course_utils.metrics.text_ngrams.read_sentences`.
        references: M sentences; every one serves every hypothesis.
        max_n: the longest n-gram, 2 to 5 in the papers.
        smoothing: a name of `course_utils.metrics.bleu_smoothing`; "epsilon" (NLTK's method1) is Texygen's.

    Returns:
        float64 (N,), from 0 to 1; 0 for a sentence without a word in common with the references, and for an empty one.
        Too short a sentence for an order has one n-gram of it, which matches nothing, as in NLTK.

    Raises:
        TypeError: if a set of sentences is in neither form.
        ValueError: if a set is empty, ``max_n`` is below 1 or the smoothing is unknown.

    Example:
        >>> references = [["the", "cat", "sat", "down"], ["the", "dog", "sat"]]
        >>> sentence_bleu([["the", "dog", "sat", "down"], ["a", "dog"]], references, max_n=2).round(3)
        array([1.   , 0.136])

    Source: Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine translation", section 2.3; as a
    measure of generators: Zhu et al. 2018, "Texygen".
    """
    check_order(max_n=max_n)
    chosen = checked_smoothing(smoothing, pooled=False)
    text = read_sentences(hypotheses=hypotheses, references=references)
    number = len(hypotheses)
    counts = _counts(text, number, max_n + chosen.orders_above)
    return _score(counts, _closest(text.lengths[:number], text.lengths[number:]), chosen, max_n)


def corpus_bleu(
    hypotheses, references, *, max_n: int = 4, smoothing: str = "none", own_references: bool = False
) -> float:
    """Return one BLEU for all sentences: their matches, n-grams and lengths are added up first.

    Args:
        hypotheses: N sentences, in a form of `course_utils.metrics.text_ngrams.read_sentences`.
        references: M sentences, each of which serves every hypothesis; or, with ``own_references``, N lists of
            sentences, one for each hypothesis, at least one sentence in each.
        max_n: the longest n-gram.
        smoothing: "none", "epsilon", "add_one", "nist" or "nist_by_length"; the others are for single sentences.
        own_references: whether each hypothesis has references of its own, as in translation.

    Returns:
        A float from 0 to 1, not times 100. Equal to NLTK's. sacreBLEU's is the same unless a hypothesis has fewer than
        ``max_n`` tokens: NLTK counts one n-gram without a match for such an order, sacreBLEU and the paper none.

    Raises:
        TypeError: if a set of sentences is in neither form.
        ValueError: if a set is empty, a hypothesis has no references, there are not as many lists of references as
            hypotheses, ``max_n`` is below 1, or the smoothing is not one of the five.

    Example:
        >>> hypotheses = [["the", "cat", "sat"], ["a", "dog", "barked"]]
        >>> references = [[["the", "cat", "sat", "down"]], [["the", "dog", "barked"], ["a", "dog", "slept"]]]
        >>> round(corpus_bleu(hypotheses, references, max_n=2, own_references=True), 3)  # exp(1 - 7/6)
        0.846

    Source: Papineni et al. 2002, section 2.3.
    """
    check_order(max_n=max_n)
    chosen = checked_smoothing(smoothing, pooled=True)
    if own_references:
        counts, closest = _with_own_references(hypotheses, references, max_n)
    else:
        text = read_sentences(hypotheses=hypotheses, references=references)
        number = len(hypotheses)
        counts = _counts(text, number, max_n)
        closest = _closest(text.lengths[:number], text.lengths[number:])
    pooled = Counts(*(values.sum(axis=0, keepdims=True) for values in counts))
    return float(_score(pooled, closest.sum(keepdims=True), chosen, max_n)[0])


def self_bleu(sentences, *, max_n: int = 4, smoothing: str = "epsilon") -> float:
    """Return how much a set of sentences repeats itself: the mean BLEU of each against all others.

    A sentence is never its own reference, though its copies are: all sentences equal give 1. High values mean little
    variety; real text has its own, which should be printed beside it.

    Args:
        sentences: N sentences, at least 2, in a form of `course_utils.metrics.text_ngrams.read_sentences`.
        max_n: the longest n-gram.
        smoothing: as in `sentence_bleu`.

    Returns:
        A float from 0 to 1. It rises with N: compare only equal numbers of sentences.

    Raises:
        TypeError: if the sentences are in neither form.
        ValueError: if there are fewer than two, ``max_n`` is below 1 or the smoothing is unknown.

    Example:
        >>> self_bleu([["the", "cat", "sat"], ["the", "cat", "sat"], ["the", "cat", "sat"]], max_n=3)
        1.0
        >>> round(self_bleu([["the", "cat", "sat"], ["the", "dog", "sat"]], max_n=1), 3)
        0.667

    Source: Zhu et al. 2018, "Texygen: a benchmarking platform for text generation models".
    """
    check_order(max_n=max_n)
    chosen = checked_smoothing(smoothing, pooled=False)
    text = read_sentences(sentences=sentences)
    number = len(text.lengths)
    if number < 2:
        raise ValueError(f"Self-BLEU compares sentences with each other. Received: {number}. Give two or more.")
    counts = _counts(text, number, max_n + chosen.orders_above)
    # The nearest length among the others: their own length, unless a sentence is the only one of it.
    known, times = np.unique(text.lengths, return_counts=True)
    of_length = [
        length if often > 1 else _closest(np.array([length]), known[known != length])[0]
        for length, often in zip(known, times, strict=True)
    ]
    closest = np.array(of_length)[np.searchsorted(known, text.lengths)]
    return float(_score(counts, closest, chosen, max_n).mean())


def backward_bleu(sentences, real, *, max_n: int = 4, smoothing: str = "epsilon") -> float:
    """Return how much of real text generated sentences cover: the mean BLEU of real sentences against generated ones.

    A generator that repeats one good sentence has a high BLEU and a low backward BLEU.

    Args:
        sentences: generated ones, the references here, in a form of `text_ngrams.read_sentences`.
        real: real sentences, the hypotheses.
        max_n: the longest n-gram.
        smoothing: as in `sentence_bleu`.

    Returns:
        A float from 0 to 1. It rises with the number of generated sentences: compare only equal numbers.

    Raises:
        TypeError: if a set of sentences is in neither form.
        ValueError: if a set is empty, ``max_n`` is below 1 or the smoothing is unknown.

    Example:
        >>> real = [["the", "cat", "sat"], ["a", "dog", "barked"]]
        >>> backward_bleu([["the", "cat", "sat"]] * 2, real, max_n=2, smoothing="none")
        0.5

    Source: Shi et al. 2018, "Toward diverse text generation with inverse reinforcement learning".
    """
    return float(sentence_bleu(real, sentences, max_n=max_n, smoothing=smoothing).mean())


def _counts(text: Sentences, number: int, max_n: int) -> Counts:
    """Return the counts of the first ``number`` sentences, against the others or, if there are none, each other."""
    lengths = text.lengths[:number]
    present = np.maximum(lengths[:, None] - np.arange(max_n), 0).astype(np.float64)
    matches = np.zeros_like(present)
    for order, (owners, grams) in enumerate(ngrams(text, max_n)):
        owners, grams, times = counted(owners, grams)
        ours = owners < number
        if number < len(text.lengths):
            allowed = _most(grams[~ours], times[~ours], grams.max(initial=0) + 1)[grams[ours]]
        else:
            allowed = _most_of_others(grams, times)
        clipped = np.minimum(times[ours], allowed)
        matches[:, order] = np.bincount(owners[ours], weights=clipped, minlength=number)
    return Counts(matches, present, np.maximum(present, 1.0), lengths.astype(np.float64))


def _most(grams: np.ndarray, times: np.ndarray, kinds: int) -> np.ndarray:
    """Return how often each n-gram stands in the sentence that has it most often."""
    most = np.zeros(kinds, np.int64)
    np.maximum.at(most, grams, times)
    return most


def _most_of_others(grams: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return, for each pair of a sentence and an n-gram, how often another sentence has the n-gram at most."""
    order = np.lexsort((times, grams))
    last = np.flatnonzero(np.diff(grams[order], append=-1))  # of each n-gram, the pair with most
    most = times[order][last]
    # The pair before it, if it is of the same n-gram, has the second most: as many, if two share the first place.
    several = np.diff(last, prepend=-1) > 1
    second = np.where(several, times[order][last - 1], 0)
    holder = np.zeros(len(grams), bool)
    holder[order[last]] = True
    return np.where(holder, second[grams], most[grams])


def _closest(lengths: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return the reference length nearest to each length, the shorter of two."""
    known = np.unique(references)
    wanted, places = np.unique(lengths, return_inverse=True)
    return known[np.abs(wanted[:, None] - known).argmin(axis=1)][places]


def _with_own_references(hypotheses, references, max_n: int) -> tuple[Counts, np.ndarray]:
    """Return the counts and the closest lengths where each hypothesis has references of its own."""
    references = [list(own) for own in references]
    if len(references) != len(hypotheses):
        raise ValueError(
            "Every hypothesis needs a list of references. "
            f"Received: {len(hypotheses)} hypotheses and {len(references)} lists."
        )
    if empty := [index for index, own in enumerate(references) if not own]:
        raise ValueError(f"Every hypothesis needs at least one reference. Received: none for hypothesis {empty[0]}.")
    text = read_sentences(hypotheses=hypotheses, references=list(itertools.chain.from_iterable(references)))
    number = len(hypotheses)
    groups = np.concatenate([np.arange(number), np.repeat(np.arange(number), [len(own) for own in references])])
    # A token is another one in another group, so that nothing matches across.
    kinds = text.tokens.max(initial=0) + 1
    apart = np.unique(np.repeat(groups, text.lengths) * kinds + text.tokens, return_inverse=True)[1]
    counts = _counts(Sentences(apart, text.lengths), number, max_n)
    lengths, offered = text.lengths[:number], text.lengths[number:]
    # The least of (distance, length), as one number.
    scale = text.lengths.max() + 1
    best = np.full(number, np.iinfo(np.int64).max)
    np.minimum.at(best, groups[number:], np.abs(offered - lengths[groups[number:]]) * scale + offered)
    return counts, best % scale


def _score(counts: Counts, closest: np.ndarray, smoothing, max_n: int) -> np.ndarray:
    """Return the BLEU of each row of counts, float64 (S,)."""
    precisions = smoothing.precisions(counts)[:, :max_n]
    log_brevity = np.minimum(0.0, 1.0 - closest / np.maximum(counts.lengths, 1.0))
    with np.errstate(divide="ignore"):  # an order without a match: log 0, and BLEU 0
        scores = np.exp(log_brevity + np.log(precisions).mean(axis=1))
    # Without a word in common smoothing must not make something out of nothing.
    return np.where(counts.matches[:, 0] > 0, scores, 0.0)
