"""The games of ``train``: each method's networks, optimisers and pretraining."""

from __future__ import annotations

import dataclasses
import pathlib

import keras
import numpy as np

from course_utils.datasets.batching import shuffled_batches
from course_utils.models.code_reader import CodeReader
from course_utils.models.latent_recurrent import LatentGenerator
from course_utils.models.leak_generator import LeakGenerator
from course_utils.models.text_cnn import TextCNN
from course_utils.models.text_discriminator import TextDiscriminator
from course_utils.models.text_multi_cnn import TextMultiCNN
from course_utils.models.text_transformer import TextTransformer
from course_utils.models.token_discriminator import TokenDiscriminator
from course_utils.train.corpus import Corpus
from course_utils.train.game_settings import (
    CotSettings,
    GameSettings,
    GsganSettings,
    LeakganSettings,
    MaliganSettings,
    PolicySettings,
    RankganSettings,
    RelganSettings,
    ScratchganSettings,
    SeqganSettings,
    TextganSettings,
)
from course_utils.train.mle import build_generator
from course_utils.training.backup import EpochBackup
from course_utils.training.bleu_score import SentenceBLEU
from course_utils.training.cot import CoT
from course_utils.training.gumbel_gan import GumbelGAN
from course_utils.training.leakgan import LeakGAN
from course_utils.training.maligan import MaliGAN
from course_utils.training.policy_gradient import PolicyGradient
from course_utils.training.rankgan import RankGAN
from course_utils.training.relgan import RelGAN
from course_utils.training.rewards import RolloutReward
from course_utils.training.scratchgan import ScratchGAN
from course_utils.training.seqgan import SeqGAN
from course_utils.training.text_game import TextGame
from course_utils.training.textgan import TextGAN

EPOCHS = 3  # passes of the discriminator over the sentences of a round, SeqGAN's k
DISCRIMINATOR_RATE = 1e-4
MEDIATOR_DROPOUT = 0.5  # as published
HORIZON = 4  # tokens that a goal of LeakGAN's looks ahead, as published
GOAL = 16  # numbers of its projected goal, as published
READER_WIDTHS = (3, 4, 5)  # of the windows of TextGAN's discriminator, as published


def build_game(
    method: str, settings: GameSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path
) -> tuple[TextGame, int]:
    """Return the compiled game and the real sentences that a training step takes.

    Where the method wants it, the discriminator has learned before. The game's generator is the given language model,
    but for LeakGAN and TextGAN, which have networks of their own kind.
    """
    builders = {
        "seqgan": _seqgan,
        "gsgan": _gsgan,
        "pgbleu": _pgbleu,
        "maligan": _maligan,
        "rankgan": _rankgan,
        "leakgan": _leakgan,
        "textgan": _textgan,
        "cot": _cot,
        "relgan": _relgan,
        "scratchgan": _scratchgan,
    }
    return builders[method](settings, corpus, generator, warm_up_folder)


def _adam(settings: GameSettings):
    return keras.optimizers.Adam(settings.game_rate, global_clipnorm=1.0)


def _judge(settings: GameSettings, corpus: Corpus) -> TextCNN:
    return TextCNN(len(corpus.vocabulary), length=corpus.length, seed=settings.seed, **_filters(settings))


def _chosen_judge(settings: SeqganSettings | GsganSettings, corpus: Corpus) -> TextDiscriminator:
    if settings.discriminator == "cnn":
        return _judge(settings, corpus)
    return TextTransformer(len(corpus.vocabulary), max_length=corpus.length, seed=settings.seed)


def _filters(settings: GameSettings) -> dict:
    return {} if settings.filters is None else {"filters": settings.filters}


def _shared(settings: GameSettings) -> dict:
    """Return what every game is told."""
    return {"batch_size": settings.batch, "likelihood_weight": settings.likelihood_weight, "seed": settings.seed}


def _judged(
    game: type[TextGame],
    judge,
    settings,
    corpus: Corpus,
    generator,
    warm_up_folder: pathlib.Path,
    *,
    judging=None,
    **own,
):
    """Return a game whose discriminator has learned by the game's own loss before, and so by ``judging``."""
    judging, half = judging or {}, settings.batch // 2
    part = len(corpus.training) // half * half  # a round of the pretraining takes the corpus, less what fills no half
    warm = game(
        generator,
        judge,
        batch_size=settings.batch,
        generator_steps=0,
        discriminator_rounds=1,
        discriminator_epochs=EPOCHS,
        seed=settings.seed,
        **judging,
    )
    warm.compile(discriminator_optimizer=keras.optimizers.Adam(DISCRIMINATOR_RATE))
    batches = shuffled_batches(corpus.training, part, seed=settings.seed)
    backup = EpochBackup(warm_up_folder, batches, delete_checkpoint=False)
    warm.fit(batches, epochs=settings.warm_up, verbose=0, callbacks=[backup])
    rounds = {"discriminator_rounds": -(-settings.minibatches // EPOCHS), "discriminator_epochs": EPOCHS}
    played = game(generator, judge, **judging, **own, **rounds, **_shared(settings))
    played.compile(_adam(settings), warm.discriminator_optimizer)
    return played, rounds["discriminator_rounds"] * half


def _seqgan(settings: SeqganSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    own = {"n_rollouts": settings.rollouts, "baseline": settings.baseline}
    return _judged(SeqGAN, _chosen_judge(settings, corpus), settings, corpus, generator, warm_up_folder, **own)


def _maligan(settings: MaliganSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    decay = keras.optimizers.schedules.PolynomialDecay
    own = {
        # With all tokens forced the discriminator would see real sentences on both sides.
        "forced_tokens": decay(corpus.length - 1.0, settings.steps, 0.0),
        "baseline": decay(0.0, settings.steps, 1.0),
        "samples_per_prefix": settings.samples,
    }
    return _judged(MaliGAN, _judge(settings, corpus), settings, corpus, generator, warm_up_folder, **own)


def _rankgan(settings: RankganSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    own = {"n_rollouts": settings.rollouts, "judging": {"references": settings.references}}
    return _judged(RankGAN, _judge(settings, corpus), settings, corpus, generator, warm_up_folder, **own)


def _leakgan(settings: LeakganSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    writer = LeakGenerator(
        _judge(settings, corpus),
        length=corpus.length,
        embedding_dim=settings.size,
        # Its output reads GOAL products of each unit. A quarter of the default size is the published 32.
        hidden_dim=max(1, settings.size // 4),
        goal_dim=GOAL,
        horizon=min(HORIZON, corpus.length),
        dropout=settings.dropout,
        seed=settings.seed,
    )
    learning = LeakGAN(
        writer,
        supervised_every=1,
        batch_size=settings.batch,
        discriminator_rounds=1,
        discriminator_epochs=EPOCHS,
        seed=settings.seed,
    )
    learning.compile(
        keras.optimizers.Adam(settings.learning_rate, global_clipnorm=1.0), keras.optimizers.Adam(DISCRIMINATOR_RATE)
    )
    batches = shuffled_batches(corpus.training, settings.batch, seed=settings.seed)
    backup = EpochBackup(warm_up_folder, batches, delete_checkpoint=False)
    learning.fit(batches, epochs=settings.pretraining, verbose=0, callbacks=[backup])
    rounds = {"discriminator_rounds": -(-settings.minibatches // EPOCHS), "discriminator_epochs": EPOCHS}
    game = LeakGAN(writer, n_rollouts=settings.rollouts, **rounds, **_shared(settings))
    game.compile(_adam(settings), learning.discriminator_optimizer)
    return game, rounds["discriminator_rounds"] * settings.batch // 2


def _textgan(settings: TextganSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    writer = LatentGenerator(**generator.settings)
    writer.take_weights(generator)
    reader = CodeReader(
        len(corpus.vocabulary),
        widths=READER_WIDTHS,
        filters=settings.filters,
        length=corpus.length,
        seed=settings.seed,
    )
    game = TextGAN(writer, reader, discriminator_rounds=settings.minibatches, **_shared(settings))
    game.compile(_adam(settings))
    return game, settings.minibatches * settings.batch // 2


def _cot(settings: CotSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    wider = dataclasses.replace(
        settings.likelihood(), size=2 * settings.size, dropout=MEDIATOR_DROPOUT, seed=settings.seed + 1
    )
    mediator = build_generator(wider, len(corpus.vocabulary), corpus.length)
    game = CoT(generator, mediator, discriminator_rounds=settings.minibatches, **_shared(settings))
    game.compile(_adam(settings), keras.optimizers.Adam(settings.game_rate, global_clipnorm=1.0))
    return game, settings.minibatches * settings.batch // 2


def _gsgan(settings: GsganSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    game = GumbelGAN(
        generator,
        _chosen_judge(settings, corpus),
        temperature=keras.optimizers.schedules.ExponentialDecay(1.0, settings.steps, 0.1),
        discriminator_rounds=settings.minibatches,
        **_shared(settings),
    )
    game.compile(_adam(settings), keras.optimizers.Adam(DISCRIMINATOR_RATE))
    return game, settings.minibatches * settings.batch // 2


def _relgan(settings: RelganSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    game = RelGAN(
        generator,
        TextMultiCNN(len(corpus.vocabulary), length=corpus.length, seed=settings.seed, **_filters(settings)),
        annealing_steps=settings.steps,
        inverse_temperature=settings.inverse_temperature,
        discriminator_rounds=settings.minibatches,
        **_shared(settings),
    )
    game.compile(_adam(settings), keras.optimizers.Adam(DISCRIMINATOR_RATE, global_clipnorm=5.0))
    return game, settings.minibatches * settings.batch


def _scratchgan(settings: ScratchganSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    game = ScratchGAN(
        generator,
        TokenDiscriminator(len(corpus.vocabulary), hidden_dim=settings.size, seed=settings.seed),
        discount=settings.discount,
        discriminator_rounds=settings.minibatches,
        **_shared(settings),
    )
    game.compile(_adam(settings))
    return game, settings.minibatches * settings.batch


def _pgbleu(settings: PolicySettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    score = SentenceBLEU(np.asarray(corpus.training), end_token=generator.end_token)
    game = PolicyGradient(
        generator,
        RolloutReward(score, settings.rollouts),
        baseline=settings.baseline,
        **_shared(settings),
    )
    game.compile(_adam(settings))
    return game, settings.batch
