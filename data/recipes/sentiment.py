"""The two sentiment files: sentences labelled by a lexicon, and tweets rated by people."""

from __future__ import annotations

import html
import io
import pathlib
import re
import tarfile

from recipes import outputs, sources, text
from recipes.tatoeba import Sentence

POSITIVE_FROM, NEGATIVE_TO = 0.6, -0.5
LARGEST_CLASS = 8_000

# Positive words in neutral phrases: "a great deal", "pretty sure", "it looks like rain".
NEUTRAL_PHRASE = re.compile(
    r"\b(a great (many|deal)|great (many|deal|importance|amount|number)|pretty (sure|much|well|good|hard|cold|hot)"
    r"|free of charge|would like|good (at|night|morning|evening|afternoon)|sure|well enough|as well|looks? like"
    r"|like (that|this|a|an|the|my|his|her))\b"
)


def build_silver(sentences: list[Sentence], held_out: set[str]) -> bytes:
    """Make the balanced file of sentences with clear VADER scores: id, label 1/0, score, sentence.

    Args:
        sentences: all plain English sentences.
        held_out: ids of the English validation and test sentences, which stay out.
    """
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    positive, negative = [], []
    for sentence in sorted(sentences, key=lambda sentence: text.hash_order("s" + sentence.id)):
        if sentence.id in held_out:
            continue
        score = analyser.polarity_scores(sentence.text)["compound"]
        if score >= POSITIVE_FROM and not NEUTRAL_PHRASE.search(sentence.text.lower()):
            positive.append((sentence.id, "1", f"{score:.3f}", sentence.text))
        elif score <= NEGATIVE_TO:
            negative.append((sentence.id, "0", f"{score:.3f}", sentence.text))
    size = min(len(positive), len(negative), LARGEST_CLASS)
    return outputs.tsv_gz(sorted(positive[:size] + negative[:size], key=lambda row: text.hash_order("t" + row[0])))


def build_tweets(folder: pathlib.Path) -> bytes:
    """Make the file of tweet-like texts: id, mean human rating from -4 to 4, text."""
    inner = sources.read_member(
        folder, sources.VADER, "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
    )
    with tarfile.open(fileobj=io.BytesIO(inner)) as archive:
        name = next(name for name in archive.getnames() if name.endswith("tweets_GroundTruth.txt"))
        table = archive.extractfile(name).read().decode()
    return outputs.tsv_gz(tweet_rows(table))


def tweet_rows(table: str) -> list[tuple[str, str, str]]:
    """Return id, rating and cleaned text of each line without a filtered word."""
    rows = []
    for line in table.replace("\r\n", "\n").strip("\n").split("\n"):
        number, rating, tweet = line.split("\t", 2)
        tweet = text.normalise(html.unescape(tweet))
        if not text.has_filtered_word(tweet):
            rows.append((number, f"{float(rating):.3f}", tweet))
    return rows
