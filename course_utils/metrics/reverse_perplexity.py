"""Reverse perplexity: a small language model learns from generated sentences and is asked about real ones."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from course_utils.datasets.batching import shuffled_batches
from course_utils.metrics.perplexity import Perplexity, checked_sentences, perplexity
from course_utils.models.recurrent import RecurrentGenerator
from course_utils.sampling.compiled import check_whole
from course_utils.training.language_model import LanguageModel

BATCH = 64
WIDTH = 64
LEARNING_RATE = 5e-3


def reverse_perplexity(sentences, real, *, vocabulary_size: int, epochs: int = 20, seed: int = 0) -> Perplexity:
    """Return the perplexity of real sentences under a language model trained on generated ones.

    What the generator never writes, the model cannot learn, so missing variety costs as much as wrong sentences. A
    tenth of the generated sentences is held out, and training stops after the epoch that predicts them best: real
    sentences decide nothing. The number depends on how many sentences there are: print that of as many real ones.

    Args:
        sentences: generated ids, integer (N, T), each row up to its end token (id 2), N at least 128.
        real: real sentences in the same ids, integer (M, T'), M at least 1.
        vocabulary_size: V, of both.
        epochs: at most this many.
        seed: of the model's weights, the batches and the choice of the held-out tenth.

    Returns:
        The `course_utils.metrics.perplexity.Perplexity` of the real sentences. The same arguments give the same one.

    Raises:
        TypeError: if the ids are not integers.
        ValueError: for arrays of another shape, ids outside the vocabulary, too few sentences, or impossible numbers.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> real = rng.integers(3, 9, (256, 4))
        >>> poor = np.full_like(real, 5)  # always the same sentence
        >>> reverse_perplexity(poor, real, vocabulary_size=9, epochs=2).per_token > 9  # worse than knowing nothing
        True

    Source: Zhao et al. 2018, "Adversarially regularized autoencoders", section 5 (Reverse PPL). Theirs learns from
    100,000 sentences; this one is an LSTM of width 64, so that it can be trained for each generator that is judged.
    """
    check_whole(epochs=epochs)
    sentences, real = (checked_sentences(part, vocabulary_size) for part in (sentences, real))
    if len(sentences) < 2 * BATCH:
        raise ValueError(f"A language model needs at least {2 * BATCH} sentences. Received: {len(sentences)}.")
    order = np.random.default_rng(seed).permutation(len(sentences))
    held_out = max(1, len(sentences) // (10 * BATCH)) * BATCH  # whole batches, so that one graph does
    chosen, rest = sentences[order[:held_out]], sentences[order[held_out:]]
    generator = RecurrentGenerator(vocabulary_size, embedding_dim=WIDTH, hidden_dim=WIDTH, seed=seed)
    model = LanguageModel(generator, seed=seed)
    model.compile(keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=1.0))
    best = keras.callbacks.EarlyStopping("val_nll", mode="min", patience=1, restore_best_weights=True)
    model.fit(
        shuffled_batches(rest, BATCH, seed=seed),
        validation_data=tf.data.Dataset.from_tensor_slices(chosen).batch(BATCH),
        epochs=epochs,
        callbacks=[best],
        verbose=0,
    )
    return perplexity(generator, real)
