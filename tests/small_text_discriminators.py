"""Discriminators of sentences small enough for a test, and sentences for them."""

import numpy as np
import tensorflow as tf

from course_utils.models.text_cnn import TextCNN
from course_utils.models.text_multi_cnn import TextMultiCNN
from course_utils.models.text_recurrent import TextRecurrent
from course_utils.models.text_transformer import TextTransformer

V, B, T = 11, 4, 6
KINDS = ("cnn", "multi cnn", "lstm", "gru", "transformer")


def make(kind, **settings):
    """Return a discriminator of one of `KINDS`; ``settings`` replace the small ones."""
    if kind == "cnn":
        return TextCNN(V, **{"embedding_dim": 5, "widths": (1, 3, 6), "filters": (4, 3, 2), **settings})
    if kind == "multi cnn":
        sizes = {"embedding_dim": 6, "representations": 3, "widths": (2, 3), "filters": (9, 8), "hidden_dim": 5}
        return TextMultiCNN(V, **{**sizes, **settings})
    if kind == "transformer":
        return TextTransformer(V, **{"max_length": T + 2, "model_dim": 8, "heads": 2, **settings})
    return TextRecurrent(V, **{"embedding_dim": 5, "hidden_dim": 3, "cell": kind, **settings})


def make_strong(kind, **settings):
    """Return one whose weights are all far from 0, so that a forgotten one shows."""
    discriminator, random = make(kind, **settings), np.random.default_rng(0)
    for weight in discriminator.trainable_weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    return discriminator


def make_ids(seed=0, shape=(B, T)):
    return np.random.default_rng(seed).integers(0, V, shape).astype(np.int32)


def make_soft(seed=0, shape=(B, T)):
    return tf.constant(np.random.default_rng(seed).dirichlet(np.ones(V), shape), tf.float32)
