"""Measures that count n-grams, against `collections.Counter` and brute force; what is a sentence and what is not."""

import collections
import math

import numpy as np
import pytest
import tensorflow as tf
from small_texts import as_array, random_sentences, real_sentences

from course_utils.datasets import Vocabulary
from course_utils.metrics.memorisation import longest_copied_span, ngram_novelty
from course_utils.metrics.text_distances import distinct_n, ms_jaccard, ngram_entropy, ngram_jsd
from course_utils.metrics.text_ngrams import counted, ngrams, read_sentences

# An empty sentence, and one longer than all others, are among them.
SENTENCES = [*random_sentences(0, 40, shortest=0), [], [3, 4, 5, 6, 7] * 4]
OTHERS = random_sentences(1, 25, longest=12)


def grams_of(sentences, n):
    return collections.Counter(
        tuple(sentence[i : i + n]) for sentence in sentences for i in range(len(sentence) - n + 1)
    )


# --- n-grams


@pytest.mark.parametrize("sentences", [SENTENCES, real_sentences(40)], ids=["random", "real"])
def test_every_ngram_of_every_sentence_is_counted_and_no_other(sentences):
    for n, (owners, grams) in enumerate(ngrams(read_sentences(sentences=sentences), 6), start=1):
        names = {}
        found = [collections.Counter() for _ in sentences]
        for owner, gram, count in zip(*counted(owners, grams), strict=True):
            found[owner][gram] = count
        for sentence, ours in zip(sentences, found, strict=True):
            theirs = grams_of([sentence], n)
            assert sorted(theirs.values()) == sorted(ours.values())
        # Equal numbers are equal n-grams, across sentences too.
        in_order = [tuple(sentence[i : i + n]) for sentence in sentences for i in range(len(sentence) - n + 1)]
        for gram, number in zip(in_order, grams.tolist(), strict=True):
            assert names.setdefault(gram, number) == number
        assert sorted(names.values()) == list(range(len(names)))


def test_tokens_of_any_size_do_not_overflow():
    huge = [[2**62 + token for token in sentence] for sentence in SENTENCES]
    for (_, ours), (_, theirs) in zip(
        ngrams(read_sentences(a=huge), 7), ngrams(read_sentences(a=SENTENCES), 7), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


# --- variety and nearness


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("sentences", [SENTENCES, real_sentences(60)], ids=["random", "real"])
def test_distinct_ngrams_and_their_entropy(sentences, n):
    counts = grams_of(sentences, n)
    assert distinct_n(sentences, n) == pytest.approx(len(counts) / sum(map(len, sentences)), rel=1e-12)
    total = sum(counts.values())
    expected = -sum(count / total * math.log(count / total) for count in counts.values())
    assert ngram_entropy(sentences, n) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("max_n", [1, 2, 4])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(SENTENCES, OTHERS), (real_sentences(60)[::2], real_sentences(60)[1::2])],
    ids=["random", "real"],
)
def test_ms_jaccard_is_the_papers_formula(ours, theirs, max_n):
    scores = []
    for n in range(1, max_n + 1):
        first, second = grams_of(ours, n), grams_of(theirs, n)
        pairs = [(first[gram] / len(ours), second[gram] / len(theirs)) for gram in first | second]
        scores.append(sum(map(min, pairs)) / sum(map(max, pairs)))
    expected = math.prod(scores) ** (1 / max_n)
    assert 0 < expected < 1
    assert ms_jaccard(ours, theirs, max_n=max_n) == pytest.approx(expected, rel=1e-12)
    assert ms_jaccard(theirs, ours, max_n=max_n) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(SENTENCES, OTHERS), (real_sentences(60)[::2], real_sentences(60)[1::2])],
    ids=["random", "real"],
)
def test_the_jensen_shannon_divergence_of_ngrams_is_the_formula(ours, theirs, n):
    first, second = grams_of(ours, n), grams_of(theirs, n)
    expected = 0.0
    for gram in first | second:
        f, g = first[gram] / sum(first.values()), second[gram] / sum(second.values())
        m = (f + g) / 2
        expected += sum(share / 2 * math.log(share / m) for share in (f, g) if share)
    assert 0 < expected < math.log(2)
    assert ngram_jsd(ours, theirs, n) == pytest.approx(expected, rel=1e-12)
    assert ngram_jsd(theirs, ours, n) == pytest.approx(expected, rel=1e-12)
    assert ngram_jsd(ours * 3, ours, n) == pytest.approx(0, abs=1e-12)


def test_without_an_ngram_there_is_no_distribution():
    with pytest.raises(ValueError, match=r"n-grams of order n=3\. Received: a set without"):
        ngram_jsd([["a", "b", "c"]], [["a", "b"]], 3)


def test_ms_jaccard_sees_copies_of_one_sentence_where_bleu_does_not():
    real = real_sentences(60)
    assert ms_jaccard(real * 2, real) == pytest.approx(1)
    assert ms_jaccard([real[0]] * 60, real) < 0.2


# --- what was copied


def longest_by_search(sentence, training):
    """Return the length of the longest run by trying all of them."""
    words = [f" {' '.join(map(str, other))} " for other in training]
    for length in range(len(sentence), 0, -1):
        for first in range(len(sentence) - length + 1):
            run = f" {' '.join(map(str, sentence[first : first + length]))} "
            if any(run in other for other in words):
                return length
    return 0


@pytest.mark.parametrize(
    ("ours", "training"),
    [(SENTENCES, OTHERS), (SENTENCES, SENTENCES[::-1]), (real_sentences(60)[::2], real_sentences(60)[1::2])],
    ids=["random", "copied", "real"],
)
def test_the_longest_copied_span_is_the_one_that_trying_all_finds(ours, training):
    expected = [longest_by_search(sentence, training) for sentence in ours]
    np.testing.assert_array_equal(longest_copied_span(ours, training), expected)
    assert len(set(expected)) > 2


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize(
    ("ours", "training"),
    [([*SENTENCES, [99, 3, 99, 98]], OTHERS), (real_sentences(60)[::2], real_sentences(60)[1::2])],
    ids=["random", "real"],
)
def test_novelty_is_the_share_of_occurrences_that_training_lacks(ours, training, n):
    counts, known = grams_of(ours, n), grams_of(training, n)
    new = sum(count for gram, count in counts.items() if gram not in known)
    assert 0 < new < sum(counts.values()) or n == 6
    assert ngram_novelty(ours, training, n) == pytest.approx(new / sum(counts.values()), abs=1e-12)


def test_nothing_is_new_in_copies_and_everything_in_other_words():
    assert ngram_novelty(SENTENCES, SENTENCES, 4) == 0
    assert ngram_novelty([[9, 9]], [[3, 9]], 2) == 1
    assert longest_copied_span([[1, 2]], [[3]]).tolist() == [0]


# --- what is a sentence


def test_an_array_is_read_as_the_vocabulary_reads_it():
    vocabulary = Vocabulary.fit(["a b c d"])
    tokens = np.array([[4, 5, 2, 6, 0], [2, 4, 4, 4, 4], [4, 0, 7, 6, 5], [6, 2, 2, 5, 5]])
    shown = [sentence.split() for sentence in vocabulary.decode(tokens)]
    for given in (tokens, tf.constant(tokens), tokens.astype(np.uint8)):
        text = read_sentences(sentences=given)
        assert text.lengths.tolist() == [len(sentence) for sentence in shown] == [2, 0, 5, 1]
        expected = read_sentences(sentences=shown)
        pairs = set(zip(text.tokens.tolist(), expected.tokens.tolist(), strict=True))
        assert len(pairs) == len(set(text.tokens.tolist())) == len(set(expected.tokens.tolist()))
    assert distinct_n(as_array(SENTENCES, 25), 2) == distinct_n(SENTENCES, 2)
    # As lists, every token counts.
    assert read_sentences(sentences=tokens.tolist()).lengths.tolist() == [5] * 4


def test_what_has_no_ngrams_has_the_documented_values():
    empty = [[], [3]]
    assert distinct_n(empty, 2) == ngram_entropy(empty, 2) == ngram_novelty(empty, OTHERS, 2) == 0
    assert distinct_n([[]], 1) == ngram_entropy([[]], 1) == 0
    assert ms_jaccard(empty, OTHERS) == 0
    assert longest_copied_span([[], [3]], [[]]).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: distinct_n(["a b"], 1), TypeError, "Sentence 0 of sentences .* Received: str. Split"),
        (lambda: distinct_n([[3], np.array([3])], 1), TypeError, r"Sentence 1 .*ndarray.*tolist"),
        (lambda: distinct_n("a b", 1), TypeError, "list of sentences .* Received: str"),
        (lambda: distinct_n(7, 1), TypeError, "list of sentences .* Received: int"),
        (lambda: distinct_n([[0.5]], 1), TypeError, "all strings or all whole numbers. Received: float"),
        (lambda: distinct_n([[True]], 1), TypeError, "Received: bool"),
        (lambda: distinct_n([["a", 3]], 1), TypeError, "Received: int, str"),
        (lambda: ngram_novelty([["a"]], np.array([[3]]), 1), TypeError, "Received: str, ids of an array"),
        (lambda: longest_copied_span([[3]], [["a"]]), TypeError, "Received: int, str. Encode or decode"),
        (lambda: ngram_entropy([], 1), ValueError, "sentences must hold at least one"),
        (lambda: ngram_novelty([[3]], [], 1), ValueError, "training must hold at least one"),
        (lambda: distinct_n(np.zeros((0, 3), int), 1), ValueError, r"Received shape: \(0, 3\)"),
        (lambda: distinct_n(np.zeros(3, int), 1), ValueError, r"Received shape: \(3,\)"),
        (lambda: distinct_n(np.zeros((1, 3)), 1), TypeError, "Received dtype: float64"),
        (lambda: distinct_n(np.array([[3, -1]]), 1), ValueError, "must not be negative. Received: -1"),
        (lambda: distinct_n([[3]], 0), ValueError, "n must be .* Received: 0"),
        (lambda: ngram_entropy([[3]], 1.5), ValueError, "n must be .* Received: 1.5"),
        (lambda: ngram_novelty([[3]], [[3]], True), ValueError, "n must be .* Received: True"),
        (lambda: ms_jaccard([[3]], [[3]], max_n=0), ValueError, "max_n must be"),
        (lambda: ms_jaccard([[3] * 5], [[3, 4], [3]], max_n=3), ValueError, "max_n=3. Received: at most 2 tokens"),
    ],
)
def test_wrong_arguments_get_one_clear_error(call, error, message):
    with pytest.raises(error, match=message):
        call()
