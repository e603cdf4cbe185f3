"""The two-dimensional worlds against SciPy's normal density, counted samples and lengths measured on the curve."""

import itertools

import numpy as np
import pytest
from scipy import integrate, special, stats

from course_utils.worlds.divergences import optimal_discriminator, quadrature
from course_utils.worlds.mixtures_2d import GaussianMixture2D, grid, ring, spiral

MEANS, DEVIATION, WEIGHTS = [[0.0, 0.0], [2.0, 1.0], [-1.0, 3.0]], 0.4, [0.2, 0.5, 0.3]
MIXTURE = GaussianMixture2D(MEANS, DEVIATION, WEIGHTS)
POINTS = np.random.default_rng(0).uniform(-2, 4, size=(5, 7, 2))


def test_density_is_scipys():
    answer = sum(
        w * stats.multivariate_normal.pdf(POINTS, m, DEVIATION**2) for w, m in zip(WEIGHTS, MEANS, strict=True)
    )
    assert MIXTURE.pdf(POINTS).shape == (5, 7) and MIXTURE.pdf(POINTS).dtype == np.float64
    np.testing.assert_allclose(MIXTURE.pdf(POINTS), answer, rtol=1e-12)
    np.testing.assert_allclose(MIXTURE.log_pdf(POINTS), np.log(answer), rtol=1e-12)
    assert MIXTURE.pdf([0.0, 0.0]).shape == MIXTURE.log_pdf([0.0, 0.0]).shape == ()


@pytest.mark.parametrize(
    "mixture",
    [MIXTURE, ring(deviation=0.2), grid(side=3, deviation=0.2), spiral(deviation=0.2)],
    ids=["mixture", "ring", "grid", "spiral"],
)
def test_density_integrates_to_one(mixture):
    x, weights = quadrature(-6.0, 6.0, panels=30)
    plane = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1)
    assert weights @ mixture.pdf(plane) @ weights == pytest.approx(1, abs=1e-10)


@pytest.mark.filterwarnings("error")
def test_log_density_is_finite_far_out():
    point = np.array([30.0, -40.0])
    assert ring().pdf(point) == 0
    nearest = ring().means[np.linalg.norm(ring().means - point, axis=1).argmin()]
    answer = np.log(1 / 8) + stats.multivariate_normal.logpdf(point, nearest, 0.02**2)
    assert ring().log_pdf(point) == pytest.approx(answer, rel=1e-12)


def test_the_logit_of_the_optimal_discriminator():
    other = GaussianMixture2D([[0.5, 0.5], [1.5, 2.0]], 0.8)
    logits = MIXTURE.log_pdf(POINTS) - other.log_pdf(POINTS)
    np.testing.assert_allclose(
        special.expit(logits), optimal_discriminator(MIXTURE.pdf(POINTS), other.pdf(POINTS)), atol=1e-12
    )
    # Far out the probability is 0 / 0, and the logit says that the wider density has the tail.
    far = np.array([300.0, 300.0])
    assert np.isnan(optimal_discriminator(MIXTURE.pdf(far), other.pdf(far)))
    assert -np.inf < MIXTURE.log_pdf(far) - other.log_pdf(far) < -1e4


def test_samples_follow_the_density():
    count = 20_000
    samples = MIXTURE.sample(count, seed=1)
    assert samples.shape == (count, 2) and samples.dtype == np.float32
    # The modes lie far apart: which one a sample is from can be seen.
    mode = np.linalg.norm(samples[:, None] - MEANS, axis=-1).argmin(axis=1)
    counts = np.bincount(mode)
    assert stats.chisquare(counts, count * np.array(WEIGHTS)).pvalue > 0.01
    assert stats.chisquare(counts, np.full(3, count / 3)).pvalue < 1e-6
    for k, share in enumerate(counts):
        scores = (samples[mode == k] - MEANS[k]) / DEVIATION
        for axis in (0, 1):
            assert stats.kstest(scores[:, axis], stats.norm.cdf).pvalue > 0.001
            assert stats.kstest(1.2 * scores[:, axis], stats.norm.cdf).pvalue < 0.001
        assert abs(np.corrcoef(scores.T)[0, 1]) < 4 / np.sqrt(share)


def test_the_seed_decides():
    np.testing.assert_array_equal(MIXTURE.sample(5, seed=3), MIXTURE.sample(5, seed=3))
    assert not np.array_equal(MIXTURE.sample(5, seed=3), MIXTURE.sample(5, seed=4))
    going_on = np.random.default_rng(3)
    first, second = MIXTURE.sample(5, going_on), MIXTURE.sample(5, going_on)
    np.testing.assert_array_equal(first, MIXTURE.sample(5, seed=3))
    assert not np.array_equal(first, second)


def test_ring_is_the_roots_of_unity():
    roots = 2.0 * np.exp(2j * np.pi * np.arange(8) / 8)
    np.testing.assert_allclose(ring().means @ [1, 1j], roots, atol=1e-12)
    assert ring().deviation == 0.02
    np.testing.assert_allclose(ring().weights, 1 / 8)
    assert ring(modes=3, radius=5.0, deviation=0.1).means.shape == (3, 2)
    np.testing.assert_allclose(np.linalg.norm(ring(modes=3, radius=5.0).means, axis=1), 5.0)


def test_grid_is_that_of_the_paper():
    places = {(float(i), float(j)) for i in range(-4, 5, 2) for j in range(-4, 5, 2)}
    assert {tuple(mean) for mean in grid().means.tolist()} == places and len(grid().means) == 25
    assert grid().deviation == 0.05
    np.testing.assert_allclose(np.unique(grid(side=4, spacing=0.5).means), [-0.75, -0.25, 0.25, 0.75])


def test_spiral_is_archimedean_and_evenly_spaced():
    means = spiral(modes=20, radius=3.0, turns=2.0).means
    distances = np.linalg.norm(means, axis=1)
    angles = distances * 4 * np.pi / 3.0  # r = c φ
    np.testing.assert_allclose(means[0], 0)
    np.testing.assert_allclose(means[-1], [3.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(means @ [1, 1j], distances * np.exp(1j * angles), atol=1e-9)
    c = 3.0 / (4 * np.pi)
    lengths = [integrate.quad(lambda a: c * np.hypot(1, a), low, high)[0] for low, high in itertools.pairwise(angles)]
    np.testing.assert_allclose(lengths, np.mean(lengths), rtol=1e-6)


@pytest.mark.parametrize("mixture", [ring(), grid(), spiral()], ids=["ring", "grid", "spiral"])
def test_modes_lie_apart(mixture):
    distances = np.linalg.norm(mixture.means[:, None] - mixture.means, axis=-1)
    # Circles of three deviations, within which a sample is of high quality, do not touch.
    assert distances[~np.eye(len(distances), dtype=bool)].min() > 6 * mixture.deviation


@pytest.mark.parametrize(
    ("means", "deviation", "weights", "words"),
    [
        ([0.0, 0.0], 1.0, None, r"means must be \(K, 2\), K at least 1. Received: \(2,\)"),
        ([[0.0, 0.0, 0.0]], 1.0, None, r"Received: \(1, 3\)"),
        (np.zeros((0, 2)), 1.0, None, r"Received: \(0, 2\)"),
        ([[0.0, np.nan]], 1.0, None, "means must be finite"),
        (MEANS, 0.0, None, "deviation must be one positive, finite number. Received: 0.0"),
        (MEANS, np.inf, None, "deviation"),
        (MEANS, [1.0, 1.0, 1.0], None, "deviation"),
        (MEANS, 1.0, [0.5, 0.5], r"weights must be 3 numbers, one a mode. Received shape: \(2,\)"),
        (MEANS, 1.0, [0.5, 0.6, 0.1], "sum to 1"),
        (MEANS, 1.0, [0.5, 0.6, -0.1], "positive"),
        (MEANS, 1.0, [0.5, 0.5, np.nan], "positive"),
    ],
)
def test_what_is_no_mixture_is_refused(means, deviation, weights, words):
    with pytest.raises(ValueError, match=words):
        GaussianMixture2D(means, deviation, weights)


@pytest.mark.parametrize("points", [0.0, [0.0], [[1.0, 2.0, 3.0]]])
def test_what_is_no_point_is_refused(points):
    for function in (MIXTURE.pdf, MIXTURE.log_pdf):
        with pytest.raises(ValueError, match=r"points must be \(..., 2\)"):
            function(points)


@pytest.mark.parametrize(
    ("function", "settings", "words"),
    [
        (ring, {"modes": 0}, "modes must be a whole number of at least 1. Received: 0"),
        (ring, {"modes": 2.5}, "modes must be a whole number"),
        (ring, {"radius": 0.0}, "radius must be one positive"),
        (ring, {"deviation": -1.0}, "deviation must be one positive"),
        (grid, {"side": 0}, "side must be a whole number of at least 1"),
        (grid, {"spacing": -2.0}, "spacing must be one positive"),
        (grid, {"deviation": np.nan}, "deviation must be one positive"),
        (spiral, {"modes": 1}, "modes must be a whole number of at least 2. Received: 1"),
        (spiral, {"turns": 0.0}, "turns must be one positive"),
        (spiral, {"radius": "2"}, "radius must be one positive, finite number. Received: '2'"),
        (spiral, {"deviation": 0.0}, "deviation must be one positive"),
    ],
)
def test_settings_that_make_no_world_are_refused(function, settings, words):
    with pytest.raises(ValueError, match=words):
        function(**settings)
