"""The recurrent discriminator of sentences: an LSTM or GRU in each direction."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.models.recurrent import CELLS
from course_utils.models.sequence import check_positive, layer_seeds
from course_utils.models.text_discriminator import TextDiscriminator


@keras.saving.register_keras_serializable(package="course_utils")
class TextRecurrent(TextDiscriminator):
    """Embedding → LSTM or GRU in both directions → maximum over time → dropout → one logit.

    Not the last states: after a short sentence they would have to remember it over all its padding,
    which is read like a word.

    Args:
        vocabulary_size: V.
        embedding_dim: width of an embedding.
        hidden_dim: width of the recurrent layer of each direction; there are twice as many features.
        cell: ``"lstm"`` or ``"gru"``.
        dropout: rate on the features, when ``training=True``.
        l2: weight of the penalty on the last layer, l2 · (|w|² + b²), found in ``losses``.
        seed: of initial weights and dropout; equal seeds give equal networks.

    Call arguments:
        tokens: sentences, integer ids (B, T) or soft one-hot vectors, float (B, T, V). Ids outside
            0…V−1 are not checked under XLA or on a GPU.
        training: whether dropout acts.

    Returns:
        Logits, float32 (B, 1), also under mixed precision.

    Raises:
        ValueError: for impossible settings, and for tokens of another rank, dtype or vocabulary.

    Example:
        >>> discriminator = TextRecurrent(10, embedding_dim=4, hidden_dim=8)
        >>> sentences = tf.constant([[5, 6, 2], [7, 2, 0]])
        >>> discriminator(sentences).shape, discriminator.features(sentences).shape
        (TensorShape([2, 1]), TensorShape([2, 16]))

    Source: Schuster & Paliwal 1997; the maximum over time: Conneau et al. 2017.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int = 64,
        hidden_dim: int = 64,
        cell: str = "lstm",
        dropout: float = 0.25,
        l2: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ):
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}. Received: {cell!r}.")
        check_positive("hidden_dim", hidden_dim)
        seeds = layer_seeds(seed)
        super().__init__(
            vocabulary_size,
            embedding_dim=embedding_dim,
            feature_dim=2 * hidden_dim,
            dropout=dropout,
            l2=l2,
            seeds=seeds,
            embedding_initializer=keras.initializers.RandomUniform(-0.05, 0.05, seed=next(seeds)),
            output_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            **kwargs,
        )
        self.settings = {
            "vocabulary_size": vocabulary_size,
            "embedding_dim": embedding_dim,
            "hidden_dim": hidden_dim,
            "cell": cell,
            "dropout": dropout,
            "l2": l2,
            "seed": seed,
        }
        # Not keras.layers.Bidirectional: it copies the seeds, so both directions would begin alike.
        self.directions = [
            CELLS[cell](
                hidden_dim,
                return_sequences=True,
                go_backwards=backwards,
                kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
                recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)),
                seed=next(seeds),
                use_cudnn=False,  # XLA cannot compile cuDNN's op, and the course compiles its steps
                dtype=self.dtype_policy,
            )
            for backwards in (False, True)
        ]
        for direction in self.directions:
            direction.build((None, None, embedding_dim))
        self.built = True

    def features(self, tokens, training: bool = False):
        x = self.embed(tokens)  # (B, T, embedding_dim)
        # The maximum over time does not ask in which order the steps stand.
        strongest = [tf.reduce_max(direction(x, training=training), axis=1) for direction in self.directions]
        return self.feature_dropout(tf.concat(strongest, axis=-1), training=training)
