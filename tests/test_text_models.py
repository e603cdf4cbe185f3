"""Measures of text that ask a language model: embeddings, their distance, the reverse model, the generator itself."""

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf
from small_training import without_xla

from course_utils.datasets import END, START, Vocabulary, load_english
from course_utils.metrics.course_language_model import CourseLanguageModel, load_course_language_model
from course_utils.metrics.embedding_distance import frechet_embedding_distance, sentence_embeddings
from course_utils.metrics.nll_div import nll_div
from course_utils.metrics.reverse_perplexity import reverse_perplexity
from course_utils.models.recurrent import RecurrentGenerator
from course_utils.models.transformer import TransformerGenerator

SENTENCES = ["a b c", "c", "", "b b a c d", "d c b a d c"]  # the last one fills its row


@pytest.fixture(scope="module")
def small():
    vocabulary = Vocabulary.fit(["a b c d"])
    generator = TransformerGenerator(len(vocabulary), max_length=6, model_dim=4, layers=2, heads=2, seed=1)
    rng = np.random.default_rng(0)
    generator.set_weights([rng.normal(size=weight.shape) for weight in generator.get_weights()])
    return CourseLanguageModel(generator, vocabulary)


# --- embeddings and their distance


def test_an_embedding_is_the_mean_over_the_positions_of_its_sentence_alone(small):
    embeddings = sentence_embeddings(SENTENCES, model=small)
    for sentence, embedding in zip(SENTENCES, embeddings, strict=True):
        # Each sentence by itself, without padding: all that is read before its end token, or before its last word.
        words = [small.vocabulary.words.index(word) for word in sentence.split()]
        read = [START, *words][:6]
        expected = small.generator.features(tf.constant([read]))[0].numpy().mean(axis=0)
        np.testing.assert_allclose(embedding, expected, atol=1e-5)
    assert np.ptp(embeddings, axis=0).min() > 0.01


def test_features_are_what_the_logits_are_computed_from(small):
    inputs = tf.constant([[1, 5, 6, 4]])
    logits = small.generator.project(small.generator.features(inputs), training=False)
    np.testing.assert_array_equal(logits, small.generator(inputs))


def test_embeddings_do_not_depend_on_the_batch(small):
    many = sentence_embeddings(SENTENCES * 30, model=small)
    np.testing.assert_allclose(many, np.tile(sentence_embeddings(SENTENCES, model=small), (30, 1)), atol=1e-5)


def test_the_distance_is_that_of_the_embeddings_gaussians(small):
    ours, theirs = SENTENCES[:4] * 3, SENTENCES[1:] * 3
    first, second = (sentence_embeddings(part, model=small).astype(np.float64) for part in (ours, theirs))
    covariances = np.cov(first.T), np.cov(second.T)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((first.mean(0) - second.mean(0)) ** 2) + np.trace(sum(covariances) - 2 * root)
    # With five different sentences a covariance is nearly singular, and SciPy's root loses half of its digits.
    assert frechet_embedding_distance(ours, theirs, model=small) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_the_courses_model_sees_shuffled_words_and_repeated_sentences():
    model, real = load_course_language_model(), load_english("test").sentences
    rng = np.random.default_rng(0)
    sets = {
        "held out": real[300:600],
        "shuffled": [" ".join(rng.permutation(sentence.split())) for sentence in real[300:600]],
        "repeated": real[300:303] * 100,
    }
    distances = {name: frechet_embedding_distance(part, real[:300], model=model) for name, part in sets.items()}
    assert 2 * distances["held out"] < distances["shuffled"] < distances["repeated"]


@pytest.mark.parametrize(
    ("sentences", "error", "message"),
    [
        ([], ValueError, "at least one sentence"),
        ("a b", TypeError, "one str"),
        (["a b c d a b c"], ValueError, "more tokens than length=6"),
        (["a"] * 7, ValueError, "at least 8 vectors. Received: 7"),
    ],
)
def test_sets_that_have_no_distance_get_one_clear_error(small, sentences, error, message):
    with pytest.raises(error, match=message):
        frechet_embedding_distance(sentences, SENTENCES * 3, model=small)


# --- the language model trained on samples


def draw(rows, words, seed=0):
    """Return sentences of one to five tokens, each drawn from the same words with the same probability, or the end."""
    rng = np.random.default_rng(seed)
    tokens = rng.choice([END, *words], (rows, 5))
    tokens[:, 0] = rng.choice(words, rows)
    after = np.cumsum(tokens == END, axis=1) - (tokens == END) > 0
    return np.where(after, 0, tokens)


def test_reverse_perplexity_counts_what_the_samples_lack(monkeypatch):
    without_xla(monkeypatch)
    real = draw(400, words=range(3, 10), seed=1)
    entropy = {"first": np.log(7), "later": np.log(8)}
    later = np.count_nonzero(real[:, 1:])
    expected = np.exp((len(real) * entropy["first"] + later * entropy["later"]) / (len(real) + later))
    full = reverse_perplexity(draw(900, words=range(3, 10)), real, vocabulary_size=11, epochs=4)
    # No model can be better on average; one that learned from 900 sentences is little worse.
    assert 0.98 * expected < full.per_token < 1.15 * expected
    half = reverse_perplexity(draw(900, words=range(3, 7)), real, vocabulary_size=11, epochs=4)
    assert half.per_token > 2 * full.per_token
    assert full.sentences == 400 and full.tokens == np.count_nonzero(real)


def test_reverse_perplexity_stops_at_the_best_epoch_for_held_out_samples(monkeypatch):
    """Of tokens that are all equally probable nothing can be learned: each epoch beyond the first few does harm."""
    without_xla(monkeypatch)
    samples, real = np.random.default_rng(0).integers(0, 20, (2, 128, 5))
    few, many = (reverse_perplexity(samples, real, vocabulary_size=20, epochs=epochs) for epochs in (15, 30))
    assert few == many  # to the last digit: the same arguments give the same model
    assert many.nll_per_token < np.log(20) + 0.02


@pytest.mark.parametrize(
    ("sentences", "real", "options", "error", "message"),
    [
        (draw(127, [3]), draw(9, [3]), {}, ValueError, "at least 128 sentences. Received: 127"),
        (draw(128, [9]), draw(9, [3]), {}, ValueError, "0 to 8. Received: 0 to 9"),
        (draw(128, [3]), draw(9, [9]), {}, ValueError, "0 to 8. Received: 0 to 9"),
        (draw(128, [3]) / 1, draw(9, [3]), {}, TypeError, "integer ids"),
        (draw(128, [3]), draw(9, [3]), {"epochs": 0}, ValueError, "epochs must be .* Received: 0"),
    ],
)
def test_what_no_model_can_learn_from_gets_one_clear_error(sentences, real, options, error, message):
    with pytest.raises(error, match=message):
        reverse_perplexity(sentences, real, vocabulary_size=9, **options)


# --- the generator's own sentences


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_nll_div_is_the_entropy_of_the_tempered_distribution(temperature):
    generator = RecurrentGenerator(6, embedding_dim=2, hidden_dim=2, end_token=None)
    logits = np.array([0.0, 1.0, -1.0, 2.0, 0.5, 0.5], np.float32)
    generator.set_weights([0 * weight for weight in generator.get_weights()])
    generator.projection.bias.assign(logits)  # tokens are independent, whatever was read
    shares = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
    entropy = -(shares * np.log(shares)).sum()
    measured = nll_div(generator, samples=2_000, length=10, temperature=temperature, seed=1)
    spread = np.sqrt((shares * np.log(shares) ** 2).sum() - entropy**2)
    assert abs(measured - entropy) < 4 * spread / np.sqrt(20_000)


def test_nll_div_refuses_temperature_zero_and_no_samples():
    generator = RecurrentGenerator(6, embedding_dim=2, hidden_dim=2)
    with pytest.raises(ValueError, match=r"temperature must be above 0\. Received: 0"):
        nll_div(generator, samples=2, length=3, temperature=0, seed=1)
    with pytest.raises(ValueError, match=r"n must be a whole number of at least 1\. Received: 0"):
        nll_div(generator, samples=0, length=3, seed=1)
