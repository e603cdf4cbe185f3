"""How varied sentences are, and how near their n-grams are to those of real ones: counts, without a model."""

from __future__ import annotations

import numpy as np

from course_utils.metrics.text_ngrams import check_order, ngrams, read_sentences


def distinct_n(sentences, n: int) -> float:
    """Return the number of different n-grams, divided by the number of tokens.

    Args:
        sentences: N sentences, in a form of `course_utils.metrics.text_ngrams.read_sentences`.
        n: the order, at least 1.

    Returns:
        A float from 0 to 1; 0 if no sentence has n tokens. Divided by tokens, as published; code that divides by the
        number of n-grams gets more. It falls with N: compare only equal numbers of sentences.

    Raises:
        TypeError: if the sentences are in neither form.
        ValueError: if there is none or n is below 1.

    Example:
        >>> distinct_n([["the", "cat", "sat"], ["the", "cat", "ran"]], 2)  # the cat, cat sat, cat ran
        0.5

    Source: Li et al. 2016, "A diversity-promoting objective function for neural conversation models", section 5.
    """
    counts, tokens = _frequencies(sentences, n)
    return len(counts) / max(tokens, 1)


def ngram_entropy(sentences, n: int) -> float:
    """Return the entropy of the n-grams' frequencies, in nats. Unlike distinct-n, it sees how unevenly they are spread.

    Args:
        sentences: N sentences, in a form of `course_utils.metrics.text_ngrams.read_sentences`.
        n: the order, at least 1.

    Returns:
        −Σ f log f over the n-grams' shares f of all n-grams; at most the logarithm of their number, and 0 if all are
        the same or there is none. It rises with N.

    Raises:
        TypeError: if the sentences are in neither form.
        ValueError: if there is none or n is below 1.

    Example:
        >>> round(ngram_entropy([["a", "b"], ["c", "d"]], 1), 4)  # log 4
        1.3863

    Source: Zhang et al. 2018, "Generating informative and diverse conversational responses via adversarial information
    maximization", section 4 (Ent-n).
    """
    counts, _ = _frequencies(sentences, n)
    shares = counts / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum()) + 0.0  # + 0.0 turns -0.0 into 0.0


def ms_jaccard(sentences, real, *, max_n: int = 4) -> float:
    """Return the overlap of two sets' n-grams as multisets: 1 only if all occur equally often, so it sees both sides.

    For each order n, with c(g) the n-gram's occurrences divided by the number of sentences of its set, the score is
    Σ min(c₁, c₂) / Σ max(c₁, c₂) over all n-grams of either set; the result is the geometric mean over the orders. What
    is not said costs as much as what should not be.

    Args:
        sentences: generated ones, in a form of `course_utils.metrics.text_ngrams.read_sentences`.
        real: real ones; their number may differ.
        max_n: the longest n-gram, at least 1.

    Returns:
        A float from 0 to 1; 0 if an order has no n-gram in common. Two sets of real sentences do not reach 1 either:
        print that beside it, at the same numbers of sentences.

    Raises:
        TypeError: if a set of sentences is in neither form.
        ValueError: if a set is empty, max_n is below 1, or no real sentence has ``max_n`` tokens.

    Example:
        >>> round(ms_jaccard([["the", "cat"], ["the", "dog"]], [["the", "cat"]], max_n=2), 4)  # √(1.5/2.5 · 0.5/1.5)
        0.4472

    Source: Alihosseini, Montahaei & Soleymani 2019, "Jointly measuring diversity and quality in text generation
    models", section 3.1.
    """
    check_order(max_n=max_n)
    text = read_sentences(sentences=sentences, real=real)
    number = len(sentences)
    if text.lengths[number:].max() < max_n:
        raise ValueError(
            f"Real sentences must have n-grams of every order up to max_n={max_n}. Received: at most "
            f"{text.lengths[number:].max()} tokens. Lower max_n or give longer ones."
        )
    scores = []
    for owners, grams in ngrams(text, max_n):
        ours = owners < number
        kinds = grams.max() + 1
        per_sentence = (
            np.bincount(grams[ours], minlength=kinds) / number,
            np.bincount(grams[~ours], minlength=kinds) / (len(text.lengths) - number),
        )
        scores.append(np.minimum(*per_sentence).sum() / np.maximum(*per_sentence).sum())
    return float(np.prod(scores) ** (1 / max_n))


def ngram_jsd(sentences, real, n: int) -> float:
    """Return the Jensen–Shannon divergence of two sets' distributions of n-grams, in nats.

    With f and g the shares of an n-gram among all of its set and m = ½ (f + g), that is
    ½ Σ f log(f/m) + ½ Σ g log(g/m): 0 for equal shares, log 2 for sets without a common n-gram.

    Args:
        sentences: generated ones, in a form of `course_utils.metrics.text_ngrams.read_sentences`.
        real: real ones; their number may differ.
        n: the order, at least 1.

    Returns:
        A float from 0 to log 2; the paper's code divides it by log 2. It falls with the number of sentences, most of
        all for large n: print that of two sets of real sentences beside it, at the same numbers.

    Raises:
        TypeError: if a set of sentences is in neither form.
        ValueError: if a set is empty or has no n-gram of the order, or n is below 1.

    Example:
        >>> ngram_jsd([["a", "b"], ["b", "a"]], [["a", "b"]], 1)
        0.0
        >>> round(ngram_jsd([["a", "b"]], [["b", "a"]], 2), 4)  # log 2
        0.6931

    Source: Gulrajani et al. 2017, Improved training of Wasserstein GANs, their code's measure of character models.
    """
    check_order(n=n)
    text = read_sentences(sentences=sentences, real=real)
    *_, (owners, grams) = ngrams(text, n)
    ours = owners < len(sentences)
    counts = [np.bincount(grams[mine], minlength=grams.max(initial=0) + 1) for mine in (ours, ~ours)]
    if not all(count.any() for count in counts):
        raise ValueError(f"Both sets must have n-grams of order n={n}. Received: a set without. Lower n.")
    f, g = (count / count.sum() for count in counts)
    m = (f + g) / 2
    # Where a share is 0 its term is 0: the logarithm of 1 stands in.
    halves = [(share * np.log(np.where(share > 0, share / m, 1.0))).sum() for share in (f, g)]
    return float(max(0.0, sum(halves) / 2))


def _frequencies(sentences, n: int) -> tuple[np.ndarray, int]:
    """Return how often each n-gram of order n occurs, and the number of tokens."""
    check_order(n=n)
    text = read_sentences(sentences=sentences)
    *_, (_, grams) = ngrams(text, n)
    return np.bincount(grams), len(text.tokens)
