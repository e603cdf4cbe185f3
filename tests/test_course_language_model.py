"""The course's English language model: what is shipped, and that its script makes it."""

import dataclasses
import json
import math
import re
import shutil

import keras
import numpy as np
import pytest
from small_training import without_xla

from course_utils import runtime
from course_utils.datasets import Vocabulary, files, load_english
from course_utils.metrics.course_language_model import (
    CARD,
    WEIGHTS,
    CourseLanguageModel,
    load_course_language_model,
)
from course_utils.metrics.perplexity import perplexity
from course_utils.models.transformer import TransformerGenerator
from course_utils.train import english_lm, mle
from course_utils.train.mle_settings import Settings
from course_utils.train.outputs import load_generator

DATA = runtime.REPOSITORY / "data"


@pytest.fixture(scope="module")
def card():
    return json.loads((DATA / CARD).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model():
    return load_course_language_model()


# --- what is shipped


def test_the_first_test_sentences_are_as_surprising_as_the_card_says(model, card):
    measured = model.perplexity(load_english("test").sentences[: english_lm.FIRST])
    stored = card["first_test_sentences"]
    # Another machine adds in another order; a ten-thousandth of a nat is far above that and far below any other model.
    assert measured.nll_per_token == pytest.approx(stored["nll_per_token"], abs=1e-4)
    assert {**stored, **dataclasses.asdict(measured)} == pytest.approx(stored, rel=2e-4)


def test_it_predicts_far_better_than_word_frequencies(model, card):
    """The unigram model with the training counts is what a network without any context could reach."""
    vocabulary = model.vocabulary
    train = vocabulary.encode(load_english("pretrain").sentences, 18)
    test = vocabulary.encode(load_english("test").sentences, 18)
    counts = np.bincount(train[train > 0], minlength=len(vocabulary))
    unigram = -np.log(counts[test[test > 0]] / counts.sum()).mean()
    assert card["test"]["nll_per_token"] < unigram - 1.5
    assert card["test"]["nll_per_token"] == pytest.approx(card["held_out"]["nll_per_token"], abs=0.05)


def test_the_files_are_small_and_of_the_stored_settings(model, card):
    size = (DATA / WEIGHTS).stat().st_size
    assert card["bytes"] == size <= 8_000_000
    assert card["parameters"] == model.generator.count_params() <= 2_000_000
    assert size < 1.1 * 4 * card["parameters"]  # Adam's two moments would make it three times as much
    assert card["settings"] == dataclasses.asdict(english_lm.SETTINGS)
    assert card["command"] == f"python -m course_utils {english_lm.SETTINGS.command()}"
    assert card["corpus"]["training_sentences"] + card["corpus"]["sentences_too_long"] == 74_849
    assert len(card["history"]["val_nll"]) == card["epochs"]
    assert card["best_epoch"] == int(np.argmin(card["history"]["val_nll"])) + 1
    assert card["held_out"]["nll_per_token"] == pytest.approx(min(card["history"]["val_nll"]), abs=1e-4)
    assert re.fullmatch(r"\d+ CPU cores, \w+", card["machine"])


def test_a_sentence_is_less_surprising_than_its_words_in_another_order(model):
    sentences = load_english("test").sentences[:100]
    order = np.random.default_rng(0)
    mixed = [" ".join(order.permutation(sentence.rstrip(".!?").split())) + "." for sentence in sentences]
    assert model.perplexity(sentences).per_token < model.perplexity(mixed).per_token / 3


def test_the_judge_stays_float32_under_mixed_precision(model):
    sentences = ["I have a dog.", "He is my brother."]
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        again = load_course_language_model()
        assert again.perplexity(sentences) == model.perplexity(sentences)
    finally:
        keras.config.set_dtype_policy(policy)
    assert again.generator.compute_dtype == "float32"


@pytest.mark.parametrize("name", [WEIGHTS, CARD])
def test_a_changed_or_missing_file_is_named(name, tmp_path):
    for each in (WEIGHTS, CARD):
        shutil.copy(DATA / each, tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b" ")
    with pytest.raises(ValueError, match=name):
        load_course_language_model(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        load_course_language_model(tmp_path)


# --- what it measures


def test_perplexity_by_hand():
    vocabulary = Vocabulary.fit(["a b"])
    generator = TransformerGenerator(len(vocabulary), max_length=4, model_dim=4, layers=1, heads=2)
    generator.set_weights([0 * weight for weight in generator.get_weights()])  # all six tokens equally probable
    measured = CourseLanguageModel(generator, vocabulary).perplexity(["a b a", "b"])
    assert measured.per_token == measured.per_word == pytest.approx(6)
    assert (measured.tokens, measured.words, measured.sentences) == (6, 6, 2)
    with pytest.raises(ValueError, match="more tokens than length=4"):
        CourseLanguageModel(generator, vocabulary).perplexity(["a b a b a"])


# --- the script


def test_the_script_writes_weights_and_card_that_can_be_loaded(tmp_path, monkeypatch, capsys):
    without_xla(monkeypatch)
    small = Settings(
        "en_valid", "en_test", generator="transformer", size=4, epochs=1, batch=500, tie_weights=True, min_count=50
    )
    monkeypatch.setattr(english_lm, "SETTINGS", small)
    monkeypatch.setattr(english_lm.runtime, "BUILD", tmp_path / "build")
    english_lm.main(["--directory", str(tmp_path / "data")])
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [CARD, WEIGHTS]
    printed = capsys.readouterr().out
    sums = {name: digest for digest, name in re.findall(r"^(\w{64})  (\S+)$", printed, flags=re.MULTILINE)}
    monkeypatch.setattr(files, "REGISTRY", {**files.REGISTRY, **sums})
    loaded = load_course_language_model(tmp_path / "data")
    written = json.loads((tmp_path / "data" / CARD).read_text(encoding="utf-8"))
    trained, _ = load_generator(tmp_path / "build" / "train" / "english_lm")
    for read, made in zip(loaded.generator.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(read, made)
    sentences = load_english("test").sentences
    tokens = loaded.vocabulary.encode(sentences, loaded.generator.max_length)
    by_token = perplexity(trained, tokens).nll_per_token
    assert written["test"]["nll_per_token"] == pytest.approx(by_token) != math.inf
    assert written["first_test_sentences"]["sentences"] == english_lm.FIRST
    # Trained once, packed twice: nothing is trained again. (The size counts the layers' names, which Keras numbers.)
    monkeypatch.setattr(mle, "_fit", None)
    english_lm.main(["--directory", str(tmp_path / "data")])
    again = json.loads((tmp_path / "data" / CARD).read_text(encoding="utf-8"))
    assert {**again, "bytes": written["bytes"]} == written
