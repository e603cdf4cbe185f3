"""Exercises and quiz of lesson 11: rewards from rollouts, a reshape that misplaces them, and a constant reward."""

from __future__ import annotations

from typing import Any

from course_utils.checks import rollout_answers as rewards
from course_utils.checks.compare import describe, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: which score is whose reward ------------------------------------------------------------

token_rewards = Exercise(
    name="From the scores of completions to the rewards of words",
    verify=lambda answer: rewards.compare_rewards(
        answer, rewards.TOKEN_MISTAKES, rewards.token_rewards, rewards.cases()
    ),
    reference=rewards.token_rewards,
    wrong=[
        (rewards.sums, "mean over the N"),
        (rewards.best_completion, "best of the N"),
        (rewards.first_completion, "one completion of the N"),
        (rewards.whole_first, "Off by one"),
        (rewards.without_last, "last word is missing"),
        (rewards.not_transposed, "should be (B, T)"),
        (rewards.reshaped, "one another's rewards"),
        (rewards.to_go, "Do not sum"),
        (rewards.centred, "baseline"),
        (rewards.whole_only, "Use the completions"),
        (lambda scores, whole: rewards.token_rewards(scores, whole) * scores.shape[1] / 2, "one size only"),
        (lambda scores, whole: rewards.token_rewards(scores, whole).numpy(), "compiled graph"),
        (lambda scores, whole: 2 * rewards.token_rewards(scores, whole), "twice"),
    ],
    hint="`tf.reduce_mean(scores, axis=1)` is (T − 1, B), a row for each length of prefix: 1, 2, … T − 1. Which row is "
    "missing to make T? Then swap the axes.",
    solution="""```python
def token_rewards(scores, whole):
    return tf.transpose(tf.concat([tf.reduce_mean(scores, axis=1), whole[None]], axis=0))
```
`scores[t - 1]` belongs to completions of the first t words, so it is the value of having chosen word t. The last word
leaves nothing to complete: its value is the score of the sentence itself.""",
    expects="a function of `scores` (T − 1, N, B) and `whole` (B,) that returns a tensor (B, T)",
)

# --- Exercise 2: the reshape ----------------------------------------------------------------------------

mended = Exercise(
    name="Rewards that went to other sentences",
    verify=lambda answer: rewards.compare_rewards(
        answer, rewards.MENDED_MISTAKES, rewards.mended, rewards.flat_cases()
    ),
    reference=rewards.mended,
    wrong=[
        (rewards.colleague, "In which order"),
        (rewards.sentences_first, "In which order"),
        (rewards.rollouts_last, "sentences vary fastest"),
        (rewards.rollouts_first, "prefixes vary slowest"),
        (rewards.cut_anew, "takes `tf.transpose`"),
        (rewards.transposed, "should be (B, T)"),
        (lambda flat, whole, n: rewards.mended(flat, whole, 2), "one size only"),
        (lambda flat, whole, n: rewards.mended(flat, whole, n).numpy(), "compiled graph"),
    ],
    hint="`completed` is (T − 1, N, B, T), and `tf.reshape(completed, (-1, T))` keeps its order: which of the first "
    "three axes varies fastest? Cut `flat` along the same axes; exercise 1 does the rest.",
    solution="""```python
def mended(flat, whole, n_rollouts):
    return token_rewards(tf.reshape(flat, (-1, n_rollouts, whole.shape[0])), whole)
```
`tf.reshape` never moves a number. `flat` holds all sentences for the first completion of the first prefix, then all
sentences for the second completion, and so on. Read as (B, N, T − 1) the shape is right, the mean is right, and so
is every curve that prints a mean. A test that catches it scores a sentence by its first word alone: then all
rewards of a sentence must be equal.""",
    expects="a function of `flat` ((T − 1)·N·B,), `whole` (B,) and `n_rollouts` that returns a tensor (B, T)",
)

# --- Exercise 3: a constant reward ------------------------------------------------------------------------

_DIRECTIONS = ("rises", "falls", "stays")
_CONSTANT = {
    "mean gradient": 0.0,
    "held-out NLL": "rises",
    "NLL_oracle": "falls",
    "NLL_oracle, reward -1": "rises",
    "NLL_oracle, less the batch mean": "stays",
}
_CONSTANT_WHY = {
    "held-out NLL": "Nothing in these steps knows the data. They make rare words rarer still, also those of "
    "held-out sentences.",
    "NLL_oracle": "The mean gradient is 0, but one batch's is not, and Adam makes a full step of it: the tiny pushes "
    "down of rare words count fully, so these words sink, as at a lower temperature.",
    "NLL_oracle, reward -1": "The sign turns every step around: what makes rare words rarer with 1 makes them more "
    "frequent with -1.",
    "NLL_oracle, less the batch mean": "All rewards are equal, so all advantages are exactly 0. Nothing moves.",
}


def _verify_constant(answer: Any) -> str | None:
    if not isinstance(answer, dict) or set(answer) != set(_CONSTANT):
        return f"Keep the five keys, and put an answer at each. Received: {describe(answer)}."
    if reason := numbers_close(answer["mean gradient"], 0.0, 1e-9, "The mean gradient"):
        return f"{reason} By E[∇log q] = 0 (lesson 09) it does not depend on the constant."
    for key, why in _CONSTANT_WHY.items():
        said = answer[key].strip().lower() if isinstance(answer[key], str) else None
        if said not in _DIRECTIONS:
            return f"{key!r} should be one of {', '.join(map(repr, _DIRECTIONS))}. Received: {describe(answer[key])}."
        if said != _CONSTANT[key]:
            return f"Not {said!r} for {key!r}. {why}"
    return None


constant = Exercise(
    name="What a constant reward does",
    verify=_verify_constant,
    reference=dict(_CONSTANT),
    wrong=[
        (_CONSTANT | {"mean gradient": 1.0}, "lesson 09"),
        (_CONSTANT | {"held-out NLL": "falls"}, "rarer still"),
        (_CONSTANT | {"held-out NLL": "stays"}, "rarer still"),
        (_CONSTANT | {"NLL_oracle": "stays"}, "full step"),
        (_CONSTANT | {"NLL_oracle": "rises"}, "full step"),
        (_CONSTANT | {"NLL_oracle, reward -1": "falls"}, "turns every step around"),
        (_CONSTANT | {"NLL_oracle, reward -1": "stays"}, "turns every step around"),
        (_CONSTANT | {"NLL_oracle, less the batch mean": "falls"}, "exactly 0"),
        (_CONSTANT | {"NLL_oracle": "up"}, "should be one of"),
        (_CONSTANT | {"NLL_oracle": None}, "should be one of"),
        ({"mean gradient": 0.0}, "five keys"),
    ],
    hint="The mean over all batches: lesson 09, line (4). Then think of one batch, and of an optimiser that divides "
    "every gradient by its usual size: what happens to a word that is hardly ever drawn?",
    solution="""```python
constant = {
    "mean gradient": 0.0,
    "held-out NLL": "rises",
    "NLL_oracle": "falls",
    "NLL_oracle, reward -1": "rises",
    "NLL_oracle, less the batch mean": "stays",
}
```
E[∇log q] = 0, so in the mean there is no direction. A word that is hardly ever drawn gets a tiny push down in nearly
every batch, and a large push up in the few batches that hold it; the two cancel. Adam divides by the usual size of the
gradient: the tiny pushes become full steps, the rare large one does not make up for them, and nothing cancels. So the
rare words sink, as at a lower temperature; with −1 they rise. With the mean of the batch taken off, every advantage
is 0.""",
    expects="a dictionary with a number and four of the words 'rises', 'falls', 'stays'",
)

# --- Quiz --------------------------------------------------------------------------------------------------

quiz_floor = Question(
    "A paper reports NLL_oracle 5.2 for its generator, and the oracle's entropy is 5.9. What does that prove?",
    options={
        "a": "The generator is better than the oracle's own sentences.",
        "b": "Its sentences vary less than the oracle's.",
        "c": "The generator has nearly learned the oracle.",
        "d": "The measurement is wrong: nothing can lie below the floor.",
    },
    right="b",
    explanations={
        "a": "Likelier is not better: the oracle's own sentences have 5.9, and those are the truth.",
        "b": "NLL_oracle is entropy plus KL(q‖p), and KL is at least 0. So the entropy of its samples is at most 5.2.",
        "c": "A perfect generator has 5.9, neither more nor less. How near this one is only the KL says.",
        "d": "A generator that repeats the oracle's likeliest sentence comes far below it.",
    },
)

quiz_rollouts = Question(
    "You raise the number of rollouts of each prefix from 16 to 1,600. What happens to the spread of the gradient's "
    "estimate from one batch?",
    options={
        "a": "It falls to a tenth.",
        "b": "It hardly changes: what is left comes from which sentences were drawn.",
        "c": "It falls to 0, because Q is then exact.",
        "d": "It rises, because more random numbers are drawn.",
    },
    right="b",
    explanations={
        "a": "Only the rollouts' own share of the variance falls, to a hundredth. It was a small share.",
        "b": "The exact Q itself leaves that part. A baseline and more sentences lower it; rollouts do not.",
        "c": "Exact values still multiply the scores of a few drawn sentences.",
        "d": "More completions are averaged, which never adds variance.",
    },
)

quiz_baseline = Question(
    "From lesson 09: all rewards lie between 0 and 1, as D's probabilities do, and no baseline is subtracted. What "
    "does REINFORCE do to a drawn sentence with a reward of 0.01?",
    options={
        "a": "It makes it less probable, since 0.01 is poor.",
        "b": "It makes it more probable, only less so than the others.",
        "c": "Nothing: rewards near 0 do not count.",
    },
    right="b",
    explanations={
        "a": "Only in the mean over many batches. The gradient of *this* draw is 0.01 · ∇log q, upwards.",
        "b": "Every positive reward pushes the drawn words up. That poor ones sink comes from the others' larger push, "
        "in the mean: a large spread, which a baseline takes away.",
        "c": "The push is a hundredth of the largest, but Adam scales the sum of all.",
    },
)
