"""Lesson 09's checks take every right form of an answer; the catalogue of wrong ones is in test_checks."""

import pytest
import tensorflow as tf

from course_utils import gradients
from course_utils.checks import lesson_09
from course_utils.checks.result import PASSED, TRY_AGAIN


def by_hand(log_probs, rewards):
    sentences, words = log_probs.shape
    return -sum(rewards[i] * log_probs[i, t] for i in range(sentences) for t in range(words)) / sentences


def per_word(log_probs, rewards):
    return gradients.reinforce_loss(log_probs, tf.repeat(rewards[:, None], log_probs.shape[1], axis=1))


@pytest.mark.parametrize("answer", [by_hand, per_word, gradients.reinforce_loss])
def test_surrogate_in_other_words(answer):
    assert lesson_09.surrogate.check(answer).state == PASSED


def corrected_mean(log_probs, rewards):
    n = rewards.shape[0]
    advantages = tf.stop_gradient(rewards - gradients.batch_mean_baseline(rewards)) * n / (n - 1)
    return gradients.reinforce_loss(log_probs, advantages)


def package(log_probs, rewards):
    return gradients.reinforce_loss(log_probs, rewards - gradients.leave_one_out_baseline(rewards))


@pytest.mark.parametrize("answer", [corrected_mean, package])
def test_mended_in_other_words(answer):
    assert lesson_09.mended.check(answer).state == PASSED


def test_a_baseline_alone_held_constant_is_not_enough():
    def answer(log_probs, rewards):
        baseline = tf.stop_gradient(gradients.leave_one_out_baseline(rewards))
        return -tf.reduce_mean((rewards - baseline) * tf.reduce_sum(log_probs, axis=1))

    result = lesson_09.mended.check(answer)
    assert result.state == TRY_AGAIN and "carry a gradient" in result.reason


def own_reward_left_in(log_probs, rewards):
    return -tf.reduce_mean((rewards - tf.reduce_sum(rewards) / 3) * tf.reduce_sum(log_probs, axis=1))


def over_a_tensor(log_probs, rewards):
    rewards = tf.stop_gradient(rewards)
    others = tf.stack([(sum(rewards) - reward) / (rewards.shape[0] - 1) for reward in rewards])
    return gradients.reinforce_loss(log_probs, rewards - others)


def for_three_words(log_probs, rewards):  # right where the batch has one sentence more than a sentence has words
    rewards = tf.stop_gradient(rewards)
    return gradients.reinforce_loss(log_probs, rewards - (tf.reduce_sum(rewards) - rewards) / log_probs.shape[1])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (own_reward_left_in, "out of the sum first"),
        (over_a_tensor, "compiled graph"),
        (for_three_words, "4 sentences only"),
    ],
)
def test_mended_names_the_mistake(answer, words):
    result = lesson_09.mended.check(answer)
    assert result.state == TRY_AGAIN and words in result.reason


def test_two_mistakes_with_the_same_numbers_in_one_size_are_told_apart():
    def sum_of_means(log_probs, rewards):  # 4/3 of the right one for 4 sentences of 3 words, as n/(n − 1)
        return -tf.reduce_sum(rewards * tf.reduce_mean(log_probs, axis=1))

    def one_less(log_probs, rewards):
        return -tf.reduce_sum(rewards * tf.reduce_sum(log_probs, axis=1)) / (rewards.shape[0] - 1)

    assert "Two things: line (3)" in lesson_09.surrogate.check(sum_of_means).reason
    assert "not by n − 1" in lesson_09.surrogate.check(one_less).reason


@pytest.mark.parametrize("value", [0.5, 2, 100])
def test_a_positive_power_is_called_negative(value):
    assert "the power is negative" in lesson_09.power.check(value).reason


@pytest.mark.parametrize("value", [-1.5, -3, -100])
def test_too_small_a_power_is_multiplied(value):
    assert "Multiply" in lesson_09.power.check(value).reason


@pytest.mark.parametrize("kind", [int, float, tf.constant])
def test_power_in_every_form(kind):
    assert lesson_09.power.check(kind(-1)).state == PASSED
