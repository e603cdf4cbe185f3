"""The Transformer discriminator of sentences: a pre-norm encoder."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.models.sequence import check_positive, layer_seeds
from course_utils.models.text_discriminator import TextDiscriminator
from course_utils.models.transformer_block import SPREAD, TransformerBlock, check_heads


@keras.saving.register_keras_serializable(package="course_utils")
class TextTransformer(TextDiscriminator):
    """Token and position embeddings → encoder blocks → layer norm → mean over time → dropout → one logit.

    Every position sees every other, padding too, which is a word like any other.

    Args:
        vocabulary_size: V.
        max_length: the longest sentence; there is one learned embedding a position.
        model_dim: width of embeddings and blocks, and the number of features.
        layers: number of blocks.
        heads: attention heads a block; divides ``model_dim``.
        dropout: rate on what each block adds and on the features, when ``training=True``.
        l2: weight of the penalty on the last layer, l2 · (|w|² + b²), found in ``losses``.
        seed: of initial weights and dropout; equal seeds give equal networks.

    Call arguments:
        tokens: sentences, integer ids (B, T) or soft one-hot vectors, float (B, T, V), T at most
            ``max_length``. Ids outside 0…V−1 are not checked under XLA or on a GPU.
        training: whether dropout acts.

    Returns:
        Logits, float32 (B, 1), also under mixed precision.

    Raises:
        ValueError: for impossible settings, for tokens of another rank, dtype or vocabulary, and for
            more than ``max_length`` of them.

    Example:
        >>> discriminator = TextTransformer(10, max_length=6, model_dim=8, layers=1, heads=2)
        >>> sentences = tf.constant([[5, 6, 2], [7, 2, 0]])
        >>> discriminator(sentences).shape, discriminator.features(sentences).shape
        (TensorShape([2, 1]), TensorShape([2, 8]))

    Source: Vaswani et al. 2017; pre-norm: Xiong et al. 2020; initial weights: Radford et al. 2019.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        max_length: int,
        model_dim: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        l2: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ):
        for name, value in {"max_length": max_length, "model_dim": model_dim, "layers": layers, "heads": heads}.items():
            check_positive(name, value)
        check_heads(heads, model_dim)
        seeds = layer_seeds(seed)
        super().__init__(
            vocabulary_size,
            embedding_dim=model_dim,
            feature_dim=model_dim,
            dropout=dropout,
            l2=l2,
            seeds=seeds,
            embedding_initializer=keras.initializers.RandomNormal(stddev=SPREAD, seed=next(seeds)),
            output_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            **kwargs,
        )
        self.max_length = max_length
        self.settings = {
            "vocabulary_size": vocabulary_size,
            "max_length": max_length,
            "model_dim": model_dim,
            "layers": layers,
            "heads": heads,
            "dropout": dropout,
            "l2": l2,
            "seed": seed,
        }
        policy = self.dtype_policy
        self.positions = keras.layers.Embedding(
            max_length,
            model_dim,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=SPREAD, seed=next(seeds)),
            dtype=policy,
        )
        self.blocks = [
            TransformerBlock(model_dim, heads, dropout, layers, seeds, name=f"block_{index}", dtype=policy)
            for index in range(layers)
        ]
        self.last_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy)
        for layer in (*self.blocks, self.last_norm, self.positions):
            layer.build((None, None, model_dim))
        self.built = True

    def features(self, tokens, training: bool = False):
        x = self.embed(tokens)  # (B, T, model_dim)
        if x.shape[1] is not None and x.shape[1] > self.max_length:
            raise ValueError(
                f"The discriminator reads at most max_length={self.max_length} tokens. Received: {x.shape[1]}. "
                "Cut the sentences or make it with a larger max_length."
            )
        x += self.positions(tf.range(tf.shape(x)[1]))
        for block in self.blocks:
            x = block(x, training=training)
        return self.feature_dropout(tf.reduce_mean(self.last_norm(x), axis=1), training=training)
