"""Lesson 05's arena: one pair of convolutional networks, one budget, and every way to keep the game stable.

Every method sees as many real images, so that critics that take five steps leave a fifth of the generator's steps. Each
run trains in `build/benchmark/image_gans/` with a backup and keeps its rows, so an interrupted benchmark goes on where
it stopped when the same command is given again.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time

from course_utils.benchmark.oracle_table import cell
from course_utils.benchmark.resuming import positive, read_kept
from course_utils.records import circumstances, write_json
from course_utils.runtime import BUILD, PROFILES, start

RATES = (1e-4, 4e-4)  # of the generator; the better one is chosen on a seed that is not reported
TUNING_SEED = 1_000
MOMENTUM = 0.995  # of the average of the generator's weights
BATCH = 64
FEW = 1_000  # digits, of the rows with little data


@dataclasses.dataclass(frozen=True)
class Method:
    """What a row does otherwise than the plain non-saturating game.

    Attributes:
        loss, penalty, penalty_weight, discriminator_steps: of `course_utils.training.image_gan.ImageGAN`.
        normalisation, clip: of `course_utils.models.image_conv.build_conv_discriminator`.
        betas: of Adam; None is RMSprop.
        faster: the discriminator's rate divided by the generator's.
        images: how many different real ones it learns from; None is all.
        augmented: whether all that the discriminator sees is changed at random.
    """

    loss: str = "non_saturating"
    normalisation: str | None = None
    clip: float | None = None
    penalty: str | None = None
    penalty_weight: float = 10.0
    discriminator_steps: int = 1
    betas: tuple[float, float] | None = (0.5, 0.999)
    faster: float = 1.0
    images: int | None = None
    augmented: bool = False


METHODS = {
    "non_saturating": Method(),
    "dcgan": Method(normalisation="batch"),
    "least_squares": Method("least_squares"),
    "relativistic_average": Method("relativistic_average"),
    "r1": Method(penalty="r1"),
    "wgan_clip": Method("wasserstein", clip=0.01, discriminator_steps=5, betas=None),
    "wgan_gp": Method("wasserstein", penalty="gradient", discriminator_steps=5, betas=(0.0, 0.9)),
    "hinge_spectral": Method("hinge", normalisation="spectral"),
    "hinge_spectral_ttur": Method("hinge", normalisation="spectral", betas=(0.0, 0.9), faster=4.0),
    "few": Method(images=FEW),
    "few_augmented": Method(images=FEW, augmented=True),
}


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a profile spends on a run.

    Attributes:
        looks: how often it is measured; a rate is chosen at the first look.
        images: real ones that the discriminator sees between two looks, counted each time.
        samples: of a measurement.
        filters: of the generator; of the discriminator in reverse.
    """

    looks: int
    images: int
    samples: int
    filters: tuple[int, int]


BUDGETS = {
    "quick": Budget(1, 5 * BATCH, 512, (4, 2)),
    "standard": Budget(2, 59_520, 10_000, (64, 32)),
    "full": Budget(20, 59_520, 10_000, (128, 64)),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this table."""
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="default: all")
    parser.add_argument("--seeds", type=positive, default=3, help="how many seeds, from 0 (default 3)")
    parser.add_argument("--profile", choices=PROFILES, default="standard", help="how long to train")


def measure(args: argparse.Namespace) -> dict:
    """Choose each method's rate, train and measure it on every seed; return all rows with the circumstances.

    Raises:
        ValueError: if kept rows were measured with other versions or on another machine.
    """
    os.environ["COURSE_PROFILE"] = args.profile
    methods = [name for name in METHODS if name in args.methods]
    known = circumstances(
        f"benchmark image_gans --methods {' '.join(methods)} --seeds {args.seeds} --profile {args.profile}"
    )
    start("05", seed=0)
    arena = Arena(args.profile, {name: known[name] for name in ("versions", "machine")})
    tuning = [row for name in methods for row in arena.tuning(name)]
    rows = [row for seed in range(args.seeds) for name in methods for row in arena.run(name, arena.rate(name), seed)]
    return {**known, "real": arena.real(), "tuning": tuning, "rows": rows}


class Arena:
    """The digits, and the runs so far.

    Args:
        profile: a key of `BUDGETS`.
        same: versions and machine, which kept rows must share.
    """

    def __init__(self, profile: str, same: dict):
        from course_utils.datasets import load_mnist
        from course_utils.metrics.digit_scorer import digit_scorer

        self.budget, self.same = BUDGETS[profile], same
        self.folder = BUILD / "benchmark" / "image_gans" / profile
        self.mnist, self.scorer = load_mnist(), digit_scorer()

    def real(self) -> dict:
        """Return the measures of test digits in the place of samples."""
        return self._measured(self.mnist.test_images[: self.budget.samples])

    def tuning(self, name: str) -> list[dict]:
        """Return what each rate gave at the first look."""
        return [
            {key: value for key, value in self.run(name, rate, TUNING_SEED, looks=1)[0].items() if key != "seed"}
            for rate in RATES
        ]

    def rate(self, name: str) -> float:
        """Return the generator's learning rate with the smaller Fréchet distance."""
        return min(self.tuning(name), key=lambda row: row["distance"])["rate"]

    def run(self, name: str, rate: float, seed: int, looks: int | None = None) -> list[dict]:
        """Return the rows of one training: those of an interrupted run, and the rest, measured now."""
        looks = looks or self.budget.looks
        from course_utils.training.averaging import averaged_weights
        from course_utils.training.backup import EpochBackup

        kept = self.folder / f"{name}-{rate:g}-{seed}.json"
        rows = read_kept(kept, self.same, f"it and the folder {kept.stem} beside it").get("rows", [])
        if len(rows) == looks:
            return rows
        gan, batches = self._game(name, rate, seed)
        steps = int(batches.cardinality())
        for look in range(len(rows) + 1, looks + 1):
            backup = EpochBackup(kept.with_suffix(""), batches, delete_checkpoint=False)
            began = time.perf_counter()
            gan.fit(batches, epochs=look, verbose=0, callbacks=[backup])
            seconds = time.perf_counter() - began
            row = {"method": name, "rate": rate, "seed": seed, "look": look, "generator_steps": look * steps}
            row |= {metric: round(values[-1], 4) for metric, values in backup.history.items()}
            row |= {"seconds": round(seconds, 1), **self._measured(self._samples(gan, seed))}
            with averaged_weights(gan.generator_optimizer, gan.generator):
                row["averaged_distance"] = self._distance(self.scorer.features(self._samples(gan, seed)))
            rows.append(row)
            write_json(kept, {**self.same, "rows": rows})
            told = f"Fréchet {row['distance']:.2f}, averaged {row['averaged_distance']:.2f}"
            print(f"{name}, rate {rate:g}, seed {seed}, look {look}: {told}, {seconds:.0f} s", flush=True)
        return rows

    def _game(self, name: str, rate: float, seed: int):
        import keras
        import numpy as np
        import tensorflow as tf

        from course_utils.datasets.batching import shuffled_batches
        from course_utils.datasets.images import scale_pixels
        from course_utils.models.augmentation import DifferentiableAugmentation
        from course_utils.models.image_conv import build_conv_discriminator, build_conv_generator
        from course_utils.training.image_gan import ImageGAN

        method, filters = METHODS[name], self.budget.filters
        discriminator = build_conv_discriminator(
            filters=filters[::-1], normalisation=method.normalisation, clip=method.clip, seed=seed
        )
        if method.augmented:
            discriminator = keras.Sequential([keras.Input((28, 28, 1)), DifferentiableAugmentation(), discriminator])
        gan = ImageGAN(
            build_conv_generator(filters=filters, seed=seed),
            discriminator,
            loss=method.loss,
            penalty=method.penalty,
            penalty_weight=method.penalty_weight,
            discriminator_steps=method.discriminator_steps,
            seed=seed,
        )
        average = {"use_ema": True, "ema_momentum": MOMENTUM}
        gan.compile(
            _optimizer(method, rate, **average),
            _optimizer(method, rate * method.faster),
            # XLA's convolutions are the slower ones on a CPU, and it takes as long to compile as an epoch.
            jit_compile=bool(tf.config.list_physical_devices("GPU")),
            steps_per_execution=5,
        )
        # Of few digits each pass goes through them as often as needed.
        images = np.resize(self.mnist.train_images[: method.images], (self.budget.images, 28, 28))
        batch = BATCH * method.discriminator_steps
        return gan, shuffled_batches(images, batch, seed=seed, transform=scale_pixels)

    def _samples(self, gan, seed: int):
        return gan.sample(self.budget.samples, seed=2_000 + seed)

    def _measured(self, images) -> dict:
        from course_utils.metrics.classifier_score import classifier_score
        from course_utils.metrics.kernel_distance import kernel_distance
        from course_utils.metrics.neighbourhoods import neighbourhoods

        features, probabilities = self.scorer.score(images)
        real = self.scorer.reference_features(self.mnist.train_images)
        some = real[: len(features)]
        values = {
            "distance": self._distance(features),
            "kernel_distance": kernel_distance(features, some, subset_size=min(1_000, len(features))).value,
            "classifier_score": classifier_score(probabilities),
            **dataclasses.asdict(neighbourhoods(features, some)),
        }
        return {name: round(value, 4) for name, value in values.items()}

    def _distance(self, features) -> float:
        from course_utils.metrics.frechet import feature_statistics, frechet_distance

        real = self.scorer.reference_features(self.mnist.train_images)
        return round(frechet_distance(*feature_statistics(features), *feature_statistics(real)), 4)


def _optimizer(method: Method, rate: float, **options):
    import keras

    if method.betas is None:
        return keras.optimizers.RMSprop(rate, **options)
    return keras.optimizers.Adam(rate, beta_1=method.betas[0], beta_2=method.betas[1], **options)


COLUMNS = {
    "distance": "Fréchet",
    "averaged_distance": "averaged",
    "kernel_distance": "KID",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "seconds": "s a look",
}


def report(result: dict) -> str:
    """Return the last looks as a table, one line a method, with 95 % intervals over the seeds."""
    last = max(row["look"] for row in result["rows"])
    lines = [f"{'':22}{'rate':>7}" + "".join(f"{title:>16}" for title in COLUMNS.values())]
    real = "".join(f"{result['real'][c]:16.3f}" if c in result["real"] else f"{'':16}" for c in COLUMNS)
    lines.append(f"{'real digits':22}{'':7}{real}")
    for name in dict.fromkeys(row["method"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["method"] == name and row["look"] == last]
        cells = "".join(f"{cell([row[column] for row in rows]):>16}" for column in COLUMNS)
        lines.append(f"{name:22}{rows[0]['rate']:7g}{cells}")
    return "\n".join(lines)
