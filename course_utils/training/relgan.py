"""RelGAN: the Gumbel-softmax GAN with rising sharpness, several judgements of each sentence, compared pair by pair."""

from __future__ import annotations

from typing import Any

import keras

from course_utils.training.gumbel_gan import GumbelGAN


@keras.saving.register_keras_serializable(package="course_utils")
class RelGAN(GumbelGAN):
    """The GAN of Nie, Narodytska and Patel 2019: `GumbelGAN` with four choices of its own.

    - The inverse temperature rises with the training step n as β_n = β_max^(n/N), from 1 to β_max: first soft vectors
      with steady gradients, in the end nearly words. A larger β_max gives likelier sentences and fewer kinds of them.
    - The discriminator reads softmax(β · (logits + Gumbel noise)), the generator's next step the token of its largest
      entry.
    - The loss is relativistic: a real and a written sentence are compared, f(D(real) − D(written)) with
      f = −log σ, and the generator's is the same with the two exchanged.
    - A discriminator with several judgements of a sentence, `course_utils.models.text_multi_cnn.TextMultiCNN`, is
      compared judgement by judgement, and the losses are averaged. Of any other the one logit is.

    The networks of the paper are `course_utils.models.relational_memory.RelationalMemoryGenerator` and `TextMultiCNN`;
    pretrain the generator by likelihood.

    The public code divides n by a fixed 5,000, whatever the run's length, so its "100" ends at 100^0.6 = 15.8 after its
    3,000 steps; here N is the run's. It leaves the discriminator's dropout on in the generator's step, where it is off
    here as in every Gumbel game of the course.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        discriminator: ids (B, T) or soft one-hot vectors (B, T, V) → logits (B, 1).
        annealing_steps: N, the training steps of the run.
        inverse_temperature: β_max, above 0; 100 or 1,000 in the paper.
        batch_size: written sentences, and as many real ones, in the generator's step and in each minibatch of the
            discriminator: twice as many there as in other games.
        discriminator_rounds: minibatches of the discriminator after each generator step.
        **settings: others of `GumbelGAN`.

    Metrics: those of `GumbelGAN`.

    Raises:
        ValueError: for impossible settings.

    Example:
        >>> import tensorflow as tf
        >>> from course_utils.models.relational_memory import RelationalMemoryGenerator
        >>> from course_utils.models.text_multi_cnn import TextMultiCNN
        >>> generator = RelationalMemoryGenerator(9, embedding_dim=4, head_dim=3)
        >>> judge = TextMultiCNN(9, embedding_dim=4, representations=4, filters=3, length=3)
        >>> gan = RelGAN(generator, judge, annealing_steps=10, batch_size=2, discriminator_rounds=1)
        >>> gan.compile()
        >>> history = gan.fit(tf.constant([[3, 4, 2], [5, 2, 0]] * 2), batch_size=2, verbose=0)
        >>> sorted(history.history)
        ['discriminator_accuracy', 'discriminator_loss', 'generator_loss']

    Source: Nie, Narodytska & Patel 2019, RelGAN, sections 2.1–2.4; relativistic loss: Jolicoeur-Martineau 2019.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        annealing_steps: int = 3_000,
        inverse_temperature: float = 100.0,
        discriminator_rounds: int = 5,
        loss: str = "relativistic",
        **settings: Any,
    ):
        if annealing_steps < 1:
            raise ValueError(f"annealing_steps must be at least 1. Received: {annealing_steps}.")
        if not 0 < inverse_temperature < float("inf"):
            raise ValueError(f"inverse_temperature must be a number above 0. Received: {inverse_temperature}.")
        falling = keras.optimizers.schedules.ExponentialDecay(1.0, annealing_steps, 1 / inverse_temperature)
        super().__init__(
            generator,
            discriminator,
            temperature=falling,
            feed_tokens=True,
            discriminator_rounds=discriminator_rounds,
            loss=loss,
            **settings,
        )
        self.settings |= {"annealing_steps": annealing_steps, "inverse_temperature": inverse_temperature}

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **kwargs: Any) -> None:
        """Set the optimisers and how `fit` runs.

        Args:
            generator_optimizer: a Keras optimiser; ``None`` is the published Adam(1e-4), which clips the gradient to
                a norm of 5.
            discriminator_optimizer: another one; ``None`` is the same.
            **kwargs: of `TextGame.compile`.

        Raises:
            ValueError: as `TextGame.compile`.
        """
        super().compile(generator_optimizer or _adam(), discriminator_optimizer or _adam(), **kwargs)

    def _judge(self, sentences, training):
        judge = getattr(self.discriminator, "judgements", self.discriminator)
        return judge(sentences, training=training)

    def _half(self):
        return self._rows()

    def get_config(self) -> dict:
        config = super().get_config()
        return {name: value for name, value in config.items() if name not in ("temperature", "feed_tokens")}


def _adam():
    return keras.optimizers.Adam(1e-4, epsilon=1e-8, global_clipnorm=5.0)
