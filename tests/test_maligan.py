"""MaliGAN against its formulas written out, and its step against the exact gradient of the likelihood."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import all_close, weights
from small_language_model import LENGTH, make_generator, make_sentences
from small_text_game import BATCH, PART, PASSES, ROUNDS, fold, make_game, make_judge

from course_utils.losses import minimax_discriminator_loss
from course_utils.models.recurrent import RecurrentGenerator
from course_utils.sampling import complete, log_prob
from course_utils.training.maligan import MaliGAN, importance_weights
from course_utils.worlds.enumerable_language import EnumerableLanguage

RATE, SEED = 0.3, 7


def weights_by_hand(logits):
    """Return r / Σ r with r = D / (1 − D)."""
    d = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    return d / (1 - d) / (d / (1 - d)).sum()


def test_the_weights_are_the_papers():
    logits = np.array([[-3.0, 0.5, 2.0, 0.0], [1.0, 1.0, 1.0, 9.0]], np.float32)
    expected = [weights_by_hand(row) for row in logits]
    np.testing.assert_allclose(importance_weights(logits), expected, rtol=1e-4)
    assert np.isfinite(importance_weights(tf.constant([1e4, -1e4]))).all()


@pytest.mark.parametrize(("forced", "baseline"), [(0, 1.0), (2, 0.75), (LENGTH, 1.0)])
def test_one_step_is_the_algorithm_written_out_with_plain_gradient_descent(forced, baseline):
    samples = 2
    generator, judge = make_generator(), make_judge(dropout=0.0)
    game = MaliGAN(
        generator,
        judge,
        forced_tokens=forced,
        samples_per_prefix=samples,
        baseline=baseline,
        batch_size=BATCH,
        discriminator_rounds=ROUNDS,
        discriminator_epochs=PASSES,
        seed=SEED,
    )
    game.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), jit_compile=False)
    real = make_sentences(ROUNDS * PART)
    other_generator, other_judge = make_generator(), make_judge(dropout=0.0)
    key = tf.constant([SEED, 0])

    rows = tf.random.stateless_uniform((BATCH // samples,), fold(key, 0, 0), 0, len(real), tf.int32).numpy()
    tokens = complete(other_generator, real[rows].repeat(samples, axis=0), forced, seed=fold(key, 0, 1))
    logits = other_judge(tokens)[:, 0].numpy()
    groups = [range(BATCH)] if forced == 0 else np.split(np.arange(BATCH), BATCH // samples)
    effective = []
    with tf.GradientTape() as tape:
        log_probs = log_prob(other_generator, tokens)
        gain = 0.0
        for group in groups:
            found = weights_by_hand(logits[list(group)])
            effective.append(1 / (found**2).sum())
            for i, weight in zip(group, found, strict=True):
                # Σ (w − b/m) log p of what it wrote, and the likelihood of what was given, once a beginning.
                gain += (weight - baseline / len(group)) * tf.reduce_sum(log_probs[i, forced:])
                gain += tf.reduce_sum(log_probs[i, :forced]) / len(group)
        loss = -gain / len(groups)
    for variable, slope in zip(
        other_generator.trainable_variables, tape.gradient(loss, other_generator.trainable_variables), strict=True
    ):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))

    half = BATCH // 2
    for n in range(ROUNDS):
        ours = fold(key, 1, n)
        part = real[n::ROUNDS]
        written = complete(other_generator, part, forced, seed=fold(ours, 0)).numpy()
        orders = tf.argsort(tf.random.stateless_uniform((2, PASSES, PART), fold(ours, 1))).numpy()
        for one_pass in range(PASSES):
            for first in range(0, PART, half):
                chosen = [orders[side, one_pass, first : first + half] for side in (0, 1)]
                with tf.GradientTape() as tape:
                    logits = other_judge(part[chosen[0]]), other_judge(written[chosen[1]])
                    loss = minimax_discriminator_loss(*logits) + sum(other_judge.losses)
                slopes = tape.gradient(loss, other_judge.trainable_variables)
                for variable, slope in zip(other_judge.trainable_variables, slopes, strict=True):
                    variable.assign_sub(RATE * tf.convert_to_tensor(slope))

    told = game.fit(tf.data.Dataset.from_tensors(real), verbose=0).history
    all_close(weights(generator), weights(other_generator), atol=1e-6)
    all_close(weights(judge), weights(other_judge), atol=1e-6)
    assert told["effective_samples"][0] == pytest.approx(np.mean(effective), rel=1e-4)


LANGUAGE = EnumerableLanguage(vocabulary_size=4, length=3, seed=0)
V, T = LANGUAGE.vocabulary_size, LANGUAGE.length


class BestJudge(keras.Model):
    """D*: its logit is log p_data − log p_g."""

    def __init__(self, log_ratio):
        super().__init__()
        self.log_ratio = tf.constant(log_ratio, tf.float32)

    def call(self, tokens, training=False):
        return tf.gather(self.log_ratio, LANGUAGE.index(tokens))[:, None]


@pytest.mark.parametrize("forced", [0, 1, T])
def test_with_the_best_discriminator_a_step_goes_up_the_exact_gradient_of_the_likelihood(forced):
    """Whatever is forced: the likelihood of beginnings and that of completions make up that of sentences."""
    generator = RecurrentGenerator(V, embedding_dim=4, hidden_dim=6, start_token=0, end_token=None, seed=2)
    log_p_g = LANGUAGE.log_probabilities(generator).numpy()
    log_ratio = np.log(LANGUAGE.p_data) - log_p_g
    exact = np.concatenate([np.ravel(part) for part in LANGUAGE.exact_gradient(generator, np.exp(log_ratio))])
    before = np.concatenate([np.ravel(w) for w in generator.get_weights()])
    game = MaliGAN(
        generator, BestJudge(log_ratio), forced_tokens=forced, samples_per_prefix=100, batch_size=20_000, seed=1
    )
    game.compile(keras.optimizers.SGD(1.0), jit_compile=False)
    game._generator_step(tf.constant(LANGUAGE.sample(20_000, seed=4)), tf.constant([1, 2]))
    step = np.concatenate([np.ravel(w) for w in generator.get_weights()]) - before
    assert step @ exact / (exact @ exact) == pytest.approx(1, abs=0.15)
    assert step @ exact / np.linalg.norm(step) / np.linalg.norm(exact) > 0.9


def test_the_forced_tokens_follow_their_schedule_for_both_players():
    falling = keras.optimizers.schedules.PolynomialDecay(4.0, 4, 0.0)
    game = make_game("maligan", forced_tokens=falling)
    real = tf.constant(make_sentences(8)[:4])  # long ones
    assert (real[:, :3].numpy() > 2).all()
    for step, forced in ((0, 4), (1, 3), (3, 1)):
        game.steps_done.assign(step)
        tokens, given, *_ = game._draw(real, tf.constant([1, 2]))
        assert int(given) == forced
        for written in (tokens, game._write_against(real, tf.constant([1, 2]))):
            begun = [(row[:forced] == real.numpy()[:, :forced]).all(axis=1).any() for row in written.numpy()]
            assert all(begun)
        same = np.array_equal(game._write_against(real, tf.constant([1, 2]))[:, :4], real[:, :4])
        assert same == (forced == 4)


def test_a_baseline_takes_its_value_from_its_schedule():
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, 4, 1.0)
    game = make_game("maligan", baseline=rising)
    game.steps_done.assign(1)
    assert float(game._draw(tf.constant(make_sentences(8)), tf.constant([1, 2]))[2]) == 0.25


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"forced_tokens": -1}, "forced_tokens must be at least 0, or a schedule. Received: -1"),
        ({"baseline": -0.5}, "baseline must be at least 0, or a schedule. Received: -0.5"),
        ({"samples_per_prefix": 0}, "samples_per_prefix must be at least 1. Received: 0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_game("maligan", **settings)


def test_beginnings_that_do_not_fill_the_step_are_refused():
    game = make_game("maligan", samples_per_prefix=3)
    with pytest.raises(ValueError, match=r"divide the 4 sentences .* Received: 3"):
        game.train_step(tf.constant(make_sentences(ROUNDS * PART)))
