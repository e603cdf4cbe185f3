"""Shuffled, fixed-size batches whose order is a function of the seed and the pass alone.

`tf.data`'s own shuffle keeps its state inside an iterator, so a training that is interrupted and
started again would see another order. Here pass ``p`` over the data has the order that
``(seed, p)`` gives, and ``dataset.passes`` says which pass comes next, so a callback can set it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def shuffled_batches(
    arrays, batch_size: int, *, seed: int = 0, transform: Callable | None = None, steps: int | None = None
):
    """Return a `tf.data.Dataset` that goes once through the rows, in a new order each time.

    The last rows that do not fill a batch are left out of that pass, so shapes are static.

    Args:
        arrays: one array, or a tuple of arrays, with the same first axis. Strings may be
            ``object`` or ``<U`` arrays; they arrive as `tf.string`.
        batch_size: rows in a batch; more than there are only with ``steps``.
        seed: non-negative integer; with the pass number it decides the order.
        transform: a TensorFlow function applied to each batch, such as a scaling.
        steps: batches of a pass that goes on where the one before it stopped, from order to order, so that no row is
            left out and in the long run each comes equally often; ``None`` for passes that are an order each.

    Returns:
        A `tf.data.Dataset` of batches (a tensor for one array, a tuple for a tuple), with an
        attribute ``passes``: an int64 `tf.Variable`, the number of the next pass.

    Raises:
        ValueError: if the arrays differ in length or hold fewer rows than one batch, and for fewer than one step.

    Example:
        >>> batches = shuffled_batches(np.arange(10), 4, seed=1)
        >>> [tuple(batch.shape) for batch in batches]
        [(4,), (4,)]
    """
    import tensorflow as tf

    single = not isinstance(arrays, tuple)
    columns = [np.asarray(column) for column in ((arrays,) if single else arrays)]
    rows = len(columns[0])
    if any(len(column) != rows for column in columns):
        raise ValueError(f"All arrays need the same number of rows. Received: {[len(c) for c in columns]}.")
    if min(rows, batch_size) < 1 or (steps is None and batch_size > rows):
        raise ValueError(
            f"batch_size must be between 1 and the number of rows, {rows}. Received: {batch_size}. "
            "Use a smaller batch or more data."
        )
    if seed < 0:
        raise ValueError(f"seed must be a non-negative integer. Received: {seed}.")
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1. Received: {steps}.")
    taken = rows if steps else rows // batch_size * batch_size  # of an order
    steps = steps or rows // batch_size
    needed = steps * batch_size
    # A pass begins up to ``taken − gcd`` rows after the beginning of an order.
    orders = math.ceil((taken - math.gcd(taken, needed) + needed) / taken)
    # The data live on the host; a GPU receives one batch at a time.
    with tf.device("CPU:0"):
        tensors = [tf.constant(c.astype(object) if c.dtype.kind in "OU" else c) for c in columns]
        passes = tf.Variable(0, dtype=tf.int64, trainable=False, name="passes")

    def order_of_next_pass(_):
        start = (passes.assign_add(1) - 1) * needed
        indices = tf.concat([order(start // taken + later)[:taken] for later in range(orders)], axis=0)
        first = start % taken
        return tf.data.Dataset.from_tensor_slices(tf.reshape(indices[first : first + needed], (steps, batch_size)))

    def order(number):
        return tf.random.experimental.stateless_shuffle(
            tf.range(rows, dtype=tf.int32), seed=tf.stack([tf.constant(seed, tf.int64), number])
        )

    def rows_of(indices):
        batch = tuple(tf.gather(tensor, indices) for tensor in tensors)
        batch = batch[0] if single else batch
        if transform is None:
            return batch
        return transform(batch) if single else transform(*batch)

    dataset = tf.data.Dataset.from_tensors(0).flat_map(order_of_next_pass).map(rows_of)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2)
    options = tf.data.Options()
    # A batch takes a fraction of a millisecond: one thread of its own makes it in time, and takes no
    # turns on the pool that the training step needs.
    options.threading.private_threadpool_size = 1
    options.autotune.enabled = False
    dataset = dataset.with_options(options)
    dataset.passes = passes
    return dataset
