"""Values of a batch that lie out of their range: noted inside the graph, where nothing can raise, and told after it."""

from __future__ import annotations

import keras
import tensorflow as tf


class InputRange:
    """Notes the range of the first batch that lies outside the one allowed.

    A batch that does is answered with NaN, which stops `fit` at that step; the error then says what was received. On
    several devices it is noted if the first device has it; `fit` stops in any case.

    Args:
        model: a `course_utils.training.compiled_step.CompiledStepModel`, which keeps the numbers.
        name: of the values, such as ``"images"``.
        low, high: the range allowed, ends included.
        advice: a sentence for the error.
    """

    def __init__(self, model: keras.Model, name: str, low: float, high: float, advice: str):
        self.name, self.low, self.high, self.advice = name, low, high, advice
        self.noted = model.add_weight(
            name=f"{name}_out_of_range",
            shape=(2,),
            initializer="zeros",
            dtype="float32",
            trainable=False,
            aggregation="only_first_replica",
        )

    def checked(self, values, answer):
        """Return ``answer`` if all values are in the range, else NaN in its place.

        Args:
            values: a tensor of numbers. NaN passes: the loss will show it.
            answer: a float tensor, such as the images of the batch.
        """
        found = tf.cast(tf.stack([tf.reduce_min(values), tf.reduce_max(values)]), tf.float32)
        # A hair beyond the end is what float32 rounding may leave of a scaled pixel.
        bad = (found[0] < self.low - 1e-3) | (found[1] > self.high + 1e-3)
        first = bad & tf.reduce_all(self.noted.value == 0.0)
        self.noted.assign(tf.where(first, found, self.noted.value))
        return tf.where(bad, tf.constant(float("nan"), answer.dtype), answer)

    def error(self) -> str | None:
        """Return what was received, or None if nothing was out of range."""
        low, high = self.noted.numpy()
        if low == high == 0.0:
            return None
        return (
            f"{self.name.capitalize()} must lie in [{self.low:g}, {self.high:g}]. "
            f"Received: {low:g} to {high:g} in a batch. {self.advice}"
        )


def images_range(model: keras.Model, low: float = -1.0, high: float = 1.0) -> InputRange:
    """Return the range of images; the one assumed is that of a generator's tanh."""
    advice = "Scale pixels of 0 to 255 as x / 127.5 - 1." if (low, high) == (-1, 1) else "Scale them to it."
    return InputRange(model, "images", low, high, advice)
