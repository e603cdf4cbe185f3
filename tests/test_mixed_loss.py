"""The likelihood that every game can add to its generator's loss."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import all_close, weights
from small_language_model import END, make_generator, make_sentences
from small_text_game import GAMES, PART, ROUNDS, make_game

from course_utils.sampling import log_prob
from course_utils.training.text_game import EXAMPLES

RATE, SEED, WEIGHT = 0.3, 7, 0.6


@pytest.mark.parametrize("name", GAMES)
def test_it_is_the_games_step_and_that_of_likelihood_with_the_weight(name):
    real, ends, told = make_sentences(ROUNDS * PART), [], []
    for weight in (0.0, WEIGHT):
        optimizers = (keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE))
        game = make_game(name, optimizers=optimizers, likelihood_weight=weight, generator_steps=1, seed=SEED)
        for layer in game._flatten_layers():
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0  # the masks of a second pass would be others
        told.append(game.fit(tf.data.Dataset.from_tensors(real), verbose=0).history)
        ends.append(weights(game.generator))
        rows = game.settings["batch_size"]

    alone = make_game(name).generator
    key = tf.random.fold_in(tf.random.fold_in(tf.constant([SEED, 0]), 0), EXAMPLES)
    examples = real[tf.random.stateless_uniform((rows,), key, 0, len(real), tf.int32).numpy()]
    with tf.GradientTape() as tape:
        log_probs = log_prob(alone, examples)
        loss = -tf.reduce_mean(tf.reduce_sum(log_probs, axis=1))
    slopes = iter(tape.gradient(loss, alone.trainable_variables))
    trained = {id(variable) for variable in alone.trainable_variables}
    for number, variable in enumerate(alone.weights):
        if id(variable) in trained:
            slope = next(slopes)
            if slope is None:  # of a part that likelihood does not read, such as a manager
                step = 0.0
            else:
                step = RATE * WEIGHT * tf.convert_to_tensor(slope).numpy()
                assert np.abs(step).max() > 0
            np.testing.assert_allclose(ends[1][number], ends[0][number] - step, atol=2e-6)

    counted = np.cumsum(examples == END, axis=1) - (examples == END) == 0
    assert told[1]["nll"][0] == pytest.approx(-log_probs.numpy()[counted].mean(), rel=1e-5)
    assert told[1]["generator_loss"][0] == pytest.approx(told[0]["generator_loss"][0], rel=1e-5)
    assert "nll" not in told[0]


def test_it_reads_the_batch_also_without_a_discriminator():
    """Only one sentence, over and over: it becomes likely, which noise as a reward would not make it."""
    sentence = make_sentences(1)
    game = make_game("noise", likelihood_weight=1.0, generator_steps=1)
    before = log_prob(game.generator, sentence).numpy().sum()
    game.fit(np.tile(sentence, (20, 1)), batch_size=1, verbose=0)
    assert log_prob(game.generator, sentence).numpy().sum() > before + 3


def test_two_devices_learn_from_the_mean_of_their_examples(two_devices):
    """Devices draw examples of their own, and the game's own part is the same with and without the likelihood."""
    real, ends = make_sentences(8), []
    for weight in (0.0, WEIGHT):
        with two_devices.scope():
            game = make_game(
                "noise",
                optimizers=(keras.optimizers.SGD(RATE), None),
                likelihood_weight=weight,
                generator_steps=1,
                seed=SEED,
            )
            for layer in game._flatten_layers():
                if isinstance(layer, keras.layers.Dropout):
                    layer.rate = 0.0
        game.fit(real, batch_size=len(real), verbose=0, shuffle=False)
        ends.append(weights(game.generator))
        rows = game.settings["batch_size"] // 2
    alone, examples = make_generator(), []
    for device, part in enumerate(np.split(real, 2)):
        key = tf.random.fold_in(tf.random.fold_in(tf.random.fold_in(tf.constant([SEED, 0]), device), 0), EXAMPLES)
        examples.append(part[tf.random.stateless_uniform((rows,), key, 0, len(part), tf.int32).numpy()])
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(tf.reduce_sum(log_prob(alone, np.concatenate(examples)), axis=1))
    slopes = tape.gradient(loss, alone.trainable_variables)
    steps = [RATE * WEIGHT * tf.convert_to_tensor(slope).numpy() for slope in slopes]
    # Dropout's seeds come after the trained weights.
    found = [alone_end - mixed_end for alone_end, mixed_end in zip(*ends, strict=True)][: len(steps)]
    all_close(found, steps, atol=2e-6)


@pytest.mark.parametrize("weight", [-0.1, float("inf"), float("nan")])
def test_an_impossible_weight_is_refused(weight):
    with pytest.raises(ValueError, match="likelihood_weight must be a number of at least 0"):
        make_game("seqgan", likelihood_weight=weight)
