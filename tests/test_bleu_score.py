"""Sentence BLEU in a graph, against a plain count of n-grams with `collections.Counter`."""

import collections
import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.training.bleu_score import SentenceBLEU

END = 2


def ngrams(words, n):
    return collections.Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def cut(sentence, end):
    """Return a sentence as a list that ends with its end token."""
    words = list(map(int, sentence))
    return words[: words.index(end) + 1] if end in words else words


def counted_by_hand(sentence, references, max_n, smoothing, end=None):
    """Return BLEU as Papineni et al. define it, n-gram by n-gram."""
    words, references = cut(sentence, end), [cut(reference, end) for reference in references]
    score = 1.0
    for n in range(1, max_n + 1):
        matches = sum(
            min(times, max(ngrams(reference, n)[gram] for reference in references))
            for gram, times in ngrams(words, n).items()
        )
        added = smoothing if n > 1 else 0
        score *= ((matches + added) / (max(len(words) - n + 1, 1) + added)) ** (1 / max_n)
    closest = min((abs(len(reference) - len(words)), len(reference)) for reference in references)[1]
    return score * (1 if len(words) > closest else math.exp(1 - closest / len(words)))


def sentences(seed, rows, length, words, end=None):
    """Return int32 (rows, length) of few words, so that n-grams repeat; with an end, three of four rows have one."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(3, 3 + words, (rows, length))
    if end is not None:
        for sentence in tokens[: rows * 3 // 4]:
            last = rng.integers(0, length)
            # What stands behind the end is noise here, to show that nobody reads it.
            sentence[last] = end
    return tokens.astype(np.int32)


@pytest.mark.parametrize("end", [None, END])
@pytest.mark.parametrize("smoothing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("max_n", [1, 2, 4])
def test_it_is_the_score_counted_by_hand(max_n, smoothing, end):
    references = sentences(0, 12, 9, words=4, end=end)
    bleu, seen = SentenceBLEU(references, max_n=max_n, smoothing=smoothing, end_token=end), set()
    for length in (3, 9, 14):
        tokens = sentences(length, 40, length, words=5, end=end)
        expected = [counted_by_hand(row, references, max_n, smoothing, end) for row in tokens]
        np.testing.assert_allclose(bleu(tokens), expected, atol=1e-6)
        seen |= {round(value, 5) for value in expected}
    assert len(seen) > 10


def test_an_ngram_counts_as_often_as_the_one_reference_that_has_it_most():
    """The example of Papineni et al., section 2.1: seven times "the" against two references, 2/7."""
    the, others = 3, iter(range(4, 20))
    references = [
        [next(others) if word != the else the for word in row] for row in ([3, 0, 0, 0, 3, 0], [0, 0, 0, 3, 0, 0])
    ]
    score = SentenceBLEU(references, max_n=1)(tf.fill((1, 7), the))
    np.testing.assert_allclose(score, [2 / 7], rtol=1e-6)


def test_a_reference_itself_scores_one_and_foreign_words_zero():
    references = sentences(1, 6, 8, words=30)
    bleu = SentenceBLEU(references, max_n=4, smoothing=0.0)
    np.testing.assert_allclose(bleu(references), np.ones(6), rtol=1e-6)
    foreign = np.array([[100] * 8, [-1] * 8, [-7] * 8, [2**31 - 1] * 8, [0] * 8], np.int32)
    np.testing.assert_array_equal(bleu(foreign), np.zeros(5))


@pytest.mark.parametrize(("words", "closest"), [(4, 3), (6, 7), (5, 3), (7, 7), (9, 7)])
def test_short_sentences_are_penalised_by_the_closest_reference(words, closest):
    """References have 3 and 7 words; of two as close, the shorter counts."""
    references = [[5, 5, END, 0, 0, 0, 0], [5] * 6 + [END]]
    tokens = [[5] * (words - 1) + [END] + [0] * (10 - words)]
    precision = (min(words - 1, 6) + 1) / words
    score = SentenceBLEU(references, max_n=1, end_token=END)(tf.constant(tokens))
    np.testing.assert_allclose(score, [precision * min(1, math.exp(1 - closest / words))], rtol=1e-6)


def test_words_behind_the_end_of_a_reference_match_nothing():
    bleu = SentenceBLEU([[5, END, 6, 7], [8, 9, END, 6]], max_n=2, smoothing=0.0, end_token=END)
    # Unigrams 5, 8, 9 and the end are known, bigrams (5, end), (8, 9) and (9, end).
    tokens = tf.constant([[6, 7, 6, 7], [9, END, 6, 6], [5, END, 6, 7]])
    np.testing.assert_allclose(bleu(tokens), [0, 1, 1], rtol=1e-6)


@pytest.mark.parametrize("length", [1, 2])
def test_a_sentence_too_short_for_an_order_has_one_ngram_without_a_match(length):
    tokens = tf.fill((1, length), 5)
    score = SentenceBLEU(np.full((1, 4), 5), max_n=3, smoothing=1.0)(tokens)
    np.testing.assert_allclose(score, math.exp(1 - 4 / length) * (0.5 if length == 2 else 0.25) ** (1 / 3), rtol=1e-6)


def test_keys_of_a_huge_vocabulary_do_not_overflow():
    """Ids up to 2³¹ − 1: the fifth power of the vocabulary does not fit into 64 bits."""
    huge = np.int64(2**31 + 2) - sentences(2, 30, 10, words=4)
    references, tokens = huge[:10].astype(np.int32), huge[10:].astype(np.int32)
    expected = [counted_by_hand(row, references, 5, 1.0) for row in tokens]
    np.testing.assert_allclose(SentenceBLEU(references, max_n=5)(tokens), expected, atol=1e-6)


def test_it_is_one_graph_without_a_way_back_to_python():
    bleu = SentenceBLEU(sentences(0, 40, 9, words=30))
    graph = tf.function(bleu).get_concrete_function(tf.TensorSpec((8, 9), tf.int32))
    names = {operation.type for operation in graph.graph.get_operations()}
    assert not {name for name in names if "Py" in name or "Host" in name}
    # The tables are captured, not copied into the graph.
    assert max(np.prod(o.outputs[0].shape) for o in graph.graph.get_operations() if o.type == "Const") < 100
    for seed in (1, 2):
        tokens = sentences(seed, 8, 9, words=30)
        np.testing.assert_allclose(graph(tf.constant(tokens)), bleu(tokens), rtol=1e-6)


def test_it_is_restored_from_its_configuration():
    bleu = SentenceBLEU(sentences(0, 12, 9, words=4, end=END), max_n=2, smoothing=0.5, end_token=END, name="bleu")
    stored = json.dumps(keras.saving.serialize_keras_object(bleu))
    restored = keras.saving.deserialize_keras_object(json.loads(stored))
    assert restored.get_config() == bleu.get_config()
    tokens = sentences(3, 20, 7, words=4, end=END)
    np.testing.assert_array_equal(restored(tokens), bleu(tokens))


@pytest.mark.parametrize(
    ("references", "settings", "message"),
    [
        ([3, 4, 5], {}, r"integer ids \(M, T\)"),
        ([[0.5, 1.0]], {}, "integer ids"),
        (np.zeros((0, 4), int), {}, "at least one"),
        ([[3, -1, 4]], {}, "none negative"),
        ([[3, 4, 5]], {"max_n": 4}, "length, 3. Received: 4"),
        ([[3, 4, 5]], {"max_n": 0}, "max_n"),
        ([[3, 4, 5]], {"smoothing": -1.0}, "not be negative"),
    ],
)
def test_impossible_settings_are_refused(references, settings, message):
    with pytest.raises(ValueError, match=message):
        SentenceBLEU(references, **settings)


@pytest.mark.parametrize("tokens", [tf.zeros((2, 5)), tf.zeros((5,), tf.int32)])
def test_what_is_no_sentence_is_refused(tokens):
    with pytest.raises(ValueError, match=r"integer ids \(rows, T\)\. Received"):
        SentenceBLEU([[3, 4, 5]])(tokens)
