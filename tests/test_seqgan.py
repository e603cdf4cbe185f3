"""SeqGAN against its algorithm written out, rollouts against sums over all sentences, and its settings."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import all_close, weights
from small_language_model import LENGTH, make_generator, make_sentences
from small_text_game import BATCH, PART, PASSES, ROUNDS, fold, make_batches, make_game, make_judge

from course_utils.losses import minimax_discriminator_loss
from course_utils.models.recurrent import RecurrentGenerator
from course_utils.sampling import log_prob, rollout, sample
from course_utils.training.policy_gradient import PolicyGradient
from course_utils.training.rewards import ConstantReward, NoiseReward, RolloutReward, rollout_rewards
from course_utils.training.seqgan import SeqGAN
from course_utils.worlds.enumerable_language import EnumerableLanguage

RATE, SEED = 0.3, 7


def test_one_step_is_the_algorithm_written_out_with_plain_gradient_descent():
    """Sentence by sentence, prefix by prefix, minibatch by minibatch; without dropout, which has a test of its own."""
    generator, judge = make_generator(), make_judge(dropout=0.0)
    game = SeqGAN(
        generator,
        judge,
        n_rollouts=3,
        batch_size=BATCH,
        discriminator_rounds=ROUNDS,
        discriminator_epochs=PASSES,
        seed=SEED,
    )
    game.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), jit_compile=False)
    real = make_sentences(ROUNDS * PART)
    other_generator, other_judge = make_generator(), make_judge(dropout=0.0)
    key = tf.constant([SEED, 0])

    # The generator's step: mean over the batch of the sum over positions of −log p · mean probability.
    tokens = sample(other_generator, BATCH, LENGTH, seed=fold(key, 0, 0))
    completed = rollout(other_generator, tokens, 3, seed=fold(key, 0, 1, 0)).numpy()
    rewards = np.zeros((BATCH, LENGTH))
    for b in range(BATCH):
        for t in range(LENGTH - 1):
            rewards[b, t] = np.mean([float(tf.sigmoid(other_judge(completed[t, n, b][None]))[0, 0]) for n in range(3)])
        rewards[b, -1] = float(tf.sigmoid(other_judge(tokens[b][None]))[0, 0])
    with tf.GradientTape() as tape:
        loss = -tf.reduce_sum(log_prob(other_generator, tokens) * rewards) / BATCH
    for variable, slope in zip(
        other_generator.trainable_variables, tape.gradient(loss, other_generator.trainable_variables), strict=True
    ):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))

    # The discriminator's: fresh sentences each round, passes in a new order over real and written ones.
    half = BATCH // 2
    for n in range(ROUNDS):
        ours = fold(key, 1, n)
        written = sample(other_generator, PART, LENGTH, seed=fold(ours, 0)).numpy()
        orders = tf.argsort(tf.random.stateless_uniform((2, PASSES, PART), fold(ours, 1))).numpy()
        for one_pass in range(PASSES):
            for first in range(0, PART, half):
                rows = [orders[side, one_pass, first : first + half] for side in (0, 1)]
                with tf.GradientTape() as tape:
                    real_logits = other_judge(real[n::ROUNDS][rows[0]], training=True)
                    fake_logits = other_judge(written[rows[1]], training=True)
                    penalty = sum(other_judge.losses)
                    loss = minimax_discriminator_loss(real_logits, fake_logits) + penalty
                slopes = tape.gradient(loss, other_judge.trainable_variables)
                for variable, slope in zip(other_judge.trainable_variables, slopes, strict=True):
                    variable.assign_sub(RATE * tf.convert_to_tensor(slope))

    told = game.fit(tf.data.Dataset.from_tensors(real), verbose=0).history
    all_close(weights(generator), weights(other_generator), atol=1e-6)
    all_close(weights(judge), weights(other_judge), atol=1e-6)
    counted = np.cumsum(tokens.numpy() == 2, axis=1) - (tokens.numpy() == 2) == 0
    assert told["reward"][0] == pytest.approx(rewards[counted].mean(), abs=1e-5)


LANGUAGE = EnumerableLanguage(seed=0)
V, T = 5, 4
# A number of each sentence by chance, and 3 for its first and its last token alike, so that a step shows above noise.
TABLE = np.random.default_rng(3).normal(0, 1, V**T) + 3 * (LANGUAGE.sentences[:, 0] == LANGUAGE.sentences[:, -1])
TABLE = (TABLE - TABLE.mean()).astype(np.float32)


def score(tokens):
    """Return the number of each sentence in the table."""
    places = tf.constant([V**3, V**2, V, 1])
    return tf.gather(tf.constant(TABLE), tf.reduce_sum(tokens * places, axis=1))


def language_generator():
    return RecurrentGenerator(V, embedding_dim=4, hidden_dim=6, start_token=0, end_token=None, seed=2)


def test_rollout_rewards_are_the_expected_scores_of_the_prefixes():
    """By summing over all sentences that go on from the prefix."""
    generator = language_generator()
    probability = np.exp(LANGUAGE.log_probabilities(generator))
    tokens = sample(generator, 6, T, seed=1).numpy()
    rewards = rollout_rewards(score, generator, tokens, 20_000, seed=3).numpy()
    for b, sentence in enumerate(tokens):
        for t in range(T):
            same = (LANGUAGE.sentences[:, : t + 1] == sentence[: t + 1]).all(axis=1)
            expected = np.dot(probability[same], TABLE[same]) / probability[same].sum()
            assert rewards[b, t] == pytest.approx(expected, abs=0.03)


class FixedScore(keras.layers.Layer):
    def call(self, tokens):
        return score(tokens)


@pytest.mark.parametrize("baseline", [False, True])
def test_a_step_goes_up_the_exact_gradient_of_the_expected_reward(baseline):
    """Q of a token in place of the whole sentence's reward changes the variance, and not the mean."""
    generator = language_generator()
    exact = np.concatenate([np.ravel(part) for part in LANGUAGE.exact_gradient(generator, TABLE)])
    before = np.concatenate([np.ravel(w) for w in generator.get_weights()])
    game = PolicyGradient(generator, RolloutReward(FixedScore(), 1), batch_size=20_000, baseline=baseline, seed=1)
    game.compile(keras.optimizers.SGD(1.0), jit_compile=False)
    game.fit(tf.data.Dataset.from_tensors(tf.zeros((1, T), tf.int32)), verbose=0)
    step = np.concatenate([np.ravel(w) for w in generator.get_weights()]) - before
    # Along the exact gradient the step is as long; across it there is only chance.
    assert step @ exact / (exact @ exact) == pytest.approx(1, abs=0.1)
    assert step @ exact / np.linalg.norm(step) / np.linalg.norm(exact) > 0.85


def test_a_baseline_leaves_nothing_of_a_constant_reward():
    generator = make_generator()
    before = weights(generator)
    game = PolicyGradient(generator, ConstantReward(), batch_size=BATCH, baseline=True)
    game.compile(keras.optimizers.SGD(1.0), jit_compile=False)
    game.fit(make_batches(), verbose=0)
    all_close(weights(generator), before, atol=1e-6)


def test_noise_is_uniform_and_new_at_each_step():
    seen = [NoiseReward().rewards(None, tf.zeros((400, 5)), tf.constant([0, step])).numpy() for step in range(2)]
    assert np.mean(seen[0]) == pytest.approx(0.5, abs=0.03) and np.min(seen) >= 0 and np.max(seen) < 1
    assert np.abs(np.corrcoef(seen[0].ravel(), seen[1].ravel())[0, 1]) < 0.1


def test_the_discriminator_rewards_without_dropout():
    game = make_game("seqgan")
    tokens = sample(game.generator, BATCH, LENGTH, seed=1)
    once, twice = (game.score(tokens).numpy() for _ in range(2))
    np.testing.assert_array_equal(once, twice)
    np.testing.assert_allclose(once, tf.sigmoid(game.discriminator(tokens, training=False))[:, 0], rtol=1e-6)


def test_the_rollout_policy_follows_with_its_delay():
    game = make_game("seqgan", rollout_delay=0.75)
    start = [w.numpy() for w in game.generator.trainable_variables]
    sees = [[w.numpy() for w in game._current_policy().trainable_variables]]
    all_close(sees[0], start, rtol=0, atol=0)
    game.steps_done.assign(1)
    for w in game.generator.trainable_variables:
        w.assign(w + 1.0)
    all_close([w.numpy() for w in game._current_policy().trainable_variables], [w + 0.25 for w in start], atol=1e-6)


def test_without_generator_steps_only_the_discriminator_learns():
    game = make_game("seqgan", generator_steps=0)
    before = weights(game.generator), weights(game.discriminator)
    told = game.fit(make_batches(), epochs=2, verbose=0).history
    all_close(weights(game.generator), before[0], rtol=0, atol=0)
    assert np.abs(weights(game.discriminator)[0] - before[1][0]).max() > 1e-3
    assert told["discriminator_loss"][1] < told["discriminator_loss"][0]


def test_a_game_goes_on_with_the_discriminators_optimiser():
    warm = make_game("seqgan", generator_steps=0)
    warm.fit(make_batches(), verbose=0)
    moments = [w.numpy() for w in warm.discriminator_optimizer.variables]
    game = SeqGAN(warm.generator, warm.discriminator, batch_size=BATCH, n_rollouts=2)
    game.compile(keras.optimizers.Adam(0.1), warm.discriminator_optimizer, jit_compile=False)
    all_close([w.numpy() for w in game.discriminator_optimizer.variables], moments, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_rollouts": 0}, "n_rollouts must be at least 1"),
        ({"rollout_delay": 1.0}, "from 0 to below 1"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_game("seqgan", **settings)


def test_a_delayed_policy_needs_one_device(two_devices):
    with two_devices.scope():
        game = make_game("delayed")
    with pytest.raises(ValueError, match=r"rollout_delay needs one device\. Received: 2 replicas"):
        game.fit(make_batches(), verbose=0)


def test_two_devices_make_the_step_of_both_their_batches(two_devices):
    """With a reward of 1 the gradient is that of the likelihood of the sentences which the two have drawn."""
    with two_devices.scope():
        game = PolicyGradient(make_generator(), ConstantReward(), batch_size=BATCH, seed=SEED)
        game.compile(keras.optimizers.SGD(RATE), jit_compile=False)
    game.fit(make_sentences(4), batch_size=4, verbose=0)
    alone = make_generator()
    keys = [fold(tf.constant([SEED, 0]), device, 0, 0) for device in (0, 1)]
    tokens = tf.concat([sample(alone, BATCH // 2, LENGTH, seed=key) for key in keys], axis=0)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_sum(log_prob(alone, tokens)) / BATCH
    for variable, slope in zip(alone.trainable_variables, tape.gradient(loss, alone.trainable_variables), strict=True):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))
    all_close(weights(game.generator), weights(alone), atol=1e-6)
