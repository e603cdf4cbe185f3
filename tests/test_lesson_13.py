"""Lesson 13's checks take every right form of an answer; the catalogue of wrong ones is in test_checks."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from course_utils.checks import lesson_13
from course_utils.checks.result import PASSED


def by_loops(queries, keys, values):
    rows = []
    for query in queries:
        fits = np.array([query @ key for key in keys]) / len(query) ** 0.5
        rows.append(np.exp(fits) @ values / np.exp(fits).sum())
    return np.array(rows)


def by_einsum(queries, keys, values):
    fits = tf.einsum("nd,md->nm", queries, keys) / np.sqrt(keys.shape[1])
    return tf.linalg.matmul(tf.nn.softmax(fits), values)


def by_scaling_both(queries, keys, values):
    quarter = queries.shape[1] ** 0.25
    return special.softmax((queries / quarter) @ (keys / quarter).T, axis=1) @ values


@pytest.mark.parametrize("answer", [by_loops, by_einsum, by_scaling_both])
def test_attention_in_other_words(answer):
    assert lesson_13.attention.check(answer).state == PASSED


def by_tape(real, fake):
    fake = tf.Variable(fake)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.softplus(real - fake))
    return tape.gradient(loss, fake)


def by_sigmoid_of_the_fake(real, fake):
    return (special.expit(fake - real) - 1) / fake.size


@pytest.mark.parametrize("answer", [by_tape, by_sigmoid_of_the_fake])
def test_pull_in_other_words(answer):
    assert lesson_13.pull.check(answer).state == PASSED


def by_list_of_matrices(t, width, layers, vocabulary):
    attention = 4 * [(width, width)] + 2 * [(t, width)]
    block = [*attention, (width, 4 * width), (4 * width, width)]
    return sum(a * b for a, b in layers * block + [(width, vocabulary)])


def test_products_in_other_words():
    assert lesson_13.products.check(by_list_of_matrices).state == PASSED
