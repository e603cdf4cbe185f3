"""What every loss does with its logits first."""

from __future__ import annotations

import tensorflow as tf


def as_float32(logits) -> tf.Tensor:
    """Return logits as float32, whatever the network computed in."""
    return tf.cast(tf.convert_to_tensor(logits), tf.float32)
