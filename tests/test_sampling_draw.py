"""One draw from each row of logits, against NumPy's running sum."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from course_utils.sampling import draw_tokens, keep_top

LARGEST = np.float32(1 - 2**-23)  # of TensorFlow's uniform numbers


def random_logits(rows, vocabulary, seed=0, scale=3.0):
    return (scale * np.random.default_rng(seed).normal(size=(rows, vocabulary))).astype(np.float32)


@pytest.mark.parametrize("vocabulary", [1, 2, 3, 5, 64, 71, 5000])
def test_a_draw_is_the_inverse_of_the_cumulative_distribution(vocabulary):
    logits = random_logits(200, vocabulary)
    uniforms = np.random.default_rng(1).uniform(size=200).astype(np.float32)
    running = np.cumsum(special.softmax(logits.astype(np.float64), axis=1), axis=1)
    expected = (running <= uniforms[:, None]).sum(axis=1).clip(max=vocabulary - 1)
    drawn = draw_tokens(tf.constant(logits), tf.constant(uniforms)).numpy()
    # float32 sums may fall on the other side of a border, but only where the number nearly hits it.
    nearest = np.abs(running - uniforms[:, None]).min(axis=1)
    assert (drawn == expected)[nearest > 1e-5].all()
    assert (nearest > 1e-5).mean() > (0.6 if vocabulary == 5000 else 0.95)
    assert drawn.dtype == np.int32


@pytest.mark.parametrize("vocabulary", [5, 71, 500])
def test_a_forbidden_token_is_never_drawn(vocabulary):
    generator = np.random.default_rng(2)
    logits = random_logits(3000, vocabulary, seed=3)
    allowed = generator.uniform(size=logits.shape) < 0.05
    allowed[np.arange(3000), generator.integers(vocabulary, size=3000)] = True
    logits[~allowed] = -np.inf
    for uniforms in (np.zeros(3000), np.full(3000, LARGEST), generator.uniform(size=3000)):
        drawn = draw_tokens(tf.constant(logits), tf.constant(uniforms, tf.float32)).numpy()
        assert allowed[np.arange(3000), drawn].all()


def test_the_ends_of_the_interval_give_the_first_and_the_last_token():
    logits = tf.zeros((2, 70))
    assert draw_tokens(logits, tf.constant([0.0, LARGEST])).numpy().tolist() == [0, 69]


@pytest.mark.parametrize("temperature", [0.0, 1e-4, 0.5, 1.0, 3.0])
def test_frequencies_are_those_of_the_tempered_softmax(temperature):
    logits = np.array([0.3, -1.0, 1.2, 0.0, 0.7], np.float32)
    many = 20_000
    uniforms = tf.random.stateless_uniform((many,), (5, 0))
    drawn = draw_tokens(tf.tile(logits[None], (many, 1)), uniforms, temperature).numpy()
    counts = np.bincount(drawn, minlength=5)
    if temperature < 1e-3:
        assert counts.tolist() == [0, 0, many, 0, 0]
    else:
        expected = many * special.softmax(logits.astype(np.float64) / temperature)
        assert stats.chisquare(counts, expected).pvalue > 1e-3


def test_a_temperature_of_0_draws_among_ties():
    logits = tf.tile(tf.constant([[1.0, 7.0, 7.0, -2.0]]), (1000, 1))
    drawn = draw_tokens(logits, tf.random.stateless_uniform((1000,), (1, 0)), 0.0).numpy()
    assert set(drawn) == {1, 2}
    assert 400 < (drawn == 1).sum() < 600


@pytest.mark.parametrize("scale", [1e4, 1e30])
def test_large_logits_stay_finite(scale):
    logits = tf.constant([[0.0, scale, -scale], [-scale, -scale, 0.0]])
    assert draw_tokens(logits, tf.constant([0.5, 0.5])).numpy().tolist() == [1, 2]


def test_xla_draws_the_same():
    logits = tf.constant(random_logits(50, 300, seed=4))
    uniforms = tf.random.stateless_uniform((50,), (2, 0))
    compiled = tf.function(draw_tokens, jit_compile=True)
    assert (compiled(logits, uniforms).numpy() == draw_tokens(logits, uniforms).numpy()).all()


def nucleus_by_hand(row, p):
    probabilities = special.softmax(row.astype(np.float64))
    kept, mass = set(), 0.0
    for token in np.argsort(-row):
        if mass >= p:
            break
        kept.add(int(token))
        mass += probabilities[token]
    return kept


@pytest.mark.parametrize(
    ("top_k", "top_p"), [(1, None), (3, None), (99, None), (None, 0.3), (None, 0.9), (None, 1.0), (4, 0.5)]
)
def test_what_is_kept_is_the_top(top_k, top_p):
    logits = random_logits(40, 20, seed=6)
    filtered = keep_top(tf.constant(logits), top_k, top_p).numpy()
    for row, after in zip(logits, filtered, strict=True):
        expected = set(np.argsort(-row)[: top_k or 20].tolist())
        if top_p is not None:
            expected &= nucleus_by_hand(row, top_p)
        assert set(np.flatnonzero(after > -np.inf).tolist()) == expected
        np.testing.assert_array_equal(after[sorted(expected)], row[sorted(expected)])
