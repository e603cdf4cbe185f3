"""Exercises and quiz of lesson 13: attention, the pull of a relativistic loss, what a Transformer's token costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks.compare import array_close, call, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question


def _softmax(scores, axis=1):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


# --- Exercise 1: reading by content ------------------------------------------------------------------------


def reference_attention(queries, keys, values):
    """Each query's mean of the values, weighted by how well their keys fit."""
    scores = queries @ keys.T / np.sqrt(queries.shape[1])
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ values


_ATTENTIONS = (
    (lambda q, k, v: _softmax(q @ k.T) @ v, "The scores are not divided by the root of the width yet."),
    (lambda q, k, v: _softmax(q @ k.T / q.shape[1]) @ v, "The scores are divided by the width d; its root is meant."),
    (
        lambda q, k, v: _softmax(q @ k.T / np.sqrt(len(k))) @ v,
        "The root is that of the number of keys. It should be the width's: how many numbers a query has.",
    ),
    (
        lambda q, k, v: _softmax(q @ k.T / np.sqrt(q.shape[1]), axis=0) @ v,
        "The weights sum to 1 over the queries. They should do so over the keys, for each query.",
    ),
    (lambda q, k, v: q @ k.T / np.sqrt(q.shape[1]) @ v, "There is no softmax: the weights should sum to 1."),
    (
        lambda q, k, v: _sigmoid(q @ k.T / np.sqrt(q.shape[1])) @ v,
        "Each weight alone lies between 0 and 1, yet those of a query do not sum to 1: a softmax is needed.",
    ),
    (lambda q, k, v: np.exp(q @ k.T / np.sqrt(q.shape[1])) @ v, "The powers are not divided by their sum yet."),
)
_RANDOM = np.random.default_rng(13)
_QUERIES, _KEYS, _VALUES = (_RANDOM.normal(size=size) for size in ((3, 4), (5, 4), (5, 2)))


def _verify_attention(answer: Any) -> str | None:
    found = call(answer, _QUERIES, _KEYS, _VALUES)
    reason = array_close(found, reference_attention(_QUERIES, _KEYS, _VALUES), "What the queries read")
    if reason is None:
        return None
    for wrong, words in _ATTENTIONS:
        if array_close(found, wrong(_QUERIES, _KEYS, _VALUES), "It") is None:
            return words
    return reason


attention = Exercise(
    name="Reading by content",
    verify=_verify_attention,
    reference=reference_attention,
    wrong=[
        *((wrong, words[:40]) for wrong, words in _ATTENTIONS),
        (lambda q, k, v: reference_attention(q, k, v).T, "transposed"),
        (lambda q, k, v: v[(q @ k.T).argmax(axis=1)], "What the queries read"),
        (lambda q, k: q, "cannot be called"),
    ],
    hint="Three steps: how well does each key fit each query, (N, M); a softmax in each row; a mean of the values, "
    "(M, e), with these weights. Which number keeps the fits of size 1?",
    solution="""```python
def attention(queries, keys, values):
    scores = queries @ keys.T / np.sqrt(queries.shape[1])
    return special.softmax(scores, axis=1) @ values
```
The softmax runs over the keys, since each query shares out one whole weight among them.""",
    expects="a function of `queries`, `keys` and `values` that returns an array (N, e)",
)

# --- Exercise 2: the pull of a relativistic loss -----------------------------------------------------------


def reference_pull(real, fake):
    """The gradient of mean softplus(real − fake) with respect to the fake logits."""
    return -1 / (1 + np.exp(fake - real)) / len(fake)


_PULLS = (
    (lambda r, f: _sigmoid(r - f) / len(f), "The sign: a larger logit of the fake makes this loss smaller."),
    (lambda r, f: -_sigmoid(r - f), "The loss is a mean over N pairs. Where is the N?"),
    (lambda r, f: -_sigmoid(f - r) / len(f), "The difference is the wrong way round: the pull should be strong where "
     "the real sentence is far ahead."),
    (lambda r, f: _sigmoid(f - r) / len(f), "This is the pull of the discriminator's loss, softplus(fake − real)."),
    (lambda r, f: -_sigmoid(-f) / len(f), "This is the non-saturating loss's: the real sentences have no say in it."),
    (lambda r, f: np.logaddexp(0, r - f) / len(f), "These are the losses of the pairs. Their slope is asked for."),
    (lambda r, f: -np.full(len(f), _sigmoid(r - f).mean() / len(f)), "Each fake has a pair of its own: no mean of "
     "the slopes."),
)  # fmt: skip
_REAL, _FAKE = np.array([2.0, -0.5, 0.3, 4.0, 1.0]), np.array([-1.0, 0.5, 0.3, -3.0, 2.5])


def _verify_pull(answer: Any) -> str | None:
    found = call(answer, _REAL, _FAKE)
    reason = array_close(found, reference_pull(_REAL, _FAKE), "The pull")
    if reason is None:
        return None
    for wrong, words in _PULLS:
        if array_close(found, wrong(_REAL, _FAKE), "It") is None:
            return words
    return reason


pull = Exercise(
    name="The pull of a pair",
    verify=_verify_pull,
    reference=reference_pull,
    wrong=[
        *((wrong, words[:40]) for wrong, words in _PULLS),
        (lambda r, f: reference_pull(r, f).sum(), "shape ()"),
        (lambda r, f: 3 * reference_pull(r, f), "The pull"),
        (lambda f: f, "cannot be called"),
    ],
    hint="The derivative of softplus(u) = log(1 + eᵘ) is σ(u) = 1/(1 + e⁻ᵘ). Here u = real − fake: what does the chain "
    "rule add, and what does the mean?",
    solution="""```python
def pull(real, fake):
    return -special.expit(real - fake) / len(fake)
```
For a pair that is judged equal it is −1/(2N). It goes to −1/N, not to 0, where the discriminator is sure of both: the
loss does not saturate. Where the fake is ahead it dies out: such a pair needs no more work.""",
    expects="a function of `real` and `fake`, arrays (N,), that returns an array (N,)",
)

# --- Exercise 3: what a token costs -------------------------------------------------------------------------


def reference_products(t, width, layers, vocabulary):
    """Multiplications for token number t of a Transformer that keeps keys and values."""
    return layers * (12 * width**2 + 2 * t * width) + width * vocabulary


_COUNTS = (
    (lambda t, w, n, v: n * (12 * w * w + t * w) + w * v, "Each position is looked at twice: for its fit, and for its "
     "value."),
    (lambda t, w, n, v: n * 12 * w * w + w * v, "The products of attention itself are missing: t fits, and a mean of t "
     "values."),
    (lambda t, w, n, v: n * (12 * w * w + 2 * t * w), "The logits are missing: a product of the width with each word."),
    (lambda t, w, n, v: n * (4 * w * w + 2 * t * w) + w * v, "The two matrices of the MLP are missing."),
    (lambda t, w, n, v: n * (8 * w * w + 2 * t * w) + w * v, "The four matrices of attention are missing."),
    (lambda t, w, n, v: n * (11 * w * w + 2 * t * w) + w * v, "Attention has four matrices: queries, keys, values, and "
     "one for what was read."),
    (lambda t, w, n, v: n * (6 * w * w + 2 * t * w) + w * v, "The MLP is four times as wide inside."),
    (lambda t, w, n, v: 12 * w * w + 2 * t * w + w * v, "That is one block. There are `layers` of them."),
    (lambda t, w, n, v: n * (12 * w * w + 2 * t * w + w * v), "The logits are made once, after the last block."),
    (lambda t, w, n, v: n * (12 * w * w + 2 * t * t * w) + w * v, "Keys and values are kept, so only the new query has "
     "to be held against the t keys."),
    (lambda t, w, n, v: n * (12 * t * w * w + 2 * t * t * w) + w * v, "That is the cost without the cache: everything "
     "again for all t positions."),
)  # fmt: skip
_SIZES = ((1, 8, 1, 30), (7, 16, 3, 100), (40, 64, 2, 5_000))


def _verify_products(answer: Any) -> str | None:
    for t, width, layers, vocabulary in _SIZES:
        found = call(answer, t, width, layers, vocabulary)
        what = f"Token {t}, width {width}, {layers} blocks, {vocabulary} words: the number of products"
        reason = numbers_close(found, reference_products(t, width, layers, vocabulary), 0.5, what)
        if reason is None:
            continue
        for wrong, words in _COUNTS:
            if all(_counts_as(answer, wrong, sizes) for sizes in _SIZES):
                return words
        return reason
    return None


def _counts_as(answer: Any, wrong: Any, sizes: tuple[int, ...]) -> bool:
    return numbers_close(call(answer, *sizes), wrong(*sizes), 0.5, "It") is None


products = Exercise(
    name="What a token costs",
    verify=_verify_products,
    reference=reference_products,
    wrong=[
        *((wrong, words[:30]) for wrong, words in _COUNTS),
        (lambda t, w, n, v: 2 * reference_products(t, w, n, v), "twice"),
        (lambda t, w: w * w, "cannot be called"),
        (lambda t, w, n, v: [t], "one number"),
    ],
    hint="A product of a row of a numbers with an (a, b) matrix takes a · b multiplications. In each block: four w × w "
    "matrices of attention, w × 4w and 4w × w of the MLP. Then the query against t keys, and t values. And at the end?",
    solution="""```python
def products(t, width, layers, vocabulary):
    return layers * (4 * width**2 + 8 * width**2 + 2 * t * width) + width * vocabulary
```
With a width of 64 and 20 tokens, attention's own part 2·t·w is about a twentieth of the 12·w²: for short sentences
"quadratic attention" is no burden. The logits of 5,000 words cost as much as six such blocks.""",
    expects="a function of `t`, `width`, `layers` and `vocabulary` that returns one number",
)

# --- Quiz ----------------------------------------------------------------------------------------------------

quiz_order = Question(
    "A Transformer as discriminator has no position embeddings and takes the mean over all positions. It has to "
    "tell sentences from the same sentences with their words in random order. How often is it right, at best?",
    options={
        "a": "Always: attention looks at all pairs of words.",
        "b": "In half of the cases, however long it learns.",
        "c": "It depends on the number of heads.",
        "d": "In half of the cases at first; with enough blocks it learns the order.",
    },
    right="b",
    explanations={
        "a": "It looks at all pairs, but a pair has no first and second for it.",
        "b": "Exchange two words, and attention's results are exchanged too; the mean is the same. So is the logit.",
        "c": "Each head alone gives the same numbers for any order of the words; so do many.",
        "d": "Each block keeps the symmetry: exchanged in, exchanged out. Depth cannot break it.",
    },
)

quiz_beta = Question(
    "In RelGAN β rises from 1 to 100 during the game. What does a smaller last β, say 5, leave as it is?",
    options={
        "a": "How soft the words are that the discriminator sees at the end.",
        "b": "The tokens that the generator feeds back to itself.",
        "c": "The variance of the gradient.",
        "d": "What the generator would do if it were sampled at the end: nothing depends on β.",
    },
    right="b",
    explanations={
        "a": "The largest entry of softmax(β · (logits + Gumbel noise)) depends on β: at 5 it is clearly below 1.",
        "b": "The largest of logits + noise is the same for every β: tokens follow the generator's own probabilities.",
        "c": "The slope of the softmax carries the factor β; its variance grows with it (lesson 09).",
        "d": "Sampling does not use β, but the gradients of the whole game did: another β gives another generator.",
    },
)

quiz_straight = Question(
    "From lesson 10: soft words give a fake away. What did the straight-through step do about it?",
    options={
        "a": "It made the discriminator blind to the largest entry.",
        "b": "It softened the real words, so that both looked alike.",
        "c": "It showed the discriminator one-hots and used the soft words' slope.",
        "d": "It lowered the temperature until nobody could see the difference.",
    },
    right="c",
    explanations={
        "a": "The discriminator saw all entries; they were 0 and 1 on both sides.",
        "b": "That was another of the mends, smoothed real letters, and a weaker one.",
        "c": "Forward a one-hot, backward the softmax: nothing is left to tell but the words.",
        "d": "A temperature so small from the start has slopes of 0 nearly everywhere.",
    },
)
