"""Perplexity: between how many equally probable tokens, or words, a sequence generator hesitates on average."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from course_utils.sampling import counted_positions, log_prob
from course_utils.sampling.compiled import check_temperature, check_whole, run_compiled


@dataclasses.dataclass(frozen=True)
class Perplexity:
    """How well a generator predicts given sentences. End tokens count, as tokens and as words.

    Attributes:
        nll_per_token: mean negative log-likelihood of a token, in nats.
        per_token: exp(nll_per_token); the vocabulary's size for a generator that finds all tokens equally probable.
        per_word: exp(total negative log-likelihood / ``words``), or ``None`` if the number of words was not given.
        tokens: how many tokens were predicted.
        words: how many words they make up, end tokens included, or ``None``.
        sentences: how many sentences.
    """

    nll_per_token: float
    per_token: float
    per_word: float | None
    tokens: int
    words: int | None
    sentences: int


def perplexity(
    generator, tokens, *, words: int | None = None, temperature: float = 1.0, batch_size: int = 64
) -> Perplexity:
    """Return the perplexity of sentences under a generator, per token and per word.

    Every token up to and including the end token is predicted from the true ones before it (teacher forcing, without
    dropout); a sentence that was cut, or fills its row, has no end token and none is counted. All tokens weigh the
    same, whatever the length of their sentence.

    Perplexities per token of two vocabularies cannot be compared: a character is easier to guess than a word. Per
    word they can, on the same whole sentences and if both vocabularies know all of their words: ``<unk>`` for a rare
    word is easy to guess too.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        tokens: integer (N, T), sentences without the start token, N at least 1.
        words: the number of words in these sentences, without end tokens; one is added for each end token there is.
        temperature: above 0; judged is softmax(logits / temperature), which `sample` draws from.
        batch_size: sentences computed at a time. It bounds the memory, about ``batch_size`` · T · V floats.

    Returns:
        The `Perplexity`; infinite if a token has probability 0.

    Raises:
        TypeError: if the ids are not integers.
        ValueError: if the shape is another one, an id is outside the generator's vocabulary, ``words``,
            ``temperature`` or ``batch_size`` is not positive, or a log-probability is NaN.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> generator = RecurrentGenerator(8, embedding_dim=4, hidden_dim=4)
        >>> generator.set_weights([0 * weight for weight in generator.get_weights()])  # all tokens equally probable
        >>> result = perplexity(generator, [[4, 5, 2, 0], [6, 2, 0, 0]], words=3)
        >>> round(result.per_token, 3), result.tokens, result.words
        (8.0, 5, 5)

    Source: Jelinek et al. 1977, "Perplexity, a measure of the difficulty of speech recognition tasks".
    """
    tokens = checked_sentences(tokens, generator.vocabulary_size)
    check_whole(batch_size=batch_size, **({} if words is None else {"words": words}))
    tempered = check_temperature(temperature, zero=False)
    counted = counted_positions(tf.constant(tokens), generator.end_token).numpy()  # (N, T)
    total = 0.0
    for first in range(0, len(tokens), batch_size):
        rows = tokens[first : first + batch_size]
        # A last batch of its own shape would be traced again; its filling is sliced off.
        filled = np.pad(rows, ((0, batch_size - len(rows)), (0, 0)))
        picked = run_compiled(_tempered_log_prob, generator, (), (tf.constant(filled), tempered)).numpy()[: len(rows)]
        total -= picked.sum(dtype=np.float64)
    if np.isnan(total):
        raise ValueError("The generator's log-probabilities must be numbers. Received: NaN. Its training has diverged.")
    if words is not None and generator.end_token is not None:
        words += int((tokens[counted] == generator.end_token).sum())
    count = int(counted.sum())
    with np.errstate(over="ignore"):  # beyond 709 nats the answer is infinite
        return Perplexity(
            nll_per_token=float(total / count),
            per_token=float(np.exp(total / count)),
            per_word=None if words is None else float(np.exp(total / words)),
            tokens=count,
            words=words,
            sentences=len(tokens),
        )


class _Tempered:
    """A generator whose logits are divided by a temperature."""

    def __init__(self, generator, temperature: tf.Tensor):
        self.generator, self.temperature = generator, temperature
        self.start_token, self.end_token = generator.start_token, generator.end_token

    def __call__(self, tokens, training: bool = False):
        return self.generator(tokens, training=training) / self.temperature


def _tempered_log_prob(generator, tokens, temperature):
    return log_prob(_Tempered(generator, temperature), tokens)


def checked_sentences(tokens, vocabulary_size: int) -> np.ndarray:
    """Return sentences as int32 (N, T), or raise.

    Args:
        tokens: integer ids (N, T), N and T at least 1.
        vocabulary_size: V.

    Raises:
        TypeError: if they are not integers.
        ValueError: for another shape, or ids outside 0…V−1.

    Example:
        >>> checked_sentences([[3, 2]], 5).dtype
        dtype('int32')
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or not tokens.size:
        raise ValueError(f"tokens must be (N, T), both at least 1. Received: {tokens.shape}.")
    if not np.issubdtype(tokens.dtype, np.integer):
        raise TypeError(f"tokens must be integer ids. Received: {tokens.dtype}. Encode the sentences first.")
    if not 0 <= tokens.min() <= tokens.max() < vocabulary_size:
        raise ValueError(
            f"tokens must be ids from 0 to {vocabulary_size - 1}. Received: {tokens.min()} to {tokens.max()}. Encode "
            "the sentences with the generator's own vocabulary."
        )
    return tokens.astype(np.int32)
