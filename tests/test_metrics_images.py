"""The image metrics against SciPy, closed forms, hand counts and images whose order is known."""

import math

import numpy as np
import pytest
import scipy.linalg

from course_utils.datasets import load_mnist
from course_utils.metrics.digit_scorer import DigitScorer, digit_scorer
from course_utils.metrics.frechet import feature_statistics, frechet_distance
from course_utils.metrics.images import digit_coverage, digit_entropy, frechet_digit_distance, report
from course_utils.models.digit_classifier import build_digit_classifier


def random_gaussian(rng, dimensions, rank=None):
    """A random mean and a random covariance of the given rank (full, if none is given)."""
    factor = rng.normal(size=(dimensions, rank or 2 * dimensions))
    return rng.normal(size=dimensions), factor @ factor.T / factor.shape[1]


# --- the Fréchet distance between Gaussians


@pytest.mark.parametrize("dimensions", [1, 2, 5, 64])
def test_frechet_distance_agrees_with_scipys_matrix_square_root(dimensions):
    rng = np.random.default_rng(dimensions)
    for _ in range(5):
        (mean_1, cov_1), (mean_2, cov_2) = random_gaussian(rng, dimensions), random_gaussian(rng, dimensions)
        root = scipy.linalg.sqrtm(cov_1 @ cov_2).real
        expected = np.sum((mean_1 - mean_2) ** 2) + np.trace(cov_1 + cov_2 - 2 * root)
        assert frechet_distance(mean_1, cov_1, mean_2, cov_2) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_commuting_gaussians_is_the_closed_form():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    sigma_1, sigma_2 = rng.uniform(0.1, 3, 6), rng.uniform(0.1, 3, 6)
    cov_1, cov_2 = basis @ np.diag(sigma_1**2) @ basis.T, basis @ np.diag(sigma_2**2) @ basis.T
    shift = rng.normal(size=6)
    expected = np.sum(shift**2) + np.sum((sigma_1 - sigma_2) ** 2)
    assert frechet_distance(shift, cov_1, np.zeros(6), cov_2) == pytest.approx(expected, rel=1e-12)


def test_frechet_distance_by_hand():
    # Means 3 and 4 apart on two axes; standard deviations 1 and 3, 5 and 2: 9 + 16 + 4 + 9.
    assert frechet_distance([3, 0], np.diag([1, 25]), [0, 4], np.diag([9, 4])) == pytest.approx(38.0, abs=1e-12)


@pytest.mark.parametrize("rank", [None, 3])
def test_equal_gaussians_are_at_no_distance_and_a_shift_at_its_square(rank):
    mean, cov = random_gaussian(np.random.default_rng(1), 64, rank)
    assert 0.0 <= frechet_distance(mean, cov, mean, cov) < 1e-10
    assert frechet_distance(mean + 0.5, cov, mean, cov) == pytest.approx(64 * 0.25, abs=1e-10)


def test_singular_covariances_in_different_directions():
    # Each lies in a plane the other does not touch: nothing overlaps, and the traces add up.
    assert frechet_distance(np.zeros(4), np.diag([2, 3, 0, 0]), np.zeros(4), np.diag([0, 0, 5, 7])) == pytest.approx(17)


@pytest.mark.parametrize("seed", range(40))
def test_frechet_distance_is_symmetric_non_negative_and_scales(seed):
    rng = np.random.default_rng(seed)
    dimensions, scale = rng.integers(1, 9), 10 ** rng.uniform(-3, 3)
    # A rank below the dimensions makes the first covariance singular.
    mean_1, cov_1 = random_gaussian(rng, dimensions, rank=rng.integers(1, 9))
    mean_2, cov_2 = random_gaussian(rng, dimensions)
    there = frechet_distance(mean_1, cov_1, mean_2, cov_2)
    assert there >= 0
    assert frechet_distance(mean_2, cov_2, mean_1, cov_1) == pytest.approx(there, rel=1e-9)
    scaled = frechet_distance(scale * mean_1, scale**2 * cov_1, scale * mean_2, scale**2 * cov_2)
    assert scaled == pytest.approx(scale**2 * there, rel=1e-9)


EYE = np.eye(2)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (([0, 0], EYE, [0, 0, 0], np.eye(3)), ValueError, r"means must both be.*\(2,\) and \(3,\)"),
        (([0, 0], np.eye(3), [0, 0], EYE), ValueError, r"cov_1 must be \(2, 2\).*\(3, 3\)"),
        (([0, 0], EYE, [0, 0], [1, 1]), ValueError, r"cov_2 must be \(2, 2\).*\(2,\)"),
        ((EYE, EYE, EYE, EYE), ValueError, "means must both be"),
        (([], np.zeros((0, 0)), [], np.zeros((0, 0))), ValueError, "means must both be"),
        (([0, np.nan], EYE, [0, 0], EYE), ValueError, "mean_1 must be finite.*1 values"),
        (([0, 0], EYE, [0, 0], np.inf * np.ones((2, 2))), ValueError, "cov_2 must be finite.*4 values"),
        (([0, 0], [[1, 0.5], [0, 1]], [0, 0], EYE), ValueError, "cov_1 must be symmetric.*0.5"),
        (([0, 0], EYE, [0, 0], np.diag([1, -1])), ValueError, "cov_2 must be positive semi-definite.*-1"),
        ((["a", "b"], EYE, [0, 0], EYE), TypeError, "mean_1 must hold real numbers"),
        (([0, 0], 1j * EYE, [0, 0], EYE), TypeError, "cov_1 must hold real numbers.*complex"),
        (([0, 0], [[1, 0], [0]], [0, 0], EYE), TypeError, "cov_1.*ragged"),
    ],
)
def test_frechet_distance_says_what_is_wrong(arguments, error, says):
    with pytest.raises(error, match=says):
        frechet_distance(*arguments)


def test_feature_statistics_are_the_sample_mean_and_covariance():
    mean, covariance = feature_statistics(np.array([[0, 0], [2, 0], [0, 4], [2, 4]], "float32"))
    np.testing.assert_array_equal(mean, [1, 2])
    np.testing.assert_allclose(covariance, [[4 / 3, 0], [0, 16 / 3]])
    assert covariance.dtype == np.float64
    assert feature_statistics([[1.0], [2.0]]).covariance.shape == (1, 1)


@pytest.mark.parametrize(
    ("features", "says"),
    [
        (np.zeros((127, 64)), "at least 128 vectors. Received: 127"),
        (np.zeros(64), r"must be \(N, d\)"),
        (np.zeros((5, 0)), r"must be \(N, d\)"),
        (np.full((9, 2), np.nan), "must be finite"),
    ],
)
def test_feature_statistics_say_what_is_wrong(features, says):
    with pytest.raises(ValueError, match=says):
        feature_statistics(features)


# --- coverage and entropy of digits


def decided(*digits):
    """Probabilities that give each listed digit 0.91 and every other digit 0.01."""
    return 0.9 * np.eye(10)[list(digits)] + 0.01


def test_coverage_and_entropy_by_hand():
    assert digit_coverage(decided(*range(10))) == 10
    assert digit_entropy(decided(*range(10))) == pytest.approx(math.log(10))
    assert digit_coverage(decided(7, 7, 7)) == 1
    assert digit_entropy(decided(7, 7, 7)) == 0.0
    # Shares 1/2, 1/4, 1/4: log 2 / 2 + 2 * log 4 / 4 = 1.5 log 2.
    assert digit_entropy(decided(0, 0, 5, 9)) == pytest.approx(1.5 * math.log(2))


def test_a_digit_counts_from_its_minimum_share_on():
    probabilities = decided(*[0] * 98, 1, 2)  # 1 and 2 have 1 % each
    assert digit_coverage(probabilities) == 3
    assert digit_coverage(probabilities, minimum_share=0.02) == 1
    assert digit_coverage(decided(*[0] * 199, 1)) == 1  # half a per cent
    # Ten digits share alike: each has 0.1, and no digit has more.
    assert digit_coverage(decided(*range(10)), minimum_share=0.1) == 10
    assert digit_coverage(decided(*range(10)), minimum_share=0.11) == 0


@pytest.mark.parametrize("measure", [digit_coverage, digit_entropy])
@pytest.mark.parametrize(
    "garbage",
    [
        np.zeros((0, 10)),
        np.full((4, 9), 1 / 9),
        np.full((4, 10), np.nan),
        np.eye(10)[0],
        10 * np.eye(10),
        np.eye(10)[[0]] * 2 - np.eye(10)[[1]],
        np.array(["x"]),
        None,
    ],
)
def test_only_probabilities_are_measured(measure, garbage):
    with pytest.raises(ValueError, match=r"must be \(N, 10\) with rows that add up to 1"):
        measure(garbage)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, math.nan])
def test_a_minimum_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="minimum_share must be above 0"):
        digit_coverage(decided(1), minimum_share=share)


# --- the scorer


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


def to_float(images):
    return (images[..., None] / 127.5 - 1.0).astype("float32")


def test_both_forms_of_images_score_the_same(mnist):
    images = mnist.test_images[:7]
    features, probabilities = digit_scorer().score(images)
    assert (features.shape, features.dtype) == ((7, 64), np.float32)
    assert (probabilities.shape, probabilities.dtype) == ((7, 10), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(digit_scorer().features(to_float(images)), features, atol=1e-4)
    np.testing.assert_array_equal(digit_scorer().probabilities(images).argmax(axis=1), mnist.test_labels[:7])


def test_scores_do_not_depend_on_the_batches(mnist):
    features = digit_scorer().features(mnist.test_images[:1_001])
    assert features.shape == (1_001, 64)
    np.testing.assert_allclose(digit_scorer().features(mnist.test_images[998:1_001]), features[998:], atol=1e-4)


def test_reference_features_are_remembered_by_content_and_forgotten_after_four(mnist, monkeypatch):
    scorer, scored = DigitScorer(build_digit_classifier()), []
    score = scorer.features
    monkeypatch.setattr(scorer, "features", lambda images: scored.append(1) or score(images))
    images = mnist.test_images[:3].copy()
    first = scorer.reference_features(images)
    assert scorer.reference_features(images.copy()) is first and len(scored) == 1
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0
    images[0] = 0
    assert not np.array_equal(scorer.reference_features(images), first) and len(scored) == 2
    for start in (10, 20, 30):
        scorer.reference_features(mnist.test_images[start : start + 3])
    assert len(scored) == 5
    scorer.reference_features(mnist.test_images[:3])  # the oldest of five is gone
    assert len(scored) == 6


@pytest.mark.parametrize(
    "garbage",
    [
        np.zeros((2, 28, 28), "float32"),
        np.zeros((2, 28, 28, 1), "uint8"),
        np.zeros((2, 28, 28, 1), "float64"),
        np.zeros((0, 28, 28, 1), "float32"),
        np.zeros((28, 28), "uint8"),
        np.zeros((2, 32, 32, 1), "float32"),
        np.full((2, 28, 28, 1), 255, "float32"),
        np.full((2, 28, 28, 1), np.nan, "float32"),
        np.float32(1),
        [[1], [2, 3]],
        "digits",
        None,
    ],
)
def test_anything_but_images_is_one_error(garbage):
    for method in (DigitScorer.score, DigitScorer.reference_features):
        with pytest.raises(ValueError, match=r"Images must be float32 \(N, 28, 28, 1\) in \[-1, 1\], or uint8"):
            method(digit_scorer(), garbage)


# --- distance and report


def test_distance_grows_with_damage_to_the_images(mnist):
    real, images = mnist.train_images[:5_000], to_float(mnist.test_images[:1_000])
    rng = np.random.default_rng(0)
    damaged = [
        frechet_digit_distance(np.clip(images + rng.normal(0, noise, images.shape), -1, 1).astype("float32"), real)
        for noise in (0.0, 0.3, 0.6)
    ]
    assert damaged[0] < damaged[1] < damaged[2]


def test_report_beside_its_floor(mnist):
    rng = np.random.default_rng(0)
    real, held_out = mnist.train_images[:5_000], mnist.test_images
    noise = rng.uniform(-1, 1, (500, 28, 28, 1)).astype("float32")
    digits = mnist.train_images[5_000:5_500]
    on_noise, on_digits = report(noise, real, held_out), report(digits, real, held_out)
    assert on_noise.floor == on_digits.floor > 0
    assert on_noise.distance > 10 * on_noise.floor
    assert on_digits.distance < 2 * on_digits.floor
    assert on_digits.distance == frechet_digit_distance(digits, real)
    assert (on_digits.count, on_digits.coverage) == (500, 10)
    assert on_digits.entropy > 2.25 and on_digits.confidence > 0.95
    threes = report(mnist.train_images[mnist.train_labels == 3][:500], real, held_out)
    assert threes.coverage == 1 and threes.entropy < 0.1 and threes.distance > 10 * threes.floor
    assert str(on_digits) == (
        f"500 images: Fréchet digit distance {on_digits.distance:.2f} (real images: {on_digits.floor:.2f}), "
        f"10 of 10 digits, entropy {on_digits.entropy:.2f} of 2.30 nats, mean confidence {on_digits.confidence:.1%}"
    )


def test_the_floor_rises_when_there_are_fewer_samples(mnist):
    images, real, held_out = mnist.train_images[:1_000], mnist.train_images[1_000:6_000], mnist.test_images
    assert report(images[:200], real, held_out).floor > 1.5 * report(images, real, held_out).floor


def test_report_says_what_is_wrong(mnist):
    real, held_out = mnist.train_images[:1_000], mnist.test_images[:300]
    with pytest.raises(ValueError, match=r"at least 128 vectors\. Received: 127"):
        report(real[:127], real, held_out)
    with pytest.raises(ValueError, match=r"at least 128 vectors\. Received: 127"):
        frechet_digit_distance(real, real[:127])
    with pytest.raises(ValueError, match="Received: 300 for 301 samples"):
        report(real[:301], real, held_out)
    with pytest.raises(ValueError, match="held_out must be other images than real"):
        report(real[:200], real, real.copy())
