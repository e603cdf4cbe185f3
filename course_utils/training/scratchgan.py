"""ScratchGAN: a reward for every token from a discriminator of unfinished sentences, and no pretraining."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.gradients import reward_to_go
from course_utils.sampling import counted_positions
from course_utils.training.policy_gradient import PolicyGame
from course_utils.training.replicas import replica_count, sum_over_replicas


@keras.saving.register_keras_serializable(package="course_utils")
class ScratchGAN(PolicyGame):
    """The GAN of de Masson d'Autume et al. 2019, which starts from a generator that has learned nothing.

    The discriminator says after each token whether the sentence so far is real. Token t is rewarded with
    r_t = 2 D(x_≤t) − 1, from −1 to 1, and learns from what follows it, R_t = Σ_{s ≥ t} γ^{s − t} r_s, less a baseline:
    a moving average of the mean return, b ← decay · b + (1 − decay) · mean(R). So no rollouts are needed; large batches
    keep the variance low. The discriminator's loss is the cross-entropy of all prefixes of real and written sentences,
    −Σ_t (log D(real_≤t) + log(1 − D(written_≤t))), divided by their number.

    After an end token there is neither reward nor loss.

    Departures from the published code: there padding counts in the means of loss and baseline, with a reward of 0; the
    generator's loss is the mean over tokens, here as in every policy game of the course the sum over a sentence's; the
    discriminator rewards with its dropout on, here without; and it makes its step before the generator.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        discriminator: ids (B, T) → logits (B, T), one a token that depends on no later one, such as
            `course_utils.models.token_discriminator.TokenDiscriminator`.
        discount: γ, from 0 to 1.
        baseline_decay: share of its old value that the baseline keeps in a step, from 0 to below 1.
        batch_size: written sentences in the generator's step, and as many real as written ones in each minibatch of the
            discriminator: twice as many there as in other games.
        discriminator_rounds, discriminator_epochs: as of `course_utils.training.text_game.TextGame`.
        **settings: ``generator_steps``, ``likelihood_weight`` and ``seed`` of `TextGame`.

    Attributes:
        average: float32 variable, the baseline.

    Metrics: those of `PolicyGame`, where ``reward`` is R_t; ``discriminator_loss``, log 2 where real and written
    prefixes look alike; ``discriminator_accuracy``, the mean of the shares of real and of written prefixes that are
    judged rightly.

    Raises:
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> from course_utils.models.token_discriminator import TokenDiscriminator
        >>> generator = RecurrentGenerator(9, embedding_dim=4, hidden_dim=4)
        >>> gan = ScratchGAN(generator, TokenDiscriminator(9, embedding_dim=4, hidden_dim=4), batch_size=4)
        >>> gan.compile()
        >>> history = gan.fit(tf.constant([[3, 4, 2], [5, 2, 0]] * 4), batch_size=4, verbose=0)
        >>> sorted(history.history)
        ['discriminator_accuracy', 'discriminator_loss', 'entropy', 'generator_loss', 'reward']

    Source: de Masson d'Autume et al. 2019, Training language GANs from scratch, section 3; γ, decay and rates: the
    authors' code.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        discount: float = 0.23,
        baseline_decay: float = 0.08,
        batch_size: int = 512,
        discriminator_rounds: int = 1,
        discriminator_epochs: int = 1,
        **settings: Any,
    ):
        if not 0 <= discount <= 1:
            raise ValueError(f"discount must be from 0 to 1. Received: {discount}.")
        if not 0 <= baseline_decay < 1:
            raise ValueError(f"baseline_decay must be from 0 to below 1. Received: {baseline_decay}.")
        rounds = {"discriminator_rounds": discriminator_rounds, "discriminator_epochs": discriminator_epochs}
        # Both are given by the method: who asks for others is told so.
        fixed = {"loss": "minimax", "baseline": False}
        super().__init__(generator, discriminator, batch_size=batch_size, **rounds, **fixed, **settings)
        for name in fixed:
            del self.settings[name]
        self.settings |= {"discount": discount, "baseline_decay": baseline_decay}
        self.average = self.add_weight(
            name="average", shape=(), initializer="zeros", trainable=False, aggregation="only_first_replica"
        )

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **kwargs: Any) -> None:
        """Set the optimisers and how `fit` runs.

        Args:
            generator_optimizer: a Keras optimiser; ``None`` is the published Adam(9.59e-5, β₁ = 0.5).
            discriminator_optimizer: another one; ``None`` is Adam(9.38e-3, β₁ = 0.5).
            **kwargs: of `TextGame.compile`.

        Raises:
            ValueError: as `TextGame.compile`.
        """
        super().compile(generator_optimizer or _adam(9.59e-5), discriminator_optimizer or _adam(9.38e-3), **kwargs)

    def _rewards(self, tokens, real, key):
        return self.compiled_step(self._returns)(tokens)

    def _returns(self, tokens):
        rewards = 2 * tf.sigmoid(self._judge(tokens, training=False)) - 1
        return reward_to_go(self._counted(tokens) * rewards, self.settings["discount"])

    def _advantages(self, rewards, counted):
        mean = tf.reduce_sum(counted * rewards) / tf.reduce_sum(counted)
        mean = sum_over_replicas(mean) / replica_count()
        decay = self.settings["baseline_decay"]
        self.average.assign(decay * self.average + (1 - decay) * mean)
        return rewards - self.average

    def _discriminator_loss(self, real, written):
        logits = self._judge_both(real, written)
        counted = self._counted(real), self._counted(written)
        towards = logits[0], -logits[1]  # what the discriminator wants to be large
        sums = [tf.reduce_sum(c * tf.nn.softplus(-x)) for c, x in zip(counted, towards, strict=True)]
        numbers = [tf.reduce_sum(c) for c in counted]
        right = [tf.reduce_sum(c * tf.cast(x > 0, tf.float32)) for c, x in zip(counted, towards, strict=True)]
        accuracy = 0.5 * (right[0] / numbers[0] + right[1] / numbers[1])
        # Divided by one number, so that longer sentences do not change what the best discriminator is.
        loss = (sums[0] + sums[1]) / (numbers[0] + numbers[1])
        return loss, sum(self.discriminator.losses), accuracy

    def _counted(self, tokens) -> tf.Tensor:
        return tf.cast(counted_positions(tokens, self.generator.end_token), tf.float32)

    def _half(self):
        return self._rows()


def _adam(rate: float):
    return keras.optimizers.Adam(rate, beta_1=0.5, epsilon=1e-8)
