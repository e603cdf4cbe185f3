"""Every sentence that a small vocabulary can write, and what a generator does with all of them at once.

A generator's probability of a sentence is a product of its steps, so with few sentences every expectation over its
samples is a sum that can be written down: no sampling, no error bar. The prefixes are shared: one pass over
V^(T − 1) rows holds the steps of all V^T sentences.

Used by lessons 08 and 09, through `EnumerableLanguage`.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

MOST_SENTENCES = 20_000


class AllSentences:
    """All V^T sentences of T tokens, in lexicographic order: [0, …, 0, 0], [0, …, 0, 1], …

    No id is special: every one is an ordinary word, and every sentence has T of them. The generators that are asked
    for probabilities speak the course's protocol (`initial_state`, `step`, `call`), with this vocabulary size and
    without an end token; their start token is their own affair.

    Args:
        vocabulary_size: V, at least 2.
        length: T, tokens a sentence, at least 1; V^T may be up to 20,000.

    Attributes:
        vocabulary_size: V.
        length: T.
        sentences: int32 (V^T, T).
        place_values: int32 (T,), what one more at each position adds to the row: V^(T − 1), …, V, 1.

    Raises:
        ValueError: if a size is no whole number or too small, or there are too many sentences.

    Example:
        >>> AllSentences(vocabulary_size=2, length=2).sentences
        array([[0, 0],
               [0, 1],
               [1, 0],
               [1, 1]], dtype=int32)
    """

    def __init__(self, vocabulary_size: int, length: int) -> None:
        self.vocabulary_size = _whole("vocabulary_size", vocabulary_size, least=2)
        self.length = _whole("length", length, least=1)
        # First the length alone: V^T itself would be a number of a million digits.
        if length > np.log2(MOST_SENTENCES) or vocabulary_size**length > MOST_SENTENCES:
            raise ValueError(
                f"vocabulary_size ** length must be at most {MOST_SENTENCES:,}, to sum over all sentences. "
                f"Received: {vocabulary_size} ** {length}. Take fewer words or shorter sentences."
            )
        rows = np.arange(vocabulary_size**length)
        self.place_values = (vocabulary_size ** np.arange(length)[::-1]).astype(np.int32)
        self.sentences = (rows[:, None] // self.place_values % vocabulary_size).astype(np.int32)

    def index(self, tokens: np.ndarray | tf.Tensor) -> np.ndarray | tf.Tensor:
        """Return the row of each sentence in `sentences`.

        Args:
            tokens: (..., T) ids; an array or nested list, or an int32 tensor (also inside a tf.function).

        Returns:
            int32 (...), an array or a tensor like ``tokens``.

        Raises:
            ValueError: if the last axis is not T, or an id of an array is none of the vocabulary's. The ids of a
                tensor are not looked at.

        Example:
            >>> AllSentences(vocabulary_size=2, length=3).index([[0, 1, 1], [1, 0, 0]])
            array([3, 4], dtype=int32)
        """
        if not tf.is_tensor(tokens):
            tokens = np.asarray(tokens)
            if not (
                np.issubdtype(tokens.dtype, np.integer) and ((tokens >= 0) & (tokens < self.vocabulary_size)).all()
            ):
                raise ValueError(
                    f"tokens must be whole numbers from 0 to {self.vocabulary_size - 1}. Received: {tokens}."
                )
        if not tokens.shape or tokens.shape[-1] != self.length:
            raise ValueError(f"tokens must be (..., {self.length}). Received: {tuple(tokens.shape)}.")
        if tf.is_tensor(tokens):
            return tf.reduce_sum(tokens * self.place_values, axis=-1)
        return (tokens.astype(np.int32) * self.place_values).sum(axis=-1, dtype=np.int32)

    def prefix_probabilities(self, probabilities: np.ndarray) -> list[np.ndarray]:
        """Return how probable each beginning of a sentence is.

        Args:
            probabilities: (V^T,) of all sentences.

        Returns:
            T arrays, float64: entry t is (V^t,), the probability of each prefix of t tokens, in lexicographic order.
            Entry 0 is the empty prefix, with the mass of everything.

        Raises:
            ValueError: if the shape is another one.

        Example:
            >>> AllSentences(vocabulary_size=2, length=2).prefix_probabilities([0.1, 0.2, 0.3, 0.4])
            [array([1.]), array([0.3, 0.7])]
        """
        probabilities = np.asarray(probabilities, dtype=np.float64)
        self._check_table("probabilities", probabilities)
        return [probabilities.reshape(self.vocabulary_size**t, -1).sum(axis=1) for t in range(self.length)]

    def conditional_log_probabilities(self, generator) -> list[tf.Tensor]:
        """Return log p_g(· | prefix) for every prefix, in one pass through the generator.

        Args:
            generator: a generator of the course's protocol.

        Returns:
            T float64 tensors: entry t is (V^t, V), a row for each prefix of t tokens in lexicographic order.
            Differentiable in the generator's variables.

        Raises:
            ValueError: if the generator has another vocabulary size, or an end token.

        Example:
            >>> from course_utils.models.recurrent import RecurrentGenerator
            >>> generator = RecurrentGenerator(5, start_token=0, end_token=None)
            >>> [tuple(rows.shape) for rows in AllSentences(5, 3).conditional_log_probabilities(generator)]
            [(1, 5), (5, 5), (25, 5)]
        """
        if generator.vocabulary_size != self.vocabulary_size or generator.end_token is not None:
            raise ValueError(
                f"The generator must have vocabulary_size={self.vocabulary_size} and end_token=None. Received: "
                f"vocabulary_size={generator.vocabulary_size}, end_token={generator.end_token}. Build it with these."
            )
        # The last token of a sentence is never an input, so sentences that differ there share a row.
        prefixes = self.sentences[:: self.vocabulary_size, :-1]
        inputs = np.insert(prefixes, 0, generator.start_token, axis=1)  # (V^(T-1), T)
        logits = generator(tf.constant(inputs), training=False)  # (V^(T-1), T, V)
        # At position t, rows that agree in their first t tokens hold the same numbers: take the first of each.
        # float64 from here on, or the rounding of a sum over all sentences would exceed that of the logits.
        return [
            tf.nn.log_softmax(tf.cast(logits[:: self.vocabulary_size ** (self.length - 1 - t), t], tf.float64))
            for t in range(self.length)
        ]

    def log_probabilities(self, generator) -> tf.Tensor:
        """Return log p_g(x) for every sentence x.

        Args:
            generator: a generator of the course's protocol.

        Returns:
            float32 (V^T,), in the order of `sentences`. Differentiable in the generator's variables.

        Raises:
            ValueError: if the generator has another vocabulary size, or an end token.

        Example:
            >>> from course_utils.models.recurrent import RecurrentGenerator
            >>> generator = RecurrentGenerator(5, start_token=0, end_token=None)
            >>> AllSentences(5, 3).log_probabilities(generator).shape
            TensorShape([125])
        """
        return tf.cast(self._log_probabilities(generator), tf.float32)

    def probabilities(self, generator) -> np.ndarray:
        """Return p_g(x) for every sentence x, as an array for `course_utils.worlds.divergences`.

        Args:
            generator: a generator of the course's protocol.

        Returns:
            float64 (V^T,), in the order of `sentences`, of sum 1.

        Raises:
            ValueError: if the generator has another vocabulary size, or an end token.

        Example:
            >>> from course_utils.models.recurrent import RecurrentGenerator
            >>> generator = RecurrentGenerator(5, start_token=0, end_token=None)
            >>> round(float(AllSentences(5, 3).probabilities(generator).sum()), 12)
            1.0
        """
        return np.exp(self._log_probabilities(generator).numpy())

    def expected_reward(self, generator, reward: np.ndarray | tf.Tensor) -> tf.Tensor:
        """Return E[r(x)] over sentences x from the generator: the sum of p_g(x) r(x) over all of them.

        Args:
            generator: a generator of the course's protocol.
            reward: (V^T,), one number a sentence in the order of `sentences`; held constant.

        Returns:
            float64 scalar, differentiable in the generator's variables.

        Raises:
            ValueError: if the reward has another shape, or the generator another vocabulary size or an end token.

        Example:
            >>> from course_utils.models.recurrent import RecurrentGenerator
            >>> generator = RecurrentGenerator(5, start_token=0, end_token=None)
            >>> round(float(AllSentences(5, 3).expected_reward(generator, 2.0 * np.ones(125))), 9)
            2.0
        """
        self._check_table("reward", reward)
        return tf.reduce_sum(tf.exp(self._log_probabilities(generator)) * tf.stop_gradient(tf.cast(reward, tf.float64)))

    def exact_gradient(self, generator, reward: np.ndarray | tf.Tensor) -> list[tf.Tensor]:
        """Return the gradient of E[r(x)] that estimators estimate from samples.

        The reward is held constant, also where it came from the generator, as that of D* does. To *raise* the
        expected reward go along the gradient; an optimiser that descends wants minus it.

        Args:
            generator: a generator of the course's protocol.
            reward: (V^T,), one number a sentence in the order of `sentences`.

        Returns:
            One tensor for each of ``generator.trainable_variables``, of its shape.

        Raises:
            ValueError: if the reward has another shape, or the generator another vocabulary size or an end token.

        Example:
            >>> from course_utils.models.recurrent import RecurrentGenerator
            >>> generator = RecurrentGenerator(5, start_token=0, end_token=None)
            >>> gradient = AllSentences(5, 3).exact_gradient(generator, np.ones(125))  # nothing to gain
            >>> max(float(tf.reduce_max(tf.abs(part))) for part in gradient) < 1e-6
            True
        """
        with tf.GradientTape() as tape:
            expected = self.expected_reward(generator, reward)
        # The zeros of an unused weight cannot be made from a Keras variable, only from the TensorFlow variable in it.
        variables = [variable.value for variable in generator.trainable_variables]
        parts = tape.gradient(expected, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(part) for part in parts]  # an embedding's gradient comes as rows

    def soft_reward(self, reward: np.ndarray | tf.Tensor, soft: tf.Tensor) -> tf.Tensor:
        """Return the reward of sentences of soft one-hots: its multilinear extension.

        That is the sum over all sentences of r(x) · Π_t soft[t, x_t]: at one-hots the reward itself, and linear in
        every position. If the positions are independent probabilities, it is the mean reward.

        Args:
            reward: (V^T,), one number a sentence in the order of `sentences`.
            soft: (B, T, V) float, such as Gumbel-softmax samples.

        Returns:
            (B,) of the dtype of ``soft``. Differentiable in ``soft``.

        Raises:
            ValueError: if a shape is another one.

        Example:
            >>> sentences = AllSentences(vocabulary_size=2, length=2)  # reward 1 for [1, 1]
            >>> sentences.soft_reward([0.0, 0.0, 0.0, 1.0], tf.constant([[[0.0, 1.0], [0.25, 0.75]]])).numpy()
            array([0.75], dtype=float32)
        """
        self._check_table("reward", reward)
        soft = tf.convert_to_tensor(soft)
        if soft.shape[1:] != (self.length, self.vocabulary_size):
            raise ValueError(f"soft must be (B, {self.length}, {self.vocabulary_size}). Received: {tuple(soft.shape)}.")
        # One position after the other, so that no step holds more than V^(T-1) numbers a sentence.
        left = soft[:, 0] @ tf.reshape(tf.cast(reward, soft.dtype), (self.vocabulary_size, -1))  # (B, V^(T-1))
        for t in range(1, self.length):
            rest = self.vocabulary_size ** (self.length - 1 - t)
            left = tf.reshape(left, (-1, self.vocabulary_size, rest))
            left = tf.einsum("bv,bvr->br", soft[:, t], left)  # (B, V^(T-1-t))
        return left[:, 0]

    def _log_probabilities(self, generator) -> tf.Tensor:
        """Return log p_g(x) in float64, (V^T,)."""
        log_p = tf.zeros((1,), tf.float64)  # of the empty prefix
        for rows in self.conditional_log_probabilities(generator):
            log_p = tf.reshape(log_p[:, None] + rows, (-1,))  # (V^t, V): each prefix with each next token
        return log_p

    def _check_table(self, name: str, table: Sequence[float] | np.ndarray | tf.Tensor) -> None:
        shape = tuple(table.shape) if hasattr(table, "shape") else np.shape(table)
        if shape != (len(self.sentences),):
            raise ValueError(
                f"{name} must be ({len(self.sentences)},), one number a sentence in the order of `sentences`. "
                f"Received: {shape}."
            )


def _whole(name: str, value: int, least: int) -> int:
    if not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}. Received: {value!r}.")
    return value
