"""The one-dimensional world against SciPy, closed forms and counted samples."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import integrate, stats

from course_utils import runtime
from course_utils.worlds.densities_1d import (
    GaussianMixture1D,
    Uniform1D,
    gaussian,
    pushforward_density,
    two_peaks,
)

WEIGHTS, MEANS, DEVIATIONS = (0.2, 0.5, 0.3), (-3.0, 0.5, 2.0), (0.4, 1.5, 0.2)
MIXTURE = GaussianMixture1D(WEIGHTS, MEANS, DEVIATIONS)
X = np.linspace(-8, 8, 101)
EDGES = np.linspace(-6.0, 6.0, 241)


def by_scipy(function, x):
    return sum(w * function(x, m, s) for w, m, s in zip(WEIGHTS, MEANS, DEVIATIONS, strict=True))


def test_density_and_distribution_are_scipys():
    np.testing.assert_allclose(MIXTURE.pdf(X), by_scipy(stats.norm.pdf, X), rtol=1e-12)
    np.testing.assert_allclose(MIXTURE.cdf(X), by_scipy(stats.norm.cdf, X), rtol=1e-12)


def test_density_integrates_to_one_and_to_its_distribution():
    for density in (MIXTURE, two_peaks()):
        assert integrate.quad(density.pdf, -12, 12, points=density.means, limit=200)[0] == pytest.approx(1, abs=1e-9)
        assert integrate.quad(density.pdf, -12, 1, points=[-3, 0.5], limit=200)[0] == pytest.approx(density.cdf(1.0))


def test_shapes_follow_x():
    assert MIXTURE.pdf(0.0).shape == MIXTURE.cdf(0.0).shape == ()
    assert MIXTURE.pdf(X.reshape(1, 101)).shape == MIXTURE.cdf(X.reshape(1, 101)).shape == (1, 101)


def test_log_density_is_scipys_logarithm():
    np.testing.assert_allclose(MIXTURE.log_pdf(X), np.log(by_scipy(stats.norm.pdf, X)), rtol=1e-12)
    assert MIXTURE.log_pdf(0.0).shape == () and MIXTURE.log_pdf(X.reshape(1, 101)).shape == (1, 101)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("x", [-1e3, 1e3, 1e8])
def test_log_density_is_finite_where_the_density_is_not(x):
    assert MIXTURE.pdf(x) == 0
    # So far out the widest component alone counts.
    assert MIXTURE.log_pdf(x) == pytest.approx(np.log(0.5) + stats.norm.logpdf(x, 0.5, 1.5), rel=1e-12)


def test_gaussian_is_one_component():
    np.testing.assert_allclose(gaussian(-1.0, 0.3).pdf(X), stats.norm.pdf(X, -1.0, 0.3), rtol=1e-12)
    np.testing.assert_allclose(gaussian().cdf(X), stats.norm.cdf(X), rtol=1e-12)
    with pytest.raises(ValueError, match="All deviations must be positive"):
        gaussian(deviation=0.0)


def test_uniform_is_scipys():
    x = np.array([[-3.0, -1.0, -0.5], [2.9, 3.0, 3.1]])
    uniform = Uniform1D(-1.0, 3.0)
    np.testing.assert_array_equal(uniform.pdf(x), stats.uniform.pdf(x, -1, 4))
    np.testing.assert_array_equal(uniform.cdf(x), stats.uniform.cdf(x, -1, 4))
    assert uniform.pdf(0.0).shape == uniform.cdf(0.0).shape == ()


def test_uniform_samples_follow_the_distribution():
    samples = Uniform1D(-1.0, 3.0).sample(20_000, seed=1)
    assert samples.shape == (20_000,) and samples.dtype == np.float32
    assert stats.kstest(samples, stats.uniform(-1, 4).cdf).pvalue > 0.01
    assert stats.kstest(samples / 1.05, stats.uniform(-1, 4).cdf).pvalue < 1e-4
    going_on = np.random.default_rng(1)
    np.testing.assert_array_equal(Uniform1D(-1.0, 3.0).sample(7, going_on), samples[:7])
    assert not np.array_equal(Uniform1D(-1.0, 3.0).sample(7, going_on), samples[:7])


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, np.inf), (np.nan, 1.0)])
def test_what_is_no_interval_is_refused(low, high):
    with pytest.raises(ValueError, match=f"low below high. Received: low={low}, high={high}"):
        Uniform1D(low, high)


def test_samples_follow_the_distribution():
    samples = MIXTURE.sample(20_000, seed=1)
    assert samples.shape == (20_000,) and samples.dtype == np.float32
    assert stats.kstest(samples, lambda x: by_scipy(stats.norm.cdf, x)).pvalue > 0.01
    # The same samples do not pass for a density that is a little wider.
    assert stats.kstest(samples / 1.05, lambda x: by_scipy(stats.norm.cdf, x)).pvalue < 1e-4


def test_the_seed_decides():
    np.testing.assert_array_equal(MIXTURE.sample(5, seed=3), MIXTURE.sample(5, seed=3))
    assert not np.array_equal(MIXTURE.sample(5, seed=3), MIXTURE.sample(5, seed=4))
    going_on = np.random.default_rng(3)
    first, second = MIXTURE.sample(5, going_on), MIXTURE.sample(5, going_on)
    np.testing.assert_array_equal(first, MIXTURE.sample(5, seed=3))
    assert not np.array_equal(first, second)


def test_two_peaks_has_two_peaks_and_a_gap():
    density = two_peaks().pdf(X)
    peaks = [i for i in range(1, 100) if density[i] > density[i - 1] and density[i] > density[i + 1]]
    assert len(peaks) == 2
    assert density[peaks[0] : peaks[1]].min() < 0.2 * density[peaks].min()


@pytest.mark.parametrize(
    ("weights", "means", "deviations", "words"),
    [
        ([0.5, 0.6], [0, 1], [1, 1], "sum to 1.1"),
        ([1.5, -0.5], [0, 1], [1, 1], "All weights must be positive"),
        ([0.5, 0.5], [0, 1], [1, 0], "All deviations must be positive"),
        ([0.5, 0.5], [0], [1, 1], r"'means': \(1,\)"),
        ([], [], [], "K at least 1"),
        ([0.5, 0.5], [0, np.nan], [1, 1], "finite"),
        (1.0, 0.0, 1.0, "K numbers each"),
    ],
)
def test_what_is_no_mixture_is_refused(weights, means, deviations, words):
    with pytest.raises(ValueError, match=words):
        GaussianMixture1D(weights, means, deviations)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.7, -2.0), (-1.3, 0.5)])
def test_a_line_gives_a_normal_density(scale, shift):
    density = pushforward_density(lambda z: scale * z + shift, EDGES, noise_points=50_000)
    masses = np.diff(stats.norm.cdf(EDGES, shift, abs(scale)))
    assert density.shape == (240,)
    np.testing.assert_allclose(density * np.diff(EDGES), masses, atol=1.5 / 50_000)


def test_a_parabola_gives_chi_square():
    edges = np.linspace(0.0, 9.0, 31)
    density = pushforward_density(lambda z: z**2, edges, noise_points=50_000)
    # Two stretches of z reach each bin, so twice the error of a line.
    np.testing.assert_allclose(density * 0.3, np.diff(stats.chi2.cdf(edges, df=1)), atol=3 / 50_000)


def test_the_noise_favours_no_side():
    density = pushforward_density(lambda z: z, EDGES, noise_points=1_000)
    np.testing.assert_allclose(density, density[::-1])


def test_more_noise_points_are_more_exact():
    masses = np.diff(stats.norm.cdf(EDGES))
    errors = [
        np.abs(pushforward_density(lambda z: z, EDGES, noise_points=n) * 0.05 - masses).max() for n in (1_000, 30_000)
    ]
    assert errors[1] < errors[0] / 10


def test_bins_of_unequal_width_and_mass_outside():
    edges = np.array([-1.0, -0.5, 2.0])
    density = pushforward_density(lambda z: z[:, 0], edges)
    np.testing.assert_allclose(density, np.diff(stats.norm.cdf(edges)) / [0.5, 2.5], atol=1e-4)
    assert (density * np.diff(edges)).sum() == pytest.approx(stats.norm.cdf(2) - stats.norm.cdf(-1), abs=1e-4)
    assert pushforward_density(lambda z: 0 * z + 9, edges).sum() == 0


@pytest.mark.parametrize(
    ("function", "edges", "points", "words"),
    [
        (lambda z: z, [0.0], 10, "two or more rising"),
        (lambda z: z, [0.0, 0.0], 10, "two or more rising"),
        (lambda z: z, [0.0, 1.0], 0, "noise_points must be at least 1. Received: 0"),
        (lambda z: np.hstack([z, z]), [0.0, 1.0], 10, r"Received: \(10, 2\)"),
        (lambda z: z * np.nan, [0.0, 1.0], 10, "must give finite values"),
    ],
)
def test_what_has_no_density_is_refused(function, edges, points, words):
    with pytest.raises(ValueError, match=words):
        pushforward_density(function, edges, noise_points=points)


def test_the_world_needs_no_tensorflow():
    code = "import sys; import course_utils.metrics.modes, course_utils.worlds.densities_1d; "
    code += "import course_utils.worlds.divergences; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=runtime.REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
