"""Generators small enough for a test, and sentences for them."""

import numpy as np
import tensorflow as tf
from scipy.special import erf, softmax

from course_utils.models.recurrent import RecurrentGenerator
from course_utils.models.relational_memory import RelationalMemoryGenerator
from course_utils.models.transformer import TransformerGenerator

V, B, T = 11, 4, 6
KINDS = ("lstm", "lstm tied", "gru", "gru tied", "memory", "memory tied", "transformer", "transformer tied")


def make(kind, **settings):
    """Return a generator of one of `KINDS`; ``settings`` replace the small ones."""
    name, tied = kind.split()[0], kind.endswith("tied")
    if name == "transformer":
        sizes = {"max_length": T + 2, "model_dim": 8, "heads": 2}
        return TransformerGenerator(V, **{**sizes, "tie_weights": tied, **settings})
    if name == "memory":
        sizes = {"embedding_dim": 12, "slots": 2, "heads": 2, "head_dim": 3}
        return RelationalMemoryGenerator(V, **{**sizes, "tie_weights": tied, **settings})
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


def transformer_by_hand(network, sentence, seen):
    """Return the last norm's output (T, dim) for ids (T,): one head at a time, every sum over positions a plain loop.

    Args:
        network: a model with Transformer blocks of two heads.
        sentence: ids.
        seen: position → the positions that it sees.
    """

    def norm(layer, x):
        scale, shift = (np.asarray(w) for w in layer.get_weights())
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * scale + shift

    def dense(layer, x):
        kernel, bias = (np.asarray(w) for w in layer.get_weights())
        return x @ kernel + bias

    length = len(sentence)
    x = np.asarray(network.embedding.matrix)[sentence] + np.asarray(network.positions.embeddings)[:length]
    size = x.shape[1] // 2
    for block in network.blocks:
        query, key, value = np.split(dense(block.query_key_value, norm(block.attention_norm, x)), 3, axis=1)
        attended = np.zeros_like(x)
        for head in (slice(0, size), slice(size, 2 * size)):
            for t in range(length):
                weights = softmax([query[t, head] @ key[s, head] / np.sqrt(size) for s in seen(t)])
                attended[t, head] = sum(weight * value[s, head] for weight, s in zip(weights, seen(t), strict=True))
        x = x + dense(block.attention_output, attended)
        hidden = dense(block.mlp_hidden, norm(block.mlp_norm, x))
        x = x + dense(block.mlp_output, hidden * (1 + erf(hidden / np.sqrt(2))) / 2)
    return norm(network.last_norm, x)
