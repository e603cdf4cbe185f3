"""The character model of WGAN-GP: its networks' formulas, its critic's step, and what it shares with the image GAN."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import all_close, weights

from course_utils.models.char_resnet import build_char_critic, build_char_generator
from course_utils.training.char_wgan import CharWGAN

V, T, NOISE, DIM, BATCH, STEPS = 7, 6, 5, 4, 8, 2
SMALL = {"length": T, "dim": DIM, "blocks": 2}


def make_networks(seed=0):
    generator = build_char_generator(V, noise_dim=NOISE, seed=seed, **SMALL)
    return generator, build_char_critic(V, seed=seed, **SMALL)


def make_sentences(rows=STEPS * BATCH):
    """Return sentences in which the next character is the one before it plus 1."""
    return ((np.arange(rows)[:, None] + np.arange(T)) % V).astype(np.int32)


def make_gan(*, optimizers=(), **settings):
    gan = CharWGAN(*make_networks(), **{"critic_steps": STEPS, "seed": 7, **settings})
    gan.compile(*optimizers, jit_compile=False)  # XLA takes seconds to compile
    return gan


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def convolve(x, kernel, bias):
    """Return what a convolution with as many outputs as inputs gives, position by position."""
    side = len(kernel) // 2
    padded = np.pad(x, ((0, 0), (side, side), (0, 0)))
    windows = [np.einsum("bwi,wio->bo", padded[:, t : t + len(kernel)], kernel) for t in range(x.shape[1])]
    return np.stack(windows, axis=1) + bias


def blocks_by_hand(x, parts):
    for _ in range(SMALL["blocks"]):
        inside = convolve(np.maximum(x, 0), parts.pop(0), parts.pop(0))
        x = x + 0.3 * convolve(np.maximum(inside, 0), parts.pop(0), parts.pop(0))
    return x


def randomised(network, seed=3):
    """Biases away from 0, or a mistake with them would not show."""
    random = np.random.default_rng(seed)
    for weight in network.trainable_variables:
        weight.assign(weight + 0.2 * random.normal(size=weight.shape))
    return network, [np.asarray(weight, np.float64) for weight in network.trainable_variables]


def test_the_generator_is_the_formulas():
    generator, parts = randomised(make_networks()[0])
    noise = np.random.default_rng(1).normal(size=(3, NOISE))
    x = (noise @ parts.pop(0) + parts.pop(0)).reshape(3, T, DIM)
    expected = softmax(convolve(blocks_by_hand(x, parts), *parts))
    np.testing.assert_allclose(generator(noise.astype(np.float32)), expected, atol=1e-5)


def test_the_critic_is_the_formulas():
    critic, parts = randomised(make_networks()[1])
    sentences = softmax(np.random.default_rng(1).normal(size=(3, T, V)))
    x = convolve(sentences, parts.pop(0), parts.pop(0))
    expected = blocks_by_hand(x, parts[:8]).reshape(3, -1) @ parts[8] + parts[9]
    np.testing.assert_allclose(critic(sentences.astype(np.float32)), expected, atol=1e-5)


def test_the_published_sizes_are_the_default():
    generator, critic = build_char_generator(100), build_char_critic(100)
    assert generator.input_shape == (None, 128) and generator.output_shape == (None, 32, 100)
    blocks = 5 * 2 * (5 * 512 * 512 + 512)
    assert generator.count_params() == 129 * 32 * 512 + blocks + 513 * 100
    assert critic.count_params() == 101 * 512 + blocks + 32 * 512 + 1
    gan = CharWGAN(*make_networks())
    assert gan.settings | {"discriminator_steps": 10, "penalty": "gradient", "penalty_weight": 10} == gan.settings
    gan.compile(jit_compile=False)
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        rates = float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2
        assert rates == (pytest.approx(1e-4), 0.5, 0.9)


def test_equal_seeds_give_equal_networks_and_no_numbers_twice():
    one, two, other = (make_networks(seed)[0].get_weights() for seed in (1, 1, 2))
    all_close(one, two, rtol=0, atol=0)
    assert not np.allclose(one[0], other[0])
    kernels = [weight for weight in one if weight.shape == (5, DIM, DIM)]
    assert len({float(kernel[0, 0, 0]) for kernel in kernels}) == len(kernels) == 4


def test_a_round_is_the_papers_algorithm_with_plain_gradient_descent():
    rate, penalty = 0.02, 3.0
    optimizers = (keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    gan = make_gan(optimizers=optimizers, penalty_weight=penalty)
    generator, critic = make_networks()
    real = make_sentences()
    for n in range(STEPS):
        written = generator(tf.random.stateless_normal((BATCH, NOISE), (7, n)))
        shares = tf.random.stateless_uniform((BATCH,), (7, -1 - n))[:, None, None]
        true = tf.one_hot(real[n::STEPS], V)
        with tf.GradientTape() as tape:
            mixed = shares * true + (1 - shares) * written
            with tf.GradientTape() as inner:
                inner.watch(mixed)
                scores = tf.reduce_sum(critic(mixed))
            slopes = inner.gradient(scores, mixed)
            norms = tf.sqrt(tf.reduce_sum(slopes**2, axis=(1, 2)))
            loss = tf.reduce_mean(critic(written)) - tf.reduce_mean(critic(true))
            total = loss + penalty * tf.reduce_mean((norms - 1) ** 2)
        step(critic, tape, total, rate)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(critic(generator(tf.random.stateless_normal((BATCH, NOISE), (7, STEPS)))))
    step(generator, tape, loss, rate)
    gan.fit(real, batch_size=len(real), shuffle=False, verbose=0)
    all_close(gan.generator.get_weights(), generator.get_weights(), atol=1e-6)
    all_close(gan.discriminator.get_weights(), critic.get_weights(), atol=1e-6)


def step(network, tape, loss, rate):
    slopes = tape.gradient(loss, network.trainable_variables, unconnected_gradients="zero")
    for variable, slope in zip(network.trainable_variables, slopes, strict=True):
        variable.assign_sub(rate * slope)


def test_steps_of_the_critic_lower_its_loss_against_a_generator_that_stands_still():
    gan = make_gan(optimizers=(keras.optimizers.SGD(0.0), keras.optimizers.Adam(0.01)))
    told = gan.fit(np.tile(make_sentences(), (10, 1)), batch_size=STEPS * BATCH, epochs=3, verbose=0).history
    assert told["discriminator_loss"][0] > told["discriminator_loss"][1] > told["discriminator_loss"][2]
    assert told["discriminator_loss"][2] < -0.5


def test_writing_gives_the_likeliest_characters_and_the_same_ones_for_a_seed():
    gan = make_gan()
    written = gan.write(20, seed=3)
    assert written.shape == (20, T) and written.dtype == np.int32
    np.testing.assert_array_equal(written, gan.sample(20, seed=3).argmax(axis=2))
    assert not np.array_equal(written, gan.write(20, seed=4))


def test_saving_and_loading_goes_on_as_the_original(tmp_path):
    gan = make_gan()
    gan.fit(make_sentences(), batch_size=STEPS * BATCH, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.settings == gan.settings and isinstance(loaded, CharWGAN)
    for model in (gan, loaded):
        model.fit(make_sentences(), batch_size=STEPS * BATCH, shuffle=False, verbose=0)
    all_close(weights(loaded), weights(gan), rtol=0, atol=0)


@pytest.mark.parametrize("token", [V, -1])
def test_a_token_outside_the_vocabulary_is_reported(token):
    sentences = make_sentences()
    sentences[3, 2] = token
    with pytest.raises(FloatingPointError, match=r"discriminator_loss is nan.*vocabulary"):
        make_gan().fit(sentences, batch_size=len(sentences), verbose=0)


@pytest.mark.parametrize(
    "batch", [(tf.ones((4, T), tf.int32), tf.ones(4)), tf.ones((4, T)), tf.ones((4, T, V), tf.int32)]
)
def test_a_batch_that_is_not_sentences_is_refused(batch):
    with pytest.raises(ValueError, match=r"integer ids \(B, T\)\. Received"):
        make_gan().train_step(batch)


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match=r"blocks must be an integer of at least 1\. Received: 0"):
        build_char_critic(V, blocks=0)
    with pytest.raises(ValueError, match=r"noise_dim must be an integer of at least 1\. Received: 0"):
        build_char_generator(V, noise_dim=0)
