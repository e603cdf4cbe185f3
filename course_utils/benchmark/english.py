"""The text GANs on English sentences, judged over a sweep of temperatures.

Each method trains in `build/benchmark/english/` as ``python -m course_utils train`` does, with a backup, and keeps its
rows, so an interrupted benchmark goes on where it stopped when the same command is given again.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib

from course_utils.benchmark.english_sweep import LENGTH, Judge
from course_utils.benchmark.oracle_table import cell
from course_utils.benchmark.resuming import add_known, positive, read_kept, read_known
from course_utils.records import circumstances, write_json
from course_utils.runtime import BUILD, PROFILES, start
from course_utils.train.corpus import prepare, read_corpus
from course_utils.train.game_settings import SETTINGS
from course_utils.train.games import train_game
from course_utils.train.mle import train_mle
from course_utils.train.mle_settings import Settings
from course_utils.train.outputs import load_generator

TEMPERATURES = (0.5, 0.7, 0.8, 1.0, 1.2)
RATES = (1e-4, 1e-3)  # of the generator in a game; which is better is decided on the validation sentences
LIKELIHOOD_RATES = (1e-3, 4e-3)
LIKELIHOOD_METHODS = {"mle": "lstm", "mle_memory": "memory", "mle_transformer": "transformer"}
_TRANSFORMERS = {"generator": "transformer", "discriminator": "transformer", "filters": None}
# The game of ``train`` that each is, and what it is told besides.
GAMES = {name: (name, {}) for name in SETTINGS} | {
    "transformer_seqgan": ("seqgan", _TRANSFORMERS),
    "transformer_gsgan": ("gsgan", _TRANSFORMERS),
    "seqgan_mixed": ("seqgan", {"likelihood_weight": 0.5}),
}
METHODS = (*LIKELIHOOD_METHODS, *GAMES)
TRAINING, VALIDATION, TEST = "train", "valid", "test"  # splits of the bundled sentences
REAL = "real"  # validation sentences in the place of samples
COLUMNS = {
    "bleu_4": "BLEU-4",
    "self_bleu_4": "self-BLEU-4",
    "forward_nll": "forward NLL",
    "reverse_nll": "reverse NLL",
    "embedding_distance": "Fréchet",
    "nll_gen": "held-out NLL",
    "copied": "copied",
}


@dataclasses.dataclass(frozen=True)
class Budget:
    """How much is spent on every method alike.

    Args:
        shared: settings of all trainings; a method is told those that it knows.
        samples, learned: of `course_utils.benchmark.english_sweep.Judge`.
        temperatures: at which the samples are judged.
    """

    shared: dict
    samples: int
    learned: int
    temperatures: tuple[float, ...]


_FULL = {"size": 128, "epochs": 20, "dropout": 0.3, "steps": 2_000, "looks": 20, "warm_up": 10, "minibatches": 45}
# What two cores can pay for thirteen games, four trainings each. Published are 100 to 300 filters a width.
_STANDARD = _FULL | {
    "steps": 100,
    "looks": 5,
    "warm_up": 2,
    "minibatches": 15,
    "rollouts": 8,
    "filters": 50,
    "pretraining": 8,
}
_QUICK = {"size": 8, "epochs": 1, "steps": 2, "looks": 1, "warm_up": 1, "minibatches": 3, "rollouts": 2}
_QUICK |= {"filters": 4, "pretraining": 1}
BUDGETS = {
    "quick": Budget(_QUICK, 512, 128, (1.0,)),
    "standard": Budget(_STANDARD, 1_500, 4_000, TEMPERATURES),
    "full": Budget(_FULL, 1_500, 10_000, TEMPERATURES),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this table."""
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="default: all")
    parser.add_argument("--seeds", type=positive, default=3, help="how many seeds, from 0 (default 3)")
    parser.add_argument("--profile", choices=PROFILES, default="standard", help="how much to train")
    add_known(parser)


def measure(args: argparse.Namespace) -> dict:
    """Train every method on every seed and judge it at every temperature; return all rows with the circumstances.

    Seed 0 is trained at two learning rates, likelihood too. The one whose samples at temperature 1 have the smaller
    Fréchet embedding distance from the validation sentences is used for all seeds; what is reported is measured on the
    test sentences.

    Raises:
        ValueError: if kept or known rows were measured with other versions or on another machine.
    """
    os.environ["COURSE_PROFILE"] = args.profile
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    methods = [name for name in METHODS if name in args.methods]
    known = circumstances(
        f"benchmark english --methods {' '.join(methods)} --seeds {args.seeds} --profile {args.profile}"
    )
    start("14", seed=0)
    study = Study(args.profile, {name: known[name] for name in ("versions", "machine")})
    if args.known is not None:
        study.take(read_known(args.known, known))
    rows = [study.real()]
    for seed in range(args.seeds):
        for name in methods:
            rows += study.rows(name, seed)
    return {**known, "tuning": study.tuning(methods), "rows": rows}


class Study:
    """The sentences, the judges, and what was measured so far.

    Args:
        profile: a key of `BUDGETS`.
        same: versions and machine, which kept rows must share.
    """

    def __init__(self, profile: str, same: dict):
        self.budget, self.same = BUDGETS[profile], same
        self.folder = BUILD / "benchmark" / "english" / profile
        corpus = prepare(read_corpus(f"en_{TRAINING}"), read_corpus(f"en_{VALIDATION}"), length=LENGTH)
        sizes = self.budget.samples, self.budget.learned
        self.judge, self.tuner = (Judge(corpus, real, *sizes) for real in (TEST, VALIDATION))

    def take(self, table: dict) -> None:
        """Keep the rows of a stored table as if they had been measured here."""
        for row in table["tuning"]:
            self._keep(_tried_at(row["method"], row["rate"]), row)
        for row in table["rows"]:
            self._keep(REAL if row["method"] == REAL else _judged_at(*(row[name] for name in KEY)), row)

    def real(self) -> dict:
        """Return the row of validation sentences, and of training sentences where there are too few of them."""
        import numpy as np

        sentences = np.concatenate([self.tuner.real, self.judge.training])
        return self._kept(REAL, lambda: {"method": REAL, **self.judge.of_sentences(sentences, seed=0)})

    def rows(self, name: str, seed: int) -> list[dict]:
        """Return a row for each temperature."""
        rate, rows = self.rate(name), []
        for temperature in self.budget.temperatures:

            def judged(temperature=temperature) -> dict:
                generator, _ = load_generator(self.trained(name, seed, rate))
                measured = self.judge.of_generator(generator, temperature, seed=1_000 + seed)
                return {"method": name, "seed": seed, "rate": rate, "temperature": temperature, **measured}

            rows.append(self._kept(_judged_at(name, seed, rate, temperature), judged))
        return rows

    def rate(self, name: str) -> float:
        """Return the learning rate that did better on the validation sentences."""
        return min(self._tried(name), key=lambda row: row["embedding_distance"])["rate"]

    def tuning(self, methods: list[str]) -> list[dict]:
        """Return what every rate gave on the validation sentences."""
        return [row for name in methods for row in self._tried(name)]

    def trained(self, name: str, seed: int, rate: float) -> pathlib.Path:
        """Return the folder with the network of a method, trained now unless it is there."""
        folder = self.folder / f"seed-{seed}" / f"{name}-{rate:g}"
        if name in LIKELIHOOD_METHODS:
            train_mle(self._settings(Settings, seed, generator=LIKELIHOOD_METHODS[name], learning_rate=rate), folder)
            return folder
        game, told = GAMES[name]
        generator = told.get("generator", SETTINGS[game].generator)
        begin = next(k for k, network in LIKELIHOOD_METHODS.items() if network == generator)
        begin_rate = self.rate(begin)
        settings = self._settings(SETTINGS[game], seed, learning_rate=begin_rate, game_rate=rate, **told)
        own_start = self.folder / f"seed-{seed}" / f"{name}-warm_up"  # the same for both rates
        train_game(game, settings, folder, likelihood=self.trained(begin, seed, begin_rate), warm_up=own_start)
        return folder

    def _tried(self, name: str) -> list[dict]:
        rows = []
        for rate in LIKELIHOOD_RATES if name in LIKELIHOOD_METHODS else RATES:

            def tried(rate=rate) -> dict:
                generator, _ = load_generator(self.trained(name, 0, rate))
                measured = self.tuner.of_generator(generator, 1.0, seed=0)
                return {"method": name, "rate": rate, **measured}

            rows.append(self._kept(_tried_at(name, rate), tried))
        return rows

    def _settings(self, kind: type[Settings], seed: int, **own):
        fields = {field.name for field in dataclasses.fields(kind)}
        shared = {name: value for name, value in self.budget.shared.items() if name in fields}
        return kind(f"en_{TRAINING}", valid=f"en_{VALIDATION}", length=LENGTH, seed=seed, **shared | own)

    def _keep(self, key: str, row: dict) -> None:
        path = self.folder / f"{key}.json"
        if not path.exists():
            write_json(path, {**self.same, "row": row})

    def _kept(self, key: str, measure) -> dict:
        """Return a row that is kept under a key, or measure and keep it."""
        path = self.folder / f"{key}.json"
        stored = read_kept(path, self.same, f"it and the folder {path.stem.partition('-at-')[0]}")
        if not stored:
            stored = {**self.same, "row": measure()}
            write_json(path, stored)
            row = stored["row"]
            shown = ", ".join(f"{title} {row[column]:.3f}" for column, title in COLUMNS.items() if column in row)
            print(f"{key}: {shown}", flush=True)
        return stored["row"]


KEY = ("method", "seed", "rate", "temperature")


def _judged_at(name: str, seed: int, rate: float, temperature: float) -> str:
    return f"seed-{seed}/{name}-{rate:g}-at-{temperature:g}"


def _tried_at(name: str, rate: float) -> str:
    return f"tuning/{name}-{rate:g}"


def report(result: dict) -> str:
    """Return the rows at temperature 1 as a table, one line a method, with 95 % intervals over the seeds."""
    lines = [
        f"English sentences, {result['machine']}; samples at temperature 1, means over seeds ± 95 % intervals; NLL in "
        "nats a token",
        f"{'method':16}" + "".join(f"{title:>17}" for title in COLUMNS.values()),
    ]
    for name in (REAL, *METHODS):
        rows = [row for row in result["rows"] if row["method"] == name and row.get("temperature", 1.0) == 1.0]
        if rows:
            cells = [cell([row[column] for row in rows if column in row]) for column in COLUMNS]
            lines.append(f"{name:16}" + "".join(f"{text:>17}" for text in cells))
    return "\n".join(lines)
