"""What every generator of sequences speaks, and what the recurrent one and the Transformer share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import keras
import tensorflow as tf

State = Any  # a nest of tensors whose every leaf has the batch as its first axis


@runtime_checkable
class SequenceGenerator(Protocol):
    """The protocol: anything that can be asked for the next token's logits, all at once or step by step.

    A generator reads *inputs*: the start token, then the sentence without its last token
    (`shift_right`). Logits at position t belong to the token after inputs 0…t, so those of t are the
    logits of token t of the sentence.

    Attributes:
        vocabulary_size: V.
        start_token: the first input of every sentence.
        end_token: the token that ends a sentence; ``None`` if every sentence fills its length.
    """

    vocabulary_size: int
    start_token: int
    end_token: int | None

    def initial_state(self, batch_size: int, length: int | None = None) -> State:
        """Return the state before the first input.

        Args:
            batch_size: B.
            length: how many steps the state must hold; a recurrent network's holds any number.

        Returns:
            A nest of tensors, each (B, …). Gathering or repeating rows of all of them gathers or
            repeats sentences.
        """

    def step(self, token: tf.Tensor, state: State, training: bool = False) -> tuple[tf.Tensor, State]:
        """Read one token.

        Args:
            token: ids, integer (B,), or soft one-hot vectors, float (B, V).
            state: what `initial_state` or the step before returned.
            training: whether dropout acts.

        Returns:
            Logits of the next token, float32 (B, V), and the state after it, shaped like ``state``.
        """

    def __call__(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Read whole inputs.

        Args:
            tokens: ids, integer (B, T), or soft one-hot vectors, float (B, T, V).
            training: whether dropout acts.

        Returns:
            Logits, float32 (B, T, V); those at t depend on inputs 0…t only.
        """


def shift_right(tokens, start_token: int) -> tf.Tensor:
    """Return the inputs that make a generator predict the sentences: the start token, then all but the last.

    Args:
        tokens: sentences, integer ids (B, T) or soft one-hot vectors, float (B, T, V).
        start_token: id of the first input.

    Returns:
        A tensor of the shape and dtype of ``tokens``.

    Raises:
        ValueError: for another rank or dtype.

    Example:
        >>> shift_right([[5, 6, 7], [8, 2, 0]], start_token=1).numpy().tolist()
        [[1, 5, 6], [1, 8, 2]]
    """
    tokens = tf.convert_to_tensor(tokens)
    if tokens.dtype.is_integer and tokens.shape.rank == 2:
        start = tf.fill((tf.shape(tokens)[0], 1), tf.cast(start_token, tokens.dtype))
    elif tokens.dtype.is_floating and tokens.shape.rank == 3:
        start = tf.one_hot(tf.fill((tf.shape(tokens)[0], 1), start_token), tokens.shape[2], dtype=tokens.dtype)
    else:
        raise ValueError(
            "Sentences are integer ids (B, T) or soft one-hot vectors, float (B, T, V). "
            f"Received: {tokens.dtype.name} {tokens.shape}."
        )
    return tf.concat([start, tokens[:, :-1]], axis=1)


class SequenceModel(keras.Model):
    """The ends of a generator: tokens → embeddings, hidden outputs → logits, and the checks of both.

    Args:
        vocabulary_size: V.
        embedding_dim: width of an embedding.
        hidden_dim: width of what `project` receives.
        tie_weights: whether the logits use the embedding matrix (Press & Wolf 2017).
        dropout: rate on embeddings and hidden outputs.
        start_token: first input of every sentence.
        end_token: token that ends a sentence, or ``None``.
        seeds: of initial weights and dropout, from `layer_seeds`.
        embedding_initializer: of the embedding matrix.

    Raises:
        ValueError: for impossible settings.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int,
        hidden_dim: int,
        tie_weights: bool,
        dropout: float,
        start_token: int,
        end_token: int | None,
        seeds: Iterator[int],
        embedding_initializer: keras.initializers.Initializer,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        for name, value in {
            "vocabulary_size": vocabulary_size,
            "embedding_dim": embedding_dim,
            "hidden_dim": hidden_dim,
        }.items():
            check_positive(name, value)
        for name, token in {"start_token": start_token, "end_token": end_token}.items():
            if (name, token) != ("end_token", None) and not (isinstance(token, int) and 0 <= token < vocabulary_size):
                raise ValueError(f"{name} must be an int from 0 to {vocabulary_size - 1}. Received: {token!r}.")
        check_dropout(dropout)
        if tie_weights and embedding_dim != hidden_dim:
            raise ValueError(
                "tie_weights=True needs embedding_dim == hidden_dim: the logits use the embedding matrix. "
                f"Received: {embedding_dim} and {hidden_dim}. Make them equal or use tie_weights=False."
            )
        self.vocabulary_size = vocabulary_size
        self.start_token = start_token
        self.end_token = end_token
        policy = self.dtype_policy
        self.embedding = TokenEmbedding(
            vocabulary_size, embedding_dim, embedding_initializer, name="embedding", dtype=policy
        )
        self.embedding_dropout = keras.layers.Dropout(dropout, seed=next(seeds), dtype=policy)
        self.output_dropout = keras.layers.Dropout(dropout, seed=next(seeds), dtype=policy)
        if tie_weights:
            self.projection = TiedProjection(self.embedding)
        else:
            glorot = keras.initializers.GlorotUniform(seed=next(seeds))
            # float32 at the end: in half precision logits would lose the differences between rare words.
            self.projection = keras.layers.Dense(
                vocabulary_size, kernel_initializer=glorot, name="projection", dtype="float32"
            )
        self.embedding.build(None)
        self.projection.build((None, hidden_dim))

    def embed(self, tokens, rank: int, training: bool) -> tf.Tensor:
        """Return the embeddings of ids with ``rank`` axes, or of soft one-hot vectors with one axis more.

        Raises:
            ValueError: if ``tokens`` is neither.
        """
        tokens = checked_tokens(tokens, rank, self.vocabulary_size)
        return self.embedding_dropout(self.embedding(tokens), training=training)

    def project(self, hidden: tf.Tensor, training: bool) -> tf.Tensor:
        """Return the float32 logits (…, V) of hidden outputs (…, hidden_dim)."""
        return self.projection(self.output_dropout(hidden, training=training))


class TokenEmbedding(keras.layers.Layer):
    """Keras's Embedding, for soft one-hot vectors too: their embedding is the mixture of the words'."""

    def __init__(self, vocabulary_size: int, dim: int, initializer, **kwargs: Any):
        super().__init__(**kwargs)
        self._shape, self._initializer = (vocabulary_size, dim), initializer

    def build(self, input_shape) -> None:
        self.matrix = self.add_weight(name="matrix", shape=self._shape, initializer=self._initializer)

    def call(self, tokens):
        matrix = tf.convert_to_tensor(self.matrix)
        if tokens.dtype.is_integer:
            return tf.gather(matrix, tf.cast(tokens, tf.int32))
        return tf.matmul(tokens, matrix)


class TiedProjection(keras.layers.Layer):
    """Hidden outputs (…, D) → logits (…, V): the dot product with every word's embedding, plus a bias."""

    def __init__(self, embedding: TokenEmbedding):
        super().__init__(name="projection", dtype="float32")
        self._embedding = embedding

    def build(self, input_shape) -> None:
        self.bias = self.add_weight(name="bias", shape=(self._embedding.matrix.shape[0],), initializer="zeros")

    def call(self, hidden):
        return tf.tensordot(hidden, tf.convert_to_tensor(self._embedding.matrix), axes=[[-1], [1]]) + self.bias


def check_positive(name: str, value: int) -> None:
    """Raise a ValueError unless the setting is an integer of at least 1."""
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1. Received: {value!r}.")


def check_dropout(rate: float) -> None:
    """Raise a ValueError unless the rate is at least 0 and below 1."""
    if not 0 <= rate < 1:
        raise ValueError(f"dropout must be at least 0 and below 1. Received: {rate}.")


def checked_tokens(tokens, rank: int, vocabulary_size: int) -> tf.Tensor:
    """Return ids with ``rank`` axes, or soft one-hot vectors with one axis more, as a tensor.

    Raises:
        ValueError: if ``tokens`` is neither, or a row has none.
    """
    tokens = tf.convert_to_tensor(tokens)
    ids = tokens.dtype.is_integer and tokens.shape.rank == rank
    soft = tokens.dtype.is_floating and tokens.shape.rank == rank + 1 and tokens.shape[-1] == vocabulary_size
    if not (ids or soft) or 0 in tokens.shape[1:]:
        ids, soft = ("(B,)", "(B, ") if rank == 1 else ("(B, T)", "(B, T, ")
        raise ValueError(
            f"Tokens are integer ids {ids} or soft one-hot vectors, float {soft}{vocabulary_size}), and at "
            f"least one a row. Received: {tokens.dtype.name} {tokens.shape}."
        )
    return tokens


def layer_seeds(seed: int) -> Iterator[int]:
    """Return an endless row of seeds, one a layer: one seed for all would repeat numbers."""
    if seed < 0:
        raise ValueError(f"seed must be a non-negative integer. Received: {seed}.")
    return itertools.count(1000 * seed)
