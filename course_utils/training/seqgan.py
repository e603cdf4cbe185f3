"""SeqGAN: the discriminator's probability, averaged over completions of a prefix, rewards each token."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.training.policy_gradient import PolicyGame
from course_utils.training.replicas import replica_count
from course_utils.training.rewards import rollout_rewards


@keras.saving.register_keras_serializable(package="course_utils")
class SeqGAN(PolicyGame):
    """The GAN of Yu et al. 2017, its three settings g-steps, d-steps and k included.

    A token's reward is the mean probability of being real that the discriminator, without dropout, gives to N
    completions of the prefix that ends with it; the last token's is that of the sentence itself. Both networks should
    have learned before: the generator by `course_utils.training.language_model.LanguageModel`, the discriminator by
    this class with ``generator_steps=0``.

    Departures from the published code: the loss is the mean over the batch, there the sum (so its norm 5 for clipping
    and Adam's ε are 5/64 and ε/64 here, with a batch of 64); minibatches of the discriminator hold as many real as
    written sentences, there as it comes; its loss is the mean of the two halves; rollouts are counted in
    ``rollout_delay`` as the paper means it, while in that code the update rate of 0.8 has no effect.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        discriminator: ids (B, T) → logits (B, 1), such as `course_utils.models.text_cnn.TextCNN`.
        n_rollouts: N, completions of each prefix.
        rollout_delay: share of its old weights that the rollout policy keeps after each generator step, from 0 (it is
            the generator) to below 1; on one device only.
        **settings: ``baseline`` and ``control`` of `PolicyGame`; ``batch_size``, ``generator_steps``,
            ``likelihood_weight``, ``discriminator_rounds``, ``discriminator_epochs`` and ``seed`` of
            `course_utils.training.text_game.TextGame`.

    Raises:
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> from course_utils.models.text_cnn import TextCNN
        >>> generator = RecurrentGenerator(9, embedding_dim=4, hidden_dim=4)
        >>> judge = TextCNN(9, embedding_dim=4, widths=(1, 2), filters=(3, 3))
        >>> gan = SeqGAN(generator, judge, n_rollouts=2, batch_size=4, discriminator_rounds=2)
        >>> gan.compile()
        >>> history = gan.fit(tf.data.Dataset.from_tensors(tf.constant([[3, 4, 2], [5, 2, 0]] * 2)), verbose=0)
        >>> sorted(history.history)
        ['discriminator_accuracy', 'discriminator_loss', 'entropy', 'generator_loss', 'reward']

    Source: Yu et al. 2017, SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient, algorithm 1.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        n_rollouts: int = 16,
        rollout_delay: float = 0.0,
        **settings: Any,
    ):
        super().__init__(generator, discriminator, **settings)
        if n_rollouts < 1:
            raise ValueError(f"n_rollouts must be at least 1. Received: {n_rollouts}.")
        if not 0 <= rollout_delay < 1:
            raise ValueError(f"rollout_delay must be from 0 to below 1. Received: {rollout_delay}.")
        self.settings |= {"n_rollouts": n_rollouts, "rollout_delay": rollout_delay}
        if rollout_delay:
            self.rollout_policy = type(generator).from_config(generator.get_config())

    def _rewards(self, tokens, real, key):
        return rollout_rewards(
            self.score, self._current_policy(), tokens, self.settings["n_rollouts"], tf.random.fold_in(key, 0)
        )

    def score(self, sentences):
        """Return the probability of being real that the discriminator gives, float32 (R,), of int32 (R, T)."""

        def judge(sentences):
            return tf.sigmoid(self.discriminator(sentences, training=False)[:, 0])

        return self.compiled_step(judge)(sentences)

    def _current_policy(self):
        """Return who completes the prefixes, brought up to date: the generator, or the network that follows it."""
        if not self.settings["rollout_delay"]:
            return self.generator
        if replica_count() > 1:
            raise ValueError(f"rollout_delay needs one device. Received: {replica_count()} replicas. Use 0.")
        # At the first step the two are the same.
        kept = tf.where(self.steps_done.value == 0, 0.0, self.settings["rollout_delay"])
        old_and_new = (self.rollout_policy.trainable_variables, self.generator.trainable_variables)
        for old, new in zip(*old_and_new, strict=True):
            old.assign(kept * old + (1 - kept) * new)
        return self.rollout_policy
