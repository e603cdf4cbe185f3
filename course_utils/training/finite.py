"""Stop a training at a loss that is not finite, and say where and what to try."""

from __future__ import annotations

import math

import keras


class StopAtNonFiniteLoss(keras.callbacks.Callback):
    """Raise `FloatingPointError` at the first loss that is NaN or infinite.

    The model must count its steps in ``steps_done`` and keep the first bad one in
    ``first_bad_step``, so that the step is exact also when several steps run per call. `fit` stops
    before the epoch ends, so no backup of that epoch is written.
    """

    def on_train_batch_end(self, batch, logs=None):
        bad = [f"{name} is {value}" for name, value in (logs or {}).items() if not math.isfinite(value)]
        if bad:
            step = int(self.model.first_bad_step.numpy())
            raise FloatingPointError(
                f"Training stopped at step {step}: {', '.join(bad)}. Try a smaller learning rate, gradient "
                "clipping (clipnorm=1.0 in the optimiser), a gradient penalty, or float32 instead of mixed "
                "precision; and check that the images are finite and in [-1, 1]."
            )
