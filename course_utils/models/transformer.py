"""The Transformer language model: a pre-norm decoder that keeps keys and values between steps."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.models.sequence import SequenceModel, check_positive, layer_seeds
from course_utils.models.transformer_block import SPREAD, TransformerBlock, attend, check_heads


@keras.saving.register_keras_serializable(package="course_utils")
class TransformerGenerator(SequenceModel):
    """Token and position embeddings → decoder blocks → layer norm → logits; a `SequenceGenerator`.

    The state is ``{"position": int32 (B,), "keys": …, "values": …}`` with one (B, heads, length, head_dim)
    tensor a block in the last two. Each row has its own position, so rows that have read different
    numbers of tokens can stand in one batch. A step costs time linear in ``length``, the number of steps
    the state was made to hold.

    Args:
        vocabulary_size: V.
        max_length: the longest input; there is one learned embedding a position.
        model_dim: width of embeddings and blocks.
        layers: number of blocks.
        heads: attention heads a block; divides ``model_dim``.
        tie_weights: whether the logits use the embedding matrix.
        dropout: rate on embeddings, on what each block adds and on its final output, when ``training=True``.
        start_token: first input of every sentence.
        end_token: token that ends a sentence; ``None`` if every sentence fills its length.
        seed: of initial weights and dropout; equal seeds give equal networks.

    Call arguments:
        tokens: inputs, integer ids (B, T) or soft one-hot vectors, float (B, T, V), T at most
            ``max_length``. Of ids outside 0…V−1 only a CPU outside XLA complains; XLA reads another
            word's embedding and a GPU a zero one: check them where they come in.
        training: whether dropout acts.

    Returns:
        Logits, float32 (B, T, V), also under mixed precision.

    Raises:
        ValueError: for impossible settings, for tokens of another rank, dtype or vocabulary, and for
            more than ``max_length`` of them.

    Example:
        >>> generator = TransformerGenerator(10, max_length=6, model_dim=8, layers=1, heads=2)
        >>> generator(tf.constant([[1, 5, 6], [1, 7, 2]])).shape
        TensorShape([2, 3, 10])
        >>> logits, state = generator.step(tf.constant([1, 1]), generator.initial_state(2, length=3))
        >>> logits.shape, state["position"].numpy().tolist()
        (TensorShape([2, 10]), [1, 1])

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
        tie_weights: bool = True,
        dropout: float = 0.0,
        start_token: int = 1,
        end_token: int | None = 2,
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
            hidden_dim=model_dim,
            tie_weights=tie_weights,
            dropout=dropout,
            start_token=start_token,
            end_token=end_token,
            seeds=seeds,
            embedding_initializer=keras.initializers.RandomNormal(stddev=SPREAD, seed=next(seeds)),
            **kwargs,
        )
        self.max_length = max_length
        self.settings = {
            "vocabulary_size": vocabulary_size,
            "max_length": max_length,
            "model_dim": model_dim,
            "layers": layers,
            "heads": heads,
            "tie_weights": tie_weights,
            "dropout": dropout,
            "start_token": start_token,
            "end_token": end_token,
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
            _DecoderBlock(model_dim, heads, dropout, layers, seeds, name=f"block_{index}", dtype=policy)
            for index in range(layers)
        ]
        self.last_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy)
        for layer in (*self.blocks, self.last_norm, self.positions):
            layer.build((None, None, model_dim))
        self.built = True

    def get_config(self) -> dict:
        return {**super().get_config(), **self.settings}

    def initial_state(self, batch_size: int, length: int | None = None) -> dict:
        """Return an empty cache for ``length`` steps, by default ``max_length``.

        Raises:
            ValueError: if ``length`` is below 1 or above ``max_length``.
        """
        length = self.max_length if length is None else length
        if not 1 <= length <= self.max_length:
            raise ValueError(f"length must be 1 to max_length={self.max_length}. Received: {length}.")
        heads, model_dim = self.settings["heads"], self.settings["model_dim"]
        empty = tf.zeros((batch_size, heads, length, model_dim // heads), self.compute_dtype)
        caches = (empty,) * len(self.blocks)
        return {"position": tf.zeros((batch_size,), tf.int32), "keys": caches, "values": caches}

    def step(self, token, state, training: bool = False):
        """Read one token, ids (B,) or soft (B, V); return the next one's logits (B, V) and the state after it.

        Raises:
            ValueError: if the state is full. Only outside `tf.function`: a compiled graph cannot raise,
                and there the token's key and value are lost.
        """
        position, length = state["position"], state["keys"][0].shape[2]
        if tf.executing_eagerly() and tf.reduce_max(position) >= length:
            raise ValueError(f"The state holds {length} steps and is full. Make it with a larger length.")
        x = self.embed(token, 1, training) + self.positions(position)  # (B, model_dim)
        keys, values = [], []
        for block, old_keys, old_values in zip(self.blocks, state["keys"], state["values"], strict=True):
            x, new_keys, new_values = block.step(x, old_keys, old_values, position, training=training)
            keys.append(new_keys)
            values.append(new_values)
        logits = self.project(self.last_norm(x), training)
        return logits, {"position": position + 1, "keys": tuple(keys), "values": tuple(values)}

    def call(self, tokens, training: bool = False):
        return self.project(self.features(tokens, training), training)

    def features(self, tokens, training: bool = False) -> tf.Tensor:
        """Return what the logits are computed from, (B, T, model_dim), given tokens as in a call."""
        x = self.embed(tokens, 2, training)  # (B, T, model_dim)
        if x.shape[1] is not None and x.shape[1] > self.max_length:
            raise ValueError(
                f"The generator reads at most max_length={self.max_length} tokens. Received: {x.shape[1]}. "
                "Cut the sentences or make it with a larger max_length."
            )
        x += self.positions(tf.range(tf.shape(x)[1]))
        for block in self.blocks:
            x = block(x, training=training)
        return self.last_norm(x)


class _DecoderBlock(TransformerBlock):  # its name stands in the weights files, the bundled one too
    """A block whose positions see no later ones, so that it can be asked step by step."""

    def seen(self, length):
        return tf.range(length)[:, None] >= tf.range(length)  # (T, T): query t sees keys 0…t

    def step(self, x, keys, values, position, training: bool = False):
        """Apply the block to one token a row; the cache beyond a row's position is never seen."""
        query, key, value = self._split(x[:, None, :])  # (B, heads, 1, head_dim) each
        slots, position = tf.range(keys.shape[2]), position[:, None, None, None]
        here = slots[:, None] == position  # (B, 1, length, 1)
        keys, values = tf.where(here, key, keys), tf.where(here, value, values)
        attended = attend(query, keys, values, slots <= position)
        return self._finish(x[:, None, :], attended, training)[:, 0], keys, values
