"""The course's dropout: which inputs become 0, what the others become, and that XLA's masks are as good."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.models.dropout import Dropout


@pytest.mark.parametrize("compiled", [False, True])
def test_it_drops_its_share_and_keeps_the_mean(compiled):
    dropout, ones = Dropout(0.25, seed=3), tf.ones((200, 500))
    drop = tf.function(lambda: dropout(ones, training=True), jit_compile=compiled)
    first, second = drop().numpy(), drop().numpy()
    assert set(np.unique(first)) == {np.float32(0), np.float32(1 / 0.75)}
    # Five standard errors of a share of 100,000 coins.
    assert np.mean(first == 0) == pytest.approx(0.25, abs=0.007)
    # The next mask is another one, independent of this: 1/16 fall in both.
    assert np.mean((first == 0) & (second == 0)) == pytest.approx(1 / 16, abs=0.004)
    # No row, column or neighbour tells.
    dropped = (first == 0) - 0.25
    assert abs(np.mean(dropped[1:] * dropped[:-1])) < 0.003 and abs(np.mean(dropped[:, 1:] * dropped[:, :-1])) < 0.003


@pytest.mark.parametrize("compiled", [False, True])
def test_the_seed_and_its_state_decide_the_mask(compiled):
    ones = tf.ones((3, 50))

    def masks(seed):
        dropout = Dropout(0.5, seed=seed)
        drop = tf.function(lambda: dropout(ones, training=True), jit_compile=compiled)
        state = dropout.seed_generator.state
        begin, first, second = state.numpy(), drop().numpy(), drop().numpy()
        state.assign(begin)  # what `reseed_dropout` does
        np.testing.assert_array_equal(drop(), first)
        return first, second

    (one, two), (same, _), (other, _) = masks(1), masks(1), masks(2)
    np.testing.assert_array_equal(one, same)
    assert np.any(one != two) and np.any(one != other)


def test_it_does_nothing_outside_training_or_at_rate_0():
    x = tf.constant([[1.0, -2.0, 3.0]])
    np.testing.assert_array_equal(Dropout(0.9, seed=0)(x, training=False), x)
    np.testing.assert_array_equal(Dropout(0.9, seed=0)(x), x)
    np.testing.assert_array_equal(Dropout(0.0, seed=0)(x, training=True), x)


def test_a_saved_one_comes_back(tmp_path):
    inputs = keras.Input((4,))
    keras.Model(inputs, Dropout(0.3, seed=7)(inputs)).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    assert type(loaded) is Dropout and (loaded.rate, loaded.seed) == (0.3, 7)
