"""RelGAN's generator: a memory of several slots, rewritten at each token by attention over the memory and the token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from course_utils.models.sequence import SequenceModel, check_positive, layer_seeds
from course_utils.models.transformer_block import attend

FORGET_BIAS = 1.0  # the forget gate starts open


@keras.saving.register_keras_serializable(package="course_utils")
class RelationalMemoryGenerator(SequenceModel):
    """Embedding → relational memory → logits; a `SequenceGenerator`.

    The memory M has S slots, rows of width D = heads · head_dim. With x the embedded token times a matrix, a step is

        A = heads of softmax(Q Kᵀ / √head_dim) V, with Q = M W_q and K, V = [M; x] W_k, [M; x] W_v,
        Z = norm(M + A),  U = norm(Z + W₂ relu(W₁ Z)),
        i, f = two halves of x W_x + tanh(M) W_m for each slot,
        M ← σ(i) ⊙ tanh(U) + σ(f + 1) ⊙ M,

    and the logits read all slots side by side. At the start slot s is the s-th unit vector, so that no two are alike.
    The defaults are RelGAN's: one slot, two heads of 256, embeddings of 32.

    Santoro et al. add an output gate, which RelGAN leaves out. The public code of both normalises the projected
    queries, keys and values together and divides by √(3 · head_dim) in place of the papers' √head_dim, which is what
    stands here. Weights begin as theirs do: normal, cut at two deviations of 1/√(inputs); the last layer is Glorot's.

    The state is the memory, (B, S · D).

    Args:
        vocabulary_size: V.
        embedding_dim: width of an embedding.
        slots: S, rows of the memory.
        heads: attention heads.
        head_dim: width of a head.
        tie_weights: whether the logits use the embedding matrix; needs embeddings of width S · D.
        dropout: rate on embeddings and on what the logits read, when ``training=True``.
        start_token: first input of every sentence.
        end_token: token that ends a sentence; ``None`` if every sentence fills its length.
        seed: of initial weights and dropout; equal seeds give equal networks.

    Call arguments:
        tokens: inputs, integer ids (B, T) or soft one-hot vectors, float (B, T, V). Of ids
            outside 0…V−1 only a CPU outside XLA complains; XLA reads another word's embedding and a GPU
            a zero one: check them where they come in.
        training: whether dropout acts.

    Returns:
        Logits, float32 (B, T, V), also under mixed precision.

    Raises:
        ValueError: for impossible settings, and for tokens of another rank, dtype or vocabulary.

    Example:
        >>> generator = RelationalMemoryGenerator(10, embedding_dim=4, slots=2, heads=2, head_dim=3)
        >>> generator(tf.constant([[1, 5, 6], [1, 7, 2]])).shape
        TensorShape([2, 3, 10])
        >>> logits, state = generator.step(tf.constant([1, 1]), generator.initial_state(2))
        >>> logits.shape, state.shape
        (TensorShape([2, 10]), TensorShape([2, 12]))

    Source: Santoro et al. 2018, Relational recurrent neural networks, section 3; Nie et al. 2019 (RelGAN), sec. 2.1.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int = 32,
        slots: int = 1,
        heads: int = 2,
        head_dim: int = 256,
        tie_weights: bool = False,
        dropout: float = 0.0,
        start_token: int = 1,
        end_token: int | None = 2,
        seed: int = 0,
        **kwargs: Any,
    ):
        for name, value in {"slots": slots, "heads": heads, "head_dim": head_dim}.items():
            check_positive(name, value)
        check_positive("vocabulary_size", vocabulary_size)
        seeds = layer_seeds(seed)
        super().__init__(
            vocabulary_size,
            embedding_dim=embedding_dim,
            hidden_dim=slots * heads * head_dim,
            tie_weights=tie_weights,
            dropout=dropout,
            start_token=start_token,
            end_token=end_token,
            seeds=seeds,
            embedding_initializer=keras.initializers.TruncatedNormal(stddev=vocabulary_size**-0.5, seed=next(seeds)),
            **kwargs,
        )
        self.settings = {
            "vocabulary_size": vocabulary_size,
            "embedding_dim": embedding_dim,
            "slots": slots,
            "heads": heads,
            "head_dim": head_dim,
            "tie_weights": tie_weights,
            "dropout": dropout,
            "start_token": start_token,
            "end_token": end_token,
            "seed": seed,
        }
        cell = RelationalMemoryCell(slots, heads, head_dim, seeds, dtype=self.dtype_policy)
        self.recurrence = keras.layers.RNN(cell, return_sequences=True, dtype=self.dtype_policy)
        self.recurrence.build((None, None, embedding_dim))
        self.built = True

    def get_config(self) -> dict:
        return {**super().get_config(), **self.settings}

    def initial_state(self, batch_size: int, length: int | None = None) -> tf.Tensor:
        """Return unit vectors; ``length`` is ignored, since the memory holds any number of steps."""
        return self.recurrence.cell.get_initial_state(batch_size)

    def step(self, token, state, training: bool = False):
        """Read one token, ids (B,) or soft (B, V); return the next one's logits (B, V) and the state after it."""
        memory, _ = self.recurrence.cell(self.embed(token, 1, training), state)
        return self.project(memory, training), memory

    def call(self, tokens, training: bool = False):
        embedded = self.embed(tokens, 2, training)  # (B, T, embedding_dim)
        return self.project(self.recurrence(embedded), training)


class RelationalMemoryCell(keras.layers.Layer):
    """One step of the memory, see `RelationalMemoryGenerator`; a cell of `keras.layers.RNN`.

    Args:
        slots: S.
        heads: attention heads.
        head_dim: width of a head; D = heads · head_dim.
        seeds: of initial weights, from `layer_seeds`.
    """

    def __init__(self, slots: int, heads: int, head_dim: int, seeds: Iterator[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.slots, self.heads, self.head_dim, self.width = slots, heads, head_dim, heads * head_dim
        self.state_size = self.output_size = slots * self.width
        self._seeds = seeds

    def build(self, input_shape) -> None:
        width = self.width

        def dense(inputs: int, units: int, use_bias: bool = False, activation=None):
            layer = keras.layers.Dense(
                units,
                activation=activation,
                use_bias=use_bias,
                kernel_initializer=keras.initializers.TruncatedNormal(stddev=inputs**-0.5, seed=next(self._seeds)),
                dtype=self.dtype_policy,
            )
            layer.build((None, inputs))
            return layer

        self.read = dense(input_shape[-1], width, use_bias=True)
        self.query, self.key_value = dense(width, width), dense(width, 2 * width)
        self.mlp_hidden = dense(width, width, use_bias=True, activation="relu")
        self.mlp_output = dense(width, width, use_bias=True)
        self.gates_of_input, self.gates_of_memory = dense(width, 2 * width), dense(width, 2 * width)
        self.attention_norm, self.mlp_norm = (
            keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy) for _ in range(2)
        )
        for norm in (self.attention_norm, self.mlp_norm):
            norm.build((None, None, width))

    def get_initial_state(self, batch_size) -> tf.Tensor:
        """Return the memory before the first token, (B, S · D)."""
        unit = tf.eye(self.slots, self.width, dtype=self.compute_dtype)
        return tf.tile(tf.reshape(unit, (1, -1)), (batch_size, 1))

    def call(self, inputs, state):
        """Read (B, E) with the memory (B, S · D); return what the memory has become, as output and as state."""
        memory = tf.reshape(state, (-1, self.slots, self.width))
        x = self.read(inputs)[:, None]  # (B, 1, D)
        # Queries of the slots only: what the token itself would attend to is never read.
        query = self._by_head(self.query(memory))
        keys, values = tf.split(self.key_value(tf.concat([memory, x], axis=1)), 2, axis=-1)  # (B, S + 1, D) each
        attended = attend(query, self._by_head(keys), self._by_head(values), True)
        attended = tf.reshape(tf.transpose(attended, (0, 2, 1, 3)), tf.shape(memory))
        update = self.attention_norm(memory + attended)
        update = self.mlp_norm(update + self.mlp_output(self.mlp_hidden(update)))
        gates = self.gates_of_input(x) + self.gates_of_memory(tf.tanh(memory))  # (B, S, 2 · D)
        enter, keep = tf.split(gates, 2, axis=-1)
        memory = tf.sigmoid(enter) * tf.tanh(update) + tf.sigmoid(keep + FORGET_BIAS) * memory
        memory = tf.reshape(memory, (-1, self.state_size))
        return memory, memory

    def _by_head(self, rows):
        """Return (B, N, D) as (B, heads, N, head_dim)."""
        rows = tf.reshape(rows, (-1, rows.shape[1], self.heads, self.head_dim))
        return tf.transpose(rows, (0, 2, 1, 3))
