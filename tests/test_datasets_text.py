"""The text loaders: what the datasheet promises about each file, and their batches."""

import re

import numpy as np
import pytest

from course_utils.datasets import (
    load_english,
    load_names,
    load_pairs,
    load_quatrains,
    load_sentiment,
    load_tweets,
    load_vectors,
)
from course_utils.datasets.card import Card
from course_utils.datasets.english import SPLITS
from course_utils.datasets.parallel import Pairs


@pytest.fixture(scope="module")
def english():
    return {split: load_english(split) for split in SPLITS}


def test_english_parts_have_their_sizes_and_share_no_sentence(english):
    sizes = {split: len(part.sentences) for split, part in english.items()}
    assert sizes == {"train": 20_000, "valid": 2_000, "test": 2_000, "pretrain": 74_849}
    assert len({sentence for part in english.values() for sentence in part.sentences}) == sum(sizes.values())
    assert all(len(part.ids) == len(part.sentences) == part.card.sizes[split] for split, part in english.items())


def test_english_sentences_are_short_and_of_3000_tokens(english):
    sentences = [sentence for part in english.values() for sentence in part.sentences]
    tokens = [re.findall(r"[a-z]+(?:'[a-z]+)?|[.,!?]", sentence.lower()) for sentence in sentences]
    assert {len(sentence) for sentence in tokens} == set(range(5, 16))
    assert len({token for sentence in tokens for token in sentence}) == 3_000
    assert all(sum(mark in ".!?" for mark in sentence) == 1 for sentence in sentences)


def test_english_refuses_an_unknown_split():
    with pytest.raises(ValueError, match=r"train, valid, test, pretrain. Received: 'dev'"):
        load_english("dev")


@pytest.mark.parametrize(("language", "rows", "english"), [("french", 27_551, 26_743), ("german", 31_259, 30_384)])
def test_pairs_have_their_sizes(language, rows, english):
    pairs = load_pairs(language)
    assert len(pairs.ids) == len(pairs.english) == len(pairs.translations) == pairs.card.sizes["pairs"] == rows
    assert len(set(pairs.english)) == english


def test_pairs_refuse_an_unknown_language():
    with pytest.raises(ValueError, match=r"french, german. Received: 'dutch'"):
        load_pairs("dutch")


def test_split_keeps_english_apart_and_loses_nothing():
    pairs = load_pairs("french")
    train, valid, test = pairs.split(valid=0.1, test=0.2)
    parts = (train, valid, test)
    words = [{" ".join(re.findall(r"[\w']+", s.lower())) for s in part.english} for part in parts]
    assert not (words[0] & words[1] or words[0] & words[2] or words[1] & words[2])
    assert sorted(row for part in parts for row in part.ids) == sorted(pairs.ids)
    translation = dict(zip(pairs.ids, zip(pairs.english, pairs.translations, strict=True), strict=True))
    for part, fraction in zip(parts, (0.7, 0.1, 0.2), strict=True):
        assert part.card.sizes["pairs"] == len(part.ids) == pytest.approx(fraction * len(pairs.ids), rel=0.05)
        assert [translation[row] for row in part.ids] == list(zip(part.english, part.translations, strict=True))


def test_split_depends_on_the_words_alone():
    card = Card("three", "here", "none", "nobody", {"pairs": 3}, "")
    same = Pairs("french", list("abc"), ["I'm late.", "i'm late!", "I'm  late"], list("xyz"), card)
    for valid, test in ((0.0, 0.0), (0.3, 0.3), (0.0, 0.99), (0.99, 0.0)):
        assert sorted(len(part.ids) for part in same.split(valid=valid, test=test)) == [0, 0, 3]
    # By hand: `printf "i'm late" | sha256sum` begins with 14a359, and 0x14a359 / 2**24 = 0.0806.
    assert [len(part.ids) for part in same.split(valid=0.0, test=0.09)] == [0, 0, 3]
    assert [len(part.ids) for part in same.split(valid=0.01, test=0.08)] == [0, 3, 0]
    assert [len(part.ids) for part in same.split(valid=0.03, test=0.05)] == [3, 0, 0]


@pytest.mark.parametrize(("valid", "test"), [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5)])
def test_split_refuses_impossible_fractions(valid, test):
    none = Pairs("french", [], [], [], Card("none", "here", "none", "nobody", {"pairs": 0}, ""))
    with pytest.raises(ValueError, match=f"Received: {valid}, {test}"):
        none.split(valid=valid, test=test)


def test_sentiment_is_balanced_consistent_and_held_out(english):
    sentiment = load_sentiment()
    assert np.bincount(sentiment.labels).tolist() == [6_267, 6_267] and sentiment.labels.dtype == np.int32
    assert sentiment.scores[sentiment.labels == 1].min() == np.float32(0.6)
    assert sentiment.scores[sentiment.labels == 0].max() == np.float32(-0.5)
    assert not set(sentiment.sentences) & {*english["valid"].sentences, *english["test"].sentences}
    sentences, labels = next(iter(sentiment.batches(64)))
    label_of = dict(zip(sentiment.sentences, sentiment.labels.tolist(), strict=True))
    assert [label_of[text.decode()] for text in sentences.numpy()] == labels.numpy().tolist()


def test_tweets_keep_their_ratings():
    tweets = load_tweets()
    assert len(tweets.texts) == len(tweets.ratings) == 4_079 and tweets.ratings.dtype == np.float32
    assert np.abs(tweets.ratings).max() <= 4 and (tweets.ratings > 0).sum() == 2_878
    assert tweets.ratings[tweets.texts.index("Yay. Another good phone interview.")] == np.float32(1.443)
    texts, ratings = next(iter(tweets.batches(16)))
    assert texts.shape == (16,) and ratings.dtype == "float32"


@pytest.mark.parametrize(("length", "rows"), [(5, 3_757), (7, 10_292)])
def test_quatrains_are_four_lines_of_one_length(length, rows):
    quatrains = load_quatrains(length)
    assert len(set(quatrains.poems)) == len(quatrains.authors) == len(quatrains.titles) == rows
    assert all([len(line) for line in poem.split("，")] == [length] * 4 for poem in quatrains.poems)
    poems = next(iter(quatrains.batches(8))).numpy()
    assert all(poem.decode() in set(quatrains.poems) for poem in poems)


def test_quatrains_refuse_another_length():
    with pytest.raises(ValueError, match=r"5 or 7.*Received: 6"):
        load_quatrains(6)


def test_names_have_the_counts_of_the_datasheet():
    names = load_names()
    assert (names.labels.count("F"), names.labels.count("M")) == (4_916, 3_883)
    rows = list(zip(names.names, names.labels, strict=True))
    female, male = ({name for name, label in rows if label == wanted} for wanted in "FM")
    assert len(female & male) == 418 and len(rows) - len(set(rows)) == 8
    assert all(re.fullmatch("[A-Z][A-Za-z]{1,9}", name) for name in names.names)
    assert next(iter(names.batches(10))).shape == (10,)


def test_vectors_are_float32_and_mean_something():
    glove = load_vectors()
    assert glove.vectors.shape == (10_000, 50) and glove.vectors.dtype == np.float32
    assert len(set(glove.words)) == 10_000
    unit = glove.vectors / np.linalg.norm(glove.vectors, axis=1, keepdims=True)
    nearest = np.argsort(unit @ unit[glove.words.index("king")])[::-1]
    assert glove.words[nearest[0]] == "king"
    assert {"prince", "queen"} <= {glove.words[row] for row in nearest[1:6]}
    words, vectors = next(iter(glove.batches(4)))
    expected = glove.vectors[[glove.words.index(word.decode()) for word in words.numpy()]]
    assert np.array_equal(vectors.numpy(), expected)


def test_batches_go_once_through_the_rows(english):
    sentences = english["valid"].sentences
    seen = [text.decode() for batch in english["valid"].batches(250, seed=2) for text in batch.numpy()]
    assert sorted(seen) == sorted(sentences) and seen != sentences


def test_repr_is_short_enough_for_a_notebook(english):
    assert len(repr(english["pretrain"])) < 1_000
