"""Exercises and quiz of lesson 14: clipped precision, which measure catches which fraud, and differences over seeds."""

from __future__ import annotations

from typing import Any

from course_utils.checks import difference_answers as differences
from course_utils.checks import precision_answers as precisions
from course_utils.checks.compare import describe
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: clipped precision -------------------------------------------------------------------------


clipped_precision = Exercise(
    name="Clipped precision",
    verify=precisions.verify_precision,
    reference=precisions.clipped_precision,
    wrong=[
        *((wrong, words[:30]) for wrong, words in precisions.MISTAKES),
        (lambda words, references, n: 1.0, "too large"),
        (lambda words, references, n: [0.5], "one number"),
        (lambda words: 0.5, "cannot be called"),
    ],
    hint="`Counter | Counter` keeps the larger count of each n-gram, `Counter & Counter` the smaller one; "
    "`.values()` can be summed. What if the sentence is too short to have an n-gram?",
    solution="""```python
def clipped_precision(words, references, n):
    own, most = grams(words, n), collections.Counter()
    for reference in references:
        most |= grams(reference, n)
    return sum((own & most).values()) / max(sum(own.values()), 1)
```
Without the clipping "the the the the" would have a precision of 1. It guards against repeats *within* a sentence only:
that all sentences are the same, no BLEU can see.""",
    expects="a function of `words`, `references` and `n` that returns one number",
)

# --- Exercise 2: what catches whom --------------------------------------------------------------------------

_CATCH = {
    "copies": {"copied", "novelty-4"},
    "one sentence": {"self-BLEU-4", "backward", "distinct-2", "MS-Jaccard", "novelty-4", "copied"},
    "shuffled": {"BLEU-4", "backward", "MS-Jaccard"},
    "word by word": {"BLEU-4", "backward", "MS-Jaccard"},
}
_COLUMNS = ("BLEU-4", "self-BLEU-4", "backward", "distinct-2", "MS-Jaccard", "novelty-4", "copied")
_WHY_NOT = {
    ("copies", "BLEU-4"): "copies *are* real sentences: their BLEU is that of real text.",
    ("one sentence", "BLEU-4"): "the one sentence is a good one, so its BLEU is high.",
    ("shuffled", "distinct-2"): "shuffled words make *more* different bigrams than real sentences have.",
    ("shuffled", "self-BLEU-4"): "what is shuffled is alike less often: its self-BLEU is low, which looks good.",
    ("shuffled", "copied"): "hardly a shuffled sentence is in the training text. It passes.",
    ("word by word", "distinct-2"): "words drawn alone give many different bigrams. It passes.",
    ("word by word", "self-BLEU-4"): "random words are hardly alike: a low self-BLEU looks good.",
}


def _verify_catches(answer: Any) -> str | None:
    if not isinstance(answer, dict) or set(answer) != set(_CATCH):
        return f"A dictionary with the keys {', '.join(_CATCH)} is expected. Received: {describe(answer)}."
    for fraud, column in answer.items():
        if not isinstance(column, str) or column not in _COLUMNS:
            received = f"{column!r}"[:60] if isinstance(column, str) else describe(column)
            return f"{fraud}: name one of the columns {', '.join(_COLUMNS)}. Received: {received}."
        if column not in _CATCH[fraud]:
            because = _WHY_NOT.get((fraud, column), "look at its value beside that of unseen real sentences.")
            return f"{fraud}: {column} does not catch it; {because}"
    return None


_RIGHT = {"copies": "copied", "one sentence": "self-BLEU-4", "shuffled": "BLEU-4", "word by word": "BLEU-4"}
catches = Exercise(
    name="What catches whom",
    verify=_verify_catches,
    reference=_RIGHT,
    wrong=[
        *((_RIGHT | {fraud: column}, reason[:30]) for (fraud, column), reason in _WHY_NOT.items()),
        (_RIGHT | {"copies": "distinct-2"}, "beside that of unseen"),
        (_RIGHT | {"copies": "BLEU"}, "name one of the columns"),
        (_RIGHT | {"shuffled": 4}, "name one of the columns"),
        ({"copies": "copied"}, "dictionary with the keys"),
        ("copied", "dictionary with the keys"),
    ],
    hint="Go through the rows: in which column does a fraud look *worse* than real sentences, and not better? Two of "
    "them are full of groups of words that nobody says.",
    solution="""`{"copies": "copied", "one sentence": "self-BLEU-4", "shuffled": "BLEU-4", "word by word": "BLEU-4"}`

Others fit as well: novelty for the copies; distinct-2, backward BLEU and MS-Jaccard for the one sentence, and novelty
and copied, too, since it is a training sentence (a new one, said each time, would pass those two); backward BLEU and
MS-Jaccard for both kinds of mixed-up words. No column alone catches all four.""",
    expects="a dictionary from each fraud to the name of a column",
)

# --- Exercise 3: is it a difference? -------------------------------------------------------------------------

differ = Exercise(
    name="Is it a difference?",
    verify=differences.verify_differ,
    reference=differences.differ,
    wrong=[
        *((wrong, words[:40]) for wrong, words in differences.MISTAKES),
        (lambda first, second: True, "That the means differ"),
        (lambda first, second: 0.5, "True or False"),
        (lambda first: True, "cannot be called"),
    ],
    hint="The K differences are K numbers. Their mean, plus or minus `stats.t.ppf(0.975, K - 1)` times their standard "
    "deviation (with `ddof=1`) over the root of K: is 0 inside?",
    solution="""```python
def differ(first, second):
    gaps = first - second
    half = stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps))
    return abs(gaps.mean()) > half
```
With three seeds a difference has to be 4.3/√3 = 2.5 times as large as its own standard deviation. What starts from the
same likelihood model shares much of its chance; taking differences seed by seed removes that part.""",
    expects="a function of `first` and `second`, arrays (K,), that returns True or False",
)

# --- Quiz ----------------------------------------------------------------------------------------------------

quiz_bleu = Question(
    "A text GAN has BLEU-4 0.36 and self-BLEU-4 0.85; unseen real sentences have 0.34 and 0.58, measured in the same "
    "way. What can be said?",
    options={
        "a": "It writes better than people do.",
        "b": "It repeats groups of words that are common in the references, and varies far less than real text.",
        "c": "It has learnt its training sentences by heart.",
        "d": "Nothing: BLEU was made for translations.",
    },
    right="b",
    explanations={
        "a": "A BLEU above that of real text is no praise: common phrases, said often, have the best n-grams.",
        "b": "High BLEU with a self-BLEU far above the real one: quality was bought with variety, as a low temperature "
        "does.",
        "c": "Neither measure looks at the training sentences. Copies would have a self-BLEU like real text's.",
        "d": "Beside the values of real text, measured in the same way, it does say something.",
    },
)

quiz_curve = Question(
    "Method A, at temperature 1, has forward NLL 4.0 and reverse NLL 5.0; likelihood at 1 has 4.5 and 4.9. Which is "
    "better?",
    options={
        "a": "A: it gains 0.5 and loses 0.1.",
        "b": "Likelihood: reverse NLL cannot be fooled.",
        "c": "It cannot be said yet: likelihood at a lower temperature may have 4.0 and less than 5.0.",
        "d": "Neither: the sums are nearly equal.",
    },
    right="c",
    explanations={
        "a": "Cooling likelihood gains forward NLL and loses reverse NLL as well. At which rate?",
        "b": "Reverse NLL can be fooled by copies; and being ahead in one of two directions settles nothing.",
        "c": "Compare curves: at the same forward NLL, who has the lower reverse NLL?",
        "d": "Nats of two different kinds do not add up to anything.",
    },
)

quiz_entropy = Question(
    "From lesson 11: NLL_oracle of a generator fell from 9.0 to 8.7, and held-out NLL rose from 9.1 to 9.7. Which of "
    "these gives the same picture without any adversary?",
    options={
        "a": "A larger network.",
        "b": "Sampling likelihood at a lower temperature, or a reward of 1 for every word.",
        "c": "More held-out sentences.",
        "d": "Nothing: only a discriminator lowers NLL_oracle.",
    },
    right="b",
    explanations={
        "a": "A better model would lower both numbers, not exchange one for the other.",
        "b": "Both sharpen: likely words become likelier. Lesson 11 measured both, and they went as far.",
        "c": "They make the second number more exact. The first does not look at them.",
        "d": "Lesson 11's controls had no discriminator, and their NLL_oracle fell as much.",
    },
)
