"""Sentences completed from a given beginning, against samples and against the language's exact distribution."""

import numpy as np
import pytest
import tensorflow as tf
from small_generator import TableGenerator
from small_language_model import END, LENGTH, make_generator, make_sentences

from course_utils.sampling import complete, prefixes, sample
from course_utils.worlds.enumerable_language import EnumerableLanguage


def test_with_nothing_given_they_are_samples():
    generator = make_generator()
    completed = complete(generator, make_sentences(10), 0, seed=3).numpy()
    np.testing.assert_array_equal(completed, sample(generator, 10, LENGTH, seed=3))


@pytest.mark.parametrize("given", [1, 3, LENGTH])
def test_they_begin_as_they_should_and_are_padded_after_their_end(given):
    sentences = make_sentences(64)
    completed = complete(make_generator(), sentences, tf.constant(given), seed=3).numpy()
    np.testing.assert_array_equal(completed[:, :given], sentences[:, :given])
    ended = np.cumsum(completed == END, axis=1) - (completed == END) > 0
    assert (completed[ended] == 0).all()
    assert ended[:, given:].any() or given == LENGTH
    if given < LENGTH:
        assert (completed[:, given:][~ended[:, given:]] != sentences[:, given:][~ended[:, given:]]).any()


def test_they_go_on_with_the_generators_probabilities():
    language = EnumerableLanguage(vocabulary_size=3, length=3, seed=1)
    table = np.random.default_rng(0).normal(size=(3, 3, 3))
    generator = TableGenerator(table)
    beginnings = np.tile([[2, 0, 0]], (20_000, 1)).astype(np.int32)
    completed = complete(generator, beginnings, 1, seed=5)
    found = np.bincount(language.index(completed).numpy(), minlength=27) / 20_000
    probability = np.exp(language.log_probabilities(generator)) * (language.sentences[:, 0] == 2)
    np.testing.assert_allclose(found, probability / probability.sum(), atol=0.015)


def test_how_many_are_computed_at_a_time_changes_nothing(monkeypatch):
    whole = complete(make_generator(), make_sentences(10), 2, seed=3).numpy()
    monkeypatch.setattr(prefixes, "ROWS", 4)
    np.testing.assert_array_equal(complete(make_generator(), make_sentences(10), 2, seed=3), whole)


def test_sentences_without_a_fixed_size_are_refused():
    with pytest.raises(ValueError, match=r"fixed shape \(B, T\)\. Received: \(3,\)"):
        complete(make_generator(), [3, 4, 5], 1)
