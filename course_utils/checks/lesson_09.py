"""Exercises and quiz of lesson 09: the surrogate of REINFORCE, its mended baseline, and a variance that is a power."""

from __future__ import annotations

from typing import Any

from course_utils.checks import reinforce_answers as losses
from course_utils.checks.compare import array_close, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: the surrogate -------------------------------------------------------------------------


def _verify_surrogate(answer: Any) -> str | None:
    reason = losses.compare_gradients(answer, losses.SURROGATE_MISTAKES, losses.surrogate)
    return reason or losses.runs_compiled(answer)


surrogate = Exercise(
    name="The surrogate of REINFORCE",
    verify=_verify_surrogate,
    reference=losses.surrogate,
    wrong=[
        (losses.risen, "The sign"),
        (losses.summed, "n times"),
        (losses.word_mean, "not their mean"),
        (losses.risen_sum, "not a sum"),
        (losses.risen_word_mean, "Two things: the sign"),
        (losses.one_less, "not by n − 1"),
        (losses.no_rewards, "no influence"),
        (losses.probabilities, "without `exp`"),
        (losses.with_mean, "without a baseline"),
        (losses.times(losses.surrogate, lambda n, words: n / 4), "4 sentences only"),
        (losses.times(losses.surrogate, lambda n, words: n / (words + 1)), "4 sentences only"),
        (lambda log_probs, rewards: losses.surrogate(log_probs, rewards.numpy()), "compiled graph"),
        (lambda log_probs, rewards: 1.0, "No gradient"),
        (lambda log_probs, rewards: log_probs * rewards[:, None], "Average over the batch"),
    ],
    hint="`tf.reduce_sum(log_probs, axis=1)` is $\\log p(x_i)$, (B,). Which product, which mean, which sign?",
    solution="""```python
def surrogate(log_probs, rewards):
    return -tf.reduce_mean(tf.stop_gradient(rewards) * tf.reduce_sum(log_probs, axis=1))
```
Its gradient is −(1/n) Σ r(xᵢ) ∇log p(xᵢ): minus line (3), because an optimiser goes down. `stop_gradient` says that
the rewards are numbers here, also if a network made them.""",
    expects="a function of `log_probs` (B, T) and `rewards` (B,) that returns a scalar tensor",
)

# --- Exercise 2: the mended loss -----------------------------------------------------------------------


def _verify_mended(answer: Any) -> str | None:
    if reason := losses.compare_gradients(answer, losses.MENDED_MISTAKES, losses.mended):
        return reason
    linked = losses.differentiate(answer, linked=True)
    if array_close(linked, losses.differentiate(losses.mended), losses.WHAT):
        return "The rewards still carry a gradient of their own: where does it have to be stopped?"
    return losses.runs_compiled(answer)


mended = Exercise(
    name="The baseline that contains its own sentence, and the reward that is not stopped",
    verify=_verify_mended,
    reference=losses.mended,
    wrong=[
        (losses.colleague, "own reward is in its baseline"),
        (losses.only_stopped, "own reward is in its baseline"),
        (losses.only_others, "carry a gradient"),
        (losses.wrong_way, "wrong way round"),
        (losses.surrogate, "baseline is gone"),
        (losses.summed_mended, "n times too large"),
        (losses.both_ways, "use one of them"),
        (losses.own_left_in, "out of the sum first"),
        (losses.times(losses.mended, lambda n, words: n / 4), "4 sentences only"),
        (losses.times(losses.mended, lambda n, words: (n - 1) / words), "4 sentences only"),
        (lambda log_probs, rewards: losses.mended(log_probs, rewards.numpy()), "compiled graph"),
        (lambda log_probs, rewards: losses.mended(0 * log_probs.numpy(), rewards), "No gradient"),
        (lambda log_probs, rewards: -losses.mended(log_probs, rewards), "wrong sign"),
        (lambda log_probs, rewards: 2 * losses.mended(log_probs, rewards), "twice"),
    ],
    hint="`tf.stop_gradient(rewards)` first. Then: what is the mean of the *other* n − 1 rewards?",
    solution="""```python
def mended(log_probs, rewards):
    rewards = tf.stop_gradient(rewards)
    others = (tf.reduce_sum(rewards) - rewards) / (rewards.shape[0] - 1)
    return -tf.reduce_mean((rewards - others) * tf.reduce_sum(log_probs, axis=1))
```
Not stopped, the rewards add the term log p · ∇r to the gradient, which estimates nothing that anybody wants. The factor
n/(n − 1) on the batch mean's advantages does the same as leaving one out. Adam hides that factor at n = 64; the
stray gradient through the rewards it does not hide.""",
    expects="a function of `log_probs` (B, T) and `rewards` (B,) that returns a scalar tensor",
)

# --- Exercise 3: the power of the temperature --------------------------------------------------------------


def _verify_power(answer: Any) -> str | None:
    for low, high, reason in (
        (-2.001, -1.999, "1/τ² is the size of a large slope squared. But how often is y(1 − y) not almost 0?"),
        (-0.501, -0.499, "That is the power of the standard deviation. The variance is its square."),
        (-0.001, 0.001, "The mean of the slopes tends to a constant. The variance does not: a few become huge."),
        (0.001, 1e6, "The variance grows as τ falls: the power is negative."),
        (-1e6, -1.001, "Multiply: how often the slope is not nearly 0 (about τ), times the square of its size (1/τ²)."),
    ):
        if numbers_close(answer, (low + high) / 2, (high - low) / 2, "It") is None:
            return reason
    return numbers_close(answer, -1.0, 1e-3, "The power")


power = Exercise(
    name="Variance against temperature",
    verify=_verify_power,
    reference=-1.0,
    wrong=[
        (-2.0, "how often"),
        (-0.5, "standard deviation"),
        (0.5, "negative"),
        (0.0, "few become"),
        (-4.0, "Multiply"),
    ],
    hint="The slope is not near 0 only if a + L is within a few τ of 0. How probable is that? How large is it then?",
    solution="""```python
power = -1.0
```
With the probability of about τ f(−a) times a constant the slope is of size 1/τ, else nearly 0. So the mean is about
τ · 1/τ = 1 times a constant, and the mean square τ · 1/τ² = 1/τ. In full: with u = (a + L)/τ the mean square is
(1/τ) ∫ (σ(u)σ(−u))² f(τu − a) du, which tends to f(−a)/(6τ).""",
    expects="a number",
)

# --- Quiz --------------------------------------------------------------------------------------------------

quiz_baseline = Question(
    "You subtract from each sentence's reward the guess of a network that has read the *whole* sentence, and the guess "
    "is very good. What happens to REINFORCE's gradient?",
    options={
        "a": "It keeps its mean and loses nearly all variance.",
        "b": "It is nearly 0: the guess depends on the words it is subtracted for.",
        "c": "Only its length changes, by (n − 1)/n.",
    },
    right="b",
    explanations={
        "a": "A guess from the words *before* keeps the mean, and saves only part of the variance. Line (4) needs a "
        "baseline that the word leaves alone.",
        "b": "With b(x) = r(x) the advantages are 0, and so is every estimate. No variance, and all bias.",
        "c": "That is the batch mean, which holds only a share 1/n of the sentence's own reward.",
    },
)

quiz_sizes = Question(
    "From a batch of 16 sentences straight-through is nearer to the exact gradient than leave one out. You can afford "
    "16,000 sentences a step. Which do you take, if only the distance to the exact gradient counts?",
    options={
        "a": "Straight-through: what is better from 16 stays better.",
        "b": "Leave one out: its error falls like 1/√N, the other's stops at its bias.",
        "c": "Gumbel-softmax at τ = 5: it has the smallest spread of all.",
        "d": "No matter: with so many sentences both are exact.",
    },
    right="b",
    explanations={
        "a": "From 16 the spread decides. More sentences remove the spread and leave the bias.",
        "b": "A thousand times as many sentences make its spread 32 times smaller.",
        "c": "Its spread was no problem even from 16. Its bias is nearly the whole gradient.",
        "d": "A mean of many biased estimates is still biased.",
    },
)

quiz_logit = Question(
    "From lesson 01: a discriminator close to the best one gives a sentence the logit 2. What does that say?",
    options={
        "a": "The sentence is real with the probability 2/(1 + 2).",
        "b": "The data contain this sentence e² = 7.4 times as often as the generator writes it.",
        "c": "The sentence is twice as probable under the data as under the generator.",
        "d": "The Jensen–Shannon divergence is 2 nats.",
    },
    right="b",
    explanations={
        "a": "D = σ(2) = 0.88: a logit goes through the sigmoid, not through z/(1 + z).",
        "b": "D* = p/(p + q), so its logit is log(D*/(1 − D*)) = log p/q = 2.",
        "c": "The logit is the *logarithm* of the ratio.",
        "d": "The divergence is a mean over all sentences, and at most log 2. A logit belongs to one sentence.",
    },
)
