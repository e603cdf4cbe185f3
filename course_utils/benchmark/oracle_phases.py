"""What the methods of the oracle benchmark are put together from: each phase of training, resumable and measured."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.benchmark.oracle_setting import BATCH, EPOCHS, Setting

RATE, CLIP, EPSILON = 1e-2, 5.0, 1e-8  # of the published code's Adam
SHARPER = (1.1, 1.25, 1.5, 1.75, 2.0, 2.2)  # factors on the logits of a likelihood model
Rows = Iterator[dict]


def likelihood(
    setting: Setting, seed: int, done: int, name: str, *, scheduled_sampling=0.0, generator=None, rate: float = RATE
) -> Rows:
    """Train by likelihood, keeping the generators of the best epoch on held-out sentences and of the last.

    Args:
        scheduled_sampling: of `course_utils.training.language_model.LanguageModel`.
        generator: who learns, ``None`` for the published network.
        rate: of Adam.
    """
    from course_utils.datasets.batching import shuffled_batches
    from course_utils.training.early_stopping import BestEpochBackup
    from course_utils.training.language_model import LanguageModel

    epochs = setting.budget.epochs
    batches = shuffled_batches(setting.real, BATCH, seed=seed)
    model = LanguageModel(generator or setting.generator(seed), scheduled_sampling=scheduled_sampling, seed=seed)
    model.compile(adam(rate=rate))
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
    keep(model.generator, setting.folder(seed, f"{name}.weights.h5"))
    yield {"step": epochs, **setting.measure(model.generator, seed, final=True)}


def sharpened(setting: Setting, seed: int, done: int, generator, step: int) -> Rows:
    """Measure what has been trained for ``step`` steps with its logits multiplied: no training at all."""
    for factor in SHARPER[done:]:
        yield {
            "step": step,
            "factor": factor,
            **setting.measure(generator, seed, final=True, temperature=1 / factor),
        }


def warm_discriminator(setting: Setting, seed: int, gan, game=None, folder: str = "warm_up", real=None):
    """Train the game's discriminator before the game, once a seed; return its optimiser.

    Args:
        gan: whose networks learn.
        game: the class whose loss they learn by, ``None`` for SeqGAN.
        folder: where the pretraining is kept; games with the same one share it.
        real: real sentences that serve one round each, ``None`` for the same ones in every round.
    """
    import keras

    from course_utils.datasets.batching import shuffled_batches
    from course_utils.training.backup import EpochBackup
    from course_utils.training.seqgan import SeqGAN

    epochs = setting.budget.warm_up
    if real is None:
        real = setting.real
    else:
        folder, epochs = f"{folder}_fresh", 1
    batches = shuffled_batches(real, len(setting.real), seed=seed)
    warm = (game or SeqGAN)(
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


def go_on(
    setting: Setting,
    seed: int,
    done: int,
    name: str,
    model,
    batch: int,
    *,
    looks=None,
    steps=None,
    real=None,
    calls=False,
    measure=None,
) -> Rows:
    """Train on batches of real sentences, and measure at each look.

    Args:
        batch: real sentences of a training step.
        looks: how often the generator is measured, ``None`` for the budget's looks.
        steps: training steps, ``None`` for those of the adversarial phase.
        real: real sentences for all steps of one look, ``None`` for the benchmark's.
        calls: whether the discriminator's logits say what is real, which is then asked at the end.
        measure: returns what is measured, told by ``final`` whether at the end; ``None`` for the whole report.
    """
    import functools

    from course_utils.datasets.batching import shuffled_batches
    from course_utils.training.backup import EpochBackup

    measure = measure or functools.partial(setting.measure, model.generator, seed)
    looks = looks or setting.budget.looks
    steps = (steps or setting.budget.steps) // looks
    batches = shuffled_batches(setting.real if real is None else real, batch, seed=seed, steps=steps)
    for look in range(done + 1, looks + 1):
        backup = EpochBackup(setting.folder(seed, name), batches, delete_checkpoint=False)
        model.fit(batches, epochs=look, verbose=0, callbacks=[backup])
        row = {"step": look * steps}
        row |= {metric: round(values[-1], 4) for metric, values in backup.history.items()}
        if look == looks and calls:
            row |= setting.called_real(model.discriminator, model.generator, seed)
        yield row | measure(final=look == looks)


def named(method: str, control: str | None) -> str:
    """Return the name of a method, or of a control of it.

    Example:
        >>> named("maligan", None), named("maligan", "noise")
        ('maligan', 'maligan_noise')
    """
    return method if control is None else f"{method}_{control}"


def adam(scale: float = 1.0, rate: float = RATE):
    """Return the published Adam, for a loss that is ``scale`` times the published one."""
    import keras

    return keras.optimizers.Adam(rate, epsilon=EPSILON * scale, global_clipnorm=CLIP * scale)


def loaded(setting: Setting, seed: int, name: str, generator=None):
    """Return what likelihood has trained, in the published network or the given one."""
    generator = generator or setting.generator(seed)
    generator.load_weights(setting.folder(seed, f"{name}.weights.h5"))
    return generator


def keep(generator, path) -> None:
    """Write a generator's weights for the methods that start from it."""
    from course_utils.runtime import replacing

    with replacing(path) as part:
        generator.save_weights(part, overwrite=True)
