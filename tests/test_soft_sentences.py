"""Soft sentences: drawn from given numbers, and padded after their end."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from small_generator import TableGenerator

from course_utils.models.recurrent import RecurrentGenerator
from course_utils.sampling import pad_after_end, sample, soft_sample, soft_sentences

V, T, END = 4, 4, 2


@pytest.mark.parametrize("straight_through", [False, True])
def test_given_numbers_make_the_sentences_of_soft_sample_inside_xla_too(straight_through):
    generator = RecurrentGenerator(V, embedding_dim=3, hidden_dim=3)
    uniforms = tf.random.stateless_uniform((T, 5, V), (3, 0))
    settings = {"temperature": 0.7, "straight_through": straight_through}
    expected = soft_sample(generator, 5, T, seed=3, **settings)
    np.testing.assert_allclose(soft_sentences(generator, uniforms, **settings), expected, atol=1e-6)
    graph = tf.function(lambda given: soft_sentences(generator, given, **settings), jit_compile=True)
    np.testing.assert_allclose(graph(uniforms), expected, atol=1e-6)


def test_tokens_fed_back_are_those_of_hard_sentences_and_the_vectors_those_of_soft_ones():
    generator = RecurrentGenerator(V, embedding_dim=3, hidden_dim=3, seed=1)
    uniforms = tf.random.stateless_uniform((T, 50, V), (3, 0))
    fed = soft_sentences(generator, uniforms, temperature=0.7, feed_tokens=True)
    hard = soft_sentences(generator, uniforms, temperature=0.7, straight_through=True)
    np.testing.assert_array_equal(np.argmax(fed, axis=2), np.argmax(hard, axis=2))
    assert 0.3 < np.max(fed, axis=2).mean() < 0.99 and np.all(np.max(hard, axis=2) == 1)
    # Each vector is the relaxation of the logits after the tokens before it.
    start = tf.fill((50, 1), generator.start_token)
    logits = generator(tf.concat([start, tf.argmax(fed, axis=2, output_type=tf.int32)[:, :-1]], axis=1))
    noise = -np.log(-np.log(np.transpose(uniforms, (1, 0, 2))))
    np.testing.assert_allclose(fed, tf.nn.softmax((logits + noise) / 0.7), atol=1e-5)
    both = soft_sentences(generator, uniforms, temperature=0.7, straight_through=True, feed_tokens=True)
    np.testing.assert_array_equal(both, hard)


@pytest.mark.parametrize("feed_tokens", [False, True])
def test_tokens_fed_back_pass_no_gradient_on(feed_tokens):
    """A table has no state: what comes back from the last position to the first comes through the input."""
    generator = TableGenerator(np.random.default_rng(0).normal(size=(T, V, V)))
    with tf.GradientTape() as tape:
        soft = soft_sentences(
            generator, tf.random.stateless_uniform((T, 6, V), (3, 0)), temperature=0.7, feed_tokens=feed_tokens
        )
        last = tf.reduce_sum(soft[:, -1] * tf.range(float(V)))
    slope = np.abs(tf.convert_to_tensor(tape.gradient(last, generator.table.value))).max(axis=(1, 2))
    assert slope[-1] > 1e-3 and np.all((slope[:-1] == 0) == feed_tokens)


def test_one_hot_sentences_are_padded_as_sampled_ones():
    generator = RecurrentGenerator(V, end_token=END, seed=1)
    sentences = sample(generator, 200, T, seed=1)
    ends = np.cumsum(sentences == END, axis=1)
    assert (ends[:, 0] == 1).any() and (ends[:, -1] == 0).any()
    going_on = tf.where((ends == 1) & (sentences.numpy() == 0), 3, sentences)  # as if nothing had stopped
    padded = pad_after_end(tf.one_hot(going_on, V), END)
    np.testing.assert_array_equal(padded, tf.one_hot(sentences, V))


def test_soft_sentences_are_padded_as_the_mean_of_all_sentences_they_stand_for():
    """Position by position independent words: the mean of what their sentences become, summed over all of them."""
    soft = np.random.default_rng(0).dirichlet(np.ones(V), T)
    expected = np.zeros((T, V))
    for sentence in itertools.product(range(V), repeat=T):
        probability = np.prod([soft[t, token] for t, token in enumerate(sentence)])
        length = sentence.index(END) + 1 if END in sentence else T
        for t in range(T):
            expected[t, sentence[t] if t < length else 0] += probability
    np.testing.assert_allclose(pad_after_end(soft[None], END)[0], expected, atol=1e-12)


def test_the_gradient_is_that_of_finite_differences_also_where_a_sentence_has_surely_ended():
    rng = np.random.default_rng(1)
    tokens = rng.dirichlet(np.ones(V), (2, T))
    tokens[0, 1] = np.eye(V)[END]
    tokens[1, 0] = np.eye(V)[3]
    weights = rng.normal(size=(2, T, V))

    def value(tokens):
        return tf.reduce_sum(pad_after_end(tokens, END) * weights)

    tokens = tf.constant(tokens)
    with tf.GradientTape() as tape:
        tape.watch(tokens)
        result = value(tokens)
    found = tape.gradient(result, tokens).numpy()
    for place in np.ndindex(2, T, V):
        step = np.zeros((2, T, V))
        step[place] = 1e-5
        slope = float(value(tokens + step) - value(tokens - step)) / 2e-5
        assert found[place] == pytest.approx(slope, abs=1e-8)
    assert np.abs(found[0, 1, END]) > 1e-3  # the end's own, though the sentence has ended
