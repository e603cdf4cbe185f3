"""Many small networks of one shape as one: their weights are rows of a matrix."""

from __future__ import annotations

import itertools

import numpy as np
import tensorflow as tf

_SLOPE = 0.2  # of the leaky ReLU below zero


class StackedMLP:
    """A network of two hidden layers with leaky ReLUs, applied with N sets of weights at once.

    Every operation is started once for all N, so N small networks cost hardly more time than one as
    long as starting the operations is what takes the time.

    Args:
        inputs: numbers in.
        hidden: units of each hidden layer.
        outputs: numbers out, without an activation.

    Attributes:
        size: the number P of weights of one network.

    Raises:
        ValueError: if a width is below 1.

    Example:
        >>> network = StackedMLP(2, 8, 1)
        >>> rows = np.stack([network.initial(seed) for seed in range(3)])
        >>> network(rows, np.zeros((3, 5, 2), np.float32)).shape
        TensorShape([3, 5, 1])
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        widths = (inputs, hidden, hidden, outputs)
        if min(widths) < 1:
            raise ValueError(f"inputs, hidden and outputs must be at least 1. Received: {(inputs, hidden, outputs)}.")
        self.layers = tuple(itertools.pairwise(widths))
        self._parts = [size for fan_in, fan_out in self.layers for size in (fan_in * fan_out, fan_out)]
        self.size = sum(self._parts)

    def initial(self, seed: int) -> np.ndarray:
        """Return the weights of one network, (P,) float32: normal with variance 2 / fan-in, biases 0.

        Source: He et al. 2015, eq. 10.
        """
        random = np.random.default_rng(seed)
        parts = []
        for fan_in, fan_out in self.layers:
            parts += [random.normal(scale=np.sqrt(2 / fan_in), size=fan_in * fan_out), np.zeros(fan_out)]
        return np.concatenate(parts).astype(np.float32)

    def __call__(self, weights, points) -> tf.Tensor:
        """Apply network n to points n.

        Args:
            weights: (N, P) float32.
            points: (N, B, inputs) float32.

        Returns:
            (N, B, outputs) float32.
        """
        parts = tf.split(weights, self._parts, axis=1)
        for number, (fan_in, fan_out) in enumerate(self.layers):
            matrix = tf.reshape(parts[2 * number], (-1, fan_in, fan_out))
            points = tf.matmul(points, matrix) + parts[2 * number + 1][:, None, :]  # (N, B, fan_out)
            if number < len(self.layers) - 1:
                points = tf.nn.leaky_relu(points, _SLOPE)
        return points
