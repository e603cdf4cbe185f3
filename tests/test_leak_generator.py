"""LeakGAN's generator: its features against the discriminator's own, and the network written out in NumPy."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from small_sequence_models import by_steps

from course_utils.models.leak_generator import LeakGenerator
from course_utils.models.prefix_features import PrefixFeatures
from course_utils.models.sequence import SequenceGenerator
from course_utils.models.text_cnn import TextCNN
from course_utils.sampling import log_prob, sample

V, B, T, HIDDEN, K, C = 9, 4, 6, 5, 3, 2
START = 1
KINDS = {"whole": {}, "no leak": {"leak": False}, "no manager": {"manager": False}}
every_kind = pytest.mark.parametrize("kind", KINDS)


def make_judge(widths=(1, 2, 4)):
    return TextCNN(V, embedding_dim=4, widths=widths, filters=tuple(range(3, 3 + len(widths))), seed=1)


def make(**settings):
    sizes = {"length": T, "embedding_dim": 4, "hidden_dim": HIDDEN, "goal_dim": K, "horizon": C, "start_token": START}
    return LeakGenerator(make_judge(), **sizes | settings)


@functools.cache
def generator_of(kind):
    """Return a generator whose weights are all far from 0, so that a forgotten one shows."""
    generator = make(**KINDS[kind])
    random = np.random.default_rng(0)
    for variable in (*generator.trainable_variables, *generator.discriminator.trainable_variables):
        variable.assign(random.normal(scale=0.7, size=variable.shape))
    return generator


def make_ids(seed=0, shape=(B, T)):
    return np.random.default_rng(seed).integers(0, V, shape).astype(np.int32)


def close(one, other, atol=1e-5):
    np.testing.assert_allclose(one, other, rtol=0, atol=atol)


def padded_features(judge, sentences, length=T):
    """Return what the discriminator says of each beginning, filled up with padding, (B, T + 1, F)."""
    features = []
    for t in range(sentences.shape[1] + 1):
        beginning = np.zeros((len(sentences), length), np.int32)
        beginning[:, :t] = sentences[:, :t]
        features.append(judge.features(tf.constant(beginning)).numpy())
    return np.stack(features, axis=1)


@pytest.mark.parametrize(("widths", "length"), [((1, 2, 4), T), ((T,), T), ((1,), T), ((1, 3), T + 2)])
def test_the_features_of_a_beginning_are_the_discriminators_of_its_padded_sentence(widths, length):
    judge, ids = make_judge(widths), make_ids()
    random = np.random.default_rng(3)
    for variable in judge.trainable_variables:  # the padding's embedding and the biases too
        variable.assign(random.normal(size=variable.shape))
    expected = padded_features(judge, ids, length)
    leak = PrefixFeatures(judge, length)
    close(leak.of_all(judge.embedding(ids)), expected, atol=1e-4)
    assert np.abs(np.diff(expected, axis=1)).max(axis=(0, 2)).min() > 1e-2  # each token moves them
    # Rows that do not count a token stay where they are.
    state = leak.initial_state(B)
    for t in range(3):
        state = leak.read(judge.embedding(ids[:, t]), state, tf.constant([True, False, t != 1, True]))
    close(leak.features(state)[0], expected[0, 3], atol=1e-4)
    close(leak.features(state)[1], expected[1, 0], atol=1e-4)
    close(leak.features(state)[2], padded_features(judge, ids[:, [0, 2]], length)[2, 2], atol=1e-4)


@every_kind
def test_steps_give_what_a_call_gives_for_ids_and_for_one_hot_vectors(kind):
    generator, ids = generator_of(kind), make_ids()
    assert isinstance(generator, SequenceGenerator)
    logits = generator(ids)
    assert logits.shape == (B, T, V) and logits.dtype == tf.float32
    assert np.std(logits) > 0.3
    one_hot = tf.one_hot(ids, V)
    close(generator(one_hot), logits)
    close(by_steps(generator, ids)[0], logits)
    close(by_steps(generator, one_hot)[0], logits)
    close(generator(ids[:, :1]), logits[:, :1])


@every_kind
def test_a_token_changes_no_logits_before_it_and_all_after_it(kind):
    generator, ids = generator_of(kind), make_ids()
    for t in range(T):
        changed = ids.copy()
        changed[:, t] = (ids[:, t] + 1) % V
        difference = np.abs(generator(changed) - generator(ids)).max(axis=(0, 2))
        assert np.all(difference[:t] == 0) and np.all(difference[t:] > 1e-5)


def test_rows_of_a_state_can_be_repeated_and_mixed_at_different_positions():
    generator, ids, more = generator_of("whole"), make_ids(), make_ids(3, (3 * B, 2))
    _, state = by_steps(generator, ids[:, :4])
    state = tf.nest.map_structure(lambda leaf: tf.repeat(leaf, 3, axis=0), state)
    whole = generator(np.concatenate([np.repeat(ids[:, :4], 3, axis=0), more], axis=1))
    close(by_steps(generator, more, state)[0], whole[:, 4:])
    states = [by_steps(generator, ids[:1, :n])[1] for n in (1, 4)]
    both = tf.nest.map_structure(lambda *leaves: tf.concat(leaves, axis=0), *states)
    logits, _ = by_steps(generator, more[:2], both)
    for row, n in enumerate((1, 4)):
        close(logits[row], generator(np.concatenate([ids[:1, :n], more[row : row + 1]], axis=1))[0, n:])


def lstm_by_hand(layer, inputs):
    """Return the outputs (B, T, H); Keras's order of the gates is i, f, candidate, o."""
    kernel, recurrent, bias = (np.asarray(w) for w in layer.get_weights())
    h = c = np.zeros((len(inputs), recurrent.shape[0]))
    outputs = []
    for t in range(inputs.shape[1]):
        i, f, candidate, o = np.split(inputs[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = expit(f) * c + expit(i) * np.tanh(candidate)
        h = expit(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1)


@every_kind
def test_the_network_is_the_one_written_out(kind):
    generator, sentences = generator_of(kind), make_ids(seed=5)
    logits, features, goals = generator.plan(sentences)
    close(features, padded_features(generator.discriminator, sentences), atol=1e-4)
    inputs = np.concatenate([np.full((B, 1), START), sentences[:, :-1]], axis=1)
    hidden = lstm_by_hand(generator.worker, np.asarray(generator.embedding.matrix)[inputs])
    if kind == "no manager":
        expected = np.full((B, T, generator.feature_dim), generator.feature_dim**-0.5)
    else:
        shown = features.numpy()[:, :-1] * (kind == "whole")
        kernel, bias = (np.asarray(w) for w in generator.goal.get_weights())
        expected = lstm_by_hand(generator.manager, shown) @ kernel + bias
        expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    close(goals, expected)
    psi = np.asarray(generator.psi.kernel)
    tensor, bias = (np.asarray(w) for w in generator.projection.get_weights())
    for t in range(T):
        w = sum(expected[:, t - i] for i in range(C) if t >= i) @ psi  # (B, k)
        matrix = np.einsum("bh,hkv->bvk", hidden[:, t], tensor.reshape(HIDDEN, K, V))  # O_t
        close(logits[:, t], np.einsum("bvk,bk->bv", matrix, w) + bias, atol=1e-4)


def test_without_the_leak_goals_know_the_position_alone_and_without_a_manager_nothing():
    for kind, over_time in (("whole", True), ("no leak", True), ("no manager", False)):
        goals = generator_of(kind).plan(make_ids())[2].numpy()
        assert (np.ptp(goals, axis=0).max() > 1e-3) == (kind == "whole")
        assert (np.ptp(goals, axis=1).max() > 1e-3) == over_time


def test_no_gradient_passes_from_the_logits_to_manager_or_discriminator():
    generator, ids = generator_of("whole"), make_ids()
    judge = generator.discriminator
    manager = [*generator.manager.trainable_variables, *generator.goal.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        logits, _, goals = generator.plan(ids)
        of_worker, of_manager = tf.reduce_sum(logits**2), tf.reduce_sum(goals[..., 0] ** 2)
    everything = [*generator.trainable_variables, *judge.trainable_variables]
    outside = {id(v) for v in judge.trainable_variables}
    for loss, learns in ((of_worker, False), (of_manager, True)):
        for variable, slope in zip(everything, tape.gradient(loss, everything), strict=True):
            in_manager = any(variable is one for one in manager)
            moved = id(variable) not in outside and in_manager == learns
            assert (slope is not None) == moved, variable.path
            assert not moved or np.abs(tf.convert_to_tensor(slope)).max() > 0


def test_the_discriminators_weights_are_stored_but_are_not_the_generators_to_train(tmp_path):
    generator = make()
    judge = generator.discriminator
    own, others = ({id(v) for v in network.trainable_variables} for network in (generator, judge))
    assert len(own) == 12 and not own & others
    assert {id(v) for v in generator.trainable_weights} == own
    for variable in judge.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    generator.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    assert loaded.get_config() == generator.get_config()
    close(loaded(make_ids()), generator(make_ids()), atol=0)


def test_sampled_sentences_have_the_probabilities_that_a_call_gives():
    generator = generator_of("whole")
    tokens = sample(generator, 4_000, 2, seed=1).numpy()
    pairs = np.stack(np.meshgrid(np.arange(V), np.arange(V), indexing="ij"), axis=-1).reshape(-1, 2).astype(np.int32)
    generator_endless = pairs[pairs[:, 0] != generator.end_token]
    expected = np.exp(log_prob(generator, generator_endless).numpy().sum(axis=1))
    seen = np.array([(tokens == pair).all(axis=1).mean() for pair in generator_endless])
    assert np.abs(seen - expected).max() < 5 * np.sqrt(0.25 / 4_000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"horizon": T + 1}, r"horizon must be at most length, 6\. Received: 7"),
        ({"horizon": 0}, "horizon must be an integer of at least 1"),
        ({"goal_dim": 0}, "goal_dim must be an integer of at least 1"),
        ({"length": 3}, "at least as many tokens as the widest window, 4. Received: 3"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_another_discriminator_or_too_long_a_sentence_is_refused():
    with pytest.raises(TypeError, match=r"must be a TextCNN\. Received: Sequential"):
        LeakGenerator(keras.Sequential([keras.layers.Dense(1)]), length=T)
    with pytest.raises(ValueError, match=r"at most 6 tokens\. Received: 7"):
        generator_of("whole").plan(make_ids(shape=(B, T + 1)))
