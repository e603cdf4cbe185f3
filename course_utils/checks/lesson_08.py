"""Exercises and quiz of lesson 08: perplexity of a table, shifted inputs, entropy against temperature."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks.compare import array_close, call, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: the perplexity of a table -----------------------------------------------------------


def reference_perplexity(probabilities, counted):
    """exp of the mean of −log p over the positions that count."""
    return np.exp(-np.log(probabilities[counted]).mean())


def _with_padding(probabilities, counted):
    return np.exp(-np.log(np.where(counted, probabilities, 1.0)).mean())


def _every_position(probabilities, counted):
    return np.exp(-np.log(probabilities).mean())


def _mean_of_sentences(probabilities, counted):
    rows = zip(probabilities, counted, strict=True)
    return np.mean([np.exp(-np.log(row[held]).mean()) for row, held in rows])


def _mean_of_means(probabilities, counted):
    rows = zip(probabilities, counted, strict=True)
    return np.exp(np.mean([-np.log(row[held]).mean() for row, held in rows]))


def _a_sentence(probabilities, counted):
    return np.exp(-np.log(probabilities[counted]).sum() / len(counted))


def _of_counted(mistake):
    return lambda probabilities, counted: mistake(probabilities[counted])


_OF_COUNTED = (  # mistakes with the right positions
    (lambda p: np.mean(1 / p), "This is the mean of 1/p. The mean belongs inside the exponential, over −log p."),
    (lambda p: 1 / np.mean(p), "This is one over the mean probability. Take the mean of −log p first, then exp."),
    (lambda p: -np.log(p).mean(), "This is the cross-entropy in nats. Perplexity is its exponential."),
    (lambda p: np.exp(np.log(p).mean()), "This is one over the perplexity: look at the sign in the exponent."),
    (lambda p: np.exp(-np.log2(p).mean()), "One base for both: log with exp, or log2 with 2 to the power."),
    (lambda p: np.exp(-np.log(p).sum()), "Divide the sum by the number of tokens before the exponential."),
)
_MISREAD = (
    (_with_padding, "Divide by the number of positions that count; the padding makes the mean too small."),
    (_every_position, "Leave out the positions where `counted` is false: what stands after the end is no prediction."),
    (_mean_of_sentences, "This is the mean of the sentences' perplexities. Take one mean of −log p over all tokens."),
    (_mean_of_means, "Every token weighs the same: do not average the sentences' means."),
    (_a_sentence, "This is per sentence. Divide the sum by the number of tokens that count."),
    *((_of_counted(mistake), reason) for mistake, reason in _OF_COUNTED),
)


def _verify_perplexity(answer: Any) -> str | None:
    probabilities = np.array([[0.5, 0.25, 0.5, 0.9], [0.1, 0.8, 0.7, 0.6]])
    counted = np.array([[True, True, True, False], [True, True, False, False]])
    found = call(answer, probabilities, counted)
    for wrong, reason in _MISREAD:
        if numbers_close(found, wrong(probabilities, counted), 1e-6, "It") is None:
            return reason
    if reason := numbers_close(found, reference_perplexity(probabilities, counted), 1e-6, "The perplexity"):
        return reason
    with np.errstate(divide="ignore", invalid="ignore"):  # a learner may take the logarithm before leaving out
        found = call(answer, np.where(counted, 0.2, 0.0), counted)
    reason = numbers_close(found, 5.0, 1e-6, "With p = 1/5 at every token, and 0 where nothing counts, the perplexity")
    if reason and " is NaN" in reason:
        return "Behind the end p may be 0, and −∞ · 0 is not a number: choose the positions first, then take log."
    return reason


perplexity_of = Exercise(
    name="The perplexity of a table",
    verify=_verify_perplexity,
    reference=reference_perplexity,
    wrong=[
        *((wrong, reason.split(".")[0]) for wrong, reason in _MISREAD),
        (lambda p, counted: np.exp(-(np.log(p) * counted).sum() / counted.sum()), "choose the positions first"),
        (lambda probabilities, counted: -np.log(probabilities[counted]), "one number"),
        (lambda probabilities, counted: 5.0, "too large"),
    ],
    hint="`probabilities[counted]` is the flat list of those that count. Then a mean, and at the end an exponential.",
    solution="""```python
def perplexity_of(probabilities, counted):
    return np.exp(-np.log(probabilities[counted]).mean())
```
It is one over the geometric mean of the probabilities, so a single 0 makes it infinite. All tokens weigh the
same: the mean of the sentences' own perplexities would let a short sentence count as much as a long one.""",
    expects="a function of `probabilities` and `counted` that returns one number",
)

# --- Exercise 2: inputs that are not shifted -----------------------------------------------------------


def reference_inputs(tokens, start):
    """The start token, then all but the last."""
    first = np.full((len(tokens), 1), start)
    return np.concatenate([first, np.asarray(tokens)[:, :-1]], axis=1)


def _unshifted(tokens, start):
    return tokens


def _ahead(tokens, last):
    return np.concatenate([np.asarray(tokens)[:, 1:], np.broadcast_to(last, (len(tokens), 1))], axis=1)


def _rolled(tokens, start):
    return np.roll(tokens, 1, axis=1)


def _down_the_batch(tokens, start):
    return np.concatenate([np.full((1, np.shape(tokens)[1]), start), np.asarray(tokens)[:-1]])


def _one_longer(tokens, start):
    return np.concatenate([np.full((len(tokens), 1), start), tokens], axis=1)


def _overwritten(tokens, start):
    inputs = np.array(tokens)
    inputs[:, 0] = start
    return inputs


def _start_is_one(tokens, start):
    return reference_inputs(tokens, 1)


_UNMOVED = (
    (_unshifted, "This is the mistake itself: position t reads token t, the one that it should predict."),
    (_rolled, "`roll` brings the last token round to the front. The first input must be the start token."),
    (_down_the_batch, "This shifts along the batch: a sentence reads its neighbour. Shift along the second axis."),
    (_overwritten, "Only the first position has changed; from the second on each still reads the token it predicts."),
)


def _verify_inputs(answer: Any) -> str | None:
    tokens = np.array([[5, 6, 7, 2], [8, 9, 2, 0], [6, 2, 0, 0]], np.int32)
    found = call(answer, tokens, 1)
    for wrong, reason in _UNMOVED:
        if array_close(found, wrong(tokens, 1), "It") is None:
            return reason
    fillings = (*range(5), tokens[:, :1], tokens[:, -1:])
    if any(array_close(found, _ahead(tokens, last), "It") is None for last in fillings):
        return "Shifted to the left, position t reads token t + 1: it sees the future. Shift to the right."
    if array_close(found, _one_longer(tokens, 1), "It") is None:
        return "It is one position too long: the last token predicts nothing more, so leave it out of the inputs."
    if reason := array_close(found, reference_inputs(tokens, 1), "The array of inputs"):
        return reason
    return array_close(call(answer, tokens[:2], 3), reference_inputs(tokens[:2], 3), "With another start token, it")


shifted_inputs = Exercise(
    name="Inputs that are not shifted",
    verify=_verify_inputs,
    reference=reference_inputs,
    wrong=[
        *((wrong, reason.split(".")[0]) for wrong, reason in _UNMOVED),
        (_ahead, "sees the future"),
        (lambda tokens, start: np.pad(np.asarray(tokens)[:, 1:], ((0, 0), (0, 1))), "sees the future"),
        (_one_longer, "one position too long"),
        (_start_is_one, "another start token"),
        (lambda tokens, start: np.asarray(tokens)[:, :-1], "shape (3, 3)"),
    ],
    hint="Token t is predicted from what stands before it. What should position 0 read, and which token is never read?",
    solution="""```python
def shifted_inputs(tokens, start):
    first = np.full((len(tokens), 1), start)
    return np.concatenate([first, tokens[:, :-1]], axis=1)
```
Unshifted, the answer stands in the input, and the network learns to copy it. A loss that falls far below what the
best baseline reaches is a reason to look for a leak, not to celebrate.""",
    expects="a function of `tokens` (B, T) and `start` that returns the inputs (B, T)",
)

# --- Exercise 3: both ends of a curve --------------------------------------------------------------------

_TIED = np.array([0.4, 0.4, 0.1, 0.1])


_TIE = "Cold is not certain here: two tokens tie for the largest logit, and share what there is."


def _is_zero_first(answer: Any) -> bool:
    try:
        pair = np.asarray(answer)
        return pair.shape == (2,) and pair.dtype.kind in "iuf" and abs(pair[0]) < 5e-3
    except Exception:  # whatever a learner may hand over; `array_close` says what it is
        return False


def _verify_ends(answer: Any) -> str | None:
    entropy = float(-(_TIED * np.log(_TIED)).sum())
    for wrong, reason in (
        ([np.log(4), np.log(2)], "The two ends are exchanged: first τ → 0, then τ → ∞."),
        ([1.0, 2.0], "These are bits. The course uses the natural logarithm."),
        ([2.0, 4.0], "These are the perplexities, the numbers of tokens left. The entropy is their logarithm."),
        ([np.log(2), entropy], "The second is the entropy at τ = 1. When τ grows on, all logits / τ tend to 0."),
        ([0.0, entropy], "Cold, two tokens tie for the largest logit; hot, all logits / τ tend to 0."),
    ):
        if array_close(answer, wrong, "It", 5e-3) is None:
            return reason
    if _is_zero_first(answer):
        return _TIE
    return array_close(answer, [np.log(2), np.log(4)], "The pair of entropies", 5e-3)


entropy_ends = Exercise(
    name="Both ends of the curve",
    verify=_verify_ends,
    reference=[float(np.log(2)), float(np.log(4))],
    wrong=[
        *(([0.0, hot], "share what there is") for hot in (float(np.log(4)), float("inf"), 2.0, 1.0)),
        ([float(np.log(4)), float(np.log(2))], "exchanged"),
        ([1.0, 2.0], "bits"),
        ([2.0, 4.0], "perplexities"),
        ([float(np.log(2)), 1.194], "at τ = 1"),
        ([0.0, 1.194], "tend to 0"),
        ([0.6931, 3.0], "index (1,)"),
        ([0.3, 1.3863], "index (0,)"),
        ([0.6931], "shape (1,)"),
        ([0.6931, float("inf")], "infinite"),
    ],
    hint="Which tokens have the largest logit? How many are there? And what is left of the logits when τ is huge?",
    solution="```python\nentropy_ends = [np.log(2), np.log(4)]\n```\nAs $\\tau \\to 0$ only the tokens with the "
    "largest logit keep probability. Here they are two, with one half each: $\\log 2$. As $\\tau \\to \\infty$ all "
    "four become equally probable: $\\log 4$. In between the entropy never falls.",
    expects="two numbers, the entropy for τ → 0 and for τ → ∞, in nats",
)

# --- Quiz --------------------------------------------------------------------------------------------

quiz_units = Question(
    "On the same sentences a model of characters has a perplexity of 2.8 per character, a model of words one of 35 "
    "per token. No word is unknown, and there are 4 characters to a token. Which model is better?",
    options={
        "a": "The model of characters: 2.8 is far below 35.",
        "b": "The model of words.",
        "c": "That cannot be said: perplexities of different tokens have no common unit.",
        "d": "The model of characters, since it needs fewer ids.",
    },
    right="b",
    explanations={
        "a": "2.8 choices at each of 4 characters are 2.8⁴ = 61 choices a token.",
        "b": "2.8⁴ = 61 is more than 35. Divide the same total by the same number, and the units are gone.",
        "c": "Both give the same sentences a total log-likelihood. Divide both totals by the number of words.",
        "d": "The size of the vocabulary is no merit. What counts is the likelihood of the same text.",
    },
)

quiz_cold = Question(
    "You lower the temperature from 1 to 0.5, and the samples' mean log-likelihood under the model rises above that "
    "of real sentences. What do you know?",
    options={
        "a": "The samples have become more like the data than before.",
        "b": "The model's perplexity has improved.",
        "c": "The samples are now more probable than typical sentences are, and probably less varied.",
        "d": "Exposure bias has been removed.",
    },
    right="c",
    explanations={
        "a": "A higher likelihood than the data's is a difference from them.",
        "b": "Perplexity is measured on held-out text at temperature 1. How you draw does not change it.",
        "c": "Drawing from sharpened steps raises likelihood and lowers entropy together. Report both.",
        "d": "Exposure bias concerns prefixes that the model wrote. A likelihood under the model does not measure it.",
    },
)

quiz_zero = Question(
    "From lesson 01: a model gives probability 0 to a sentence that the data hold. What are KL(p_data‖p_g) and the "
    "Jensen–Shannon divergence?",
    options={
        "a": "KL is infinite, JSD is at most log 2.",
        "b": "Both are infinite.",
        "c": "KL is at most log 2, JSD is infinite.",
        "d": "Both are finite, as long as the sentence is rare.",
    },
    right="a",
    explanations={
        "a": "log(p/0) is infinite, however rare the sentence; JSD compares with ½(p + q), which is above 0 there.",
        "b": "JSD compares each with the mixture ½(p + q). That is 0 only where both are.",
        "c": "It is the other way round: the mixture in JSD bounds it by log 2.",
        "d": "p · log(p/0) is infinite for every p above 0. So an n-gram needs smoothing.",
    },
)
