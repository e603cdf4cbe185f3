"""Text GANs small enough to train in a test; run as a script it trains one, and can be told to die."""

import sys

import keras
import numpy as np
import tensorflow as tf
from small_gan import DieAtStep, weights
from small_language_model import END, LENGTH, VOCABULARY, make_generator, make_sentences

from course_utils.datasets.batching import shuffled_batches
from course_utils.models.code_reader import CodeReader
from course_utils.models.latent_recurrent import LatentGenerator
from course_utils.models.leak_generator import LeakGenerator
from course_utils.models.relational_memory import RelationalMemoryGenerator
from course_utils.models.text_cnn import TextCNN
from course_utils.models.text_multi_cnn import TextMultiCNN
from course_utils.models.token_discriminator import TokenDiscriminator
from course_utils.training.backup import EpochBackup
from course_utils.training.bleu_score import SentenceBLEU
from course_utils.training.cot import CoT
from course_utils.training.gumbel_gan import GumbelGAN
from course_utils.training.leakgan import LeakGAN
from course_utils.training.maligan import MaliGAN
from course_utils.training.policy_gradient import PolicyGradient
from course_utils.training.rankgan import RankGAN
from course_utils.training.relgan import RelGAN
from course_utils.training.rewards import NoiseReward, RolloutReward
from course_utils.training.scratchgan import ScratchGAN
from course_utils.training.seqgan import SeqGAN
from course_utils.training.textgan import TextGAN

EPOCHS, STEPS = 3, 3
BATCH, ROUNDS, PASSES, PART = 4, 2, 2, 4  # PART: real sentences in a round
ROWS = STEPS * ROUNDS * PART


def fold(key, *numbers):
    """Return the key of a draw that a game makes with these numbers, one folded in after the other."""
    for number in numbers:
        key = tf.random.fold_in(key, number)
    return key


def make_judge(**settings) -> TextCNN:
    small = {"embedding_dim": 4, "widths": (1, 2), "filters": 4, "dropout": 0.3, "seed": 5}
    return TextCNN(VOCABULARY, **small | settings)


def _against_judge(maker, **settings):
    rounds = {"batch_size": BATCH, "discriminator_rounds": ROUNDS, "discriminator_epochs": PASSES, "seed": 7}
    return lambda **changed: maker(make_generator(dropout=0.2), make_judge(), **rounds | settings | changed)


def _against_reward(make_reward, **settings):
    def make(**changed):
        alone = {"batch_size": BATCH, "seed": 7, **settings, **changed}
        return PolicyGradient(make_generator(dropout=0.2), make_reward(), **alone)

    return make


def _cooperating(**changed):
    rounds = {"batch_size": BATCH, "discriminator_rounds": ROUNDS, "discriminator_epochs": PASSES, "seed": 7}
    mediator = make_generator(hidden_dim=8, dropout=0.3, seed=4)
    return CoT(make_generator(dropout=0.2), mediator, **rounds | changed)


def make_relgan(**changed):
    generator = RelationalMemoryGenerator(VOCABULARY, embedding_dim=4, slots=2, head_dim=3, dropout=0.2, seed=3)
    judge = TextMultiCNN(
        VOCABULARY, embedding_dim=6, representations=3, widths=(2, 3), filters=4, hidden_dim=5, dropout=0.3, seed=5
    )
    rounds = {"batch_size": BATCH, "discriminator_rounds": ROUNDS, "discriminator_epochs": PASSES, "seed": 7}
    return RelGAN(generator, judge, **{"annealing_steps": 9, "inverse_temperature": 20.0} | rounds | changed)


def make_scratchgan(**changed):
    judge = TokenDiscriminator(VOCABULARY, embedding_dim=4, hidden_dim=5, dropout=0.3, l2=1e-3, seed=5)
    rounds = {"batch_size": BATCH, "discriminator_rounds": ROUNDS, "discriminator_epochs": PASSES, "seed": 7}
    return ScratchGAN(make_generator(dropout=0.2), judge, **rounds | changed)


def make_leakgan(**changed):
    network = {name: changed.pop(name) for name in ("leak", "manager", "dropout") if name in changed}
    sizes = {"length": LENGTH, "embedding_dim": 4, "hidden_dim": 5, "goal_dim": 3, "horizon": 2, "dropout": 0.2}
    generator = LeakGenerator(make_judge(), **sizes | network, seed=3)
    rounds = {"batch_size": BATCH, "discriminator_rounds": ROUNDS, "discriminator_epochs": PASSES, "seed": 7}
    return LeakGAN(generator, **{"n_rollouts": 2, "supervised_every": 3} | rounds | changed)


def make_textgan(**changed):
    generator = LatentGenerator(VOCABULARY, code_dim=3, embedding_dim=4, hidden_dim=6, dropout=0.2, seed=3)
    judge = CodeReader(VOCABULARY, code_dim=3, embedding_dim=4, widths=(1, 2), filters=4, dropout=0.3, seed=5)
    rounds = {"batch_size": BATCH, "discriminator_rounds": ROUNDS, "discriminator_epochs": PASSES, "seed": 7}
    # Soft enough for a gradient; with narrow kernels, since the features are small.
    return TextGAN(generator, judge, **{"sharpness": 5.0, "bandwidths": (0.2, 1.0)} | rounds | changed)


# Every method that `TextGame` runs; the shared tests go through all of them.
GAMES = {
    "seqgan": _against_judge(SeqGAN, n_rollouts=2),
    "delayed": _against_judge(SeqGAN, n_rollouts=2, rollout_delay=0.5, control="shuffled", baseline=True),
    "gumbel": _against_judge(GumbelGAN, temperature=keras.optimizers.schedules.ExponentialDecay(2.0, 4, 0.5)),
    "bleu": _against_reward(
        lambda: RolloutReward(SentenceBLEU(make_sentences(12), max_n=2, end_token=END), 2), baseline=True
    ),
    "noise": _against_reward(NoiseReward, generator_steps=2),
    "maligan": _against_judge(
        MaliGAN,
        forced_tokens=keras.optimizers.schedules.PolynomialDecay(3.0, 4, 0.0),
        samples_per_prefix=2,
        likelihood_weight=0.5,
    ),
    "rankgan": _against_judge(RankGAN, n_rollouts=2, references=3),
    "cot": _cooperating,
    "relgan": make_relgan,
    "leakgan": make_leakgan,
    "scratchgan": make_scratchgan,
    "textgan": make_textgan,
}


def make_batches(seed: int = 1):
    return shuffled_batches(make_sentences(ROWS), ROUNDS * PART, seed=seed)


def make_game(name: str, *, optimizers=None, compiled: dict | None = None, **settings):
    """Return a game with Adam for all, so that moments are part of what has to be kept."""
    game = GAMES[name](**settings)
    both = optimizers or (keras.optimizers.Adam(0.05), keras.optimizers.Adam(0.05))
    # XLA takes seconds to compile.
    game.compile(*(both if game.discriminator is not None else both[:1]), **{"jit_compile": False, **(compiled or {})})
    return game


def main() -> None:
    name, folder, die_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
    tf.config.experimental.enable_op_determinism()
    batches = make_batches()
    game = make_game(name)
    keep = EpochBackup(folder, batches)
    game.fit(batches, epochs=EPOCHS, verbose=0, callbacks=[keep, DieAtStep(die_at)])
    np.savez(sys.argv[4], *weights(game), losses=keep.history["generator_loss"])


if __name__ == "__main__":
    main()
