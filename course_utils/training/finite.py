"""Stop a training at a loss that is not finite, and say where and what to try."""

from __future__ import annotations

import math

import keras


class StopAtNonFiniteLoss(keras.callbacks.Callback):
    """Raise `FloatingPointError` at the first loss that is NaN or infinite, or `ValueError` if a batch was the reason.

    The model must count its steps in ``steps_done``, keep the first bad one in ``first_bad_step`` and the ranges that
    its batches are held to in ``input_ranges``, so that the step is exact also when several steps run per call. `fit`
    stops before the epoch ends, so no backup of that epoch is written.

    Args:
        advice: what to try and to check, besides a smaller learning rate and gradient clipping.
    """

    def __init__(self, advice: str):
        super().__init__()
        self.advice = advice

    def on_train_batch_end(self, batch, logs=None):
        bad = [f"{name} is {value}" for name, value in (logs or {}).items() if not math.isfinite(value)]
        if bad:
            reasons = [reason for part in self.model.input_ranges if (reason := part.error()) is not None]
            if reasons:
                raise ValueError(" ".join(reasons))
            step = int(self.model.first_bad_step.numpy())
            raise FloatingPointError(
                f"Training stopped at step {step}: {', '.join(bad)}. Try a smaller learning rate, gradient "
                f"clipping (clipnorm=1.0 in the optimiser), {self.advice}."
            )
