"""Building generators of sequences: seeds, dropout, half precision, training, saving, wrong settings and inputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_sequence_models import KINDS, B, T, V, by_steps, make, make_ids

from course_utils.models.sequence import shift_right


def test_shifting_right_puts_the_start_token_first():
    ids = [[5, 6, 7], [8, 2, 0]]
    assert shift_right(ids, 1).numpy().tolist() == [[1, 5, 6], [1, 8, 2]]
    assert shift_right(tf.constant(ids, tf.int64), 0).dtype == tf.int64
    soft = shift_right(tf.one_hot(ids, V), 1)
    assert soft.dtype == tf.float32
    np.testing.assert_array_equal(soft, tf.one_hot(shift_right(ids, 1), V))


@pytest.mark.parametrize("tokens", [[5, 6], [[0.5, 0.5]], [[[1]]]])
def test_shifting_right_names_what_it_cannot_shift(tokens):
    with pytest.raises(ValueError, match=r"ids \(B, T\) or soft one-hot vectors, float \(B, T, V\). Received: \w+ \("):
        shift_right(tokens, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_every_weight(kind):
    # The last is the largest seed that the course's random draws take; the dropout has one too.
    one, same, other = (make(kind, seed=seed, dropout=0.1).get_weights() for seed in (3, 3, 2**31 - 1))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        # Biases and norms begin at constants; every matrix is drawn.
        assert np.all(a != c) if a.ndim > 1 and np.std(a) > 0 else np.array_equal(a, c)
    assert sum(a.ndim > 1 and np.std(a) > 0 for a in one) >= 3
    # No two weights of one shape are the same draw.
    drawn = [a for a in one if a.ndim > 1 and np.std(a) > 0]
    assert len({a.flat[0] for a in drawn}) == len(drawn)


def test_the_forget_gate_starts_open():
    bias = make("lstm").recurrence.get_weights()[2]
    np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], 6))


def test_tied_weights_are_one_matrix():
    tied, untied = make("lstm tied"), make("lstm")
    assert untied.count_params() - tied.count_params() == 6 * V
    tied.embedding.matrix.assign(2 * tied.embedding.matrix)
    np.testing.assert_array_equal(tied.embedding.matrix, tied.projection.weights[1])


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_dropout_acts_in_training_only(kind):
    generator, plain, ids = make(kind, dropout=0.5), make(kind), make_ids()
    generator.set_weights(plain.get_weights())
    np.testing.assert_array_equal(generator(ids), plain(ids))
    np.testing.assert_allclose(by_steps(generator, ids)[0], plain(ids), rtol=0, atol=1e-5)
    first, second = generator(ids, training=True), generator(ids, training=True)
    assert np.std(first - second) > 0.1 * np.std(first)
    assert np.std(by_steps(generator, ids, training=True)[0] - plain(ids)) > 0.1 * np.std(first)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_generator_comes_back_the_same(kind, tmp_path):
    path, ids = tmp_path / "generator.keras", make_ids()
    generator = make(kind, dropout=0.1, start_token=4, end_token=None, seed=5)
    generator.save(path)
    loaded = keras.models.load_model(path)
    assert type(loaded) is type(generator) and loaded.get_config() == generator.get_config()
    assert (loaded.vocabulary_size, loaded.start_token, loaded.end_token) == (V, 4, None)
    np.testing.assert_array_equal(loaded(ids), generator(ids))


@pytest.mark.parametrize("kind", ["lstm", "transformer tied"])
def test_half_precision_gives_float32_logits_and_trains(kind, tmp_path):
    generator, ids = make(kind, dtype="mixed_bfloat16"), make_ids()
    exact = make(kind)
    assert {w.dtype for w in generator.weights} == {"float32"}
    leaves = tf.nest.flatten(generator.initial_state(B))
    assert {leaf.dtype for leaf in leaves} <= {tf.bfloat16, tf.int32}
    logits, stepped = generator(ids), by_steps(generator, ids)[0]
    assert logits.dtype == stepped.dtype == tf.float32
    assert generator(tf.one_hot(ids, V)).dtype == tf.float32
    spread = np.std(exact(ids))
    assert 0 < np.abs(logits - exact(ids)).max() < 0.1 * spread
    assert np.abs(logits - stepped).max() < 0.1 * spread
    losses = train(generator, ids)
    assert losses[-1] < losses[0] / 2
    generator.save(tmp_path / "generator.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "generator.keras")(ids), generator(ids))


def test_half_precision_can_be_the_whole_program_s_choice():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generators = [make(kind) for kind in KINDS]
    finally:
        keras.config.set_dtype_policy("float32")
    for kind, generator in zip(KINDS, generators, strict=True):
        assert generator.compute_dtype == "bfloat16"
        assert generator(make_ids()).dtype == tf.float32
        np.testing.assert_array_equal(generator(make_ids()), make(kind, dtype="mixed_bfloat16")(make_ids()))


def train(generator, ids, steps=40):
    """Return the cross-entropy of each of some steps of Adam on one batch."""
    optimizer = keras.optimizers.Adam(0.05)
    optimizer.build(generator.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            logits = generator(shift_right(ids, 1), training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits))
        optimizer.apply(tape.gradient(loss, generator.trainable_variables), generator.trainable_variables)
        return loss

    return [float(step()) for _ in range(steps)]


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("lstm", {"cell": "rnn"}, "cell must be one of lstm, gru. Received: 'rnn'"),
        ("lstm", {"hidden_dim": 0}, "hidden_dim must be an integer of at least 1. Received: 0"),
        ("lstm", {"embedding_dim": 2.0}, "embedding_dim must be an integer of at least 1. Received: 2.0"),
        ("lstm tied", {"hidden_dim": 7}, "needs embedding_dim == hidden_dim.*Received: 6 and 7"),
        ("gru", {"dropout": 1.0}, "dropout must be at least 0 and below 1. Received: 1.0"),
        ("gru", {"start_token": V}, f"start_token must be an int from 0 to {V - 1}. Received: {V}"),
        ("gru", {"start_token": None}, f"start_token must be an int from 0 to {V - 1}. Received: None"),
        ("gru", {"end_token": -1}, f"end_token must be an int from 0 to {V - 1}. Received: -1"),
        ("gru", {"seed": -1}, "seed must be a non-negative integer. Received: -1"),
        ("transformer", {"heads": 3}, "heads must divide model_dim. Received: heads=3 and model_dim=8"),
        ("transformer", {"layers": 0}, "layers must be an integer of at least 1. Received: 0"),
        ("transformer", {"max_length": 0}, "max_length must be an integer of at least 1. Received: 0"),
    ],
)
def test_wrong_settings_are_named(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        make(kind, **settings)


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_wrong_tokens_are_named(kind):
    generator = make(kind)
    for tokens in ([1, 2], [[[1, 2]]], [[0.5, 0.5]], [[[0.5, 0.5]]], [[True]], [[]]):
        array = np.array(tokens, np.int32) if tokens == [[]] else np.array(tokens)
        with pytest.raises(ValueError, match=rf"integer ids \(B, T\) or .* float \(B, T, {V}\).*Received: \w+ \("):
            generator(array)
    for token in ([[1, 2]], [0.5], [[0.5, 0.5]], 1):
        with pytest.raises(ValueError, match=rf"integer ids \(B,\) or .* float \(B, {V}\).*Received: \w+ \("):
            generator.step(token, generator.initial_state(1))


def test_a_transformer_has_room_for_its_length_only():
    generator, ids = make("transformer"), make_ids(shape=(1, T + 3))
    with pytest.raises(ValueError, match=f"at most max_length={T + 2} tokens. Received: {T + 3}"):
        generator(ids)
    for length in (0, T + 3):
        with pytest.raises(ValueError, match=f"length must be 1 to max_length={T + 2}. Received: {length}"):
            generator.initial_state(1, length)
    assert [leaf.shape[2] for leaf in generator.initial_state(1, 3)["keys"]] == [3, 3]
    assert [leaf.shape[2] for leaf in generator.initial_state(1)["values"]] == [T + 2, T + 2]
    with pytest.raises(ValueError, match="holds 3 steps and is full"):
        by_steps(generator, ids[:, :4], generator.initial_state(1, 3))
