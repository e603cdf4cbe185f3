"""Games played side by side against the same games played one by one."""

import keras
import numpy as np
import pytest
from small_game import keras_copy, play_round

from course_utils.training.side_by_side import Contestant, SideBySide
from course_utils.worlds.mixtures_2d import GaussianMixture2D, ring

KINDS = {
    "SGD": Contestant(lambda: keras.optimizers.SGD(0.05), lambda: keras.optimizers.SGD(0.1)),
    "Adam": Contestant(lambda: keras.optimizers.Adam(1e-3), lambda: keras.optimizers.Adam(1e-3, beta_1=0.5)),
    "R1": Contestant(lambda: keras.optimizers.SGD(0.05), lambda: keras.optimizers.SGD(0.05), r1=0.5),
    "clipped": Contestant(lambda: keras.optimizers.SGD(0.5), lambda: keras.optimizers.SGD(0.5), clip_norm=0.1),
}


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
    played = SideBySide({"SGD": KINDS["SGD"]}, [0], mixture, batch=20_000)
    real, noise = (part.numpy() for part in played._draw(0, 7))
    right = real[:, 0] > 5
    assert right.mean() == pytest.approx(0.8, abs=0.01)
    np.testing.assert_allclose(real[right].std(0), 0.5, rtol=0.03)
    np.testing.assert_allclose(noise.std(axis=(1, 2)), 1, rtol=0.03)
    assert np.abs(np.corrcoef(noise[0, :, 0], noise[1, :, 0])[0, 1]) < 0.03  # fresh noise for each player
    assert np.abs(np.corrcoef(noise[0, :, 0], played._draw(0, 8)[1].numpy()[0, :, 0])[0, 1]) < 0.03


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"contestants": {}}, "contestants"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 1]}, "seeds"),
        ({"seeds": [-1]}, "seeds"),
    ],
)
def test_bad_input_is_named(wrong, words):
    with pytest.raises(ValueError, match=f"{words} must .*Received"):
        games(**wrong)


def test_bad_settings_are_named():
    sgd = keras.optimizers.SGD
    with pytest.raises(ValueError, match=r"r1 must not be negative. Received: -1"):
        Contestant(sgd, sgd, r1=-1)
    with pytest.raises(ValueError, match=r"clip_norm must be positive. Received: 0"):
        Contestant(sgd, sgd, clip_norm=0)
    with pytest.raises(ValueError, match=r"batch must be at least 1. Received: 0"):
        SideBySide(KINDS, [0], ring(), batch=0)
    with pytest.raises(ValueError, match=r"steps must be at least 1. Received: 0"):
        games().play(0)
