"""Batches: every row once a pass, an order that (seed, pass) decides, static shapes."""

import numpy as np
import pytest
import tensorflow as tf

from course_utils.datasets.batching import shuffled_batches


def rows(dataset):
    return np.concatenate([batch.numpy() for batch in dataset])


def test_a_pass_holds_every_row_once_and_passes_differ():
    dataset = shuffled_batches(np.arange(12), 4, seed=3)
    first, second = rows(dataset), rows(dataset)
    assert sorted(first) == sorted(second) == list(range(12))
    assert list(first) != list(second)


def test_the_order_depends_on_seed_and_pass_alone():
    one, other = (shuffled_batches(np.arange(50), 10, seed=3) for _ in range(2))
    rows(one)
    second = rows(one)
    tf.random.set_seed(999)
    other.passes.assign(1)
    np.testing.assert_array_equal(rows(other), second)
    different = shuffled_batches(np.arange(50), 10, seed=4)
    different.passes.assign(1)
    assert list(rows(different)) != list(second)


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 4, 5, 20])
def test_passes_of_some_steps_go_on_where_the_one_before_stopped(size, steps):
    whole = shuffled_batches(np.arange(12), 4, seed=3)
    parts = shuffled_batches(np.arange(12), size, seed=3, steps=steps)
    orders = np.concatenate([rows(whole) for _ in range(40)])
    passes = [rows(parts) for _ in range(3)]
    assert int(parts.cardinality()) == steps and parts.element_spec.shape == (size,)
    np.testing.assert_array_equal(passes, orders[: 3 * steps * size].reshape(3, -1))
    parts.passes.assign(1)
    np.testing.assert_array_equal(rows(parts), passes[1])


def test_the_rest_that_fills_no_batch_is_left_out_and_shapes_are_static():
    dataset = shuffled_batches(np.zeros((10, 2, 3), np.float32), 4)
    assert dataset.element_spec.shape == (4, 2, 3)
    assert int(dataset.cardinality()) == 2
    assert len(list(dataset)) == 2


def test_columns_stay_together_and_strings_pass():
    words = np.array(["nought", "one", "two", "three"])
    for numbers, texts in shuffled_batches((np.arange(4), words), 2):
        assert [words[n] for n in numbers.numpy()] == [t.decode() for t in texts.numpy()]


def test_the_transform_is_applied_to_a_batch():
    dataset = shuffled_batches(np.array([0, 255], np.uint8), 2, transform=lambda x: tf.cast(x, tf.float32) / 255)
    assert sorted(rows(dataset)) == [0.0, 1.0]


@pytest.mark.parametrize(
    ("arrays", "size", "seed", "message"),
    [
        (np.arange(3), 4, 0, "between 1 and the number of rows, 3"),
        (np.arange(3), 0, 0, "Received: 0"),
        ((np.arange(3), np.arange(4)), 2, 0, r"\[3, 4\]"),
        (np.arange(3), 1, -1, "seed"),
    ],
)
def test_impossible_requests_are_refused(arrays, size, seed, message):
    with pytest.raises(ValueError, match=message):
        shuffled_batches(arrays, size, seed=seed)


def test_a_pass_has_a_batch():
    with pytest.raises(ValueError, match=r"steps must be at least 1\. Received: 0"):
        shuffled_batches(np.arange(4), 2, steps=0)
