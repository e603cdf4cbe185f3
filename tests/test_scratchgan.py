"""ScratchGAN against its formulas written out, and its step against the exact gradient on all sentences."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from small_gan import all_close, weights
from small_language_model import END, LENGTH, make_sentences
from small_text_game import BATCH, PART, PASSES, ROUNDS, fold, make_scratchgan

from course_utils.models.recurrent import RecurrentGenerator
from course_utils.models.token_discriminator import TokenDiscriminator
from course_utils.sampling import log_prob, sample
from course_utils.training.scratchgan import ScratchGAN
from course_utils.worlds.enumerable_language import EnumerableLanguage

RATE, SEED, DISCOUNT, DECAY = 0.3, 7, 0.6, 0.25


def make_plain(**settings):
    """Return a game without dropout and with plain gradient descent."""
    game = make_scratchgan(discount=DISCOUNT, baseline_decay=DECAY, **settings)
    for layer in game._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    game.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), jit_compile=False)
    return game


def lengths_of(tokens):
    """Return how many tokens of each sentence count, the end token included."""
    return [list(row).index(END) + 1 if END in row else len(row) for row in np.asarray(tokens).tolist()]


def returns_by_hand(judge, tokens, discount):
    """Return R_t = Σ_{s ≥ t} γ^(s − t) (2 D_s − 1) of each sentence's own tokens."""
    returns = []
    for row, length in zip(tokens, lengths_of(tokens), strict=True):
        rewards = 2 * expit(judge(row[None])[0].numpy().astype(np.float64)) - 1
        returns.append([sum(discount ** (s - t) * rewards[s] for s in range(t, length)) for t in range(length)])
    return returns


def descend(network, tape, loss):
    slopes = tape.gradient(loss, network.trainable_variables)
    for variable, slope in zip(network.trainable_variables, slopes, strict=True):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))


def discriminator_step(judge, real, written):
    """Go down the cross-entropy of every prefix, one after another; return the loss."""
    with tf.GradientTape() as tape:
        terms = []
        for sentences, sign in ((real, 1), (written, -1)):
            for row, length in zip(sentences, lengths_of(sentences), strict=True):
                logits = judge(row[None])[0]
                terms += [-tf.math.log_sigmoid(sign * logits[t]) for t in range(length)]
        cross_entropy = tf.add_n(terms) / len(terms)
        loss = cross_entropy + sum(judge.losses)
    descend(judge, tape, loss)
    return float(cross_entropy)


def test_two_steps_are_the_algorithm_written_out_with_plain_gradient_descent():
    game, other = make_plain(), make_plain()
    generator, judge = other.generator, other.discriminator
    real, told = make_sentences(2 * ROUNDS * PART), {"reward": [], "discriminator_loss": []}
    baseline = 0.0
    for step, part in enumerate(np.split(real, 2)):
        key = tf.constant([SEED, step])
        tokens = sample(generator, BATCH, LENGTH, seed=fold(key, 0, 0))
        returns = returns_by_hand(judge, tokens, DISCOUNT)
        flat = np.concatenate(returns)
        baseline = DECAY * baseline + (1 - DECAY) * flat.mean()
        told["reward"].append(flat)
        with tf.GradientTape() as tape:
            log_probs = log_prob(generator, tokens)
            gain = sum((r - baseline) * log_probs[b, t] for b, row in enumerate(returns) for t, r in enumerate(row))
            loss = -gain / BATCH
        descend(generator, tape, loss)
        for n in range(ROUNDS):
            ours, chosen = fold(key, 1, n), part[n::ROUNDS]
            written = sample(generator, PART, LENGTH, seed=fold(ours, 0)).numpy()
            orders = tf.argsort(tf.random.stateless_uniform((2, PASSES, PART), fold(ours, 1))).numpy()
            for one_pass in range(PASSES):  # BATCH = PART: one minibatch a pass
                found = discriminator_step(judge, chosen[orders[0, one_pass]], written[orders[1, one_pass]])
                told["discriminator_loss"].append(found)
    history = game.fit(real, batch_size=ROUNDS * PART, shuffle=False, verbose=0).history
    all_close(weights(game.generator), weights(generator), atol=2e-6)
    all_close(weights(game.discriminator), weights(judge), atol=2e-6)
    assert float(game.average) == pytest.approx(baseline, abs=1e-5)
    assert history["reward"][0] == pytest.approx(np.concatenate(told["reward"]).mean(), abs=1e-5)
    assert history["discriminator_loss"][0] == pytest.approx(np.mean(told["discriminator_loss"]), abs=1e-5)


def test_what_stands_after_the_end_changes_nothing():
    game = make_plain()
    real, written = make_sentences(16)[4:8], make_sentences(16)[12:]  # short ones
    noise = np.random.default_rng(0).integers(3, 9, (4, LENGTH))
    filled = [np.where(np.cumsum(part == END, axis=1) - (part == END) > 0, noise, part) for part in (real, written)]
    assert all((one != two).any() for one, two in zip(filled, (real, written), strict=True))
    for one, two in zip(
        game._discriminator_loss(*map(tf.constant, (real, written))),
        game._discriminator_loss(*(tf.constant(part, tf.int32) for part in filled)),
        strict=True,
    ):
        assert float(one) == pytest.approx(float(two), abs=1e-6)
    returns = game._returns(tf.constant(real)).numpy()
    assert (returns[np.cumsum(real == END, axis=1) - (real == END) > 0] == 0).all() and np.abs(returns).max() > 0


def test_a_discriminator_that_cannot_tell_pays_log_2_whatever_the_lengths():
    game = make_plain()
    for weight in game.discriminator.last_layer.weights:
        weight.assign(tf.zeros_like(weight))
    long_and_short = map(tf.constant, np.split(make_sentences(8), 2))
    loss, _, accuracy = game._discriminator_loss(*long_and_short)
    assert float(loss) == pytest.approx(np.log(2), abs=1e-6) and float(accuracy) == 0


LANGUAGE = EnumerableLanguage(seed=0)
V, T = LANGUAGE.vocabulary_size, LANGUAGE.length


@pytest.mark.parametrize("discount", [1.0, 0.23])
def test_a_step_goes_up_the_exact_gradient_over_all_sentences(discount):
    """Without a discount it is the gradient of the expected sum of rewards; with one, of the returns."""
    generator = RecurrentGenerator(V, embedding_dim=4, hidden_dim=6, start_token=0, end_token=None, seed=2)
    judge = TokenDiscriminator(V, embedding_dim=4, hidden_dim=6, dropout=0.0)
    random = np.random.default_rng(1)
    for weight in judge.trainable_variables:
        weight.assign(random.normal(scale=1.5, size=weight.shape))
    rewards = 2 * expit(judge(LANGUAGE.sentences).numpy()) - 1
    returns = np.stack(
        [sum(discount ** (s - t) * rewards[:, s] for s in range(t, T)) for t in range(T)], axis=1
    ).astype(np.float32)
    p = LANGUAGE.probabilities(generator).astype(np.float32)
    with tf.GradientTape() as tape:
        expected = tf.reduce_sum(p[:, None] * returns * log_prob(generator, LANGUAGE.sentences))
    slopes = tape.gradient(expected, generator.trainable_variables)
    exact = np.concatenate([np.ravel(tf.convert_to_tensor(slope)) for slope in slopes])
    if discount == 1:
        of_sum = LANGUAGE.exact_gradient(generator, rewards.sum(axis=1))
        np.testing.assert_allclose(np.concatenate([np.ravel(part) for part in of_sum]), exact, atol=1e-5)
    before = np.concatenate([np.ravel(w) for w in generator.get_weights()])
    # The baseline is the mean of the batch at hand, so that little is left to chance.
    game = ScratchGAN(generator, judge, discount=discount, baseline_decay=0.0, batch_size=20_000, seed=1)
    game.compile(keras.optimizers.SGD(1.0), jit_compile=False)
    game._generator_step(tf.zeros((1, T), tf.int32), tf.constant([1, 2]))
    step = np.concatenate([np.ravel(w) for w in generator.get_weights()]) - before
    assert step @ exact / (exact @ exact) == pytest.approx(1, abs=0.1)
    assert step @ exact / np.linalg.norm(step) / np.linalg.norm(exact) > 0.9


def test_two_devices_share_one_baseline(two_devices):
    with two_devices.scope():
        game = make_plain(discriminator_rounds=1, discriminator_epochs=1)
    game.fit(make_sentences(BATCH), batch_size=BATCH, verbose=0)
    one, two = (float(copy) for copy in two_devices.experimental_local_results(game.average.value))
    assert one == two != 0


def test_the_published_optimisers_are_the_default():
    game = make_plain()
    game.compile(jit_compile=False)
    for optimizer, rate in ((game.generator_optimizer, 9.59e-5), (game.discriminator_optimizer, 9.38e-3)):
        assert float(optimizer.learning_rate) == pytest.approx(rate) and optimizer.beta_1 == 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"discount": 1.5}, "discount must be from 0 to 1. Received: 1.5"),
        ({"baseline_decay": 1.0}, "baseline_decay must be from 0 to below 1. Received: 1.0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_scratchgan(**settings)
