"""Games played side by side against the same games played one by one."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_game import keras_copy, play_round

from course_utils.training.lookahead import Lookahead
from course_utils.training.side_by_side import Contestant, SideBySide
from course_utils.worlds.mixtures_2d import GaussianMixture2D, ring

SGD = keras.optimizers.SGD
KINDS = {
    "SGD": Contestant(lambda: keras.optimizers.SGD(0.05), lambda: keras.optimizers.SGD(0.1)),
    "Adam": Contestant(lambda: keras.optimizers.Adam(1e-3), lambda: keras.optimizers.Adam(1e-3, beta_1=0.5)),
    "R1": Contestant(lambda: keras.optimizers.SGD(0.05), lambda: keras.optimizers.SGD(0.05), r1=0.5),
    "clipped": Contestant(lambda: keras.optimizers.SGD(0.5), lambda: keras.optimizers.SGD(0.5), clip_norm=0.1),
}

PLAIN = {"SGD": KINDS["SGD"]}


def games(contestants=KINDS, seeds=(3, 5), **options):
    return SideBySide(contestants, seeds, ring(), hidden=6, batch=8, **options)


def state(played, name, seed):
    """Return one game's samples; equal samples from equal noise mean equal generators."""
    points = played.sample(50, seed=1)
    return points[list(played.contestants).index(name), played.seeds.index(seed)]


@pytest.mark.parametrize("name", KINDS)
def test_rounds_equal_the_algorithm_written_out_with_keras(name):
    played = games()
    position, seed = list(KINDS).index(name), 1
    generator = keras_copy(played._networks[0], played._generators[position].numpy()[seed])
    discriminator = keras_copy(played._networks[1], played._discriminators[position].numpy()[seed])
    optimizers = KINDS[name].generator_optimizer(), KINDS[name].discriminator_optimizer()
    for step in range(3):
        real, noise = played._draw(played.seeds[seed], step)
        by_hand = play_round(generator, discriminator, real, noise, KINDS[name], optimizers)
        losses = played.play(1)
        found = [losses[which][position, seed] for which in ("discriminator_loss", "generator_loss")]
        np.testing.assert_allclose(found, by_hand, rtol=1e-5)
    for rows, network in ((played._generators, generator), (played._discriminators, discriminator)):
        weights = np.concatenate([weight.numpy().ravel() for weight in network.trainable_variables])
        np.testing.assert_allclose(rows[position].numpy()[seed], weights, atol=2e-5)


def test_a_game_does_not_depend_on_the_games_beside_it():
    together, alone = games(), games({"Adam": KINDS["Adam"]}, seeds=[5])
    together.play(5)
    alone.play(5)
    np.testing.assert_allclose(state(together, "Adam", 5), state(alone, "Adam", 5), atol=1e-5)


def test_contestants_of_a_seed_begin_alike_and_seeds_differ():
    played = games()
    points = played.sample(50, seed=1)
    assert np.ptp(points, axis=0).max() < 1e-6
    assert np.ptp(points, axis=1).max() > 1e-2
    first = played.play(1)["discriminator_loss"]
    assert np.ptp(first, axis=0).max() < 1e-6
    assert abs(first[0, 0] - first[0, 1]) > 1e-4


def test_a_game_that_runs_away_leaves_the_others_alone():
    wild = {"wild": Contestant(lambda: keras.optimizers.SGD(1e30), lambda: keras.optimizers.SGD(1e30))}
    played, calm = games({**wild, "Adam": KINDS["Adam"]}), games({"Adam": KINDS["Adam"]})
    losses = played.play(4)
    calm.play(4)
    assert not np.isfinite(losses["generator_loss"][0]).any()
    np.testing.assert_allclose(state(played, "Adam", 3), state(calm, "Adam", 3), atol=1e-5)


def test_pieces_of_a_run_give_the_whole_run():
    whole, pieces = games(), games()
    losses = whole.play(5)["generator_loss"]
    parts = [2 * pieces.play(2)["generator_loss"], 3 * pieces.play(3)["generator_loss"]]
    np.testing.assert_allclose(losses, sum(parts) / 5, rtol=1e-5)
    np.testing.assert_allclose(whole.sample(50, seed=1), pieces.sample(50, seed=1), atol=1e-6)
    assert whole.steps_done == pieces.steps_done == 5


def test_xla_changes_nothing_but_the_last_digits():
    plain, compiled = games(), games(jit=True)
    plain.play(3)
    compiled.play(3)
    np.testing.assert_allclose(plain.sample(50, seed=1), compiled.sample(50, seed=1), atol=1e-4)


def test_data_come_from_the_mixture_with_its_weights():
    mixture = GaussianMixture2D([[0.0, 0.0], [10.0, 0.0]], deviation=0.5, weights=[0.2, 0.8])
    played = SideBySide(PLAIN, [0], mixture, batch=20_000)
    real, noise = (part.numpy() for part in played._draw(0, 7))
    right = real[:, 0] > 5
    assert right.mean() == pytest.approx(0.8, abs=0.01)
    np.testing.assert_allclose(real[right].std(0), 0.5, rtol=0.03)
    np.testing.assert_allclose(noise.std(axis=(1, 2)), 1, rtol=0.03)
    assert np.abs(np.corrcoef(noise[0, :, 0], noise[1, :, 0])[0, 1]) < 0.03  # fresh noise for each player
    assert np.abs(np.corrcoef(noise[0, :, 0], played._draw(0, 8)[1].numpy()[0, :, 0])[0, 1]) < 0.03


def test_every_draw_is_its_own(monkeypatch):
    played = SideBySide(PLAIN, [3, 5], ring(), batch=2_000)
    labels, streams, keys = [], [], []
    for draw in ("stateless_normal", "stateless_categorical"):
        function = getattr(tf.random, draw)
        monkeypatch.setattr(
            tf.random, draw, lambda *given, seed, function=function: keys.append(seed) or function(*given, seed=seed)
        )
    for seed in played.seeds:
        for step in range(3):
            real, noise = (part.numpy() for part in played._draw(seed, step))
            offsets = real[:, None] - played._means.numpy()  # (B, K, 2)
            labels.append(np.linalg.norm(offsets, axis=-1).argmin(axis=1))
            streams += [offsets[np.arange(len(real)), labels[-1]].ravel(), *noise.reshape(2, -1)]
    assert len(set(keys)) == len(keys) == 2 * 3 * 3  # modes and jitter of one key hardly show it below
    # Of eight modes of equal weight two independent draws agree once in eight times.
    agree = [(one == other).mean() for index, one in enumerate(labels) for other in labels[:index]]
    np.testing.assert_allclose(agree, 1 / 8, atol=0.05)
    correlations = np.corrcoef(streams) - np.eye(len(streams))
    assert np.abs(correlations).max() < 0.1  # 4,000 numbers each: 0.016 is usual


def test_players_of_a_game_begin_unlike_and_samples_have_a_seed():
    played = games(PLAIN)
    for generator, discriminator in zip(played._generators[0].numpy(), played._discriminators[0].numpy(), strict=True):
        assert np.abs(generator[:12] - discriminator[:12]).min() > 1e-3  # 2 × 6 weights from the points
    np.testing.assert_array_equal(played.sample(50, seed=1), played.sample(50, seed=1))
    assert np.abs(played.sample(50, seed=1) - played.sample(50, seed=2)).max() > 1e-2


def test_integers_of_every_kind_are_seeds_up_to_the_largest():
    last = 2**31 - 1
    given = [0, last], (0, last), range(0, 2**31, last), np.array([0, last], np.int32)
    found = [games(PLAIN, seeds=seeds).play(1)["generator_loss"] for seeds in given]
    np.testing.assert_array_equal(found, np.broadcast_to(found[0], np.shape(found)))
    assert np.isfinite(games(PLAIN).sample(5, seed=last)).all()


# What is refused


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"contestants": {}}, "contestants must hold"),
        *[
            ({"seeds": seeds}, r"seeds must be different integers from 0 to 2\*\*31 - 1")
            for seeds in ([], [1, 1], [-1], [2**31], [1.5], ["1"], [[1]], np.array([0.0, 1.0]))
        ],
        *[
            ({name: size}, f"{name} must be a whole number of at least 1")
            for name in ("hidden", "batch", "noise_dim")
            for size in (0, 2.5)
        ],
    ],
)
def test_bad_input_is_named(wrong, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        SideBySide(**{"contestants": KINDS, "seeds": [0], "mixture": ring(), **wrong})


def test_bad_settings_are_named():
    for r1 in (-1, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"r1 must be a finite number of at least 0. Received: {r1}"):
            Contestant(SGD, SGD, r1=r1)
    for clip_norm in (0, math.nan):
        with pytest.raises(ValueError, match=f"clip_norm must be positive. Received: {clip_norm}"):
            Contestant(SGD, SGD, clip_norm=clip_norm)
    played = games(PLAIN)
    for number in (0, 2.0, -1):
        for name, call in (("steps", played.play), ("count", lambda count: played.sample(count, seed=0))):
            with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1. Received: {number}"):
                call(number)
    for seed in (-1, 0.5, 2**31):
        with pytest.raises(ValueError, match=f"seed must be an integer from 0 to .* Received: {seed}"):
            played.sample(5, seed=seed)


@pytest.mark.parametrize(
    "make, received",
    [
        (lambda: SGD(0.1, clipnorm=1.0), "SGD with clipnorm"),
        (lambda: SGD(0.1, global_clipnorm=1.0), "SGD with global_clipnorm"),
        (keras.optimizers.Lamb, "Lamb"),
        (keras.optimizers.Adafactor, "Adafactor"),
        (keras.optimizers.Muon, "Muon"),
        (lambda: keras.optimizers.LossScaleOptimizer(SGD(0.1)), "LossScaleOptimizer"),
        (lambda: Lookahead(Lookahead(SGD(0.1, clipnorm=1.0))), "SGD with clipnorm"),
        (lambda: Lookahead(keras.optimizers.LossScaleOptimizer(keras.optimizers.Lamb())), "LossScaleOptimizer"),
    ],
)
def test_optimizers_that_mix_the_games_are_refused(make, received):
    for name, pair in (("generator_optimizer", (make, SGD)), ("discriminator_optimizer", (SGD, make))):
        with pytest.raises(ValueError, match=rf"{name} must .* Received: {received}\. .*Contestant\(clip_norm="):
            games({"wrong": Contestant(*pair)})


@pytest.mark.parametrize("make", [lambda: SGD(0.5, clipvalue=0.01), lambda: Lookahead(SGD(0.5), period=2)])
def test_optimizers_that_work_number_by_number_keep_the_games_apart(make):
    both = {"it": Contestant(make, make), "SGD": Contestant(lambda: SGD(0.5), lambda: SGD(0.5))}
    together, alone = games(both), games(both, seeds=[5])
    together.play(4)
    alone.play(4)
    np.testing.assert_allclose(state(together, "it", 5), state(alone, "it", 5), atol=1e-5)
    assert np.abs(state(together, "it", 5) - state(together, "SGD", 5)).max() > 1e-3
