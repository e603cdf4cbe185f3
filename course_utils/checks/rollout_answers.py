"""Lesson 11's right and wrong ways from the scores of completions to the rewards of tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_utils.checks.compare import array_close, call

# TensorFlow is imported where it is used: `import course_utils.checks` must stay light.

WHAT = "The rewards"
SWAPPED = (
    "The shape is right, but sentences get one another's rewards: `tf.reshape` keeps the order in memory and only cuts "
    "it anew. Swapping axes takes `tf.transpose`."
)


def cases() -> list[tuple[Any, Any]]:
    """Return two pairs of scores (T − 1, N, B) and whole (B,), in which no two numbers are equal.

    The two have different sizes, so that no number of one of them can stand in an answer.

    Example:
        >>> [(scores.shape, whole.shape) for scores, whole in cases()]
        [(TensorShape([3, 2, 5]), TensorShape([5])), (TensorShape([2, 4, 3]), TensorShape([3]))]
    """
    import numpy as np
    import tensorflow as tf

    random, made = np.random.default_rng(0), []
    for shape in ((3, 2, 5), (2, 4, 3)):
        numbers = random.permutation(200)[: np.prod(shape) + shape[2]] / 200
        scores, whole = numbers[: -shape[2]].reshape(shape), numbers[-shape[2] :]
        made.append((tf.constant(scores, tf.float32), tf.constant(whole, tf.float32)))
    return made


def compare_rewards(answer: Callable, mistakes: tuple, reference: Callable, given: list[tuple]) -> str | None:
    """Say what is wrong with a function that gives each token its reward.

    Args:
        answer: the learner's function.
        mistakes: pairs of a wrong function and its reason.
        reference: the right function.
        given: the arguments of two calls, of different sizes.

    Returns:
        None if right, else the reason.

    Raises:
        AnswerError: if an answer raises.

    Example:
        >>> compare_rewards(sums, TOKEN_MISTAKES, token_rewards, cases())
        'A reward is the mean over the N completions, not their sum.'
    """
    first, second = given
    found = call(answer, *first)
    if wrong := array_close(found, reference(*first), WHAT):
        made = (reason for mistake, reason in mistakes if not array_close(found, mistake(*first), WHAT))
        return next(made, wrong)
    if array_close(call(answer, *second), reference(*second), WHAT):
        return "It is right for one size only: take sizes from the arguments, such as `whole.shape[0]`."
    return _runs_compiled(answer, first)


def _runs_compiled(answer: Callable, given: tuple) -> str | None:
    """Say what to leave out of a right function that cannot be traced."""
    import tensorflow as tf

    specs = [tf.TensorSpec(one.shape, one.dtype) if tf.is_tensor(one) else one for one in given]
    # Without AutoGraph, which would write warnings below a cell for answers whose source it cannot read.
    compiled = tf.function(lambda *arguments: tf.convert_to_tensor(answer(*arguments)), autograph=False)
    try:
        compiled.get_concrete_function(*specs)
    except Exception:  # whatever a learner's function may raise
        return "It must also run in a compiled graph: only TensorFlow's functions, no `.numpy()` and no NumPy."
    return None


# --- Exercise 1: from scores (T − 1, N, B) and whole (B,) to rewards (B, T) -----------------------------------


def token_rewards(scores, whole):
    """Return the mean score of each prefix's completions, and for the last token the sentence's own, (B, T)."""
    import tensorflow as tf

    return tf.transpose(tf.concat([tf.reduce_mean(scores, axis=1), whole[None]], axis=0))


def sums(scores, whole):
    import tensorflow as tf

    return tf.transpose(tf.concat([tf.reduce_sum(scores, axis=1), whole[None]], axis=0))


def best_completion(scores, whole):
    import tensorflow as tf

    return tf.transpose(tf.concat([tf.reduce_max(scores, axis=1), whole[None]], axis=0))


def first_completion(scores, whole):
    import tensorflow as tf

    return tf.transpose(tf.concat([scores[:, 0], whole[None]], axis=0))


def whole_first(scores, whole):
    import tensorflow as tf

    return tf.transpose(tf.concat([whole[None], tf.reduce_mean(scores, axis=1)], axis=0))


def without_last(scores, whole):
    import tensorflow as tf

    return tf.transpose(tf.reduce_mean(scores, axis=1))


def not_transposed(scores, whole):
    import tensorflow as tf

    return tf.concat([tf.reduce_mean(scores, axis=1), whole[None]], axis=0)


def reshaped(scores, whole):
    import tensorflow as tf

    return tf.reshape(not_transposed(scores, whole), (whole.shape[0], -1))


def to_go(scores, whole):
    import tensorflow as tf

    return tf.cumsum(token_rewards(scores, whole), axis=1, reverse=True)


def centred(scores, whole):
    import tensorflow as tf

    right = token_rewards(scores, whole)
    return right - tf.reduce_mean(right, axis=0)


def whole_only(scores, whole):
    import tensorflow as tf

    return tf.repeat(whole[:, None], scores.shape[0] + 1, axis=1)


TOKEN_MISTAKES = (
    (sums, "A reward is the mean over the N completions, not their sum."),
    (best_completion, "That is the best of the N completions. Q is a mean: it says what to expect after this word."),
    (first_completion, "You used one completion of the N. Average over axis 1."),
    (
        whole_first,
        "Off by one: `scores[0]` belongs to prefixes of *one* word, so to the first word. The finished sentence's own "
        "score belongs to the last word.",
    ),
    (without_last, "The last word is missing: after it nothing is left to complete, so its reward is `whole`."),
    (not_transposed, "These are (T, B): a row for each place. The rewards should be (B, T), a row for each sentence."),
    (reshaped, SWAPPED),
    (to_go, "Do not sum over later words: the value of a prefix already contains what follows it."),
    (centred, "You took the mean over the batch off. That is a baseline, which comes later; here the plain Q."),
    (whole_only, "Every word gets the finished sentence's score. Use the completions for all words but the last."),
)

# --- Exercise 2: from flat scores ((T − 1)·N·B,) ------------------------------------------------------------


def mended(flat, whole, n_rollouts):
    """Return the rewards (B, T) from scores in the order prefix, rollout, sentence."""
    import tensorflow as tf

    return token_rewards(tf.reshape(flat, (-1, n_rollouts, whole.shape[0])), whole)


def colleague(flat, whole, n_rollouts):
    import tensorflow as tf

    prefixes = tf.reduce_mean(tf.reshape(flat, (whole.shape[0], n_rollouts, -1)), axis=1)
    return tf.concat([prefixes, whole[:, None]], axis=1)


def rollouts_last(flat, whole, n_rollouts):
    import tensorflow as tf

    prefixes = tf.reduce_mean(tf.reshape(flat, (-1, whole.shape[0], n_rollouts)), axis=2)
    return tf.transpose(tf.concat([prefixes, whole[None]], axis=0))


def rollouts_first(flat, whole, n_rollouts):
    import tensorflow as tf

    prefixes = tf.reduce_mean(tf.reshape(flat, (n_rollouts, -1, whole.shape[0])), axis=0)
    return tf.transpose(tf.concat([prefixes, whole[None]], axis=0))


def sentences_first(flat, whole, n_rollouts):
    import tensorflow as tf

    prefixes = tf.reduce_mean(tf.reshape(flat, (whole.shape[0], -1, n_rollouts)), axis=2)
    return tf.concat([prefixes, whole[:, None]], axis=1)


def cut_anew(flat, whole, n_rollouts):
    import tensorflow as tf

    prefixes = tf.reduce_mean(tf.reshape(flat, (-1, n_rollouts, whole.shape[0])), axis=1)
    return tf.concat([tf.reshape(prefixes, (whole.shape[0], -1)), whole[:, None]], axis=1)


def transposed(flat, whole, n_rollouts):
    import tensorflow as tf

    return tf.transpose(mended(flat, whole, n_rollouts))


_STILL = "Sentences still get one another's rewards. In which order do the scores lie in `flat`?"
MENDED_MISTAKES = (
    (colleague, _STILL),
    (sentences_first, _STILL),
    (rollouts_last, "The sentences vary fastest in `flat`, so they are the *last* axis, and the rollouts before them."),
    (rollouts_first, "The prefixes vary slowest in `flat`, so they are the *first* axis, and the rollouts after them."),
    (cut_anew, SWAPPED),
    (transposed, "These are (T, B): a row for each place. The rewards should be (B, T), a row for each sentence."),
)


def flat_cases() -> list[tuple]:
    """Return the arguments of `mended` for both `cases`.

    Example:
        >>> [(flat.shape, whole.shape, n) for flat, whole, n in flat_cases()]
        [(TensorShape([30]), TensorShape([5]), 2), (TensorShape([24]), TensorShape([3]), 4)]
    """
    import tensorflow as tf

    return [(tf.reshape(scores, (-1,)), whole, scores.shape[1]) for scores, whole in cases()]
