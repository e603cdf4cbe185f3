"""Stacked networks against Keras's own layers, one network at a time."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_game import keras_copy

from course_utils.models.stacked_mlp import StackedMLP


def test_each_row_is_a_network_of_its_own():
    network = StackedMLP(3, 5, 2)
    rows = np.stack([network.initial(seed) for seed in range(4)]) + 0.1  # biases that are not 0
    points = np.random.default_rng(0).normal(size=(4, 7, 3)).astype(np.float32)
    stacked = network(rows, points).numpy()
    for row, mine, result in zip(rows, points, stacked, strict=True):
        np.testing.assert_allclose(keras_copy(network, row)(mine), result, rtol=1e-5, atol=1e-6)


def test_size_is_the_number_of_weights():
    model = keras.Sequential([keras.Input((3,)), *(keras.layers.Dense(units) for units in (5, 5, 2))])
    assert StackedMLP(3, 5, 2).size == model.count_params() == StackedMLP(3, 5, 2).initial(0).size


def test_initial_weights_have_he_variance_and_no_biases():
    network = StackedMLP(4, 400, 1)
    first, bias, second = np.split(network.initial(0)[: 4 * 400 + 400 + 400 * 400], [1600, 2000])
    assert first.std() == pytest.approx(np.sqrt(2 / 4), rel=0.05)
    assert second.std() == pytest.approx(np.sqrt(2 / 400), rel=0.01)
    assert not bias.any()
    np.testing.assert_array_equal(network.initial(3), network.initial(3))
    assert not np.array_equal(network.initial(3), network.initial(4))


def test_gradients_stay_in_their_row():
    network = StackedMLP(2, 4, 1)
    rows = tf.constant(np.stack([network.initial(seed) for seed in range(3)]))
    with tf.GradientTape() as tape:
        tape.watch(rows)
        total = tf.reduce_sum(network(rows, tf.ones((3, 5, 2)))[1])
    gradient = tape.gradient(total, rows).numpy()
    assert gradient[1].any()
    assert not gradient[[0, 2]].any()


@pytest.mark.parametrize("widths", [(0, 4, 1), (2, 0, 1), (2, 4, -1)])
def test_widths_must_be_positive(widths):
    with pytest.raises(ValueError, match=r"at least 1\. Received"):
        StackedMLP(*widths)
