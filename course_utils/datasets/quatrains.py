"""Tang quatrains in simplified characters: four lines of five or of seven."""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from course_utils.datasets.batching import shuffled_batches
from course_utils.datasets.card import Card
from course_utils.datasets.files import read_tsv


@dataclasses.dataclass(frozen=True, eq=False)
class Quatrains:
    """Poems of four lines of equal length.

    Attributes:
        length: characters in a line, 5 or 7.
        poems: the four lines joined by ``，``, in simplified characters.
        authors: the poets, in traditional characters.
        titles: the titles, in traditional characters.
        card: source, licence and size.
    """

    length: int
    poems: list[str] = dataclasses.field(repr=False)
    authors: list[str] = dataclasses.field(repr=False)
    titles: list[str] = dataclasses.field(repr=False)
    card: Card

    def batches(self, batch_size: int, *, seed: int = 0):
        """Return shuffled batches of poems.

        Args:
            batch_size: poems in a batch; the rest that fills no batch is left out of a pass.
            seed: decides the order.

        Returns:
            A `tf.data.Dataset` of `tf.string` (B,), UTF-8.

        Raises:
            ValueError: if there are fewer poems than one batch.

        Example:
            >>> tuple(next(iter(load_quatrains(5).batches(32))).shape)
            (32,)
        """
        return shuffled_batches(np.array(self.poems, dtype=object), batch_size, seed=seed)


def load_quatrains(length: int = 5, directory: str | os.PathLike | None = None) -> Quatrains:
    """Return the quatrains of five (3,757) or of seven (10,292) characters a line.

    Args:
        length: 5 or 7.
        directory: the data folder; by default ``COURSE_DATA`` or the repository's.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: if the length is neither or the file is damaged.

    Example:
        >>> load_quatrains(5).poems[0]
        '四时运灰琯，一夕变冬春，送寒余雪尽，迎岁早梅新'
    """
    if length not in (5, 7):
        raise ValueError(f"length must be 5 or 7 characters a line. Received: {length!r}.")
    poems, authors, titles = read_tsv(f"tang_quatrains_{length}.tsv.gz", ("poem", "author", "title"), directory)
    card = Card(
        name=f"Tang quatrains, {length} characters a line",
        source="npm chinese-poetry 2.0.1, simplified with OpenCC 1.4.2",
        licence="poems in the public domain; compilation MIT",
        attribution="the chinese-poetry project",
        sizes={"poems": len(poems)},
        notes="Any four lines of equal length count, whatever their tone pattern. A few variant characters remain "
        "unsimplified. Punctuation is a comma everywhere.",
    )
    return Quatrains(length, poems, authors, titles, card)
