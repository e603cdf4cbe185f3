"""The games of ``train``: each method's networks, optimisers and pretraining."""

from __future__ import annotations

import pathlib

import keras
import numpy as np

from course_utils.datasets.batching import shuffled_batches
from course_utils.models.text_cnn import TextCNN
from course_utils.train.corpus import Corpus
from course_utils.train.game_settings import GameSettings, GsganSettings, PolicySettings, SeqganSettings
from course_utils.training.backup import EpochBackup
from course_utils.training.bleu_score import SentenceBLEU
from course_utils.training.gumbel_gan import GumbelGAN
from course_utils.training.policy_gradient import PolicyGradient
from course_utils.training.rewards import RolloutReward
from course_utils.training.seqgan import SeqGAN
from course_utils.training.text_game import TextGame

EPOCHS = 3  # passes of the discriminator over the sentences of a round, SeqGAN's k
DISCRIMINATOR_RATE = 1e-4


def build_game(
    method: str, settings: GameSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path
) -> tuple[TextGame, int]:
    """Return the compiled game, its discriminator pretrained, and the real sentences that a training step takes."""
    builders = {"seqgan": _seqgan, "gsgan": _gsgan, "pgbleu": _pgbleu}
    return builders[method](settings, corpus, generator, warm_up_folder)


def _adam(settings: GameSettings):
    return keras.optimizers.Adam(settings.game_rate, global_clipnorm=1.0)


def _judge(settings: GameSettings, corpus: Corpus) -> TextCNN:
    return TextCNN(len(corpus.vocabulary), length=corpus.length, seed=settings.seed)


def _seqgan(settings: SeqganSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    judge, half = _judge(settings, corpus), settings.batch // 2
    part = len(corpus.training) // half * half  # a round of the pretraining takes the corpus, less what fills no half
    warm = SeqGAN(
        generator,
        judge,
        batch_size=settings.batch,
        generator_steps=0,
        discriminator_rounds=1,
        discriminator_epochs=EPOCHS,
        seed=settings.seed,
    )
    warm.compile(discriminator_optimizer=keras.optimizers.Adam(DISCRIMINATOR_RATE))
    batches = shuffled_batches(corpus.training, part, seed=settings.seed)
    backup = EpochBackup(warm_up_folder, batches, delete_checkpoint=False)
    warm.fit(batches, epochs=settings.warm_up, verbose=0, callbacks=[backup])
    game = SeqGAN(
        generator,
        judge,
        n_rollouts=settings.rollouts,
        baseline=settings.baseline,
        batch_size=settings.batch,
        discriminator_rounds=-(-settings.minibatches // EPOCHS),
        discriminator_epochs=EPOCHS,
        seed=settings.seed,
    )
    game.compile(_adam(settings), warm.discriminator_optimizer)
    return game, game.settings["discriminator_rounds"] * half


def _gsgan(settings: GsganSettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    game = GumbelGAN(
        generator,
        _judge(settings, corpus),
        temperature=keras.optimizers.schedules.ExponentialDecay(1.0, settings.steps, 0.1),
        batch_size=settings.batch,
        discriminator_rounds=settings.minibatches,
        seed=settings.seed,
    )
    game.compile(_adam(settings), keras.optimizers.Adam(DISCRIMINATOR_RATE))
    return game, settings.minibatches * settings.batch // 2


def _pgbleu(settings: PolicySettings, corpus: Corpus, generator, warm_up_folder: pathlib.Path):
    score = SentenceBLEU(np.asarray(corpus.training), end_token=generator.end_token)
    game = PolicyGradient(
        generator,
        RolloutReward(score, settings.rollouts),
        baseline=settings.baseline,
        batch_size=settings.batch,
        seed=settings.seed,
    )
    game.compile(_adam(settings))
    return game, settings.batch
