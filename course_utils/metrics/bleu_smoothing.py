"""What BLEU does with an order of n-grams that has few matches or none: the smoothings of Chen and Cherry.

BLEU is a product, so one order without a match makes it 0, and most single sentences have such an order. The numbers
are those of NLTK 3.10 (its `SmoothingFunction`):

    none                method0   no smoothing
    epsilon             method1   0.1 matches instead of none; sacreBLEU's "floor"
    add_one             method2   1 more match and n-gram for each order from 2 on (Lin & Och 2004); "add-k"
    nist                method3   1/2 match for the first order without any, 1/4 for the next, …; "exp"
    nist_by_length      method4   the same times ln(length)/5: a short sentence has too high precisions
    averaged            method5   mean of an order, the averaged one below and the one above
    interpolated        method6   from order 3 on mixed with what the two orders below lead to expect (Gao & He 2013)
    averaged_by_length  method7   method4, then method5

The last three are for single sentences: in a corpus NLTK reads its last sentence only. Two departures from NLTK, each
towards the paper: "averaged" takes the order above the longest one, where NLTK takes order 5 whatever the longest is
(they agree for BLEU-4), and "interpolated" has a value without a match of order 3 too, where NLTK stops.

Source: Chen & Cherry 2014, "A systematic comparison of smoothing techniques for sentence-level BLEU", section 2, with
its constants; like NLTK and unlike the paper, "averaged" averages precisions, not numbers of matches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

EPSILON, LENGTH_K, PRIOR_WEIGHT = 0.1, 5.0, 5.0


class Counts(NamedTuple):
    """What BLEU is computed from: of S sentences, or with S = 1 the sums over a corpus.

    Attributes:
        matches: float64 (S, N), n-grams of each order that match a reference.
        present: float64 (S, N), n-grams of each order.
        totals: float64 (S, N), the same, but 1 for a sentence that is too short for an order.
        lengths: float64 (S,), tokens.
    """

    matches: np.ndarray
    present: np.ndarray
    totals: np.ndarray
    lengths: np.ndarray


class Smoothing(NamedTuple):
    """One way to smooth.

    Attributes:
        precisions: `Counts` → float64 (S, N), or (S, N − 1) if it needs one order more.
        orders_above: 1 if it needs the order above BLEU's longest, else 0.
        pooled: whether it is defined for the counts of a corpus too.
    """

    precisions: Callable[[Counts], np.ndarray]
    orders_above: int = 0
    pooled: bool = True


def checked_smoothing(name: str, *, pooled: bool) -> Smoothing:
    """Return a smoothing by its name, for a corpus's pooled counts or for single sentences.

    Raises:
        ValueError: for another name, or one that is not for what it is asked for.

    Example:
        >>> checked_smoothing("averaged", pooled=False).orders_above
        1
    """
    known = [other for other, smoothing in SMOOTHINGS.items() if smoothing.pooled or not pooled]
    if name not in known:
        purpose = "a corpus" if pooled else "sentences"
        raise ValueError(f"The smoothing of {purpose} must be one of {', '.join(known)}. Received: {name!r}.")
    return SMOOTHINGS[name]


def _none(counts: Counts) -> np.ndarray:
    return counts.matches / counts.totals


def _epsilon(counts: Counts) -> np.ndarray:
    return np.where(counts.matches == 0, EPSILON, counts.matches) / counts.totals


def _add_one(counts: Counts) -> np.ndarray:
    added = np.arange(counts.matches.shape[1]) > 0
    return (counts.matches + added) / (counts.totals + added)


def _nist(counts: Counts, scale: float | np.ndarray = 1.0) -> np.ndarray:
    invented = scale * 0.5 ** np.cumsum(counts.matches == 0, axis=1)
    return np.where(counts.matches == 0, invented, counts.matches) / counts.totals


def _length_scale(counts: Counts) -> np.ndarray:
    return np.log(np.maximum(counts.lengths, 1.0))[:, None] / LENGTH_K  # 0 for one word


def _nist_by_length(counts: Counts) -> np.ndarray:
    precisions = _nist(counts, _length_scale(counts))
    # Only a sentence of one word has a 0 here. NLTK leaves such orders out of the product.
    return np.where(precisions == 0, 1.0, precisions)


def _averaged(counts: Counts) -> np.ndarray:
    return _averages(_none(counts))


def _averaged_by_length(counts: Counts) -> np.ndarray:
    precisions = _nist(counts, _length_scale(counts))
    precisions[:, -1] = _none(counts)[:, -1]  # the order above lends itself as it is
    return _averages(precisions)


def _averages(precisions: np.ndarray) -> np.ndarray:
    below, averaged = precisions[:, 0] + 1.0, []
    for n in range(precisions.shape[1] - 1):
        below = (below + precisions[:, n] + precisions[:, n + 1]) / 3.0
        averaged.append(below)
    return np.stack(averaged, axis=1)


def _interpolated(counts: Counts) -> np.ndarray:
    precisions = _none(counts)
    for n in range(2, precisions.shape[1]):
        before, last = precisions[:, n - 2], precisions[:, n - 1]
        expected = np.divide(last**2, before, out=np.zeros_like(last), where=before > 0)
        precisions[:, n] = (counts.matches[:, n] + PRIOR_WEIGHT * expected) / (counts.present[:, n] + PRIOR_WEIGHT)
    return precisions


SMOOTHINGS = {
    "none": Smoothing(_none),
    "epsilon": Smoothing(_epsilon),
    "add_one": Smoothing(_add_one),
    "nist": Smoothing(_nist),
    "nist_by_length": Smoothing(_nist_by_length),
    "averaged": Smoothing(_averaged, orders_above=1, pooled=False),
    "interpolated": Smoothing(_interpolated, pooled=False),
    "averaged_by_length": Smoothing(_averaged_by_length, orders_above=1, pooled=False),
}
