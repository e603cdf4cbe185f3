"""What a loader says about the data it returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Card:
    """The origin, licence and size of a data set, in short; `data/README.md` has the whole datasheet.

    Attributes:
        name: the data set's name.
        source: where the data come from, as a package and version or a publication.
        licence: the licence of the data, which is not the code's.
        attribution: whom to name when using them.
        sizes: rows by part, such as ``{"train": 60000, "test": 10000}``.
        notes: known faults and limits.

    Example:
        >>> print(Card("Digits", "IDX files", "CC BY-SA 3.0", "LeCun, Cortes", {"train": 60000}, "None known."))
        Digits (train 60,000)
        Source: IDX files
        Licence: CC BY-SA 3.0
        Attribution: LeCun, Cortes
        Notes: None known.
    """

    name: str
    source: str
    licence: str
    attribution: str
    sizes: Mapping[str, int]
    notes: str

    def __str__(self) -> str:
        sizes = ", ".join(f"{part} {rows:,}" for part, rows in self.sizes.items())
        return (
            f"{self.name} ({sizes})\nSource: {self.source}\nLicence: {self.licence}\n"
            f"Attribution: {self.attribution}\nNotes: {self.notes}"
        )
