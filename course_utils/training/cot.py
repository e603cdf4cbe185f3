"""Cooperative training: a mediator learns the mixture of data and generator, and the generator goes towards it."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.models.sequence import SequenceGenerator, shift_right
from course_utils.sampling import counted_positions, log_prob, sample
from course_utils.training.replicas import share_of_replica
from course_utils.training.text_game import TextGame


@keras.saving.register_keras_serializable(package="course_utils")
class CoT(TextGame):
    """The cooperative training of Lu et al. 2019: no reward and no sampled gradient, a distance of next tokens.

    A mediator M, itself a language model, learns by likelihood from as many real as written sentences; the best one is
    M* = ½ (p_data + p_g). The generator writes sentences, and after each of their prefixes s it descends

        KL(π(· | s) ‖ M(· | s)) = Σ_v π(v | s) (log π(v | s) − log M(v | s)),

    a sum over the whole vocabulary, summed over the sentence: with M* this estimates KL(p_g‖M*), a half of the
    Jensen–Shannon divergence. The mediator takes the discriminator's place: its rounds, its optimiser. Neither network
    needs pretraining.

    As published, the gradient leaves out that the prefixes too depend on the weights. So it is not the gradient of
    KL(p_g‖M): a token gets no credit for the prefixes that it leads to.

    Departure from the published code: a loss is a sum over the sentence's tokens, there their mean (so its norm 5 for
    clipping is 5 · T here).

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        mediator: another one with the same vocabulary. Published: twice the generator's widths, dropout 0.5.
        discriminator_rounds, discriminator_epochs: the mediator's rounds in a training step, each with fresh sentences,
            and its passes over them.
        **settings: ``batch_size``, ``generator_steps``, ``likelihood_weight`` and ``seed`` of
            `course_utils.training.text_game.TextGame`. A minibatch of the mediator has ``batch_size`` sentences, half
            of them real.

    In the generator's step both networks work without dropout. The published optimisers are Adam(1e-3) for both.

    Metrics: ``generator_loss``, the distance in nats a sentence; ``entropy``, the mean of the next token's over the
    prefixes, in nats; ``mediator_loss``, the mean negative log-likelihood in nats a sentence.

    Raises:
        TypeError: if a network does not speak the protocol.
        ValueError: if the networks' vocabularies differ, and for impossible settings.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> generator = RecurrentGenerator(9, embedding_dim=4, hidden_dim=4)
        >>> mediator = RecurrentGenerator(9, embedding_dim=8, hidden_dim=8, dropout=0.5, seed=1)
        >>> cooperation = CoT(generator, mediator, batch_size=4)
        >>> cooperation.compile()
        >>> history = cooperation.fit(tf.constant([[3, 4, 2], [5, 2, 0]] * 2), batch_size=2, verbose=0)
        >>> sorted(history.history)
        ['entropy', 'generator_loss', 'mediator_loss']

    Source: Lu et al. 2019, CoT: Cooperative Training for Generative Modeling of Discrete Data, algorithm 1; settings:
    the authors' code.
    """

    JUDGED = ("mediator_loss",)

    def __init__(
        self,
        generator: keras.Model,
        mediator: keras.Model,
        *,
        discriminator_rounds: int = 1,
        discriminator_epochs: int = 1,
        **settings: Any,
    ):
        rounds = {"discriminator_rounds": discriminator_rounds, "discriminator_epochs": discriminator_epochs}
        super().__init__(generator, mediator, trackers=("generator_loss", "entropy"), **rounds, **settings)
        if not isinstance(mediator, SequenceGenerator):
            raise TypeError(
                f"mediator must have the methods of SequenceGenerator. Received: {type(mediator).__name__}. "
                "Use RecurrentGenerator or TransformerGenerator, or write step() and initial_state()."
            )
        if mediator.vocabulary_size != generator.vocabulary_size or mediator.end_token != generator.end_token:
            raise ValueError(
                "generator and mediator must have the same vocabulary_size and end_token. Received: "
                f"{generator.vocabulary_size}, {generator.end_token} and {mediator.vocabulary_size}, "
                f"{mediator.end_token}."
            )
        del self.settings["loss"]  # both networks have their own

    def _draw(self, real, key):
        return (sample(self.generator, self._rows(), real.shape[1], seed=tf.random.fold_in(key, 0)),)

    def _generator_loss(self, tokens):
        log_pi, log_m = (
            tf.nn.log_softmax(network(shift_right(tokens, network.start_token), training=False))
            for network in (self.generator, self.discriminator)
        )
        pi = tf.exp(log_pi)  # (B, T, V)
        counted = tf.cast(counted_positions(tokens, self.generator.end_token), tf.float32)
        number = tf.reduce_sum(counted)
        entropy = -tf.reduce_sum(counted * tf.reduce_sum(pi * log_pi, axis=-1)) / number
        self.trackers["entropy"].update_state(entropy, sample_weight=number)
        distance = tf.reduce_sum(pi * (log_pi - log_m), axis=-1)  # (B, T)
        return tf.reduce_mean(tf.reduce_sum(counted * distance, axis=1))

    def _update_discriminator(self, real, written):
        sentences = tf.concat([real, written], axis=0)
        with tf.GradientTape() as tape:
            log_probs = log_prob(self.discriminator, sentences, training=True)
            loss = -tf.reduce_mean(tf.reduce_sum(log_probs, axis=1))
            # Said as NaN because nothing inside XLA can raise, and a device would read a neighbour instead.
            known = tf.reduce_all((real >= 0) & (real < self.generator.vocabulary_size))
            loss = tf.where(known, loss, float("nan"))
            total = self.discriminator_optimizer.scale_loss(share_of_replica(loss))
        self.apply_gradients(self.discriminator_optimizer, tape, total, self.discriminator)
        self.trackers["mediator_loss"].update_state(loss)
        return loss

    def get_config(self) -> dict:
        config = super().get_config()
        config["mediator"] = config.pop("discriminator")
        return config
