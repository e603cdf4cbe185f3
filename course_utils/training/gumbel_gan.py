"""The Gumbel-softmax GAN: the discriminator reads relaxed sentences, and its gradient reaches the generator."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.sampling import pad_after_end, soft_sentences
from course_utils.training.text_game import TextGame


@keras.saving.register_keras_serializable(package="course_utils")
class GumbelGAN(TextGame):
    """The GAN of Kusner and Hernández-Lobato 2016 (GSGAN): no rewards, one gradient through both networks.

    The generator's tokens are softmax((logits + Gumbel noise) / τ), each fed back as its next input. The discriminator
    learns to tell real sentences, as one-hot vectors, from these soft ones; the generator descends the loss of its
    answer. High temperatures τ give steady gradients of sentences that are no sentences, low ones erratic gradients of
    nearly one-hot vectors; so τ falls during training. After the end token, as far as a soft sentence has ended, it is
    padding: `course_utils.sampling.pad_after_end`.

    In the generator's step both networks work without dropout: it learns from what the discriminator thinks.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        discriminator: ids (B, T) or soft one-hot vectors (B, T, V) → logits (B, 1).
        temperature: τ, above 0, or a Keras ``LearningRateSchedule`` that gives it for each training step, such as
            ``ExponentialDecay(5.0, 1_000, 0.5)``.
        straight_through: let the discriminator and the next step read the one-hot vector of the largest entry, with
            the soft one's gradient. Then soft values cannot give a sentence away.
        feed_tokens: let the next step read the token of the largest entry, with no gradient, as `RelGAN` has it.
        discriminator_rounds, discriminator_epochs: as of `TextGame`. A round holds its M soft sentences at once, M · T
            · V floats: keep M near half the batch size.
        **settings: ``loss``, ``batch_size``, ``generator_steps``, ``likelihood_weight`` and ``seed`` of `TextGame`. A
            relativistic loss compares with real sentences drawn from the step's batch.

    Metrics: ``generator_loss``, ``discriminator_loss`` and ``discriminator_accuracy``.

    Raises:
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> from course_utils.models.text_cnn import TextCNN
        >>> generator = RecurrentGenerator(9, embedding_dim=4, hidden_dim=4)
        >>> judge = TextCNN(9, embedding_dim=4, widths=(1, 2), filters=(3, 3))
        >>> gan = GumbelGAN(generator, judge, temperature=0.5, batch_size=4)
        >>> gan.compile()
        >>> history = gan.fit(tf.constant([[3, 4, 2], [5, 2, 0]] * 2), batch_size=2, verbose=0)
        >>> sorted(history.history)
        ['discriminator_accuracy', 'discriminator_loss', 'generator_loss']

    Source: Kusner & Hernández-Lobato 2016, GANs for sequences of discrete elements with the Gumbel-softmax
    distribution, section 3; straight-through: Jang et al. 2017, section 2.2.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        temperature: float | keras.optimizers.schedules.LearningRateSchedule = 1.0,
        straight_through: bool = False,
        feed_tokens: bool = False,
        discriminator_rounds: int = 1,
        discriminator_epochs: int = 1,
        **settings: Any,
    ):
        rounds = {"discriminator_rounds": discriminator_rounds, "discriminator_epochs": discriminator_epochs}
        super().__init__(generator, discriminator, trackers=("generator_loss",), **rounds, **settings)
        if not isinstance(temperature, keras.optimizers.schedules.LearningRateSchedule) and not temperature > 0:
            raise ValueError(f"temperature must be above 0, or a schedule. Received: {temperature}.")
        self.settings |= {
            "temperature": temperature,
            "straight_through": straight_through,
            "feed_tokens": feed_tokens,
        }

    def _draw(self, real, key):
        uniforms = self._uniforms(self._rows(), real.shape[1], tf.random.fold_in(key, 0))
        if not self._loss_pair.relativistic:
            return (uniforms,)
        return uniforms, self._some_of(real, self._rows(), tf.random.fold_in(key, 1))

    def _generator_loss(self, uniforms, real=None):
        logits = self._judge(self._soft_sentences(uniforms), training=False)
        if real is None:
            return self._loss_pair.generator(logits)
        return self._loss_pair.generator(self._judge(real, training=False), logits)

    def _write(self, count, length, key):
        return self._soft_sentences(self._uniforms(count, length, key))

    def _judge_both(self, real, written):
        # As one-hot vectors, so that one call judges both: two take XLA twice as long to compile.
        return super()._judge_both(tf.one_hot(real, self.generator.vocabulary_size), written)

    def _uniforms(self, count: int, length: int, key) -> tf.Tensor:
        return tf.random.stateless_uniform((length, count, self.generator.vocabulary_size), key)

    def _soft_sentences(self, uniforms) -> tf.Tensor:
        """Return soft sentences (B, T, V) at this step's temperature, with padding where they have ended."""
        temperature, end = self.settings["temperature"], self.generator.end_token
        if callable(temperature):
            temperature = temperature(self.steps_done.value)
        how = {name: self.settings[name] for name in ("straight_through", "feed_tokens")}
        written = soft_sentences(self.generator, uniforms, temperature=temperature, **how)
        return written if end is None else pad_after_end(written, end)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "temperature": keras.saving.serialize_keras_object(self.settings["temperature"]),
        }
