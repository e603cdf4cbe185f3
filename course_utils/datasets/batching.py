"""Shuffled, fixed-size batches whose order is a function of the seed and the pass alone.

`tf.data`'s own shuffle keeps its state inside an iterator, so a training that is interrupted and
started again would see another order. Here pass ``p`` over the data has the order that
``(seed, p)`` gives, and ``dataset.passes`` says which pass comes next, so a callback can set it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def shuffled_batches(arrays, batch_size: int, *, seed: int = 0, transform: Callable | None = None):
    """Return a `tf.data.Dataset` that goes once through the rows, in a new order each time.

    The last rows that do not fill a batch are left out of that pass, so shapes are static.

    Args:
        arrays: one array, or a tuple of arrays, with the same first axis. Strings may be
            ``object`` or ``<U`` arrays; they arrive as `tf.string`.
        batch_size: rows in a batch.
        seed: non-negative integer; with the pass number it decides the order.
        transform: a TensorFlow function applied to each batch, such as a scaling.

    Returns:
        A `tf.data.Dataset` of batches (a tensor for one array, a tuple for a tuple), with an
        attribute ``passes``: an int64 `tf.Variable`, the number of the next pass.

    Raises:
        ValueError: if the arrays differ in length or hold fewer rows than one batch.

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
    if not 1 <= batch_size <= rows:
        raise ValueError(
            f"batch_size must be between 1 and the number of rows, {rows}. Received: {batch_size}. "
            "Use a smaller batch or more data."
        )
    if seed < 0:
        raise ValueError(f"seed must be a non-negative integer. Received: {seed}.")
    steps = rows // batch_size
    # The data live on the host; a GPU receives one batch at a time.
    with tf.device("CPU:0"):
        tensors = [tf.constant(c.astype(object) if c.dtype.kind in "OU" else c) for c in columns]
        passes = tf.Variable(0, dtype=tf.int64, trainable=False, name="passes")

    def order_of_next_pass(_):
        number = passes.assign_add(1) - 1
        order = tf.random.experimental.stateless_shuffle(
            tf.range(rows, dtype=tf.int32), seed=tf.stack([tf.constant(seed, tf.int64), number])
        )
        return tf.data.Dataset.from_tensor_slices(tf.reshape(order[: steps * batch_size], (steps, batch_size)))

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
