"""What NLL_oracle comes to without any training: the scale on which the table of `benchmark oracle` is read.

Under the course's oracle are scored its own sentences, which gives the floor; sentences of uniform tokens; and those of
the benchmark's generator as it is initialised. The result carries the oracle's checksum: under other weights it means
nothing.
"""

from __future__ import annotations

import argparse

from course_utils.benchmark.oracle_setting import ORACLE_SEED, Setting
from course_utils.records import circumstances
from course_utils.runtime import start

LENGTHS = (20, 40)
SENTENCES = {"floor": 99_840, "uniform": 9_984, "untrained": 9_984}
SEED = 100  # of the sentences: others than the benchmark's own


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This table has no arguments of its own."""


def measure(args: argparse.Namespace) -> dict:
    """Score the three kinds of sentences at each length; return means and standard errors, in nats per token."""
    start("11", seed=0)
    # Oracle and generator are the same in every profile; the quick one draws the fewest sentences of its own.
    settings = {length: Setting("quick", length) for length in LENGTHS}
    (checksum,) = {setting.checksum for setting in settings.values()}
    return {
        **circumstances("benchmark oracle_reference"),
        "oracle_seed": ORACLE_SEED,
        "oracle_sha256": checksum,
        "lengths": {str(length): _score(setting) for length, setting in settings.items()},
    }


def _score(setting: Setting) -> dict[str, dict]:
    from course_utils.metrics.oracle import judge
    from course_utils.sampling import sample

    untrained, uniform = setting.generator(seed=0), setting.generator(seed=0)
    uniform.set_weights([0 * weight for weight in uniform.get_weights()])
    held_out = sample(setting.oracle, SENTENCES["floor"], setting.length, seed=SEED).numpy()
    rows = {}
    # The first report reads all of the oracle's sentences, for the floor.
    for name, generator, some in (
        ("uniform", uniform, held_out),
        ("untrained", untrained, held_out[: SENTENCES["untrained"]]),
    ):
        found = judge(generator, setting.oracle, some, samples=SENTENCES[name], seed=SEED + 1)
        print(f"{setting.length} tokens, {name}: {found}", flush=True)
        rows.setdefault("floor", _row("floor", found.floor, found.standard_errors["floor"]))
        rows[name] = _row(name, found.nll_oracle, found.standard_errors["nll_oracle"])
    return rows


def _row(name: str, nll: float, error: float) -> dict:
    return {"nll_oracle": round(nll, 4), "standard_error": round(error, 4), "sentences": SENTENCES[name]}


def report(result: dict) -> str:
    """Return the values as a table."""
    kinds = {
        "floor": "the oracle itself (floor)",
        "uniform": "uniform tokens",
        "untrained": "an untrained generator",
    }
    lines = [
        f"oracle of seed {result['oracle_seed']}, sha256 {result['oracle_sha256'][:16]}…; mean ± standard error in "
        "nats a token",
        f"{'sentences of':26}{'tokens':>7}{'sentences':>11}{'NLL_oracle':>20}",
    ]
    for length, rows in result["lengths"].items():
        for name, row in rows.items():
            value = f"{row['nll_oracle']:.4f} ± {row['standard_error']:.4f}"
            lines.append(f"{kinds[name]:26}{length:>7}{row['sentences']:11,}{value:>20}")
    return "\n".join(lines)
