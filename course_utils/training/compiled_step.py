"""What every training of the course shares: a step compiled with XLA, counted, and stopped at NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from course_utils.training.finite import StopAtNonFiniteLoss
from course_utils.training.input_ranges import InputRange
from course_utils.training.replicas import sum_over_replicas


class CompiledStepModel(keras.Model):
    """A `keras.Model` with a `train_step` of its own, which it compiles by itself.

    Keras drops XLA where operations are deterministic, as in the course, because some operations then
    fail under XLA. A subclass whose step has none of them passes it to `compiled_step`. Its
    `train_step` draws random numbers first, since XLA would use another generator for them, then
    calls the compiled step, which ends with `finish_step`.

    Args:
        trackers: names of the metrics, each a mean over the epoch, kept in ``trackers``.

    Attributes:
        OPTIMIZERS: names of the attributes that hold the subclass's optimisers.
        ADVICE: what to try when a loss is not finite, after smaller and clipped steps.
        steps_done: int32 variable, training steps so far.
        first_bad_step: int32 variable, the first step with a loss that was not finite, or −1.
        input_ranges: `course_utils.training.input_ranges.InputRange`s that a subclass holds its batches to.
    """

    OPTIMIZERS: tuple[str, ...]
    ADVICE: str

    def __init__(self, trackers: tuple[str, ...], **kwargs: Any):
        super().__init__(**kwargs)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in trackers}
        self.steps_done = self._counter("steps_done", 0)
        self.first_bad_step = self._counter("first_bad_step", -1)
        self.input_ranges: list[InputRange] = []

    def _counter(self, name: str, value: int):
        return self.add_weight(
            name=name,
            shape=(),
            dtype="int32",
            initializer=keras.initializers.Constant(value),
            trainable=False,
            aggregation="only_first_replica",
        )

    @property
    def metrics(self) -> list:
        return list(self.trackers.values())

    def choose_compilation(self, jit_compile: bool | None, **kwargs: Any) -> None:
        """Call `keras.Model.compile`, and decide whether steps go through XLA.

        Args:
            jit_compile: compile the step with XLA; ``None`` does so unless it runs eagerly or on several
                replicas, whose exchange of gradients inside the step is only tested without XLA.
            **kwargs: of `keras.Model.compile`, such as ``steps_per_execution`` and ``run_eagerly``.

        Raises:
            ValueError: if XLA is asked for on several replicas.
        """
        replicas = self.distribute_strategy.num_replicas_in_sync
        if jit_compile and replicas > 1:
            raise ValueError(f"jit_compile=True needs one replica. Received: {replicas}. Use jit_compile=None.")
        super().compile(optimizer=None, jit_compile=False, **kwargs)
        self._choices = {"jit_compile": jit_compile, **kwargs}
        by_default = replicas == 1 and not kwargs.get("run_eagerly", False)
        self._use_xla = by_default if jit_compile is None else jit_compile

    def compiled_step(self, step: Callable) -> Callable:
        """Return the step, compiled with XLA if `choose_compilation` said so."""
        return tf.function(step, jit_compile=True) if self._use_xla else step

    @staticmethod
    def prepared(optimizer, *networks: keras.Model):
        """Return the optimiser with the networks' variables built, so that a backup can be loaded before a step."""
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if any(network.dtype_policy.compute_dtype == "float16" for network in networks) and not scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build([variable for network in networks for variable in network.trainable_variables])
        return optimizer

    def fit(self, x=None, y=None, *, callbacks=None, **kwargs: Any):
        """Train as `keras.Model.fit` does; a loss that is not finite stops it with a `FloatingPointError`."""
        if isinstance(x, tf.data.Dataset):
            kwargs.setdefault("shuffle", False)  # a dataset brings its own order; Keras warns otherwise
        return super().fit(x, y, callbacks=[*(callbacks or []), StopAtNonFiniteLoss(self.ADVICE)], **kwargs)

    @staticmethod
    def apply_gradients(optimizer, tape: tf.GradientTape, loss: tf.Tensor, *networks: keras.Model) -> None:
        """Take the optimiser's step on the networks' weights, down the gradient of a (scaled) loss."""
        variables = [variable for network in networks for variable in network.trainable_variables]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    def finish_step(self, *losses: tf.Tensor) -> None:
        """Count the step, and note its number if it is the first with a loss that is not finite."""
        # The sum, because any replica's loss may be the bad one.
        finite = tf.reduce_all(tf.math.is_finite(sum_over_replicas(tf.stack(losses))))
        is_first = tf.logical_and(tf.logical_not(finite), self.first_bad_step < 0)
        self.first_bad_step.assign(tf.where(is_first, self.steps_done.value, self.first_bad_step.value))
        self.steps_done.assign_add(1)

    def get_compile_config(self) -> dict:
        optimizers = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.OPTIMIZERS}
        return {**optimizers, **self._choices}

    def compile_from_config(self, config: dict) -> None:
        self.compile(**{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()})
