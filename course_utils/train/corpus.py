"""A corpus made ready for training: read, split, its vocabulary fitted, its sentences encoded."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Sequence

import numpy as np

from course_utils.datasets import Vocabulary, load_english, load_names, load_quatrains, load_sentences
from course_utils.datasets.vocabulary import SPECIAL, UNKNOWN

BUNDLED = {
    "en_train": lambda: load_english("train").sentences,
    "en_valid": lambda: load_english("valid").sentences,
    "en_test": lambda: load_english("test").sentences,
    "en_pretrain": lambda: load_english("pretrain").sentences,
    "names": lambda: load_names().names,
    "quatrains_5": lambda: load_quatrains(5).poems,
    "quatrains_7": lambda: load_quatrains(7).poems,
}
LONGEST = 128  # tokens of a sentence if no length is given: the memory of a step grows with it
FEWEST = 10  # different sentences from which a tenth can be held out


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Sentences as token ids, each with its end token.

    Attributes:
        vocabulary: of the training sentences.
        training: int32 (N, T).
        held_out: int32 (M, T).
        held_out_words: words and punctuation marks of the held-out sentences, also at the character level.
        too_long: how many sentences were left out of both parts because they have more than T − 1 tokens.
    """

    vocabulary: Vocabulary
    training: np.ndarray = dataclasses.field(repr=False)
    held_out: np.ndarray = dataclasses.field(repr=False)
    held_out_words: int
    too_long: int

    @property
    def length(self) -> int:
        """T, the tokens of a row, the end token included."""
        return self.training.shape[1]

    def counts(self) -> dict[str, int]:
        """Return what the corpus holds, in numbers."""
        return {
            "training_sentences": len(self.training),
            "training_tokens": int(np.count_nonzero(self.training)),
            "held_out_sentences": len(self.held_out),
            "held_out_unknown_tokens": int((self.held_out == UNKNOWN).sum()),
            "sentences_too_long": self.too_long,
            "vocabulary_size": len(self.vocabulary),
            "length": self.length,
        }


def read_corpus(name: str) -> list[str]:
    """Return the sentences of a bundled corpus, or of a UTF-8 text file with one sentence a line.

    Args:
        name: one of ``BUNDLED``, which a file of the same name does not hide (give it as ``./names``), or a path.

    Raises:
        FileNotFoundError: if it is neither.
        ValueError: naming the line of the file that is not UTF-8, or the file if it holds no sentence.

    Example:
        >>> read_corpus("names")[:2]
        ['Aaren', 'Aarika']
    """
    if name in BUNDLED:
        return BUNDLED[name]()
    if not pathlib.Path(name).is_file():
        raise FileNotFoundError(
            f"There is no text file {name!r}, nor a bundled corpus of that name ({', '.join(BUNDLED)}). Check the path."
        )
    return load_sentences(name).sentences


def hold_out_tenth(sentences: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the sentences without a tenth, and that tenth: those whose sha256 comes first.

    The parts depend on neither a seed nor the order, and a sentence that occurs twice is in one part only.

    Raises:
        ValueError: if there are fewer than 10 different sentences.

    Example:
        >>> training, held_out = hold_out_tenth([str(number) for number in range(20)])
        >>> len(training), held_out
        (18, ['8', '9'])
    """
    different = sorted(set(sentences), key=lambda sentence: hashlib.sha256(sentence.encode()).digest())
    if len(different) < FEWEST:
        raise ValueError(
            f"{FEWEST} different sentences are needed to hold a tenth out. Received: {len(different)}. "
            "Give more of them, or name a held-out text with valid."
        )
    chosen = set(different[: len(different) // 10])
    return [s for s in sentences if s not in chosen], [s for s in sentences if s in chosen]


def prepare(
    training: Sequence[str],
    held_out: Sequence[str],
    *,
    level: str = "word",
    length: int | None = None,
    min_count: int = 1,
) -> Corpus:
    """Return two lists of sentences as a `Corpus`; those too long for a row are left out.

    Args:
        training: sentences; the vocabulary is theirs.
        held_out: sentences to judge on.
        level: ``"word"`` or ``"character"``.
        length: T, tokens of a row, the end token included; by default as the longest sentence needs, at most 128.
        min_count: words that occur less often become unknown ones.

    Raises:
        ValueError: for impossible settings, or if a part has no sentence short enough.

    Example:
        >>> corpus = prepare(["A dog.", "A cat sat."], ["A dog sat.", "A dog sat on a cat."], length=5)
        >>> corpus.training.shape, corpus.held_out.tolist(), corpus.held_out_words, corpus.too_long
        ((2, 5), [[5, 7, 8, 4, 2]], 4, 1)
    """
    splitter = Vocabulary(SPECIAL, level)
    parts = {"training": list(training), "held-out": list(held_out)}
    sizes = {part: [len(splitter.tokens(s)) + 1 for s in sentences] for part, sentences in parts.items()}
    if length is None:
        length = min(max(size for part in sizes.values() for size in part), LONGEST)
    fitting = {part: [s for s, size in zip(parts[part], sizes[part], strict=True) if size <= length] for part in parts}
    for part, sentences in fitting.items():
        if not sentences:
            raise ValueError(
                f"Every {part} sentence has more than {length - 1} tokens, which length={length} leaves room for. "
                f"The shortest has {min(sizes[part]) - 1}. Use a larger length."
            )
    vocabulary = Vocabulary.fit(fitting["training"], level, min_count=min_count)
    words = Vocabulary(SPECIAL, "word")
    return Corpus(
        vocabulary,
        vocabulary.encode(fitting["training"], length),
        vocabulary.encode(fitting["held-out"], length),
        sum(len(words.tokens(sentence)) for sentence in fitting["held-out"]),
        sum(map(len, parts.values())) - sum(map(len, fitting.values())),
    )
