"""The course's own English language model, the judge of how fluent a generated sentence is."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence

from course_utils.datasets import Vocabulary
from course_utils.datasets.files import verified_path
from course_utils.metrics.perplexity import Perplexity, perplexity
from course_utils.models.transformer import TransformerGenerator

WEIGHTS = "english_lm.weights.h5"
CARD = "english_lm.json"


@dataclasses.dataclass(frozen=True)
class CourseLanguageModel:
    """A trained generator of English sentences with its vocabulary.

    Attributes:
        generator: a `TransformerGenerator`, in float32 whatever Keras's dtype policy is.
        vocabulary: the words it knows; any other is ``<unk>`` to it.
    """

    generator: TransformerGenerator
    vocabulary: Vocabulary = dataclasses.field(repr=False)

    def perplexity(self, sentences: Sequence[str]) -> Perplexity:
        """Return how surprising the model finds sentences, end tokens included; words and punctuation count as words.

        Args:
            sentences: N strings, each with fewer tokens than the generator's ``max_length``.

        Raises:
            TypeError: if the sentences are one string, or one of them is none.
            ValueError: if there is none, or one has too many tokens.

        Example:
            >>> model = load_course_language_model()
            >>> likely, unlikely = model.perplexity(["I have a dog."]), model.perplexity(["Dog a have I."])
            >>> likely.per_token < unlikely.per_token / 10
            True
        """
        tokens = self.vocabulary.encode(sentences, self.generator.max_length)
        return perplexity(self.generator, tokens, words=sum(map(len, map(self.vocabulary.tokens, sentences))))


def load_course_language_model(directory: str | os.PathLike | None = None) -> CourseLanguageModel:
    """Return the trained model, after the checksums of its two files have been verified.

    Args:
        directory: the data folder; None looks in ``COURSE_DATA``, then in the repository.

    Returns:
        The model. How it was trained and what it was measured to do stands in ``english_lm.json``.

    Raises:
        FileNotFoundError: if the folder or a file is missing.
        ValueError: if a file is not the registered one.

    Example:
        >>> load_course_language_model().vocabulary.words[4:7]
        ('.', 'the', 'to')
    """
    card = json.loads(verified_path(CARD, directory).read_text(encoding="utf-8"))
    # The judge does not change with the precision that a generator was trained in.
    generator = TransformerGenerator(**card["generator"], dtype="float32")
    generator.load_weights(verified_path(WEIGHTS, directory))
    return CourseLanguageModel(generator, Vocabulary(tuple(card["vocabulary"]["words"]), card["vocabulary"]["level"]))
