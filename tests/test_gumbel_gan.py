"""The Gumbel-softmax GAN against its algorithm written out; what all text GANs promise is in test_text_games."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import all_close, weights
from small_language_model import END, LENGTH, VOCABULARY, make_generator, make_sentences
from small_text_game import fold, make_judge

from course_utils.losses import minimax_discriminator_loss, non_saturating_generator_loss, relativistic_generator_loss
from course_utils.sampling import sample
from course_utils.training.gumbel_gan import GumbelGAN

RATE, SEED, BATCH, ROUNDS = 0.3, 7, 8, 2
FALLING = keras.optimizers.schedules.ExponentialDecay(2.0, 1, 0.7)


def soft_by_hand(generator, count, key, temperature, straight_through=False):
    """Return soft sentences, position by position, and padding as far as they have ended."""
    uniforms = tf.random.stateless_uniform((LENGTH, count, VOCABULARY), key)
    token, state = tf.fill((count,), generator.start_token), generator.initial_state(count)
    alive, words = tf.ones((count, 1)), []
    for t in range(LENGTH):
        logits, state = generator.step(token, state)
        token = soft = tf.nn.softmax((logits - tf.math.log(-tf.math.log(uniforms[t]))) / temperature)
        if straight_through:
            token = tf.one_hot(tf.argmax(soft, axis=1), VOCABULARY) + (soft - tf.stop_gradient(soft))
        words.append(alive * token + (1 - alive) * tf.one_hot(0, VOCABULARY))
        alive *= 1 - token[:, END, None]
    return tf.stack(words, axis=1)


def descend(network, tape, loss):
    for variable, slope in zip(
        network.trainable_variables, tape.gradient(loss, network.trainable_variables), strict=True
    ):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))


def step_by_hand(generator, judge, real, step, temperature, devices=1, straight_through=False):
    """Make the generator's step, then a discriminator step a round, on the mean of the devices' losses."""
    key = tf.constant([SEED, step])
    keys = [key] if devices == 1 else [fold(key, device) for device in range(devices)]
    parts = np.split(real, devices)

    def soft(count, key):
        return soft_by_hand(generator, count, key, temperature, straight_through)

    with tf.GradientTape() as tape:
        losses = [non_saturating_generator_loss(judge(soft(BATCH // devices, fold(k, 0, 0)))) for k in keys]
        generator_loss = tf.reduce_mean(losses)
    descend(generator, tape, generator_loss)
    for n in range(ROUNDS):
        written = [soft(BATCH // 2 // devices, fold(k, 1, n, 0)) for k in keys]
        with tf.GradientTape() as tape:
            pairs = zip(parts, written, strict=True)
            losses = [minimax_discriminator_loss(judge(part[n::ROUNDS]), judge(fakes)) for part, fakes in pairs]
            loss = tf.reduce_mean(losses) + sum(judge.losses)
        descend(judge, tape, loss)
    return float(generator_loss)


def make_gan(generator=None, judge=None, **settings):
    sizes = {"batch_size": BATCH, "discriminator_rounds": ROUNDS, "seed": SEED, "temperature": FALLING}
    gan = GumbelGAN(generator or make_generator(), judge or make_judge(dropout=0.0), **sizes | settings)
    gan.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), jit_compile=False)
    return gan


@pytest.mark.parametrize("straight_through", [False, True])
def test_two_steps_are_the_algorithm_written_out_with_plain_gradient_descent(straight_through):
    real = make_sentences(2 * BATCH)
    gan = make_gan(straight_through=straight_through)
    generator, judge = make_generator(), make_judge(dropout=0.0)
    losses = [
        step_by_hand(generator, judge, part, n, 2.0 * 0.7**n, straight_through=straight_through)
        for n, part in enumerate(np.split(real, 2))
    ]
    told = gan.fit(real, batch_size=BATCH, shuffle=False, verbose=0).history
    all_close(weights(gan.generator), weights(generator), atol=1e-6)
    all_close(weights(gan.discriminator), weights(judge), atol=1e-6)
    assert told["generator_loss"][0] == pytest.approx(np.mean(losses), abs=1e-5)


def test_two_devices_make_the_step_of_both_their_batches(two_devices):
    real = make_sentences(BATCH)
    with two_devices.scope():
        gan = make_gan()
    gan.fit(real, batch_size=BATCH, verbose=0, shuffle=False)
    generator, judge = make_generator(), make_judge(dropout=0.0)
    step_by_hand(generator, judge, real, 0, 2.0, devices=2)
    all_close(weights(gan.generator), weights(generator), atol=1e-6)
    all_close(weights(gan.discriminator), weights(judge), atol=1e-6)


def test_the_generators_step_is_judged_without_dropout():
    gan = make_gan(make_generator(dropout=0.5), make_judge(dropout=0.5))
    fakes = soft_by_hand(gan.generator, BATCH, fold(tf.constant([SEED, 0]), 0, 0), 2.0)
    expected = float(non_saturating_generator_loss(gan.discriminator(fakes, training=False)))
    told = gan.fit(make_sentences(BATCH), batch_size=BATCH, verbose=0).history
    assert told["generator_loss"][0] == pytest.approx(expected, abs=1e-6)


def test_a_relativistic_generator_is_compared_with_real_sentences_of_the_batch():
    gan, real, key = make_gan(loss="relativistic"), make_sentences(BATCH), fold(tf.constant([SEED, 0]), 0)
    rows = tf.random.stateless_uniform((BATCH,), fold(key, 1), 0, BATCH, tf.int32).numpy()
    assert len(set(rows)) > 2
    fakes = soft_by_hand(gan.generator, BATCH, fold(key, 0), 2.0)
    expected = float(relativistic_generator_loss(gan.discriminator(real[rows]), gan.discriminator(fakes)))
    told = gan.fit(real, batch_size=BATCH, shuffle=False, verbose=0).history
    assert told["generator_loss"][0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("straight_through", [False, True])
def test_it_learns_a_sentence(straight_through):
    """With one window over all of it: with narrower ones the generator finds other sentences of the same windows."""
    judge = make_judge(widths=(LENGTH,), filters=16, l2=0.0, dropout=0.0)
    halving = keras.optimizers.schedules.ExponentialDecay(2.0, 100, 0.5)
    settings = {"temperature": halving, "straight_through": straight_through, "discriminator_rounds": 1}
    gan = make_gan(make_generator(hidden_dim=16), judge, batch_size=16, **settings)
    optimizers = (keras.optimizers.Adam(0.02, beta_1=0.5), keras.optimizers.Adam(0.02, beta_1=0.5))
    gan.compile(*optimizers, jit_compile=False, steps_per_execution=50)
    sentence = np.array([3, 4, 5, END, 0, 0], np.int32)
    gan.fit(np.tile(sentence, (8 * 150, 1)), batch_size=8, verbose=0)
    written = sample(gan.generator, 200, LENGTH, seed=1).numpy()
    assert (written == sentence).all(axis=1).mean() > 0.9


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match=f"temperature must be above 0, or a schedule. Received: {temperature}"):
        make_gan(temperature=temperature)
