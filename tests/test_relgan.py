"""RelGAN against its algorithm and the paper's formulas; what all text GANs promise is in test_text_games."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from small_gan import all_close, weights
from small_language_model import END, LENGTH, VOCABULARY, make_sentences
from small_text_game import fold, make_judge, make_relgan

from course_utils.training.gumbel_gan import GumbelGAN
from course_utils.training.relgan import RelGAN

RATE, SEED, BATCH, ROUNDS, STEPS, SHARPEST = 0.3, 7, 4, 2, 9, 20.0


def make_gan(**settings):
    gan = make_relgan(discriminator_epochs=1, **settings)
    for layer in gan._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    gan.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), jit_compile=False)
    return gan


def soft_by_hand(generator, count, key, sharpness):
    """Return softmax(β (logits + noise)) at each position, after the likeliest token before; padded after the end."""
    uniforms = tf.random.stateless_uniform((LENGTH, count, VOCABULARY), key)
    token, state = tf.fill((count,), generator.start_token), generator.initial_state(count)
    alive, words = tf.ones((count, 1)), []
    for t in range(LENGTH):
        logits, state = generator.step(token, state)
        noisy = logits - tf.math.log(-tf.math.log(uniforms[t]))
        soft = tf.nn.softmax(sharpness * noisy)
        words.append(alive * soft + (1 - alive) * tf.one_hot(0, VOCABULARY))
        alive *= 1 - soft[:, END, None]
        token = tf.constant(np.argmax(noisy, axis=1))
    return tf.stack(words, axis=1)


def pair_loss(better, worse):
    """Return −log σ(better − worse), averaged over pairs and representations."""
    return -tf.reduce_mean(tf.math.log_sigmoid(better - worse))


def descend(network, tape, loss):
    slopes = tape.gradient(loss, network.trainable_variables)
    for variable, slope in zip(network.trainable_variables, slopes, strict=True):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))


def step_by_hand(generator, judge, real, step):
    """Make the generator's step, then one of the discriminator a round; return the losses and the share of right."""
    key, sharpness = tf.constant([SEED, step]), SHARPEST ** (step / STEPS)
    ours = fold(key, 0)
    rows = tf.random.stateless_uniform((BATCH,), fold(ours, 1), 0, len(real), tf.int32).numpy()
    with tf.GradientTape() as tape:
        written = soft_by_hand(generator, BATCH, fold(ours, 0), sharpness)
        generator_loss = pair_loss(judge.judgements(written), judge.judgements(real[rows]))
    descend(generator, tape, generator_loss)
    losses, right = [], []
    for n in range(ROUNDS):
        ours = fold(key, 1, n)
        written = soft_by_hand(generator, BATCH, fold(ours, 0), sharpness).numpy()
        order = tf.argsort(tf.random.stateless_uniform((2, 1, BATCH), fold(ours, 1))).numpy()[:, 0]
        with tf.GradientTape() as tape:
            good, bad = judge.judgements(real[n::ROUNDS][order[0]]), judge.judgements(written[order[1]])
            loss = pair_loss(good, bad)
        descend(judge, tape, loss)
        losses.append(float(loss))
        right.append(np.mean(good > bad))
    return float(generator_loss), np.mean(losses), np.mean(right)


def test_two_steps_are_the_algorithm_written_out_with_plain_gradient_descent():
    real = make_sentences(2 * ROUNDS * BATCH)
    gan, other = make_gan(), make_gan()
    told = [step_by_hand(other.generator, other.discriminator, part, n) for n, part in enumerate(np.split(real, 2))]
    history = gan.fit(real, batch_size=ROUNDS * BATCH, shuffle=False, verbose=0).history
    all_close(weights(gan.generator)[:-2], weights(other.generator)[:-2], atol=1e-6)
    all_close(weights(gan.discriminator), weights(other.discriminator), atol=1e-6)
    for name, values in zip(
        ("generator_loss", "discriminator_loss", "discriminator_accuracy"), zip(*told, strict=True), strict=True
    ):
        assert history[name][0] == pytest.approx(np.mean(values), abs=1e-5)


def test_the_losses_are_the_mean_over_representations_of_the_relativistic_standard_loss():
    """Not that of the mean logits, which is smaller."""
    gan, random = make_gan(), np.random.default_rng(0)
    real, fake = random.normal(0, 3, (2, BATCH, 3)).astype(np.float32)
    pair = gan._loss_pair
    assert float(pair.discriminator(real, fake)) == pytest.approx(-np.mean(np.log(expit(real - fake))), rel=1e-5)
    assert float(pair.generator(real, fake)) == pytest.approx(-np.mean(np.log(expit(fake - real))), rel=1e-5)
    sentences = tf.constant(make_sentences(BATCH))
    judgements = gan._judge(sentences, training=False)
    np.testing.assert_array_equal(judgements, gan.discriminator.judgements(sentences))
    assert judgements.shape == (BATCH, 3)


@pytest.mark.parametrize(("sharpest", "steps"), [(100.0, 3_000), (1_000.0, 2_000), (2.0, 10)])
def test_the_inverse_temperature_rises_from_1_to_its_maximum_over_the_run(sharpest, steps):
    gan = make_relgan(annealing_steps=steps, inverse_temperature=sharpest)
    for n in (0, 1, steps // 2, steps):
        assert 1 / float(gan.settings["temperature"](n)) == pytest.approx(sharpest ** (n / steps), rel=1e-4)
    assert 1 / float(gan.settings["temperature"](steps)) == pytest.approx(sharpest, rel=1e-4)


def test_the_defaults_are_the_published_ones():
    small = make_relgan()
    gan = RelGAN(small.generator, small.discriminator)
    assert isinstance(gan, GumbelGAN)
    expected = {
        "annealing_steps": 3_000,
        "inverse_temperature": 100.0,
        "loss": "relativistic",
        "batch_size": 64,
        "generator_steps": 1,
        "discriminator_rounds": 5,
        "discriminator_epochs": 1,
        "straight_through": False,
        "feed_tokens": True,
    }
    assert expected.items() <= gan.settings.items()
    gan.compile()
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        assert (float(optimizer.learning_rate.numpy()), optimizer.global_clipnorm) == (pytest.approx(1e-4), 5.0)
        assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.9, 0.999, 1e-8)
    # 64 real and 64 written sentences a minibatch: five of them need 320 real ones.
    with pytest.raises(ValueError, match=r"a multiple of 320 sentences: 5 discriminator_rounds, .* with 64 real"):
        gan.train_step(tf.ones((160, LENGTH), tf.int32))


def test_the_other_discriminators_are_compared_by_their_one_logit():
    gan = RelGAN(make_relgan().generator, make_judge(), batch_size=BATCH, discriminator_rounds=ROUNDS)
    sentences = tf.constant(make_sentences(BATCH))
    np.testing.assert_array_equal(gan._judge(sentences, training=False), gan.discriminator(sentences))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"annealing_steps": 0}, "annealing_steps must be at least 1. Received: 0"),
        ({"inverse_temperature": 0.0}, "inverse_temperature must be a number above 0. Received: 0.0"),
        ({"inverse_temperature": float("inf")}, "inverse_temperature must be a number above 0. Received: inf"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_relgan(**settings)
