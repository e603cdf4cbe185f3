"""RankGAN against its formulas, its algorithm written out, and its step against the exact gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import all_close, weights
from small_language_model import LENGTH, make_generator, make_sentences
from small_text_game import BATCH, PART, PASSES, ROUNDS, fold, make_game, make_judge

from course_utils.gradients import leave_one_out_baseline
from course_utils.losses.ranking import log_rank
from course_utils.models.recurrent import RecurrentGenerator
from course_utils.models.text_cnn import TextCNN
from course_utils.sampling import log_prob, rollout, sample
from course_utils.training.rankgan import RankGAN
from course_utils.worlds.enumerable_language import EnumerableLanguage

RATE, SEED, REFERENCES, ROLLOUTS, GAMMA = 0.3, 7, 3, 2, 2.5


def log_rank_by_hand(features, references, comparisons, gamma):
    """Return E_u log (e^{γα(s|u)} / Σ_{s' in C and s} e^{γα(s'|u)}), pair by pair."""

    def alpha(s, u):
        return np.dot(s, u) / np.linalg.norm(s) / np.linalg.norm(u)

    ranks = []
    for s in features:
        over_u = []
        for u in references:
            own = np.exp(gamma * alpha(s, u))
            over_u.append(np.log(own / (own + sum(np.exp(gamma * alpha(c, u)) for c in comparisons))))
        ranks.append(np.mean(over_u))
    return np.array(ranks)


def test_the_score_is_the_papers():
    rng = np.random.default_rng(0)
    features, references, comparisons = (rng.normal(size=(rows, 6)).astype(np.float32) for rows in (5, 4, 3))
    expected = log_rank_by_hand(features, references, comparisons, GAMMA)
    np.testing.assert_allclose(log_rank(features, references, comparisons, GAMMA), expected, rtol=1e-5)
    assert len({round(float(value), 3) for value in expected}) == 5


def test_the_score_is_finite_for_features_of_length_0_and_a_sharp_softmax():
    features = tf.constant([[0.0, 0.0], [1.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(features)
        ranks = log_rank(features, features, features, 1e4)
    assert np.isfinite(ranks).all() and np.isfinite(tape.gradient(ranks, features)).all()


def picked(rows, count, key):
    return rows[tf.random.stateless_uniform((count,), key, 0, len(rows), tf.int32).numpy()]


def descend(variables, slopes):
    for variable, slope in zip(variables, slopes, strict=True):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))


@pytest.mark.parametrize("baseline", [False, True])
def test_one_step_is_the_algorithm_written_out_with_plain_gradient_descent(baseline):
    generator, ranker = make_generator(), make_judge(dropout=0.0)
    rounds = {"batch_size": BATCH, "discriminator_rounds": ROUNDS, "discriminator_epochs": PASSES}
    ranking = {"references": REFERENCES, "gamma": GAMMA, "baseline": baseline, "n_rollouts": ROLLOUTS}
    game = RankGAN(generator, ranker, **rounds, **ranking, seed=SEED)
    game.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), jit_compile=False)
    real = make_sentences(ROUNDS * PART)
    other_generator, other_ranker = make_generator(), make_judge(dropout=0.0)
    key, half = tf.constant([SEED, 0]), BATCH // 2

    # The generator's step: the mean log rank of a prefix's completions among real sentences.
    tokens = sample(other_generator, BATCH, LENGTH, seed=fold(key, 0, 0))
    completed = rollout(other_generator, tokens, ROLLOUTS, seed=fold(key, 0, 1, 0)).numpy()
    reads = other_ranker.features(picked(real, REFERENCES + half, fold(key, 0, 1, 2))).numpy()
    rewards = np.zeros((BATCH, LENGTH))
    for t in range(LENGTH):
        finished = completed[t] if t < LENGTH - 1 else tokens.numpy()[None]
        ranks = [
            log_rank_by_hand(other_ranker.features(part).numpy(), reads[:REFERENCES], reads[REFERENCES:], GAMMA)
            for part in finished
        ]
        rewards[:, t] = np.mean(ranks, axis=0)
    advantages = rewards - (leave_one_out_baseline(rewards).numpy() if baseline else 0)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_sum(log_prob(other_generator, tokens) * advantages) / BATCH
    descend(other_generator.trainable_variables, tape.gradient(loss, other_generator.trainable_variables))

    # The ranker's: real ones among written ones, written ones among real ones, references from the other round.
    network = [v for v in other_ranker.trainable_variables if "last_layer" not in v.path]
    right = []
    for n in range(ROUNDS):
        ours = fold(key, 1, n)
        written = sample(other_generator, PART, LENGTH, seed=fold(ours, 0)).numpy()
        orders = tf.argsort(tf.random.stateless_uniform((2, PASSES, PART), fold(ours, 1))).numpy()
        orders = orders.reshape(2, -1, half)
        for m in range(orders.shape[1]):
            with tf.GradientTape() as tape:
                ours_real, ours_written, compared = (
                    other_ranker.features(rows)
                    for rows in (
                        real[n::ROUNDS][orders[0, m]],
                        written[orders[1, m]],
                        picked(real[(n + 1) % ROUNDS :: ROUNDS], REFERENCES, fold(ours, 2 + m)),
                    )
                )
                gain = log_rank(ours_real, compared, ours_written, GAMMA)
                gain = tf.reduce_mean(gain) - tf.reduce_mean(log_rank(ours_written, compared, ours_real, GAMMA))
                loss = -gain / 2
            descend(network, tape.gradient(loss, network))
            unit = [
                part / np.linalg.norm(part, axis=1, keepdims=True)
                for part in map(np.asarray, (ours_real, ours_written, compared))
            ]
            relevance = [(part @ unit[2].T).mean(axis=1) for part in unit[:2]]
            right.append((relevance[0][:, None] > relevance[1]).mean())

    told = game.fit(tf.data.Dataset.from_tensors(real), verbose=0).history
    all_close(weights(generator), weights(other_generator), atol=1e-6)
    all_close(weights(ranker), weights(other_ranker), atol=1e-6)
    counted = np.cumsum(tokens.numpy() == 2, axis=1) - (tokens.numpy() == 2) == 0
    assert told["reward"][0] == pytest.approx(rewards[counted].mean(), abs=1e-5)
    assert told["discriminator_accuracy"][0] == pytest.approx(np.mean(right), abs=1e-6)


def test_a_step_goes_up_the_exact_gradient_of_the_expected_rank():
    """Where all real sentences are one, the references and the comparisons are the same whatever is drawn."""
    language, count, half = EnumerableLanguage(seed=0), 4_000, 2_000
    ranker = TextCNN(5, embedding_dim=4, widths=(1, 2), filters=8, dropout=0.0, seed=1)
    generator = RecurrentGenerator(5, embedding_dim=4, hidden_dim=6, start_token=0, end_token=None, seed=2)
    real = np.tile(language.sentences[444], (half, 1)).astype(np.int32)
    features, of_real = ranker.features(language.sentences), ranker.features(real)
    ranks = log_rank(features, of_real[:REFERENCES], of_real, GAMMA)
    exact = np.concatenate([np.ravel(part) for part in language.exact_gradient(generator, ranks)])
    expected = float(language.expected_reward(generator, ranks))
    before = np.concatenate([np.ravel(w) for w in generator.get_weights()])
    settings = {"n_rollouts": 1, "baseline": True, "discriminator_rounds": 1, "discriminator_epochs": 1}
    game = RankGAN(generator, ranker, references=REFERENCES, gamma=GAMMA, batch_size=count, **settings, seed=1)
    game.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(0.0), jit_compile=False)
    game.fit(tf.data.Dataset.from_tensors(real), verbose=0)
    step = np.concatenate([np.ravel(w) for w in generator.get_weights()]) - before
    # Along the exact gradient the step is as long; across it there is only chance.
    assert step @ exact / (exact @ exact) == pytest.approx(1, abs=0.15)
    assert step @ exact / np.linalg.norm(step) / np.linalg.norm(exact) > 0.85
    assert float(language.expected_reward(generator, ranks)) > expected


def test_the_ranker_learns_to_put_real_sentences_first_and_leaves_its_last_layer_alone():
    ranker = make_judge(dropout=0.0, filters=16)
    last = [np.array(v) for v in ranker.last_layer.trainable_variables]
    game = RankGAN(make_generator(), ranker, gamma=5.0, batch_size=16, generator_steps=0, discriminator_epochs=1)
    game.compile(discriminator_optimizer=keras.optimizers.Adam(0.05), jit_compile=False)
    real = np.tile(np.array([3, 4, 3, 4, 3, 4], np.int32), (40 * 8, 1))
    told = game.fit(real, batch_size=40, epochs=4, verbose=0).history
    assert told["discriminator_accuracy"][-1] > 0.95
    assert told["discriminator_loss"][-1] < told["discriminator_loss"][0] < 0
    all_close([np.array(v) for v in ranker.last_layer.trainable_variables], last, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_rollouts": 0}, "n_rollouts must be at least 1"),
        ({"references": 0}, "references must be at least 1"),
        ({"gamma": 0.0}, "gamma must be above 0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_game("rankgan", **settings)


def test_a_ranker_without_features_is_refused():
    with pytest.raises(TypeError, match=r"TextDiscriminator, which has features\. Received: Sequential"):
        RankGAN(make_generator(), keras.Sequential([keras.layers.Dense(1)]))
