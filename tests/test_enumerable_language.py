"""The enumerable language against loops over its sentences, finite differences and identities of information theory."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats
from small_generator import TableGenerator

from course_utils.models.recurrent import RecurrentGenerator
from course_utils.worlds.all_sentences import AllSentences
from course_utils.worlds.enumerable_language import EnumerableLanguage

V, T = 3, 4
LANGUAGE = EnumerableLanguage(V, T, seed=5)
TABLE = TableGenerator(np.random.default_rng(0).normal(size=(T, V, V)))
SHARP = RecurrentGenerator(V, embedding_dim=4, hidden_dim=6, start_token=1, end_token=None)
RANDOM = np.random.default_rng(3)
for weight in SHARP.trainable_variables:  # as initialised it is nearly uniform, and position and history hardly matter
    weight.assign(RANDOM.normal(size=weight.shape))
GENERATORS = [pytest.param(TABLE, id="table"), pytest.param(SHARP, id="recurrent")]
REWARD = np.random.default_rng(1).uniform(size=V**T)


def stepped_probability(generator, sentence):
    """Return p_g of one sentence, token by token through `step`."""
    state, token, p = generator.initial_state(1, len(sentence)), generator.start_token, 1.0
    for following in sentence:
        logits, state = generator.step(tf.constant([token]), state)
        p *= special.softmax(logits.numpy()[0].astype(float))[following]
        token = following
    return p


@pytest.fixture(scope="module", params=GENERATORS)
def generator_and_loop(request):
    sentences = itertools.product(range(V), repeat=T)
    return request.param, np.array([stepped_probability(request.param, sentence) for sentence in sentences])


# The sentences


def test_sentences_are_all_of_them_in_order():
    assert LANGUAGE.sentences.tolist() == [list(sentence) for sentence in itertools.product(range(V), repeat=T)]
    assert LANGUAGE.sentences.dtype == np.int32


def test_index_finds_the_row():
    np.testing.assert_array_equal(LANGUAGE.index(LANGUAGE.sentences), np.arange(V**T))
    shaped = LANGUAGE.sentences[:12].reshape(2, 6, T)
    np.testing.assert_array_equal(LANGUAGE.index(shaped), np.arange(12).reshape(2, 6))
    in_graph = tf.function(LANGUAGE.index)(tf.constant(LANGUAGE.sentences))
    assert in_graph.dtype == tf.int32 and in_graph.numpy().tolist() == list(range(V**T))


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([[0, 1, 2, 3]], "whole numbers from 0 to 2"),
        ([[0, 1, -1, 0]], "whole numbers from 0 to 2"),
        ([[0.0, 1.0, 2.0, 0.0]], "whole numbers from 0 to 2"),
        ([[0, 1, 2]], r"tokens must be \(..., 4\). Received: \(1, 3\)"),
        (0, r"Received: \(\)"),
        (tf.constant([[0, 1, 2]]), r"Received: \(1, 3\)"),
    ],
)
def test_what_is_no_sentence_is_refused(tokens, words):
    with pytest.raises(ValueError, match=words):
        LANGUAGE.index(tokens)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"vocabulary_size": 5, "length": 7}, r"at most 20,000.* Received: 5 \*\* 7"),
        ({"vocabulary_size": 27}, r"Received: 27 \*\* 4\."),
        ({"length": 10**9}, r"Received: 5 \*\* 1000000000\."),
        ({"vocabulary_size": 1}, "vocabulary_size must be a whole number of at least 2. Received: 1"),
        ({"vocabulary_size": 2.5}, "Received: 2.5"),
        ({"length": 0}, "length must be a whole number of at least 1. Received: 0"),
        ({"order": -1}, "order must be a whole number of at least 0. Received: -1"),
        ({"concentration": 0.0}, "concentration must be positive and finite. Received: 0.0"),
        ({"concentration": np.nan}, "concentration must be positive and finite. Received: nan"),
    ],
)
def test_what_makes_no_language_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        EnumerableLanguage(**arguments)


def test_the_largest_language():
    largest = AllSentences(27, 3)  # 19,683
    assert largest.sentences[-1].tolist() == [26, 26, 26] and largest.index([[26, 26, 25]]) == [19_681]


# The language


def test_probability_is_the_product_of_the_conditionals():
    for sentence, p in zip(LANGUAGE.sentences, LANGUAGE.p_data, strict=True):
        assert p == pytest.approx(np.prod([LANGUAGE.conditional(sentence[:t])[sentence[t]] for t in range(T)]))
    assert LANGUAGE.p_data.sum() == pytest.approx(1, abs=1e-12)
    assert LANGUAGE.entropy == pytest.approx(stats.entropy(LANGUAGE.p_data))


@pytest.mark.parametrize("order", [0, 1, 2, 3, 9])
def test_source_looks_back_as_far_as_its_order(order):
    language = EnumerableLanguage(2, 5, order=order, seed=2)
    for prefix in itertools.product(range(2), repeat=4):
        other = (1 - prefix[0], *prefix[1:])
        recent = list(prefix[-order:]) if order else []  # at position `order` this is the whole prefix
        if order < 4:
            np.testing.assert_array_equal(language.conditional(prefix), language.conditional(recent))
        else:
            assert not np.allclose(language.conditional(prefix), language.conditional(other))
        if order == 3:  # and no less far
            nearer = (prefix[0], 1 - prefix[1], *prefix[2:])
            assert not np.allclose(language.conditional(prefix), language.conditional(nearer))


def test_language_has_full_support_and_is_far_from_uniform():
    for seed in range(5):
        language = EnumerableLanguage(seed=seed)
        rows = np.concatenate(language.conditionals)
        assert rows.min() >= 0.01 and language.entropy < 0.7 * 4 * np.log(5)
        np.testing.assert_allclose(rows.sum(axis=1), 1)
    assert not np.allclose(language.p_data, EnumerableLanguage().p_data)
    np.testing.assert_array_equal(EnumerableLanguage(seed=4).p_data, language.p_data)


def test_surer_with_a_smaller_concentration():
    entropies = [EnumerableLanguage(concentration=concentration).entropy for concentration in (0.05, 0.2, 1.0, 100.0)]
    assert entropies == sorted(entropies) and entropies[-1] == pytest.approx(4 * np.log(5), rel=0.01)


@pytest.mark.parametrize(("prefix", "words"), [([0] * T, "at most 3 tokens"), ([0, V], "whole numbers from 0 to 2")])
def test_what_is_no_prefix_is_refused(prefix, words):
    with pytest.raises(ValueError, match=words):
        LANGUAGE.conditional(prefix)


def test_samples_come_with_their_probability():
    tokens = LANGUAGE.sample(200_000, seed=0)
    assert tokens.dtype == np.int32 and tokens.shape == (200_000, T)
    counts = np.bincount(LANGUAGE.index(tokens), minlength=V**T)
    assert stats.chisquare(counts, 200_000 * LANGUAGE.p_data).pvalue > 1e-3  # false alarm once in 1,000 seeds
    np.testing.assert_array_equal(LANGUAGE.sample(9, seed=3), LANGUAGE.sample(9, seed=3))
    assert not np.array_equal(LANGUAGE.sample(9, seed=3), LANGUAGE.sample(9, seed=4))


# A generator on all sentences


def test_probabilities_are_those_of_a_loop(generator_and_loop):
    generator, loop = generator_and_loop
    np.testing.assert_allclose(LANGUAGE.probabilities(generator), loop, rtol=1e-5)
    log_p = LANGUAGE.log_probabilities(generator)
    assert log_p.dtype == tf.float32 and log_p.shape == (V**T,)
    np.testing.assert_allclose(log_p, np.log(loop), rtol=1e-5)
    assert LANGUAGE.probabilities(generator).sum() == pytest.approx(1, abs=1e-12)
    assert loop.max() > 3 / V**T  # a generator that is nearly uniform would hide a wrong order


def test_prefix_probabilities_are_sums_over_what_begins_so(generator_and_loop):
    _, loop = generator_and_loop
    for t, probabilities in enumerate(LANGUAGE.prefix_probabilities(loop)):
        for prefix, p in zip(itertools.product(range(V), repeat=t), probabilities, strict=True):
            begins_so = (LANGUAGE.sentences[:, :t] == prefix).all(axis=1)
            assert p == pytest.approx(loop[begins_so].sum())


def test_conditionals_are_ratios_of_prefixes(generator_and_loop):
    generator, loop = generator_and_loop
    prefixes = [*LANGUAGE.prefix_probabilities(loop), loop]
    for t, rows in enumerate(LANGUAGE.conditional_log_probabilities(generator)):
        expected = prefixes[t + 1].reshape(-1, V) / prefixes[t][:, None]
        np.testing.assert_allclose(np.exp(rows), expected, rtol=1e-5)


def test_sentences_of_one_token():
    language, generator = EnumerableLanguage(4, 1), TableGenerator(np.random.default_rng(2).normal(size=(1, 4, 4)))
    expected = special.softmax(generator.table.numpy()[0, 0].astype(float))
    np.testing.assert_allclose(language.probabilities(generator), expected)
    np.testing.assert_allclose(language.soft_reward(np.arange(4.0), tf.constant([[[0.5, 0.0, 0.0, 0.5]]])), [1.5])


def test_report_against_scipy(generator_and_loop):
    generator, loop = generator_and_loop
    report = LANGUAGE.report(generator)
    assert report["kl_data_model"] == pytest.approx(stats.entropy(LANGUAGE.p_data, loop), rel=1e-5)
    assert report["kl_model_data"] == pytest.approx(stats.entropy(loop, LANGUAGE.p_data), rel=1e-5)
    middle = (loop + LANGUAGE.p_data) / 2
    jsd = stats.entropy(middle) - (stats.entropy(loop) + LANGUAGE.entropy) / 2
    assert report["jsd"] == pytest.approx(jsd, rel=1e-5)
    assert report["game_value"] == pytest.approx(2 * jsd - np.log(4), rel=1e-5)
    assert report["total_variation"] == pytest.approx(np.abs(loop - LANGUAGE.p_data).sum() / 2, rel=1e-5)
    assert report["entropy"] == pytest.approx(stats.entropy(loop), rel=1e-5)


def test_the_language_itself_is_at_no_distance():
    language = EnumerableLanguage(V, T, order=1, seed=5)
    first, rows = np.log(language.conditionals[0]), np.log(language.conditionals[1])
    logits = np.stack([np.tile(first, (V, 1)), rows, rows, rows])
    report = language.report(TableGenerator(logits))
    for name in ("kl_data_model", "kl_model_data", "jsd"):
        assert report[name] == pytest.approx(0, abs=1e-9)
    assert report["total_variation"] < 1e-6 and report["game_value"] == pytest.approx(-np.log(4))
    assert report["entropy"] == pytest.approx(language.entropy, rel=1e-6)


def test_steps_of_the_divergence_add_up_to_it(generator_and_loop):
    generator, loop = generator_and_loop
    report = LANGUAGE.prefix_report(generator)
    assert report["data_prefixes"].sum() == pytest.approx(LANGUAGE.report(generator)["kl_data_model"], rel=1e-9)
    assert report["model_prefixes"][0] == pytest.approx(report["data_prefixes"][0])
    for name, p in (("data_prefixes", LANGUAGE.p_data), ("model_prefixes", loop)):
        expected = np.zeros(T)
        for sentence, weight in zip(LANGUAGE.sentences, p, strict=True):  # a prefix comes once for each of its endings
            for t in range(T):
                after = (LANGUAGE.sentences[:, :t] == sentence[:t]).all(axis=1)
                following = LANGUAGE.sentences[:, t][:, None] == np.arange(V)
                p_next, q_next = ((q[:, None] * following)[after].sum(axis=0) for q in (LANGUAGE.p_data, loop))
                expected[t] += weight * stats.entropy(p_next, q_next)  # which divides by the mass of the prefix
        np.testing.assert_allclose(report[name], expected, rtol=1e-4)
    assert np.abs(report["model_prefixes"] - report["data_prefixes"])[1:].max() > 0.01


# Rewards


def test_expected_reward_is_the_mean_over_sentences(generator_and_loop):
    generator, loop = generator_and_loop
    assert float(LANGUAGE.expected_reward(generator, REWARD)) == pytest.approx(loop @ REWARD, rel=1e-5)


@pytest.mark.parametrize("generator", GENERATORS)
def test_exact_gradient_against_finite_differences(generator):
    gradient = LANGUAGE.exact_gradient(generator, REWARD)
    assert [part.shape for part in gradient] == [weight.shape for weight in generator.trainable_variables]
    width = 5e-3  # float32 weights: the rounding of the logits is divided by it, and its square is the other error
    random = np.random.default_rng(4)
    for part, weight in zip(gradient, generator.trainable_variables, strict=True):
        before = weight.numpy()
        for place in random.permutation(before.size)[:12]:
            values = []
            for sign in (1, -1):
                moved = before.copy()
                moved.flat[place] += sign * width
                weight.assign(moved)
                values.append(float(LANGUAGE.expected_reward(generator, REWARD)))
            weight.assign(before)
            slope = (values[0] - values[1]) / (2 * width)
            assert part.numpy().flat[place] == pytest.approx(slope, rel=1e-3, abs=2e-5)


def test_reward_is_held_constant():
    # This reward hangs on the generator, and its own slope has not the mean 0.
    with tf.GradientTape() as tape:
        expected = LANGUAGE.expected_reward(TABLE, LANGUAGE.log_probabilities(TABLE) ** 2)
    held = LANGUAGE.exact_gradient(TABLE, LANGUAGE.log_probabilities(TABLE).numpy() ** 2)[0]
    np.testing.assert_allclose(
        tf.convert_to_tensor(tape.gradient(expected, TABLE.table.value)), held, rtol=1e-4, atol=1e-6
    )


def test_a_constant_reward_has_no_gradient_and_unused_weights_have_none():
    for part in LANGUAGE.exact_gradient(TABLE, np.full(V**T, 7.0)):
        np.testing.assert_allclose(part, 0, atol=1e-6)
    table, unused = LANGUAGE.exact_gradient(TABLE, REWARD)
    assert np.abs(table).max() > 0.01 and unused.numpy().tolist() == [0, 0]


def test_soft_reward_is_the_multilinear_extension():
    np.testing.assert_allclose(LANGUAGE.soft_reward(REWARD, tf.one_hot(LANGUAGE.sentences, V)), REWARD, rtol=1e-6)
    soft = np.random.default_rng(6).dirichlet(np.ones(V), size=(7, T))
    expected = []
    for row in soft:
        weights = [np.prod([row[t, sentence[t]] for t in range(T)]) for sentence in LANGUAGE.sentences]
        expected.append(np.dot(weights, REWARD))
    np.testing.assert_allclose(LANGUAGE.soft_reward(REWARD, tf.constant(soft)), expected)
    with tf.GradientTape() as tape:
        tape.watch(point := tf.one_hot(LANGUAGE.sentences[:1], V))
        value = LANGUAGE.soft_reward(REWARD, point)
    swapped = [REWARD[LANGUAGE.index([0] * t + [v] + [0] * (T - 1 - t))] for t in range(T) for v in range(V)]
    np.testing.assert_allclose(tape.gradient(value, point)[0], np.reshape(swapped, (T, V)), rtol=1e-6)


def test_what_does_not_fit_is_refused():
    for ask in (LANGUAGE.log_probabilities, LANGUAGE.report, LANGUAGE.prefix_report):
        with pytest.raises(ValueError, match=r"Received: vocabulary_size=5, end_token=None\. Build it with these"):
            ask(TableGenerator(np.zeros((1, 5, 5))))
    with pytest.raises(ValueError, match="Received: vocabulary_size=3, end_token=2"):
        LANGUAGE.log_probabilities(RecurrentGenerator(V))
    for ask in (LANGUAGE.expected_reward, LANGUAGE.exact_gradient):
        with pytest.raises(ValueError, match=r"reward must be \(81,\).* Received: \(80,\)"):
            ask(TABLE, REWARD[1:])
    with pytest.raises(ValueError, match=r"probabilities must be \(81,\).* Received: \(9, 9\)"):
        LANGUAGE.prefix_probabilities(REWARD.reshape(9, 9))
    with pytest.raises(ValueError, match=r"soft must be \(B, 4, 3\). Received: \(2, 3, 4\)"):
        LANGUAGE.soft_reward(REWARD, tf.zeros((2, 3, 4)))
