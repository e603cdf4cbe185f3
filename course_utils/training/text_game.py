"""The game on text as a `keras.Model`: a generator that writes sentences, and what judges them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import keras
import tensorflow as tf

from course_utils.losses import LOSSES
from course_utils.models.sequence import SequenceGenerator
from course_utils.sampling import counted_positions, log_prob
from course_utils.training.discriminator_rounds import DiscriminatorRounds
from course_utils.training.replicas import replica_count, replica_key, reseed_dropout, share_of_replica

# Folded into the key of a generator step for the real sentences of its likelihood; far from the draws of any game.
EXAMPLES = 1_000


class TextGame(DiscriminatorRounds):
    """What the text GANs share: the rounds of the discriminator. A subclass writes the generator's loss.

    One `train_step` takes a batch of ``discriminator_rounds`` · M real sentences. The generator makes its steps; then
    in each round it writes M fresh sentences, and the discriminator makes ``discriminator_epochs`` passes over them and
    M real ones, in minibatches of half real and half written sentences (Yu et al. 2017, algorithm 1: g-steps, d-steps
    and k). With ``generator_steps=0`` only the discriminator learns, which is its pretraining; another game with the
    same networks, compiled with the same ``discriminator_optimizer``, goes on from there.

    With a ``likelihood_weight`` λ the generator descends the game's loss − λ · E[log p(x)] over real sentences x, λ
    times the loss that maximum likelihood alone would have (Li et al. 2017 take such steps in turn, "teacher forcing").
    Beside policy gradient, a real sentence then counts as a sampled one whose every token is rewarded with λ.

    What is drawn is a function of ``(seed, step)``, so a resumed training goes on as the uninterrupted one. On several
    devices each writes its own share of the sentences with draws of its own, and there the rounds are written out in
    the graph one after another: keep the minibatches of a step below some hundreds.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        discriminator: sentences, ids (B, T) or soft (B, T, V) → logits (B, 1); ``None`` for a game against a judge that
            does not learn.
        loss: a key of `course_utils.losses.LOSSES`.
        batch_size: sentences of a generator step, and of a minibatch of the discriminator; even.
        generator_steps: generator steps in a training step (g-steps).
        likelihood_weight: λ, at least 0. Each step reads ``batch_size`` real sentences, drawn from the batch with
            replacement.
        discriminator_rounds: rounds with fresh sentences in a training step (d-steps).
        discriminator_epochs: passes over the sentences of a round (k).
        seed: non-negative integer.
        trackers: names of the generator's metrics.

    Metrics: the generator's; with a ``likelihood_weight`` ``nll``, of real sentences, in nats a token, which is no part
    of ``generator_loss``; and with a discriminator ``discriminator_loss`` without its penalty and
    ``discriminator_accuracy`` as it learns: the mean of the shares of real logits above 0 and of others below 0, and
    with a relativistic loss the share of pairs in which the real one's is larger.

    Raises:
        TypeError: if the generator does not speak the protocol.
        ValueError: for impossible settings.
    """

    OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")
    ADVICE = "or float32 instead of mixed precision; and check that every token is an id of the generator's vocabulary"

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | None,
        *,
        loss: str = "non_saturating",
        batch_size: int = 64,
        generator_steps: int = 1,
        likelihood_weight: float = 0.0,
        discriminator_rounds: int = 5,
        discriminator_epochs: int = 3,
        seed: int = 0,
        trackers: tuple[str, ...],
        **kwargs: Any,
    ):
        judged = () if discriminator is None else self.JUDGED
        super().__init__((*trackers, *(("nll",) if likelihood_weight else ()), *judged), **kwargs)
        if not isinstance(generator, SequenceGenerator):
            raise TypeError(
                f"generator must have the methods of SequenceGenerator. Received: {type(generator).__name__}. "
                "Use RecurrentGenerator or TransformerGenerator, or write step() and initial_state()."
            )
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}. Received: {loss!r}.")
        if batch_size < 2 or batch_size % 2:
            raise ValueError(f"batch_size must be even and at least 2. Received: {batch_size}.")
        for name, value, least in (
            ("generator_steps", generator_steps, 0),
            ("discriminator_rounds", discriminator_rounds, 1),
            ("discriminator_epochs", discriminator_epochs, 1),
            ("seed", seed, 0),
        ):
            if value < least:
                raise ValueError(f"{name} must be at least {least}. Received: {value}.")
        if not 0 <= likelihood_weight < float("inf"):
            raise ValueError(f"likelihood_weight must be a number of at least 0. Received: {likelihood_weight}.")
        self.generator = generator
        self.discriminator = discriminator
        self.settings = {
            "batch_size": batch_size,
            "generator_steps": generator_steps,
            "likelihood_weight": likelihood_weight,
            "seed": seed,
        }
        if discriminator is None:
            self.OPTIMIZERS = ("generator_optimizer",)
        else:
            self.settings |= {
                "loss": loss,
                "discriminator_rounds": discriminator_rounds,
                "discriminator_epochs": discriminator_epochs,
            }
        self._loss_pair = LOSSES[loss]
        self.built = True

    def compile(
        self, generator_optimizer=None, discriminator_optimizer=None, *, jit_compile: bool | None = None, **kwargs: Any
    ) -> None:
        """Set the optimisers and how `fit` runs.

        Args:
            generator_optimizer: a Keras optimiser; ``None`` is Adam(1e-3).
            discriminator_optimizer: another one, never the same object; ``None`` is Adam(1e-4).
            jit_compile: compile updates with XLA; ``None`` does so unless they run eagerly or on several replicas.
            **kwargs: of `keras.Model.compile`, such as ``steps_per_execution`` and ``run_eagerly``.

        Raises:
            ValueError: if both players share one optimiser, there is one for no discriminator, or XLA is asked for on
                several replicas.
        """
        if generator_optimizer is not None and generator_optimizer is discriminator_optimizer:
            raise ValueError(
                "The players need an optimiser each: its moment estimates belong to one set of weights. "
                "Received the same object twice. Create two."
            )
        self.choose_compilation(jit_compile, **kwargs)
        self.generator_optimizer = self.prepared(generator_optimizer or keras.optimizers.Adam(1e-3), self.generator)
        self._learn_to_write = self.compiled_step(self._update_generator)
        if self.discriminator is not None:
            optimizer = discriminator_optimizer or keras.optimizers.Adam(1e-4)
            self.discriminator_optimizer = self.prepared(optimizer, self.discriminator)
            self._learn_to_judge = self.compiled_step(self._update_discriminator)
        elif discriminator_optimizer is not None:
            raise ValueError("There is no discriminator. Received: an optimiser for it. Leave it out.")

    def call(self, tokens, training: bool = False):
        return self.generator(tokens, training=training)

    def train_step(self, real):
        """Make one step of the game on real sentences, int32 (discriminator_rounds · M, T)."""
        real = self._checked(real)
        key = replica_key(self.settings["seed"], self.steps_done.value)
        losses = [tf.zeros(())]
        for n in range(self.settings["generator_steps"]):
            losses.append(self._generator_step(real, tf.random.fold_in(key, n)))
        if self.discriminator is not None:
            losses.append(self._play_rounds(real, tf.random.fold_in(key, self.settings["generator_steps"])))
        self.finish_step(*losses)
        return self.get_metrics_result()

    @abstractmethod
    def _draw(self, real, key) -> tuple[tf.Tensor, ...]:
        """Return what the generator's loss is computed from and XLA should not draw: sentences, rewards, numbers."""

    @abstractmethod
    def _generator_loss(self, *drawn) -> tf.Tensor:
        """Return the generator's loss, and track its metrics but for ``generator_loss``; compiled with XLA."""

    def _generator_step(self, real, key) -> tf.Tensor:
        drawn = self._draw(real, key)
        examples = None
        if self.settings["likelihood_weight"]:
            examples = self._some_of(real, self._rows(), tf.random.fold_in(key, EXAMPLES))
        # Positive numbers: the discriminator's masks are drawn at negative ones.
        reseed_dropout(self.generator, self.settings["seed"], self.steps_done.value)
        return self._learn_to_write(examples, *drawn)

    def _update_generator(self, examples, *drawn) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = self._generator_loss(*drawn)
            whole = loss if examples is None else loss + self._likelihood_loss(examples)
            total = self.generator_optimizer.scale_loss(share_of_replica(whole))
        self.apply_gradients(self.generator_optimizer, tape, total, self.generator)
        self.trackers["generator_loss"].update_state(loss)
        return whole

    def _likelihood_loss(self, sentences) -> tf.Tensor:
        """Return λ times the mean negative log-likelihood of sentences, in nats a sentence."""
        nll = -tf.reduce_sum(log_prob(self.generator, sentences, training=True))
        tokens = tf.reduce_sum(tf.cast(counted_positions(sentences, self.generator.end_token), tf.float32))
        self.trackers["nll"].update_state(nll / tokens, sample_weight=tokens)
        return self.settings["likelihood_weight"] * nll / sentences.shape[0]

    def _some_of(self, real, count: int, key) -> tf.Tensor:
        """Return real sentences of the batch, drawn with replacement."""
        return tf.gather(real, tf.random.stateless_uniform((count,), key, 0, tf.shape(real)[0], tf.int32))

    def _checked(self, real) -> tf.Tensor:
        """Return a batch as int32 of fixed size, or raise if it is none or does not split into the rounds."""
        if isinstance(real, tuple) or not real.dtype.is_integer or real.shape.rank != 2:
            received = "a tuple" if isinstance(real, tuple) else f"{real.dtype.name} {real.shape}"
            raise ValueError(f"A batch must be sentences alone, integer ids (B, T). Received: {received}.")
        replicas = replica_count()
        if self.settings["batch_size"] % (2 * replicas):
            raise ValueError(
                f"batch_size must be a multiple of {2 * replicas}, half real and half written on each of {replicas} "
                f"devices. Received: {self.settings['batch_size']}."
            )
        if self.discriminator is None:
            return tf.cast(real, tf.int32)
        rounds, half = self.settings["discriminator_rounds"], replicas * self._half()
        if real.shape[0] is None or real.shape[0] * replicas % (rounds * half):
            raise ValueError(
                f"A batch must hold a multiple of {rounds * half} sentences: {rounds} discriminator_rounds, each of "
                f"minibatches with {half} real ones. Received: {real.shape}. Use a dataset of batches of such a size, "
                "without a smaller last one."
            )
        return tf.cast(real, tf.int32)

    def get_config(self) -> dict:
        parts = {"generator": self.generator}
        if self.discriminator is not None:
            parts["discriminator"] = self.discriminator
        serialized = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        return {**super().get_config(), **serialized, **self.settings}

    @classmethod
    def from_config(cls, config: dict) -> TextGame:
        parts = {name for name, value in config.items() if isinstance(value, dict) and "class_name" in value}
        return cls(**config | {name: keras.saving.deserialize_keras_object(config[name]) for name in parts - {"dtype"}})
