"""Sentences to token ids and back: every course text, any script, and what is stated for the odd cases."""

import collections
import json
import random
import subprocess
import sys
import unicodedata

import keras
import numpy as np
import pytest

from course_utils import runtime
from course_utils.datasets import (
    END,
    PADDING,
    START,
    UNKNOWN,
    Vocabulary,
    load_english,
    load_names,
    load_pairs,
    load_quatrains,
    load_sentiment,
    load_tweets,
)
from course_utils.datasets.vocabulary import LEVELS, SPECIAL
from course_utils.datasets.word_splitting import join_words, split_words

TEXTS = {
    "train": lambda: load_english("train").sentences,
    "valid": lambda: load_english("valid").sentences,
    "test": lambda: load_english("test").sentences,
    "pretrain": lambda: load_english("pretrain").sentences[:20_000],
    "names": lambda: load_names().names,
    "quatrains of 5": lambda: load_quatrains(5).poems,
    "quatrains of 7": lambda: load_quatrains(7).poems,
    "French": lambda: load_pairs("french").translations,
    "German": lambda: load_pairs("german").translations,
    "sentiment": lambda: load_sentiment().sentences,
    "tweets": lambda: load_tweets().texts,
}
# Spacing and signs that no usual rule gives, and scripts with marks inside words.
SENTENCES = [
    "'Hey,' she said - \"it's 10:30 ( or 3.14 ) !\"",
    " tab\tand\n new  line ",
    ".,",
    "￭ ▁ ￭￭ a▁ ￭a ▁▁",
    "<unk> <pad><end> <start>",
    "هل تتكلم العربية؟ نعم، قليلاً.",
    "می‌خواهم بروم",
    "क्या आप हिन्दी बोलते हैं?",
    "Cafe\u0301 crème\u00a0?",
    "👩🏽‍🚀❤️ 😀😀",
    "春眠不觉晓，处处闻啼鸟。",
    "ไม่เป็นไร",
]


def plain(sentence):
    """What the class says it normalises, in its own words."""
    return " ".join(unicodedata.normalize("NFC", sentence).split())


def test_the_special_tokens_have_the_ids_of_the_convention():
    assert (PADDING, START, END, UNKNOWN) == (0, 1, 2, 3)
    assert Vocabulary.fit(["a"]).words == ("<pad>", "<start>", "<end>", "<unk>", "a")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("text", TEXTS)
def test_every_course_text_round_trips(text, level):
    sentences = TEXTS[text]()
    vocabulary = Vocabulary.fit(sentences, level)
    tokens = vocabulary.encode(sentences, 160)
    assert tokens.dtype == np.int32 and (tokens == END).sum(axis=1).tolist() == [1] * len(sentences)
    assert not np.isin(tokens, (START, UNKNOWN)).any()
    assert vocabulary.decode(tokens) == sentences


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_any_script_and_spacing_round_trips(sentence, level):
    vocabulary = Vocabulary.fit([sentence], level)
    assert vocabulary.decode(vocabulary.encode([sentence], 99)) == [plain(sentence)]


def test_random_strings_round_trip():
    draw = random.Random(0)
    alphabet = "aB1 .,-'’\"(「，।\u0301\u093f\u200d￭▁<>é春🏽 \u3000"
    for _ in range(3_000):
        sentence = plain("".join(draw.choices(alphabet, k=draw.randint(0, 12))))
        words = split_words(sentence)
        assert join_words(words) == sentence
        assert all(words) and not any(" " in word for word in words)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("I'm sure they don't, o'clock.", ["I'm", "sure", "they", "don't", ",", "o'clock", "."]),
        ("a T-shirt (blue) and/or 3.14", ["a", "T", "-", "shirt", "(", "blue", ")", "and", "/", "or", "3", ".", "￭14"]),
        ("He said 'yes'.", ["He", "said", "'", "￭yes", "￭'", "."]),
        ("L’été, quoi ?", ["L’été", ",", "quoi", "▁?"]),
        ("हिन्दी बोलते", ["हिन्दी", "बोलते"]),
        ("春，晓", ["春", "，", "晓"]),
    ],
)
def test_words(sentence, words):
    assert split_words(sentence) == words


def test_characters_are_code_points_after_nfc():
    vocabulary = Vocabulary.fit(["x"], "character")
    assert vocabulary.tokens("e\u0301 👍🏽") == ["é", " ", "👍", "🏽"]
    assert vocabulary.tokens("हि") == ["ह", "ि"]


def test_frequency_and_then_code_point_decide_the_order():
    sentences = ["b a c", "c b a", "c d"]
    assert Vocabulary.fit(sentences).words[4:] == ("c", "a", "b", "d")
    assert Vocabulary.fit(sentences[::-1]) == Vocabulary.fit(sentences)
    assert Vocabulary.fit(sentences, max_size=6).words[4:] == ("c", "a")
    assert Vocabulary.fit(sentences, min_count=2).words[4:] == ("c", "a", "b")
    assert len(Vocabulary.fit(sentences, max_size=6)) == 6


def test_the_counts_agree_with_keras():
    sentences = load_english("valid").sentences
    ours = Vocabulary.fit(sentences, "character", max_size=40)
    layer = keras.layers.TextVectorization(standardize=None, split="character", max_tokens=38)
    layer.adapt(sentences)
    assert set(ours.words[4:]) == set(layer.get_vocabulary()[2:])


def test_encoding_by_hand():
    vocabulary = Vocabulary.fit(["a a a b b c"])
    assert vocabulary.encode(["b a", "", " \t", "c zebra", "a b c b"], 4).tolist() == [
        [5, 4, 2, 0],
        [2, 0, 0, 0],
        [2, 0, 0, 0],
        [6, 3, 2, 0],
        [4, 5, 6, 5],  # exactly full: no end token
    ]
    assert vocabulary.encode([], 4).shape == (0, 4) and vocabulary.encode([], 4).dtype == np.int32


def test_a_long_sentence_is_an_error_or_loses_its_tail():
    vocabulary = Vocabulary.fit(["a b c"])
    with pytest.raises(ValueError, match=r"Sentence 1 .*length=2. Received: 3 tokens.*truncate=True"):
        vocabulary.encode(["a", "a b c"], 2)
    assert vocabulary.encode(["a", "a b c"], 2, truncate=True).tolist() == [[4, 2], [4, 5]]


def test_decoding_by_hand():
    vocabulary = Vocabulary.fit(["a a a b b."])
    tokens = [[4, 5, 6, 2, 5], [2, 4, 4, 4, 4], [4, 4, 4, 4, 4], [1, 4, 0, 3, 2]]
    assert vocabulary.decode(tokens) == ["a b.", "", "a a a a a", "<start> a <pad> <unk>"]
    assert vocabulary.decode(np.zeros((0, 3), np.int64)) == []


def test_a_special_word_in_a_text_is_no_special_token():
    for level in LEVELS:
        text = ["<unk>", "<end> <pad>", "a<start>"]
        vocabulary = Vocabulary.fit(text, level)
        tokens = vocabulary.encode(text, 12)
        assert ((tokens > UNKNOWN).sum(axis=1) >= 3).all() and not np.isin(tokens, (START, UNKNOWN)).any()
        assert vocabulary.decode(tokens) == text
    # Not in the vocabulary, they are unknown like anything else.
    assert Vocabulary.fit(["a"], "character").encode(["<a>"], 4).tolist() == [[3, 4, 3, 2]]


@pytest.mark.parametrize("level", LEVELS)
def test_saved_and_loaded_it_is_the_same(tmp_path, level):
    vocabulary = Vocabulary.fit(SENTENCES, level)
    vocabulary.save(tmp_path / "words.json")
    loaded = Vocabulary.load(tmp_path / "words.json")
    assert loaded == vocabulary and len(loaded) == len(vocabulary)
    np.testing.assert_array_equal(loaded.encode(SENTENCES, 99), vocabulary.encode(SENTENCES, 99))
    assert [path.name for path in tmp_path.iterdir()] == ["words.json"]
    assert "晓" in (tmp_path / "words.json").read_text(encoding="utf-8")  # readable, not \u escapes


GOOD = {"level": "word", "words": [*SPECIAL, "a"]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        json.dumps(GOOD).encode()[:-9],
        b"[" * 100_000,
        b"[]",
        b"null",
        b'{"level": "word"}',
        json.dumps({**GOOD, "level": "syllable"}).encode(),
        json.dumps({**GOOD, "words": ["a"]}).encode(),
        json.dumps({**GOOD, "words": [*SPECIAL, "a", "a"]}).encode(),
        json.dumps({**GOOD, "words": [*SPECIAL, ""]}).encode(),
        json.dumps({**GOOD, "words": [*SPECIAL, ["a"]]}).encode(),
        json.dumps({**GOOD, "words": 7}).encode(),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "words.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"words\.json is not a vocabulary"):
        Vocabulary.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json' does not exist"):
        Vocabulary.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda v: Vocabulary.fit("one sentence"), TypeError, "Received: one str"),
        (lambda v: Vocabulary.fit(["a", b"b"]), TypeError, "Sentence 1 must be a string. Received: bytes"),
        (lambda v: Vocabulary.fit(["a"], "syllable"), ValueError, "word, character. Received: 'syllable'"),
        (lambda v: Vocabulary.fit(["a"], max_size=4), ValueError, "4 special tokens too. Received: 4"),
        (lambda v: Vocabulary.fit(["a"], min_count=0), ValueError, "at least 1. Received: 0"),
        (lambda v: Vocabulary.fit(["a b"], min_count=2), ValueError, "No word is left. Received: 2 different"),
        (lambda v: Vocabulary.fit(["", " "]), ValueError, "No word is left. Received: 0 different"),
        (lambda v: v.encode("a", 3), TypeError, "Received: one str"),
        (lambda v: v.encode(["a"], 0), ValueError, "length must be at least 1. Received: 0"),
        (lambda v: v.decode([4, 2]), ValueError, r"\(N, T\). Received: \(2,\)"),
        (lambda v: v.decode([[4.0]]), TypeError, "integer ids. Received: float64"),
        (lambda v: v.decode([[4, 5]]), ValueError, "0 to 4. Received: 4 to 5"),
        (lambda v: v.decode([[-1, 4]]), ValueError, "0 to 4. Received: -1 to 4"),
    ],
)
def test_wrong_arguments_get_one_clear_error(call, error, message):
    with pytest.raises(error, match=message):
        call(Vocabulary.fit(["a"]))


def test_importing_it_does_not_import_tensorflow():
    code = "import sys; from course_utils.datasets import Vocabulary; print({'tensorflow', 'keras'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=runtime.REPOSITORY, capture_output=True, text=True)
    assert result.stdout.strip() == "set()", result.stderr


def test_marked_tokens_are_rare_in_the_course_sentences():
    counts = collections.Counter(w for s in load_english("valid").sentences for w in split_words(s))
    marked = sum(count for word, count in counts.items() if len(word) > 1 and word[0] in "￭▁")
    assert marked / counts.total() < 0.001
