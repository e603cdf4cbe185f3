"""Divergences and the value of the game against closed forms, SciPy and numbers worked out by hand."""

import numpy as np
import pytest
from scipy import integrate, spatial, stats

from course_utils.worlds.densities_1d import GaussianMixture1D, Uniform1D, gaussian, two_peaks
from course_utils.worlds.divergences import (
    game_value,
    js_divergence,
    kl_divergence,
    optimal_discriminator,
    quadrature,
    total_variation,
    wasserstein_1,
)

X, W = quadrature(-15.0, 15.0)
MIXTURE = GaussianMixture1D([0.2, 0.5, 0.3], [-3.0, 0.5, 2.0], [0.4, 1.5, 0.2])
LOG_2, LOG_4 = np.log(2), np.log(4)

# Mean and deviation of two Gaussians.
GAUSSIANS = [((0.0, 1.0), (0.0, 1.0)), ((0.0, 1.0), (3.0, 1.0)), ((-1.0, 0.5), (1.0, 1.5)), ((0.0, 1.2), (0.0, 0.8))]
# Ten categories: with zeros on one side, on the other, and on both.
TEN_P = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.1, 0.0, 0.0, 0.0])
TEN_Q = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0, 0.2, 0.2, 0.0])


# Densities of the data and of a generator, and the weights of their nodes.
PAIRS = [
    pytest.param(MIXTURE.pdf(X), two_peaks().pdf(X), W, id="mixtures"),
    *(pytest.param(gaussian(*p).pdf(X), gaussian(*q).pdf(X), W, id=f"{p}-{q}") for p, q in GAUSSIANS),
    pytest.param(TEN_P, TEN_Q, 1.0, id="categories"),
]


# Quadrature


def test_quadrature_is_exact_for_polynomials():
    x, weights = quadrature(-1.0, 2.0, panels=2)
    for degree in range(16):
        assert (weights * x**degree).sum() == pytest.approx(
            (2.0 ** (degree + 1) - (-1.0) ** (degree + 1)) / (degree + 1)
        )


def test_quadrature_nodes_rise_inside_the_interval():
    x, weights = quadrature(-1.0, 2.0, panels=5)
    assert x.shape == weights.shape == (40,) and x.dtype == weights.dtype == np.float64
    assert x[0] > -1 and x[-1] < 2 and (np.diff(x) > 0).all() and (weights > 0).all()
    assert quadrature(0, 1)[0].shape == (3200,)


def test_more_panels_are_more_exact():
    errors = []
    for panels in (4, 8):
        x, weights = quadrature(-15.0, 15.0, panels=panels)
        errors.append(abs((weights * MIXTURE.pdf(x)).sum() - 1))
    assert errors[1] < errors[0] / 3
    assert (W * MIXTURE.pdf(X)).sum() == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize(
    ("low", "high", "panels", "words"),
    [
        (1.0, 1.0, 5, "low below high. Received: low=1.0, high=1.0"),
        (2.0, 1.0, 5, "low below high"),
        (-np.inf, 1.0, 5, "must be finite"),
        (0.0, np.nan, 5, "must be finite"),
        (0.0, 1.0, 0, "panels must be a whole number of at least 1. Received: 0"),
        (0.0, 1.0, 2.5, "Received: 2.5"),
    ],
)
def test_what_is_no_grid_is_refused(low, high, panels, words):
    with pytest.raises(ValueError, match=words):
        quadrature(low, high, panels=panels)


# The optimal discriminator


@pytest.mark.filterwarnings("error")
def test_optimal_discriminator_by_hand():
    np.testing.assert_allclose(optimal_discriminator([0.3, 0.2, 0.0, 0.7], [0.1, 0.2, 0.5, 0.0]), [0.75, 0.5, 0, 1])
    assert np.isnan(optimal_discriminator(0.0, 0.0))


def test_optimal_discriminator_is_a_probability_and_one_half_at_equality():
    p, q = MIXTURE.pdf(X), two_peaks().pdf(X)
    best = optimal_discriminator(p, q)
    assert ((best >= 0) & (best <= 1)).all()
    np.testing.assert_allclose(best + optimal_discriminator(q, p), 1)
    np.testing.assert_array_equal(optimal_discriminator(p, p), 0.5)


@pytest.mark.parametrize("values", [[-0.1], [np.nan], [np.inf]])
def test_what_is_no_density_is_refused(values):
    with pytest.raises(ValueError, match="p_data must hold finite densities"):
        optimal_discriminator(values, [0.1])
    with pytest.raises(ValueError, match="p_g must hold finite densities"):
        optimal_discriminator([0.1], values)


# The value of the game


@pytest.mark.parametrize(("p", "q", "weights"), PAIRS)
def test_value_at_the_optimum_is_twice_jsd_less_log_4(p, q, weights):
    value = game_value(p, q, optimal_discriminator(p, q), weights)
    assert value == pytest.approx(2 * js_divergence(p, q, weights) - LOG_4, abs=1e-10)


@pytest.mark.parametrize(("p", "q", "weights"), PAIRS)
def test_nothing_beats_the_optimal_discriminator(p, q, weights):
    best = np.nan_to_num(optimal_discriminator(p, q), nan=0.5)
    for other in (0.9 * best + 0.02, np.clip(best + 0.01 * np.sin(5 * np.arange(p.size)), 1e-9, 1 - 1e-9)):
        assert game_value(p, q, other, weights) < game_value(p, q, best, weights)


def test_value_of_a_wrong_discriminator_is_scipys_integral():
    def d(x):
        return 1 / (1 + np.exp(-0.7 * x - 0.2))

    def integrand(x):
        return MIXTURE.pdf(x) * np.log(d(x)) + two_peaks().pdf(x) * np.log(1 - d(x))

    answer, _ = integrate.quad(integrand, -15, 15, points=[-3, -2, 0.5, 1.5, 2], limit=500, epsabs=1e-12)
    assert game_value(MIXTURE.pdf(X), two_peaks().pdf(X), d(X), W) == pytest.approx(answer, abs=1e-10)


def test_value_by_hand():
    assert game_value([0.5, 0.5], [0.25, 0.75], [0.9, 0.2]) == pytest.approx(
        0.5 * np.log(0.9) + 0.5 * np.log(0.2) + 0.25 * np.log(0.1) + 0.75 * np.log(0.8)
    )
    assert game_value(TEN_P, TEN_Q, 0.5) == pytest.approx(-LOG_4)


@pytest.mark.filterwarnings("error")
def test_a_perfect_discriminator_of_disjoint_supports_has_value_zero():
    assert game_value([0.4, 0.6, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [1.0, 1.0, 0.0, np.nan]) == 0


@pytest.mark.filterwarnings("error")
def test_certainty_that_is_wrong_costs_everything():
    assert game_value([0.5, 0.5], [0.5, 0.5], [0.5, 0.0]) == -np.inf
    assert game_value([0.5, 0.5], [0.5, 0.5], [0.5, 1.0]) == -np.inf
    # Also in a tail, if that answer is not the best one.
    assert game_value([1.0, 0.0], [1.0 - 1e-30, 1e-30], [0.5, 1.0]) == -np.inf


@pytest.mark.filterwarnings("error")
def test_a_tail_where_the_optimum_rounds_to_one_costs_nothing():
    p, q = gaussian(0.0).pdf(X), gaussian(3.0).pdf(X)
    d = optimal_discriminator(p, q)
    assert ((d == 1) & (q > 0)).any()
    assert -LOG_4 < game_value(p, q, d, W) < 0
    tiny = np.array([1.0, 5e-324]), np.array([0.0, 1.0])
    assert game_value(*tiny, optimal_discriminator(*tiny)) == pytest.approx(0)
    # The smallest number over anything above 2 is 0.
    p, q, weights = np.array([2.0, 5e-324]), np.array([0.0, 4.0]), np.array([0.5, 0.25])
    assert optimal_discriminator(p, q)[1] == 0 and game_value(p, q, optimal_discriminator(p, q), weights) > -1e-300


@pytest.mark.parametrize(
    ("d", "words"),
    [
        ([0.5, 1.1], "from 0 to 1. Received: .1.1."),
        ([-0.1, 0.5], "from 0 to 1. Received: .-0.1."),
        ([0.5, np.nan], "from 0 to 1. Received: .nan."),
        (2.0, "Put a sigmoid on logits"),
        ([0.5, 0.5, 0.5], r"densities' shape \(2,\). Received: \(3,\)"),
        ([[0.5, 0.5]], r"Received: \(1, 2\)"),
    ],
)
def test_what_is_no_discriminator_is_refused(d, words):
    with pytest.raises(ValueError, match=words):
        game_value([0.5, 0.5], [0.5, 0.5], d)


# Divergences


@pytest.mark.parametrize(("p", "q"), GAUSSIANS)
def test_kl_of_gaussians_is_the_closed_form(p, q):
    (m, s), (n, t) = p, q
    answer = np.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - 0.5
    assert kl_divergence(gaussian(*p).pdf(X), gaussian(*q).pdf(X), W) == pytest.approx(answer, abs=1e-12)


def test_kl_of_a_density_that_underflows_is_inf_and_its_logarithm_mends_it():
    p, q = gaussian(0.0, 1.0), gaussian(0.0, 0.3)
    assert kl_divergence(p.pdf(X), q.pdf(X), W) == np.inf
    answer = np.log(0.3) + 1 / (2 * 0.3**2) - 0.5
    assert (W * p.pdf(X) * (p.log_pdf(X) - q.log_pdf(X))).sum() == pytest.approx(answer, abs=1e-12)


@pytest.mark.filterwarnings("error")
def test_kl_of_categories_is_scipys():
    inside = np.array([0.25, 0.5, 0.25, 0, 0, 0, 0, 0, 0, 0])
    assert kl_divergence(inside, TEN_Q) == pytest.approx(stats.entropy(inside, TEN_Q), abs=1e-15)
    assert kl_divergence(TEN_Q, inside) == np.inf
    assert kl_divergence(TEN_P, TEN_P) == 0


@pytest.mark.parametrize(("p", "q"), [(MIXTURE, two_peaks()), (gaussian(0.0), gaussian(3.0))])
def test_jsd_is_scipys_integral(p, q):
    def integrand(x):
        m = (p.pdf(x) + q.pdf(x)) / 2
        return (p.pdf(x) * np.log(p.pdf(x) / m) + q.pdf(x) * np.log(q.pdf(x) / m)) / 2

    answer, _ = integrate.quad(integrand, -12, 12, points=[-3, -2, 0, 0.5, 1.5, 2, 3], limit=500, epsabs=1e-13)
    assert js_divergence(p.pdf(X), q.pdf(X), W) == pytest.approx(answer, abs=1e-11)


@pytest.mark.filterwarnings("error")
def test_jsd_of_categories_is_the_square_of_scipys_distance():
    distance = spatial.distance.jensenshannon(TEN_P, TEN_Q)
    assert js_divergence(TEN_P, TEN_Q) == pytest.approx(distance**2, abs=1e-14)
    assert js_divergence(TEN_Q, TEN_P) == js_divergence(TEN_P, TEN_Q)


@pytest.mark.filterwarnings("error")
def test_jsd_keeps_to_its_range():
    assert js_divergence(TEN_P, TEN_P) == 0
    # 49 / 49 and 1 / 49 sum to numbers on either side of 1.
    for k in range(2, 60):
        p, q = np.zeros(2 * k), np.zeros(2 * k)
        p[:k], q[k:] = 1 / k, 1 / k
        assert js_divergence(p, q) <= LOG_2
        assert js_divergence(p, q) == pytest.approx(LOG_2)
        assert total_variation(p, q) <= 1
        assert kl_divergence(p, p * (1 + 1e-9)) >= 0
    assert js_divergence(gaussian(-5, 0.1).pdf(X), gaussian(5, 0.1).pdf(X), W) == pytest.approx(LOG_2)
    assert js_divergence([1.0, 5e-324], [1.0, 0.0]) == pytest.approx(0)


@pytest.mark.parametrize("shift", [0.0, 0.5, 3.0])
def test_total_variation_of_gaussians_of_equal_deviation(shift):
    p, q = gaussian(-1.0, 0.7).pdf(X), gaussian(-1.0 + shift, 0.7).pdf(X)
    # |p − q| has a kink where they cross, which costs the panel there some accuracy.
    assert total_variation(p, q, W) == pytest.approx(2 * stats.norm.cdf(shift / (2 * 0.7)) - 1, abs=1e-5)


def test_total_variation_is_the_largest_difference_of_any_event():
    events = ((np.arange(2**10)[:, None] >> np.arange(10)) & 1).astype(float)
    assert total_variation(TEN_P, TEN_Q) == pytest.approx(np.abs(events @ (TEN_P - TEN_Q)).max())


@pytest.mark.parametrize(("p", "q"), GAUSSIANS)
def test_w1_of_gaussians_is_the_closed_form(p, q):
    # Quantile against quantile: the difference is normal with mean m − n and deviation s − t; W1 is its mean size.
    mean, deviation = p[0] - q[0], abs(p[1] - q[1])
    answer = stats.foldnorm.mean(abs(mean) / deviation, scale=deviation) if deviation else abs(mean)
    assert wasserstein_1(gaussian(*p).cdf(X), gaussian(*q).cdf(X), W) == pytest.approx(answer, abs=1e-5)


def test_w1_of_intervals_is_the_shift():
    x, weights = quadrature(-2.0, 6.0, panels=8)
    assert wasserstein_1(Uniform1D(0, 1).cdf(x), Uniform1D(3, 4).cdf(x), weights) == pytest.approx(3, abs=1e-12)


def test_w1_of_categories_is_scipys():
    places = np.arange(10) * 0.3
    answer = stats.wasserstein_distance(places, places, TEN_P, TEN_Q)
    assert wasserstein_1(np.cumsum(TEN_P), np.cumsum(TEN_Q), 0.3) == pytest.approx(answer, abs=1e-12)
    # Such a sum may pass 1 by rounding.
    assert wasserstein_1([0.5, 1 + 2**-52], [0.25, 1.0], 1.0) == pytest.approx(0.25)


def test_w1_takes_a_grid_that_cuts_off_next_to_nothing():
    assert wasserstein_1([1e-3, 1.0], [0.0, 1.0], [0.5, 0.5]) == pytest.approx(5e-4)


def test_w1_of_a_grid_cut_on_the_left_is_refused_and_not_wrong():
    x, weights = quadrature(0.0, 8.0)  # half of the mass lies below 0
    with pytest.raises(ValueError, match=r"cdf_p must begin at 0 on a grid\. Received: 0\.5"):
        wasserstein_1(gaussian(0.0, 1.0).cdf(x), gaussian(1.0, 1.0).cdf(x), weights)


def test_w1_of_samples_comes_near():
    samples = [density.sample(200_000, seed=1) for density in (MIXTURE, two_peaks())]
    exact = wasserstein_1(MIXTURE.cdf(X), two_peaks().cdf(X), W)
    assert stats.wasserstein_distance(*samples) == pytest.approx(exact, rel=0.02)


# What is refused


@pytest.mark.parametrize(
    "function", [kl_divergence, js_divergence, total_variation, lambda p, q, w: game_value(p, q, 0.5, w)]
)
@pytest.mark.parametrize(
    ("p", "q", "weights", "words"),
    [
        ([0.5, 0.5], [1.0], 1.0, r"one shape. Received: \(2,\) and \(1,\)"),
        ([1.5, -0.5], [0.5, 0.5], 1.0, "at least 0"),
        ([0.5, 0.5], [np.nan, 1.0], 1.0, "finite"),
        ([0.5, 0.5], [np.inf, 1.0], 1.0, "finite"),
        ([0.5, 0.43], [0.5, 0.5], 1.0, "integrates to 0.93 over this grid. Widen the grid"),
        ([0.5, 0.5], [0.5, 0.502], 1.0, "integrates to 1.002"),
        ([0.5, 0.5], [0.5, 0.5], 0.5, "integrates to 0.5"),
        ([0.5, 0.5], [0.5, 0.5], [1.0], r"nodes' shape \(2,\). Received: \(1,\)"),
        ([0.5, 0.5], [0.5, 0.5], [2.0, 0.0], "finite and positive"),
        ([0.5, 0.5], [0.5, 0.5], np.nan, "finite and positive"),
    ],
)
def test_what_is_no_pair_of_densities_is_refused(function, p, q, weights, words):
    with pytest.raises(ValueError, match=words):
        function(p, q, weights)


def test_mass_that_is_nearly_one_is_taken():
    assert total_variation([0.5, 0.5005], [0.5, 0.4995]) == pytest.approx(0.0005)


@pytest.mark.parametrize(
    ("p", "q", "weights", "words"),
    [
        ([0.5, 1.0], [1.0], 1.0, r"one shape. Received: \(2,\) and \(1,\)"),
        ([0.5, 1.1], [0.5, 1.0], 1.0, "cdf_p must be .N,. probabilities"),
        ([0.5, 1.0], [-0.1, 1.0], 1.0, "cdf_q must be .N,. probabilities"),
        ([np.nan, 1.0], [0.5, 1.0], 1.0, "probabilities"),
        ([[0.5, 1.0]], [[0.5, 1.0]], 1.0, "probabilities"),
        ([], [], 1.0, "probabilities"),
        ([0.1, 0.4, 0.1, 1.0], [0.1, 0.2, 0.3, 1.0], 1.0, "cdf_p must never fall"),
        ([0.1, 1.0], [0.1, 0.9], 1.0, "cdf_q must reach 1 on the grid. Received: 0.9 at its end"),
        ([0.0, 1.0], [0.002, 1.0], [0.5, 0.5], "cdf_q must begin at 0 on a grid. Received: 0.002"),
        ([0.5, 1.0], [0.5, 1.0], [1.0], "nodes' shape"),
        ([0.5, 1.0], [0.5, 1.0], -1.0, "finite and positive"),
    ],
)
def test_what_is_no_distribution_function_is_refused(p, q, weights, words):
    with pytest.raises(ValueError, match=words):
        wasserstein_1(p, q, weights)
