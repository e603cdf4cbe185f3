"""The text GANs at the oracle benchmark's setting as they are before their first step: to be timed, not judged.

Networks, settings and optimisers are those of the rows in `oracle_methods`, `oracle_zoo`, `oracle_relaxed` and
`oracle_leak`; no weight has learned anything, which no step's duration depends on.
"""

from __future__ import annotations

from collections.abc import Callable

from course_utils.benchmark.oracle_leak import DISCRIMINATOR_RATE, GENERATOR_RATE
from course_utils.benchmark.oracle_phases import adam
from course_utils.benchmark.oracle_relaxed import GAME_RATE, MINIBATCHES, TRANSFORMER_RATE
from course_utils.benchmark.oracle_setting import BATCH, EPOCHS, ROUNDS, Setting
from course_utils.benchmark.oracle_zoo import CODES, LARGE_BATCH

ROUND = {"batch_size": BATCH, "discriminator_rounds": ROUNDS, "discriminator_epochs": EPOCHS}
CRITIC_STEPS = 10  # of the character model, as published


def seqgan(setting: Setting) -> tuple:
    """Return SeqGAN, and the real sentences of a training step."""
    from course_utils.training.seqgan import SeqGAN

    gan = SeqGAN(setting.generator(0), setting.discriminator(0), **ROUND)
    return _compiled(gan, adam(1 / BATCH), _adam(1e-4)), ROUNDS * setting.budget.round_sentences


def pgbleu(setting: Setting) -> tuple:
    """Return policy gradient with BLEU against all real sentences, and the real sentences of a training step."""
    from course_utils.training.bleu_score import SentenceBLEU
    from course_utils.training.policy_gradient import PolicyGradient
    from course_utils.training.rewards import RolloutReward

    reward = RolloutReward(SentenceBLEU(setting.real))
    model = PolicyGradient(setting.generator(0), reward, batch_size=BATCH)
    return _compiled(model, adam(1 / BATCH)), BATCH


def maligan(setting: Setting) -> tuple:
    """Return MaliGAN with its mixed training, and the real sentences of a training step."""
    import keras

    from course_utils.training.maligan import MaliGAN

    decay, steps = keras.optimizers.schedules.PolynomialDecay, setting.budget.steps
    scheduled = {"forced_tokens": decay(setting.length - 1.0, steps, 0.0), "baseline": decay(0.0, steps, 1.0)}
    gan = MaliGAN(setting.generator(0), setting.discriminator(0), **scheduled, **ROUND)
    return _compiled(gan, adam(), _adam(1e-4)), ROUNDS * setting.budget.round_sentences


def rankgan(setting: Setting) -> tuple:
    """Return RankGAN, and the real sentences of a training step."""
    from course_utils.training.rankgan import RankGAN

    gan = RankGAN(setting.generator(0), setting.discriminator(0), **ROUND)
    return _compiled(gan, adam(1 / BATCH), _adam(1e-4)), ROUNDS * setting.budget.round_sentences


def leakgan(setting: Setting) -> tuple:
    """Return LeakGAN, and the real sentences of a training step."""
    from course_utils.models.leak_generator import LeakGenerator
    from course_utils.training.leakgan import LeakGAN

    generator = LeakGenerator(setting.discriminator(0), length=setting.length, start_token=0, end_token=None)
    gan = LeakGAN(generator, **ROUND)
    optimizers = adam(setting.length, GENERATOR_RATE), _adam(DISCRIMINATOR_RATE)
    return _compiled(gan, *optimizers), ROUNDS * setting.budget.round_sentences


def gsgan(setting: Setting) -> tuple:
    """Return the Gumbel-softmax GAN, and the real sentences of a training step."""
    return _gumbel(setting, setting.generator(0), setting.discriminator(0))


def relgan(setting: Setting) -> tuple:
    """Return RelGAN, and the real sentences of a training step."""
    from course_utils.models.relational_memory import RelationalMemoryGenerator
    from course_utils.models.text_multi_cnn import TextMultiCNN
    from course_utils.training.relgan import RelGAN

    vocabulary = setting.oracle.vocabulary_size
    gan = RelGAN(
        RelationalMemoryGenerator(vocabulary, start_token=0, end_token=None),
        TextMultiCNN(vocabulary, length=setting.length),
        annealing_steps=setting.budget.steps,
        batch_size=BATCH,
        discriminator_rounds=MINIBATCHES,
    )
    return _compiled(gan), MINIBATCHES * BATCH


def textgan(setting: Setting) -> tuple:
    """Return TextGAN, and the real sentences of a training step."""
    from course_utils.models.code_reader import CodeReader
    from course_utils.models.latent_recurrent import LatentGenerator
    from course_utils.training.textgan import TextGAN

    vocabulary = setting.oracle.vocabulary_size
    generator = LatentGenerator(vocabulary, start_token=0, end_token=None)
    gan = TextGAN(generator, CodeReader(vocabulary, widths=(3, 4, 5), filters=300), batch_size=CODES)
    return _compiled(gan), CODES // 2


def scratchgan(setting: Setting) -> tuple:
    """Return ScratchGAN, and the real sentences of a training step."""
    from course_utils.models.token_discriminator import TokenDiscriminator
    from course_utils.training.scratchgan import ScratchGAN

    judge = TokenDiscriminator(setting.oracle.vocabulary_size, hidden_dim=64)
    return _compiled(ScratchGAN(setting.generator(0), judge, batch_size=LARGE_BATCH)), LARGE_BATCH


def cot(setting: Setting) -> tuple:
    """Return cooperative training, and the real sentences of a training step."""
    from course_utils.training.cot import CoT

    mediator = setting.generator(10_000, width=64, dropout=0.5)
    model = CoT(setting.generator(0), mediator, batch_size=BATCH)
    return _compiled(model, adam(setting.length, 1e-3), adam(setting.length, 1e-3)), BATCH // 2


def transformer_seqgan(setting: Setting) -> tuple:
    """Return SeqGAN of two Transformers, and the real sentences of a training step."""
    from course_utils.training.seqgan import SeqGAN

    gan = SeqGAN(*_transformers(setting), **ROUND)
    optimizers = adam(1 / BATCH, TRANSFORMER_RATE), _adam(GAME_RATE)
    return _compiled(gan, *optimizers), ROUNDS * setting.budget.round_sentences


def transformer_gsgan(setting: Setting) -> tuple:
    """Return the Gumbel-softmax GAN of two Transformers, and the real sentences of a training step."""
    return _gumbel(setting, *_transformers(setting))


def char_wgan(setting: Setting) -> tuple:
    """Return the WGAN-GP character model with the benchmark's words as its alphabet, and a step's real sentences.

    It has no row in the benchmark: its networks are published for an alphabet.
    """
    from course_utils.models.char_resnet import build_char_critic, build_char_generator
    from course_utils.training.char_wgan import CharWGAN

    sizes = {"vocabulary_size": setting.oracle.vocabulary_size, "length": setting.length}
    gan = CharWGAN(build_char_generator(**sizes), build_char_critic(**sizes), critic_steps=CRITIC_STEPS)
    return _compiled(gan), CRITIC_STEPS * BATCH


ORACLE_GAMES: dict[str, Callable[[Setting], tuple]] = {
    game.__name__: game
    for game in (
        seqgan,
        pgbleu,
        maligan,
        rankgan,
        leakgan,
        gsgan,
        relgan,
        textgan,
        scratchgan,
        cot,
        transformer_seqgan,
        transformer_gsgan,
        char_wgan,
    )
}


def _gumbel(setting: Setting, generator, discriminator) -> tuple:
    import keras

    from course_utils.training.gumbel_gan import GumbelGAN

    minibatches = ROUNDS * EPOCHS * 2 * setting.budget.round_sentences // BATCH
    temperature = keras.optimizers.schedules.ExponentialDecay(1.0, setting.budget.steps, 0.1)
    gan = GumbelGAN(
        generator, discriminator, temperature=temperature, batch_size=BATCH, discriminator_rounds=minibatches
    )
    return _compiled(gan, _adam(GAME_RATE), _adam(GAME_RATE)), minibatches * BATCH // 2


def _transformers(setting: Setting) -> tuple:
    from course_utils.models.text_transformer import TextTransformer
    from course_utils.models.transformer import TransformerGenerator

    vocabulary, length = setting.oracle.vocabulary_size, setting.length
    generator = TransformerGenerator(vocabulary, max_length=length, start_token=0, end_token=None)
    return generator, TextTransformer(vocabulary, max_length=length)


def _adam(rate: float):
    import keras

    return keras.optimizers.Adam(rate)


def _compiled(game, *optimizers):
    game.compile(*optimizers)
    return game
