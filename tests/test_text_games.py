"""What every text GAN promises: the same seed, resuming, storing, devices, NaN, and refusals."""

import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import all_close, weights
from small_language_model import LENGTH, VOCABULARY, make_generator, make_sentences
from small_text_game import EPOCHS, GAMES, PART, ROUNDS, STEPS, make_batches, make_game, make_judge

from course_utils.training.policy_gradient import PolicyGradient
from course_utils.training.rewards import ConstantReward
from course_utils.training.seqgan import SeqGAN

SCRIPT = pathlib.Path(__file__).with_name("small_text_game.py")
JUDGED = [name for name in GAMES if make_game(name).discriminator is not None]


@pytest.mark.parametrize("name", GAMES)
def test_the_same_seed_gives_the_same_numbers_and_another_seed_does_not(name):
    runs = []
    for seed in (7, 7, 8):
        game = make_game(name, seed=seed)
        runs.append((game.fit(make_batches(), epochs=2, verbose=0).history, weights(game)))
    assert runs[0][0] == runs[1][0]
    all_close(runs[0][1], runs[1][1], rtol=0, atol=0)
    assert runs[0][0]["generator_loss"] != runs[2][0]["generator_loss"]
    assert np.isfinite(list(runs[0][0].values())).all()


@pytest.mark.parametrize("settings", [{"jit_compile": True}, {"steps_per_execution": 3}])
@pytest.mark.parametrize("name", GAMES)
def test_how_steps_are_compiled_does_not_change_what_is_learned(name, settings):
    plain = (keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    again = (keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    reference, other = make_game(name, optimizers=plain), make_game(name, optimizers=again, compiled=settings)
    # Dropout's masks come from XLA's own generator inside XLA.
    for game in (reference, other):
        for layer in game._flatten_layers():
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
        game.fit(make_batches(), epochs=1, verbose=0)
    all_close(weights(reference)[:-2], weights(other)[:-2], atol=1e-5)


@pytest.mark.parametrize("name", GAMES)
def test_a_fit_traces_each_update_once(name):
    game = make_game(name, compiled={"jit_compile": True})
    game.fit(make_batches(), epochs=2, verbose=0)
    game.fit(make_batches(), epochs=1, verbose=0)
    assert game._learn_to_write.experimental_get_tracing_count() == 1
    if game.discriminator is not None:
        assert game._learn_to_judge.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("name", GAMES)
def test_saving_and_loading_goes_on_as_the_original(name, tmp_path):
    game = make_game(name)
    game.fit(make_batches(), epochs=1, verbose=0)
    game.save(tmp_path / "game.keras")
    loaded = keras.saving.load_model(tmp_path / "game.keras")
    assert loaded.get_config() == game.get_config()
    for each in (game, loaded):
        batches = make_batches()
        batches.passes.assign(1)
        each.fit(batches, epochs=1, verbose=0)
    all_close(weights(loaded), weights(game), rtol=0, atol=0)


def train(name, folder, die_at, result):
    command = [sys.executable, SCRIPT, name, folder, str(die_at), result]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize("name", [name for name in GAMES if name != "seqgan"])  # "delayed" is it, and more
def test_killed_and_started_again_it_ends_with_the_same_weights(name, tmp_path):
    ends = [tmp_path / "whole.npz", tmp_path / "resumed.npz"]
    never = STEPS * EPOCHS + 1
    whole = train(name, tmp_path / "whole", never, ends[0])
    assert whole.returncode == 0, whole.stderr
    assert train(name, tmp_path / "backup", STEPS + 2, ends[1]).returncode == -signal.SIGKILL
    assert not ends[1].exists()
    resumed = train(name, tmp_path / "backup", never, ends[1])
    assert resumed.returncode == 0, resumed.stderr
    with np.load(ends[0]) as one, np.load(ends[1]) as two:
        assert set(one) == set(two)
        for array in one:
            np.testing.assert_array_equal(one[array], two[array])
        assert len(one["losses"]) == EPOCHS


@pytest.mark.parametrize("name", GAMES)
def test_nan_stops_with_the_step_the_loss_and_what_to_try(name):
    exploding = (keras.optimizers.SGD(float("inf")), keras.optimizers.SGD(0.1))
    with pytest.raises(
        FloatingPointError, match=r"step [01]: .*(generator|discriminator|mediator)_loss is nan.*smaller learning rate"
    ):
        make_game(name, optimizers=exploding).fit(make_batches(), verbose=0)


@pytest.mark.parametrize("name", JUDGED)
def test_a_real_token_outside_the_vocabulary_is_reported(name):
    """Inside XLA, where nothing is checked."""
    sentences = make_sentences(2 * ROUNDS * PART)
    sentences[-1, 2] = VOCABULARY
    game = make_game(name, compiled={"jit_compile": True})
    with pytest.raises(FloatingPointError, match=r"step 1: .*(discriminator|mediator)_loss is nan.*vocabulary"):
        game.fit(tf.data.Dataset.from_tensor_slices(sentences).batch(ROUNDS * PART, drop_remainder=True), verbose=0)


@pytest.mark.parametrize("name", [name for name in GAMES if name != "delayed"])
def test_two_devices_stay_in_step_and_make_draws_of_their_own(name, two_devices):
    with two_devices.scope():
        game = make_game(name)
    before = weights(game)
    history = game.fit(make_batches(), epochs=1, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    for variable in game.trainable_variables:
        one, two = (copy.numpy() for copy in two_devices.experimental_local_results(variable.value))
        np.testing.assert_array_equal(one, two)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(before, weights(game), strict=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 5}, "batch_size must be even and at least 2. Received: 5"),
        ({"generator_steps": -1}, "generator_steps must be at least 0"),
        ({"discriminator_rounds": 0}, "discriminator_rounds must be at least 1"),
        ({"discriminator_epochs": 0}, "discriminator_epochs must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"loss": "best"}, "loss must be one of minimax"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_game("seqgan", **settings)


def test_a_network_that_does_not_speak_the_protocol_is_refused():
    with pytest.raises(TypeError, match=r"SequenceGenerator\. Received: Sequential"):
        SeqGAN(keras.Sequential([keras.layers.Dense(3)]), make_judge())


def test_a_reward_that_is_none_is_refused():
    with pytest.raises(TypeError, match=r"Reward\. Received: float"):
        PolicyGradient(make_generator(), 1.0)


def test_one_optimiser_for_both_players_or_for_none_is_refused():
    shared = keras.optimizers.Adam(0.1)
    with pytest.raises(ValueError, match="Create two"):
        make_game("seqgan").compile(shared, shared)
    with pytest.raises(ValueError, match="There is no discriminator"):
        PolicyGradient(make_generator(), ConstantReward()).compile(shared, keras.optimizers.Adam(0.1))


@pytest.mark.parametrize(
    "batch",
    [
        (tf.ones((8, LENGTH), tf.int32), tf.ones(8)),
        tf.ones((8, LENGTH)),
        tf.ones((8, LENGTH, VOCABULARY), tf.int32),
    ],
)
def test_a_batch_that_is_not_sentences_is_refused(batch):
    with pytest.raises(ValueError, match=r"integer ids \(B, T\)\. Received"):
        make_game("seqgan").train_step(batch)


def test_a_batch_that_does_not_split_into_rounds_is_refused():
    with pytest.raises(ValueError, match=r"a multiple of 4 sentences: .* Received: \(6, 6\)"):
        make_game("seqgan").train_step(tf.ones((6, LENGTH), tf.int32))
