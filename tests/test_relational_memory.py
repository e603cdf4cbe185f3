"""The relational memory, held against its equations written out; what all generators promise is in the shared tests."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, softmax
from small_sequence_models import B, T, V, make, make_ids

from course_utils.models.relational_memory import RelationalMemoryGenerator
from course_utils.models.sequence import shift_right


def make_strong(**settings):
    generator, random = make("memory", **settings), np.random.default_rng(0)
    generator.set_weights([random.normal(scale=0.5, size=w.shape) for w in generator.get_weights()])
    return generator


def normed(x, layer):
    scale, shift = (np.asarray(w) for w in layer.get_weights())
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * scale + shift


def by_hand(generator, sentence):
    """Return the logits (T, V) for ids (T,), one slot and one head at a time."""
    cell, settings = generator.recurrence.cell, generator.settings
    slots, heads, size = settings["slots"], settings["heads"], settings["head_dim"]
    kernels = {
        name: np.asarray(getattr(cell, name).kernel)
        for name in ("read", "query", "key_value", "mlp_hidden", "mlp_output", "gates_of_input", "gates_of_memory")
    }
    width = heads * size
    key_kernel, value_kernel = kernels["key_value"][:, :width], kernels["key_value"][:, width:]
    memory = np.eye(slots, width)
    logits = []
    for token in sentence:
        x = np.asarray(generator.embedding.matrix)[token] @ kernels["read"] + np.asarray(cell.read.bias)
        rows = [*memory, x]
        new = np.empty_like(memory)
        for s in range(slots):
            attended = np.empty(width)
            for head in (slice(h * size, (h + 1) * size) for h in range(heads)):
                query = (memory[s] @ kernels["query"])[head]
                weights = softmax([query @ (row @ key_kernel)[head] / np.sqrt(size) for row in rows])
                attended[head] = sum(w * (row @ value_kernel)[head] for w, row in zip(weights, rows, strict=True))
            z = normed(memory[s] + attended, cell.attention_norm)
            hidden = np.maximum(z @ kernels["mlp_hidden"] + np.asarray(cell.mlp_hidden.bias), 0)
            update = normed(z + hidden @ kernels["mlp_output"] + np.asarray(cell.mlp_output.bias), cell.mlp_norm)
            gates = x @ kernels["gates_of_input"] + np.tanh(memory[s]) @ kernels["gates_of_memory"]
            new[s] = expit(gates[:width]) * np.tanh(update) + expit(gates[width:] + 1) * memory[s]
        memory = new
        logits.append(memory.ravel() @ np.asarray(generator.projection.kernel) + np.asarray(generator.projection.bias))
    return np.array(logits)


@pytest.mark.parametrize(("slots", "heads", "head_dim"), [(2, 2, 3), (1, 3, 2), (3, 1, 4)])
def test_the_memory_is_the_one_of_the_equations(slots, heads, head_dim):
    generator, ids = make_strong(slots=slots, heads=heads, head_dim=head_dim), make_ids()
    logits = generator(ids)
    assert np.std(logits) > 0.3
    for row in range(B):
        np.testing.assert_allclose(logits[row], by_hand(generator, ids[row]), atol=1e-4)


def test_the_defaults_are_the_published_ones():
    generator = RelationalMemoryGenerator(500, start_token=0, end_token=None)
    cell = generator.recurrence.cell
    assert generator.embedding.matrix.shape == (500, 32) and generator.projection.kernel.shape == (512, 500)
    assert (cell.slots, cell.heads, cell.head_dim) == (1, 2, 256)
    shapes = {
        "read": (32, 512),
        "query": (512, 512),
        "key_value": (512, 1024),
        "mlp_hidden": (512, 512),
        "mlp_output": (512, 512),
        "gates_of_input": (512, 1024),
        "gates_of_memory": (512, 1024),
    }
    for name, shape in shapes.items():
        kernel = getattr(cell, name).kernel
        assert kernel.shape == shape
        # Normal with 1/√inputs, cut at two deviations: 0.88 of it is left.
        assert np.std(kernel) * shape[0] ** 0.5 == pytest.approx(0.88, rel=0.03)
    assert np.std(generator.embedding.matrix) * 500**0.5 == pytest.approx(0.88, rel=0.03)
    assert [name for name in shapes if getattr(cell, name).use_bias] == ["read", "mlp_hidden", "mlp_output"]


def test_the_memory_begins_with_slots_that_are_unit_vectors():
    state = make("memory", slots=3).initial_state(2)
    np.testing.assert_array_equal(state, np.tile(np.eye(3, 6).ravel(), (2, 1)))


def test_every_weight_moves_the_last_memory_by_what_its_gradient_says():
    # In float64 (all but a softmax), so that steps are small beside the kinks of the ReLU.
    generator, ids = make_strong(dtype="float64"), tf.constant(make_ids())
    variables = [v for v in generator.trainable_variables if "projection" not in v.path]
    random = np.random.default_rng(1)
    weights = random.normal(size=(B, 12))

    @tf.function
    def total_and_slopes():
        with tf.GradientTape() as tape:
            memory = generator.recurrence(generator.embed(ids, 2, False))[:, -1]
            total = tf.reduce_sum(memory * weights)
        return total, tape.gradient(total, variables)

    for variable, slope in zip(variables, total_and_slopes()[1], strict=True):
        slope = tf.convert_to_tensor(slope).numpy()
        assert np.abs(slope).max() > 1e-6, variable.path
        direction, before, sides = random.normal(size=variable.shape), variable.numpy(), []
        for step in (1e-4, -1e-4):
            variable.assign(before + step * direction)
            sides.append(float(total_and_slopes()[0]))
        variable.assign(before)
        assert np.sum(slope * direction) == pytest.approx((sides[0] - sides[1]) / 2e-4, rel=0.01, abs=0.01)


def test_it_remembers_the_first_token_over_the_sentence():
    """The last token is the first: nothing between tells."""
    random = np.random.default_rng(0)
    ids = random.integers(0, V, (256, T)).astype(np.int32)
    ids[:, -1] = ids[:, 0]
    generator = make("memory", head_dim=12, embedding_dim=8)
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(generator.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            logits = generator(shift_right(ids, 1), training=True)[:, -1]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, -1], logits))
        optimizer.apply(tape.gradient(loss, generator.trainable_variables), generator.trainable_variables)
        return loss

    losses = [float(step()) for _ in range(150)]
    assert losses[0] > 2 and losses[-1] < 0.2


@pytest.mark.parametrize("name", ["slots", "heads", "head_dim", "embedding_dim"])
def test_wrong_settings_are_named(name):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1. Received: 0"):
        make("memory", **{name: 0})
