"""Plain-text steps that several outputs share: cleaning, tokens, the word filter, an order by hash."""

from __future__ import annotations

import hashlib
import re
import unicodedata

# Sentences with these words are left out: a list of words, not a review of what is said.
FILTERED_WORDS = frozenset(
    {
        "asshole",
        "bastard",
        "bitch",
        "cunt",
        "dick",
        "faggot",
        "fuck",
        "fucked",
        "fucking",
        "nigger",
        "piss",
        "porn",
        "rape",
        "raped",
        "retard",
        "sex",
        "sexy",
        "shit",
        "slut",
        "suicide",
        "whore",
    }
)


def normalise(text: str) -> str:
    """Return NFC text with straight apostrophes and single spaces, without space at either end."""
    straight = unicodedata.normalize("NFC", text).replace("’", "'")
    return re.sub(r"\s+", " ", straight).strip()


def tokenise(text: str) -> list[str]:
    """Return the lower-case words, numbers and marks ``. , ! ?`` of an English text.

    Example:
        >>> tokenise("Don't go, Tom!")
        ["don't", 'go', ',', 'tom', '!']
    """
    return re.findall(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[.,!?]", text.lower())


def has_filtered_word(text: str) -> bool:
    """Say whether a token of the text stands on the list above."""
    return not FILTERED_WORDS.isdisjoint(tokenise(text))


def hash_order(text: str) -> str:
    """Return a sort key that shuffles, and does so equally on every machine: the text's sha256."""
    return hashlib.sha256(text.encode()).hexdigest()
