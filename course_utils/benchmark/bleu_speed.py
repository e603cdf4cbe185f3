"""How fast BLEU-4 and self-BLEU of 2,000 English sentences are, beside NLTK and beside a careful loop in Python.

NLTK is slow for one reason above all: it counts the n-grams of all references again for every hypothesis. The loop does
what a reader would write who had noticed that: with `collections.Counter` each sentence is counted once. So its ratio
is what NumPy adds, and NLTK's is what the better algorithm and NumPy do together.

NLTK needs minutes for all sentences. A round gives it 20 of them, another 20 in each, and takes their time a hundred
times: it scores one sentence after another, so its time is a sum over them.
"""

from __future__ import annotations

import collections
import math
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

from course_utils.benchmark.rounds import median_ratio
from course_utils.datasets import load_english
from course_utils.datasets.word_splitting import split_words
from course_utils.metrics.bleu import self_bleu, sentence_bleu
from course_utils.metrics.bleu_smoothing import EPSILON
from course_utils.records import circumstances, peak_memory

SENTENCES, MAX_N = 2_000, 4
NLTK_SENTENCES = 20
ROUNDS, CALLS = 5, 5
MEASURES = {"bleu": "BLEU-4", "self_bleu": "self-BLEU-4"}
PEERS = ("nltk", "loop")


def measure() -> dict:
    """Run all contestants in turn and return medians and ratios.

    Raises:
        RuntimeError: if two contestants give a sentence, or all of them, scores that differ by more than 1e-9.
    """
    hypotheses, references = (
        [split_words(sentence) for sentence in load_english(split).sentences[:SENTENCES]] for split in ("valid", "test")
    )
    ours = {"bleu": lambda: sentence_bleu(hypotheses, references), "self_bleu": lambda: self_bleu(hypotheses)}
    for contestant in ours.values():
        contestant()  # first calls touch memory
    memory = peak_memory()  # before a peer takes any
    seconds: dict[str, list[float]] = collections.defaultdict(list)
    _nltk(hypotheses, references, range(1))  # and load NLTK
    for number in range(ROUNDS):
        for name, contestant in ours.items():
            score = _timed(seconds[name], contestant, CALLS)
            others = references if name == "bleu" else None
            loop = _timed(seconds[f"loop_{name}"], lambda others=others: counted_once(hypotheses, others))
            some = range(number * NLTK_SENTENCES, (number + 1) * NLTK_SENTENCES)
            nltk = _timed(seconds[f"nltk_{name}"], lambda others=others, some=some: _nltk(hypotheses, others, some))
            seconds[f"nltk_{name}"][-1] *= len(hypotheses) / len(some)
            _check_equal(name, np.mean(score), np.mean(loop))
            _check_equal(name, np.array(loop)[some], nltk)
    return {
        **circumstances("benchmark speed bleu"),
        "settings": {"sentences": len(hypotheses), "references": len(references), "nltk_sentences": NLTK_SENTENCES},
        "rounds": ROUNDS,
        "milliseconds": {name: round(1e3 * statistics.median(values), 2) for name, values in seconds.items()},
        **{f"{peer}_to_{name}": median_ratio(seconds, f"{peer}_{name}", name) for peer in PEERS for name in MEASURES},
        "peak_memory_gib": round(memory / 2**30, 2),
    }


def counted_once(hypotheses: Sequence[list[str]], references: Sequence[list[str]] | None) -> list[float]:
    """Return the BLEU of each sentence, smoothed as NLTK's method1, with every sentence counted once.

    Args:
        hypotheses: lists of words.
        references: lists of words, or ``None`` for all hypotheses but the one that is judged.

    Example:
        >>> counted_once([["a", "b", "c", "d"], ["a", "b", "c", "d"]], None)
        [1.0, 1.0]
    """
    ours = [_ngrams(words) for words in hypotheses]
    theirs = ours if references is None else [_ngrams(words) for words in references]
    most, second = collections.Counter(), collections.Counter()
    for grams in theirs:
        for gram, count in grams.items():
            if count > second[gram]:
                most[gram], second[gram] = max(most[gram], count), min(most[gram], count)
    lengths = collections.Counter(map(len, hypotheses if references is None else references))
    scores = []
    for words, grams in zip(hypotheses, ours, strict=True):
        matches, own = [0] * MAX_N, references is None
        for gram, count in grams.items():
            matches[len(gram) - 1] += min(count, second[gram] if own and count == most[gram] else most[gram])
        known = [length for length, often in lengths.items() if often > (own and length == len(words))]
        _, closest = min((abs(length - len(words)), length) for length in known)
        log_score = min(0.0, 1 - closest / len(words))
        for n, matched in enumerate(matches):
            log_score += math.log((matched or EPSILON) / max(1, len(words) - n)) / MAX_N
        scores.append(math.exp(log_score) if matches[0] else 0.0)
    return scores


def _ngrams(words: list[str]) -> collections.Counter:
    return collections.Counter(tuple(words[i : i + n]) for n in range(1, MAX_N + 1) for i in range(len(words) - n + 1))


def _nltk(hypotheses: list, references: list | None, some: range) -> list[float]:
    from nltk.translate.bleu_score import SmoothingFunction
    from nltk.translate.bleu_score import sentence_bleu as nltk_sentence_bleu

    smoothing = SmoothingFunction().method1
    return [
        nltk_sentence_bleu(
            hypotheses[:i] + hypotheses[i + 1 :] if references is None else references,
            hypotheses[i],
            (1 / MAX_N,) * MAX_N,
            smoothing,
        )
        for i in some
    ]


def _timed(seconds: list[float], function: Callable[[], object], calls: int = 1):
    """Append the mean seconds of a call; return what the last one gave."""
    began = time.perf_counter()
    for _ in range(calls):
        result = function()
    seconds.append((time.perf_counter() - began) / calls)
    return result


def _check_equal(name: str, first, second) -> None:
    difference = float(np.abs(np.subtract(first, second)).max())
    if not difference < 1e-9:
        raise RuntimeError(f"All contestants must give {MEASURES[name]} the same score. Received: {difference} apart.")


def report(result: dict) -> str:
    """Return the figures as a table."""
    times, settings = result["milliseconds"], result["settings"]
    lines = [
        f"{settings['sentences']:,} sentences, each against {settings['references']:,} references or all the others, "
        f"medians of {result['rounds']} rounds, {result['machine']}",
        f"{'':14}{'ms':>10}{'loop / ours':>14}{'NLTK / ours':>14}",
    ]
    for name, label in MEASURES.items():
        loop, nltk = result[f"loop_to_{name}"], result[f"nltk_to_{name}"]
        lines.append(f"{label:14}{times[name]:10.1f}{loop:14.1f}{nltk:14,.0f}  (goal: NLTK at least 30)")
    lines.append(f"(NLTK: {settings['nltk_sentences']} sentences a round, their time taken in proportion)")
    lines.append(f"{'peak memory':14}{result['peak_memory_gib']:10.2f} GiB  (goal: at most 1)")
    return "\n".join(lines)
