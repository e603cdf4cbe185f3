"""The recurrent and Transformer generators: one protocol, held against networks written out in NumPy."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from small_sequence_models import KINDS, B, T, V, by_steps, make, make_ids, transformer_by_hand

from course_utils.models.sequence import SequenceGenerator

every_kind = pytest.mark.parametrize("kind", KINDS)


@functools.cache
def generator_of(kind):
    """Return a generator whose weights are all far from 0, so that a forgotten one shows."""
    generator = make(kind)
    random = np.random.default_rng(0)
    generator.set_weights([random.normal(scale=0.5, size=w.shape) for w in generator.get_weights()])
    return generator


def close(one, other, atol=1e-5):
    np.testing.assert_allclose(one, other, rtol=0, atol=atol)


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


@every_kind
def test_steps_give_what_a_call_gives_for_mixtures_of_words_with_the_same_gradient(kind):
    generator = generator_of(kind)
    soft = tf.constant(np.random.default_rng(1).dirichlet(np.ones(V), (B, T)), tf.float32)
    gradients = []
    for read in (generator, lambda tokens: by_steps(generator, tokens)[0]):
        with tf.GradientTape() as tape:
            tape.watch(soft)
            logits = read(soft)
            last = tf.reduce_sum(logits[:, -1, 0])
        gradients.append((logits, tape.gradient(last, soft)))
    close(gradients[0][0], gradients[1][0])
    close(gradients[0][1], gradients[1][1])
    assert np.all(np.abs(gradients[0][1]).max(axis=(0, 2)) > 1e-6)  # every input moves the last logits


@every_kind
def test_a_gradient_through_soft_inputs_is_the_finite_difference(kind):
    generator = generator_of(kind)
    random = np.random.default_rng(2)
    soft, direction = (tf.constant(random.dirichlet(np.ones(V), (1, T)), tf.float32) for _ in range(2))
    with tf.GradientTape() as tape:
        tape.watch(soft)
        total = tf.reduce_sum(generator(soft) ** 2)
    slope = float(tf.reduce_sum(tape.gradient(total, soft) * direction))
    sides = [float(tf.reduce_sum(generator(soft + h * direction) ** 2)) for h in (1e-2, -1e-2)]
    assert slope == pytest.approx((sides[0] - sides[1]) / 2e-2, rel=1e-2)


@every_kind
def test_a_token_changes_no_logits_before_it_and_all_after_it(kind):
    generator, ids = generator_of(kind), make_ids()
    for t in range(T):
        changed = ids.copy()
        changed[:, t] = (ids[:, t] + 1) % V
        difference = np.abs(generator(changed) - generator(ids)).max(axis=(0, 2))
        assert np.all(difference[:t] == 0) and np.all(difference[t:] > 1e-5)


@every_kind
def test_padding_to_the_right_changes_nothing_before_it(kind):
    generator, ids = generator_of(kind), make_ids()
    padded = np.pad(ids, ((0, 0), (0, 2)))
    close(generator(padded)[:, :T], generator(ids), atol=1e-6)
    # Nor does a state with room to spare.
    close(by_steps(generator, ids, generator.initial_state(B, T + 2))[0], generator(ids))


@every_kind
def test_rows_of_a_state_can_be_repeated_and_mixed_at_different_positions(kind):
    generator, ids, more = generator_of(kind), make_ids(), make_ids(3, (3 * B, 2))
    _, state = by_steps(generator, ids, generator.initial_state(B, T + 2))
    state = tf.nest.map_structure(lambda leaf: tf.repeat(leaf, 3, axis=0), state)
    whole = generator(np.concatenate([np.repeat(ids, 3, axis=0), more], axis=1))
    close(by_steps(generator, more, state)[0], whole[:, T:])
    # Row 0 has read 2 tokens, row 1 all of them: together they go on as each would alone.
    states = [by_steps(generator, ids[:1, :n], generator.initial_state(1, T + 2))[1] for n in (2, T)]
    both = tf.nest.map_structure(lambda *leaves: tf.concat(leaves, axis=0), *states)
    logits, _ = by_steps(generator, more[:2], both)
    for row, n in enumerate((2, T)):
        alone = generator(np.concatenate([ids[:1, :n], more[row : row + 1]], axis=1))
        close(logits[row], alone[0, n:])


@pytest.mark.parametrize("kind", ["lstm", "gru", "transformer tied"])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_steps_run_in_a_while_loop_of_static_shapes(kind, jit_compile):
    generator, ids = generator_of(kind), make_ids()

    def loop(tokens, state):
        def body(t, state, logits):
            row, state = generator.step(tokens[:, t], state)
            return t + 1, state, tf.tensor_scatter_nd_update(logits, [[t]], row[None])

        return tf.while_loop(lambda t, *_: t < T, body, (0, state, tf.zeros((T, B, V))))[2]

    graph = tf.function(lambda tokens: loop(tokens, generator.initial_state(B, T)), jit_compile=jit_compile)
    close(tf.transpose(graph(tf.constant(ids)), (1, 0, 2)), generator(ids))


@pytest.mark.parametrize("kind", ["gru", "transformer"])
def test_a_graph_can_leave_the_batch_open(kind):
    generator = generator_of(kind)

    @tf.function(input_signature=[tf.TensorSpec((None, T), tf.int32)])
    def first_two(tokens):
        state = generator.initial_state(tf.shape(tokens)[0])
        after = generator.step(tokens[:, 0], state)[1]
        tf.nest.map_structure(lambda old, new: old.shape.assert_is_compatible_with(new.shape), state, after)
        return generator.step(tokens[:, 1], after)[0], generator(tokens)

    step, whole = first_two(make_ids())
    close(step, whole[:, 1])


@pytest.mark.parametrize("kind", ["lstm", "lstm tied"])
def test_the_lstm_is_the_one_written_out(kind):
    """Hochreiter & Schmidhuber 1997 with forget gates; Keras's order of the gates is i, f, candidate, o."""
    generator, ids = generator_of(kind), make_ids()
    recurrence = generator.recurrence
    kernel, recurrent, bias = (np.asarray(w) for w in recurrence.get_weights())
    embeddings = np.asarray(generator.embedding.matrix)
    out = embeddings.T if kind.endswith("tied") else np.asarray(generator.projection.kernel)
    h = c = np.zeros((B, 6))
    logits = []
    for t in range(T):
        i, f, candidate, o = np.split(embeddings[ids[:, t]] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = expit(f) * c + expit(i) * np.tanh(candidate)
        h = expit(o) * np.tanh(c)
        logits.append(h @ out + np.asarray(generator.projection.bias))
    close(generator(ids), np.stack(logits, axis=1))


def test_the_transformer_is_the_one_written_out():
    generator, ids = generator_of("transformer tied"), make_ids()
    out, bias = np.asarray(generator.embedding.matrix).T, np.asarray(generator.projection.bias)
    for row in range(B):
        logits = transformer_by_hand(generator, ids[row], lambda t: range(t + 1)) @ out + bias
        close(generator(ids)[row], logits, atol=1e-4)
