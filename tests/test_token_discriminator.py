"""The discriminator of unfinished sentences against its formulas in NumPy."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit

from course_utils.models.token_discriminator import TokenDiscriminator, position_signal

V, E, H, T = 7, 3, 4, 5
TOKENS = np.random.default_rng(1).integers(0, V, (6, T)).astype(np.int32)


def make_discriminator(**settings):
    return TokenDiscriminator(V, **{"embedding_dim": E, "hidden_dim": H, "seed": 1, **settings})


def with_random_weights(discriminator):
    """Biases and gains away from 0 and 1, or a mistake with them would not show."""
    random = np.random.default_rng(2)
    for weight in discriminator.trainable_variables:
        weight.assign(weight + 0.5 * random.normal(size=weight.shape))
    return discriminator


def signal_by_hand(length):
    waves = np.zeros((length, 8))
    for t in range(length):
        for k in range(8):
            period = 2.0 ** (1 - k / 7) * length ** (k / 7)
            waves[t, k] = math.cos(math.pi * (t / period + 2 * k / 7))
    return waves


def logits_by_hand(discriminator, tokens):
    """Return the logits, sentence by sentence and token by token."""
    cell = discriminator.recurrence.cell
    embedding, to_gates, kernel, gain, bias = (
        np.asarray(weight, np.float64)
        for weight in (
            discriminator.embedding,
            discriminator.inputs_to_gates.kernel,
            cell.kernel,
            cell.gain,
            cell.bias,
        )
    )
    last, last_bias = (np.asarray(weight, np.float64) for weight in discriminator.last_layer.weights)
    waves, logits = signal_by_hand(tokens.shape[1]), np.zeros(tokens.shape)
    for b, sentence in enumerate(tokens):
        hidden, memory = np.zeros(H), np.zeros(H)
        for t, token in enumerate(sentence):
            sums = np.concatenate([embedding[token], waves[t]]) @ to_gates + hidden @ kernel
            normal = (sums - sums.mean()) / np.sqrt(sums.var() + 1e-5) * gain + bias
            i, f, g, o = np.split(normal, 4)
            memory = expit(f) * memory + expit(i) * np.tanh(g)
            hidden = expit(o) * np.tanh(memory)
            logits[b, t] = (hidden @ last + last_bias)[0]
    return logits


def test_the_logits_are_those_of_the_formulas():
    discriminator = with_random_weights(make_discriminator())
    expected = logits_by_hand(discriminator, TOKENS)
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(discriminator(TOKENS), expected, atol=1e-5)
    np.testing.assert_allclose(discriminator(tf.one_hot(TOKENS, V)), expected, atol=1e-5)


def test_a_logit_depends_on_its_token_and_those_before_alone():
    discriminator = with_random_weights(make_discriminator())
    changed = TOKENS.copy()
    changed[:, 2] = (changed[:, 2] + 1) % V
    one, two = discriminator(TOKENS).numpy(), discriminator(changed).numpy()
    np.testing.assert_array_equal(one[:, :2], two[:, :2])
    assert (np.abs(one[:, 2:] - two[:, 2:]) > 1e-6).all()


@pytest.mark.parametrize("length", [1, 2, 9])
def test_the_position_signal_is_the_published_one(length):
    np.testing.assert_allclose(position_signal(length), signal_by_hand(length), atol=1e-5)


def test_the_forget_gate_starts_open_and_the_gains_at_one():
    cell = make_discriminator().recurrence.cell
    np.testing.assert_array_equal(cell.bias, np.repeat([0.0, 1.0, 0.0, 0.0], H))
    np.testing.assert_array_equal(cell.gain, np.ones(4 * H))


def test_the_penalty_is_half_the_squares_of_all_weights():
    discriminator = with_random_weights(make_discriminator(l2=0.02))
    squares = sum(float(np.square(weight).sum()) for weight in map(np.asarray, discriminator.trainable_variables))
    assert float(sum(discriminator.losses)) == pytest.approx(0.01 * squares, rel=1e-5)
    assert len(discriminator.trainable_variables) == 7 and make_discriminator(l2=0.0).losses == []


def test_dropout_takes_the_same_numbers_from_a_word_wherever_it_stands():
    discriminator = make_discriminator(embedding_dim=64, dropout=0.5)
    same = np.full((4, 1), 3, np.int32)
    dropped = discriminator(same, training=True).numpy()
    np.testing.assert_array_equal(dropped, np.repeat(dropped[:1], 4, axis=0))
    assert dropped[0, 0] != discriminator(same, training=False).numpy()[0, 0]


def test_equal_seeds_give_equal_networks_that_store_their_settings(tmp_path):
    one, two, other = (make_discriminator(seed=seed, l2=0.01)(TOKENS).numpy() for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)
    discriminator = with_random_weights(make_discriminator(l2=0.01))
    discriminator.save(tmp_path / "discriminator.keras")
    loaded = keras.saving.load_model(tmp_path / "discriminator.keras")
    np.testing.assert_array_equal(loaded(TOKENS), discriminator(TOKENS))
    assert float(sum(loaded.losses)) == float(sum(discriminator.losses)) > 0


def test_half_precision_ends_in_float32():
    discriminator = make_discriminator(dtype="mixed_bfloat16")
    assert discriminator(TOKENS).dtype == tf.float32
    np.testing.assert_allclose(discriminator(TOKENS), make_discriminator()(TOKENS), atol=0.05)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_dim": 0}, "hidden_dim must be an integer of at least 1. Received: 0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"l2": -1.0}, "l2 must be a number of at least 0. Received: -1"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_discriminator(**settings)


def test_tokens_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="Tokens are integer ids"):
        make_discriminator()(tf.zeros((2, 3, V + 1)))
