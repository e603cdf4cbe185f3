"""Lesson 10's checks take every right form of an answer; the catalogue of wrong ones is in test_checks."""

import numpy as np
import pytest
import tensorflow as tf

from course_utils import losses
from course_utils.checks import lesson_10, loss_answers
from course_utils.checks.result import PASSED, TRY_AGAIN

WRONG_LINES = [1, 2, 4, 8, 9, 10]


def by_logarithms(step, steps, start, end):
    return float(np.exp(np.interp(step, [0, steps - 1], np.log([start, end]))))


def by_products(step, steps, start, end):
    factor = (end / start) ** (1 / (steps - 1))
    for _ in range(step):
        start *= factor
    return tf.constant(start, tf.float64)


@pytest.mark.parametrize("answer", [by_logarithms, by_products])
def test_temperature_in_other_words(answer):
    assert lesson_10.temperature.check(answer).state == PASSED


def test_a_schedule_right_for_one_run_only_is_sent_back():
    def for_one_run(step, steps, start, end):
        return start * (end / start) ** (step / 599)

    def ends_too_low(step, steps, start, end):
        return 0.1 if step == steps - 1 else by_logarithms(step, steps, start, end)

    for answer in (for_one_run, ends_too_low):
        result = lesson_10.temperature.check(answer)
        assert result.state == TRY_AGAIN and "of 5001, from 2.0 to 0.5" in result.reason


@pytest.mark.parametrize("kind", [list, tuple, set, np.array, lambda lines: [np.int64(line) for line in lines[::-1]]])
def test_lines_in_every_form(kind):
    assert lesson_10.errors.check(kind(WRONG_LINES)).state == PASSED


@pytest.mark.parametrize("left_out", WRONG_LINES)
def test_a_missing_line_gets_a_clue_and_not_its_number(left_out):
    result = lesson_10.errors.check([line for line in WRONG_LINES if line != left_out])
    assert result.state == TRY_AGAIN and "5 of the 6 errors" in result.reason
    assert f"ine {left_out}" not in result.reason


@pytest.mark.parametrize("line", sorted(set(range(1, 13)) - set(WRONG_LINES)))
def test_a_line_that_may_stay_is_said_to_be_right(line):
    assert lesson_10.errors.check([*WRONG_LINES, line]).reason.startswith(f"Line {line} may stay")


def in_numpy(real, fake):
    return -np.mean([np.log(real).mean(), np.log1p(-np.asarray(fake)).mean()]), -np.log(fake).mean()


def in_one(real, fake):
    return -tf.reduce_mean(tf.math.log(real) + tf.math.log(1 - fake)) / 2, -tf.reduce_mean(tf.math.log(fake))


def package(real, fake):
    real, fake = (tf.math.log(p / (1 - p)) for p in (real, fake))
    return losses.minimax_discriminator_loss(real, fake), losses.non_saturating_generator_loss(fake)


@pytest.mark.parametrize("answer", [in_numpy, in_one, package, lambda real, fake: list(in_numpy(real, fake))])
def test_mended_losses_in_other_words(answer):
    assert lesson_10.mended_losses.check(answer).state == PASSED


def test_a_loss_right_for_one_batch_only_is_sent_back():
    def answer(real, fake):  # the sums divided by the first batch's sizes
        d_loss = -(tf.reduce_sum(tf.math.log(real)) / 4 + tf.reduce_sum(tf.math.log(1 - fake)) / 4) / 2
        return d_loss, -tf.reduce_mean(tf.math.log(fake))

    result = lesson_10.mended_losses.check(answer)
    assert result.state == TRY_AGAIN and "With D = ½ everywhere" in result.reason


def test_the_printed_loss_rewards_the_exchanged_labels():
    printed = {d: np.log(d[0]) + np.log1p(1 - d[1]) for d in ((0.99, 0.01), (0.5, 0.5), (0.01, 0.99))}
    assert min(printed, key=printed.get) == (0.01, 0.99)
    mended = {d: float(loss_answers.mended_losses(*map(tf.constant, d))[0]) for d in printed}
    assert min(mended, key=mended.get) == (0.99, 0.01)
