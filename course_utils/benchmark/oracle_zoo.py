"""Further methods of the oracle benchmark: the text GANs after SeqGAN, in the form of `oracle_methods`."""

from __future__ import annotations

from course_utils.benchmark.oracle_phases import Rows, adam, go_on, loaded, named, warm_discriminator
from course_utils.benchmark.oracle_setting import BATCH, EPOCHS, ROUNDS, Setting

LARGE_BATCH = 512  # of ScratchGAN, as published
CODES = 256  # in a batch of TextGAN, as published


def maligan(setting: Setting, seed: int, done: int, control: str | None = None) -> Rows:
    """MaliGAN's mixed training, with SeqGAN's discriminator: fewer and fewer tokens forced, a rising baseline."""
    import keras

    from course_utils.training.maligan import MaliGAN

    steps = setting.budget.steps
    decay = keras.optimizers.schedules.PolynomialDecay
    gan = MaliGAN(
        loaded(setting, seed, "mle"),
        setting.discriminator(seed),
        # With all tokens forced the discriminator would see real sentences on both sides.
        forced_tokens=decay(setting.length - 1.0, steps, 0.0),
        baseline=decay(0.0, steps, 1.0),
        control=control,
        batch_size=BATCH,
        discriminator_rounds=ROUNDS,
        discriminator_epochs=EPOCHS,
        seed=seed,
    )
    warmed = warm_discriminator(setting, seed, gan)
    # A mean with weights of the mean 1 is the published sum with weights of the sum 1, so Adam needs no scale.
    gan.compile(adam(), warmed)
    yield from go_on(
        setting, seed, done, named("maligan", control), gan, ROUNDS * setting.budget.round_sentences, calls=True
    )


def rankgan(setting: Setting, seed: int, done: int, control: str | None = None) -> Rows:
    """RankGAN, its ranker the body of SeqGAN's discriminator, and with as much work."""
    from course_utils.training.rankgan import RankGAN

    gan = RankGAN(
        loaded(setting, seed, "mle"),
        setting.discriminator(seed),
        control=control,
        batch_size=BATCH,
        discriminator_rounds=ROUNDS,
        discriminator_epochs=EPOCHS,
        seed=seed,
    )
    warmed = warm_discriminator(setting, seed, gan, RankGAN, "rank_warm_up")
    gan.compile(adam(1 / BATCH), warmed)
    yield from go_on(setting, seed, done, named("rankgan", control), gan, ROUNDS * setting.budget.round_sentences)


def cot(setting: Setting, seed: int, done: int) -> Rows:
    """Cooperative training from the start, with as many generator steps as the likelihood model has."""
    from course_utils.training.cot import CoT

    mediator = setting.generator(10_000 + seed, width=64, dropout=0.5)
    model = CoT(setting.generator(seed), mediator, batch_size=BATCH, seed=seed)
    # The published losses are means over the tokens of a sentence.
    model.compile(adam(setting.length, 1e-3), adam(setting.length, 1e-3))
    steps = setting.budget.epochs * (len(setting.real) // BATCH)
    yield from go_on(setting, seed, done, "cot", model, BATCH // 2, steps=steps)


def scratchgan(setting: Setting, seed: int, done: int, control: str | None = None) -> Rows:
    """ScratchGAN from the start with its large batches; its generator writes as many sentences as likelihood reads."""
    from course_utils.models.token_discriminator import TokenDiscriminator
    from course_utils.training.scratchgan import ScratchGAN

    judge = TokenDiscriminator(setting.oracle.vocabulary_size, hidden_dim=64, seed=seed)
    gan = ScratchGAN(setting.generator(seed), judge, control=control, batch_size=LARGE_BATCH, seed=seed)
    gan.compile()
    steps = max(setting.budget.looks, setting.budget.epochs * len(setting.real) // LARGE_BATCH)
    yield from go_on(setting, seed, done, named("scratchgan", control), gan, LARGE_BATCH, steps=steps)


def textgan(setting: Setting, seed: int, done: int) -> Rows:
    """TextGAN at the published batch and rates, with as much work of its discriminator as SeqGAN's.

    Its sentences follow from codes, so they have no likelihood under it: only what the oracle says of them is measured.
    """
    from course_utils.models.code_reader import CodeReader
    from course_utils.models.latent_recurrent import LatentGenerator
    from course_utils.sampling import sample
    from course_utils.training.textgan import TextGAN

    vocabulary, budget = setting.oracle.vocabulary_size, setting.budget
    generator = LatentGenerator(vocabulary, start_token=0, end_token=None, seed=seed)
    generator.take_weights(loaded(setting, seed, "mle"))
    judge = CodeReader(vocabulary, widths=(3, 4, 5), filters=300, seed=seed)
    gan = TextGAN(generator, judge, batch_size=CODES, seed=seed)
    gan.compile()

    def measure(final: bool) -> dict:
        samples = budget.samples if final else budget.curve_samples
        likeliest = sample(generator, samples, setting.length, temperature=0.0, seed=1_000 + seed)
        return setting.measure_written(likeliest)

    steps = max(budget.looks, budget.steps * ROUNDS * EPOCHS * 2 * budget.round_sentences // CODES)
    yield from go_on(setting, seed, done, "textgan", gan, CODES // 2, steps=steps, measure=measure)


ZOO = (maligan, rankgan, cot, scratchgan, textgan)
FROM_SCRATCH = ("cot", "scratchgan")
