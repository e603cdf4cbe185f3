"""What a training step of each text GAN costs at the oracle benchmark's setting, and what of it goes where.

A training step is one step of the generator and the minibatches of the discriminator that the standard profile has
after it. The parts of a step and their shares are those of `game_parts`; that they are the whole step is measured too:
the last column is the sum of the parts divided by the duration of a step as `fit` runs it.
"""

from __future__ import annotations

import gc
import statistics

from course_utils.benchmark.game_parts import SHARES, parts_of, step_of
from course_utils.benchmark.oracle_games import ORACLE_GAMES
from course_utils.benchmark.oracle_setting import Setting
from course_utils.benchmark.rounds import seconds_of
from course_utils.records import circumstances, peak_memory
from course_utils.runtime import start

PROFILE, LENGTH = "standard", 20
ROUNDS = 3
LEAST_SECONDS, MOST_CALLS = 0.2, 20  # of a part in a round


def measure() -> dict:
    """Time all games, one after another, and return medians and shares."""
    start("12", seed=0)
    setting = Setting(PROFILE, LENGTH)
    rows = {}
    for name, make in ORACLE_GAMES.items():
        rows[name] = _row(*make(setting), setting)
        gc.collect()  # games are cycles of objects, some of a gigabyte
    return {
        **circumstances("benchmark speed games"),
        "settings": {"vocabulary": setting.oracle.vocabulary_size, "length": LENGTH, "profile": PROFILE},
        "rounds": ROUNDS,
        "games": rows,
        "peak_memory_gib": round(peak_memory() / 2**30, 2),
    }


def _row(game, sentences: int, setting: Setting) -> dict:
    """Return the figures of one game, on batches of so many real sentences."""
    import numpy as np
    import tensorflow as tf

    real = tf.constant(np.resize(setting.real, (sentences, setting.length)))
    # The middle of the schedules of temperatures and forced tokens.
    game.steps_done.assign(setting.budget.steps // 2)
    parts, step = parts_of(game, real), step_of(game, real)
    contestants = {"step": step, **{name: part.call for name, part in parts.items()}}
    for contestant in contestants.values():
        contestant()  # first calls trace, compile and touch memory
    calls = {
        name: min(MOST_CALLS, max(1, round(LEAST_SECONDS / seconds_of(contestant, 1))))
        for name, contestant in contestants.items()
        if name != "step"
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            seconds[name].append(seconds_of(contestant, calls.get(name, 1)))
    counts = {name: part.counts for name, part in parts.items()}
    return {"batch": game.settings.get("batch_size", sentences), **figures(seconds, counts)}


def figures(seconds: dict[str, list[float]], counts: dict[str, dict[str, int]]) -> dict:
    """Return a game's row from the seconds of a step and of its parts in each round.

    Args:
        seconds: name → seconds a round, of ``step`` and of the parts.
        counts: name of a part → share → how often a step has the part in it.

    Example:
        >>> counts = {"learn": {"generator": 1}, "minibatch": {"discriminator": 10}}
        >>> row = figures({"step": [4.0], "learn": [1.0], "minibatch": [0.3]}, counts)
        >>> row["minibatches"], row["shares"]["discriminator"], row["parts_to_step"]
        (10, 0.75, 1.0)
    """
    sums = [
        {share: sum(of.get(share, 0) * seconds[name][n] for name, of in counts.items()) for share in SHARES}
        for n in range(len(seconds["step"]))
    ]
    totals = [sum(of_round.values()) for of_round in sums]
    shares = {
        share: statistics.median(of_round[share] / total for of_round, total in zip(sums, totals, strict=True))
        for share in SHARES
    }
    whole = sum(shares.values())  # medians of shares need not have the sum 1
    minibatches = counts.get("minibatch", {}).get("discriminator", 0)
    of_discriminator = {"minibatch": minibatches, "round": counts.get("round", {}).get("sampling", 0)}
    generator_steps = [
        total - sum(often * seconds[name][n] for name, often in of_discriminator.items() if often)
        for n, total in enumerate(totals)
    ]
    return {
        "minibatches": minibatches,
        "seconds": {
            "step": round(statistics.median(seconds["step"]), 4),
            "generator_step": round(statistics.median(generator_steps), 4),
            "minibatch": round(statistics.median(seconds["minibatch"]), 5) if minibatches else None,
        },
        "shares": {share: round(value / whole, 4) for share, value in shares.items()},
        "parts_to_step": round(
            statistics.median(total / step for total, step in zip(totals, seconds["step"], strict=True)), 3
        ),
        "part_seconds": {
            name: round(statistics.median(values), 5) for name, values in seconds.items() if name != "step"
        },
    }


def report(result: dict) -> str:
    """Return the figures as a table."""
    settings = ", ".join(f"{name} {value:,}" for name, value in list(result["settings"].items())[:2])
    lines = [
        f"text GANs: {settings}, medians of {result['rounds']} rounds, {result['machine']}",
        f"one generator step + its discriminator minibatches at the {result['settings']['profile']} schedule",
        f"{'':20}{'batch':>6}{'s a step':>10}{'generator':>11}{'+ minibatches':>20}"
        + "".join(f"{share:>15}" for share in SHARES)
        + f"{'parts / step':>14}",
    ]
    for name, row in result["games"].items():
        seconds, often = row["seconds"], ""
        if row["minibatches"]:
            often = f"{row['minibatches']} × {1e3 * seconds['minibatch']:.1f} ms"
        line = f"{name:20}{row['batch']:6}{seconds['step']:10.3f}{seconds['generator_step']:9.3f} s{often:>20}"
        line += "".join(f"{row['shares'][share]:15.1%}" for share in SHARES)
        lines.append(f"{line}{row['parts_to_step']:14.2f}")
    lines.append("sampling: sentences for both; reward: completions and scores, or what a discriminator says of them;")
    lines.append("generator: loss, gradient and update; discriminator: its minibatches")
    lines.append(f"{'peak memory':26}{result['peak_memory_gib']:10.2f} GiB")
    return "\n".join(lines)
