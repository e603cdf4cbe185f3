"""One compiled graph for each generator and each set of static arguments, kept as long as the generator lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable

import tensorflow as tf

_GRAPHS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def run_compiled(function: Callable, generator, static: tuple[Hashable, ...], tensors: tuple[tf.Tensor, ...]):
    """Return ``function(generator, *static, *tensors)``, as part of the caller's graph or as a graph of its own.

    Called eagerly, the graph is traced once for the generator, the static arguments and the tensors' shapes. Inside a
    `tf.function` the operations join that function's graph. A generator whose layers were exchanged needs a new object.

    Args:
        function: writes the graph; a function of a module, since it serves as a key.
        generator: a sequence generator; only a weak reference is kept.
        static: whole numbers, ``None`` and the like; each new combination is traced.
        tensors: each new shape or dtype is traced.
    """
    if not tf.executing_eagerly():
        return function(generator, *static, *tensors)
    graphs = _GRAPHS.setdefault(generator, {})
    specs = tuple(tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors)
    key = (function, static, specs)
    if key not in graphs:
        watched = weakref.ref(generator)
        # A concrete function: TensorFlow warns of "retracing" where many functions share one line of code.
        graphs[key] = tf.function(lambda *given: function(watched(), *static, *given)).get_concrete_function(*specs)
    return graphs[key](*tensors)


def seed_pair(seed) -> tf.Tensor:
    """Return a seed as stateless operations want it: int32 (2,).

    Args:
        seed: a non-negative int below 2³¹, or an int32 tensor (2,), such as ``[seed, step]`` of a training.

    Raises:
        ValueError: if it is neither.
    """
    if isinstance(seed, int) and not isinstance(seed, bool):
        if not 0 <= seed < 2**31:
            raise ValueError(f"seed must be from 0 to {2**31 - 1}. Received: {seed}.")
        return tf.constant([seed, 0], tf.int32)
    pair = tf.convert_to_tensor(seed)
    if pair.shape != (2,) or pair.dtype != tf.int32:
        raise ValueError(
            f"seed must be a whole number or an int32 tensor (2,). Received: {pair.dtype.name} {pair.shape}."
        )
    return pair


def check_whole(**numbers) -> None:
    """Raise `ValueError` for the first argument that is no whole number of at least 1."""
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(f"{name} must be a whole number of at least 1. Received: {number!r}.")


def check_temperature(temperature, *, zero: bool) -> tf.Tensor:
    """Return a temperature as a float32 scalar; raise `ValueError` if a number is below 0, or 0 and not ``zero``."""
    if isinstance(temperature, (int, float)) and not (temperature > 0 or (zero and temperature == 0)):
        raise ValueError(f"temperature must be {'at least' if zero else 'above'} 0. Received: {temperature}.")
    return tf.cast(temperature, tf.float32)
