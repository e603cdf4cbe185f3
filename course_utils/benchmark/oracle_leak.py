"""LeakGAN's rows of the oracle benchmark: its generator's own pretraining, and the game."""

from __future__ import annotations

from course_utils.benchmark.oracle_phases import Rows, adam, go_on, keep, loaded, named, sharpened
from course_utils.benchmark.oracle_setting import BATCH, EPOCHS, ROUNDS, SPREAD, Setting

GENERATOR_RATE, DISCRIMINATOR_RATE = 1.5e-3, 5e-5  # published for 20 tokens


def leak_mle(setting: Setting, seed: int, done: int) -> Rows:
    """Likelihood of LeakGAN's worker, where real sentences go for its manager, and the discriminator that leaks.

    As published the three learn in turn, there in ten blocks, here from batch to batch: a pass over the real sentences
    is a round of the discriminator's pretraining, with a share of the budget's generator steps.
    """
    turns = _turns(setting)
    gan = _game(
        setting,
        seed,
        _generator(setting, seed),
        supervised_every=1,
        generator_steps=turns,
        discriminator_rounds=1,
    )
    steps, looks = _pretraining_steps(setting) // turns, setting.budget.looks
    for number, row in enumerate(go_on(setting, seed, done, "leak_mle", gan, BATCH, steps=steps), start=done + 1):
        if number == looks:
            keep(gan.generator, setting.folder(seed, "leak_mle.weights.h5"))
        yield row | {"step": row["step"] * turns}


def leak_sharper(setting: Setting, seed: int, done: int) -> Rows:
    """What the pretraining left, sampled with its logits multiplied: what LeakGAN has to be compared with."""
    generator = loaded(setting, seed, "leak_mle", _generator(setting, seed))
    yield from sharpened(setting, seed, done, generator, _pretraining_steps(setting))


def leakgan(setting: Setting, seed: int, done: int, control: str | None = None) -> Rows:
    """LeakGAN at the published sizes, sampled at temperature 1 as all methods are; its authors multiply logits by 1.5.

    The discriminator goes on from the pretraining, with fresh moments.
    """
    generator = loaded(setting, seed, "leak_mle", _generator(setting, seed))
    gan = _game(setting, seed, generator, control=control, discriminator_rounds=ROUNDS)
    yield from go_on(
        setting, seed, done, named("leakgan", control), gan, ROUNDS * setting.budget.round_sentences, calls=True
    )


def _turns(setting: Setting) -> int:
    return max(1, setting.budget.epochs // setting.budget.warm_up)


def _pretraining_steps(setting: Setting) -> int:
    return _turns(setting) * setting.budget.warm_up * (len(setting.real) // BATCH)


def _generator(setting: Setting, seed: int):
    """Return the published generator, weights N(0, 0.1) as the recurrent one has."""
    import numpy as np

    from course_utils.models.leak_generator import LeakGenerator

    generator = LeakGenerator(
        setting.discriminator(seed), length=setting.length, start_token=0, end_token=None, seed=seed
    )
    rng = np.random.default_rng(seed)
    for weight in generator.trainable_variables:
        weight.assign(rng.normal(0.0, SPREAD, weight.shape).astype(np.float32))
    return generator


def _game(setting: Setting, seed: int, generator, **settings):
    import keras

    from course_utils.training.leakgan import LeakGAN

    gan = LeakGAN(generator, batch_size=BATCH, discriminator_epochs=EPOCHS, seed=seed, **settings)
    # The published losses are means over the tokens of a sentence.
    gan.compile(adam(setting.length, GENERATOR_RATE), keras.optimizers.Adam(DISCRIMINATOR_RATE))
    return gan


LEAK = (leak_mle, leak_sharper, leakgan)
LEAK_STARTS = {"leak_sharper": "leak_mle", "leakgan": "leak_mle"}
