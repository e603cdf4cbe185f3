"""MaliGAN: importance weights turn the generator's own sentences into a likelihood of the data."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.gradients import reinforce_loss
from course_utils.sampling import complete, counted_positions, log_prob
from course_utils.training.rewards import check_control, controlled
from course_utils.training.text_game import TextGame

Scheduled = float | keras.optimizers.schedules.LearningRateSchedule


def importance_weights(logits) -> tf.Tensor:
    """Return r_i / Σ_j r_j with r = D/(1 − D), along the last axis.

    D is the logistic function of the logit, so r is its exponential, and the weights are a softmax. With the best
    discriminator r = p_data/p_g, and the weighted sentences are distributed as the data are.

    Args:
        logits: float (…, m), a discriminator's, of m sentences that the generator wrote.

    Returns:
        A tensor of the same shape and dtype; each row has the sum 1.

    Example:
        >>> importance_weights(tf.math.log([1.0, 1.0, 2.0])).numpy()
        array([0.25, 0.25, 0.5 ], dtype=float32)

    Source: Che et al. 2017 (MaliGAN), section 3.1 and algorithm 1.
    """
    return tf.nn.softmax(logits, axis=-1)


@keras.saving.register_keras_serializable(package="course_utils")
class MaliGAN(TextGame):
    """The GAN of Che et al. 2017, with its mixed training: the weights need no rollouts, and a sentence has one.

    A sentence's weight w_i = r_i / Σ_j r_j, r = D/(1 − D), multiplies the gradient of its log-probability, less a
    baseline (`importance_weights`). Where D is right this is the gradient of the likelihood of the data, estimated
    from sentences of the generator's own.

    In the mixed training (algorithm 2) the first N tokens are those of real sentences and m completions follow on each.
    The N tokens are learned by likelihood; a completion has its weight among the m of its beginning. The discriminator
    too is shown completions of the real sentences it reads. N falls during training, and at N = 0 all beginnings are
    the same, so the weights are normalised over all sentences of the step: that is algorithm 1, and the default.

    Departures: the gradient is the mean over beginnings, where the paper's sum grows with the batch. The baseline b,
    which the paper raises slowly from 0 to 1, is subtracted from weights of the mean 1, that is from m · w_i (beside
    weights of the sum 1 it would make every sentence less likely); it is 1 from the start unless a schedule is given.
    How N falls and what m is the paper leaves to each experiment.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        discriminator: ids (B, T) → logits (B, 1), such as `course_utils.models.text_cnn.TextCNN`.
        forced_tokens: N, from 0 to T, or a Keras ``LearningRateSchedule`` that gives it for each training step (rounded
            to a whole number), such as ``PolynomialDecay(20, 200, 0)``.
        samples_per_prefix: m, completions of a beginning; divides the sentences that a device writes in a step.
        baseline: b, or a schedule, such as ``PolynomialDecay(0.0, 200, 1.0)``.
        control: for an experiment, what takes the place of the weights, see
            `course_utils.training.rewards.controlled`; ``None`` for nothing.
        **settings: ``batch_size``, ``generator_steps``, ``likelihood_weight``, ``discriminator_rounds``,
            ``discriminator_epochs`` and ``seed`` of `course_utils.training.text_game.TextGame`.

    Metrics: ``generator_loss``; ``entropy``, the mean of −log p over the tokens it wrote itself, in nats;
    ``effective_samples``, 1 / Σ w², how many sentences of those normalised together carry the step, from 1 to their
    number; and those of `TextGame`.

    Raises:
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> from course_utils.models.text_cnn import TextCNN
        >>> generator = RecurrentGenerator(9, embedding_dim=4, hidden_dim=4)
        >>> judge = TextCNN(9, embedding_dim=4, widths=(1, 2), filters=(3, 3))
        >>> gan = MaliGAN(generator, judge, forced_tokens=1, samples_per_prefix=2, batch_size=4, discriminator_rounds=2)
        >>> gan.compile()
        >>> history = gan.fit(tf.data.Dataset.from_tensors(tf.constant([[3, 4, 2], [5, 2, 0]] * 2)), verbose=0)
        >>> 1 <= history.history["effective_samples"][0] <= 2
        True

    Source: Che et al. 2017, Maximum-Likelihood Augmented Discrete Generative Adversarial Networks, sections 3.1 and
    3.4, algorithms 1 and 2; ``effective_samples``: Kong 1992.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        forced_tokens: Scheduled = 0,
        samples_per_prefix: int = 16,
        baseline: Scheduled = 1.0,
        control: str | None = None,
        **settings: Any,
    ):
        super().__init__(
            generator, discriminator, trackers=("generator_loss", "entropy", "effective_samples"), **settings
        )
        for name, value in (("forced_tokens", forced_tokens), ("baseline", baseline)):
            if not isinstance(value, keras.optimizers.schedules.LearningRateSchedule) and not value >= 0:
                raise ValueError(f"{name} must be at least 0, or a schedule. Received: {value}.")
        check_control(control)
        if samples_per_prefix < 1:
            raise ValueError(f"samples_per_prefix must be at least 1. Received: {samples_per_prefix}.")
        self.settings |= {
            "forced_tokens": forced_tokens,
            "samples_per_prefix": samples_per_prefix,
            "baseline": baseline,
            "control": control,
        }

    def _draw(self, real, key):
        rows, samples = self._rows(), self.settings["samples_per_prefix"]
        if rows % samples:
            raise ValueError(
                f"samples_per_prefix must divide the {rows} sentences that a device writes in a step. "
                f"Received: {samples}."
            )
        beginnings = tf.repeat(self._some_of(real, rows // samples, tf.random.fold_in(key, 0)), samples, axis=0)
        forced = self._forced_tokens()
        return (
            complete(self.generator, beginnings, forced, seed=tf.random.fold_in(key, 1)),
            forced,
            self._now("baseline"),
            tf.random.fold_in(key, 2),
        )

    def _generator_loss(self, tokens, forced, baseline, key):
        rows, length = tokens.shape
        samples = self.settings["samples_per_prefix"]
        logits = self.discriminator(tokens, training=False)[:, 0]
        of_all = importance_weights(logits)
        of_beginning = importance_weights(tf.reshape(logits, (-1, samples)))
        # Weights of the mean 1, as the baseline and the mean over sentences want them.
        weights = tf.where(forced > 0, samples * tf.reshape(of_beginning, (-1,)), rows * of_all)
        weights = controlled(weights, self.settings["control"], key)
        own = tf.range(length) >= forced
        log_probs = log_prob(self.generator, tokens, training=True)
        counted = tf.cast(own & counted_positions(tokens, self.generator.end_token), tf.float32)
        number = tf.reduce_sum(counted)
        entropy = tf.math.divide_no_nan(-tf.reduce_sum(log_probs * counted), number)
        self.trackers["entropy"].update_state(entropy, sample_weight=number)
        effective = tf.reduce_mean(1 / tf.reduce_sum(tf.square(of_beginning), axis=1))
        self.trackers["effective_samples"].update_state(
            tf.where(forced > 0, effective, 1 / tf.reduce_sum(tf.square(of_all)))
        )
        return reinforce_loss(log_probs, tf.where(own, weights[:, None] - baseline, 1.0))

    def _write_against(self, real, key):
        return complete(self.generator, real, self._forced_tokens(), seed=key)

    def _forced_tokens(self) -> tf.Tensor:
        return tf.cast(tf.round(self._now("forced_tokens")), tf.int32)

    def _now(self, name: str) -> tf.Tensor:
        """Return a setting's value at this training step, a float32 scalar."""
        value = self.settings[name]
        return tf.cast(value(self.steps_done.value) if callable(value) else value, tf.float32)

    def get_config(self) -> dict:
        scheduled = {
            name: keras.saving.serialize_keras_object(self.settings[name]) for name in ("forced_tokens", "baseline")
        }
        return {**super().get_config(), **scheduled}
