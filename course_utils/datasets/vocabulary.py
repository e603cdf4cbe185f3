"""A vocabulary of words or characters: sentences to token ids and back, without losing a character.

The table of ids is Keras's `StringLookup`. Its `TextVectorization` would split too, but on white space alone,
has no start and end token, and cannot turn ids back into a sentence.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import os
import pathlib
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from course_utils.datasets.word_splitting import join_words, split_words
from course_utils.runtime import replacing

PADDING, START, END, UNKNOWN = range(4)
SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")
LEVELS = ("word", "character")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The words, or characters, that have an id of their own; ids 0 to 3 are padding, start, end, unknown.

    What is normalised: the text becomes NFC (an accented letter is one code point where Unicode has one), every
    run of white space becomes one space, and none is left at either end. Case and all else stay, so for a
    sentence without an unknown word ``decode(encode([s], n))`` is ``[s]``, so normalised.

    At the word level `word_splitting` says what a word is. At the character level a token is one code point:
    an emoji or a letter that consists of several (with a skin tone, or marks that NFC does not merge) is as many
    tokens, and truncation can cut it.

    An unknown word gets id 3 and is read back as ``<unk>``. The same five letters in a text are no special
    token: they are split (``<``, ``unk``, ``>``, or five characters), and so are the other special words.

    Args:
        words: tuple with the token of each id, the four of ``SPECIAL`` first, then those of the text, each once.
        level: ``"word"`` or ``"character"``.

    Raises:
        ValueError: if the level is neither, or the words are not as described.

    Example:
        >>> vocabulary = Vocabulary.fit(["It's late.", "It's a dog."])
        >>> vocabulary.words
        ('<pad>', '<start>', '<end>', '<unk>', '.', "It's", 'a', 'dog', 'late')
        >>> tokens = vocabulary.encode(["It's a cat."], length=6)
        >>> tokens
        array([[5, 6, 3, 4, 2, 0]], dtype=int32)
        >>> vocabulary.decode(tokens)
        ["It's a <unk>."]
    """

    words: tuple[str, ...] = dataclasses.field(repr=False)
    level: str

    def __post_init__(self):
        if self.level not in LEVELS:
            raise ValueError(f"level must be one of {', '.join(LEVELS)}. Received: {self.level!r}.")
        if self.words[: len(SPECIAL)] != SPECIAL:
            raise ValueError(f"words must begin with {SPECIAL}. Received: {self.words[: len(SPECIAL)]}.")
        if not all(isinstance(word, str) and word for word in self.words):
            raise ValueError("words must be strings with at least one character each.")
        if repeated := [word for word, count in collections.Counter(self.words).items() if count > 1]:
            raise ValueError(f"Every word has one id. Received: {repeated[0]!r} more than once.")

    @classmethod
    def fit(
        cls, sentences: Iterable[str], level: str = "word", max_size: int | None = None, min_count: int = 1
    ) -> Vocabulary:
        """Return the vocabulary of a text, the most frequent words first.

        Words of the same frequency stand in the order of their code points, so the order of the sentences does
        not matter.

        Args:
            sentences: the training text.
            level: ``"word"`` or ``"character"``.
            max_size: the vocabulary's size at most, the four special tokens included; ``None`` keeps all words.
            min_count: words that occur less often are left out.

        Raises:
            TypeError: if the sentences are one string, or one of them is none.
            ValueError: if the level is neither, ``max_size`` leaves no room for a word, ``min_count`` is not
                positive, or no word is left.

        Example:
            >>> Vocabulary.fit(["春眠不觉晓", "春晓"], level="character", max_size=6).words[4:]
            ('春', '晓')
        """
        if max_size is not None and max_size <= len(SPECIAL):
            raise ValueError(
                f"max_size counts the {len(SPECIAL)} special tokens too. Received: {max_size}. Use a larger one."
            )
        if min_count < 1:
            raise ValueError(f"min_count must be at least 1. Received: {min_count}.")
        splitter = cls(SPECIAL, level)
        counts = collections.Counter()
        for sentence in _checked(sentences):
            counts.update(splitter.tokens(sentence))
        kept = sorted((-count, word) for word, count in counts.items() if count >= min_count)
        if not kept:
            raise ValueError(
                f"No word is left. Received: {len(counts)} different ones, each fewer than min_count={min_count} "
                "times. Give more text, or lower min_count."
            )
        room = None if max_size is None else max_size - len(SPECIAL)
        return cls(SPECIAL + tuple(word for _, word in kept[:room]), level)

    def __len__(self) -> int:
        """Return the number of ids, the special ones included: a generator's ``vocabulary_size``."""
        return len(self.words)

    @functools.cached_property
    def _lookup(self):
        """Return Keras's table: 0 for an unknown word, then 1, 2, … in the order of ``words[4:]``."""
        import keras

        return keras.layers.StringLookup(
            vocabulary=self.words[UNKNOWN:], mask_token=None, oov_token=SPECIAL[UNKNOWN], name="vocabulary"
        )

    def tokens(self, sentence: str) -> list[str]:
        """Return a sentence's words or characters, known or not, without special tokens.

        Example:
            >>> Vocabulary.fit(["Yes."]).tokens("Don't  shout!")
            ["Don't", 'shout', '!']
        """
        sentence = " ".join(unicodedata.normalize("NFC", sentence).split())
        return split_words(sentence) if self.level == "word" else list(sentence)

    def encode(self, sentences: Iterable[str], length: int, truncate: bool = False) -> np.ndarray:
        """Return token ids: of each sentence its tokens, the end token if it fits, then padding.

        There is no start token. A sentence of exactly ``length`` tokens fills its row and has no end token; an
        empty one (or of white space alone) is just the end token.

        Args:
            sentences: N strings.
            length: columns of the result, at least 1.
            truncate: cut a sentence of more tokens to its first ``length``, again without an end token.

        Returns:
            int32 (N, length).

        Raises:
            TypeError: if the sentences are one string, or one of them is none.
            ValueError: if ``length`` is not positive, or a sentence has more tokens and ``truncate`` is false.

        Example:
            >>> Vocabulary.fit(["abba"], level="character").encode(["ab", "", "abc"], 3)
            array([[4, 5, 2],
                   [2, 0, 0],
                   [4, 5, 3]], dtype=int32)
        """
        if length < 1:
            raise ValueError(f"length must be at least 1. Received: {length}.")
        rows = [self.tokens(sentence) for sentence in _checked(sentences)]
        for index, row in enumerate(rows):
            if len(row) > length and not truncate:
                raise ValueError(
                    f"Sentence {index} has more tokens than length={length}. Received: {len(row)} tokens. "
                    "Use a larger length, leave the sentence out, or cut it with truncate=True."
                )
        import tensorflow as tf

        lengths = np.minimum([len(row) for row in rows], length).astype(int)  # (N,)
        flat = tf.constant([word for row in rows for word in row[:length]], dtype=tf.string)
        tokens = np.full((len(rows), length), PADDING, dtype=np.int32)
        tokens[np.arange(length) < lengths[:, None]] = self._lookup(flat).numpy() + UNKNOWN
        ended = lengths < length
        tokens[ended, lengths[ended]] = END
        return tokens

    def decode(self, tokens) -> list[str]:
        """Return the sentences, each up to its first end token or to the end of its row.

        Padding or a start token before the end, which only a generator writes there, is shown as ``<pad>`` or
        ``<start>`` and not hidden.

        Args:
            tokens: integer (N, T), an array or a tensor.

        Raises:
            TypeError: if the ids are not integers.
            ValueError: if the shape is another one or an id is outside the vocabulary.

        Example:
            >>> Vocabulary.fit(["Who? Me?"]).decode([[6, 4, 5, 4, 2, 0]])
            ['Who? Me?']
        """
        tokens = np.asarray(tokens)
        if tokens.ndim != 2:
            raise ValueError(f"tokens must be (N, T). Received: {tokens.shape}. Put one sentence in a list of its own.")
        if not np.issubdtype(tokens.dtype, np.integer):
            raise TypeError(f"tokens must be integer ids. Received: {tokens.dtype}.")
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < len(self):
            raise ValueError(
                f"tokens must be ids from 0 to {len(self) - 1}. Received: {tokens.min()} to {tokens.max()}. "
                "Decode them with the vocabulary that they were encoded or generated with."
            )
        join = join_words if self.level == "word" else "".join
        rows = (row[: row.index(END)] if END in row else row for row in tokens.tolist())
        return [join(self.words[token] for token in row) for row in rows]

    def save(self, path: str | os.PathLike) -> None:
        """Write the vocabulary as JSON (UTF-8, one word a line), in one step.

        Example:
            >>> Vocabulary.fit(["Yes."]).save("build/words.json")  # doctest: +SKIP
        """
        text = json.dumps({"level": self.level, "words": self.words}, ensure_ascii=False, indent=0)
        with replacing(path) as part:
            part.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike) -> Vocabulary:
        """Return the vocabulary that `save` wrote.

        Raises:
            FileNotFoundError: if the file does not exist.
            ValueError: naming the file, if it is damaged or holds something else.

        Example:
            >>> vocabulary = Vocabulary.load("build/words.json")  # doctest: +SKIP
        """
        path = pathlib.Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"The vocabulary {str(path)!r} does not exist. Write it with Vocabulary.save.")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(tuple(content["words"]), content["level"])
        # UnicodeDecodeError and JSONDecodeError are ValueErrors; Type- and KeyError: JSON of another shape.
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"{path} is not a vocabulary that Vocabulary.save wrote ({error!r}).") from None


def _checked(sentences: Iterable[str]) -> Sequence[str]:
    """Return the sentences as a list, or raise for the two likely mistakes: one string, and bytes."""
    if isinstance(sentences, (str, bytes)):
        raise TypeError(
            f"sentences must be a list of strings. Received: one {type(sentences).__name__}. Put it in [ ]."
        )
    sentences = list(sentences)
    for index, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            raise TypeError(f"Sentence {index} must be a string. Received: {type(sentence).__name__}.")
    return sentences
