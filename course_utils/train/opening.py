"""The beginning of every training: its sentences are read, and its folder is claimed."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib

from course_utils.records import circumstances
from course_utils.train import outputs
from course_utils.train.corpus import Corpus, hold_out_tenth, prepare, read_corpus
from course_utils.train.mle_settings import Settings


@dataclasses.dataclass(frozen=True)
class Opened:
    """A training whose folder is claimed.

    Attributes:
        corpus: the sentences.
        head: command, versions, machine and settings, with which its metrics begin.
        metrics: those it ended with, if it has already ended.
    """

    corpus: Corpus
    head: dict
    metrics: dict | None


def open_training(settings: Settings, folder: pathlib.Path, method: str) -> Opened:
    """Read the sentences, claim the folder and leave the vocabulary in it.

    Args:
        settings: of the training.
        folder: its own.
        method: a key of `course_utils.train.METHODS`.

    Raises:
        FileNotFoundError, NotADirectoryError, ValueError: as `train_mle`.
    """
    training = read_corpus(settings.corpus)
    training, held_out = hold_out_tenth(training) if settings.valid is None else (training, read_corpus(settings.valid))
    corpus = prepare(training, held_out, level=settings.level, length=settings.length, min_count=settings.min_count)
    print(
        f"{len(corpus.training):,} sentences to train on, {len(corpus.held_out):,} held out, {corpus.too_long:,} left "
        f"out with more than {corpus.length - 1} tokens; a vocabulary of {len(corpus.vocabulary):,}.",
        flush=True,
    )
    if len(corpus.training) < settings.batch:
        raise ValueError(f"There are fewer sentences to train on than batch={settings.batch}. Use a smaller batch.")
    named = dataclasses.replace(
        settings,
        corpus=pathlib.Path(settings.corpus).name,
        valid=settings.valid and pathlib.Path(settings.valid).name,
    )
    known = circumstances(named.command(method))
    identity = {
        **dataclasses.asdict(named),
        "training_sha256": _digest(training),
        "held_out_sha256": _digest(held_out),
        **known["versions"],
        "machine": known["machine"],
    }
    metrics = outputs.claim(folder, identity)
    if metrics is None:
        corpus.vocabulary.save(folder / outputs.VOCABULARY)
    else:
        outputs.clear_remains(folder)
        print(f"This training has already ended in {folder}.")
    return Opened(corpus, {**known, "settings": dataclasses.asdict(named)}, metrics)


def _digest(sentences: list[str]) -> str:
    return hashlib.sha256("\n".join(sentences).encode()).hexdigest()
