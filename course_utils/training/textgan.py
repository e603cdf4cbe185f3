"""TextGAN: sentences written from codes without chance, and features matched as whole distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from course_utils.losses.mmd import BANDWIDTHS, squared_mmd
from course_utils.models.code_reader import CodeReader
from course_utils.models.latent_recurrent import LatentGenerator
from course_utils.sampling import pad_after_end, soft_argmax_sentences
from course_utils.training.text_game import TextGame


@keras.saving.register_keras_serializable(package="course_utils")
class TextGAN(TextGame):
    """The GAN of Zhang et al. 2017: the generator matches the distribution of the discriminator's features.

    A sentence follows from its code z, uniform on [−1, 1]^L, alone: each token is the likeliest one, in training as
    softmax(L · logits) fed back (soft-argmax). With f the features of real and f̃ those of written sentences, and ẑ the
    code that the discriminator reads from f̃,

        the discriminator ascends   L_GAN − λ_r L_recon + λ_m L_MMD²,
        the generator descends      L_MMD²,

    L_GAN = E[log D(s)] + E[log(1 − D(s̃))], L_recon = E‖ẑ − z‖² and L_MMD² the kernel distance of the sets f and f̃
    (`course_utils.losses.mmd.squared_mmd`). So the discriminator looks for features that tell the two apart as sets
    and that keep what the sentence came from; a generator that repeats itself has another set of features.

    Departures: the discriminator's objective is halved, so that its reported part is log 2 where it cannot tell; the
    bandwidths are several fixed ones, where the paper wants one near the median distance of real features; pretraining
    is left to the caller (`LatentGenerator.take_weights`), where the paper's generator learns as the decoder of an
    autoencoder and its discriminator from sentences with two words exchanged. In the generator's step there is no
    dropout. The published code descends the root of MMD², and reads codes by cross-entropy.

    Args:
        generator: a `course_utils.models.latent_recurrent.LatentGenerator`.
        discriminator: a `course_utils.models.code_reader.CodeReader` with codes of the same length.
        sharpness: L of the soft-argmax, above 0.
        reconstruction_weight: λ_r, at least 0.
        matching_weight: λ_m, at least 0.
        bandwidths: of `squared_mmd`.
        discriminator_rounds, discriminator_epochs: as of `TextGame`. Soft sentences are written anew in each minibatch,
            from the codes of the round.
        batch_size: sentences that the generator writes in a step, and real ones that it is compared with; half as many
            of each in a minibatch of the discriminator.
        **settings: ``generator_steps``, ``likelihood_weight`` and ``seed`` of `TextGame`. The likelihood is that of the
            code 0.

    Metrics: ``generator_loss``, MMD²; ``reconstruction``, L_recon; ``discriminator_loss``, −½ L_GAN alone, and
    ``discriminator_accuracy``.

    Raises:
        TypeError: if a network is of another kind.
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.sampling import sample
        >>> generator = LatentGenerator(9, code_dim=3, embedding_dim=4, hidden_dim=4)
        >>> judge = CodeReader(9, code_dim=3, embedding_dim=4, widths=(1, 2), filters=(3, 3))
        >>> gan = TextGAN(generator, judge, batch_size=4)
        >>> gan.compile()
        >>> history = gan.fit(tf.constant([[3, 4, 2], [5, 2, 0]] * 2), batch_size=2, verbose=0)
        >>> sorted(history.history)
        ['discriminator_accuracy', 'discriminator_loss', 'generator_loss', 'reconstruction']
        >>> sample(generator, 5, 3, temperature=0.0, seed=0).shape
        TensorShape([5, 3])

    Source: Zhang et al. 2017, Adversarial feature matching for text generation, section 2; λ, L and rates: the authors'
    code.
    """

    JUDGED = (*TextGame.JUDGED, "reconstruction")

    def __init__(
        self,
        generator: LatentGenerator,
        discriminator: CodeReader,
        *,
        sharpness: float = 1_000.0,
        reconstruction_weight: float = 1e-3,
        matching_weight: float = 1e-3,
        bandwidths: Sequence[float] = BANDWIDTHS,
        batch_size: int = 256,
        discriminator_rounds: int = 1,
        discriminator_epochs: int = 1,
        **settings: Any,
    ):
        for name, network, kind in (
            ("generator", generator, LatentGenerator),
            ("discriminator", discriminator, CodeReader),
        ):
            if not isinstance(network, kind):
                raise TypeError(f"{name} must be a {kind.__name__}. Received: {type(network).__name__}.")
        lengths = [network.settings["code_dim"] for network in (generator, discriminator)]
        if lengths[0] != lengths[1]:
            raise ValueError(f"Both networks must have the same code_dim. Received: {lengths[0]} and {lengths[1]}.")
        if not 0 < sharpness < float("inf"):
            raise ValueError(f"sharpness must be a number above 0. Received: {sharpness}.")
        weights = {"reconstruction_weight": reconstruction_weight, "matching_weight": matching_weight}
        for name, weight in weights.items():
            if not 0 <= weight < float("inf"):
                raise ValueError(f"{name} must be a number of at least 0. Received: {weight}.")
        rounds = {"discriminator_rounds": discriminator_rounds, "discriminator_epochs": discriminator_epochs}
        # The loss is given by the method: who asks for another is told so.
        super().__init__(
            generator,
            discriminator,
            loss="minimax",
            trackers=("generator_loss",),
            batch_size=batch_size,
            **rounds,
            **settings,
        )
        del self.settings["loss"]
        self.settings |= {"sharpness": sharpness, "bandwidths": list(bandwidths), **weights}

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **kwargs: Any) -> None:
        """Set the optimisers and how `fit` runs.

        Args:
            generator_optimizer: a Keras optimiser; ``None`` is the published Adam(5e-5).
            discriminator_optimizer: another one; ``None`` is Adam(1e-4).
            **kwargs: of `TextGame.compile`.

        Raises:
            ValueError: as `TextGame.compile`.
        """
        super().compile(generator_optimizer or keras.optimizers.Adam(5e-5), discriminator_optimizer, **kwargs)

    def _draw(self, real, key):
        return (
            self.generator.draw_codes(self._rows(), tf.random.fold_in(key, 0)),
            self._some_of(real, self._rows(), tf.random.fold_in(key, 1)),
        )

    def _generator_loss(self, codes, real):
        _, features = self._features(real, self._soft_sentences(codes, real.shape[1]), training=False)
        return squared_mmd(*features, self.settings["bandwidths"])

    def _write_against(self, real, key):
        # The codes stand for the sentences, which would be V numbers a token.
        return self.generator.draw_codes(real.shape[0], key)

    def _discriminator_loss(self, real, written):
        sentences = tf.stop_gradient(self._soft_sentences(written, real.shape[1]))
        logits, features = self._features(real, sentences, training=True)
        distances = tf.reduce_sum(tf.square(self.discriminator.read_code(features[1]) - written), axis=1)
        reconstruction = tf.reduce_mean(distances)
        self.trackers["reconstruction"].update_state(reconstruction)
        added = self.settings["reconstruction_weight"] * reconstruction
        added -= self.settings["matching_weight"] * squared_mmd(*features, self.settings["bandwidths"])
        right = tf.cast(tf.concat([logits[0] > 0, logits[1] < 0], axis=0), tf.float32)
        loss = self._loss_pair.discriminator(*logits)  # the mean of the two halves, −½ L_GAN
        return loss, 0.5 * added + sum(self.discriminator.losses), tf.reduce_mean(right)

    def _features(self, real, soft, training: bool):
        """Return the logits and the features of real and of written sentences, a pair each."""
        # As one-hot vectors, so that one call reads both.
        both = tf.concat([tf.one_hot(real, self.generator.vocabulary_size), soft], axis=0)
        features = self.discriminator.features(both, training=training)
        return tuple(tf.split(part, 2) for part in (self.discriminator.last_layer(features), features))

    def _soft_sentences(self, codes, length: int) -> tf.Tensor:
        """Return the sentences (B, T, V) that codes stand for, with padding where they have ended."""
        end, state = self.generator.end_token, self.generator.state_of(codes)
        written = soft_argmax_sentences(self.generator, state, length, sharpness=self.settings["sharpness"])
        return written if end is None else pad_after_end(written, end)
