"""Early stopping that survives an interruption: the best epoch's network is a file, the waiting is in the history."""

from __future__ import annotations

import math
import os
import pathlib

import keras

from course_utils.runtime import replacing
from course_utils.training.backup import EpochBackup

MONITOR = "val_nll"  # the smaller, the better


class BestEpochBackup(EpochBackup):
    """`EpochBackup` that also keeps the network of the best epoch, and stops when none better follows.

    Keras's `EarlyStopping` has the best value, the best weights and the epochs waited in memory, so a
    training that is killed and started again forgets them. Here the first and the last follow from the
    history, which is part of the backup, and the best network is saved before the backup of its epoch: a
    process killed between the two repeats the epoch and writes the same network again. A training that had
    stopped, killed before its folder was deleted, makes no further epoch when it is started again.

    Args:
        backup_dir: as for `EpochBackup`.
        data: as for `EpochBackup`.
        network: the `keras.Model` to keep, such as the generator inside the model that is trained.
        path: where to keep it, a ``.keras`` file outside ``backup_dir``.
        patience: epochs without a better value after which training stops, at least 1.
        delete_checkpoint: as for `EpochBackup`.

    Raises:
        ValueError: if ``patience`` is below 1; while training, if an epoch logs no ``val_nll``.
        FloatingPointError: while training, if the value is not finite.

    Example:
        >>> backup = BestEpochBackup("build/b", batches, network=generator, path="build/lm.keras")  # doctest: +SKIP
        >>> model.fit(batches, validation_data=held_out, epochs=50, callbacks=[backup])  # doctest: +SKIP
        >>> backup.best_epoch  # doctest: +SKIP
        17
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike,
        data=None,
        *,
        network: keras.Model,
        path: str | os.PathLike,
        patience: int = 3,
        delete_checkpoint: bool = True,
    ):
        super().__init__(backup_dir, data, delete_checkpoint=delete_checkpoint)
        if patience < 1:
            raise ValueError(f"patience must be at least 1. Received: {patience}.")
        self.network, self.path = network, pathlib.Path(path)
        self.patience = patience

    @property
    def best_epoch(self) -> int:
        """The epoch with the smallest value, counted from 1 (the first of several); 0 before there is one."""
        values = self.history.get(MONITOR, [])
        return values.index(min(values)) + 1 if values else 0

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if self._is_over():
            self.model._initial_epoch = self.params["epochs"]  # `fit` then finds no epoch left to make

    def on_epoch_end(self, epoch, logs=None):
        if MONITOR not in logs:
            raise ValueError(f"An epoch must log {MONITOR!r}. Received: {sorted(logs)}. Give validation_data.")
        value = float(logs[MONITOR])
        if not math.isfinite(value):
            raise FloatingPointError(f"{MONITOR} is {value} after epoch {epoch + 1}. Try a smaller learning rate.")
        if value < min(self.history.get(MONITOR, []), default=math.inf):
            with replacing(self.path) as part:
                self.network.save(part)
        super().on_epoch_end(epoch, logs)
        if self._is_over():
            self.model.stop_training = True

    def _is_over(self) -> bool:
        return len(self.history.get(MONITOR, [])) - self.best_epoch >= self.patience
