"""The methods of the oracle benchmark: how each trains, and when it is measured.

A method is a function of the setting, the seed and the number of its rows that an interrupted run has left; it yields
the rows that are missing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from course_utils.benchmark.oracle_leak import LEAK, LEAK_STARTS, leakgan
from course_utils.benchmark.oracle_phases import (
    Rows,
    adam,
    go_on,
    likelihood,
    loaded,
    named,
    sharpened,
    warm_discriminator,
)
from course_utils.benchmark.oracle_relaxed import RELAXED, RELAXED_STARTS, transformer_seqgan
from course_utils.benchmark.oracle_setting import BATCH, EPOCHS, ROUNDS, Setting
from course_utils.benchmark.oracle_zoo import FROM_SCRATCH, ZOO, maligan, rankgan, scratchgan

CONTROLS = ("constant", "noise", "shuffled")  # those of `course_utils.training.rewards`, which takes seconds to import


def random(setting: Setting, seed: int, done: int) -> Rows:
    """Nothing is learned."""
    yield {"step": 0, **setting.measure(setting.generator(seed), seed, final=True)}


def mle(setting: Setting, seed: int, done: int) -> Rows:
    """Maximum likelihood, the start of all that follow."""
    yield from likelihood(setting, seed, done, "mle")


def mle_early(setting: Setting, seed: int, done: int) -> Rows:
    """The same training, stopped where held-out sentences were likeliest."""
    import json

    import keras

    history = json.loads((setting.folder(seed, "mle") / "history.json").read_text())
    best = 1 + min(range(len(history)), key=lambda epoch: history[epoch]["val_nll"])
    generator = keras.saving.load_model(setting.folder(seed, "mle-best.keras"))
    yield {"step": best, **setting.measure(generator, seed, final=True)}


def mle_sharper(setting: Setting, seed: int, done: int) -> Rows:
    """The likelihood model, sampled with its logits multiplied."""
    yield from sharpened(setting, seed, done, loaded(setting, seed, "mle"), setting.budget.epochs)


def ss(setting: Setting, seed: int, done: int) -> Rows:
    """Scheduled sampling: the share of tokens that the generator draws itself rises to a quarter."""
    import keras

    steps = setting.budget.epochs * (len(setting.real) // BATCH)
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, steps, 0.25)
    yield from likelihood(setting, seed, done, "ss", scheduled_sampling=rising)


def mle_on(setting: Setting, seed: int, done: int) -> Rows:
    """Likelihood for as many further steps as the adversarial methods get, with fresh moments as they have."""
    from course_utils.training.language_model import LanguageModel

    model = LanguageModel(loaded(setting, seed, "mle"), seed=seed)
    model.compile(adam())
    yield from go_on(setting, seed, done, "mle_on", model, BATCH, looks=1)


def pgbleu(setting: Setting, seed: int, done: int, control: str | None = None) -> Rows:
    """Policy gradient with BLEU against the real sentences as the reward."""
    from course_utils.training.bleu_score import SentenceBLEU
    from course_utils.training.rewards import RolloutReward

    reward = RolloutReward(SentenceBLEU(setting.real))
    yield from _policy_gradient(setting, seed, done, named("pgbleu", control), reward, control=control)


def constant(setting: Setting, seed: int, done: int) -> Rows:
    """A control: every token is rewarded with 1."""
    from course_utils.training.rewards import ConstantReward

    yield from _policy_gradient(setting, seed, done, "constant", ConstantReward())


def noise(setting: Setting, seed: int, done: int) -> Rows:
    """A control: every token is rewarded with a random number."""
    from course_utils.training.rewards import NoiseReward

    yield from _policy_gradient(setting, seed, done, "noise", NoiseReward())


def seqgan(setting: Setting, seed: int, done: int) -> Rows:
    """SeqGAN as published, with the discriminator's work of the profile."""
    yield from _seqgan(setting, seed, done, "seqgan")


def seqgan_mixed(setting: Setting, seed: int, done: int) -> Rows:
    """SeqGAN with half of the likelihood of real sentences added to its reward."""
    yield from _seqgan(setting, seed, done, "seqgan_mixed", likelihood_weight=0.5)


def baseline(setting: Setting, seed: int, done: int) -> Rows:
    """SeqGAN with the mean reward of the batch's other sentences subtracted."""
    yield from _seqgan(setting, seed, done, "baseline", baseline=True)


def shuffled(setting: Setting, seed: int, done: int) -> Rows:
    """A control: SeqGAN in which each sentence gets the rewards of another."""
    yield from _seqgan(setting, seed, done, "shuffled", control="shuffled")


def fresh(setting: Setting, seed: int, done: int) -> Rows:
    """SeqGAN whose discriminator gets new real sentences of the oracle each time, so that it cannot know them by heart.

    No training set allows that. It shows what the memory of 9,984 fixed sentences does.
    """
    budget = setting.budget
    before = setting.draw(budget.warm_up * len(setting.real), seed=1_000 + seed).numpy()
    after = setting.draw(budget.steps * ROUNDS * budget.round_sentences, seed=2_000 + seed).numpy()
    yield from _seqgan(setting, seed, done, "fresh", before, after)


def gsgan(setting: Setting, seed: int, done: int) -> Rows:
    """The Gumbel-softmax GAN; its discriminator learns from soft sentences, from the start."""
    import keras

    from course_utils.training.gumbel_gan import GumbelGAN

    # As many minibatches of the discriminator as SeqGAN's. A soft sentence is 5,000 numbers a token, so it serves once.
    minibatches = ROUNDS * EPOCHS * 2 * setting.budget.round_sentences // BATCH
    gan = GumbelGAN(
        loaded(setting, seed, "mle"),
        setting.discriminator(seed),
        temperature=keras.optimizers.schedules.ExponentialDecay(1.0, setting.budget.steps, 0.1),
        discriminator_rounds=minibatches,
        discriminator_epochs=1,
        seed=seed,
    )
    gan.compile(keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4))
    yield from go_on(setting, seed, done, "gsgan", gan, minibatches * BATCH // 2, calls=True)


_PLAIN = {
    method.__name__: method
    for method in (
        random,
        mle,
        mle_early,
        mle_sharper,
        ss,
        mle_on,
        constant,
        noise,
        pgbleu,
        seqgan,
        seqgan_mixed,
        shuffled,
        baseline,
        fresh,
        gsgan,
        *ZOO,
        *RELAXED,
        *LEAK,
    )
}
# The method itself, with something else in the place of its rewards; SeqGAN's have names of their own.
_CONTROLS = {
    f"{method.__name__}_{control}": (method, control)
    for method in (pgbleu, maligan, rankgan, scratchgan, transformer_seqgan, leakgan)
    for control in CONTROLS
}
METHODS: dict[str, Callable[[Setting, int, int], Rows]] = _PLAIN | {
    name: functools.partial(method, control=control) for name, (method, control) in _CONTROLS.items()
}
_NOT_FROM_MLE = {"random", "mle", "ss", *FROM_SCRATCH, *(method.__name__ for method in (*RELAXED, *LEAK))}
# The method whose network each starts from, if any.
STARTS = {name: "mle" for name in _PLAIN if name not in _NOT_FROM_MLE} | RELAXED_STARTS | LEAK_STARTS
STARTS |= {name: STARTS[method.__name__] for name, (method, _) in _CONTROLS.items() if method.__name__ in STARTS}


def _policy_gradient(setting: Setting, seed: int, done: int, name: str, reward, **settings) -> Rows:
    from course_utils.training.policy_gradient import PolicyGradient

    model = PolicyGradient(loaded(setting, seed, "mle"), reward, batch_size=BATCH, seed=seed, **settings)
    model.compile(adam(1 / BATCH))
    yield from go_on(setting, seed, done, name, model, BATCH)


def _seqgan(setting: Setting, seed: int, done: int, name: str, before=None, after=None, **settings) -> Rows:
    """Play SeqGAN; with real sentences ``before`` and ``after`` its pretraining, each of which serves one round."""
    from course_utils.training.seqgan import SeqGAN

    gan = SeqGAN(
        loaded(setting, seed, "mle"),
        setting.discriminator(seed),
        batch_size=BATCH,
        discriminator_rounds=ROUNDS,
        discriminator_epochs=EPOCHS,
        seed=seed,
        **settings,
    )
    gan.compile(adam(1 / BATCH), warm_discriminator(setting, seed, gan, real=before))
    batch = ROUNDS * setting.budget.round_sentences
    looks = None if after is None else 1
    yield from go_on(setting, seed, done, name, gan, batch, looks=looks, real=after, calls=True)
