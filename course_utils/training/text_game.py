"""The game on text as a `keras.Model`: a generator that writes sentences, and what judges them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from course_utils.losses import LOSSES
from course_utils.models.sequence import SequenceGenerator
from course_utils.sampling import sample
from course_utils.training.compiled_step import CompiledStepModel
from course_utils.training.replicas import replica_count, replica_key, reseed_dropout, share_of_replica


class TextGame(CompiledStepModel):
    """What the text GANs share: the rounds of the discriminator. A subclass writes the generator's step.

    One `train_step` takes a batch of ``discriminator_rounds`` · M real sentences. The generator makes its steps; then
    in each round it writes M fresh sentences, and the discriminator makes ``discriminator_epochs`` passes over them and
    M real ones, in minibatches of half real and half written sentences (Yu et al. 2017, algorithm 1: g-steps, d-steps
    and k). With ``generator_steps=0`` only the discriminator learns, which is its pretraining; another game with the
    same networks, compiled with the same ``discriminator_optimizer``, goes on from there.

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
        discriminator_rounds: rounds with fresh sentences in a training step (d-steps).
        discriminator_epochs: passes over the sentences of a round (k).
        seed: non-negative integer.
        trackers: names of the generator's metrics.

    Metrics: the generator's, and with a discriminator ``discriminator_loss`` without its penalty and
    ``discriminator_accuracy`` (mean of the shares of real logits above 0 and of others below 0) as it learns.

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
        discriminator_rounds: int = 5,
        discriminator_epochs: int = 3,
        seed: int = 0,
        trackers: tuple[str, ...],
        **kwargs: Any,
    ):
        judged = () if discriminator is None else ("discriminator_loss", "discriminator_accuracy")
        super().__init__((*trackers, *judged), **kwargs)
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
        self.generator = generator
        self.discriminator = discriminator
        self.settings = {"batch_size": batch_size, "generator_steps": generator_steps, "seed": seed}
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
    def _generator_step(self, real, key) -> tf.Tensor:
        """Draw what the step needs, call ``_learn_to_write``, and return the loss."""

    @abstractmethod
    def _update_generator(self, *drawn) -> tf.Tensor:
        """Update the generator from what was drawn, track its metrics, and return the loss; compiled with XLA."""

    def _write(self, count: int, length: int, key) -> tf.Tensor:
        """Return sentences for the discriminator to learn from."""
        return sample(self.generator, count, length, seed=key)

    def _rows(self) -> int:
        """Return how many sentences this replica writes in a generator step."""
        return self.settings["batch_size"] // replica_count()

    def _play_rounds(self, real, key) -> tf.Tensor:
        rounds, epochs = (self.settings[f"discriminator_{name}"] for name in ("rounds", "epochs"))
        half = self._rows() // 2
        count, length = real.shape[0] // rounds, real.shape[1]
        updates = epochs * (count // half)
        # Every `rounds`-th sentence, so that one transposed array has each round's sentences side by side.
        parts = tf.stack([real[n::rounds] for n in range(rounds)])

        def play_round(n):
            ours = tf.random.fold_in(key, n)
            written = self._write(count, length, tf.random.fold_in(ours, 0))
            shuffled = tf.argsort(tf.random.stateless_uniform((2, epochs, count), tf.random.fold_in(ours, 1)))
            order = tf.reshape(shuffled, (2, updates, half))

            def update(m):
                # Dropout's masks, as everything drawn, follow from the seed and the number of the update alone.
                number = (self.steps_done.value * rounds + n) * updates + m
                reseed_dropout(self.discriminator, self.settings["seed"], -1 - number)
                return self._learn_to_judge(tf.gather(parts[n], order[0, m]), tf.gather(written, order[1, m]))

            return repeat(updates, update)

        return repeat(rounds, play_round)

    def _update_discriminator(self, real, written) -> tf.Tensor:
        with tf.GradientTape() as tape:
            real_logits, fake_logits = self._judge_both(real, written)
            # Said as NaN because nothing inside XLA can raise, and a device would read a neighbour instead.
            known = tf.reduce_all((real >= 0) & (real < self.generator.vocabulary_size))
            loss = tf.where(known, self._loss_pair.discriminator(real_logits, fake_logits), float("nan"))
            total = loss + sum(self.discriminator.losses)
            total = self.discriminator_optimizer.scale_loss(share_of_replica(total))
        self.apply_gradients(self.discriminator_optimizer, tape, total, self.discriminator)
        self.trackers["discriminator_loss"].update_state(loss)
        right = [tf.reduce_mean(tf.cast(logits > 0, tf.float32)) for logits in (real_logits, -fake_logits)]
        self.trackers["discriminator_accuracy"].update_state(0.5 * (right[0] + right[1]))
        return loss

    def _judge_both(self, real, written) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the discriminator's logits of real and of written sentences, with dropout."""
        # One call on both is faster than two of half the rows.
        logits = self.discriminator(tf.concat([real, written], axis=0), training=True)
        return logits[: real.shape[0]], logits[real.shape[0] :]

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
        whole = self.settings["discriminator_rounds"] * self.settings["batch_size"] // 2
        if real.shape[0] is None or real.shape[0] * replicas % whole:
            raise ValueError(
                f"A batch must hold a multiple of {whole} sentences: discriminator_rounds · batch_size / 2. Received: "
                f"{real.shape}. Use a dataset of batches of such a size, without a smaller last one."
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


def repeat(count: int, body: Callable[[Any], tf.Tensor]) -> tf.Tensor:
    """Call ``body(number)`` ``count`` times inside one graph; return the sum of the losses, NaN if one of them is.

    Several replicas cannot exchange gradients inside a loop of the graph, so there the calls are written out.
    """
    if replica_count() > 1:
        return tf.add_n([body(number) for number in range(count)])
    return tf.while_loop(
        lambda number, _: number < count,
        lambda number, total: (number + 1, total + body(number)),
        (tf.constant(0), tf.zeros(())),
        parallel_iterations=1,
    )[1]
