"""RankGAN: a ranker, which sees sentences beside others, in place of a discriminator that judges each alone."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.losses.ranking import cosines, log_rank
from course_utils.models.text_discriminator import TextDiscriminator
from course_utils.training.policy_gradient import PolicyGame
from course_utils.training.replicas import share_of_replica
from course_utils.training.rewards import rollout_rewards


@keras.saving.register_keras_serializable(package="course_utils")
class RankGAN(PolicyGame):
    """The GAN of Lin et al. 2017: a token's reward is the expected log rank of the sentences that go on from it.

    A sentence ranks by the cosine of its features and those of reference sentences, among the sentences of a comparison
    set (`course_utils.losses.ranking.log_rank`). The references are real. A written sentence is compared with real ones
    (C⁺), a real one with written ones (C⁻). The ranker maximises E[log R(real|U, C⁻)] − E[log R(written|U, C⁺)]; the
    generator maximises E[log R(written|U, C⁺)] with rollouts, as `course_utils.training.seqgan.SeqGAN` does, of the
    ranker without dropout.

    In an update the ranker compares the halves of its minibatch with each other, and the references come from another
    round of the training step (with one round, from the same sentences); for the generator they and as many comparisons
    as half a minibatch are drawn from the step's real sentences.

    Departures from the paper: a baseline is subtracted by default, since log R is −log(|C| + 1) and little more, and so
    common a reward would make every sampled token less likely; the ranker's loss is the mean of its two halves. The
    published code is another method: it sums over the references before one softmax over the whole minibatch, and
    rewards with the rank, not its logarithm, among written sentences.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        discriminator: the ranker, a `course_utils.models.text_discriminator.TextDiscriminator`, such as
            `course_utils.models.text_cnn.TextCNN`; only its features are used, never the last layer and its penalty.
        n_rollouts: completions of each prefix.
        references: |U|.
        gamma: γ, above 0.
        baseline, control: as of `PolicyGame`.
        **settings: ``batch_size``, ``generator_steps``, ``likelihood_weight``, ``discriminator_rounds``,
            ``discriminator_epochs`` and ``seed`` of `course_utils.training.text_game.TextGame`.

    Metrics: those of `PolicyGame`; ``discriminator_loss``, 0 where real and written sentences rank alike, and
    ``discriminator_accuracy``, the share of pairs of a real and a written sentence in which the real one is the more
    relevant.

    Raises:
        TypeError: if the ranker is no `TextDiscriminator`.
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> from course_utils.models.text_cnn import TextCNN
        >>> generator = RecurrentGenerator(9, embedding_dim=4, hidden_dim=4)
        >>> ranker = TextCNN(9, embedding_dim=4, widths=(1, 2), filters=(3, 3))
        >>> gan = RankGAN(generator, ranker, n_rollouts=2, references=3, batch_size=4, discriminator_rounds=2)
        >>> gan.compile()
        >>> history = gan.fit(tf.data.Dataset.from_tensors(tf.constant([[3, 4, 2], [5, 2, 0]] * 2)), verbose=0)
        >>> history.history["reward"][0] < 0
        True

    Source: Lin et al. 2017, Adversarial Ranking for Language Generation, section 3; |U| = 16 and γ = 1: the authors'
    code.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: TextDiscriminator,
        *,
        n_rollouts: int = 16,
        references: int = 16,
        gamma: float = 1.0,
        baseline: bool = True,
        **settings: Any,
    ):
        super().__init__(generator, discriminator, baseline=baseline, **settings)
        if not isinstance(discriminator, TextDiscriminator):
            raise TypeError(
                f"The ranker must be a TextDiscriminator, which has features. Received: {type(discriminator).__name__}."
            )
        for name, value in (("n_rollouts", n_rollouts), ("references", references)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1. Received: {value}.")
        if not gamma > 0:
            raise ValueError(f"gamma must be above 0. Received: {gamma}.")
        del self.settings["loss"]  # the ranker has its own
        self.settings |= {"n_rollouts": n_rollouts, "references": references, "gamma": gamma}

    def _rewards(self, tokens, real, key):
        count = self.settings["references"]
        # Drawn and read once for all rollouts of the step.
        reads = self._some_of(real, count + self._half(), tf.random.fold_in(key, 2))
        features = self.compiled_step(self._features)(reads)
        rank = self.compiled_step(self._log_rank)

        def score(sentences):
            return rank(sentences, features[:count], features[count:])

        return rollout_rewards(score, self.generator, tokens, self.settings["n_rollouts"], tf.random.fold_in(key, 0))

    def _features(self, sentences):
        return self.discriminator.features(sentences, training=False)

    def _log_rank(self, sentences, references, comparisons):
        return log_rank(self._features(sentences), references, comparisons, self.settings["gamma"])

    def _draw_beside(self, real, key):
        return (self._some_of(real, self.settings["references"], key),)

    def _update_discriminator(self, real, written, references):
        ranker, gamma = self.discriminator, self.settings["gamma"]
        with tf.GradientTape() as tape:
            # One call on all is faster than three.
            features = ranker.features(tf.concat([real, written, references], axis=0), training=True)
            real_ones, written_ones, compared = tf.split(
                features, [part.shape[0] for part in (real, written, references)]
            )
            real_rank = log_rank(real_ones, compared, written_ones, gamma)
            written_rank = log_rank(written_ones, compared, real_ones, gamma)
            known = tf.reduce_all((real >= 0) & (real < self.generator.vocabulary_size))
            loss = 0.5 * (tf.reduce_mean(written_rank) - tf.reduce_mean(real_rank))
            loss = tf.where(known, loss, float("nan"))
            total = self.discriminator_optimizer.scale_loss(share_of_replica(loss))
        # The last layer takes no part, so it has no gradient.
        unused = {id(variable) for variable in ranker.last_layer.trainable_variables}
        variables = [variable for variable in ranker.trainable_variables if id(variable) not in unused]
        self.discriminator_optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        self.trackers["discriminator_loss"].update_state(loss)
        relevance = [tf.reduce_mean(cosines(part, compared), axis=1) for part in (real_ones, written_ones)]
        first = tf.reduce_mean(tf.cast(relevance[0][:, None] > relevance[1], tf.float32))
        self.trackers["discriminator_accuracy"].update_state(first)
        return loss
