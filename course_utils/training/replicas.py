"""What keeps a training independent of the number of devices: shared draws and shares of a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def _replicas() -> tuple[int, Any]:
    """Return how many replicas there are, and the context of this one (None outside all)."""
    context = tf.distribute.get_replica_context()
    return (context.num_replicas_in_sync if context is not None else 1), context


def draw(seed: int, number, rows, columns: int | None = None) -> tf.Tensor:
    """Return draw ``number`` of a training: N(0, 1) noise, or U(0, 1) shares without ``columns``.

    A draw is a function of ``(seed, number)``. All replicas draw the global batch's numbers and each
    keeps its own rows, so one device and several see the same. Replicas must get equal shares of the
    batch: let its size be a multiple of their number.

    Args:
        seed: non-negative integer.
        number: int32 scalar.
        rows: B, this replica's rows.
        columns: length of a noise vector.

    Returns:
        float32 (B, columns) noise, or (B,) shares.

    Example:
        >>> draw(0, 3, rows=2, columns=5).shape
        TensorShape([2, 5])
    """
    replicas, context = _replicas()
    key = tf.stack([seed, tf.cast(number, tf.int32)])
    if columns is None:
        everything = tf.random.stateless_uniform((rows * replicas,), key)
    else:
        everything = tf.random.stateless_normal((rows * replicas, columns), key)
    if replicas == 1:
        return everything
    first = context.replica_id_in_sync_group * rows
    return everything[first : first + rows]


def replica_count() -> int:
    """Return how many replicas train together.

    Example:
        >>> replica_count()  # one device
        1
    """
    return _replicas()[0]


def replica_key(seed: int, number) -> tf.Tensor:
    """Return the key of draw ``number`` of a training, a seed for stateless operations; each replica has its own.

    Args:
        seed: non-negative integer.
        number: int32 scalar.

    Returns:
        int32 (2,).

    Example:
        >>> replica_key(7, tf.constant(3)).numpy().tolist()  # one device
        [7, 3]
    """
    replicas, context = _replicas()
    key = tf.stack([seed, tf.cast(number, tf.int32)])
    return key if replicas == 1 else tf.random.fold_in(key, context.replica_id_in_sync_group)


def share_of_replica(loss: tf.Tensor) -> tf.Tensor:
    """Return a replica's mean loss divided by the number of replicas.

    Optimisers add the replicas' gradients up; with this scale the sum is the gradient of the mean over
    the global batch.

    Example:
        >>> float(share_of_replica(tf.constant(3.0)))  # one device
        3.0
    """
    return loss / _replicas()[0]


def sum_over_replicas(value: tf.Tensor) -> tf.Tensor:
    """Return the sum of the replicas' values, the same on each.

    Example:
        >>> float(sum_over_replicas(tf.constant(3.0)))  # one device
        3.0
    """
    replicas, context = _replicas()
    return value if replicas == 1 else context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def reseed_dropout(network, seed: int, number) -> None:
    """Set the state of every random layer as draw ``number`` of a training.

    Keras neither saves these states with the weights nor counts steps in them. Set before each step,
    dropout's masks are a function of ``(seed, number)``, so a resumed training goes on with the masks
    of the uninterrupted one. Each replica has masks of its own, so those of a training on two devices are
    not those of one device.

    Args:
        network: a `keras.Model`.
        seed: non-negative integer.
        number: int32 scalar.
    """
    states = [variable for variable in network.variables if variable.name == "seed_generator_state"]
    if not states:
        return
    replicas, context = _replicas()
    key = tf.stack([seed, tf.cast(number, tf.int32)])
    values = tf.random.stateless_uniform((replicas, len(states), 2), key, 0, 2**31 - 1, tf.int64)
    values = values[0 if replicas == 1 else context.replica_id_in_sync_group]
    for state, value in zip(states, tf.unstack(values), strict=True):
        state.assign(value)


def repeat(count: int, body: Callable[[Any], tf.Tensor]) -> tf.Tensor:
    """Call ``body(number)`` ``count`` times inside one graph; return the sum of the losses, NaN if one of them is.

    Several replicas cannot exchange gradients inside a loop of the graph, so there the calls are written out.

    Args:
        count: how often, a Python int.
        body: int (or int32 scalar) → float32 scalar.

    Example:
        >>> float(repeat(3, lambda number: tf.cast(number, tf.float32)))
        3.0
    """
    if replica_count() > 1:
        return tf.add_n([body(number) for number in range(count)])
    return tf.while_loop(
        lambda number, _: number < count,
        lambda number, total: (number + 1, total + body(number)),
        (tf.constant(0), tf.zeros(())),
        parallel_iterations=1,
    )[1]
