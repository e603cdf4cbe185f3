"""The discriminator's half of a game on text: rounds against fresh sentences."""

from __future__ import annotations

import tensorflow as tf

from course_utils.sampling import sample
from course_utils.training.compiled_step import CompiledStepModel
from course_utils.training.replicas import repeat, replica_count, reseed_dropout, share_of_replica


class DiscriminatorRounds(CompiledStepModel):
    """What a `course_utils.training.text_game.TextGame` does with its discriminator, method by method.

    It reads of the game: ``generator``, ``discriminator``, ``settings``, its pair of losses and its optimiser.

    Attributes:
        JUDGED: names of the discriminator's metrics.
    """

    JUDGED: tuple[str, ...] = ("discriminator_loss", "discriminator_accuracy")

    def _play_rounds(self, real, key) -> tf.Tensor:
        rounds, epochs = (self.settings[f"discriminator_{name}"] for name in ("rounds", "epochs"))
        half = self._half()
        count = real.shape[0] // rounds
        updates = epochs * (count // half)
        # Every `rounds`-th sentence, so that one transposed array has each round's sentences side by side.
        parts = tf.stack([real[n::rounds] for n in range(rounds)])

        def play_round(n):
            ours = tf.random.fold_in(key, n)
            written = self._write_against(parts[n], tf.random.fold_in(ours, 0))
            shuffled = tf.argsort(tf.random.stateless_uniform((2, epochs, count), tf.random.fold_in(ours, 1)))
            order = tf.reshape(shuffled, (2, updates, half))

            def update(m):
                # Dropout's masks, as everything drawn, follow from the seed and the number of the update alone.
                number = (self.steps_done.value * rounds + n) * updates + m
                reseed_dropout(self.discriminator, self.settings["seed"], -1 - number)
                more = self._draw_beside(parts[(n + 1) % rounds], tf.random.fold_in(ours, 2 + m))
                return self._learn_to_judge(tf.gather(parts[n], order[0, m]), tf.gather(written, order[1, m]), *more)

            return repeat(updates, update)

        return repeat(rounds, play_round)

    def _update_discriminator(self, real, written) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss, added, accuracy = self._discriminator_loss(real, written)
            # Said as NaN because nothing inside XLA can raise, and a device would read a neighbour instead.
            known = tf.reduce_all((real >= 0) & (real < self.generator.vocabulary_size))
            loss = tf.where(known, loss, float("nan"))
            total = loss + added
            total = self.discriminator_optimizer.scale_loss(share_of_replica(total))
        self.apply_gradients(self.discriminator_optimizer, tape, total, self.discriminator)
        self.trackers["discriminator_loss"].update_state(loss)
        self.trackers["discriminator_accuracy"].update_state(accuracy)
        return loss

    def _discriminator_loss(self, real, written) -> tuple[tf.Tensor, ...]:
        """Return the discriminator's loss, what it descends beside that, and the share that it judges rightly."""
        real_logits, fake_logits = self._judge_both(real, written)
        if self._loss_pair.relativistic:  # which learns differences of logits only
            right = real_logits > fake_logits
        else:
            right = tf.concat([real_logits > 0, fake_logits < 0], axis=0)
        accuracy = tf.reduce_mean(tf.cast(right, tf.float32))
        return self._loss_pair.discriminator(real_logits, fake_logits), sum(self.discriminator.losses), accuracy

    def _judge_both(self, real, written) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the discriminator's logits of real and of written sentences, with dropout."""
        # One call on both is faster than two of half the rows.
        logits = self._judge(tf.concat([real, written], axis=0), training=True)
        return logits[: real.shape[0]], logits[real.shape[0] :]

    def _judge(self, sentences, training: bool) -> tf.Tensor:
        """Return what the losses compare: the discriminator's logits."""
        return self.discriminator(sentences, training=training)

    def _write(self, count: int, length: int, key) -> tf.Tensor:
        """Return sentences for the discriminator to learn from."""
        return sample(self.generator, count, length, seed=key)

    def _write_against(self, real, key) -> tf.Tensor:
        """Return as many sentences for the discriminator to tell from these real ones."""
        return self._write(real.shape[0], real.shape[1], key)

    def _draw_beside(self, real, key) -> tuple[tf.Tensor, ...]:
        """Return what else an update of the discriminator reads, from real sentences of another round (if any)."""
        return ()

    def _rows(self) -> int:
        """Return how many sentences this replica writes in a generator step."""
        return self.settings["batch_size"] // replica_count()

    def _half(self) -> int:
        """Return how many real, and as many written, sentences this replica's minibatches of the discriminator have."""
        return self._rows() // 2
