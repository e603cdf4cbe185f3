"""Resume an interrupted `fit()` so exactly that the end is the same as without the interruption."""

from __future__ import annotations

import json
import os
import pathlib
import re

import keras

from course_utils.runtime import replacing

_EPOCH = re.compile(r"epoch-(\d+)\.weights\.h5")


class EpochBackup(keras.callbacks.BackupAndRestore):
    """`keras.callbacks.BackupAndRestore` whose backup is always whole.

    Keras writes weights and epoch number into two files in place; a process killed between or
    during them leaves a backup that cannot be read, or one that trains an epoch twice. Here an
    epoch is one file, named after it, written beside and renamed. Also kept: the order of the data
    and the history of the epochs before the interruption.

    Args:
        backup_dir: folder of its own for this training. It is deleted when training ends well.
        data: the dataset of `course_utils.datasets.batching.shuffled_batches` that `fit` gets;
            epoch ``e`` then always sees the order of pass ``e``. An epoch must be a whole pass: leave
            out ``steps_per_epoch``.
        delete_checkpoint: ``False`` keeps the last backup after training.

    Attributes:
        history: logs of all epochs so far, ``{name: [value of epoch 1, ...]}``, resumed ones included.

    Example:
        >>> backup = EpochBackup("build/gan", data=batches)  # doctest: +SKIP
        >>> gan.fit(batches, epochs=50, callbacks=[backup])  # doctest: +SKIP
    """

    def __init__(self, backup_dir: str | os.PathLike, data=None, *, delete_checkpoint: bool = True):
        super().__init__(str(backup_dir), delete_checkpoint=delete_checkpoint)
        self.folder = pathlib.Path(backup_dir)
        self.data = data
        self.history: dict[str, list[float]] = {}

    def on_train_begin(self, logs=None):
        self._refuse_other_files()
        epoch, path = self._latest()
        if path is None:
            return
        try:
            self.model.load_weights(path)
            rows = json.loads((self.folder / "history.json").read_text())[:epoch]
            self.history = {name: [row[name] for row in rows] for name in rows[0]}
        except (ValueError, OSError, LookupError) as error:
            raise ValueError(
                f"The backup {path.name!r} does not fit this model: {error} Delete the folder "
                f"{str(self.folder)!r} to start from the beginning, or build the model it was made with."
            ) from error
        # `fit` reads its first epoch from here; Keras's own BackupAndRestore sets the same attribute.
        self.model._initial_epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.model._initial_epoch = None  # or every later `fit` of this model would begin here too
        if self.data is not None:
            self.data.passes.assign(epoch)

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        names = list(self.history)
        rows = [dict(zip(names, row, strict=True)) for row in zip(*self.history.values(), strict=True)]
        # History first: one that is an epoch ahead of the weights is cut, one behind would be lost.
        with replacing(self.folder / "history.json") as part:
            part.write_text(json.dumps(rows))
        current = self.folder / f"epoch-{epoch + 1:06d}.weights.h5"
        with replacing(current) as part:
            self.model.save_weights(part, overwrite=True)
        for path in self._backups().values():
            if path != current:
                path.unlink()

    def on_train_batch_end(self, batch, logs=None):
        """Backups are made at the end of an epoch only."""

    def on_train_end(self, logs=None):
        self.model._initial_epoch = None  # also when no epoch was left to train
        super().on_train_end(logs)

    def _backups(self) -> dict[int, pathlib.Path]:
        """Return the whole backups in the folder by their epoch."""
        matches = [(_EPOCH.fullmatch(path.name), path) for path in self.folder.glob("epoch-*")]
        return {int(match[1]): path for match, path in matches if match}

    def _latest(self) -> tuple[int, pathlib.Path | None]:
        """Return the last whole epoch in the folder and its file, or (0, None)."""
        return max(self._backups().items(), default=(0, None))

    def _refuse_other_files(self) -> None:
        """Raise if the folder holds anything else, since it is deleted when training ends."""
        known = ("epoch-", ".epoch-", "history", ".history")  # with what a killed process left half-written
        others = [path.name for path in self.folder.glob("*") if not path.name.startswith(known)]
        if others:
            raise ValueError(
                f"The backup folder {str(self.folder)!r} is deleted when training ends, so it must hold nothing "
                f"but backups. Received a folder with {sorted(others)[0]!r} in it. Give a new folder."
            )
