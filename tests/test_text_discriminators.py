"""What the discriminators of sentences share: ids and soft sentences, padding, gradients, seeds, settings, saving."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_sequence_models import transformer_by_hand
from small_text_discriminators import KINDS, B, T, V, make, make_ids, make_soft, make_strong
from tensorflow.python.framework import config

every_kind = pytest.mark.parametrize("kind", KINDS)
some_kinds = pytest.mark.parametrize("kind", ["cnn", "gru", "transformer"])  # where it takes seconds


@contextlib.contextmanager
def deterministic_operations():
    tf.config.experimental.enable_op_determinism()
    try:
        yield
    finally:
        config.disable_op_determinism()  # TensorFlow has no public way back


def close(one, other, atol=1e-5):
    np.testing.assert_allclose(one, other, rtol=0, atol=atol)


@every_kind
def test_ids_and_their_one_hot_vectors_are_the_same_sentences(kind):
    discriminator, ids = make_strong(kind), make_ids()
    logits = discriminator(ids)
    assert logits.shape == (B, 1) and logits.dtype == tf.float32
    assert np.std(logits) > 0.02
    close(discriminator(tf.one_hot(ids, V)), logits)
    close(discriminator(ids.astype(np.int64)), logits)


@every_kind
def test_the_last_layer_reads_the_features(kind):
    discriminator, ids = make_strong(kind), make_ids()
    features = discriminator.features(ids)
    kernel, bias = discriminator.last_layer.get_weights()
    assert features.shape == (B, len(kernel)) and np.std(features) > 0.02
    close(features @ kernel + bias, discriminator(ids))


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_recurrent_features_are_the_largest_outputs_of_both_directions(kind):
    discriminator, ids = make_strong(kind), make_ids()
    embedded = tf.gather(discriminator.embedding.matrix, ids)
    expected = []
    for direction, order in zip(discriminator.directions, (range(T), reversed(range(T))), strict=True):
        state, outputs = direction.cell.get_initial_state(B), []
        for t in order:
            output, state = direction.cell(embedded[:, t], state)
            outputs.append(output)
        expected.append(np.max(outputs, axis=0))
    close(discriminator.features(ids), np.concatenate(expected, axis=1))


def test_the_transformer_is_the_one_written_out():
    discriminator, ids = make_strong("transformer"), make_ids()
    for row in range(B):
        encoded = transformer_by_hand(discriminator, ids[row], lambda t: range(T))
        close(discriminator.features(ids)[row], encoded.mean(axis=0), atol=1e-4)


@every_kind
def test_gradients_to_soft_sentences_and_weights_are_the_finite_differences(kind):
    # In float64 (all but a softmax and the last layer), so that steps are small beside the kinks of a maximum.
    discriminator = make_strong(kind, dtype="float64")
    soft = tf.Variable(tf.cast(make_soft(), tf.float64))
    variables = [soft, *(v for v in discriminator.trainable_variables if "last_layer" not in v.path)]

    @tf.function
    def total():
        return tf.reduce_sum(discriminator.features(soft) ** 3)

    with tf.GradientTape() as tape:
        value = total()
    random = np.random.default_rng(1)
    for variable, gradient in zip(variables, tape.gradient(value, variables), strict=True):
        direction = random.normal(size=variable.shape)
        slope = float(tf.reduce_sum(tf.convert_to_tensor(gradient) * direction))
        before, sides = variable.numpy(), []
        for step in (1e-4, -1e-4):
            variable.assign(before + step * direction)
            sides.append(float(total()))
        variable.assign(before)
        assert slope == pytest.approx((sides[0] - sides[1]) / 2e-4, rel=0.01, abs=0.01), variable.path


@every_kind
def test_padding_is_a_word_like_any_other(kind):
    discriminator = make_strong(kind)
    short, padded, longer = [[5, 6, 2, 7, 3, 2]], [[5, 6, 2, 7, 3, 2, 0]], [[5, 6, 2, 7, 3, 2, 0, 0]]
    logits = [float(discriminator(tf.constant(tokens))[0, 0]) for tokens in (short, padded, longer)]
    assert len({round(logit, 4) for logit in logits}) == 3
    # Exchange the embeddings of padding and word 5: the sentences with the two exchanged get the same logits.
    ids = make_ids()
    before = discriminator(ids)
    exchange = np.arange(V)
    exchange[[0, 5]] = 5, 0
    discriminator.embedding.matrix.assign(discriminator.embedding.get_weights()[0][exchange])
    close(discriminator(exchange[ids]), before)


@every_kind
def test_the_order_of_the_words_matters(kind):
    discriminator, ids = make_strong(kind), make_ids()
    assert np.abs(discriminator(ids[:, ::-1]) - discriminator(ids)).max() > 0.01


@some_kinds
def test_xla_with_deterministic_operations_computes_the_same(kind):
    discriminator, ids, soft = make_strong(kind, l2=0.1), tf.constant(make_ids()), make_soft()

    def everything(ids, soft):
        with tf.GradientTape() as tape:
            tape.watch(soft)
            total = tf.reduce_sum(discriminator(ids) ** 2) + tf.reduce_sum(discriminator(soft) ** 3)
            total += tf.add_n(discriminator.losses)
        gradients = tape.gradient(total, [soft, *discriminator.trainable_variables])
        return [total, *(tf.convert_to_tensor(gradient) for gradient in gradients)]

    expected = everything(ids, soft)
    with deterministic_operations():
        compiled = tf.function(everything, jit_compile=True)(ids, soft)
    for one, other in zip(compiled, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@some_kinds
def test_sentences_of_unknown_number_and_length_can_be_compiled(kind):
    discriminator, soft = make_strong(kind), make_soft()

    @tf.function(input_signature=[tf.TensorSpec((None, None, V))])
    def slope(soft):
        return tf.gradients(tf.reduce_sum(discriminator(soft)), soft)[0]

    with tf.GradientTape() as tape:
        tape.watch(soft)
        total = tf.reduce_sum(discriminator(soft))
    close(slope(soft), tape.gradient(total, soft))


@every_kind
def test_the_seed_decides_every_weight(kind):
    one, same, other = (make(kind, seed=seed).get_weights() for seed in (3, 3, 2**31 - 1))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        # Biases and norms begin at constants; every matrix is drawn.
        assert np.all(a != c) if a.ndim > 1 and np.std(a) > 0 else np.array_equal(a, c)
    drawn = [a for a in one if a.ndim > 1 and np.std(a) > 0]
    assert len({a.flat[0] for a in drawn}) == len(drawn) >= 5


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "multi cnn"])  # there it acts before the features
def test_dropout_acts_in_training_only(kind):
    # A Transformer's blocks have it too: keep it from being all of what is seen here.
    discriminator, plain, ids = make_strong(kind, dropout=0.5), make_strong(kind, dropout=0.0), make_ids()
    close(discriminator(ids), plain(ids))
    close(plain(ids, training=True), plain(ids))
    first, second = (discriminator.features(ids, training=True).numpy() for _ in range(2))
    assert 0.2 < np.mean(first == 0) < 0.8 and np.any(first != second)
    assert np.any(discriminator(ids, training=True) != discriminator(ids, training=True))


@every_kind
def test_the_penalty_is_on_the_last_layer_only(kind):
    assert make(kind, l2=0.0).losses == []
    discriminator = make_strong(kind, l2=0.3)
    kernel, bias = discriminator.last_layer.get_weights()
    assert float(tf.add_n(discriminator.losses)) == pytest.approx(0.3 * (np.sum(kernel**2) + bias[0] ** 2), rel=1e-5)


@every_kind
def test_a_saved_discriminator_comes_back_the_same(kind, tmp_path):
    path, ids = tmp_path / "discriminator.keras", make_ids()
    discriminator = make_strong(kind, dropout=0.2, l2=0.1, seed=5)
    discriminator.save(path)
    loaded = keras.models.load_model(path)
    assert type(loaded) is type(discriminator) and loaded.get_config() == discriminator.get_config()
    np.testing.assert_array_equal(loaded(ids), discriminator(ids))
    close(loaded.losses, discriminator.losses)
    twin = type(discriminator).from_config(discriminator.get_config())
    for one, other in zip(twin.get_weights(), make(kind, seed=5).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("kind", "policy"), [*((kind, "mixed_bfloat16") for kind in KINDS), ("cnn", "mixed_float16")])
def test_half_precision_gives_float32_logits_near_the_exact_ones(kind, policy):
    discriminator, exact, ids = make_strong(kind, dtype=policy), make_strong(kind), make_ids()
    assert {weight.dtype for weight in discriminator.trainable_weights} == {"float32"}
    assert discriminator.features(ids).dtype == policy.removeprefix("mixed_")
    for tokens in (ids, tf.one_hot(ids, V)):
        logits = discriminator(tokens)
        assert logits.dtype == tf.float32
        assert 0 < np.abs(logits - exact(tokens)).max() < 0.1 * np.std(exact(tokens)) + 0.05


@some_kinds
def test_two_devices_take_the_step_of_one(kind, two_devices):
    one, two = (one_step(kind, strategy) for strategy in (tf.distribute.get_strategy(), two_devices))
    for a, b, start in zip(one, two, make_strong(kind).trainable_weights, strict=True):
        close(a, b)
        assert a.ndim == 1 or np.any(a != start.numpy())


def one_step(kind, strategy):
    """Return the weights after one step of SGD, each device with its share of the rows."""
    ids, targets = tf.constant(make_ids()), tf.constant([[1.0], [0.0], [1.0], [0.0]])
    devices = strategy.num_replicas_in_sync
    with strategy.scope():
        discriminator, optimizer = make_strong(kind, l2=0.1), keras.optimizers.SGD(0.5)
        optimizer.build(discriminator.trainable_variables)

    def step():
        first = tf.distribute.get_replica_context().replica_id_in_sync_group * (B // devices)
        rows = slice(first, first + B // devices)
        with tf.GradientTape() as tape:
            losses = tf.nn.sigmoid_cross_entropy_with_logits(targets[rows], discriminator(ids[rows]))
            loss = (tf.reduce_mean(losses) + tf.add_n(discriminator.losses)) / devices
        variables = discriminator.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    tf.function(lambda: strategy.run(step))()
    return [weight.numpy() for weight in discriminator.trainable_weights]


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("cnn", {"embedding_dim": 0}, "embedding_dim must be an integer of at least 1. Received: 0"),
        ("cnn", {"dropout": 1.0}, "dropout must be at least 0 and below 1. Received: 1.0"),
        ("cnn", {"l2": -0.1}, "l2 must be at least 0. Received: -0.1"),
        ("cnn", {"l2": float("nan")}, "l2 must be at least 0. Received: nan"),
        ("gru", {"seed": -1}, "seed must be a non-negative integer. Received: -1"),
        ("gru", {"cell": "rnn"}, "cell must be one of lstm, gru. Received: 'rnn'"),
        ("lstm", {"hidden_dim": 2.0}, "hidden_dim must be an integer of at least 1. Received: 2.0"),
        ("transformer", {"heads": 3}, "heads must divide model_dim. Received: heads=3 and model_dim=8"),
        ("transformer", {"layers": 0}, "layers must be an integer of at least 1. Received: 0"),
        ("transformer", {"max_length": 0}, "max_length must be an integer of at least 1. Received: 0"),
    ],
)
def test_wrong_settings_are_named(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        make(kind, **settings)


@every_kind
def test_wrong_tokens_are_named(kind):
    discriminator = make(kind)
    for tokens in ([1, 2], [[[1, 2]]], [[0.5, 0.5]], [[[0.5, 0.5]]], [[True]]):
        with pytest.raises(ValueError, match=rf"integer ids \(B, T\) or .* float \(B, T, {V}\).*Received: \w+ \("):
            discriminator(np.array(tokens))


def test_a_transformer_reads_its_length_only():
    discriminator = make("transformer")
    assert discriminator(make_ids(shape=(1, T + 2))).shape == (1, 1)
    with pytest.raises(ValueError, match=f"at most max_length={T + 2} tokens. Received: {T + 3}"):
        discriminator(make_ids(shape=(1, T + 3)))
