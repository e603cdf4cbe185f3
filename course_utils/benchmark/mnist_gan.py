"""Lesson 03's GAN over training: Fréchet digit distance, coverage and losses for several seeds.

Each seed trains in `build/benchmark/`, epoch by epoch with a backup, so an interrupted measurement
goes on where it stopped when the same command is given again.
"""

from __future__ import annotations

import argparse
import os

from course_utils.benchmark.resuming import positive, read_kept
from course_utils.records import circumstances, write_json
from course_utils.runtime import BUILD, PROFILES, start

# Epochs after which the generator is measured. A batch is 128 images, an epoch 468 steps.
EPOCHS = {
    "quick": (1,),
    "standard": (1, 2, 5, 10, 20),
    "full": (1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100),
}
SAMPLES = {"quick": 1_000, "standard": 10_000, "full": 10_000}
BATCH = 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this table."""
    parser.add_argument("--seeds", type=positive, default=3, help="how many seeds, from 0 (default 3)")
    parser.add_argument("--profile", choices=PROFILES, default="standard", help="how long to train")


def measure(args: argparse.Namespace) -> dict:
    """Train and measure every seed; return all rows with the circumstances.

    Raises:
        ValueError: if kept rows were measured with other versions or on another machine.
    """
    os.environ["COURSE_PROFILE"] = args.profile
    known = circumstances(f"benchmark mnist_gan --seeds {args.seeds} --profile {args.profile}")
    same = {name: known[name] for name in ("versions", "machine")}
    rows = [row for seed in range(args.seeds) for row in _measure_seed(seed, args.profile, same)]
    return {**known, "batch": BATCH, "samples": SAMPLES[args.profile], "rows": rows}


def _measure_seed(seed: int, profile: str, same: dict) -> list[dict]:
    start("03", seed=seed)
    from course_utils.datasets import load_mnist
    from course_utils.metrics.images import report as image_report
    from course_utils.models.image_mlp import build_discriminator, build_generator
    from course_utils.training.backup import EpochBackup
    from course_utils.training.image_gan import ImageGAN

    folder = BUILD / "benchmark" / "mnist_gan"
    kept = folder / f"{profile}-{seed}.json"
    rows = read_kept(kept, same, f"it and the folder {kept.stem} beside it").get("rows", [])
    mnist = load_mnist()
    batches = mnist.batches(BATCH, seed=seed)
    gan = ImageGAN(build_generator(seed=seed), build_discriminator(seed=seed), seed=seed)
    gan.compile(steps_per_execution=36)
    for epoch in EPOCHS[profile][len(rows) :]:
        backup = EpochBackup(folder / f"{profile}-{seed}", batches, delete_checkpoint=False)
        gan.fit(batches, epochs=epoch, verbose=0, callbacks=[backup])
        measured = image_report(gan.sample(SAMPLES[profile], seed=1_000 + seed), mnist.train_images, mnist.test_images)
        rows.append(
            {
                "seed": seed,
                "epoch": epoch,
                "distance": round(measured.distance, 3),
                "floor": round(measured.floor, 3),
                "coverage": measured.coverage,
                "entropy": round(measured.entropy, 4),
                "confidence": round(measured.confidence, 4),
                "discriminator_loss": round(backup.history["discriminator_loss"][epoch - 1], 4),
                "generator_loss": round(backup.history["generator_loss"][epoch - 1], 4),
            }
        )
        write_json(kept, {**same, "rows": rows})
        print(f"seed {seed}, epoch {epoch}: {measured}", flush=True)
    return rows


def report(result: dict) -> str:
    """Return the rows as a table, one line a seed and epoch."""
    lines = [
        f"{'seed':>4} {'epoch':>5} {'Fréchet':>8} {'floor':>6} {'digits':>6} {'entropy':>7} {'D loss':>7} {'G loss':>7}"
    ]
    lines += [
        f"{r['seed']:4d} {r['epoch']:5d} {r['distance']:8.2f} {r['floor']:6.2f} {r['coverage']:6d} {r['entropy']:7.3f} "
        f"{r['discriminator_loss']:7.3f} {r['generator_loss']:7.3f}"
        for r in result["rows"]
    ]
    return "\n".join(lines)
