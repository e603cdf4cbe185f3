"""Sentences, likelihoods and rollouts against distributions that are small enough to write down."""

import gc
import itertools
import weakref

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from course_utils.models.recurrent import RecurrentGenerator
from course_utils.models.transformer import TransformerGenerator
from course_utils.sampling import log_prob, rollout, sample, sentences, soft_sample

V, T = 4, 3
EVERY_SENTENCE = np.array(list(itertools.product(range(V), repeat=T)), np.int32)
END = 2


def make(kind="lstm", end_token=None, seed=0):
    """Return a generator whose distribution is far from uniform."""
    sizes = {"start_token": 0, "end_token": end_token, "seed": seed}
    if kind == "transformer":
        generator = TransformerGenerator(V, max_length=T, model_dim=8, layers=1, heads=2, **sizes)
    else:
        generator = RecurrentGenerator(V, embedding_dim=6, hidden_dim=6, cell=kind, **sizes)
    numbers = np.random.default_rng(seed)
    generator.set_weights([w + 0.7 * numbers.normal(size=w.shape) for w in generator.get_weights()])
    return generator


def tables(generator, temperature=1.0):
    """Return p(next | prefix) for every prefix, from the generator's whole-sentence logits."""
    inputs = np.concatenate([np.full((len(EVERY_SENTENCE), 1), generator.start_token), EVERY_SENTENCE[:, :-1]], axis=1)
    probabilities = special.softmax(
        generator(tf.constant(inputs, tf.int32)).numpy().astype(float) / temperature, axis=2
    )
    return {tuple(sentence[:t]): probabilities[row, t] for row, sentence in enumerate(EVERY_SENTENCE) for t in range(T)}


def distribution(table, given=(), end=None):
    """Return {sentence: probability} of all sentences that begin with ``given``, by multiplying the table's entries."""
    found = {}
    for sentence in map(tuple, EVERY_SENTENCE.tolist()):
        if sentence[: len(given)] != tuple(given):
            continue
        probability, written = 1.0, []
        for t, token in enumerate(sentence):
            ended = end is not None and end in written
            written.append(0 if ended else token)
            if not ended and t >= len(given):
                probability *= table[sentence[:t]][token]
            elif ended and token != 0:
                probability = 0.0  # the same sentence as the one with padding
        if probability > 0:
            found[tuple(written)] = probability
    return found


def pvalue(drawn, expected):
    """Return the χ² p-value of drawn sentences; a sentence that cannot occur gives 0."""
    keys = sorted(expected)
    counts = dict.fromkeys(keys, 0)
    for row in map(tuple, np.asarray(drawn).tolist()):
        if row not in counts:
            return 0.0
        counts[row] += 1
    probabilities = np.array([expected[key] for key in keys])
    observed = np.array([counts[key] for key in keys], float)
    rare = probabilities * len(drawn) < 5
    if rare.any():
        probabilities = np.append(probabilities[~rare], probabilities[rare].sum())
        observed = np.append(observed[~rare], observed[rare].sum())
    return stats.chisquare(observed, len(drawn) * probabilities / probabilities.sum()).pvalue


@pytest.mark.parametrize("kind", ["lstm", "gru", "transformer"])
@pytest.mark.parametrize("end", [None, END])
def test_samples_have_the_enumerated_distribution(kind, end):
    generator = make(kind, end)
    expected = distribution(tables(generator), end=end)
    assert sum(expected.values()) == pytest.approx(1, abs=1e-5)
    drawn = sample(generator, 20_000, T, seed=1)
    assert drawn.dtype == tf.int32
    assert pvalue(drawn, expected) > 1e-3
    uniform = {key: 1 / len(expected) for key in expected}
    assert pvalue(drawn, uniform) < 1e-12  # the test can tell


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_tempers_every_token(temperature):
    generator = make()
    drawn = sample(generator, 20_000, T, seed=2, temperature=temperature)
    assert pvalue(drawn, distribution(tables(generator, temperature))) > 1e-3
    assert pvalue(drawn, distribution(tables(generator))) < 1e-12


def test_temperature_0_is_greedy():
    generator = make()
    table, greedy = tables(generator), []
    for _ in range(T):
        greedy.append(int(table[tuple(greedy)].argmax()))
    for temperature in (0.0, 1e-6):
        assert (sample(generator, 50, T, temperature=temperature).numpy() == greedy).all()


def test_top_k_and_top_p_renormalise_what_they_keep():
    generator = make()

    def filtered(keep, temperature=1.0):
        table = {prefix: np.where(keep(row), row, 0) for prefix, row in tables(generator, temperature).items()}
        return distribution({prefix: row / row.sum() for prefix, row in table.items()})

    two = filtered(lambda row: row >= np.sort(row)[-2])
    assert pvalue(sample(generator, 20_000, T, seed=3, top_k=2), two) > 1e-3
    for temperature in (1.0, 3.0):  # the nucleus is that of the tempered distribution
        half = filtered(lambda row: (row[None] * (row[None] > row[:, None])).sum(1) < 0.6, temperature)
        drawn = sample(generator, 20_000, T, seed=4, top_p=0.6, temperature=temperature)
        assert pvalue(drawn, half) > 1e-3


def test_how_many_rows_are_computed_at_a_time_changes_nothing(monkeypatch):
    whole = sample(make(), 50, T, seed=5).numpy()
    monkeypatch.setattr(sentences, "ROWS", 7)
    np.testing.assert_array_equal(sample(make(), 50, T, seed=5).numpy(), whole)
    prefixes = whole[:6]
    few, many = (rollout(make(), prefixes, 5, seed=6, max_rows=rows).numpy() for rows in (7, 1000))
    np.testing.assert_array_equal(few, many)


def test_the_seed_decides():
    generator = make()
    first, again, other = (sample(generator, 40, T, seed=seed).numpy() for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()
    pair = sample(generator, 40, T, seed=tf.constant([1, 0])).numpy()
    assert (pair == first).all()
    assert (sample(generator, 40, T, seed=tf.constant([1, 7])).numpy() != first).any()


@pytest.mark.parametrize("end", [None, END])
def test_log_prob_is_the_log_of_the_enumerated_probability(end):
    generator = make(end_token=end)
    expected = distribution(tables(generator), end=end)
    found = log_prob(generator, list(expected)).numpy()
    np.testing.assert_allclose(found.sum(axis=1), np.log(list(expected.values())), atol=1e-5)
    if end is not None:
        ended = np.cumsum(np.array(list(expected)) == end, axis=1) - (np.array(list(expected)) == end) > 0
        assert (found[ended] == 0).all() and ended.any()


def test_log_prob_has_a_gradient():
    generator = make()
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(log_prob(generator, [[1, 2, 3]]))
    kernel = generator.trainable_variables[-1]
    slope = tape.gradient(value, kernel).numpy()
    bump = np.zeros_like(slope)
    bump.flat[np.abs(slope).argmax()] = 1e-2
    kernel.assign_add(bump)
    higher = log_prob(generator, [[1, 2, 3]]).numpy().sum()
    assert (higher - value.numpy()) / 1e-2 == pytest.approx(slope.flat[np.abs(slope).argmax()], rel=0.05)


@pytest.mark.parametrize("kind", ["lstm", "gru", "transformer"])
def test_rollouts_have_the_conditional_distribution(kind):
    generator = make(kind)
    tokens, table = np.array([[3, 1, 0], [1, 1, 2]], np.int32), tables(generator)
    completed = rollout(generator, tokens, 4000, seed=7).numpy()
    assert completed.shape == (T - 1, 4000, 2, T)
    for row, sentence in enumerate(tokens):
        for prefix in (1, 2):
            drawn = completed[prefix - 1, :, row]
            assert pvalue(drawn, distribution(table, given=tuple(sentence[:prefix]))) > 1e-3


def test_a_rollout_of_an_ended_sentence_is_the_sentence():
    tokens = np.array([[3, END, 0], [END, 0, 0], [1, 3, 1]], np.int32)
    completed = rollout(make(end_token=END), tokens, 200, seed=8).numpy()
    assert (completed[1, :, 0] == tokens[0]).all() and (completed[:, :, 1] == tokens[1]).all()
    after_end = completed[0, :, 2][completed[0, :, 2, 1] == END]
    assert len(after_end) > 0 and (after_end[:, 2] == 0).all()
    assert len(np.unique(completed[0, :, 0], axis=0)) > 1  # only the prefix of length 2 has ended


class Counting:
    """A generator without weights that counts the rows it is asked for, and the times its step is traced."""

    vocabulary_size, start_token, end_token = V, 0, None

    def __init__(self):
        self.rows, self.traces = tf.Variable(0), 0

    def initial_state(self, batch_size, length=None):
        return tf.zeros((batch_size, 1))

    def step(self, token, state, training=False):
        self.traces += 1
        self.rows.assign_add(tf.shape(token)[0])
        return tf.zeros((token.shape[0], V)), state


def test_rollouts_step_once_for_every_token_they_draw():
    generator, batch, length, repeats = Counting(), 3, 7, 4
    rollout(generator, np.zeros((batch, length), np.int32), repeats)
    drawn = batch * repeats * length * (length - 1) // 2
    walked = batch * (length - 1)  # along the prefixes themselves
    assert generator.rows.numpy() == drawn + walked


def test_completions_of_different_prefixes_are_drawn_independently():
    completed = rollout(Counting(), np.zeros((4, T), np.int32), 500, seed=1).numpy()  # every token equally likely
    alike = (completed[0, :, :, 2] == completed[1, :, :, 2]).mean()
    assert alike == pytest.approx(1 / V, abs=0.05)
    assert len(np.unique(completed[0, :, :, 1:].reshape(-1, 2), axis=0)) == V * V


def test_a_graph_is_traced_once_and_goes_with_its_generator():
    generator = Counting()
    for seed in range(3):
        sample(generator, 5, T, seed=seed, temperature=1.0 + seed)
    assert generator.traces == 1
    for seed in range(3):
        rollout(generator, np.full((2, T), seed, np.int32), 2, seed=seed)
    assert generator.traces == 3  # the walk along the prefixes, and the completions
    gone = weakref.ref(generator)
    del generator
    gc.collect()
    assert gone() is None


def test_inside_a_function_the_draws_are_the_same():
    generator = make()
    tokens = sample(generator, 5, T, seed=3)

    @tf.function
    def both(step):
        seed = tf.stack([3, step])
        return sample(generator, 5, T, seed=seed), rollout(generator, tokens, 2, seed=seed)

    sampled, completed = both(tf.constant(0))
    np.testing.assert_array_equal(sampled, tokens)
    np.testing.assert_array_equal(completed, rollout(generator, tokens, 2, seed=3))
    assert (both(tf.constant(1))[0].numpy() != sampled.numpy()).any()


@pytest.mark.parametrize("straight_through", [False, True])
def test_a_soft_sample_lies_on_the_simplex_and_has_a_gradient(straight_through):
    generator = make()
    with tf.GradientTape() as tape:
        soft = soft_sample(generator, 6, T, temperature=0.7, seed=1, straight_through=straight_through)
        value = tf.reduce_sum(soft[:, -1] * tf.constant([1.0, 2.0, 3.0, 4.0]))
    assert soft.shape == (6, T, V)
    np.testing.assert_allclose(tf.reduce_sum(soft, axis=2), 1, atol=1e-5)
    assert set(np.unique(soft.numpy().round(6))) == {0, 1} if straight_through else soft.numpy().max() < 1
    slopes = tape.gradient(value, generator.trainable_variables)
    assert all(slope is not None and np.abs(tf.convert_to_tensor(slope).numpy()).max() > 0 for slope in slopes)


def test_hard_soft_samples_have_the_enumerated_distribution():
    generator = make()
    hard = soft_sample(generator, 20_000, T, temperature=0.5, seed=9, straight_through=True)
    assert pvalue(tf.argmax(hard, axis=2), distribution(tables(generator))) > 1e-3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: sample(g, 0, T), r"n must be.*Received: 0"),
        (lambda g: sample(g, 2, 2.5), r"length must be.*Received: 2\.5"),
        (lambda g: sample(g, 2, T, temperature=-1.0), r"temperature must be at least 0.*-1\.0"),
        (lambda g: sample(g, 2, T, temperature=float("nan")), r"temperature.*nan"),
        (lambda g: sample(g, 2, T, top_k=0), r"top_k must be.*Received: 0"),
        (lambda g: sample(g, 2, T, top_p=0.0), r"top_p must be above 0.*0\.0"),
        (lambda g: sample(g, 2, T, seed=-1), r"seed must be.*-1"),
        (lambda g: sample(g, 2, T, seed=tf.constant([1, 2, 3])), r"int32 tensor \(2,\).*\(3,\)"),
        (lambda g: soft_sample(g, 2, T, temperature=0.0), r"temperature must be above 0.*0\.0"),
        (lambda g: rollout(g, [[1]], 2), r"T at least 2.*\(1, 1\)"),
        (lambda g: rollout(g, [[1, 2]], 0), r"n_rollouts must be.*Received: 0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(make())
