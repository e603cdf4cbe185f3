"""Lesson 09's right and wrong losses of REINFORCE, and what the gradient of an answer says about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_utils.checks.compare import AnswerError, array_close, call, numbers_close

# TensorFlow is imported where it is used: `import course_utils.checks` must stay light.

WHAT = "The gradient in `log_probs`"
# Two sizes, so that no number of one of them can stand in an answer. Each: log_probs (B, T), rewards (B,).
CASES = (
    ([[-1.0, -0.25, -2.0], [-0.5, -1.5, -0.125], [-3.0, -0.75, -0.5], [-0.25, -2.5, -1.0]], [2.0, -1.0, 0.5, 3.0]),
    ([[-1.5, -0.5], [-0.25, -2.0], [-1.0, -0.75], [-0.125, -3.0], [-2.5, -1.25]], [-2.0, 1.0, 4.0, 0.5, -0.25]),
)


def differentiate(function: Callable, case: tuple = CASES[0], *, linked: bool = False) -> Any:
    """Return the gradient of a loss in the log-probabilities, (B, T).

    Args:
        function: the learner's loss of ``log_probs`` (B, T) and ``rewards`` (B,).
        case: one of `CASES`.
        linked: compute the rewards from the log-probabilities, so a reward that is not held constant shows.

    Returns:
        A tensor of shape (B, T).

    Raises:
        AnswerError: if the loss is not one number, or does not depend on the log-probabilities.

    Example:
        >>> differentiate(surrogate).shape
        TensorShape([4, 3])
    """
    import tensorflow as tf

    log_probs = tf.constant(case[0])
    with tf.GradientTape() as tape:
        tape.watch(log_probs)
        rewards = tf.constant(case[1])
        if linked:
            rewards += tf.reduce_sum(log_probs - tf.stop_gradient(log_probs), axis=1)
        loss = call(function, log_probs, rewards)
        if reason := _one_number(loss):
            raise AnswerError(reason)
    gradient = tape.gradient(loss, log_probs) if tf.is_tensor(loss) and loss.dtype.is_floating else None
    if gradient is None:
        raise AnswerError("No gradient reaches `log_probs`. Compute the loss from it, with TensorFlow's functions.")
    return tf.convert_to_tensor(gradient)


def _one_number(loss: Any) -> str | None:
    """Return a reason unless the loss is one finite number."""
    reason = numbers_close(loss, 0.0, float("inf"), "The loss")
    return reason if reason is None or "should be one number" not in reason else f"{reason} Average over the batch."


def compare_gradients(answer: Callable, mistakes: tuple, reference: Callable) -> str | None:
    """Say what is wrong with a loss by its gradient, on both `CASES`.

    Args:
        answer: the learner's loss.
        mistakes: pairs of a wrong loss and its reason.
        reference: the right loss.

    Returns:
        None if right, else the reason.

    Raises:
        AnswerError: if an answer raises, or gives no gradient.

    Example:
        >>> compare_gradients(colleague, MENDED_MISTAKES, mended)
        "Its length is still (n − 1)/n of the right one: a sentence's own reward is in its baseline."
    """
    first = differentiate(answer)
    if wrong := array_close(first, differentiate(reference), WHAT):
        made = [(loss, reason) for loss, reason in mistakes if not array_close(first, differentiate(loss), WHAT)]
        if len(made) > 1:  # two mistakes may give the same numbers in one size; the other size tells them apart
            second = differentiate(answer, CASES[1])
            made.sort(key=lambda one: array_close(second, differentiate(one[0], CASES[1]), WHAT) is not None)
        return made[0][1] if made else wrong
    if array_close(differentiate(answer, CASES[1]), differentiate(reference, CASES[1]), WHAT):
        return "It is right for 4 sentences only: take n from `rewards.shape[0]`."
    return None


def runs_compiled(answer: Callable) -> str | None:
    """Say what to leave out of a right loss that cannot be traced.

    Args:
        answer: the learner's loss.

    Returns:
        None if it runs in a compiled graph, else the reason.

    Example:
        >>> runs_compiled(lambda log_probs, rewards: rewards.numpy().sum())[:40]
        'It must also run in a compiled graph: no'
    """
    import tensorflow as tf

    # Without AutoGraph, which would write warnings below a cell for answers whose source it cannot read.
    compiled = tf.function(lambda log_probs, rewards: answer(log_probs, rewards), autograph=False)
    try:
        compiled.get_concrete_function(*(tf.TensorSpec(tf.constant(part).shape) for part in CASES[0]))
    except Exception:  # whatever a learner's function may raise
        return (
            "It must also run in a compiled graph: no `.numpy()`, no `for` over a tensor "
            "(and `rewards.shape[0]` for `len(rewards)`)."
        )
    return None


# --- Exercise 1 ------------------------------------------------------------------------------------------


def surrogate(log_probs, rewards):
    """Return −mean over the batch of r Σ_t log p."""
    import tensorflow as tf

    return -tf.reduce_mean(tf.stop_gradient(rewards) * tf.reduce_sum(log_probs, axis=1))


def times(loss: Callable, factor: Callable) -> Callable:
    """Return a loss that is wrong by a factor of B and T.

    Args:
        loss: a loss of ``log_probs`` (B, T) and ``rewards`` (B,).
        factor: the factor, from the numbers of sentences and of words.

    Returns:
        The wrong loss.

    Example:
        >>> wrong = times(surrogate, lambda sentences, words: -sentences)  # the sum of r Σ_t log p, without the minus
        >>> float(differentiate(wrong)[0, 0])  # the reward of the first sentence
        2.0
    """

    def wrong(log_probs, rewards):
        return factor(*log_probs.shape) * loss(log_probs, rewards)

    return wrong


risen = times(surrogate, lambda n, words: -1)
summed = times(surrogate, lambda n, words: n)
word_mean = times(surrogate, lambda n, words: 1 / words)
risen_sum = times(surrogate, lambda n, words: -n)
risen_word_mean = times(surrogate, lambda n, words: -1 / words)
summed_word_mean = times(surrogate, lambda n, words: n / words)
one_less = times(surrogate, lambda n, words: n / (n - 1))


def no_rewards(log_probs, rewards):
    return surrogate(log_probs, [1.0] * log_probs.shape[0])


def probabilities(log_probs, rewards):
    import tensorflow as tf

    return -tf.reduce_mean(tf.stop_gradient(rewards) * tf.exp(tf.reduce_sum(log_probs, axis=1)))


def with_mean(log_probs, rewards):
    import tensorflow as tf

    return surrogate(log_probs, rewards - tf.reduce_mean(rewards))


SURROGATE_MISTAKES = (
    (risen, "The sign: this is minimised, and its gradient leads away from the rewards."),
    (summed, "It is n times too large: line (3) is a mean over the n sentences, not a sum."),
    (word_mean, "A sentence's log-probability is the sum over its words, not their mean."),
    (
        risen_sum,
        "Two things: the sign, since this is minimised; and line (3) is a mean over the n sentences, not a sum.",
    ),
    (
        risen_word_mean,
        "Two things: the sign, since this is minimised; and a sentence's log-probability is the sum over its words.",
    ),
    (
        summed_word_mean,
        "Two things: line (3) is a mean over the n sentences; and log p of a sentence is the sum over its words.",
    ),
    (one_less, "Divide by n, not by n − 1: line (3) is a plain mean. n − 1 belongs to the baseline, which comes next."),
    (no_rewards, "The rewards have no influence: without them this is the negative log-likelihood."),
    (probabilities, "That differentiates p itself. Line (3) has the gradient of log p, without `exp`."),
    (with_mean, "You took the batch mean off the rewards. That comes next; here without a baseline."),
)

# --- Exercise 2 ------------------------------------------------------------------------------------------


def _with_baseline(log_probs, rewards, baseline: Callable):
    import tensorflow as tf

    advantages = rewards - baseline(tf.reduce_sum(rewards), rewards, rewards.shape[0])
    return -tf.reduce_mean(advantages * tf.reduce_sum(log_probs, axis=1))


def only_others(log_probs, rewards):
    return _with_baseline(log_probs, rewards, lambda total, own, n: (total - own) / (n - 1))


def mended(log_probs, rewards):
    """Return the surrogate with the leave-one-out baseline; nothing flows through the rewards."""
    import tensorflow as tf

    return only_others(log_probs, tf.stop_gradient(rewards))


def colleague(log_probs, rewards):
    return _with_baseline(log_probs, rewards, lambda total, own, n: total / n)


def only_stopped(log_probs, rewards):
    import tensorflow as tf

    return colleague(log_probs, tf.stop_gradient(rewards))


def own_left_in(log_probs, rewards):
    return _with_baseline(log_probs, rewards, lambda total, own, n: total / (n - 1))


wrong_way = times(mended, lambda n, words: ((n - 1) / n) ** 2)
summed_mended = times(mended, lambda n, words: n)
both_ways = times(mended, lambda n, words: n / (n - 1))

MENDED_MISTAKES = (
    (only_stopped, "Its length is still (n − 1)/n of the right one: a sentence's own reward is in its baseline."),
    (surrogate, "The baseline is gone. Keep one, but one without the sentence's own reward."),
    (wrong_way, "That factor is the wrong way round: the estimate was too short, so n/(n − 1), not (n − 1)/n."),
    (summed_mended, "It is n times too large: average over the batch."),
    (both_ways, "Leaving one out and n/(n − 1) do the same thing: use one of them."),
    (own_left_in, "Divide by n − 1, but take the sentence's own reward out of the sum first."),
)
