"""What the GANs on images share: two players with an optimiser each, and a round that is compiled."""

from __future__ import annotations

from typing import Any

import keras

from course_utils.training.compiled_step import CompiledStepModel


class TwoPlayerModel(CompiledStepModel):
    """A game of a generator and a discriminator, whose round a subclass plays in ``_play_round``.

    Attributes:
        generator_optimizer, discriminator_optimizer: set by `compile`.
    """

    OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")

    def players(self) -> tuple[list[keras.Model], list[keras.Model]]:
        """Return the networks of the generator's optimiser, and those of the discriminator's."""
        return [self.generator], [self.discriminator]

    def compile(
        self, generator_optimizer=None, discriminator_optimizer=None, *, jit_compile: bool | None = None, **kwargs: Any
    ) -> None:
        """Set the two optimisers and how `fit` runs.

        Args:
            generator_optimizer: a Keras optimiser; ``None`` is Adam(2e-4, β₁ = 0.5).
            discriminator_optimizer: another one, never the same object; ``None`` as above.
            jit_compile: compile the step with XLA; ``None`` does so unless it runs eagerly or on several
                replicas, whose exchange of gradients inside the step is only tested without XLA.
            **kwargs: of `keras.Model.compile`, such as ``steps_per_execution`` and ``run_eagerly``.

        Raises:
            ValueError: if both players share one optimiser, or XLA is asked for on several replicas.
        """
        if generator_optimizer is not None and generator_optimizer is discriminator_optimizer:
            raise ValueError(
                "The players need an optimiser each: its moment estimates belong to one set of weights. "
                "Received the same object twice. Create two."
            )
        self.choose_compilation(jit_compile, **kwargs)
        self._round = self.compiled_step(self._play_round)
        generators, discriminators = self.players()
        self.generator_optimizer = self.prepared(generator_optimizer or _adam(), *generators)
        self.discriminator_optimizer = self.prepared(discriminator_optimizer or _adam(), *discriminators)


def _adam() -> keras.optimizers.Adam:
    return keras.optimizers.Adam(2e-4, beta_1=0.5)
