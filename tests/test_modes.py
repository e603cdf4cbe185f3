"""Modes covered and high-quality share: samples placed by hand, a loop over the definition, and the exact share."""

import numpy as np
import pytest

from course_utils.metrics.modes import mode_report
from course_utils.worlds.mixtures_2d import GaussianMixture2D, grid, ring

TWO = GaussianMixture2D([[0.0, 0.0], [10.0, 0.0]], deviation=1.0)


def test_samples_placed_by_hand():
    samples = [[0.0, 2.99], [2.0, 2.3], [-3.01, 0.0], [2.2, 2.2], [7.01, 0.0], [5.0, 0.0]]
    report = mode_report(samples, TWO)
    # 2² + 2.3² = 9.29 and 2.2² + 2.2² = 9.68 are beyond 3² = 9.
    np.testing.assert_array_equal(report.counts, [1, 1])
    assert (report.modes, report.covered, report.high_quality) == (2, 2, pytest.approx(2 / 6))


def test_the_border_counts():
    assert mode_report([[3.0, 0.0]], TWO).counts.tolist() == [1, 0]
    assert mode_report([[3.0 + 1e-9, 0.0]], TWO).counts.tolist() == [0, 0]


def test_a_sample_counts_for_its_nearest_mean_only():
    close = GaussianMixture2D([[0.0, 0.0], [1.0, 0.0]], deviation=1.0)
    assert mode_report([[0.4, 0.0], [0.6, 0.0], [0.7, 0.0]], close).counts.tolist() == [1, 2]


def test_the_definition_by_a_loop():
    mixture = grid(side=3, spacing=1.0, deviation=0.1)
    samples = np.random.default_rng(2).uniform(-1.5, 0.7, size=(300, 2))
    counts = [0] * 9
    for x, y in samples:
        distances = [((x - a) ** 2 + (y - b) ** 2) ** 0.5 for a, b in mixture.means]
        if min(distances) <= 0.3:
            counts[distances.index(min(distances))] += 1
    report = mode_report(samples, mixture)
    np.testing.assert_array_equal(report.counts, counts)
    assert report.high_quality == pytest.approx(sum(counts) / 300)
    assert report.covered == sum(count > 0 for count in counts)
    assert report.counts.sum() > 50


def test_the_data_themselves_score_the_mass_within_three_deviations():
    report = mode_report(ring().sample(40_000, seed=0), ring())
    share = 1 - np.exp(-4.5)
    assert report.covered == 8
    assert report.high_quality == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 40_000))


def test_a_collapsed_generator():
    report = mode_report(np.tile(ring().means[3], (100, 1)), ring())
    assert (report.covered, report.high_quality) == (1, 1.0)
    np.testing.assert_array_equal(report.counts, 100 * np.eye(8)[3])


def test_no_good_sample_at_all():
    report = mode_report([[9.0, 9.0]], ring())
    assert str(report) == "0 of 8 modes, 0.0 % of samples high quality"


def test_the_report_reads_in_one_line():
    samples = np.vstack([np.tile(ring().means[:7], (133, 1)), np.full((69, 2), 50.0)])
    assert str(mode_report(samples, ring())) == "7 of 8 modes, 93.1 % of samples high quality"


def test_the_report_cannot_be_changed():
    with pytest.raises(AttributeError):
        mode_report([[0.0, 0.0]], TWO).covered = 8


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([0.0, 1.0], r"samples must be \(N, 2\), N at least 1. Received: \(2,\)"),
        ([[0.0, 1.0, 2.0]], r"Received: \(1, 3\)"),
        (np.zeros((0, 2)), r"Received: \(0, 2\)"),
        (
            [[0.0, 1.0], [np.nan, 0.0], [0.0, np.inf]],
            "Received: 2 of 3 with NaN or infinity. The generator has diverged",
        ),
    ],
)
def test_what_are_no_samples_is_refused(samples, words):
    with pytest.raises(ValueError, match=words):
        mode_report(samples, ring())


def test_mismatch_worked_out_by_hand():
    inside = 1 - np.exp(-4.5)  # of a mode's mass, within three deviations
    one_mode = mode_report(np.tile(ring().means[3], (100, 1)), ring()).mismatch
    assert one_mode == pytest.approx(1 - inside / 8)
    assert mode_report([[9.0, 9.0]], ring()).mismatch == pytest.approx(inside)
    lopsided = mode_report([[0.0, 0.0]] * 3 + [[10.0, 0.0]], TWO).mismatch
    assert lopsided == pytest.approx(0.75 - inside / 2)
    uneven = GaussianMixture2D(TWO.means, 1.0, weights=[0.75, 0.25])
    assert mode_report([[0.0, 0.0]] * 3 + [[10.0, 0.0]], uneven).mismatch == pytest.approx(np.exp(-4.5))
    assert mode_report(ring().sample(40_000, seed=1), ring()).mismatch < 0.02
