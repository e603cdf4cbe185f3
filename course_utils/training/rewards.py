"""Judges of unfinished sentences: what each token of a sampled sentence is rewarded with."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from course_utils.sampling import rollout

ROWS = 1024  # completed sentences judged at a time


def rollout_rewards(score: Callable, policy, tokens, n_rollouts: int, seed) -> tf.Tensor:
    """Return Q(x_{<t}, x_t), the mean score of N completions of each prefix; the whole sentence is scored itself.

    Args:
        score: int32 (R, T) → float32 (R,), of finished sentences.
        policy: the `course_utils.models.sequence.SequenceGenerator` that completes the prefixes.
        tokens: int32 (B, T), sentences.
        n_rollouts: N.
        seed: a whole number, or an int32 tensor (2,).

    Returns:
        float32 (B, T). At positions after an end token it is the finished sentence's score.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> policy = RecurrentGenerator(5, embedding_dim=4, hidden_dim=4, end_token=None)
        >>> first_is_3 = lambda tokens: tf.cast(tokens[:, 0] == 3, tf.float32)
        >>> rollout_rewards(first_is_3, policy, [[3, 1], [4, 3]], 2, seed=0).numpy()
        array([[1., 1.],
               [0., 0.]], dtype=float32)

    Source: Yu et al. 2017 (SeqGAN), equation 4.
    """
    tokens = tf.convert_to_tensor(tokens, tf.int32)
    batch, length = tokens.shape
    completed = rollout(policy, tokens, n_rollouts, seed=seed)  # (T − 1, N, B, T)
    sentences = tf.concat([tf.reshape(completed, (-1, length)), tokens], axis=0)
    scores = scores_of(score, sentences)
    prefixes = tf.reshape(scores[:-batch], (length - 1, n_rollouts, batch))
    return tf.transpose(tf.concat([tf.reduce_mean(prefixes, axis=1), scores[None, -batch:]], axis=0))


def scores_of(score: Callable, sentences) -> tf.Tensor:
    """Return the scores of any number of sentences, computed ``ROWS`` at a time.

    Args:
        score: int32 (R, T) → float32 (R,).
        sentences: int32 (N, T).

    Returns:
        float32 (N,).

    Example:
        >>> scores_of(lambda tokens: tf.cast(tokens[:, 0], tf.float32), tf.constant([[3, 1], [4, 1]])).numpy()
        array([3., 4.], dtype=float32)
    """
    count, length = sentences.shape
    parts = -(-count // ROWS)
    rows = -(-count // parts)
    sentences = tf.pad(sentences, [[0, parts * rows - count], [0, 0]])
    graph = tf.function(score).get_concrete_function(tf.TensorSpec((rows, length), tf.int32))
    scores = tf.map_fn(
        graph, tf.reshape(sentences, (parts, rows, length)), fn_output_signature=tf.float32, parallel_iterations=1
    )
    return tf.reshape(scores, (-1,))[:count]


CONTROLS = ("constant", "noise", "shuffled")


def check_control(control: str | None) -> None:
    """Raise `ValueError` unless a control is one of `CONTROLS`, or ``None``."""
    if control is not None and control not in CONTROLS:
        raise ValueError(f"control must be one of {', '.join(CONTROLS)}, or None. Received: {control!r}.")


def controlled(rewards, control: str | None, key) -> tf.Tensor:
    """Return what a control puts in the place of a batch's rewards, so that they no longer judge the sentences.

    Args:
        rewards: float32 (B, …).
        control: ``"constant"``, the mean of all; ``"noise"``, normal numbers with their mean and deviation;
            ``"shuffled"``, those of a random sentence of the batch; or ``None``, the rewards themselves.
        key: int32 (2,), of the draw.

    Returns:
        float32 like ``rewards``.

    Example:
        >>> controlled(tf.constant([[1.0, 2.0], [3.0, 6.0]]), "constant", [0, 1]).numpy().tolist()
        [[3.0, 3.0], [3.0, 3.0]]
    """
    if control == "shuffled":
        return tf.gather(rewards, tf.argsort(tf.random.stateless_uniform(rewards.shape[:1], key)))
    if control is None:
        return rewards
    mean, deviation = tf.reduce_mean(rewards), tf.math.reduce_std(rewards)
    if control == "constant":
        return tf.fill(rewards.shape, mean)
    return mean + deviation * tf.random.stateless_normal(rewards.shape, key)


class Reward(keras.layers.Layer):
    """Rewards sampled sentences, token by token; a Keras layer, so that a training stores what it holds."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.built = True  # there is nothing to build

    @abstractmethod
    def rewards(self, policy, tokens, seed) -> tf.Tensor:
        """Return the reward of each token.

        Args:
            policy: the `course_utils.models.sequence.SequenceGenerator` that wrote the sentences.
            tokens: int32 (B, T).
            seed: int32 tensor (2,), for what has to be drawn.

        Returns:
            float32 (B, T).
        """


@keras.saving.register_keras_serializable(package="course_utils")
class ConstantReward(Reward):
    """A control: every token of every sentence is rewarded with 1.

    Example:
        >>> ConstantReward().rewards(None, tf.constant([[3, 4]]), seed=None).numpy()
        array([[1., 1.]], dtype=float32)
    """

    def rewards(self, policy, tokens, seed) -> tf.Tensor:
        return tf.ones(tokens.shape)


@keras.saving.register_keras_serializable(package="course_utils")
class NoiseReward(Reward):
    """A control: a uniform number from 0 to 1 for each token, whatever it is.

    Example:
        >>> NoiseReward().rewards(None, tf.constant([[3, 4]]), tf.constant([0, 1])).shape
        TensorShape([1, 2])
    """

    def rewards(self, policy, tokens, seed) -> tf.Tensor:
        return tf.random.stateless_uniform(tokens.shape, seed)


@keras.saving.register_keras_serializable(package="course_utils")
class RolloutReward(Reward):
    """The mean score of a prefix's completions, see `rollout_rewards`.

    Args:
        score: a Keras layer, int32 (R, T) → float32 (R,), such as `course_utils.training.bleu_score.SentenceBLEU`.
        n_rollouts: completions of each prefix.
    """

    def __init__(self, score: keras.layers.Layer, n_rollouts: int = 16, **kwargs: Any):
        super().__init__(**kwargs)
        self.score, self.n_rollouts = score, n_rollouts

    def rewards(self, policy, tokens, seed) -> tf.Tensor:
        return rollout_rewards(self.score, policy, tokens, self.n_rollouts, seed)

    def get_config(self) -> dict:
        score = keras.saving.serialize_keras_object(self.score)
        return {**super().get_config(), "score": score, "n_rollouts": self.n_rollouts}

    @classmethod
    def from_config(cls, config: dict) -> RolloutReward:
        return cls(**config | {"score": keras.saving.deserialize_keras_object(config["score"])})
