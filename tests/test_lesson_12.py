"""Lesson 12's checks take every right form of an answer; the catalogue of wrong ones is in test_checks."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from course_utils.checks import kernel_answers as kernels
from course_utils.checks import lesson_12
from course_utils.checks import reward_answers as answers
from course_utils.checks.result import PASSED
from course_utils.losses.leaked import rescaled_rewards
from course_utils.losses.mmd import squared_mmd
from course_utils.training.maligan import importance_weights


def shifted(logits):
    ratios = np.exp(logits - logits.max())
    return ratios / ratios.mean() - 1


@pytest.mark.parametrize(
    "answer", [shifted, lambda logits: len(logits) * tf.nn.softmax(logits) - 1, lambda logits: list(shifted(logits))]
)
def test_mali_weights_in_other_words(answer):
    assert lesson_12.mali_weights.check(answer).state == PASSED


def by_rankdata(rewards, delta):
    return special.expit(delta * (0.5 - stats.rankdata(-rewards) / len(rewards)))


def by_counting(rewards, delta):
    rank = 1 + (rewards[None] > rewards[:, None]).sum(axis=1)
    return tf.sigmoid(delta * (0.5 - rank / len(rewards)))


@pytest.mark.parametrize("answer", [by_rankdata, by_counting])
def test_rescaled_in_other_words(answer):
    assert lesson_12.rescaled.check(answer).state == PASSED


def by_loops(a, b, sigma):
    def k(x, y):
        return np.exp(-np.sum((x - y) ** 2) / (2 * sigma**2))

    def mean(xs, ys):
        return np.mean([k(x, y) for x in xs for y in ys])

    return mean(a, a) + mean(b, b) - 2 * mean(a, b)


@pytest.mark.parametrize("answer", [by_loops, lambda a, b, sigma: squared_mmd(a, b, (sigma,))])
def test_kernel_distance_in_other_words(answer):
    assert lesson_12.kernel_distance.check(answer).state == PASSED


def test_the_references_are_the_packages():
    random = np.random.default_rng(0)
    numbers = random.permutation(30) / 10
    np.testing.assert_allclose(answers.mali_weights(numbers), 30 * importance_weights(numbers) - 1, atol=1e-6)
    np.testing.assert_allclose(
        answers.rescaled(numbers, 16.0), rescaled_rewards(numbers[:, None], 16.0)[:, 0], atol=1e-6
    )
    one, other = random.normal(size=(5, 3)), random.normal(size=(7, 3))
    assert kernels.kernel_distance(one, other, 0.8) == pytest.approx(float(squared_mmd(one, other, (0.8,))), abs=1e-5)


def test_one_argsort_hands_out_the_same_rewards_to_other_sentences():
    for rewards, delta in answers._RANK_CASES:
        right, wrong = answers.rescaled(rewards, delta), answers.one_argsort(rewards, delta)
        np.testing.assert_allclose(np.sort(wrong), np.sort(right))
        assert not np.allclose(wrong, right)
