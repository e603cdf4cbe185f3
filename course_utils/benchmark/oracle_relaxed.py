"""Further methods of the oracle benchmark: RelGAN, and a Transformer that learns from a Transformer.

Their generators are not the likelihood model's network. Each learns by likelihood first, in a row of its own, which is
what its games have to be compared with.
"""

from __future__ import annotations

from course_utils.benchmark.oracle_phases import Rows, adam, go_on, likelihood, loaded, named
from course_utils.benchmark.oracle_setting import BATCH, EPOCHS, ROUNDS, Setting

MINIBATCHES = 5  # of RelGAN's discriminator after each generator step, as published
TRANSFORMER_RATE = 1e-3  # of its own learning, a tenth of the recurrent networks'
GAME_RATE = 1e-4


def memory(setting: Setting, seed: int, done: int) -> Rows:
    """Maximum likelihood of RelGAN's generator, the relational memory."""
    yield from likelihood(setting, seed, done, "memory", generator=_memory(setting, seed))


def relgan(setting: Setting, seed: int, done: int) -> Rows:
    """RelGAN at the published sizes; its inverse temperature rises to 100 over the budget's steps, as for real text."""
    yield from _relgan(setting, seed, done, "relgan", 100.0)


def relgan_flat(setting: Setting, seed: int, done: int) -> Rows:
    """RelGAN with the inverse temperature of its published oracle results, which stays at 1 for 20 tokens.

    For 40 it rises to 2. Both by the authors' answer in issue 22 of their repository.
    """
    yield from _relgan(setting, seed, done, "relgan_flat", {20: 1.0, 40: 2.0}[setting.length])


def transformer(setting: Setting, seed: int, done: int) -> Rows:
    """Maximum likelihood of a Transformer."""
    generator = _transformer(setting, seed)
    yield from likelihood(setting, seed, done, "transformer", generator=generator, rate=TRANSFORMER_RATE)


def transformer_gsgan(setting: Setting, seed: int, done: int) -> Rows:
    """The Gumbel-softmax GAN of a Transformer and a Transformer discriminator."""
    import keras

    from course_utils.training.gumbel_gan import GumbelGAN

    minibatches = ROUNDS * EPOCHS * 2 * setting.budget.round_sentences // BATCH
    gan = GumbelGAN(
        loaded(setting, seed, "transformer", _transformer(setting, seed)),
        _judge(setting, seed),
        temperature=keras.optimizers.schedules.ExponentialDecay(1.0, setting.budget.steps, 0.1),
        batch_size=BATCH,
        discriminator_rounds=minibatches,
        seed=seed,
    )
    gan.compile(keras.optimizers.Adam(GAME_RATE), keras.optimizers.Adam(GAME_RATE))
    yield from go_on(setting, seed, done, "transformer_gsgan", gan, minibatches * BATCH // 2, calls=True)


def transformer_seqgan(setting: Setting, seed: int, done: int, control: str | None = None) -> Rows:
    """SeqGAN of a Transformer and a Transformer discriminator, which learns from the start of the game only."""
    import keras

    from course_utils.training.seqgan import SeqGAN

    gan = SeqGAN(
        loaded(setting, seed, "transformer", _transformer(setting, seed)),
        _judge(setting, seed),
        control=control,
        batch_size=BATCH,
        discriminator_rounds=ROUNDS,
        discriminator_epochs=EPOCHS,
        seed=seed,
    )
    gan.compile(adam(1 / BATCH, TRANSFORMER_RATE), keras.optimizers.Adam(GAME_RATE))
    batch = ROUNDS * setting.budget.round_sentences
    yield from go_on(setting, seed, done, named("transformer_seqgan", control), gan, batch, calls=True)


def _relgan(setting: Setting, seed: int, done: int, name: str, inverse_temperature: float) -> Rows:
    from course_utils.models.text_multi_cnn import TextMultiCNN
    from course_utils.training.relgan import RelGAN

    gan = RelGAN(
        loaded(setting, seed, "memory", _memory(setting, seed)),
        TextMultiCNN(setting.oracle.vocabulary_size, length=setting.length, seed=seed),
        annealing_steps=setting.budget.steps,
        inverse_temperature=inverse_temperature,
        batch_size=BATCH,
        discriminator_rounds=MINIBATCHES,
        seed=seed,
    )
    gan.compile()
    yield from go_on(setting, seed, done, name, gan, MINIBATCHES * BATCH)


def _memory(setting: Setting, seed: int):
    from course_utils.models.relational_memory import RelationalMemoryGenerator

    return RelationalMemoryGenerator(setting.oracle.vocabulary_size, start_token=0, end_token=None, seed=seed)


def _transformer(setting: Setting, seed: int):
    from course_utils.models.transformer import TransformerGenerator

    return TransformerGenerator(
        setting.oracle.vocabulary_size, max_length=setting.length, start_token=0, end_token=None, seed=seed
    )


def _judge(setting: Setting, seed: int):
    from course_utils.models.text_transformer import TextTransformer

    return TextTransformer(setting.oracle.vocabulary_size, max_length=setting.length, seed=seed)


RELAXED = (memory, relgan, relgan_flat, transformer, transformer_gsgan, transformer_seqgan)
# What each starts from; the others from nothing.
RELAXED_STARTS = {
    "relgan": "memory",
    "relgan_flat": "memory",
    "transformer_gsgan": "transformer",
    "transformer_seqgan": "transformer",
}
