"""TextGAN and its networks against the paper's formulas; what all text GANs promise is in test_text_games."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import all_close, weights
from small_language_model import END, LENGTH, VOCABULARY, make_generator, make_sentences
from small_text_game import BATCH, PART, PASSES, ROUNDS, fold, make_judge, make_textgan

from course_utils.losses.mmd import squared_mmd
from course_utils.models.latent_recurrent import LatentGenerator
from course_utils.sampling import counted_positions, log_prob, sample
from course_utils.training.textgan import TextGAN

RATE, SEED, SHARPNESS, BANDWIDTHS, RECONSTRUCTION, MATCHING = 0.3, 7, 5.0, (0.2, 1.0), 0.4, 0.7


def make_plain(**settings):
    """Return a game without dropout and with plain gradient descent."""
    game = make_textgan(reconstruction_weight=RECONSTRUCTION, matching_weight=MATCHING, **settings)
    for layer in game._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    game.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), jit_compile=False)
    return game


def codes_by_hand(count, key):
    return tf.random.stateless_uniform((count, 3), key, -1.0, 1.0)


def soft_by_hand(generator, codes, sharpness=SHARPNESS):
    """Return the soft-argmax sentences of codes, position by position, and padding as far as they have ended."""
    start, added = generator.code_to_state.kernel, generator.code_to_input.kernel
    hidden, cell = tf.tanh(codes @ start), tf.zeros((len(codes), generator.settings["hidden_dim"]))
    token, alive, words = tf.one_hot([generator.start_token] * len(codes), VOCABULARY), tf.ones((len(codes), 1)), []
    for _ in range(LENGTH):
        read = token @ generator.embedding.matrix + codes @ added
        hidden, (_, cell) = generator.recurrence.cell(read, [hidden, cell])
        logits = hidden @ generator.projection.kernel + generator.projection.bias
        token = tf.exp(sharpness * logits) / tf.reduce_sum(tf.exp(sharpness * logits), axis=1, keepdims=True)
        words.append(alive * token + (1 - alive) * tf.one_hot(0, VOCABULARY))
        alive *= 1 - token[:, END, None]
    return tf.stack(words, axis=1)


def mmd_by_hand(x, y):
    def mean(one, other):
        kernels = [
            tf.exp(-tf.reduce_sum((a - b) ** 2) / (2 * sigma**2))
            for a in tf.unstack(one)
            for b in tf.unstack(other)
            for sigma in BANDWIDTHS
        ]
        return tf.add_n(kernels) / (one.shape[0] * other.shape[0])

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def descend(network, tape, loss):
    for variable, slope in zip(
        network.trainable_variables, tape.gradient(loss, network.trainable_variables), strict=True
    ):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))


def test_one_step_is_the_algorithm_written_out_with_plain_gradient_descent():
    game, other = make_plain(), make_plain()
    generator, judge = other.generator, other.discriminator
    real, key = make_sentences(ROUNDS * PART), tf.constant([SEED, 0])

    rows = tf.random.stateless_uniform((BATCH,), fold(key, 0, 1), 0, len(real), tf.int32).numpy()
    with tf.GradientTape() as tape:
        written = soft_by_hand(generator, codes_by_hand(BATCH, fold(key, 0, 0)))
        generator_loss = mmd_by_hand(judge.features(written), judge.features(real[rows]))
    # The discriminator, which the tape has watched too, stands still in this step.
    slopes = tape.gradient(generator_loss, generator.trainable_variables)
    assert all(np.abs(tf.convert_to_tensor(slope)).max() > 0 for slope in slopes)
    for variable, slope in zip(generator.trainable_variables, slopes, strict=True):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))

    half, losses, distances = BATCH // 2, [], []
    for n in range(ROUNDS):
        ours, part = fold(key, 1, n), real[n::ROUNDS]
        codes = codes_by_hand(PART, fold(ours, 0)).numpy()
        orders = tf.argsort(tf.random.stateless_uniform((2, PASSES, PART), fold(ours, 1))).numpy()
        for one_pass in range(PASSES):
            for first in range(0, PART, half):
                chosen = [orders[side, one_pass, first : first + half] for side in (0, 1)]
                z = tf.constant(codes[chosen[1]])
                written = tf.stop_gradient(soft_by_hand(generator, z))
                with tf.GradientTape() as tape:
                    f, f_written = judge.features(part[chosen[0]]), judge.features(written)
                    d, d_written = (tf.sigmoid(judge.last_layer(features)) for features in (f, f_written))
                    l_gan = tf.reduce_mean(tf.math.log(d)) + tf.reduce_mean(tf.math.log(1 - d_written))
                    z_hat = tf.tanh(f_written @ judge.code_layer.kernel + judge.code_layer.bias)
                    l_recon = tf.reduce_mean(tf.reduce_sum((z_hat - z) ** 2, axis=1))
                    objective = l_gan - RECONSTRUCTION * l_recon + MATCHING * mmd_by_hand(f, f_written)
                    loss = -0.5 * objective + sum(judge.losses)
                descend(judge, tape, loss)
                losses.append(-0.5 * float(l_gan))
                distances.append(float(l_recon))

    told = game.fit(tf.data.Dataset.from_tensors(real), verbose=0).history
    all_close(weights(game.generator), weights(generator), atol=2e-6)
    all_close(weights(game.discriminator), weights(judge), atol=2e-6)
    assert told["generator_loss"][0] == pytest.approx(float(generator_loss), abs=1e-5)
    assert told["discriminator_loss"][0] == pytest.approx(np.mean(losses), abs=1e-5)
    assert told["reconstruction"][0] == pytest.approx(np.mean(distances), abs=1e-5)


def test_the_generators_slope_is_that_of_finite_differences():
    game, random = make_plain(), np.random.default_rng(0)
    real, codes = tf.constant(make_sentences(32)), codes_by_hand(32, [1, 2])
    variables = game.generator.trainable_variables
    with tf.GradientTape() as tape:
        loss = game._generator_loss(codes, real)
    slopes = tape.gradient(loss, variables)
    direction = [random.normal(size=variable.shape) for variable in variables]
    slope = sum(float(np.sum(tf.convert_to_tensor(s) * d)) for s, d in zip(slopes, direction, strict=True))

    def moved(step):
        for variable, d in zip(variables, direction, strict=True):
            variable.assign_add(step * d)
        value = float(game._generator_loss(codes, real))
        for variable, d in zip(variables, direction, strict=True):
            variable.assign_sub(step * d)
        return value

    step = 3e-3
    assert abs(slope) > 1e-3
    assert slope == pytest.approx((moved(step) - moved(-step)) / (2 * step), rel=0.02)


def test_the_generators_step_compares_features_without_dropout():
    game = make_textgan()
    game.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), jit_compile=False)
    real, codes = tf.constant(make_sentences(BATCH)), codes_by_hand(BATCH, [1, 2])
    features = [game.discriminator.features(part) for part in (soft_by_hand(game.generator, codes), real)]
    assert float(game._generator_loss(codes, real)) == pytest.approx(float(mmd_by_hand(*features)), abs=1e-5)


def test_steps_of_the_generator_bring_the_sets_of_features_nearer():
    """With a discriminator that stands still, on codes and sentences that it has not seen."""
    game = make_plain(batch_size=32, discriminator_rounds=1, discriminator_epochs=1)
    game.compile(keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.0), jit_compile=False)
    real, codes = tf.constant(make_sentences(64, seed=1)), codes_by_hand(64, [5, 5])
    before = float(game._generator_loss(codes, real))
    game.fit(np.tile(make_sentences(64), (5, 1)), batch_size=16, verbose=0)
    assert float(game._generator_loss(codes, real)) < 0.7 * before


def test_without_chance_sentences_are_the_likeliest_words_of_their_codes():
    game = make_plain(sharpness=1_000.0)
    words = likeliest(game, seed=4)
    soft = game._soft_sentences(codes_by_hand(50, fold([4, 0], 1)), LENGTH).numpy()
    np.testing.assert_array_equal(words, soft.argmax(axis=2))
    assert len({tuple(row) for row in words.tolist()}) > 3
    assert (words[~counted_positions(words, END).numpy()] == 0).all()
    np.testing.assert_array_equal(words, likeliest(game, seed=4))
    assert not np.array_equal(words, likeliest(game, seed=5))


def likeliest(game, seed):
    return sample(game.generator, 50, LENGTH, temperature=0.0, seed=seed).numpy()


def test_many_sentences_are_written_part_by_part(monkeypatch):
    whole = likeliest(make_plain(), seed=4)
    monkeypatch.setattr("course_utils.sampling.sentences.ROWS", 20)
    np.testing.assert_array_equal(likeliest(make_plain(), seed=4), whole)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_code_0_is_the_plain_network_whose_weights_it_takes(cell):
    plain = make_generator(cell=cell, seed=8)
    latent = LatentGenerator(VOCABULARY, code_dim=3, embedding_dim=4, hidden_dim=6, cell=cell)
    own = [layer.kernel.numpy() for layer in (latent.code_to_state, latent.code_to_input)]
    latent.take_weights(plain)
    sentences = make_sentences(8)
    np.testing.assert_array_equal(log_prob(latent, sentences), log_prob(plain, sentences))
    zero, initial = latent.state_of(tf.zeros((8, 3))), latent.initial_state(8)
    all_close(zero, initial, atol=0)
    logits, _ = latent.step(tf.ones(8, tf.int32), initial)
    np.testing.assert_allclose(logits, latent(tf.ones((8, 1), tf.int32))[:, 0], atol=1e-6)
    all_close([layer.kernel.numpy() for layer in (latent.code_to_state, latent.code_to_input)], own, atol=0)


def test_the_distance_of_equal_features_is_zero_and_repeating_oneself_raises_it():
    game = make_plain()
    features = game.discriminator.features(make_sentences(16)).numpy()
    assert float(squared_mmd(features, features, BANDWIDTHS)) == 0
    assert float(squared_mmd(np.repeat(features[:1], 16, axis=0), features, BANDWIDTHS)) > 0.1


def test_an_equal_discriminator_reports_log_2_whatever_the_weights():
    game = make_plain()
    for weight in game.discriminator.last_layer.weights:
        weight.assign(tf.zeros_like(weight))
    loss, added, _ = game._discriminator_loss(tf.constant(make_sentences(4)), codes_by_hand(4, [1, 1]))
    assert float(loss) == pytest.approx(math.log(2), abs=1e-6) and abs(float(added)) > 1e-3


def test_the_published_optimisers_are_the_default():
    game = make_plain()
    game.compile(jit_compile=False)
    assert float(game.generator_optimizer.learning_rate) == pytest.approx(5e-5)
    assert float(game.discriminator_optimizer.learning_rate) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sharpness": 0.0}, "sharpness must be a number above 0. Received: 0"),
        ({"reconstruction_weight": -1.0}, "reconstruction_weight must be a number of at least 0. Received: -1"),
        ({"matching_weight": float("nan")}, "matching_weight must be a number of at least 0. Received: nan"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_textgan(**settings)


def test_other_networks_are_refused():
    game = make_plain()
    with pytest.raises(TypeError, match=r"generator must be a LatentGenerator\. Received: RecurrentGenerator"):
        TextGAN(make_generator(), game.discriminator)
    with pytest.raises(TypeError, match=r"discriminator must be a CodeReader\. Received: TextCNN"):
        TextGAN(game.generator, make_judge())
    with pytest.raises(ValueError, match=r"the same code_dim\. Received: 5 and 3"):
        TextGAN(LatentGenerator(VOCABULARY, code_dim=5), game.discriminator)
