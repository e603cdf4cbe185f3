"""Recurrent and Transformer generators small enough for a test, and sentences for them."""

import numpy as np
import tensorflow as tf

from course_utils.models.recurrent import RecurrentGenerator
from course_utils.models.transformer import TransformerGenerator

V, B, T = 11, 4, 6
KINDS = ("lstm", "lstm tied", "gru", "gru tied", "transformer", "transformer tied")


def make(kind, **settings):
    """Return a generator of one of `KINDS`; ``settings`` replace the small ones."""
    name, tied = kind.split()[0], kind.endswith("tied")
    if name == "transformer":
        sizes = {"max_length": T + 2, "model_dim": 8, "heads": 2}
        return TransformerGenerator(V, **{**sizes, "tie_weights": tied, **settings})
    return RecurrentGenerator(V, **{"embedding_dim": 6, "hidden_dim": 6, "cell": name, "tie_weights": tied, **settings})


def make_ids(seed=0, shape=(B, T)):
    return np.random.default_rng(seed).integers(0, V, shape).astype(np.int32)


def by_steps(generator, tokens, state=None, training=False):
    """Return the logits (B, T, V) that T calls of `step` give, and the state after them."""
    state = generator.initial_state(len(tokens), tokens.shape[1]) if state is None else state
    logits = []
    for t in range(tokens.shape[1]):
        row, state = generator.step(tokens[:, t], state, training)
        logits.append(row)
    return tf.stack(logits, axis=1), state
