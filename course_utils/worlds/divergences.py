"""How far two distributions are apart, and what the game between them is worth.

Every function takes the values of densities at some nodes, and the quadrature weights of the nodes. Lists of
probabilities are the same with all weights 1, so one function serves an integral and a sum. Logarithms are natural.

Used by lesson 01, which derives each formula.
"""

from __future__ import annotations

import numbers

import numpy as np
from scipy import special

# How far from 1 the mass of a density may be on its grid. More is no rounding: the grid cuts something off.
MASS_TOLERANCE = 1e-3
NODES_PER_PANEL = 8


def quadrature(low: float, high: float, *, panels: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights for integrals over an interval: ``(weights * f(x)).sum()``.

    Gauss–Legendre with 8 nodes on each of the equal panels, exact for polynomials up to degree 15. For an
    integrand that bends little within a panel the error is rounding; a peak narrower than a panel needs more of them,
    and a jump or a kink costs accuracy in its panel, unless it lies on a border.

    Args:
        low: left end, in units of x.
        high: right end, in units of x.
        panels: how many equal parts the interval is cut into.

    Returns:
        ``(x, weights)``, both (8 · panels,) float64 in units of x. x rises and stays inside the interval.

    Raises:
        ValueError: if the ends are not finite or not in order, or ``panels`` is no whole number of at least 1.

    Example:
        >>> x, weights = quadrature(0.0, 2.0, panels=3)
        >>> round(float((weights * x**3).sum()), 12)
        4.0
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"low and high must be finite, and low below high. Received: low={low}, high={high}.")
    if not isinstance(panels, numbers.Integral) or panels < 1:
        raise ValueError(f"panels must be a whole number of at least 1. Received: {panels!r}.")
    nodes, weights = np.polynomial.legendre.leggauss(NODES_PER_PANEL)
    borders = np.linspace(low, high, panels + 1)
    middles, halves = (borders[1:] + borders[:-1]) / 2, np.diff(borders) / 2
    return (middles[:, None] + halves[:, None] * nodes).ravel(), (halves[:, None] * weights).ravel()


def optimal_discriminator(p_data: np.ndarray | float, p_g: np.ndarray | float) -> np.ndarray:
    """Return D*(x) = p_data(x) / (p_data(x) + p_g(x)), the best answer to a fixed generator.

    Args:
        p_data: density of the data at some points, at least 0.
        p_g: density of the generator's samples at the same points.

    Returns:
        float64 in [0, 1], their broadcast shape. NaN where both densities vanish: no sample ever
        falls there, so every answer costs the same.

    Raises:
        ValueError: if a density is negative or not finite.

    Example:
        >>> optimal_discriminator([0.3, 0.2, 0.0, 0.0], [0.1, 0.2, 0.5, 0.0])
        array([0.75, 0.5 , 0.  ,  nan])

    Source: Goodfellow et al. 2014, proposition 1.
    """
    real, fake = _density("p_data", p_data), _density("p_g", p_g)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN on purpose
        return real / (real + fake)


def game_value(p_data: np.ndarray, p_g: np.ndarray, d: np.ndarray | float, weights: np.ndarray | float = 1.0) -> float:
    """Return V(D, G) = Σ w (p_data log D + p_g log(1 − D)), with 0 · log 0 = 0.

    Args:
        p_data: density of the data at the nodes.
        p_g: density of the generator's samples, the same shape.
        d: the discriminator's probability of "real", the same shape, or one number for a constant D. It may be NaN
            where both densities are 0; such nodes count 0.
        weights: quadrature weights, the same shape, or 1 for probabilities.

    Returns:
        V in nats, at most 0. −inf where D is 0 on data, or 1 on what G makes. A D* that only *rounds* to 0 or 1,
        as it does in the tails, costs nothing there; the error is below 1e-14.

    Raises:
        ValueError: if shapes differ, a density is negative, not finite or of another mass than 1, or d is
            outside [0, 1].

    Example:
        >>> round(game_value([0.5, 0.5], [0.5, 0.5], 0.5), 6)  # −log 4
        -1.386294
        >>> game_value([1.0, 0.0], [0.0, 1.0], 0.0)
        -inf

    Source: Goodfellow et al. 2014, equations 1 and 3.
    """
    real, fake, weights = _pair("p_data", p_data, "p_g", p_g, weights)
    d = np.asarray(d, dtype=np.float64)
    if d.shape not in ((), real.shape):
        raise ValueError(f"d must be one number or have the densities' shape {real.shape}. Received: {d.shape}.")
    counts = real + fake > 0
    wrong = counts & ~((d >= 0) & (d <= 1))  # catches NaN too
    if wrong.any():
        values = np.broadcast_to(d, real.shape)[wrong][:3]
        raise ValueError(
            f"d must be a probability from 0 to 1. Received: {values}. Put a sigmoid on logits, and use float64: a "
            "float32 probability rounds to 1 soon."
        )
    real, fake, weights, d = (np.broadcast_to(array, real.shape)[counts] for array in (real, fake, weights, d))
    terms = special.xlogy(real, d) + special.xlog1py(fake, -d)
    # D* is 1 in float64 where p_g < 1e-16 p_data. There p_g log(1 − D*) is no −inf, but less than rounding: 0.
    rounded = ((d == 0) | (d == 1)) & (d == real / (real + fake))
    return float((weights * np.where(rounded, 0.0, terms)).sum())


def kl_divergence(p: np.ndarray, q: np.ndarray, weights: np.ndarray | float = 1.0) -> float:
    """Return KL(p‖q) = Σ w p log(p / q), with 0 · log 0 = 0.

    A density below about 2.5e-324 rounds to 0 in float64, and a q of 0 under p gives inf. Where only the number is
    0, as far out in a narrow Gaussian, use its logarithm: ``(weights * p * (log_p - log_q)).sum()`` with ``log_pdf``.

    Args:
        p: density that the mean is taken over, at the nodes.
        q: the other density, the same shape.
        weights: quadrature weights, the same shape, or 1 for probabilities.

    Returns:
        nats, at least 0; inf where q is 0 and p is not.

    Raises:
        ValueError: if shapes differ, or a density is negative, not finite or of another mass than 1.

    Example:
        >>> round(kl_divergence([0.5, 0.5], [0.25, 0.75]), 4)  # ½ log 2 + ½ log ⅔
        0.1438
        >>> kl_divergence([0.5, 0.5], [1.0, 0.0])
        inf
    """
    p, q, weights = _pair("p", p, "q", q, weights)
    return max(0.0, float((weights * special.rel_entr(p, q)).sum()))  # equal densities may round below 0


def js_divergence(p: np.ndarray, q: np.ndarray, weights: np.ndarray | float = 1.0) -> float:
    """Return JSD(p, q) = ½ KL(p‖m) + ½ KL(q‖m), where m = (p + q) / 2.

    Args:
        p: density at the nodes.
        q: the other density, the same shape.
        weights: quadrature weights, the same shape, or 1 for probabilities.

    Returns:
        nats, from 0 (equal) to log 2 (no overlap); never inf. Its square root is a distance, and is what SciPy returns.

    Raises:
        ValueError: if shapes differ, or a density is negative, not finite or of another mass than 1.

    Example:
        >>> round(js_divergence([1.0, 0.0], [0.0, 1.0]), 6)  # log 2
        0.693147

    Source: Lin 1991, "Divergence measures based on the Shannon entropy"; Goodfellow et al. 2014, equation 6.
    """
    p, q, weights = _pair("p", p, "q", q, weights)
    # p log(2p / (p + q)): doubling is exact, where halving the smallest number for m would give 0, and so inf.
    total = float((weights * (special.rel_entr(2 * p, p + q) + special.rel_entr(2 * q, p + q))).sum()) / 4
    return min(max(0.0, total), float(np.log(2)))  # rounding may leave the range


def total_variation(p: np.ndarray, q: np.ndarray, weights: np.ndarray | float = 1.0) -> float:
    """Return TV(p, q) = ½ Σ w |p − q|, the largest difference in probability that any event can have.

    Args:
        p: density at the nodes.
        q: the other density, the same shape.
        weights: quadrature weights, the same shape, or 1 for probabilities.

    Returns:
        A number from 0 (equal) to 1 (no overlap).

    Raises:
        ValueError: if shapes differ, or a density is negative, not finite or of another mass than 1.

    Example:
        >>> total_variation([0.5, 0.5, 0.0], [0.25, 0.5, 0.25])
        0.25
    """
    p, q, weights = _pair("p", p, "q", q, weights)
    return min(1.0, float((weights * np.abs(p - q)).sum()) / 2)  # rounding may leave the range


def wasserstein_1(cdf_p: np.ndarray, cdf_q: np.ndarray, weights: np.ndarray | float) -> float:
    """Return W₁(p, q) = ∫ |F − G| dx, the mean distance that mass has to move, in one dimension.

    Args:
        cdf_p: (N,) the cumulative distribution function F at rising nodes: not the density.
        cdf_q: (N,) the same for the other distribution, G.
        weights: (N,) quadrature weights of a grid, or one number, the spacing of categories, in units of x. The
            first category may have mass; what a grid cuts off on its left is lost.

    Returns:
        A number of at least 0, in units of x.

    Raises:
        ValueError: if shapes differ, or a function leaves [0, 1], falls, does not reach 1, or does not begin at 0
            on a grid.

    Example:
        >>> wasserstein_1(np.cumsum([1.0, 0.0, 0.0]), np.cumsum([0.0, 0.0, 1.0]), 1.0)  # two places to the right
        2.0

    Source: Vallender 1974, "Calculation of the Wasserstein distance between probability distributions on the line".
    """
    functions = []
    for name, values in (("cdf_p", cdf_p), ("cdf_q", cdf_q)):
        values = np.asarray(values, dtype=np.float64)
        # A cumulative sum of probabilities may exceed 1 by rounding.
        if values.ndim != 1 or not values.size or not ((values >= 0) & (values <= 1 + 1e-9)).all():
            raise ValueError(f"{name} must be (N,) probabilities from 0 to 1. Received: {values}.")
        if (np.diff(values) < -1e-9).any():
            raise ValueError(f"{name} must never fall. Received: {values}. Give cdf(x), not pdf(x), at rising x.")
        if values[-1] < 1 - MASS_TOLERANCE:
            raise ValueError(f"{name} must reach 1 on the grid. Received: {values[-1]:.4g} at its end. Widen the grid.")
        functions.append(values)
    if functions[0].shape != functions[1].shape:
        shapes = f"{functions[0].shape} and {functions[1].shape}"
        raise ValueError(f"cdf_p and cdf_q must have one shape. Received: {shapes}. Take both at the same nodes.")
    weights = _weights(weights, functions[0].shape)
    for name, values in zip(("cdf_p", "cdf_q"), functions, strict=True):
        if weights.ndim and values[0] > MASS_TOLERANCE:
            raise ValueError(
                f"{name} must begin at 0 on a grid. Received: {values[0]:.4g} at its start. Widen the grid to the "
                "left, or for categories give their spacing as one number."
            )
    return float((weights * np.abs(functions[0] - functions[1])).sum())


def _pair(
    name_p: str, p: np.ndarray, name_q: str, q: np.ndarray, weights: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return two densities of mass 1 at the same nodes, and the weights, as float64."""
    p, q = _density(name_p, p), _density(name_q, q)
    if p.shape != q.shape:
        raise ValueError(
            f"{name_p} and {name_q} must have one shape. Received: {p.shape} and {q.shape}. "
            "Take both densities at the same nodes."
        )
    weights = _weights(weights, p.shape)
    for name, density in ((name_p, p), (name_q, q)):
        mass = float((weights * density).sum())
        if abs(mass - 1) > MASS_TOLERANCE:
            raise ValueError(
                f"{name} must have mass 1. Received: it integrates to {mass:.4g} over this grid. Widen the grid or "
                "check the density, and pass the grid's weights."
            )
    return p, q, weights


def _density(name: str, values: np.ndarray | float) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError(f"{name} must hold finite densities of at least 0. Received: {values}.")
    return values


def _weights(weights: np.ndarray | float, shape: tuple[int, ...]) -> np.ndarray:
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape not in ((), shape):
        raise ValueError(f"weights must be one number or have the nodes' shape {shape}. Received: {weights.shape}.")
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError(f"weights must be finite and positive. Received: {weights}.")
    return weights
