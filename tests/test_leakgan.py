"""LeakGAN's losses and rewards against the paper's formulas, and its step written out."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from small_gan import all_close, weights
from small_language_model import END, LENGTH, make_generator, make_sentences
from small_text_game import BATCH, PART, ROUNDS, fold, make_game, make_judge, make_leakgan

from course_utils.losses.leaked import goal_cosines, intrinsic_rewards, rescaled_rewards
from course_utils.models.leak_generator import LeakGenerator
from course_utils.models.text_cnn import TextCNN
from course_utils.sampling import log_prob, rollout, sample
from course_utils.training.leakgan import LeakGAN
from course_utils.worlds.enumerable_language import EnumerableLanguage

RATE, SEED, ROLLOUTS, HORIZON, SHARPNESS = 0.3, 7, 2, 2, 5.0


def cosine(a, b):
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return np.dot(a, b) / norms if norms else 0.0


def rewards_by_hand(features, goals, horizon):
    """Return r_t = mean over i of cos(f_t − f_{t−i}, g_{t−i}) for t = 1 … T, sentence by sentence."""
    batch, length, _ = goals.shape
    rewards = np.zeros((batch, length))
    for b in range(batch):
        for t in range(1, length + 1):
            back = range(1, min(horizon, t) + 1)
            rewards[b, t - 1] = np.mean([cosine(features[b, t] - features[b, t - i], goals[b, t - i]) for i in back])
    return rewards


def manager_cosines_by_hand(features, goals, horizon):
    """Return cos(f_{t+c} − f_t, g_t) for t = 0 … T − c."""
    batch, length, _ = goals.shape
    return np.array(
        [
            [cosine(features[b, t + horizon] - features[b, t], goals[b, t]) for t in range(length + 1 - horizon)]
            for b in range(batch)
        ]
    )


def rescaled_by_hand(rewards, sharpness):
    """Return σ(δ (½ − rank/B)), position by position; rank 1 is the largest, and equal ones share their mean rank."""
    batch, length = rewards.shape
    rescaled = np.zeros((batch, length))
    for t in range(length):
        order = sorted(rewards[:, t], reverse=True)
        for b in range(batch):
            places = [place for place, value in enumerate(order, start=1) if value == rewards[b, t]]
            rescaled[b, t] = expit(sharpness * (0.5 - np.mean(places) / batch))
    return rescaled


@pytest.mark.parametrize("horizon", [1, 3, 5])
def test_rewards_and_cosines_are_the_papers(horizon):
    rng = np.random.default_rng(0)
    features, goals = (rng.normal(size=(3, steps, 4)).astype(np.float32) for steps in (6, 5))
    features[0, 3:] = features[0, 3:4]  # a sentence that has ended goes nowhere
    rewards = intrinsic_rewards(features, goals, horizon)
    np.testing.assert_allclose(rewards, rewards_by_hand(features, goals, horizon), atol=1e-6)
    cosines = goal_cosines(features, goals, horizon)
    np.testing.assert_allclose(cosines, manager_cosines_by_hand(features, goals, horizon), atol=1e-6)
    assert np.std(rewards, axis=1).min() > 0.05  # a credit a token, not one number


def test_features_and_goals_that_do_not_fit_are_refused():
    goals = tf.ones((2, 3, 4))
    for features, ahead in ((tf.ones((2, 3, 4)), 1), (tf.ones((2, 4, 4)), 0), (tf.ones((2, 4, 4)), 4)):
        with pytest.raises(ValueError, match=r"features must be \(B, T \+ 1, F\)"):
            goal_cosines(features, goals, ahead)


@pytest.mark.parametrize("sharpness", [5.0, 16.0])
def test_rescaled_rewards_are_the_papers_with_ties(sharpness):
    rewards = np.random.default_rng(0).integers(0, 4, (9, 5)).astype(np.float32) / 7
    rescaled = rescaled_rewards(rewards, sharpness)
    np.testing.assert_allclose(rescaled, rescaled_by_hand(rewards, sharpness), atol=1e-6)


def test_rescaled_rewards_know_the_order_of_the_rewards_and_nothing_else():
    rewards = np.random.default_rng(1).uniform(0, 1, (8, 3)).astype(np.float32)
    rescaled = rescaled_rewards(rewards, 16.0).numpy()
    np.testing.assert_array_equal(np.argsort(rescaled, axis=0), np.argsort(rewards, axis=0))
    np.testing.assert_array_equal(rescaled_rewards(1e-6 * rewards**3, 16.0), rescaled)
    order = np.random.default_rng(2).permutation(8)  # a sentence's place in the batch
    np.testing.assert_array_equal(rescaled_rewards(rewards[order], 16.0), rescaled[order])
    # Every position has the same values, whatever the discriminator thinks of it.
    np.testing.assert_array_equal(np.sort(rescaled, axis=0), np.sort(rescaled, axis=0)[:, :1].repeat(3, axis=1))


def judged(game, tokens, key):
    """Return the mean probability of being real of each prefix's completions, prefix by prefix."""
    completed = rollout(game.generator, tokens, ROLLOUTS, seed=key).numpy()
    q = np.zeros((BATCH, LENGTH))
    for t in range(LENGTH):
        finished = completed[t] if t < LENGTH - 1 else tokens.numpy()[None]
        q[:, t] = np.mean([expit(game.discriminator(part)[:, 0].numpy()) for part in finished], axis=0)
    return q


def features_by_hand(judge, tokens):
    """Return the discriminator's features of each beginning, padded, (B, T + 1, F)."""
    columns = np.arange(LENGTH)
    return np.stack([judge.features(np.where(columns < t, tokens, 0)).numpy() for t in range(LENGTH + 1)], axis=1)


def make_plain(seed=4, **settings):
    """Return a game with plain gradient descent, without dropout, whose weights are all far from 0."""
    game = make_leakgan(**{"n_rollouts": ROLLOUTS, "sharpness": SHARPNESS, "dropout": 0.0, "seed": SEED} | settings)
    # The discriminator stands still, so that its features can be asked for again.
    game.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(0.0), jit_compile=False)
    rng = np.random.default_rng(seed)
    for variable in game.generator.trainable_variables:
        variable.assign(rng.normal(scale=0.5, size=variable.shape))
    return game


STEPS = {
    "whole": {"supervised_every": 0},
    "supervised": {"supervised_every": 1},
    "little": {"supervised_every": 0, "sharpness": None, "intrinsic_reward": False, "leak": False},
    "no manager": {"supervised_every": 0, "intrinsic_reward": False, "manager": False},
}


@pytest.mark.parametrize("kind", STEPS)
def test_a_generator_step_is_the_algorithm_written_out_with_plain_gradient_descent(kind):
    game, other = make_plain(**STEPS[kind]), make_plain(**STEPS[kind])
    real, key = make_sentences(ROUNDS * PART), fold(tf.constant([SEED, 0]), 0)
    generator, judge = other.generator, other.discriminator
    if kind == "supervised":
        rows = tf.random.stateless_uniform((BATCH,), fold(key, 2), 0, len(real), tf.int32).numpy()
        tokens, q = real[rows], np.ones((BATCH, LENGTH))
    else:
        tokens = sample(game.generator, BATCH, LENGTH, seed=fold(key, 0))
        q = judged(game, tokens, fold(key, 1))
        q = q if kind == "little" else rescaled_by_hand(q, SHARPNESS)
        tokens = tokens.numpy()
    counted = np.cumsum(tokens == END, axis=1) - (tokens == END) == 0
    features, followed = features_by_hand(judge, tokens), counted[:, : LENGTH + 1 - HORIZON]
    with tf.GradientTape() as tape:
        goals = generator.plan(tokens)[2]
        rewards = rewards_by_hand(features, goals.numpy(), HORIZON) if STEPS[kind].get("intrinsic_reward", True) else q
        rewards = np.ones((BATCH, LENGTH)) if kind == "supervised" else rewards
        loss = -tf.reduce_sum(log_prob(generator, tokens) * rewards) / BATCH
        if kind != "no manager":
            moved = features[:, HORIZON:] - features[:, :-HORIZON]
            moved /= np.maximum(np.linalg.norm(moved, axis=-1, keepdims=True), 1e-9)
            cosines = tf.reduce_sum(moved * goals[:, : LENGTH + 1 - HORIZON], axis=-1)
            loss -= tf.reduce_sum(q[:, HORIZON - 1 :] * followed * cosines) / BATCH
    slopes = tape.gradient(loss, generator.trainable_variables)
    for variable, slope in zip(generator.trainable_variables, slopes, strict=True):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))

    nll = -np.sum(log_prob(game.generator, tokens)) / counted.sum()
    game._generator_step(tf.constant(real), key)
    told = {name: float(tracker.result()) for name, tracker in game.trackers.items()}
    all_close(weights(game.generator), weights(generator), atol=1e-5)
    assert told["generator_loss"] == pytest.approx(float(loss), abs=1e-4)
    assert told["supervised_nll" if kind == "supervised" else "entropy"] == pytest.approx(nll, abs=1e-4)
    assert ("goal_cosine" in told) == (kind != "no manager")
    if kind != "no manager":
        assert told["goal_cosine"] == pytest.approx(cosines.numpy()[followed].mean(), abs=1e-4)
    if kind != "supervised":
        assert told["reward"] == pytest.approx(rewards[counted].mean(), abs=1e-4)


def test_every_nth_step_reads_real_sentences():
    """The only ones with the token 3; the generator writes it next to never."""
    game = make_plain(supervised_every=3, generator_steps=1)
    bias = game.generator.projection.bias
    bias.assign(tf.tensor_scatter_nd_update(tf.zeros_like(bias), [[3]], [-30.0]))
    real = tf.data.Dataset.from_tensors(np.full((ROUNDS * PART, LENGTH), 3, np.int32)).repeat(3)
    surprises = []
    for _ in range(6):
        told = game.fit(real.take(1), verbose=0).history
        surprises.append(told["supervised_nll"][0] > 10)
        bias.assign(tf.tensor_scatter_nd_update(tf.zeros_like(bias), [[3]], [-30.0]))
    assert surprises == [False, False, True, False, False, True]


def test_the_workers_step_goes_along_the_exact_gradient_of_its_expected_reward():
    """With the goals as they are: the sum over all sentences of p(x) Σ_t r_t ∇log p(x_t | x_<t)."""
    language = EnumerableLanguage(seed=0)
    judge = TextCNN(5, embedding_dim=4, widths=(1, 2), filters=4, dropout=0.0, seed=1)
    sizes = {"length": 4, "embedding_dim": 4, "hidden_dim": 5, "goal_dim": 3, "horizon": 2}
    generator = LeakGenerator(judge, **sizes, start_token=0, end_token=None, seed=2)
    rng = np.random.default_rng(0)
    for variable in generator.trainable_variables:
        variable.assign(rng.normal(scale=0.4, size=variable.shape))
    worker = [generator.embedding.matrix, *generator.worker.trainable_variables, generator.psi.kernel]
    worker += generator.projection.trainable_variables
    sentences = language.sentences.astype(np.int32)
    with tf.GradientTape() as tape:
        _, features, goals = generator.plan(sentences)
        log_probs = log_prob(generator, sentences)
        probability = np.exp(log_probs.numpy().sum(axis=1, keepdims=True))
        expected = tf.reduce_sum(probability * rewards_by_hand(features.numpy(), goals.numpy(), 2) * log_probs)
    exact = np.concatenate([np.ravel(tf.convert_to_tensor(part)) for part in tape.gradient(expected, worker)])
    before = np.concatenate([np.ravel(w) for w in worker])
    game = LeakGAN(generator, n_rollouts=1, supervised_every=0, batch_size=4_000, discriminator_rounds=1, seed=1)
    game.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(0.0), jit_compile=False)
    game._generator_step(tf.constant(sentences), tf.constant([0, 1]))
    step = np.concatenate([np.ravel(w) for w in worker]) - before
    # Along the exact gradient the step is as long; across it there is only chance.
    assert step @ exact / (exact @ exact) == pytest.approx(1, abs=0.15)
    assert step @ exact / np.linalg.norm(step) / np.linalg.norm(exact) > 0.85


def test_the_discriminator_is_stored_once_and_leaks_what_it_has_learned(tmp_path):
    game = make_game("leakgan")
    assert "discriminator" not in game.get_config()
    game.save(tmp_path / "game.keras")
    loaded = keras.saving.load_model(tmp_path / "game.keras")
    assert loaded.discriminator is loaded.generator.discriminator
    ids = make_sentences(BATCH)
    before = game.generator(ids).numpy()
    embeddings = game.discriminator.embedding.matrix
    embeddings.assign(-embeddings)
    assert np.abs(game.generator(ids) - before).max() > 1e-5


def test_the_defaults_are_the_published_ones():
    game = LeakGAN(make_leakgan().generator)
    expected = {"n_rollouts": 4, "sharpness": 16.0, "intrinsic_reward": True, "supervised_every": 16, "batch_size": 64}
    assert expected.items() <= game.settings.items()
    assert (game.settings["discriminator_rounds"], game.settings["discriminator_epochs"]) == (5, 3)
    generator = LeakGenerator(make_judge(), length=LENGTH)
    sizes = {"embedding_dim": 32, "hidden_dim": 32, "goal_dim": 16, "horizon": 4, "leak": True, "manager": True}
    assert sizes.items() <= generator.settings.items()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_rollouts": 0}, "n_rollouts must be at least 1"),
        ({"sharpness": 0.0}, "sharpness must be above 0, or None. Received: 0.0"),
        ({"supervised_every": -1}, "supervised_every must be at least 0"),
        ({"manager": False}, "Received: a generator with manager=False. Use intrinsic_reward=False"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_game("leakgan", **settings)


def test_another_generator_is_refused():
    with pytest.raises(TypeError, match=r"must be a LeakGenerator\. Received: RecurrentGenerator"):
        LeakGAN(make_generator())
