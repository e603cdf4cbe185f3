"""KID, precision and its kin, copies, the classifier score and the Fréchet distance's limit, against other answers."""

import math

import numpy as np
import pytest
import scipy.stats

from course_utils.metrics.classifier_score import classifier_score
from course_utils.metrics.frechet import FeatureStatistics
from course_utils.metrics.frechet_bias import frechet_curve
from course_utils.metrics.image_copies import copying, nearest
from course_utils.metrics.kernel_distance import kernel_distance
from course_utils.metrics.neighbourhoods import neighbourhoods


def normal(count, dimensions=3, *, mean=0.0, spread=1.0, seed=0):
    return np.random.default_rng(seed).normal(mean, spread, (count, dimensions))


# --- the kernel distance


def test_kernel_distance_is_the_double_sum_over_different_vectors():
    x, y = normal(6, seed=1), normal(6, seed=2)

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    own = [sum(k(s[i], s[j]) for i in range(6) for j in range(6) if i != j) / 30 for s in (x, y)]
    cross = sum(k(a, b) for a in x for b in y) / 36
    assert kernel_distance(x, y, subset_size=6).value == pytest.approx(sum(own) - 2 * cross, rel=1e-10)


def test_kernel_distance_expects_the_distance_of_the_distributions_at_every_size():
    """One dimension: E (xy + 1)³ is a polynomial of the moments, so MMD² is Σ C(3, k) (E xᵏ − E yᵏ)²."""
    moments = [[scipy.stats.norm(mean, spread).moment(k) for k in (1, 2, 3)] for mean, spread in ((0.3, 1.0), (0, 1.2))]
    exact = sum(math.comb(3, k) * (a - b) ** 2 for k, a, b in zip((1, 2, 3), *moments, strict=True))
    x, y = normal(200_000, 1, mean=0.3, seed=3), normal(200_000, 1, spread=1.2, seed=4)
    for size in (5, 200):
        estimate = kernel_distance(x[: 1_000 * size], y[: 1_000 * size], subset_size=size)
        assert estimate.subsets == 1_000
        assert abs(estimate.value - exact) < 4 * estimate.standard_error


def test_kernel_distance_of_one_distribution_is_around_zero_and_its_error_is_the_spread():
    values = [kernel_distance(normal(100, seed=s), normal(100, seed=100 + s), subset_size=100) for s in range(60)]
    assert all(math.isnan(one.standard_error) for one in values)
    numbers = np.array([one.value for one in values])
    assert 0.2 < (numbers < 0).mean() < 0.9
    together = kernel_distance(normal(6_000, seed=7), normal(6_000, seed=8), subset_size=100)
    assert together.standard_error == pytest.approx(numbers.std() / math.sqrt(60), rel=0.35)


# --- precision, recall, density, coverage


def by_loops(features, real, k):
    def radius(vectors, i):
        return sorted(np.linalg.norm(vectors - vectors[i], axis=1))[k]

    real_radii = [radius(real, i) for i in range(len(real))]
    radii = [radius(features, i) for i in range(len(features))]
    hits = np.array(
        [[np.linalg.norm(f - r) <= radii_r for r, radii_r in zip(real, real_radii, strict=True)] for f in features]
    )
    back = np.array([[np.linalg.norm(f - r) <= own for r in real] for f, own in zip(features, radii, strict=True)])
    return hits.any(1).mean(), back.any(0).mean(), hits.sum() / (k * len(features)), hits.any(0).mean()


@pytest.mark.parametrize(("sizes", "k"), [((30, 20), 3), ((20, 31), 5), ((6, 6), 5)])
def test_neighbourhoods_are_the_definitions_written_as_loops(sizes, k, monkeypatch):
    monkeypatch.setattr("course_utils.metrics.neighbourhoods.BLOCK", 7)
    features, real = normal(sizes[0], seed=k), normal(sizes[1], mean=0.5, seed=k + 1)
    got = neighbourhoods(features, real, neighbours=k)
    assert (got.precision, got.recall, got.density, got.coverage) == pytest.approx(by_loops(features, real, k))


def test_a_perfect_generator_has_the_papers_expected_values():
    report = neighbourhoods(normal(4_000, seed=1), normal(4_000, seed=2), neighbours=5)
    assert report.density == pytest.approx(1.0, abs=0.03)
    assert report.coverage == pytest.approx(1 - 0.5**5, abs=0.01)
    assert report.precision == pytest.approx(report.recall, abs=0.02)


def test_few_modes_cost_recall_and_an_outlier_fills_precision_up_but_not_density():
    rng = np.random.default_rng(0)
    real = np.concatenate([rng.normal(m, 0.1, (200, 2)) for m in (0, 3)])
    one_mode = neighbourhoods(rng.normal(0, 0.1, (400, 2)), real)
    assert one_mode.precision > 0.9 and one_mode.recall < 0.6 and one_mode.coverage < 0.6
    with_outliers = np.concatenate([real, rng.uniform(-40, 40, (6, 2))])
    bad = rng.uniform(-20, 20, (400, 2))
    fooled = neighbourhoods(bad, with_outliers)
    assert fooled.precision > 0.8 and fooled.density < 0.8


# --- copies


def test_nearest_is_what_a_loop_finds(monkeypatch):
    monkeypatch.setattr("course_utils.metrics.image_copies.BLOCK", 4)
    features, training = normal(10, seed=1), normal(15, seed=2)
    distances = np.linalg.norm(features[:, None] - training, axis=2)
    indices, nearest_distances = nearest(features, training)
    np.testing.assert_array_equal(indices, distances.argmin(1))
    np.testing.assert_allclose(nearest_distances, distances.min(1), rtol=1e-9)


def test_closer_is_scipys_mann_whitney_statistic():
    training, held_out = normal(200, seed=1), normal(150, seed=2)
    for features in (normal(120, seed=3), training[:50], np.concatenate([held_out[:20], training[:9]])):
        own, other = nearest(features, training)[1], nearest(held_out, training)[1]
        statistic = scipy.stats.mannwhitneyu(other, own).statistic
        report = copying(features, training, held_out)
        assert report.closer == pytest.approx(statistic / (len(own) * len(other)), abs=1e-12)


def test_an_honest_set_is_at_one_half_and_copies_are_found():
    training, held_out, honest = (normal(3_000, 5, seed=s) for s in range(3))
    report = copying(honest, training, held_out)
    assert report.closer == pytest.approx(0.5, abs=0.03)
    assert report.copied == pytest.approx(0.01, abs=0.007)
    third = np.concatenate([honest[:2_000], training[:1_000] + 1e-3])
    assert copying(third, training, held_out).copied == pytest.approx(1 / 3, abs=0.02)
    assert copying(10 * honest, training, held_out).closer < 0.1


# --- the classifier score


@pytest.mark.parametrize(
    ("probabilities", "score"),
    [
        (np.full((5, 10), 0.1), 1.0),
        (np.eye(10)[[4] * 7], 1.0),
        (np.eye(10), 10.0),
        (np.eye(10)[[1, 2, 3] * 4], 3.0),
        # Two classes that are told apart in nine of ten: log 2 − H(0.9, 0.1).
        ([[0.9, 0.1], [0.1, 0.9]], math.exp(math.log(2) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1))),
    ],
)
def test_classifier_score_by_hand(probabilities, score):
    assert classifier_score(probabilities) == pytest.approx(score, rel=1e-12)


# --- the Fréchet distance's limit


def test_the_limit_is_nearer_to_the_truth_than_any_finite_distance():
    d, wider = 16, 1.05
    exact = FeatureStatistics(np.zeros(d), wider**2 * np.eye(d))
    truth = d * (wider - 1) ** 2
    curve = frechet_curve(normal(40_000, d, seed=5), exact, range(1_000, 10_001, 500), seed=1)
    assert curve.slope > 0
    assert np.all(curve.distances > truth)
    assert abs(curve.limit - truth) < 0.3 * (curve.distances[-1] - truth)


# --- bad input

FEW, MANY, NAN = normal(3), normal(40), np.full((40, 3), np.nan)
TWO_SETS = {
    "kernel": lambda x, y: kernel_distance(x, y, subset_size=4),
    "neighbourhoods": neighbourhoods,
    "nearest": nearest,
}


@pytest.mark.parametrize("name", TWO_SETS)
@pytest.mark.parametrize(
    ("x", "error", "says"),
    [
        (NAN, ValueError, "finite"),
        (normal(40, 2), ValueError, "as many columns"),
        (MANY[:, 0], ValueError, r"\(N, d\)"),
        (MANY.astype(str), TypeError, "real numbers"),
        (MANY[:0], ValueError, "at least"),
    ],
)
def test_bad_sets_are_refused(name, x, error, says):
    with pytest.raises(error, match=says):
        TWO_SETS[name](x, MANY)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: kernel_distance(MANY, MANY), "at least 1000"),
        (lambda: kernel_distance(MANY, MANY, subset_size=1), "at least 2"),
        (lambda: neighbourhoods(FEW, MANY, neighbours=3), "at least 4"),
        (lambda: neighbourhoods(MANY, MANY, neighbours=0), "at least 1"),
        (lambda: classifier_score(np.ones((3, 10))), "softmax"),
        (lambda: classifier_score(np.zeros((0, 10))), "N at least 1"),
        (lambda: frechet_curve(MANY, FeatureStatistics(np.zeros(3), np.eye(3)), [40]), "two different"),
        (lambda: frechet_curve(MANY, FeatureStatistics(np.zeros(3), np.eye(3)), [20, 50]), "at most 40"),
        (lambda: frechet_curve(MANY, FeatureStatistics(np.zeros(3), np.eye(3)), [4, 20]), "at least 6"),
    ],
)
def test_impossible_requests_are_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
