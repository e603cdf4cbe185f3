"""Lesson 12's right and wrong ways to make rewards from logits and from ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from course_utils.checks.compare import array_close, call

# --- Exercise 1: MaliGAN's weights ------------------------------------------------------------------------


def mali_weights(logits):
    """Return B · softmax − 1, (B,), of logits (B,).

    Example:
        >>> mali_weights(np.log([1.0, 1.0, 2.0])).round(2)
        array([-0.25, -0.25,  0.5 ])
    """
    return len(logits) * special.softmax(logits) - 1


def probabilities(logits):
    return special.expit(logits)


def centred_probabilities(logits):
    return special.expit(logits) - special.expit(logits).mean()


def normalised_probabilities(logits):
    return len(logits) * special.expit(logits) / special.expit(logits).sum() - 1


def powers(logits):
    return np.exp(logits)


def centred_powers(logits):
    return np.exp(logits) - np.exp(logits).mean()


def softmax_alone(logits):
    return special.softmax(logits)


def without_baseline(logits):
    return len(logits) * special.softmax(logits)


def of_sum_one(logits):
    return special.softmax(logits) - 1 / len(logits)


def one_from_each(logits):
    return special.softmax(logits) - 1


def against_real(logits):
    return len(logits) * special.softmax(-logits) - 1


def overflowing(logits):
    ratios = np.exp(logits)
    return len(logits) * ratios / ratios.sum() - 1


MALI_MISTAKES = (
    (probabilities, "These are D. The ratio D/(1 − D) is wanted: of a logit f it is exp(f)."),
    (centred_probabilities, "This is D less its mean. The ratio D/(1 − D) is wanted: of a logit f it is exp(f)."),
    (normalised_probabilities, "You normalised D. Normalise the ratio D/(1 − D), which is exp(f)."),
    (powers, "The ratios are right, but not normalised: divide by their sum, multiply by B, take 1 off."),
    (centred_powers, "Less their mean, but not divided by it: a constant added to all logits would change the result."),
    (softmax_alone, "These weights have the sum 1. Multiply by B, so that their mean is 1, and take the baseline off."),
    (without_baseline, "The mean is 1. Take 1 off: without a baseline every drawn sentence is pushed up."),
    (of_sum_one, "B times too small: multiply the softmax by B before you take 1 off."),
    (one_from_each, "Beside weights of the sum 1 a baseline of 1 is too much: every sentence is pushed down."),
    (against_real, "The wrong way round: sentences that look real should get the large weights."),
)


def compare_mali(answer: Callable) -> str | None:
    """Say what is wrong with a learner's MaliGAN weights, or return None.

    Raises:
        AnswerError: if the answer raises.

    Example:
        >>> compare_mali(powers)
        'The ratios are right, but not normalised: divide by their sum, multiply by B, take 1 off.'
    """
    return _compare(answer, mali_weights, MALI_MISTAKES, _MALI_CASES, "The result") or _large_logits(answer)


_MALI_CASES = ((np.array([0.3, -1.2, 2.0, 0.1]),), (np.array([-3.0, -2.5, -4.2, -3.3, -2.0, -3.1]),))


def _large_logits(answer: Callable) -> str | None:
    with np.errstate(all="ignore"):
        found = call(answer, np.array([800.0, 799.0, 790.0]))
    if array_close(found, mali_weights(np.array([800.0, 799.0, 790.0])), "The result"):
        return "With logits of 800 it overflows: exp(800) is infinite. Take the largest off first, or use a softmax."
    return None


# --- Exercise 2: rescaled by rank ---------------------------------------------------------------------------


def _ranks(rewards):  # 1 for the largest
    return np.argsort(np.argsort(-np.asarray(rewards))) + 1


def rescaled(rewards, delta):
    """Return σ(δ · (½ − rank/B)), rank 1 the largest, (B,).

    Example:
        >>> rescaled(np.array([0.1, 0.9]), delta=2.0).round(3)
        array([0.269, 0.5  ])
    """
    return special.expit(delta * (0.5 - _ranks(rewards) / len(rewards)))


def ranks_reversed(rewards, delta):
    return special.expit(delta * (0.5 - _ranks(-np.asarray(rewards)) / len(rewards)))


def ranks_from_zero(rewards, delta):
    return special.expit(delta * (0.5 - (_ranks(rewards) - 1) / len(rewards)))


def one_argsort(rewards, delta):
    return special.expit(delta * (0.5 - (np.argsort(-np.asarray(rewards)) + 1) / len(rewards)))


def one_argsort_from_zero(rewards, delta):
    return special.expit(delta * (0.5 - np.argsort(-np.asarray(rewards)) / len(rewards)))


def one_argsort_reversed(rewards, delta):
    return special.expit(delta * (0.5 - (np.argsort(rewards) + 1) / len(rewards)))


def sorted_rewards(rewards, delta):
    return special.expit(delta * (0.5 - np.arange(1, len(rewards) + 1) / len(rewards)))


def without_sigmoid(rewards, delta):
    return delta * (0.5 - _ranks(rewards) / len(rewards))


def without_delta(rewards, delta):
    return special.expit(0.5 - _ranks(rewards) / len(rewards))


def without_batch(rewards, delta):
    return special.expit(delta * (0.5 - _ranks(rewards)))


def of_rewards(rewards, delta):
    return special.expit(delta * (0.5 - np.asarray(rewards)))


_PLACES = (
    "One `argsort` gives the places of the sorted rewards, not their ranks: rewards went to other sentences. Apply it "
    "to its own result once more."
)
RANK_MISTAKES = (
    (ranks_reversed, "The worst sentence gets the largest reward: rank 1 is the *largest*."),
    (ranks_from_zero, "Ranks begin with 1, and NumPy counts from 0."),
    (one_argsort, _PLACES),
    (one_argsort_from_zero, _PLACES),
    (one_argsort_reversed, _PLACES),
    (sorted_rewards, "These are the rewards of a sorted batch. Each should stand where its sentence stands."),
    (without_sigmoid, "The logistic function is missing."),
    (without_delta, "δ is missing: it multiplies the bracket."),
    (without_batch, "Divide the rank by B, the number of sentences."),
    (of_rewards, "This uses the rewards themselves. Only their ranks count."),
)
_RANK_CASES = ((np.array([0.45, 0.55, 0.25, 0.65, 0.35]), 12.0), (np.array([0.85, 0.05, 0.55, 0.45]), 5.0))


def compare_rescaled(answer: Callable) -> str | None:
    """Say what is wrong with a learner's rewards by rank, or return None.

    Raises:
        AnswerError: if the answer raises.

    Example:
        >>> compare_rescaled(without_sigmoid)
        'The logistic function is missing.'
    """
    return _compare(answer, rescaled, RANK_MISTAKES, _RANK_CASES, "The result")


def _compare(answer: Callable, reference: Callable, mistakes: tuple, cases: tuple, what: str) -> str | None:
    for n, case in enumerate(cases):
        found = call(answer, *case)
        if wrong := array_close(found, reference(*case), what):
            made = (words for mistake, words in mistakes if not array_close(found, mistake(*case), what))
            return next(made, wrong) if n == 0 else "It is right for one batch only: take sizes from the arguments."
    return None
