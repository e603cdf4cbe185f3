"""What the discriminators of sentences share: tokens → embeddings, features → one logit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from course_utils.models.dropout import Dropout
from course_utils.models.sequence import TokenEmbedding, check_dropout, check_positive, checked_tokens


class TextDiscriminator(keras.Model):
    """The ends of a discriminator of sentences; a subclass writes `features` between them.

    Every token is a word, padding too: no position is masked. So soft sentences and worlds without
    special tokens need no rule of their own, and a discriminator sees how long a sentence is.

    Args:
        vocabulary_size: V.
        embedding_dim: width of an embedding.
        feature_dim: F, how many numbers `features` gives.
        dropout: rate on the features.
        l2: weight of the penalty on the last layer, l2 · (|w|² + b²).
        seeds: of initial weights and dropout, from `layer_seeds`.
        embedding_initializer: of the embedding matrix.
        output_initializer: of the last layer.

    Raises:
        ValueError: for impossible settings.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int,
        feature_dim: int,
        dropout: float,
        l2: float,
        seeds: Iterator[int],
        embedding_initializer: keras.initializers.Initializer,
        output_initializer: keras.initializers.Initializer,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_positive("vocabulary_size", vocabulary_size)
        check_positive("embedding_dim", embedding_dim)
        check_dropout(dropout)
        if not l2 >= 0:
            raise ValueError(f"l2 must be at least 0. Received: {l2}.")
        self.vocabulary_size = vocabulary_size
        self.embedding = TokenEmbedding(
            vocabulary_size, embedding_dim, embedding_initializer, name="embedding", dtype=self.dtype_policy
        )
        self.feature_dropout = Dropout(dropout, seed=next(seeds), dtype=self.dtype_policy)
        penalty = keras.regularizers.L2(l2) if l2 else None
        # float32 at the end: in half precision near logits would become equal.
        self.last_layer = keras.layers.Dense(
            1,
            kernel_initializer=output_initializer,
            kernel_regularizer=penalty,
            bias_regularizer=penalty,
            name="last_layer",
            dtype="float32",
        )
        self.embedding.build(None)
        self.last_layer.build((None, feature_dim))

    def embed(self, tokens) -> tf.Tensor:
        """Return the embeddings (B, T, embedding_dim) of ids (B, T) or soft one-hot vectors (B, T, V).

        Raises:
            ValueError: if ``tokens`` is neither.
        """
        return self.embedding(checked_tokens(tokens, 2, self.vocabulary_size))

    def features(self, tokens, training: bool = False) -> tf.Tensor:
        """Return what the last layer reads, (B, F).

        Args:
            tokens: sentences, integer ids (B, T) or soft one-hot vectors, float (B, T, V).
            training: whether dropout acts.
        """
        raise NotImplementedError(f"{type(self).__name__} must write features(tokens, training).")

    def call(self, tokens, training: bool = False):
        return self.last_layer(self.features(tokens, training=training))

    def get_config(self) -> dict:
        return {**super().get_config(), **self.settings}
