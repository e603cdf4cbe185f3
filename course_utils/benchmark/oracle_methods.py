"""The methods of the oracle benchmark: how each trains, and when it is measured.

A method is a function of the setting, the seed and the number of its rows that an interrupted run has left; it yields
the rows that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from course_utils.benchmark.oracle_setting import BATCH, EPOCHS, ROUNDS, Setting

RATE, CLIP, EPSILON = 1e-2, 5.0, 1e-8  # of the published code's Adam
SHARPER = (1.1, 1.25, 1.5, 1.75, 2.0, 2.2)  # factors on the logits of the likelihood model
Rows = Iterator[dict]


def random(setting: Setting, seed: int, done: int) -> Rows:
    """Nothing is learned."""
    yield {"step": 0, **setting.measure(setting.generator(seed), seed, final=True)}


def mle(setting: Setting, seed: int, done: int) -> Rows:
    """Maximum likelihood, the start of all that follow."""
    yield from _likelihood(setting, seed, done, "mle", scheduled_sampling=0.0)


def mle_early(setting: Setting, seed: int, done: int) -> Rows:
    """The same training, stopped where held-out sentences were likeliest."""
    import json

    import keras

    history = json.loads((setting.folder(seed, "mle") / "history.json").read_text())
    best = 1 + min(range(len(history)), key=lambda epoch: history[epoch]["val_nll"])
    generator = keras.saving.load_model(setting.folder(seed, "mle-best.keras"))
    yield {"step": best, **setting.measure(generator, seed, final=True)}


def mle_sharper(setting: Setting, seed: int, done: int) -> Rows:
    """The likelihood model, sampled with its logits multiplied: no training at all."""
    for factor in SHARPER[done:]:
        measured = setting.measure(_loaded(setting, seed, "mle"), seed, final=True, temperature=1 / factor)
        yield {"step": setting.budget.epochs, "factor": factor, **measured}


def ss(setting: Setting, seed: int, done: int) -> Rows:
    """Scheduled sampling: the share of tokens that the generator draws itself rises to a quarter."""
    import keras

    steps = setting.budget.epochs * (len(setting.real) // BATCH)
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, steps, 0.25)
    yield from _likelihood(setting, seed, done, "ss", scheduled_sampling=rising)


def mle_on(setting: Setting, seed: int, done: int) -> Rows:
    """Likelihood for as many further steps as the adversarial methods get, with fresh moments as they have."""
    from course_utils.training.language_model import LanguageModel

    model = LanguageModel(_loaded(setting, seed, "mle"), seed=seed)
    model.compile(_adam())
    yield from _go_on(setting, seed, done, "mle_on", model, BATCH, looks=1)


def pgbleu(setting: Setting, seed: int, done: int) -> Rows:
    """Policy gradient with BLEU against the real sentences as the reward."""
    from course_utils.training.bleu_score import SentenceBLEU
    from course_utils.training.rewards import RolloutReward

    yield from _policy_gradient(setting, seed, done, "pgbleu", RolloutReward(SentenceBLEU(setting.real)))


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


def baseline(setting: Setting, seed: int, done: int) -> Rows:
    """SeqGAN with the mean reward of the batch's other sentences subtracted."""
    yield from _seqgan(setting, seed, done, "baseline", baseline=True)


def shuffled(setting: Setting, seed: int, done: int) -> Rows:
    """A control: SeqGAN in which each sentence gets the rewards of another."""
    yield from _seqgan(setting, seed, done, "shuffled", shuffled=True)


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
        _loaded(setting, seed, "mle"),
        setting.discriminator(seed),
        temperature=keras.optimizers.schedules.ExponentialDecay(1.0, setting.budget.steps, 0.1),
        discriminator_rounds=minibatches,
        discriminator_epochs=1,
        seed=seed,
    )
    gan.compile(keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4))
    yield from _go_on(setting, seed, done, "gsgan", gan, minibatches * BATCH // 2)


METHODS: dict[str, Callable[[Setting, int, int], Rows]] = {
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
        shuffled,
        baseline,
        fresh,
        gsgan,
    )
}
NEEDS_MLE = tuple(name for name in METHODS if name not in ("random", "mle", "ss"))


def _likelihood(setting: Setting, seed: int, done: int, name: str, *, scheduled_sampling) -> Rows:
    """Train by likelihood, keeping the generators of the best epoch on held-out sentences and of the last."""
    from course_utils.datasets.batching import shuffled_batches
    from course_utils.training.early_stopping import BestEpochBackup
    from course_utils.training.language_model import LanguageModel

    epochs = setting.budget.epochs
    batches = shuffled_batches(setting.real, BATCH, seed=seed)
    model = LanguageModel(setting.generator(seed), scheduled_sampling=scheduled_sampling, seed=seed)
    model.compile(_adam())
    looks = sorted({*range(1, 6), *range(10, epochs, 10), epochs} & set(range(1, epochs + 1)))
    for epoch in looks[done:]:
        backup = BestEpochBackup(
            setting.folder(seed, name),
            batches,
            network=model.generator,
            path=setting.folder(seed, f"{name}-best.keras"),
            patience=epochs,
            delete_checkpoint=False,
        )
        model.fit(
            batches,
            epochs=epoch,
            validation_data=setting.held_out,
            validation_batch_size=BATCH,
            verbose=0,
            callbacks=[backup],
        )
        if epoch < epochs:
            yield {"step": epoch, **setting.measure(model.generator, seed, final=False)}
    _keep(model.generator, setting.folder(seed, f"{name}.weights.h5"))
    yield {"step": epochs, **setting.measure(model.generator, seed, final=True)}


def _policy_gradient(setting: Setting, seed: int, done: int, name: str, reward) -> Rows:
    from course_utils.training.policy_gradient import PolicyGradient

    model = PolicyGradient(_loaded(setting, seed, "mle"), reward, batch_size=BATCH, seed=seed)
    model.compile(_adam(1 / BATCH))
    yield from _go_on(setting, seed, done, name, model, BATCH)


def _seqgan(setting: Setting, seed: int, done: int, name: str, before=None, after=None, **settings) -> Rows:
    """Play SeqGAN; with real sentences ``before`` and ``after`` its pretraining, each of which serves one round."""
    from course_utils.training.seqgan import SeqGAN

    gan = SeqGAN(
        _loaded(setting, seed, "mle"),
        setting.discriminator(seed),
        batch_size=BATCH,
        discriminator_rounds=ROUNDS,
        discriminator_epochs=EPOCHS,
        seed=seed,
        **settings,
    )
    gan.compile(_adam(1 / BATCH), _warm_discriminator(setting, seed, gan, before))
    batch = ROUNDS * setting.budget.round_sentences
    yield from _go_on(setting, seed, done, name, gan, batch, looks=1 if after is not None else None, real=after)


def _warm_discriminator(setting: Setting, seed: int, gan, real=None):
    """Train the game's discriminator before the game, once a seed; return its optimiser."""
    import keras

    from course_utils.datasets.batching import shuffled_batches
    from course_utils.training.backup import EpochBackup
    from course_utils.training.seqgan import SeqGAN

    folder, epochs = ("warm_up", setting.budget.warm_up) if real is None else ("warm_up_fresh", 1)
    batches = shuffled_batches(setting.real if real is None else real, len(setting.real), seed=seed)
    warm = SeqGAN(
        gan.generator,
        gan.discriminator,
        batch_size=BATCH,
        generator_steps=0,
        discriminator_rounds=1,
        discriminator_epochs=EPOCHS,
        seed=seed,
    )
    warm.compile(discriminator_optimizer=keras.optimizers.Adam(1e-4))
    backup = EpochBackup(setting.folder(seed, folder), batches, delete_checkpoint=False)
    warm.fit(batches, epochs=epochs, verbose=0, callbacks=[backup])
    return warm.discriminator_optimizer


def _go_on(setting: Setting, seed: int, done: int, name: str, model, batch: int, looks=None, real=None) -> Rows:
    """Train for the adversarial phase's steps on batches of real sentences, and measure at each look."""
    import numpy as np

    from course_utils.datasets.batching import shuffled_batches
    from course_utils.training.backup import EpochBackup

    looks = looks or setting.budget.looks
    steps = setting.budget.steps // looks
    real = setting.real if real is None else real
    if len(real) // batch != steps:  # a pass over the real sentences is longer or shorter than the steps of a look
        real = np.resize(real, (steps * batch, setting.length))
    batches = shuffled_batches(real, batch, seed=seed)
    for look in range(done + 1, looks + 1):
        backup = EpochBackup(setting.folder(seed, name), batches, delete_checkpoint=False)
        model.fit(batches, epochs=look, verbose=0, callbacks=[backup])
        row = {"step": look * steps}
        row |= {metric: round(values[-1], 4) for metric, values in backup.history.items()}
        if look == looks and getattr(model, "discriminator", None) is not None:
            row |= setting.called_real(model.discriminator, model.generator, seed)
        yield row | setting.measure(model.generator, seed, final=look == looks)


def _adam(scale: float = 1.0):
    """Return the published Adam, for a loss that is ``scale`` times the published one."""
    import keras

    return keras.optimizers.Adam(RATE, epsilon=EPSILON * scale, global_clipnorm=CLIP * scale)


def _loaded(setting: Setting, seed: int, name: str):
    generator = setting.generator(seed)
    generator.load_weights(setting.folder(seed, f"{name}.weights.h5"))
    return generator


def _keep(generator, path) -> None:
    from course_utils.runtime import replacing

    with replacing(path) as part:
        generator.save_weights(part, overwrite=True)
