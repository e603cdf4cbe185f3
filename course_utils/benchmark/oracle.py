"""SeqGAN's oracle benchmark with its controls: every method on several seeds, and the table.

Each method and seed trains in `build/benchmark/oracle/`, with a backup and its rows, so an interrupted benchmark goes
on where it stopped when the same command is given again.
"""

from __future__ import annotations

import argparse
import os
import time

from course_utils.benchmark.oracle_methods import METHODS, STARTS
from course_utils.benchmark.oracle_setting import BUDGETS, Setting
from course_utils.benchmark.oracle_table import report
from course_utils.benchmark.resuming import add_known, positive, read_kept, read_known
from course_utils.records import circumstances, write_json
from course_utils.runtime import PROFILES, start

__all__ = ["add_arguments", "measure", "report"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this table."""
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="default: all")
    parser.add_argument("--seeds", type=positive, default=3, help="how many seeds, from 0 (default 3)")
    parser.add_argument("--profile", choices=BUDGETS, default="standard", help="how much to train")
    parser.add_argument("--length", type=int, choices=(20, 40), default=20, help="tokens of a sentence (default 20)")
    add_known(parser)


def measure(args: argparse.Namespace) -> dict:
    """Train and measure every method on every seed; return all rows with the circumstances.

    Methods that start from a likelihood model train it first, if it is not there yet.

    Raises:
        ValueError: if kept or known rows were measured with other versions or on another machine.
    """
    os.environ["COURSE_PROFILE"] = args.profile if args.profile in PROFILES else "standard"
    methods = [name for name in METHODS if name in args.methods]
    known = circumstances(
        f"benchmark oracle --methods {' '.join(methods)} --seeds {args.seeds} --profile {args.profile} "
        f"--length {args.length}"
    )
    same = {name: known[name] for name in ("versions", "machine")}
    start("11", seed=0)
    setting = Setting(args.profile, args.length)
    if args.known is not None:
        _take(read_known(args.known, known)["rows"], setting, methods, args.seeds, same)
    starts = {STARTS[name] for name in methods if name in STARTS}
    needed = [name for name in METHODS if name in methods or name in starts]
    rows = []
    for seed in range(args.seeds):
        for number, name in enumerate(needed):
            left = f"{len(needed) * args.seeds - seed * len(needed) - number - 1} runs after it"
            ran = _run(setting, name, seed, same, left)
            rows += ran if name in methods else []
    return {**known, "oracle_sha256": setting.checksum, "length": args.length, "rows": rows}


def _take(rows: list[dict], setting: Setting, methods: list[str], seeds: int, same: dict) -> None:
    """Keep rows of a stored table as if they had been measured here."""
    stored: dict[tuple[str, int], list[dict]] = {}
    for row in rows:
        stored.setdefault((row["method"], row["seed"]), []).append(row)
    lacking = [(name, seed) for name in methods for seed in range(seeds) if (name, seed) not in stored]
    # What those start from has to be trained, since a table has no networks.
    trained = {(STARTS[name], seed) for name, seed in lacking if name in STARTS}
    for (name, seed), its in stored.items():
        kept = setting.folder(seed, f"{name}.json")
        if (name, seed) not in trained and not kept.exists():
            write_json(kept, {**same, "seconds": 0.0, "over": True, "rows": its})


def _run(setting: Setting, name: str, seed: int, same: dict, left: str) -> list[dict]:
    """Return the rows of a method on a seed: those of an interrupted run, and the rest, measured now."""
    kept = setting.folder(seed, f"{name}.json")
    stored = read_kept(kept, same, f"the folder {kept.parent.name} around it")
    rows, seconds, over = stored.get("rows", []), stored.get("seconds", 0.0), stored.get("over", False)
    began = time.perf_counter()
    for row in () if over else METHODS[name](setting, seed, len(rows)):
        rows.append({"method": name, "seed": seed, **row})
        spent = round(seconds + time.perf_counter() - began, 1)
        write_json(kept, {**same, "seconds": spent, "over": False, "rows": rows})
        shown = {"nll_oracle": "NLL_oracle", "nll_gen": "held-out NLL", "entropy": "entropy"}
        told = ", ".join(f"{title} {row[key]:.3f}" for key, title in shown.items() if key in row)
        print(f"seed {seed}, {name}, step {row['step']}: {told}; {spent / 60:.1f} min so far, {left}", flush=True)
    if not over:
        write_json(kept, {**same, "seconds": spent, "over": True, "rows": rows})
    return rows
