"""RelGAN's discriminator: several embeddings of the sentence, each judged by the same convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from course_utils.models.sequence import check_positive, layer_seeds
from course_utils.models.text_cnn import MaxOverTime, check_length, fitting_windows
from course_utils.models.text_discriminator import TextDiscriminator

WIDTHS = (2, 3, 4, 5)


@keras.saving.register_keras_serializable(package="course_utils")
class TextMultiCNN(TextDiscriminator):
    """S embeddings → one CNN for all: convolutions, maximum over time, highway, dropout, dense → S logits.

    Each row of the embedding matrix is cut into S parts, so one product gives S representations of a sentence. A
    generator that fools the discriminator must fool it in all of them. `judgements` are the S logits, which RelGAN's
    loss compares one by one; a call returns their mean. All that follows the dropout is linear, so the mean may be
    taken before it.

    The defaults are RelGAN's: an embedding of 64 in 64 parts of one number each, 300 filters of each width. Highway
    layers have no biases, and the dense layer no activation: with the last layer it is one linear map in two factors,
    and both learn. Weights begin as in the public code: normal, cut at two deviations, which are 1/√V for words,
    √(2/inputs) for filters and 1/√inputs for the others; biases begin at 0.

    Args:
        vocabulary_size: V.
        embedding_dim: E, numbers of a word in all representations together.
        representations: S; divides ``embedding_dim``.
        widths: tokens that a window covers, one entry a convolution.
        filters: of each convolution: one number for all, or one a width.
        hidden_dim: width of the dense layer, and the number of features.
        length: of the sentences to come. Wider windows, which would not fit into them, are left out with
            their filters. ``None`` keeps all.
        dropout: rate after the highway layer, when ``training=True``.
        l2: weight of the penalty on the last layer, l2 · (|w|² + b²), found in ``losses``.
        seed: of initial weights and dropout; equal seeds give equal networks.

    Call arguments:
        tokens: sentences, integer ids (B, T) or soft one-hot vectors, float (B, T, V), T at least the
            widest window. Ids outside 0…V−1 are not checked under XLA or on a GPU.
        training: whether dropout acts.

    Returns:
        Logits, float32 (B, 1), also under mixed precision.

    Raises:
        ValueError: for impossible settings, for tokens of another rank, dtype or vocabulary, and for
            sentences shorter than a window.

    Example:
        >>> judge = TextMultiCNN(10, embedding_dim=6, representations=3, filters=4, hidden_dim=5, length=3)
        >>> sentences = tf.constant([[5, 6, 2], [7, 2, 0]])
        >>> judge(sentences).shape, judge.judgements(sentences).shape
        (TensorShape([2, 1]), TensorShape([2, 3]))

    Source: Nie et al. 2019 (RelGAN), section 2.3; sizes: its public code.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int = 64,
        representations: int = 64,
        widths: Sequence[int] = WIDTHS,
        filters: int | Sequence[int] = 300,
        hidden_dim: int = 100,
        length: int | None = None,
        dropout: float = 0.25,
        l2: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ):
        sizes = {"vocabulary_size": vocabulary_size, "embedding_dim": embedding_dim, "hidden_dim": hidden_dim}
        for name, value in {**sizes, "representations": representations}.items():
            check_positive(name, value)
        if embedding_dim % representations:
            raise ValueError(
                "representations must divide embedding_dim. "
                f"Received: representations={representations} and embedding_dim={embedding_dim}."
            )
        windows = fitting_windows(widths, filters, length)
        total, part = sum(windows.values()), embedding_dim // representations
        seeds = layer_seeds(seed)

        def normal(variance: float):
            return keras.initializers.TruncatedNormal(stddev=variance**0.5, seed=next(seeds))

        super().__init__(
            vocabulary_size,
            embedding_dim=embedding_dim,
            feature_dim=hidden_dim,
            dropout=dropout,
            l2=l2,
            seeds=seeds,
            embedding_initializer=normal(1 / vocabulary_size),
            output_initializer=normal(1 / hidden_dim),
            **kwargs,
        )
        self.settings = {
            **sizes,
            "representations": representations,
            "widths": list(windows),
            "filters": list(windows.values()),
            "dropout": dropout,
            "l2": l2,
            "seed": seed,
        }
        self.representations, self.widths = representations, tuple(windows)
        policy = self.dtype_policy
        self.convolutions = [
            MaxOverTime(
                width,
                count,
                kernel_initializer=normal(2 / (width * part)),
                bias_initializer="zeros",
                name=f"width_{width}",
                dtype=policy,
            )
            for width, count in windows.items()
        ]
        for convolution in self.convolutions:
            convolution.build((None, None, part))
        self.gate, self.transform, self.dense = (
            keras.layers.Dense(
                units,
                activation=activation,
                use_bias=name == "dense",
                kernel_initializer=normal(1 / total),
                name=name,
                dtype=policy,
            )
            for name, units, activation in (
                ("gate", total, "sigmoid"),
                ("transform", total, "relu"),
                ("dense", hidden_dim, None),
            )
        )
        for layer in (self.gate, self.transform, self.dense):
            layer.build((None, total))
        self.built = True

    def judgements(self, tokens, training: bool = False) -> tf.Tensor:
        """Return one logit for each representation, float32 (B, S); their mean is what a call returns.

        Args:
            tokens, training: as of a call.
        """
        return self.last_layer(self._hidden(tokens, training))[..., 0]

    def features(self, tokens, training: bool = False):
        return tf.reduce_mean(self._hidden(tokens, training), axis=1)

    def _hidden(self, tokens, training: bool):
        """Return what the dense layer gives for each representation, (B, S, hidden_dim)."""
        x = self.embed(tokens)  # (B, T, E)
        check_length(x.shape[1], self.widths)
        length = tf.shape(x)[1] if x.shape[1] is None else x.shape[1]
        parts = tf.reshape(x, (-1, length, self.representations, x.shape[-1] // self.representations))
        # Each representation as a sentence of its own: (B · S, T, E / S).
        rows = tf.reshape(tf.transpose(parts, (0, 2, 1, 3)), (-1, length, parts.shape[-1]))
        a = tf.concat([convolution(rows) for convolution in self.convolutions], axis=-1)
        t = self.gate(a)
        hidden = self.dense(self.feature_dropout(t * self.transform(a) + (1 - t) * a, training=training))
        return tf.reshape(hidden, (-1, self.representations, hidden.shape[-1]))
