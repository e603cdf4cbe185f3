"""What a learner may hand over by mistake: every kind of thing that is no answer."""

import math

import numpy as np
import tensorflow as tf


class Hostile:
    """An object that raises from every method a check might touch."""

    def __getattr__(self, name):
        raise RuntimeError("no attributes here")

    def __repr__(self):
        raise RuntimeError("no repr")

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    def __array__(self, *arguments, **options):
        raise RuntimeError("no array")

    __hash__ = None


def leave(*arguments):
    raise SystemExit("bye")


def recurse(*arguments):
    return recurse(*arguments)


def divide(*arguments):
    return 1 / 0


GARBAGE = {
    "text": "no idea",
    "empty text": "",
    "bytes": b"0.5",
    "bool": True,
    "nan": math.nan,
    "infinity": -math.inf,
    "huge": 10**5000,
    "negative": -1e300,
    "complex": 1j,
    "empty list": [],
    "ragged": [[1.0], [1.0, 2.0]],
    "dict": {"x": object()},
    "object array": np.array([object(), None], dtype=object),
    "nan array": np.full((2, 3), np.nan),
    "wrong rank": np.zeros((2, 3, 4, 5), np.float32),
    "text tensor": tf.constant(["a", "b"]),
    "bool tensor": tf.constant([True, False]),
    "ragged tensor": tf.ragged.constant([[1], [2, 3]]),
    "class": Hostile,
    "hostile": Hostile(),
    "module": math,
    "divides": divide,
    "exits": leave,
    "recurses": recurse,
    "no parameters": lambda: 1.0,
    "returns text": lambda *arguments: "text",
    "returns nan": lambda *arguments: math.nan,
    "returns hostile": lambda *arguments: Hostile(),
    "returns generator": lambda *arguments: (x for x in ()),
}
