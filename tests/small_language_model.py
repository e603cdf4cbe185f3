"""A language model small enough to train in a test; run as a script it trains one, and can be told to die."""

import sys

import keras
import numpy as np
import tensorflow as tf
from small_gan import DieAtStep, weights

from course_utils.datasets.batching import shuffled_batches
from course_utils.models.recurrent import RecurrentGenerator
from course_utils.training.backup import EpochBackup
from course_utils.training.language_model import LanguageModel

VOCABULARY, LENGTH, END = 9, 6, 2
EPOCHS, STEPS, BATCH = 4, 6, 8


def make_sentences(rows: int = STEPS * BATCH, seed: int = 0) -> np.ndarray:
    """Return int32 (rows, 6) of 1 to 6 tokens; rows 4 to 7 of every eight are the short ones."""
    rng = np.random.default_rng(seed)
    sentences = rng.integers(3, VOCABULARY, (rows, LENGTH))
    for row, sentence in enumerate(sentences):
        words = rng.integers(0, 2) if row % 8 >= 4 else rng.integers(3, LENGTH + 1)
        sentence[words : words + 1] = END
        sentence[words + 1 :] = 0
    return sentences.astype(np.int32)


def make_batches(seed: int = 1):
    return shuffled_batches(make_sentences(), BATCH, seed=seed)


def make_generator(**settings) -> RecurrentGenerator:
    return RecurrentGenerator(VOCABULARY, **{"embedding_dim": 4, "hidden_dim": 6, "seed": 3, **settings})


def make_model(generator=None, *, optimizer=None, compiled: dict | None = None, **settings) -> LanguageModel:
    model = LanguageModel(generator or make_generator(), **{"seed": 7, **settings})
    model.compile(optimizer, **{"jit_compile": False, **(compiled or {})})  # XLA takes seconds to compile
    return model


class TableGenerator(keras.Model):
    """Says nearly surely ``following[token]`` after each token, and keeps what it read in training.

    An id outside the vocabulary is read as nothing, as a device without checks may do.
    """

    start_token = 1

    def __init__(self, following, end_token=None):
        super().__init__()
        self.vocabulary_size, self.end_token = len(following), end_token
        self.table = tf.one_hot(following, self.vocabulary_size)
        self.sharpness = self.add_weight(name="sharpness", shape=(), initializer=keras.initializers.Constant(50.0))
        self.read = []
        self.built = True

    def initial_state(self, batch_size, length=None):
        return tf.zeros((batch_size,))

    def step(self, token, state, training=False):
        return self.sharpness * tf.matmul(tf.one_hot(token, self.vocabulary_size), self.table), state

    def call(self, tokens, training=False):
        if training:
            self.read.append(tokens)
        return self.sharpness * tf.matmul(tf.one_hot(tokens, self.vocabulary_size), self.table)


def main() -> None:
    folder, die_at = sys.argv[1], int(sys.argv[2])
    tf.config.experimental.enable_op_determinism()
    batches = make_batches()
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, STEPS * EPOCHS, 0.8)
    model = make_model(make_generator(dropout=0.3), label_smoothing=0.1, scheduled_sampling=rising)
    keep = EpochBackup(folder, batches)
    model.fit(
        batches,
        validation_data=make_sentences(13, seed=5),
        epochs=EPOCHS,
        verbose=0,
        callbacks=[keep, DieAtStep(die_at)],
    )
    np.savez(sys.argv[3], *weights(model), losses=keep.history["loss"], val_nll=keep.history["val_nll"])


if __name__ == "__main__":
    main()
