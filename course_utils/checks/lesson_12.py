"""Exercises and quiz of lesson 12: MaliGAN's weights, rewards by rank, and a distance of sets."""

from __future__ import annotations

from scipy import special

from course_utils.checks import kernel_answers as kernels
from course_utils.checks import reward_answers as answers
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question

# --- Exercise 1: MaliGAN's weights ------------------------------------------------------------------------

mali_weights = Exercise(
    name="MaliGAN's weights",
    verify=answers.compare_mali,
    reference=answers.mali_weights,
    wrong=[
        *((mistake, words[:24]) for mistake, words in answers.MALI_MISTAKES),
        (answers.overflowing, "exp(800)"),
        (lambda logits: 4 * special.softmax(logits) - 1, "one batch only"),
        (lambda logits: answers.mali_weights(logits)[:, None], "shape (4, 1)"),
        (lambda logits: -answers.mali_weights(logits), "wrong sign"),
    ],
    hint="`special.softmax(logits)` has the sum 1. By what do you multiply to get the mean 1?",
    solution="""```python
def mali_weights(logits):
    return len(logits) * special.softmax(logits) - 1
```
D/(1 − D) is the exponential of the logit, so the normalised ratios are a softmax, and a constant in the logits has no
effect. Times B the weights have the mean 1, and the baseline 1 makes it 0. (Of weights with the sum 1 a baseline of 1
would push every sentence down.) `course_utils.training.maligan.importance_weights` is the softmax.""",
    expects="a function of `logits` (B,) that returns an array (B,)",
)

# --- Exercise 2: rescaled by rank ---------------------------------------------------------------------------

rescaled = Exercise(
    name="Rescaled by rank",
    verify=answers.compare_rescaled,
    reference=answers.rescaled,
    wrong=[
        *((mistake, words[:24]) for mistake, words in answers.RANK_MISTAKES),
        (
            lambda rewards, delta: special.expit(delta * (0.5 - answers._ranks(rewards) / 5)),
            "one batch only",
        ),
        (lambda rewards, delta: answers.rescaled(rewards, delta)[:, None], "shape (5, 1)"),
        (lambda rewards: rewards, "cannot be called with"),
    ],
    hint="`np.argsort(-rewards)` lists the sentences from best to worst: first the number of the best one. "
    "`np.argsort` of *that* list gives each sentence its place, from 0. `special.expit` is the logistic function.",
    solution="""```python
def rescaled(rewards, delta):
    rank = np.argsort(np.argsort(-rewards)) + 1
    return special.expit(delta * (0.5 - rank / len(rewards)))
```
One `argsort` lists sentences in the order of their rewards; the second inverts that list into ranks.
`scipy.stats.rankdata(-rewards)` does both. `course_utils.losses.leaked.rescaled_rewards` also gives equal rewards the
mean of their ranks.""",
    expects="a function of `rewards` (B,) and `delta` that returns an array (B,)",
)

# --- Exercise 3: the kernel distance --------------------------------------------------------------------------

kernel_distance = Exercise(
    name="The kernel distance",
    verify=kernels.compare_mmd,
    reference=kernels.kernel_distance,
    wrong=[
        *((mistake, words[:24]) for mistake, words in kernels.MMD_MISTAKES),
        (lambda a, b, sigma: kernels.kernel_distance(a, b, 0.7), "one size only"),
        (lambda a, b, sigma: -kernels.kernel_distance(a, b, sigma), "wrong sign"),
        (lambda a, b, sigma: [kernels.kernel_distance(a, b, sigma)], "one number"),
    ],
    hint="`((a[:, None] - b[None]) ** 2).sum(axis=2)` are the squared distances of all pairs, (n, m). Write a function "
    "that makes of two sets the mean of k over all pairs, and call it three times.",
    solution="""```python
def kernel_distance(a, b, sigma):
    def mean_kernel(x, y):
        squares = ((x[:, None] - y[None]) ** 2).sum(axis=2)
        return np.exp(-squares / (2 * sigma**2)).mean()

    return mean_kernel(a, a) + mean_kernel(b, b) - 2 * mean_kernel(a, b)
```
It is the square of a length, so it is never negative, and 0 for equal sets. `course_utils.losses.mmd.squared_mmd` has
the sum over several bandwidths.""",
    expects="a function of `a` (n, F), `b` (m, F) and `sigma` that returns one number",
)

# --- Quiz --------------------------------------------------------------------------------------------------

quiz_sure = Question(
    "A discriminator's logits all fall by 5: it is now much surer that everything written is fake, and finds the same "
    "sentences better than others. Whose step stays exactly the same?",
    options={
        "a": "SeqGAN's with a baseline: the mean is taken off.",
        "b": "MaliGAN's and that of rewards by rank.",
        "c": "Only that of rewards by rank.",
        "d": "Nobody's: less probability is less reward.",
    },
    right="b",
    explanations={
        "a": "Taking the mean off does not bring back the differences, which are far smaller than before.",
        "b": "A softmax does not see a constant in the logits, and neither does the order of the sentences.",
        "c": "MaliGAN's too: its weights are a softmax of the logits, and the factor exp(−5) cancels.",
        "d": "That holds for the probability itself. A normalised weight and a rank are relative to the batch.",
    },
)

quiz_effective = Question(
    "MaliGAN prints `effective_samples: 1.3` for a batch of 64. What does the step do?",
    options={
        "a": "It raises 63 sentences a little and lowers one.",
        "b": "It is nearly the likelihood step of one sentence, which the generator itself wrote.",
        "c": "It stands still: the weights are nearly 0.",
        "d": "It is more exact than with 64, for only good sentences count.",
    },
    right="b",
    explanations={
        "a": "The other way round: one weight is near 64, the others near 0, less the baseline 1.",
        "b": "Nearly all of the weight lies on one sentence. The next batch has another one: a large variance.",
        "c": "Their sum is 64, whatever the logits are. It lies on one of them.",
        "d": "The mean of one or two draws is noisier than that of 64.",
    },
)

quiz_constant = Question(
    "From lesson 11: a new reward lowers NLL_oracle by 0.3, at 5,000 words. Which run has to stand beside it before "
    "one may say that the reward is a good one?",
    options={
        "a": "None: NLL_oracle is measured under the true language.",
        "b": "A run in which every word earns 1, with the same optimiser and as many steps.",
        "c": "A run with more rollouts.",
        "d": "A run with another oracle.",
    },
    right="b",
    explanations={
        "a": "It also falls if the generator just writes less varied sentences, whatever the reason.",
        "b": "There the constant reward lowered NLL_oracle by about as much: Adam and the noise of batches do it.",
        "c": "More rollouts change a little of the variance, and tell nothing about where the gain comes from.",
        "d": "That tells whether it holds elsewhere, not whether the reward has a share in it.",
    },
)
