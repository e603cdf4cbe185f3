"""BLEU against NLTK and sacreBLEU, on random and on real sentences, and what neither of them defines."""

import math
import warnings

import numpy as np
import pytest
import sacrebleu
from nltk.translate import bleu_score as nltk_bleu
from small_texts import as_array, random_sentences, real_sentences

from course_utils.metrics.bleu import backward_bleu, corpus_bleu, self_bleu, sentence_bleu
from course_utils.metrics.bleu_smoothing import SMOOTHINGS

METHODS = {name: f"method{number}" for number, name in enumerate(SMOOTHINGS)}
TEXTS = {
    "random": (random_sentences(0, 30, words=3), random_sentences(1, 15, words=3)),
    "real": (real_sentences(60)[::2], real_sentences(60)[1::2]),
}


def by_nltk(references, hypothesis, max_n, smoothing, of=nltk_bleu.sentence_bleu):
    method = getattr(nltk_bleu.SmoothingFunction(), METHODS[smoothing])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that BLEU without matches is 0
        return of(references, hypothesis, (1 / max_n,) * max_n, method)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("max_n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("smoothing", ["none", "epsilon", "add_one", "nist", "nist_by_length"])
def test_sentences_and_corpora_score_as_in_nltk(smoothing, max_n, text):
    hypotheses, references = TEXTS[text]
    options = {"max_n": max_n, "smoothing": smoothing}
    expected = [by_nltk(references, hypothesis, max_n, smoothing) for hypothesis in hypotheses]
    np.testing.assert_allclose(sentence_bleu(hypotheses, references, **options), expected, rtol=0, atol=1e-9)
    assert max(expected) > 0.1 and len({round(score, 6) for score in expected}) > 2
    pooled = by_nltk([references] * len(hypotheses), hypotheses, max_n, smoothing, nltk_bleu.corpus_bleu)
    assert corpus_bleu(hypotheses, references, **options) == pytest.approx(pooled, abs=1e-9)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("smoothing", ["averaged", "averaged_by_length"])
def test_averaged_orders_are_those_of_nltk_for_its_longest_order(smoothing, text):
    hypotheses, references = TEXTS[text]
    expected = [by_nltk(references, hypothesis, 4, smoothing) for hypothesis in hypotheses]
    scores = sentence_bleu(hypotheses, references, smoothing=smoothing)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("max_n", [3, 4, 5])
def test_interpolation_is_that_of_nltk_where_it_has_a_value(max_n, text):
    hypotheses, references = TEXTS[text]
    compared = 0
    for hypothesis, score in zip(
        hypotheses, sentence_bleu(hypotheses, references, max_n=max_n, smoothing="interpolated"), strict=True
    ):
        try:
            expected = by_nltk(references, hypothesis, max_n, "interpolated")
        except AssertionError:  # no match of order 3
            assert 0 <= score <= 1
            continue
        assert score == pytest.approx(expected, abs=1e-9)
        compared += 1
    assert compared > 5


def test_averaging_takes_the_order_above_the_longest():
    """Precisions 3/4, 2/3 and, above, 1/2: m₁ = (7/4 + 3/4 + 2/3)/3 and m₂ = (m₁ + 2/3 + 1/2)/3."""
    first = (7 / 4 + 3 / 4 + 2 / 3) / 3
    expected = math.sqrt(first * (first + 2 / 3 + 1 / 2) / 3)
    (score,) = sentence_bleu([list("abcx")], [list("abcd")], max_n=2, smoothing="averaged")
    assert score == pytest.approx(expected, abs=1e-12)


SACREBLEU = {"none": "none", "epsilon": "floor", "add_one": "add-k", "nist": "exp"}


@pytest.mark.parametrize("smoothing", SACREBLEU)
@pytest.mark.parametrize("max_n", [2, 4, 5])
@pytest.mark.parametrize("text", ["random", "real"])
def test_corpora_score_as_in_sacrebleu(text, max_n, smoothing):
    """Each hypothesis has two references of its own, and at least ``max_n`` tokens."""
    if text == "real":
        hypotheses, references = real_sentences(42)[:40], [real_sentences(42)[i + 1 : i + 3] for i in range(40)]
        assert min(map(len, hypotheses)) >= max_n
    else:
        hypotheses = random_sentences(2, 40, shortest=max_n)
        references = [random_sentences(3 + i, 2) for i in range(40)]

    def joined(sentence):
        return " ".join(map(str, sentence))

    judge = sacrebleu.BLEU(tokenize="none", smooth_method=SACREBLEU[smoothing], max_ngram_order=max_n, force=True)
    streams = [[joined(own[i]) for own in references] for i in range(2)]
    expected = judge.corpus_score(list(map(joined, hypotheses)), streams).score / 100
    score = corpus_bleu(hypotheses, references, max_n=max_n, smoothing=smoothing, own_references=True)
    assert score == pytest.approx(expected, abs=1e-9)
    assert score > 0 or smoothing == "none"


def test_own_references_are_those_of_nltk_with_any_number_of_them():
    hypotheses = random_sentences(5, 30)
    references = [random_sentences(100 + i, 1 + i % 4) for i in range(30)]
    expected = by_nltk(references, hypotheses, 4, "epsilon", nltk_bleu.corpus_bleu)
    assert corpus_bleu(hypotheses, references, smoothing="epsilon", own_references=True) == pytest.approx(
        expected, abs=1e-9
    )
    shared = corpus_bleu(hypotheses, [sentence for own in references for sentence in own], smoothing="epsilon")
    assert abs(shared - expected) > 0.1


@pytest.mark.parametrize("smoothing", ["none", "epsilon", "averaged"])
@pytest.mark.parametrize("text", ["random", "real", "copies", "two"])
def test_self_bleu_leaves_out_the_sentence_itself_and_nothing_else(text, smoothing):
    sentences = {
        "random": TEXTS["random"][0],
        "real": TEXTS["real"][0],
        # Equal ones, so that the first place of an n-gram is shared, and one of a length of its own.
        "copies": [*random_sentences(6, 8, words=2, longest=4), *random_sentences(6, 3, words=2, longest=4), [3] * 12],
        "two": [[3, 4, 3, 4, 3, 3], [3, 4, 3, 4, 5]],
    }[text]
    expected = np.mean(
        [by_nltk(sentences[:i] + sentences[i + 1 :], sentence, 4, smoothing) for i, sentence in enumerate(sentences)]
    )
    assert self_bleu(sentences, smoothing=smoothing) == pytest.approx(expected, abs=1e-9)


def test_backward_bleu_judges_real_sentences_by_generated_ones():
    generated, real = TEXTS["random"]
    expected = np.mean([by_nltk(generated, sentence, 3, "epsilon") for sentence in real])
    assert backward_bleu(generated, real, max_n=3) == pytest.approx(expected, abs=1e-9)
    # One real sentence, again and again: perfect forward, poor backward.
    assert sentence_bleu([real[0]] * 20, real, max_n=1).mean() == 1
    assert backward_bleu([real[0]] * 20, real, max_n=1) < backward_bleu(real[:20], real, max_n=1)


def test_arrays_lists_and_strings_score_alike():
    hypotheses, references = random_sentences(7, 20), random_sentences(8, 20)
    expected = sentence_bleu(hypotheses, references)
    np.testing.assert_array_equal(sentence_bleu(as_array(hypotheses, 12), as_array(references, 9)), expected)
    as_words = [[f"w{token}" for token in sentence] for sentence in hypotheses + references]
    np.testing.assert_array_equal(sentence_bleu(as_words[:20], as_words[20:]), expected)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_an_empty_hypothesis_and_one_without_a_known_word_score_zero(smoothing):
    scores = sentence_bleu([[], [9, 9], [3, 4]], [[3, 4, 5], []], max_n=2, smoothing=smoothing)
    assert scores[0] == scores[1] == 0 < scores[2]
    # An empty reference is the nearest in length to nothing, and to one word.
    assert sentence_bleu([[3]], [[3, 4, 5], []], max_n=1, smoothing="none")[0] == 1
    if SMOOTHINGS[smoothing].pooled:
        assert corpus_bleu([[], []], [[3, 4]], smoothing=smoothing) == 0
    assert self_bleu([[], []], smoothing=smoothing) == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: self_bleu([[3, 4]]), ValueError, "Received: 1. Give two or more"),
        (lambda: self_bleu([]), ValueError, "sentences must hold at least one"),
        (lambda: sentence_bleu([], [[3]]), ValueError, "hypotheses must hold at least one"),
        (lambda: backward_bleu([], [[3]]), ValueError, "references must hold at least one"),
        (lambda: sentence_bleu([[3]], [[3]], max_n=0), ValueError, "max_n must be .* Received: 0"),
        (lambda: sentence_bleu([[3]], [[3]], smoothing="method1"), ValueError, "none, epsilon.*Received: 'method1'"),
        (lambda: corpus_bleu([[3]], [[3]], smoothing="averaged"), ValueError, "corpus must be one of none, epsilon"),
        (
            lambda: corpus_bleu([[3], [4]], [[[3]]], own_references=True),
            ValueError,
            "Received: 2 hypotheses and 1 lists",
        ),
        (lambda: corpus_bleu([[3], [4]], [[[3]], []], own_references=True), ValueError, "none for hypothesis 1"),
    ],
)
def test_wrong_arguments_get_one_clear_error(call, error, message):
    with pytest.raises(error, match=message):
        call()
