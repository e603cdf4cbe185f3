"""The oracle benchmark's table: means over seeds with 95 % intervals, at the end and at the best moment."""

from __future__ import annotations

import math
import statistics

from course_utils.benchmark.oracle_methods import METHODS

COLUMNS = {
    "nll_oracle": "NLL_oracle",
    "nll_gen": "held-out NLL",
    "entropy": "entropy",
    "forward_kl": "KL(p‖q)",
    "reverse_kl": "KL(q‖p)",
}


def interval(values: list[float]) -> tuple[float, float]:
    """Return the mean and the half width of its 95 % interval by Student's t; NaN of fewer than two values.

    Example:
        >>> mean, half = interval([1.0, 2.0, 3.0])  # 2 ± 4.303 · 1/√3
        >>> mean, round(half, 3)
        (2.0, 2.484)
    """
    from scipy.stats import t

    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, math.nan
    return mean, float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))


def final_rows(rows: list[dict]) -> dict[str, list[dict]]:
    """Return the last row of each seed by method; a factor on the logits makes a method of its own."""
    final: dict[tuple[str, int], dict] = {}
    for row in rows:
        label = f"{row['method']} ×{row['factor']}" if "factor" in row else row["method"]
        final[label, row["seed"]] = row
    grouped: dict[str, list[dict]] = {}
    for (label, _), row in final.items():
        grouped.setdefault(label, []).append(row)
    return grouped


def best_rows(rows: list[dict]) -> dict[str, list[dict]]:
    """Return each seed's row with the lowest NLL_oracle by method, as the published code chose it."""
    best: dict[tuple[str, int], dict] = {}
    for row in rows:
        key = row["method"], row["seed"]
        if key not in best or row["nll_oracle"] < best[key]["nll_oracle"]:
            best[key] = row
    grouped: dict[str, list[dict]] = {}
    for (method, _), row in best.items():
        grouped.setdefault(method, []).append(row)
    return grouped


def report(result: dict) -> str:
    """Return the rows as a table, one line a method."""
    rows = result["rows"]
    best, final = best_rows(rows), final_rows(rows)
    floor = statistics.fmean(row["floor"] for row in rows)
    lines = [
        f"oracle benchmark, length {result['length']}, {result['machine']}; means over seeds ± 95 % intervals, in nats "
        f"a token; the oracle's own entropy is {floor:.3f}",
        f"{'method':18}" + "".join(f"{title:>17}" for title in COLUMNS.values()) + f"{'best NLL_oracle':>17}",
    ]
    for label in sorted(final, key=lambda label: list(METHODS).index(label.split()[0])):
        cells = [cell([row[name] for row in final[label] if name in row]) for name in COLUMNS]
        cells.append(cell([row["nll_oracle"] for row in best[label]]) if label in best else "")
        lines.append(f"{label:18}" + "".join(f"{text:>17}" for text in cells))
    return "\n".join(lines)


def cell(values: list[float]) -> str:
    """Return the mean and the half width of its interval as text: no half width of one value, a dash of none.

    Example:
        >>> cell([1.0, 2.0, 3.0]), cell([1.0]), cell([])
        ('2.000 ± 2.484', '1.000', '–')
    """
    if not values:
        return "–"
    mean, half = interval(values)
    return f"{mean:.3f} ± {half:.3f}" if math.isfinite(half) else f"{mean:.3f}"
