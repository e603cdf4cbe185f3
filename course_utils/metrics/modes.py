"""Modes covered and the share of high-quality samples, where the data's modes are known.

Used by lesson 02, on the mixtures of `course_utils.worlds.mixtures_2d`.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from course_utils.worlds.divergences import total_variation
from course_utils.worlds.mixtures_2d import GaussianMixture2D

# A sample within this many standard deviations of its nearest mean is of high quality.
HIGH_QUALITY_DEVIATIONS = 3.0


@dataclasses.dataclass(frozen=True, eq=False)  # arrays have no single answer to ==
class ModeReport:
    """Which modes the samples reach, and how many samples reach any.

    Attributes:
        modes: K, the number of modes of the mixture.
        covered: how many of them have at least one high-quality sample.
        high_quality: share of all samples that are of high quality, from 0 to 1.
        counts: int64 (K,), the high-quality samples of each mode, in the order of the mixture's means.
        mismatch: total variation distance, from 0 to 1, between where the samples fall and where the
            mixture's own do, in K + 1 boxes: within three deviations of each mode, and elsewhere. It
            is large if modes are missing, if they have the wrong shares, and if samples are of low quality.
            Modes must lie more than six deviations apart; the share of closer ones is not 98.9 % each.
    """

    modes: int
    covered: int
    high_quality: float
    counts: np.ndarray
    mismatch: float

    def __str__(self) -> str:
        return f"{self.covered} of {self.modes} modes, {self.high_quality:.1%} of samples high quality".replace(
            "%", " %"
        )


def mode_report(samples: np.ndarray, mixture: GaussianMixture2D) -> ModeReport:
    """Return the modes that samples cover and the share of them that is of high quality.

    A sample belongs to its nearest mean, and is of high quality if it lies within three standard deviations of it.
    A mode is covered if at least one high-quality sample belongs to it. Samples of the mixture itself do not score
    100 % but 1 − exp(−3²/2) = 98.9 %, the mass of a round Gaussian within that radius (if its modes lie apart).

    A covered mode may still have far too few samples: ``counts`` shows it, ``covered`` does not.

    Args:
        samples: (N, 2), N at least 1, in units of x. The papers take 2,500.
        mixture: the data's distribution.

    Returns:
        The `ModeReport`.

    Raises:
        ValueError: if the samples are not (N, 2), or not finite.

    Example:
        >>> from course_utils.worlds.mixtures_2d import ring
        >>> print(mode_report([[2.0, 0.01], [2.0, 0.0], [-2.0, 0.0], [0.0, 0.0]], ring()))
        2 of 8 modes, 75.0 % of samples high quality

    Source: Srivastava et al. 2017, "VEEGAN: reducing mode collapse in GANs using implicit variational learning",
    section 4.1; also used by Lin et al. 2018, "PacGAN".
    """
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 2 or samples.shape[1] != 2 or not len(samples):
        raise ValueError(f"samples must be (N, 2), N at least 1. Received: {samples.shape}.")
    broken = ~np.isfinite(samples).all(axis=1)
    if broken.any():
        raise ValueError(
            f"samples must be finite. Received: {broken.sum()} of {len(samples)} with NaN or infinity. The generator "
            "has diverged: lower the learning rate."
        )
    distances = np.linalg.norm(samples[:, None, :] - mixture.means, axis=-1)  # (N, K)
    nearest = distances.argmin(axis=1)
    good = distances.min(axis=1) <= HIGH_QUALITY_DEVIATIONS * mixture.deviation
    counts = np.bincount(nearest[good], minlength=len(mixture.means))
    # A round Gaussian holds 1 − exp(−r²/2) of its mass within r deviations.
    own = mixture.weights * -np.expm1(-(HIGH_QUALITY_DEVIATIONS**2) / 2)
    return ModeReport(
        modes=len(mixture.means),
        covered=int((counts > 0).sum()),
        high_quality=float(good.mean()),
        counts=counts,
        mismatch=total_variation([*counts / len(samples), 1 - good.mean()], [*own, 1 - own.sum()]),
    )
