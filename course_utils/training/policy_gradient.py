"""Policy gradient for generators of sentences: sample, reward each token, make the rewarded ones likelier."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import keras
import tensorflow as tf

from course_utils.gradients import leave_one_out_baseline, reinforce_loss
from course_utils.sampling import counted_positions, log_prob, sample
from course_utils.training.rewards import Reward, check_control, controlled
from course_utils.training.text_game import TextGame


class PolicyGame(TextGame):
    """A `TextGame` whose generator learns by REINFORCE from a reward a token, which a subclass gives.

    Its loss is −mean over the batch of Σ_t log p(x_t | x_<t) · (Q_t − b_t), see
    `course_utils.gradients.reinforce_loss`.

    Args:
        generator, discriminator: as of `TextGame`.
        baseline: subtract at each position the mean reward of the batch's other sentences there; less variance, same
            mean.
        control: for an experiment, what takes the place of the rewards, see
            `course_utils.training.rewards.controlled`; ``None`` for nothing.
        **settings: of `TextGame`.

    Raises:
        ValueError: for an unknown control.

    Metrics: ``generator_loss``; ``reward``, the mean over tokens; ``entropy``, the mean of −log p over the sampled
    tokens, in nats; and those of `TextGame`.
    """

    def __init__(
        self, generator, discriminator=None, *, baseline: bool = False, control: str | None = None, **settings: Any
    ):
        super().__init__(generator, discriminator, trackers=("generator_loss", "reward", "entropy"), **settings)
        check_control(control)
        self.settings |= {"baseline": baseline, "control": control}

    @abstractmethod
    def _rewards(self, tokens, real, key) -> tf.Tensor:
        """Return the reward of each token, float32 (B, T); ``real`` are the real sentences of the training step."""

    def _draw(self, real, key):
        tokens = sample(self.generator, self._rows(), real.shape[1], seed=tf.random.fold_in(key, 0))
        ours = tf.random.fold_in(key, 1)
        rewards = self._rewards(tokens, real, ours)
        return tokens, controlled(rewards, self.settings["control"], tf.random.fold_in(ours, 1))

    def _generator_loss(self, tokens, rewards):
        log_probs = log_prob(self.generator, tokens, training=True)
        counted = tf.cast(counted_positions(tokens, self.generator.end_token), tf.float32)
        for name, value in (("reward", rewards), ("entropy", -log_probs)):
            number = tf.reduce_sum(counted)
            self.trackers[name].update_state(tf.reduce_sum(value * counted) / number, sample_weight=number)
        return reinforce_loss(log_probs, self._advantages(rewards, counted))

    def _advantages(self, rewards, counted) -> tf.Tensor:
        """Return the rewards less a baseline, (B, T); ``counted`` is 1 where a token belongs to its sentence."""
        return rewards - leave_one_out_baseline(rewards) if self.settings["baseline"] else rewards


@keras.saving.register_keras_serializable(package="course_utils")
class PolicyGradient(PolicyGame):
    """Policy gradient against a judge that does not learn: PG-BLEU, and the controls of SeqGAN.

    `fit` takes batches of sentences: a batch is a training step. Without a ``likelihood_weight`` only their length is
    used.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        reward: a `course_utils.training.rewards.Reward`.
        **settings: ``baseline`` and ``control`` of `PolicyGame`; ``batch_size``, ``generator_steps``,
            ``likelihood_weight`` and ``seed`` of `TextGame`.

    Raises:
        TypeError: if the reward is none.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> from course_utils.training.rewards import ConstantReward
        >>> control = PolicyGradient(RecurrentGenerator(6, embedding_dim=4, hidden_dim=4), ConstantReward())
        >>> control.compile()
        >>> history = control.fit(tf.constant([[3, 4, 2], [5, 2, 0]]), epochs=2, verbose=0)
        >>> history.history["reward"]
        [1.0, 1.0]

    Source: Williams 1992; Ranzato et al. 2016 (MIXER) for BLEU as the reward.
    """

    def __init__(self, generator, reward: Reward, **settings: Any):
        super().__init__(generator, **settings)
        if not isinstance(reward, Reward):
            raise TypeError(
                f"reward must be a course_utils.training.rewards.Reward. Received: {type(reward).__name__}."
            )
        self.reward = reward

    def _rewards(self, tokens, real, key):
        return self.reward.rewards(self.generator, tokens, key)

    def get_config(self) -> dict:
        return {**super().get_config(), "reward": keras.saving.serialize_keras_object(self.reward)}
