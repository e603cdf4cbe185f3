"""The gradient estimators against numbers worked out by hand. Their bias is the matter of test_gradients_bias.py."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from course_utils.gradients import (
    baseline_loss,
    batch_mean_baseline,
    gumbel_softmax,
    leave_one_out_baseline,
    reinforce_loss,
    reward_to_go,
    straight_through,
    straight_through_gumbel,
    vargrad_loss,
)


def test_reinforce_loss_by_hand():
    log_probs, reward = tf.Variable([[-1.0, -2.0], [-3.0, 0.0]]), tf.Variable([2.0, 4.0])
    with tf.GradientTape(persistent=True) as tape:
        sentences = reinforce_loss(log_probs, reward)
        tokens = reinforce_loss(log_probs, [[1.0, 2.0], [3.0, 4.0]])
    assert float(sentences) == pytest.approx((2 * 3 + 4 * 3) / 2)
    assert float(tokens) == pytest.approx((1 * 1 + 2 * 2 + 3 * 3) / 2)
    assert tape.gradient(sentences, log_probs).numpy().tolist() == [[-1, -1], [-2, -2]]
    assert tape.gradient(tokens, log_probs).numpy().tolist() == [[-0.5, -1], [-1.5, -2]]
    assert tape.gradient(sentences, reward) is None


def test_reward_to_go_by_hand():
    rewards = [[1.0, 2.0, 4.0], [0.0, 0.0, 8.0]]
    assert reward_to_go(rewards).numpy().tolist() == [[7, 6, 4], [8, 8, 8]]
    assert reward_to_go(rewards, 0.5).numpy().tolist() == [[3, 4, 4], [2, 4, 8]]
    assert reward_to_go(rewards, 0.0).numpy().tolist() == rewards


def test_baselines_by_hand():
    rewards = [[1.0, 10.0], [2.0, 20.0], [6.0, 90.0]]
    assert batch_mean_baseline(rewards).numpy().tolist() == [[3, 40]] * 3
    assert leave_one_out_baseline(rewards).numpy().tolist() == [[4, 55], [3.5, 50], [1.5, 15]]


def test_vargrad_is_leave_one_out():
    log_p_g = tf.constant([-1.0, -2.5, -0.5])
    for log_p_data in (tf.constant([-2.0, -1.0, -3.0]), log_p_g + tf.constant([0.5, -1.0, 2.0])):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(log_p_g)
            reward = log_p_data - log_p_g
            leave_one_out = reinforce_loss(log_p_g[:, None], reward - leave_one_out_baseline(reward))
            # The second time the data's probability is a discriminator's guess, which moves with the generator's own.
            guess = log_p_g + tf.stop_gradient(log_p_data - log_p_g)
            vargrad = vargrad_loss(log_p_g, log_p_data), vargrad_loss(log_p_g, guess)
        expected = tape.gradient(leave_one_out, log_p_g)
        for loss in vargrad:
            np.testing.assert_allclose(tape.gradient(loss, log_p_g), expected, rtol=1e-6)
            assert float(loss) == pytest.approx(np.var(log_p_data - log_p_g, ddof=1) / 2)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
def test_gumbel_max_draws_from_the_softmax(temperature):
    logits = np.array([0.5, -1.0, 2.0, 0.0], np.float32)
    uniforms = np.random.default_rng(3).uniform(size=(50_000, 4)).astype(np.float32)
    soft = gumbel_softmax(np.tile(logits, (50_000, 1)), uniforms, temperature).numpy()
    np.testing.assert_allclose(soft.sum(axis=1), 1, rtol=1e-5)
    expected = special.softmax((logits - np.log(-np.log(uniforms.astype(float)))) / temperature, axis=1)
    np.testing.assert_allclose(soft, expected, atol=2e-4)
    counts = np.bincount(soft.argmax(axis=1), minlength=4)
    assert stats.chisquare(counts, 50_000 * special.softmax(logits.astype(float))).pvalue > 1e-3


def test_gumbel_noise_is_finite_at_zero():
    logits = tf.zeros((1, 3))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        soft = gumbel_softmax(logits, tf.zeros((1, 3)), tf.constant(0.5))
    np.testing.assert_allclose(soft, [[1 / 3] * 3])
    assert np.isfinite(tape.gradient(soft, logits)).all()


def test_straight_through_is_a_word_forward_and_the_identity_backward():
    probabilities = tf.constant([[0.1, 0.3, 0.6], [0.7, 0.1, 0.2]])
    weights = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for tokens, expected in ((None, [[0, 0, 1], [1, 0, 0]]), ([1, 2], [[0, 1, 0], [0, 0, 1]])):
        with tf.GradientTape() as tape:
            tape.watch(probabilities)
            words = straight_through(probabilities, tokens)
            value = tf.reduce_sum(words * weights)
        assert words.numpy().tolist() == expected
        np.testing.assert_array_equal(tape.gradient(value, probabilities), weights)


def test_straight_through_gumbel_is_both():
    logits, uniforms = tf.constant([[0.3, -0.2, 0.4]]), tf.constant([[0.9, 0.5, 0.2]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        hard, soft = straight_through_gumbel(logits, uniforms, 0.7), gumbel_softmax(logits, uniforms, 0.7)
        values = [tf.reduce_sum(words * [1.0, 5.0, 2.0]) for words in (hard, soft)]
    assert hard.numpy().tolist() == [[1, 0, 0]]
    np.testing.assert_array_equal(*(tape.gradient(value, logits) for value in values))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: reinforce_loss(tf.zeros((2, 3)), tf.zeros(3)), r"Received: \(2, 3\) and \(3,\)"),
        (lambda: reinforce_loss(tf.zeros((2, 3)), tf.zeros((2, 1))), r"Received: \(2, 3\) and \(2, 1\)"),
        (lambda: reinforce_loss(tf.zeros(2), tf.zeros(2)), r"Received: \(2,\) and \(2,\)"),
        (lambda: reinforce_loss(tf.zeros((2, 3)), 1.0), r"Received: \(2, 3\) and \(\)"),
        (lambda: reward_to_go(tf.zeros(3)), r"rewards must be \(B, T\), one a token. Received: \(3,\)"),
        (lambda: reward_to_go(tf.zeros((2, 3)), 1.5), "discount must be from 0 to 1. Received: 1.5"),
        (lambda: leave_one_out_baseline([1.0]), r"no other sentences. Received: \(1,\)"),
        (lambda: baseline_loss(tf.zeros((2, 1)), tf.zeros(2)), r"one shape. Received: \(2, 1\) and \(2,\)"),
        (lambda: baseline_loss(tf.zeros((2, 1)), tf.zeros((2, 3))), r"one shape. Received: \(2, 1\) and \(2, 3\)"),
        (lambda: vargrad_loss(tf.zeros(2), tf.zeros(3)), r"Received: \(2,\) and \(3,\)"),
        (lambda: vargrad_loss(tf.zeros((2, 3)), tf.zeros((2, 3))), r"Received: \(2, 3\) and \(2, 3\)"),
        (lambda: vargrad_loss(tf.zeros(1), tf.zeros(1)), r"B at least 2. Received: \(1,\) and \(1,\)"),
        (lambda: gumbel_softmax(tf.zeros((2, 3)), tf.zeros(3), 1.0), r"Received: \(2, 3\) and \(3,\)"),
        (lambda: gumbel_softmax(tf.zeros(3), tf.zeros(3), 0.0), "temperature must be positive. Received: 0.0"),
        (lambda: straight_through(tf.zeros((2, 3)), tf.zeros((2, 3), tf.int32)), r"Received: \(2, 3\) and \(2, 3\)"),
        (lambda: straight_through(tf.zeros((2, 3)), [0, 1, 2]), r"Received: \(2, 3\) and \(3,\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
