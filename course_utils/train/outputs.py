"""The folder of a training: whose it is, and what is left in it."""

from __future__ import annotations

import os
import pathlib
import shutil

from course_utils.datasets import Vocabulary
from course_utils.plotting import FAKE, REAL, CourseFigure, subplots
from course_utils.records import read_json, write_json
from course_utils.runtime import replacing

SETTINGS = "settings.json"
GENERATOR = "generator.keras"
VOCABULARY = "vocabulary.json"
SAMPLES = "samples.txt"
CURVES = "curves.png"
HISTORY = "history.json"
METRICS = "metrics.json"  # written last: it says that the training has ended
BACKUP = "backup"
SAMPLE_COUNT = 20


def claim(folder: pathlib.Path, settings: dict) -> dict | None:
    """Make a folder the one of this training, or find that it is already.

    Args:
        folder: where the training writes; made if it does not exist.
        settings: everything that decides the result, as JSON holds it.

    Returns:
        The metrics if this training has already ended there, otherwise ``None``.

    Raises:
        NotADirectoryError: if the folder is a file.
        ValueError: if the folder holds a training with other settings, or other files.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"The output folder {str(folder)!r} is a file. Give another folder with out.")
    path = folder / SETTINGS
    if not path.exists():
        # Names with a dot in front: what a killed process left half-written, or an operating system's own.
        others = sorted(entry.name for entry in folder.glob("*") if not entry.name.startswith("."))
        if others:
            raise ValueError(
                f"The output folder {str(folder)!r} holds other files, such as {others[0]!r}. Give a new one with out."
            )
        write_json(path, settings)
        return None
    stored = read_json(path)
    for name in {**stored, **settings}:
        if stored.get(name) != settings.get(name):
            raise ValueError(
                f"The output folder {str(folder)!r} holds a training with {name} = {stored.get(name)}. "
                f"Received: {settings.get(name)}. Give a new folder with out, or delete that one."
            )
    return read_json(folder / METRICS) if (folder / METRICS).exists() else None


def write_outputs(
    folder: pathlib.Path,
    generator,
    vocabulary: Vocabulary,
    *,
    length: int,
    seed: int,
    history: dict,
    curves: CourseFigure,
    network: str,
    metrics: dict,
) -> None:
    """Write samples, curves, history and, last, the metrics; each file is whole or not there.

    Args:
        folder: of the training.
        generator: the trained `course_utils.models.sequence.SequenceGenerator`.
        vocabulary: the generator's.
        length: tokens of a sample at most.
        seed: of the samples.
        history: what the curves show, ``{name: [values]}``.
        curves: the figure.
        network: which one wrote the samples, such as ``"the network after epoch 3"``.
        metrics: what to write.
    """
    from course_utils.sampling import sample

    sentences = vocabulary.decode(sample(generator, SAMPLE_COUNT, length, seed=seed))
    head = f"# {SAMPLE_COUNT} sentences at temperature 1, seed {seed}, by {network}"
    with replacing(folder / SAMPLES) as part:
        part.write_text("\n".join([head, *sentences]) + "\n", encoding="utf-8")
    with replacing(folder / CURVES) as part:
        part.write_bytes(curves.to_png())
    write_json(folder / HISTORY, history)
    write_json(folder / METRICS, metrics)
    clear_remains(folder)


def load_generator(folder: str | os.PathLike):
    """Return the generator that a training left in its folder, and the vocabulary it speaks.

    Args:
        folder: of a training, finished or with at least one epoch done.

    Returns:
        A `course_utils.models.sequence.SequenceGenerator` and its `Vocabulary`.

    Raises:
        FileNotFoundError: if the folder holds none.

    Example:
        >>> generator, vocabulary = load_generator("build/train/my-lstm")  # doctest: +SKIP
        >>> vocabulary.decode(sample(generator, 3, length=20, seed=1))  # doctest: +SKIP
        ['I have a dream.', 'He is not here.', 'Who knows?']
    """
    import keras

    # Keras finds a class of ours by name only after its module was imported.
    import course_utils.models.latent_recurrent
    import course_utils.models.leak_generator
    import course_utils.models.recurrent
    import course_utils.models.relational_memory
    import course_utils.models.transformer  # noqa: F401

    path = pathlib.Path(folder) / GENERATOR
    if not path.is_file():
        raise FileNotFoundError(f"There is no generator in {str(folder)!r}. Train one there first.")
    return keras.saving.load_model(path), Vocabulary.load(path.with_name(VOCABULARY))


def clear_remains(folder: pathlib.Path) -> None:
    """Delete the backup of a training that has ended, and what a killed process left half-written."""
    shutil.rmtree(folder / BACKUP, ignore_errors=True)
    for name in (SETTINGS, GENERATOR, VOCABULARY, SAMPLES, CURVES, HISTORY, METRICS):
        stem, suffix = name.split(".")
        for part in folder.glob(f".{stem}-*.{suffix}"):
            part.unlink()


def draw_likelihood(history: dict, best: int) -> CourseFigure:
    """Return the curves of the negative log-likelihood per token, in training and on held-out sentences.

    Args:
        history: ``{"nll": [...], "val_nll": [...]}``, one value an epoch, in nats.
        best: the epoch whose network was kept.

    Example:
        >>> draw_likelihood({"nll": [3.0, 2.0], "val_nll": [2.5, 2.25]}, best=2)
        Figure: Negative log-likelihood over 2 epochs: 2.00 nats per token in training; held out 2.25 at epoch 2, kept.
    """
    epochs = range(1, len(history["nll"]) + 1)
    alt = (
        f"Negative log-likelihood over {len(epochs)} epochs: {history['nll'][-1]:.2f} nats per token in training; "
        f"held out {history['val_nll'][best - 1]:.2f} at epoch {best}, kept."
    )
    figure, axes = subplots(alt=alt, figsize=(6.5, 3.4))
    axes.plot(epochs, history["nll"], color=REAL, marker="o", markersize=3, label="training")
    axes.plot(epochs, history["val_nll"], color=FAKE, marker="o", markersize=3, label="held out")
    axes.axvline(best, color="gray", linewidth=1, linestyle=":", label=f"kept: epoch {best}")
    axes.set_xlabel("epoch")
    axes.set_ylabel("negative log-likelihood (nats per token)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize="small", frameon=False)
    return figure
