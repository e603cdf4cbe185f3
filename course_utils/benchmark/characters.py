"""WGAN-GP's character model beside a recurrent likelihood model that has read as many sentences, for several seeds.

Each seed of a method trains in `build/benchmark/characters/` with a backup, so an interrupted measurement goes on where
it stopped when the same command is given again.
"""

from __future__ import annotations

import argparse
import dataclasses
import os

from course_utils.benchmark.oracle_table import cell
from course_utils.benchmark.resuming import positive, read_kept
from course_utils.records import circumstances, write_json
from course_utils.runtime import BUILD, PROFILES, start

LENGTH = 32  # characters of a sentence, its end included, as published
BATCH, CRITIC_STEPS = 64, 10  # as published
SHOWN = 4  # sentences that are stored of each method
ORDERS = (1, 2, 3, 4)
RATES = {"mle": (1e-3, 3e-3), "char_wgan": (1e-4, 1e-3)}  # of both networks; 1e-4 is published, for larger ones
METHODS = tuple(RATES)
REAL = "real"  # training sentences in the place of samples
COLUMNS = {**{f"jsd_{n}": f"JSD of {n}-grams" for n in ORDERS}, "known_words": "known words", "copied": "copied"}


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a profile spends on a seed of a method.

    Args:
        dim: channels of both networks of the GAN, and width of the likelihood model.
        steps: generator steps; the critic reads ``CRITIC_STEPS`` batches in each, and so does the likelihood model.
        looks: how often both are measured; divides ``steps``.
        samples: sentences of a measurement, and as many held-out ones; the learning rate is chosen with others.
    """

    dim: int
    steps: int
    looks: int
    samples: int


BUDGETS = {
    "quick": Budget(8, 2, 1, 200),
    "standard": Budget(64, 500, 5, 2_000),  # an eighth of the published channels
    "full": Budget(512, 100_000, 20, 2_000),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this table."""
    parser.add_argument("--seeds", type=positive, default=3, help="how many seeds, from 0 (default 3)")
    parser.add_argument("--profile", choices=PROFILES, default="standard", help="how much to train")


def measure(args: argparse.Namespace) -> dict:
    """Train and measure every seed of both methods; return all rows with the circumstances.

    Seed 0 is trained at two learning rates. The one whose last samples have the smaller JSD of 4-grams from sentences
    set aside for it is used for all seeds.

    Raises:
        ValueError: if kept rows were measured with other versions or on another machine.
    """
    os.environ["COURSE_PROFILE"] = args.profile
    known = circumstances(f"benchmark characters --seeds {args.seeds} --profile {args.profile}")
    start("13", seed=0)
    table = Characters(args.profile, {name: known[name] for name in ("versions", "machine")})
    tuning = [table.rows(method, 0, rate)[-1] for method, rates in RATES.items() for rate in rates]
    rates = {method: chosen(tuning, method) for method in METHODS}
    rows = [row for seed in range(args.seeds) for method in METHODS for row in table.rows(method, seed, rates[method])]
    written = {row["method"]: row["sentences"] for row in rows if row["seed"] == 0 and "sentences" in row}
    tuning, rows = ([{k: v for k, v in row.items() if k != "sentences"} for row in part] for part in (tuning, rows))
    return {
        **known,
        "vocabulary": len(table.vocabulary),
        "tuning": tuning,
        "sentences": written,
        "rows": [*table.real(args.seeds), *rows],
    }


def chosen(tuning: list[dict], method: str) -> float:
    """Return the learning rate that did better on the sentences set aside for the choice."""
    return min((row for row in tuning if row["method"] == method), key=lambda row: row["tuning_jsd_4"])["rate"]


class Characters:
    """The sentences, and both methods on them.

    Args:
        profile: a key of `BUDGETS`.
        same: versions and machine, which kept rows must share.
    """

    def __init__(self, profile: str, same: dict):
        from course_utils.datasets import Vocabulary, load_english

        self.budget, self.same = BUDGETS[profile], same
        self.folder = BUILD / "benchmark" / "characters" / profile
        learned, others = (
            [s for s in load_english(part).sentences if len(s) < LENGTH] for part in ("pretrain", "train")
        )
        self.vocabulary = Vocabulary.fit(learned, level="character")
        self.training = self.vocabulary.encode(learned, LENGTH)
        count = self.budget.samples
        self.held_out, self.tuning = self.vocabulary.encode(others[: 2 * count], LENGTH).reshape(2, count, LENGTH)
        self.words = {word for sentence in learned for word in sentence.split()}
        self.copies = {tuple(row) for row in self.training.tolist()}

    def real(self, seeds: int) -> list[dict]:
        """Return what training sentences in the place of samples would get, a row for each seed's choice of them."""
        import numpy as np

        orders = (np.random.default_rng(seed).permutation(len(self.training)) for seed in range(seeds))
        return [
            {"method": REAL, "seed": seed, **self.judge(self.training[order[: self.budget.samples]])}
            for seed, order in enumerate(orders)
        ]

    def rows(self, method: str, seed: int, rate: float) -> list[dict]:
        """Return a row for each look of a method: those of an interrupted run, and the rest, measured now.

        The last one has a few of its sentences, too.
        """
        from course_utils.datasets.batching import shuffled_batches
        from course_utils.metrics.text import ngram_jsd
        from course_utils.training.backup import EpochBackup

        budget, batch = self.budget, BATCH if method == "mle" else BATCH * CRITIC_STEPS
        kept = self.folder / f"{method}-{rate:g}-{seed}.json"
        rows = read_kept(kept, self.same, f"it and the folder {kept.stem} beside it").get("rows", [])
        model, write = (self._mle if method == "mle" else self._char_wgan)(seed, rate)
        batches = shuffled_batches(self._look_long(), batch, seed=seed)
        for look in range(len(rows) + 1, budget.looks + 1):
            backup = EpochBackup(self.folder / kept.stem, batches, delete_checkpoint=False)
            model.fit(batches, epochs=look, verbose=0, callbacks=[backup])
            step = look * budget.steps // budget.looks
            sentences = write(1_000 + seed)
            aside = {"tuning_jsd_4": round(ngram_jsd(sentences, self.tuning, 4), 5)}
            rows.append({"method": method, "seed": seed, "rate": rate, "step": step, **self.judge(sentences), **aside})
            if look == budget.looks:
                rows[-1]["sentences"] = self.vocabulary.decode(sentences[:SHOWN])
            write_json(kept, {**self.same, "rows": rows})
            shown = ", ".join(f"{title} {rows[-1][name]:.3f}" for name, title in COLUMNS.items())
            print(f"seed {seed}, {method} at {rate:g}, step {step}: {shown}", flush=True)
        return rows

    def judge(self, sentences) -> dict:
        """Return the measures of sentences, int32 (N, LENGTH)."""
        import numpy as np

        from course_utils.datasets.vocabulary import END
        from course_utils.metrics.text import ngram_jsd

        words = [word for text in self.vocabulary.decode(sentences) for word in text.split()]
        ends = sentences == END
        whole = np.where(np.cumsum(ends, axis=1) > ends, 0, sentences)  # what follows an end does not count
        measured = {
            **{f"jsd_{n}": ngram_jsd(sentences, self.held_out, n) for n in ORDERS},
            "known_words": sum(word in self.words for word in words) / max(len(words), 1),
            "copied": sum(tuple(row) in self.copies for row in whole.tolist()) / len(whole),
        }
        return {name: round(value, 5) for name, value in measured.items()}

    def _look_long(self):
        """Return as many training sentences as the steps of a look read."""
        import numpy as np

        count = self.budget.steps // self.budget.looks * CRITIC_STEPS * BATCH
        return np.resize(self.training, (count, LENGTH))

    def _mle(self, seed: int, rate: float):
        import keras

        from course_utils.models.recurrent import RecurrentGenerator
        from course_utils.sampling import sample
        from course_utils.training.language_model import LanguageModel

        size = self.budget.dim
        generator = RecurrentGenerator(len(self.vocabulary), embedding_dim=size, hidden_dim=size, seed=seed)
        model = LanguageModel(generator, seed=seed)
        model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0))
        return model, lambda draw: sample(generator, self.budget.samples, LENGTH, seed=draw).numpy()

    def _char_wgan(self, seed: int, rate: float):
        import keras

        from course_utils.models.char_resnet import build_char_critic, build_char_generator
        from course_utils.training.char_wgan import CharWGAN

        sizes = {"length": LENGTH, "dim": self.budget.dim, "seed": seed}
        generator, critic = (
            build(len(self.vocabulary), **sizes) for build in (build_char_generator, build_char_critic)
        )
        gan = CharWGAN(generator, critic, critic_steps=CRITIC_STEPS, seed=seed)
        gan.compile(*(keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.9) for _ in range(2)))
        return gan, lambda draw: gan.write(self.budget.samples, seed=draw)


def report(result: dict) -> str:
    """Return the last row of each method as a table, means over seeds with 95 % intervals."""
    last = {(row["method"], row["seed"]): row for row in result["rows"]}
    lines = [
        f"English sentences of up to {LENGTH - 1} characters, {result['machine']}; JSD in nats; means over seeds ± 95 "
        "% intervals",
        f"{'method':12}" + "".join(f"{title:>18}" for title in COLUMNS.values()),
    ]
    for method in (REAL, *METHODS):
        rows = [row for (name, _), row in last.items() if name == method]
        lines.append(f"{method:12}" + "".join(f"{cell([row[column] for row in rows]):>18}" for column in COLUMNS))
    return "\n".join(lines)
