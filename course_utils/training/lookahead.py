"""Lookahead: another optimiser runs ahead, and slow weights follow it part of the way.

Keras 3 has no Lookahead; the one of TensorFlow Addons ended with that package, which needs Keras 2.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="course_utils")
class Lookahead(keras.optimizers.Optimizer):
    """Let a Keras optimiser make ``period`` steps, then go back part of the way.

    The wrapped optimiser moves the fast weights θ, which are the model's own. After every ``period``
    of its steps the slow weights φ become φ + ``slow_step`` · (θ − φ), and θ starts again from φ. The
    momentum and other state of the wrapped optimiser are kept. Wrapped like
    `keras.optimizers.LossScaleOptimizer`: learning rate, clipping and weight decay belong to the inner
    optimiser. Everything works number by number.

    For a GAN, wrap the optimiser of each player, with the same period for both: then both slow steps
    fall in the same round if each player makes one step a round. Lookahead-minmax (Chavdarova et al.
    2021, algorithm 1) takes them together after both players' steps; here the discriminator's comes
    before the generator's last step.

    Args:
        optimizer: a new Keras optimiser.
        period: k, its steps for each slow step, at least 1.
        slow_step: α, above 0 and at most 1; 1 leaves the inner optimiser as it is.
        name: the optimiser's name.

    Raises:
        TypeError: if ``optimizer`` is no Keras optimiser.
        ValueError: if it already holds state of other variables, or ``period`` or ``slow_step`` is out
            of range.

    Example:
        >>> weight = keras.Variable(1.0)
        >>> lookahead = Lookahead(keras.optimizers.SGD(0.1), period=2, slow_step=0.5)
        >>> for _ in range(2):
        ...     lookahead.apply([ops.ones(())], [weight])  # SGD goes from 1.0 to 0.8, the slow step back to 0.9
        >>> round(float(weight.numpy()), 6)
        0.9

    Source: Zhang et al. 2019 ("Lookahead optimizer: k steps forward, 1 step back"), algorithm 1.
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        *,
        period: int = 5,
        slow_step: float = 0.5,
        name: str | None = None,
    ) -> None:
        if not isinstance(optimizer, keras.optimizers.Optimizer):
            raise TypeError(
                f"optimizer must be a Keras optimiser such as keras.optimizers.Adam(). Received: {optimizer}."
            )
        if optimizer.built:
            raise ValueError(
                f"optimizer must be a new one. Received: {optimizer.name!r}, which has been used. Make another."
            )
        if isinstance(period, bool) or not isinstance(period, int) or period < 1:
            raise ValueError(f"period must be an integer of at least 1. Received: {period}.")
        if not 0 < slow_step <= 1:
            raise ValueError(f"slow_step must be above 0 and at most 1. Received: {slow_step}.")
        super().__init__(learning_rate=0.0, name=name)  # never used: the property below is the inner optimiser's
        self.optimizer = optimizer
        self.period = period
        self.slow_step = slow_step

    def build(self, variables) -> None:
        """Make the slow weights, equal to the variables, and the inner optimiser's state."""
        if self.built:
            return
        variables = list(variables)
        self.optimizer.build(variables)
        # By an initialiser, and not by assigning: in a tf.function an assignment would run at every call.
        self._slow_weights = [
            self.add_variable_from_reference(
                variable, name="slow", initializer=lambda shape, dtype, start=variable: ops.cast(start, dtype)
            )
            for variable in variables
        ]
        super().build(variables)

    def apply(self, grads, trainable_variables=None) -> None:
        """Make one step of the inner optimiser, and the slow step if it is due.

        Args:
            grads: one gradient a variable.
            trainable_variables: the variables; needed at the first call only.

        Raises:
            ValueError: at a first call without variables.
        """
        if not self.built:
            if trainable_variables is None:
                raise ValueError("The first step needs the variables. Received: None. Call build(variables) before.")
            self.build(trainable_variables)
        self.optimizer.apply(grads, trainable_variables)
        self._iterations.assign_add(1)
        # A skipped or accumulated inner step leaves the count where it is. A second slow step at the same
        # count changes nothing, because fast and slow weights are equal then.
        due = ops.equal(ops.mod(self.iterations, self.period), 0)
        for fast, slow in zip(self._trainable_variables, self._slow_weights, strict=True):
            step_back = slow + self.slow_step * (fast - slow)
            self.assign(slow, ops.where(due, step_back, slow))
            self.assign(fast, ops.where(due, step_back, fast))

    @property
    def variables(self) -> list:
        """The counts and slow weights, then the inner optimiser's variables."""
        return super().variables + self.optimizer.variables

    @property
    def iterations(self):
        """Steps of the inner optimiser."""
        return self.optimizer.iterations

    @property
    def learning_rate(self):
        """The inner optimiser's learning rate."""
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate) -> None:
        self.optimizer.learning_rate = learning_rate

    def set_weights(self, weights) -> None:
        """Set the values of all `variables`, in their order."""
        own = len(super().variables)
        super().set_weights(weights[:own])
        self.optimizer.set_weights(weights[own:])

    def scale_loss(self, loss):
        """Scale the loss as the inner optimiser asks for."""
        return self.optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list) -> None:
        """Let the inner optimiser end, as after an average of the weights."""
        self.optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the inner optimiser among them, ready for JSON."""
        inner = keras.saving.serialize_keras_object(self.optimizer)
        return {"name": self.name, "optimizer": inner, "period": self.period, "slow_step": self.slow_step}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Lookahead:
        """Make the optimiser that `get_config` describes."""
        inner = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects=custom_objects)
        return cls(**{**config, "optimizer": inner})
