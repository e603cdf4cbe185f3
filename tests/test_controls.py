"""The controls of policy gradient: what takes the place of rewards, and that every such method can be given one."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_language_model import make_sentences
from small_text_game import BATCH, make_game

from course_utils.benchmark import oracle_methods
from course_utils.training.rewards import CONTROLS, controlled

GAMES = ("seqgan", "rankgan", "scratchgan", "leakgan", "bleu")
KEY = tf.constant([3, 4])


def test_shuffled_rewards_are_those_of_other_sentences_whole():
    rewards = np.arange(60.0, dtype=np.float32).reshape(20, 3)
    given = controlled(tf.constant(rewards), "shuffled", KEY).numpy()
    assert not np.array_equal(given, rewards)
    np.testing.assert_array_equal(given[np.argsort(given[:, 0])], rewards)
    assert not np.array_equal(given, controlled(tf.constant(rewards), "shuffled", KEY + 1))


def test_noise_has_the_mean_and_the_deviation_of_the_rewards_and_nothing_else():
    rewards = tf.constant(np.random.default_rng(0).normal(5.0, 2.0, (4_000, 2)).astype(np.float32))
    given = controlled(rewards, "noise", KEY).numpy()
    assert given.mean() == pytest.approx(5.0, abs=0.1) and given.std() == pytest.approx(2.0, abs=0.1)
    assert abs(np.corrcoef(given.ravel(), rewards.numpy().ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("control", [None, *CONTROLS])
@pytest.mark.parametrize("name", GAMES)
def test_a_game_pays_with_its_control(name, control):
    plain, game = make_game(name), make_game(name, control=control)
    real, key = tf.constant(make_sentences(BATCH)), tf.constant([1, 3])  # whose order of 4 is not the old one
    (tokens, rewards, *_), (same, given, *_) = plain._draw(real, key), game._draw(real, key)
    np.testing.assert_array_equal(tokens, same)
    rewards, given = rewards.numpy(), given.numpy()
    if control == "constant":
        np.testing.assert_allclose(given, rewards.mean(), rtol=1e-5)
    elif control == "shuffled":
        np.testing.assert_array_equal(given[np.lexsort(given.T)], rewards[np.lexsort(rewards.T)])  # the same rows
    assert np.allclose(given, rewards) == (control is None)


def test_with_equal_weights_maligan_raises_what_it_wrote():
    game = make_game("maligan", control="constant", forced_tokens=0, baseline=0.0, likelihood_weight=0.0)
    tokens, *rest = game._draw(tf.constant(make_sentences(BATCH)), tf.constant([1, 2]))
    for layer in game._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    from course_utils.sampling import log_prob

    mean = tf.reduce_mean(tf.reduce_sum(log_prob(game.generator, tokens), axis=1))
    assert float(game._generator_loss(tokens, *rest)) == pytest.approx(-float(mean), rel=1e-5)


@pytest.mark.parametrize("name", [*GAMES, "maligan"])
def test_an_unknown_control_is_refused(name):
    with pytest.raises(ValueError, match=r"one of constant, noise, shuffled, or None\. Received: 'none'"):
        make_game(name, control="none")


def test_the_benchmark_has_a_row_for_every_control():
    assert oracle_methods.CONTROLS == CONTROLS
    assert {
        f"{name}_{control}" for name in ("maligan", "leakgan") for control in CONTROLS
    } < oracle_methods.METHODS.keys()
    assert oracle_methods.STARTS["leakgan_noise"] == "leak_mle" and oracle_methods.STARTS["rankgan_constant"] == "mle"
    assert "scratchgan_noise" not in oracle_methods.STARTS
