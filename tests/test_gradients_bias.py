"""Bias and variance of the gradient estimators, against the exact gradient on an enumerable language.

An estimate is made of a batch of 4 sentences. 20,000 of them are made at once: every batch has its own copy of the
generator's table, so that the gradient in the copies holds each batch's estimate, and their mean has a known error.
"""

import numpy as np
import pytest
import tensorflow as tf
from small_generator import TableGenerator

from course_utils.gradients import (
    baseline_loss,
    batch_mean_baseline,
    gumbel_softmax,
    leave_one_out_baseline,
    reinforce_loss,
    reward_to_go,
    straight_through,
    straight_through_gumbel,
    vargrad_loss,
)
from course_utils.worlds.enumerable_language import EnumerableLanguage

V, T = 3, 3
ESTIMATES, BATCH = 20_000, 4
# Largest |z| of the 9 parameters that counts as no bias: too small for an unbiased estimator once in 200,000 seeds.
UNBIASED = 5.0
# And the smallest that counts as bias: an unbiased estimator comes so far by no chance.
BIASED = 15.0

LANGUAGE = EnumerableLanguage(V, T, seed=5)
LOGITS = np.random.default_rng(0).normal(size=(V, V)).astype(np.float32)
REWARD = np.random.default_rng(1).uniform(size=V**T).astype(np.float32)


def generator(logits=LOGITS):
    return TableGenerator(logits[None])


def exact(reward=REWARD, logits=LOGITS):
    """Return the gradient of the expected reward, (V, V)."""
    return LANGUAGE.exact_gradient(generator(logits), reward)[0].numpy()[0]


def sampled(seed=0):
    """Return sentences from the generator (ESTIMATES, BATCH, T)."""
    p = LANGUAGE.probabilities(generator())
    return LANGUAGE.sentences[np.random.default_rng(seed).choice(V**T, size=(ESTIMATES, BATCH), p=p)]


def shifted(tokens):
    """Return the token before each, (ESTIMATES, BATCH, T)."""
    return np.concatenate([np.zeros_like(tokens[..., :1]), tokens[..., :-1]], axis=-1)


def means_by_prefix(tokens):
    """Return the mean reward given the position and the token before, (T, V): the best baseline that sees these."""
    rewards, last = REWARD[LANGUAGE.index(tokens)], shifted(tokens)
    # No other token than the start token, 0, comes before the first.
    return np.array(
        [[rewards[last[..., t] == v].mean() if t or not v else 0.0 for v in range(V)] for t in range(T)], np.float32
    )


TOKENS = sampled()
LAST = shifted(TOKENS)
SENTENCE_REWARDS = REWARD[LANGUAGE.index(TOKENS)]  # (ESTIMATES, BATCH)


def score_estimates(loss, *arguments):
    """Return minus the gradient of ``loss(log_probs (BATCH, T), *arguments)`` of each batch, (ESTIMATES, V, V)."""
    tables = tf.tile(LOGITS[None], (ESTIMATES, 1, 1))
    with tf.GradientTape() as tape:
        tape.watch(tables)
        rows = tf.nn.log_softmax(tf.gather(tables, LAST.reshape(ESTIMATES, -1), batch_dims=1))
        log_probs = tf.reduce_sum(tf.reshape(rows, (ESTIMATES, BATCH, T, V)) * tf.one_hot(TOKENS, V), axis=-1)
        losses = tf.vectorized_map(lambda batch: loss(*batch), (log_probs, *map(tf.constant, arguments)))
        total = tf.reduce_sum(losses)
    return -tape.gradient(total, tables).numpy()


def relaxed_estimates(choose, logits=LOGITS):
    """Return the gradient of the soft reward's batch mean, when ``choose(logits, uniforms)`` makes the tokens."""
    tables = tf.tile(logits[None], (ESTIMATES, 1, 1))
    uniforms = np.random.default_rng(2).uniform(size=(T, ESTIMATES, BATCH, V)).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(tables)
        token, soft = tf.one_hot(tf.zeros((ESTIMATES, BATCH), tf.int32), V), []
        for t in range(T):
            token = choose(token @ tables, tf.constant(uniforms[t]))
            soft.append(tf.reshape(token, (-1, V)))
        total = tf.reduce_sum(LANGUAGE.soft_reward(REWARD, tf.stack(soft, axis=1))) / BATCH
    return tape.gradient(total, tables).numpy()


def largest_z(estimates, truth):
    """Return the largest of the parameters' |z|, where z = (mean − truth) / standard error."""
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
    return np.abs((estimates.mean(axis=0) - truth) / error).max()


def bias(estimates):
    return np.linalg.norm(estimates.mean(axis=0) - exact())


def variance(estimates):
    return estimates.var(axis=0, ddof=1).sum()


@pytest.fixture(scope="module")
def reinforce():
    """Return the estimates by baseline."""
    values = means_by_prefix(sampled(seed=1))[np.arange(T), LAST]  # learned from other sentences
    return {
        "none": score_estimates(reinforce_loss, SENTENCE_REWARDS),
        "leave one out": score_estimates(
            lambda log_p, r: reinforce_loss(log_p, r - leave_one_out_baseline(r)), SENTENCE_REWARDS
        ),
        "learned": score_estimates(reinforce_loss, SENTENCE_REWARDS[..., None] - values),
    }


# Score function: no bias where theory says so


@pytest.mark.parametrize("baseline", ["none", "leave one out", "learned"])
def test_reinforce_is_unbiased(reinforce, baseline):
    assert largest_z(reinforce[baseline], exact()) < UNBIASED
    assert largest_z(reinforce[baseline], 0.8 * exact()) > UNBIASED  # a fifth less would be seen


def test_batch_mean_shrinks_the_gradient(reinforce):
    estimates = score_estimates(lambda log_p, r: reinforce_loss(log_p, r - batch_mean_baseline(r)), SENTENCE_REWARDS)
    assert largest_z(estimates, exact()) > BIASED
    assert largest_z(estimates, (BATCH - 1) / BATCH * exact()) < UNBIASED
    np.testing.assert_allclose(estimates * BATCH / (BATCH - 1), reinforce["leave one out"], atol=1e-5)


def test_baseline_that_sees_the_token_is_biased():
    seen = 0.5 * TOKENS.astype(np.float32)
    assert largest_z(score_estimates(reinforce_loss, SENTENCE_REWARDS[..., None] - seen), exact()) > BIASED


def test_baselines_lower_the_variance(reinforce):
    assert variance(reinforce["leave one out"]) < 0.5 * variance(reinforce["none"])
    assert variance(reinforce["learned"]) < 0.5 * variance(reinforce["none"])


def test_learned_baseline_ends_at_the_mean_reward_of_each_prefix():
    values, rewards = tf.Variable(np.zeros((T, V), np.float32)), np.repeat(SENTENCE_REWARDS[..., None], T, axis=-1)
    places = np.stack(np.broadcast_arrays(np.arange(T), LAST), axis=-1).reshape(-1, T, 2)
    reward = tf.Variable(rewards.reshape(-1, T))
    with tf.GradientTape() as tape:
        loss = baseline_loss(tf.gather_nd(values, places), reward)
    slope, of_reward = tape.gradient(loss, [values, reward])
    assert of_reward is None and float(loss) == pytest.approx((SENTENCE_REWARDS**2).mean() / 2, rel=1e-5)
    visits = np.array([[(LAST[..., t] == v).mean() / T for v in range(V)] for t in range(T)])
    # The loss is a parabola in each value: from 0, one Newton step is the whole way.
    np.testing.assert_allclose(-tf.convert_to_tensor(slope), visits * means_by_prefix(TOKENS), rtol=1e-3, atol=1e-7)


# One reward a token, which hangs on the prefix up to it.
STEP_REWARDS = [np.random.default_rng(t).uniform(size=V ** (t + 1)).astype(np.float32) for t in range(T)]
BY_TOKEN = np.stack([STEP_REWARDS[t][LANGUAGE.index(TOKENS) // V ** (T - 1 - t)] for t in range(T)], axis=-1)
TOTAL = sum(np.repeat(STEP_REWARDS[t], V ** (T - 1 - t)) for t in range(T))


def test_reward_to_go_is_unbiased_and_steadier():
    to_go = score_estimates(lambda log_p, r: reinforce_loss(log_p, reward_to_go(r)), BY_TOKEN)
    assert largest_z(to_go, exact(TOTAL)) < UNBIASED
    everything = score_estimates(reinforce_loss, BY_TOKEN.sum(axis=-1))
    assert largest_z(everything, exact(TOTAL)) < UNBIASED
    assert variance(to_go) < 0.7 * variance(everything)


def test_discount_is_a_bias():
    discounted = score_estimates(lambda log_p, r: reinforce_loss(log_p, reward_to_go(r, 0.5)), BY_TOKEN)
    assert largest_z(discounted, exact(TOTAL)) > BIASED


LOG_P_DATA = np.log(LANGUAGE.p_data).astype(np.float32)[LANGUAGE.index(TOKENS)]


def test_vargrad_estimates_the_divergence_without_bias():
    estimates = score_estimates(lambda log_p, log_q: vargrad_loss(tf.reduce_sum(log_p, axis=1), log_q), LOG_P_DATA)
    model = generator()
    with tf.GradientTape() as tape:
        log_p = LANGUAGE.log_probabilities(model)
        divergence = tf.reduce_sum(tf.exp(log_p) * (log_p - np.log(LANGUAGE.p_data).astype(np.float32)))
    assert float(divergence) == pytest.approx(LANGUAGE.report(model)["kl_model_data"], rel=1e-5)
    gradient = tf.convert_to_tensor(tape.gradient(divergence, model.table.value))[0]
    assert largest_z(-estimates, gradient) < UNBIASED
    assert largest_z(-estimates, 0.8 * gradient) > UNBIASED


# Relaxed: bias where theory says so


def straight_through_sample(logits, uniforms):
    tokens = tf.argmax(gumbel_softmax(logits, uniforms, 1.0), axis=-1)
    return straight_through(tf.nn.softmax(logits), tokens)


@pytest.mark.parametrize(
    "choose",
    [
        lambda logits, uniforms: gumbel_softmax(logits, uniforms, 1.0),
        lambda logits, uniforms: straight_through_gumbel(logits, uniforms, 1.0),
        straight_through_sample,
        lambda logits, _: straight_through(tf.nn.softmax(logits)),
    ],
    ids=["gumbel_softmax", "straight_through_gumbel", "straight_through", "argmax"],
)
def test_relaxations_are_biased(choose):
    with np.errstate(divide="ignore"):  # an argmax draws nothing, and so has no error
        assert largest_z(relaxed_estimates(choose), exact()) > BIASED


def test_straight_through_is_unbiased_where_all_is_linear():
    forgetful = np.tile(LOGITS[:1], (V, 1))  # the next token does not depend on the last
    assert largest_z(relaxed_estimates(straight_through_sample, forgetful), exact(logits=forgetful)) < UNBIASED


def test_lower_temperature_less_bias_more_variance():
    runs = [relaxed_estimates(lambda x, u, tau=tau: gumbel_softmax(x, u, tau)) for tau in (4.0, 1.0, 0.25)]
    biases, variances = [bias(run) for run in runs], [variance(run) for run in runs]
    assert biases[0] > 1.2 * biases[1] > 2 * biases[2]
    assert variances[0] < variances[1] / 2 < variances[2] / 4
