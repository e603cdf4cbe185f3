"""What keeps a training independent of the number of devices: shared draws and shares of a loss."""

from __future__ import annotations

import tensorflow as tf


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
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync if context is not None else 1
    key = tf.stack([seed, tf.cast(number, tf.int32)])
    if columns is None:
        everything = tf.random.stateless_uniform((rows * replicas,), key)
    else:
        everything = tf.random.stateless_normal((rows * replicas, columns), key)
    if replicas == 1:
        return everything
    first = context.replica_id_in_sync_group * rows
    return everything[first : first + rows]


def share_of_replica(loss: tf.Tensor) -> tf.Tensor:
    """Return a replica's mean loss divided by the number of replicas.

    Optimisers add the replicas' gradients up; with this scale the sum is the gradient of the mean over
    the global batch.

    Example:
        >>> float(share_of_replica(tf.constant(3.0)))  # one device
        3.0
    """
    context = tf.distribute.get_replica_context()
    return loss / (context.num_replicas_in_sync if context is not None else 1)
