"""Games of two numbers and steps through them: hand-worked values, finite differences, published eigenvalues."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate

from course_utils.worlds.two_parameter_games import BilinearGame, DiracGAN
from course_utils.worlds.update_maps import (
    alternating_jacobian,
    alternating_step,
    simultaneous_jacobian,
    simultaneous_step,
    trajectory,
)

GAMES = [BilinearGame()] + [
    DiracGAN(loss, penalty, strength)
    for loss in ("minimax", "non_saturating", "wasserstein")
    for penalty, strength in ((None, 0.0), ("r1", 0.0), ("r1", 1.7), ("one_centred", 0.6))
]
# Away from ψ = 0, where the one-centred penalty has a kink.
POINTS = np.array([[0.3, 0.8], [-1.5, 0.4], [2.0, -1.2], [0.0, 1.6], [-0.7, -2.5], [1.5, 3.0]])
MAPS = [(simultaneous_step, simultaneous_jacobian), (alternating_step, alternating_jacobian)]
ORIGIN = [0.0, 0.0]


def differences(function, points, width=1e-5):
    """Return ∂functionᵢ/∂pointⱼ by central differences; a scalar function gives (..., 2)."""
    columns = [(function(points + width * unit) - function(points - width * unit)) / (2 * width) for unit in np.eye(2)]
    return np.stack(columns, axis=-1)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


# Velocities


def payoffs(game, generator, discriminator):
    """Return what the generator descends and the discriminator ascends, written from the definitions."""
    if isinstance(game, BilinearGame):
        return generator * discriminator, generator * discriminator
    fake = 1 / (1 + np.exp(-generator * discriminator))
    value = math.log(0.5) + np.log(1 - fake)
    cost = {"minimax": value, "non_saturating": -np.log(fake), "wasserstein": -generator * discriminator}[game.loss]
    ascended = cost if game.loss == "wasserstein" else value
    penalty = {None: 0.0, "r1": discriminator**2, "one_centred": (abs(discriminator) - 1) ** 2}[game.penalty]
    return cost, ascended - game.strength / 2 * penalty


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_velocity_is_the_slope_of_what_each_player_wants(game):
    cost = differences(lambda points: payoffs(game, points[..., 0], points[..., 1])[0], POINTS)
    gain = differences(lambda points: payoffs(game, points[..., 0], points[..., 1])[1], POINTS)
    expected = np.stack([-cost[..., 0], gain[..., 1]], axis=-1)
    np.testing.assert_allclose(game.velocity(POINTS), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_jacobian_is_the_slope_of_the_velocity(game):
    np.testing.assert_allclose(game.jacobian(POINTS), differences(game.velocity, POINTS), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_value_leaves_the_penalty_out(game):
    unpenalised = game if isinstance(game, BilinearGame) else DiracGAN(game.loss)
    expected = payoffs(unpenalised, POINTS[:, 0], POINTS[:, 1])[1]
    np.testing.assert_allclose(game.value(POINTS), expected, rtol=1e-9)


def test_values_worked_out_by_hand():
    point = [2.0, 0.5]  # the fake logit is 1
    assert DiracGAN().value(ORIGIN) == pytest.approx(-math.log(4))
    s = sigmoid(1.0)
    np.testing.assert_allclose(DiracGAN().velocity(point), [0.5 * s, -2 * s], rtol=1e-12)
    np.testing.assert_allclose(DiracGAN("non_saturating").velocity(point), [0.5 * (1 - s), -2 * s], rtol=1e-12)
    np.testing.assert_allclose(DiracGAN("wasserstein", "r1", 3.0).velocity(point), [0.5, -2 - 1.5], rtol=1e-12)
    # |ψ| is half a unit too small, so the one-centred penalty pushes it up by γ/2.
    np.testing.assert_allclose(DiracGAN("wasserstein", "one_centred", 3.0).velocity(point), [0.5, -2 + 1.5])
    t = s * (1 - s)
    np.testing.assert_allclose(DiracGAN().jacobian(point), [[t / 4, s + t], [-s - t, -4 * t]], rtol=1e-12)


def test_far_out_nothing_overflows():
    with np.errstate(all="raise", under="ignore"):
        far = np.array([[40.0, 40.0], [40.0, -40.0], [1e4, 1e4], [1e4, -1e4]])
        for game in GAMES:
            assert np.isfinite(game.value(far)).all() and np.isfinite(game.jacobian(far)).all()
    # 1 − σ(40) cancels to 0 in float64; the generator's gradient must not.
    assert DiracGAN("non_saturating").velocity([40.0, 1.0])[0] == pytest.approx(math.exp(-40), rel=1e-12, abs=0)


def test_the_kink_has_no_derivative():
    game = DiracGAN(penalty="one_centred", strength=0.5)
    np.testing.assert_array_equal(game.velocity([1.0, 0.0]), [0.0, -0.5])
    np.testing.assert_array_equal(game.jacobian([1.0, 0.0]), [[0.0, 0.5], [-0.5, np.nan]])
    assert np.isfinite(DiracGAN(penalty="one_centred").jacobian([1.0, 0.0])).all()
    np.testing.assert_allclose(game.velocity([[0.0, 1e-9], [0.0, -1e-9]])[:, 1], [0.5, -0.5], rtol=1e-6)


# Continuous time


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("loss", ["minimax", "non_saturating"])
def test_eigenvalues_at_the_equilibrium_are_mescheders(loss, strength):
    root = np.emath.sqrt(strength**2 / 4 - 1 / 4)
    expected = [-strength / 2 - root, -strength / 2 + root]
    found = np.linalg.eigvals(DiracGAN(loss, "r1", strength).jacobian(ORIGIN))
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), atol=1e-7)


def norms_over_time(game, start):
    moment = np.linspace(0, 30, 301)
    solution = integrate.solve_ivp(
        lambda _, point: game.velocity(point), (0, 30), start, t_eval=moment, rtol=1e-10, atol=1e-12
    )
    return np.linalg.norm(solution.y, axis=0)


@pytest.mark.parametrize("game", [BilinearGame(), DiracGAN(), DiracGAN("wasserstein")], ids=str)
def test_zero_sum_games_keep_their_distance_in_continuous_time(game):
    np.testing.assert_allclose(norms_over_time(game, [1.0, 1.5]), math.hypot(1.0, 1.5), rtol=1e-7)


@pytest.mark.parametrize(
    "game", [DiracGAN("non_saturating"), DiracGAN(penalty="r1", strength=0.5)], ids=["non_saturating", "r1"]
)
def test_what_settles_never_moves_away_in_continuous_time(game):
    norms = norms_over_time(game, [1.0, 1.5])
    assert (np.diff(norms) <= 1e-9).all() and norms[-1] < 0.6 * norms[0]
    radial = (POINTS * game.velocity(POINTS)).sum(axis=-1)
    assert (radial <= 0).all()


def test_the_wasserstein_game_is_the_bilinear_game_mirrored():
    mirror = np.array([1.0, -1.0])
    wasserstein = DiracGAN("wasserstein")
    np.testing.assert_array_equal(mirror * wasserstein.velocity(mirror * POINTS), BilinearGame().velocity(POINTS))
    np.testing.assert_array_equal(wasserstein.value(mirror * POINTS), BilinearGame().value(POINTS))
    for alternating in (False, True):
        settings = {"step_size": 0.3, "steps": 20, "alternating": alternating}
        np.testing.assert_allclose(
            mirror * trajectory(wasserstein, mirror * POINTS, **settings),
            trajectory(BilinearGame(), POINTS, **settings),
            rtol=1e-12,
        )


# Steps


@pytest.mark.parametrize(("step", "jacobian"), MAPS, ids=["simultaneous", "alternating"])
@pytest.mark.parametrize("game", GAMES, ids=str)
def test_jacobian_of_a_step_is_its_slope(game, step, jacobian):
    expected = differences(lambda points: step(game, points, 0.35), POINTS)
    np.testing.assert_allclose(jacobian(game, POINTS, 0.35), expected, rtol=1e-7, atol=1e-8)


def test_steps_worked_out_by_hand():
    np.testing.assert_array_equal(simultaneous_step(BilinearGame(), [2.0, 1.0], 0.5), [1.5, 2.0])
    np.testing.assert_array_equal(alternating_step(BilinearGame(), [2.0, 1.0], 0.5), [1.0, 2.0])
    np.testing.assert_array_equal(alternating_jacobian(BilinearGame(), ORIGIN, 0.5), [[1 - 0.25, -0.5], [0.5, 1.0]])


@pytest.mark.parametrize("step_size", [0.01, 0.5, 1.0, 1.9, 3.0])
def test_moduli_of_the_bilinear_steps(step_size):
    together = np.linalg.eigvals(simultaneous_jacobian(BilinearGame(), ORIGIN, step_size))
    np.testing.assert_allclose(abs(together), math.sqrt(1 + step_size**2), rtol=1e-12)
    in_turn = abs(np.linalg.eigvals(alternating_jacobian(BilinearGame(), ORIGIN, step_size)))
    if step_size < 2:
        np.testing.assert_allclose(in_turn, 1.0, rtol=1e-12)
    else:
        assert max(in_turn) > 1.01


@pytest.mark.parametrize(("step_size", "on_circle"), [(0.1, True), (2.0, True), (3.9, True), (4.1, False)])
def test_the_unpenalised_dirac_gan_turns_until_its_step_reaches_four(step_size, on_circle):
    # f'(0) = 1/2 in Mescheder et al. 2018, so the bound 2 / f'(0) on an alternating step is 4.
    moduli = abs(np.linalg.eigvals(alternating_jacobian(DiracGAN(), ORIGIN, step_size)))
    assert np.allclose(moduli, 1.0, rtol=1e-9) is on_circle
    together = abs(np.linalg.eigvals(simultaneous_jacobian(DiracGAN(), ORIGIN, step_size)))
    np.testing.assert_allclose(together, math.sqrt(1 + step_size**2 / 4), rtol=1e-12)


def test_what_bilinear_trajectories_conserve():
    h, start = 0.4, np.array([[1.0, 0.0], [-0.5, 2.0], [3.0, 1.0]])
    together = trajectory(BilinearGame(), start, h, 50, alternating=False)
    growth = (1 + h**2) ** np.arange(51)[:, None]
    np.testing.assert_allclose((together**2).sum(-1), growth * (start**2).sum(-1), rtol=1e-10)
    # Alternating steps stay on the ellipse θ² + ψ² + hθψ, whose size is worked out by inserting a step.
    in_turn = trajectory(BilinearGame(), start, h, 500)
    energy = (in_turn**2).sum(-1) + h * in_turn.prod(-1)
    np.testing.assert_allclose(energy, np.broadcast_to(energy[0], energy.shape), rtol=1e-10)


def test_r1_settles_and_the_plain_game_does_not():
    start = [1.0, 1.0]
    plain, penalised = (
        trajectory(game, start, 0.2, 400) for game in (DiracGAN(), DiracGAN(penalty="r1", strength=1.0))
    )
    assert np.linalg.norm(penalised[-1]) < 1e-10
    assert np.linalg.norm(plain, axis=-1).min() > 1.0


@pytest.mark.parametrize("alternating", [False, True])
def test_a_trajectory_is_its_steps_for_every_start(alternating):
    game, step = DiracGAN("non_saturating", "r1", 0.3), alternating_step if alternating else simultaneous_step
    start = np.stack([POINTS, -POINTS])
    path = trajectory(game, start, 0.1, 3, alternating=alternating)
    assert path.shape == (4, *start.shape) and path.dtype == np.float64
    np.testing.assert_array_equal(path[0], start)
    for before, after in itertools.pairwise(path):
        np.testing.assert_array_equal(after[1, 4], step(game, before[1, 4], 0.1))
    assert trajectory(game, [1.0, 1.0], 0.1, 0).shape == (1, 2)


@pytest.mark.parametrize("game", GAMES[:3], ids=str)
@pytest.mark.parametrize("shape", [(2,), (5, 2), (3, 4, 2), (0, 2)])
def test_shapes_follow_the_points(game, shape):
    points = np.ones(shape)
    assert game.value(points).shape == shape[:-1]
    assert game.velocity(points).shape == alternating_step(game, points, 0.1).shape == shape
    assert game.jacobian(points).shape == (*shape, 2)
    assert alternating_jacobian(game, points, 0.1).shape == simultaneous_jacobian(game, points, 0.1).shape
    assert simultaneous_jacobian(game, points, 0.1).shape == (*shape, 2)


# What is refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "hinge"}, r"one of \('minimax', 'non_saturating', 'wasserstein'\). Received: 'hinge'"),
        ({"penalty": "r2"}, r"one of \(None, 'r1', 'one_centred'\). Received: 'r2'"),
        ({"penalty": "r1", "strength": -1.0}, "at least 0. Received: -1.0"),
        ({"penalty": "r1", "strength": math.nan}, "Received: nan"),
        ({"penalty": "r1", "strength": math.inf}, "Received: inf"),
        ({"strength": 0.5}, "A strength needs a penalty.*strength=0.5"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        DiracGAN(**settings)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (3.0, r"Received: shape \(\)"),
        ([1.0, 2.0, 3.0], r"Received: shape \(3,\)"),
        ([[1.0], [2.0]], r"Received: shape \(2, 1\)"),
        ([1.0, math.nan], "must be finite"),
        ([[1.0, 0.0], [math.inf, 0.0]], "must be finite"),
    ],
)
@pytest.mark.parametrize("game", [BilinearGame(), DiracGAN()], ids=str)
def test_bad_points_are_named(game, points, message):
    calls = [game.value, game.velocity, game.jacobian, lambda bad: trajectory(game, bad, 0.1, 0)]
    calls += [lambda bad, map_=map_: map_(game, bad, 0.1) for pair in MAPS for map_ in pair]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call(points)


@pytest.mark.parametrize("step_size", [0.0, -0.1, math.nan, math.inf])
def test_bad_step_sizes_are_named(step_size):
    for function in (*MAPS[0], *MAPS[1]):
        with pytest.raises(ValueError, match=f"above 0. Received: {step_size}"):
            function(BilinearGame(), ORIGIN, step_size)


def test_negative_steps_are_named():
    with pytest.raises(ValueError, match=r"at least 0\. Received: -1"):
        trajectory(BilinearGame(), ORIGIN, 0.1, -1)


@pytest.mark.parametrize("game", [BilinearGame(), DiracGAN("wasserstein")], ids=str)
@pytest.mark.parametrize(("start", "alternating"), [([1.0, 0.0], False), ([1.0, 0.0], True), ([0.0, 1.0], True)])
def test_a_trajectory_that_runs_away_is_named(game, start, alternating):
    # With h = 3 a step multiplies the norm by √10 or, in turns, by nearly 7 at last. Here 1.8e308 is near, and in turns
    # one start passes it in the discriminator's half of a step, the other in the generator's.
    with pytest.raises(ValueError, match=r"left the range of floats. .* at step \d+ of 100\. Take a smaller"):
        trajectory(game, np.multiply(start, 1e308), 3.0, 100, alternating=alternating)


def test_an_overflowing_start_leaves_those_beside_it_alone():
    with np.errstate(over="ignore", invalid="ignore"):
        pair = alternating_step(BilinearGame(), [[1.5e308, 0.0], [2.0, 1.0]], 3.0)
    assert not np.isfinite(pair[0]).all()
    np.testing.assert_array_equal(pair[1], alternating_step(BilinearGame(), [2.0, 1.0], 3.0))
