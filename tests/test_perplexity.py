"""Perplexity against generators whose probabilities are known by hand, in batches of every size."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from course_utils.datasets import END, PADDING, START
from course_utils.metrics.perplexity import perplexity

# Row: the token before; column: the next one. All are powers of 1/2, so that totals are whole multiples of log 2.
BIGRAMS = np.zeros((6, 6))
BIGRAMS[START] = [0, 0, 1 / 4, 1 / 4, 1 / 4, 1 / 4]
BIGRAMS[3] = [0, 0, 1 / 2, 1 / 8, 1 / 8, 1 / 4]
BIGRAMS[4] = [0, 0, 1 / 8, 1 / 2, 1 / 4, 1 / 8]
BIGRAMS[5] = [0, 0, 1 / 4, 1 / 4, 0, 1 / 2]
BIGRAMS[END] = BIGRAMS[PADDING] = [1 / 16, 15 / 16, 0, 0, 0, 0]  # would change the answer if it counted

TOKENS = np.array(
    [
        [3, 4, 2, 0, 0],  # 1/4 · 1/8 · 1/8: 8 bits, 3 tokens
        [5, 5, 3, 2, 0],  # 1/4 · 1/2 · 1/4 · 1/2: 6 bits, 4 tokens
        [2, 0, 0, 0, 0],  # 1/4: 2 bits, 1 token
        [3, 3, 3, 3, 3],  # 1/4 · (1/8)⁴: 14 bits, 5 tokens and no end token
        [4, 3, 2, 2, 5],  # 1/4 · 1/2 · 1/2: 4 bits, 3 tokens; after its end nothing counts, not even another end
    ],
    np.int32,
)
BITS, COUNT, ENDS = 8 + 6 + 2 + 14 + 4, 3 + 4 + 1 + 5 + 3, 4


class BigramTable:
    """Speaks as much of the protocol as teacher forcing needs; counts how often its Python code runs."""

    def __init__(self, table=BIGRAMS, end_token=END):
        with np.errstate(divide="ignore"):
            self.logits = tf.constant(np.log(table), tf.float32)
        self.vocabulary_size, self.start_token, self.end_token = len(table), START, end_token
        self.traces = 0

    def __call__(self, tokens, training=False):
        assert training is False  # no dropout where a model is judged
        self.traces += 1
        return tf.gather(self.logits, tokens)


def finite(table):
    """Give impossible tokens a tiny probability, since −inf would hide a position that wrongly counts."""
    return np.where(table == 0, 1e-30, table)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 64])
def test_a_bigram_table_by_hand(batch_size):
    result = perplexity(BigramTable(finite(BIGRAMS)), TOKENS, words=11, batch_size=batch_size)
    assert result.nll_per_token == pytest.approx(BITS * math.log(2) / COUNT, rel=1e-6)
    assert result.per_token == pytest.approx(2 ** (BITS / COUNT), rel=1e-6)
    assert result.per_word == pytest.approx(2 ** (BITS / (11 + ENDS)), rel=1e-6)
    assert (result.tokens, result.words, result.sentences) == (COUNT, 11 + ENDS, 5)


def test_all_tokens_equally_probable():
    uniform = BigramTable(np.full((7, 7), 1 / 7), end_token=None)
    tokens = np.random.default_rng(0).integers(0, 7, (10, 4))
    result = perplexity(uniform, tokens, words=20, batch_size=4)
    assert result.per_token == pytest.approx(7, rel=1e-6)
    assert result.per_word == pytest.approx(7**2, rel=1e-6)  # two tokens a word, and no end token to add
    assert (result.tokens, result.words) == (40, 20)


def test_a_word_model_has_one_perplexity():
    words = int((TOKENS[:3] > END).sum())
    result = perplexity(BigramTable(), TOKENS[:3], words=words)
    assert result.per_word == result.per_token and result.words == result.tokens


def test_without_words_there_is_none_per_word():
    result = perplexity(BigramTable(), TOKENS)
    assert result.per_word is None and result.words is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.tokens = 0


def test_the_last_batch_is_not_traced_again():
    generator = BigramTable()
    perplexity(generator, TOKENS, batch_size=2)
    perplexity(generator, TOKENS[:1], batch_size=2)
    assert generator.traces == 1


def test_probability_zero_is_infinite_and_so_is_what_no_float_holds():
    assert perplexity(BigramTable(), [[5, 4, 2]]).per_token == math.inf
    unlikely = BigramTable(np.where(np.arange(6) == 4, 1e-30, BIGRAMS), end_token=None)
    result = perplexity(unlikely, [[4]] * 11, words=1)  # 69 nats a token, 756 a word: more than float64 holds
    assert result.per_token == pytest.approx(0.75e30, rel=1e-4) and result.per_word == math.inf


def test_a_diverged_generator_is_an_error():
    with pytest.raises(ValueError, match="NaN"):
        perplexity(BigramTable(np.full((6, 6), np.nan)), TOKENS)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_a_temperature_is_a_power_of_the_probabilities(temperature):
    powers = finite(BIGRAMS) ** (1 / temperature)
    expected = perplexity(BigramTable(powers / powers.sum(axis=1, keepdims=True)), TOKENS)
    # Of logits that are logarithms of unnormalised numbers: what the softmax divides by changes with the temperature.
    shifted = finite(BIGRAMS) * np.arange(1, 7)[:, None]
    result = perplexity(BigramTable(shifted), TOKENS, temperature=temperature)
    assert result.nll_per_token == pytest.approx(expected.nll_per_token, rel=1e-5)


@pytest.mark.parametrize(
    ("tokens", "options", "error", "message"),
    [
        ([3, 2], {}, ValueError, r"\(N, T\).*Received: \(2,\)"),
        (np.zeros((0, 4), int), {}, ValueError, r"Received: \(0, 4\)"),
        ([[3.0, 2.0]], {}, TypeError, "Received: float64"),
        ([[3, 6]], {}, ValueError, "0 to 5. Received: 3 to 6"),
        ([[-1, 2]], {}, ValueError, "0 to 5. Received: -1 to 2"),
        ([[3, 2]], {"words": 0}, ValueError, "words must be .* Received: 0"),
        ([[3, 2]], {"temperature": 0}, ValueError, "temperature must be above 0. Received: 0"),
        ([[3, 2]], {"batch_size": 0}, ValueError, "batch_size must be .* Received: 0"),
    ],
)
def test_wrong_arguments_get_one_clear_error(tokens, options, error, message):
    with pytest.raises(error, match=message):
        perplexity(BigramTable(), tokens, **options)
