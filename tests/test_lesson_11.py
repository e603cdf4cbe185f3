"""Lesson 11's checks take every right form of an answer; the catalogue of wrong ones is in test_checks."""

import numpy as np
import pytest
import tensorflow as tf

from course_utils.checks import lesson_11
from course_utils.checks import rollout_answers as rewards
from course_utils.checks.result import PASSED, TRY_AGAIN
from course_utils.training.rewards import rollout_rewards


def by_columns(scores, whole):
    means = tf.reduce_mean(scores, axis=1)
    return tf.stack([*tf.unstack(means), whole], axis=1)


def by_einsum(scores, whole):
    means = tf.einsum("tnb->bt", scores) / scores.shape[1]
    return tf.concat([means, whole[:, None]], axis=1)


@pytest.mark.parametrize("answer", [by_columns, by_einsum])
def test_token_rewards_in_other_words(answer):
    assert lesson_11.token_rewards.check(answer).state == PASSED


def by_slices(flat, whole, n_rollouts):
    batch = whole.shape[0]
    step = n_rollouts * batch
    starts = range(0, flat.shape[0], step)
    columns = [tf.add_n([flat[s + i * batch : s + (i + 1) * batch] for i in range(n_rollouts)]) for s in starts]
    return tf.stack([*[column / n_rollouts for column in columns], whole], axis=1)


def by_transpose(flat, whole, n_rollouts):
    cube = tf.transpose(tf.reshape(flat, (-1, n_rollouts, whole.shape[0])), (2, 1, 0))
    return tf.concat([tf.reduce_mean(cube, axis=1), whole[:, None]], axis=1)


@pytest.mark.parametrize("answer", [by_slices, by_transpose])
def test_mended_in_other_words(answer):
    assert lesson_11.mended.check(answer).state == PASSED


class Counting:
    """A generator whose next token is the one before plus 1, so that its completions are known."""

    vocabulary_size, start_token, end_token = 9, 0, None

    def initial_state(self, batch_size, length=None):
        return (tf.zeros((batch_size,)),)

    def step(self, token, state, training=False):
        return 1e3 * tf.one_hot((token + 1) % 9, 9), state


def test_the_references_are_the_packages_rewards():
    def score(tokens):
        return tf.reduce_sum(tf.cast(tokens, tf.float32) * [1.0, 10.0, 100.0], axis=1)

    tokens = tf.constant([[1, 5, 2], [4, 4, 4]])
    right = rollout_rewards(score, Counting(), tokens, 2, seed=0)
    # By hand: [1, 2, 3] and [1, 5, 6] are the completions of the first sentence, [4, 5, 6] and [4, 4, 5] of the second.
    completed = [[[[1, 2, 3], [4, 5, 6]]] * 2, [[[1, 5, 6], [4, 4, 5]]] * 2]
    flat = score(tf.reshape(tf.constant(completed), (-1, 3)))
    np.testing.assert_allclose(rewards.mended(flat, score(tokens), 2), right)
    np.testing.assert_allclose(rewards.token_rewards(tf.reshape(flat, (2, 2, 2)), score(tokens)), right)


def test_the_colleagues_rewards_have_the_right_shape_and_mean_and_the_wrong_places():
    for flat, whole, n in rewards.flat_cases():
        right, wrong = rewards.mended(flat, whole, n).numpy(), rewards.colleague(flat, whole, n).numpy()
        assert wrong.shape == right.shape and np.isclose(wrong.mean(), right.mean())
        assert not np.isclose(wrong[:, :-1], right[:, :-1]).any()


def test_the_first_mistake_that_fits_is_named_also_for_one_rollout_less():
    def without_the_first_rollout(scores, whole):
        return rewards.token_rewards(scores[:, 1:], whole)

    result = lesson_11.token_rewards.check(without_the_first_rollout)
    assert result.state == TRY_AGAIN and "differ" in result.reason


@pytest.mark.parametrize("zero", [0, 0.0, np.float32(0), tf.constant(0.0)])
@pytest.mark.parametrize("spelled", [str.upper, " {} ".format])
def test_constant_in_every_form(zero, spelled):
    answer = {key: spelled(value) if isinstance(value, str) else zero for key, value in lesson_11._CONSTANT.items()}
    assert lesson_11.constant.check(answer).state == PASSED


def test_constant_half_filled_in_names_what_is_missing():
    answer = dict(lesson_11._CONSTANT) | {"NLL_oracle, reward -1": None}
    assert "'NLL_oracle, reward -1' should be one of" in lesson_11.constant.check(answer).reason
