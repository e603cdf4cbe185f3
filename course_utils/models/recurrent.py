"""The recurrent language model: one LSTM or GRU between an embedding and a softmax."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.models.sequence import SequenceModel, layer_seeds

CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


@keras.saving.register_keras_serializable(package="course_utils")
class RecurrentGenerator(SequenceModel):
    """Embedding → LSTM or GRU → logits; a `SequenceGenerator`.

    The state is a tuple of (B, hidden_dim) tensors: output and cell of an LSTM, output of a GRU. The
    LSTM's forget gate starts open (bias 1), as Keras has it.

    Args:
        vocabulary_size: V.
        embedding_dim: width of an embedding.
        hidden_dim: width of the recurrent layer.
        cell: ``"lstm"`` or ``"gru"``.
        tie_weights: whether the logits use the embedding matrix; needs equal widths.
        dropout: rate on embeddings and on the recurrent layer's outputs, when ``training=True``.
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
        >>> generator = RecurrentGenerator(10, embedding_dim=4, hidden_dim=8)
        >>> generator(tf.constant([[1, 5, 6], [1, 7, 2]])).shape
        TensorShape([2, 3, 10])
        >>> logits, state = generator.step(tf.constant([1, 1]), generator.initial_state(2))
        >>> logits.shape
        TensorShape([2, 10])

    Source: Hochreiter & Schmidhuber 1997; Cho et al. 2014; tied weights: Press & Wolf 2017.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int = 32,
        hidden_dim: int = 32,
        cell: str = "lstm",
        tie_weights: bool = False,
        dropout: float = 0.0,
        start_token: int = 1,
        end_token: int | None = 2,
        seed: int = 0,
        **kwargs: Any,
    ):
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}. Received: {cell!r}.")
        seeds = layer_seeds(seed)
        super().__init__(
            vocabulary_size,
            embedding_dim=embedding_dim,
            hidden_dim=hidden_dim,
            tie_weights=tie_weights,
            dropout=dropout,
            start_token=start_token,
            end_token=end_token,
            seeds=seeds,
            embedding_initializer=keras.initializers.RandomUniform(-0.05, 0.05, seed=next(seeds)),
            **kwargs,
        )
        self.settings = {
            "vocabulary_size": vocabulary_size,
            "embedding_dim": embedding_dim,
            "hidden_dim": hidden_dim,
            "cell": cell,
            "tie_weights": tie_weights,
            "dropout": dropout,
            "start_token": start_token,
            "end_token": end_token,
            "seed": seed,
        }
        self.recurrence = CELLS[cell](
            hidden_dim,
            return_sequences=True,
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)),
            seed=next(seeds),
            use_cudnn=False,  # XLA cannot compile cuDNN's op, and the course compiles its steps
            dtype=self.dtype_policy,
        )
        self.recurrence.build((None, None, embedding_dim))
        self.built = True

    def get_config(self) -> dict:
        return {**super().get_config(), **self.settings}

    def initial_state(self, batch_size: int, length: int | None = None) -> tuple[tf.Tensor, ...]:
        """Return zeros; ``length`` is ignored, since the state holds any number of steps."""
        return tuple(self.recurrence.cell.get_initial_state(batch_size))

    def step(self, token, state, training: bool = False):
        """Read one token, ids (B,) or soft (B, V); return the next one's logits (B, V) and the state after it."""
        hidden, state = self.recurrence.cell(self.embed(token, 1, training), list(state), training=training)
        return self.project(hidden, training), tuple(state)

    def call(self, tokens, training: bool = False):
        embedded = self.embed(tokens, 2, training)  # (B, T, embedding_dim)
        return self.project(self.recurrence(embedded, training=training), training)
