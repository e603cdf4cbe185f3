"""A game that goes on from a language model, from a text to a folder with all that came of it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import shutil

from course_utils.records import read_json, write_json
from course_utils.runtime import BUILD, replacing, start
from course_utils.train import outputs
from course_utils.train.corpus import Corpus
from course_utils.train.game_settings import GAME_HELP, SETTINGS, GameSettings
from course_utils.train.mle import train_mle
from course_utils.train.mle_settings import add_options
from course_utils.train.opening import open_training

LIKELIHOOD = "likelihood"  # folder of the language model that the game starts from
WARM_UP = "warm_up"
SAMPLES = 1_000  # sentences of a measurement
NATS, SHARE = "nats per token", "share of the samples"
CURVES = {
    "nll": ("held-out NLL", NATS),
    "entropy": ("entropy of the samples", NATS),
    "different": ("different from all before", SHARE),
    "copied": ("copied from the corpus", SHARE),
}


def add_arguments(parser: argparse.ArgumentParser, method: str) -> None:
    """Declare the arguments of a game."""
    add_options(parser, SETTINGS[method], GAME_HELP)
    parser.add_argument(
        "--out", metavar="FOLDER", help="where to write (default: build/train/<corpus>-<generator>-<method>)"
    )


def run(args: argparse.Namespace) -> None:
    """Train as the command line asks, and print what came of it.

    Raises:
        ValueError, OSError, FloatingPointError: as `train_game`.
    """
    fields = dataclasses.fields(SETTINGS[args.method])
    settings = SETTINGS[args.method](**{field.name: getattr(args, field.name) for field in fields})
    name = f"{pathlib.Path(args.corpus).stem}-{args.generator}-{args.method}"
    folder = pathlib.Path(args.out or BUILD / "train" / name)
    # At level 2 TensorFlow reports as errors what it can do without; its exceptions come as ever.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    start(f"train {args.method}", seed=args.seed)
    metrics = train_game(args.method, settings, folder)
    before, after = metrics["before"], metrics["after"]
    held_out = f"{metrics['corpus']['held_out_sentences']:,} held-out sentences"
    told = {
        "perplexity": f"perplexity on {held_out} {{:.2f}} → {{:.2f}} a token",
        "entropy": "entropy of the samples {:.2f} → {:.2f} nats a token",
        "different": f"different among {SAMPLES:,} samples {{:.1%}} → {{:.1%}}",
        "copied": "found in the corpus {:.1%} → {:.1%}",
    }
    shown = ", ".join(line.format(before[name], after[name]) for name, line in told.items() if name in before)
    print(f"From the start of the game to step {settings.steps}: {shown}. Everything is in {folder}.")


def train_game(
    method: str,
    settings: GameSettings,
    folder: str | os.PathLike,
    likelihood: str | os.PathLike | None = None,
    warm_up: str | os.PathLike | None = None,
) -> dict:
    """Train a language model, then a game that goes on from it, and leave all in a folder.

    The language model is that of `train_mle`; it is what the game has to be compared with. (LeakGAN's own network does
    not go on from it.) Interrupted and called
    again, the training goes on after the last look and ends with the same files. Call `course_utils.runtime.start`
    first, so that operations are deterministic.

    Args:
        method: a key of `course_utils.train.game_settings.SETTINGS`.
        settings: its settings.
        folder: a new folder, or that of a training with the same settings.
        likelihood: the folder of the language model, trained there unless it is; ``None`` for a folder ``likelihood``
            in the other. Games with the same settings of the language model can share one.
        warm_up: a folder that keeps what a game trains before it begins; ``None`` for one that goes away in the end.
            Trainings of a method that differ in ``game_rate`` and the like alone can share one.

    Returns:
        The content of ``metrics.json``; ``before`` and ``after`` hold, per token, ``nll`` (nats) and ``perplexity`` of
        the held-out sentences and the samples' ``entropy`` (nats), then the shares of samples that are ``different``
        from all others before them and of those ``copied`` from the corpus. TextGAN has the shares alone: its sentences
        follow from codes, and have no likelihood that could be computed.

    Raises:
        FileNotFoundError: if there is no such corpus.
        NotADirectoryError: if the folder is a file.
        ValueError: if a corpus cannot be used, or the folder holds something else.
        FloatingPointError: if a loss is not finite.
    """
    folder = pathlib.Path(folder)
    opened = open_training(settings, folder, method)
    if opened.metrics is not None:
        return opened.metrics
    likelihood = folder / LIKELIHOOD if likelihood is None else likelihood
    train_mle(settings.likelihood(), likelihood)
    model, _ = outputs.load_generator(likelihood)
    generator, looks = _play(method, settings, opened.corpus, model, folder, pathlib.Path(warm_up or folder / WARM_UP))
    with replacing(folder / outputs.GENERATOR) as part:
        generator.save(part)
    metrics = {
        **opened.head,
        "corpus": opened.corpus.counts(),
        "parameters": generator.count_params(),
        "before": looks[0],
        "after": looks[-1],
    }
    history = _columns(looks)
    shutil.rmtree(folder / WARM_UP, ignore_errors=True)
    outputs.write_outputs(
        folder,
        generator,
        opened.corpus.vocabulary,
        length=opened.corpus.length,
        seed=settings.seed,
        history=history,
        curves=_draw(history),
        network=f"the network after step {settings.steps}",
        metrics=metrics,
    )
    return metrics


def _play(method: str, settings: GameSettings, corpus: Corpus, model, folder: pathlib.Path, warm_up: pathlib.Path):
    """Train a generator, looking at it at the start and at each look; return it and the looks."""
    from course_utils.datasets.batching import shuffled_batches
    from course_utils.train.game_models import build_game
    from course_utils.training.backup import EpochBackup

    steps = settings.steps // settings.looks
    game, batch = build_game(method, settings, corpus, model, warm_up)
    batches = shuffled_batches(corpus.training, batch, seed=settings.seed, steps=steps)  # a look is a pass
    kept = folder / outputs.HISTORY
    looks = _rows(read_json(kept)) if kept.exists() else []
    looks = looks[: settings.looks]  # the last look is taken again: `fit` also loads the network it was taken at
    for number in range(len(looks), settings.looks + 1):
        backup = EpochBackup(folder / outputs.BACKUP, batches, delete_checkpoint=False)
        game.fit(batches, epochs=number, verbose=0, callbacks=[backup])
        looks.append({"step": number * steps, **_measure(game.generator, corpus, settings.seed)})
        write_json(kept, _columns(looks))
        told = ", ".join(f"{name} {values[-1]:.3f}" for name, values in backup.history.items())
        own = ", ".join(f"{title} {looks[-1][name]:.3f}" for name, (title, *_) in CURVES.items() if name in looks[-1])
        print(f"step {number * steps}: {own}{'; ' if told else ''}{told}", flush=True)
    return game.generator, looks


def _columns(rows: list[dict]) -> dict[str, list]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _rows(columns: dict[str, list]) -> list[dict]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _measure(generator, corpus: Corpus, seed: int) -> dict:
    import numpy as np

    from course_utils.metrics.perplexity import perplexity
    from course_utils.models.latent_recurrent import LatentGenerator
    from course_utils.sampling import counted_positions, log_prob, sample

    tokens = sample(generator, SAMPLES, corpus.length, seed=[seed, 1])
    written = [tuple(row) for row in tokens.numpy().tolist()]
    known = {tuple(row) for row in corpus.training.tolist()}
    shares = {"different": len(set(written)) / SAMPLES, "copied": sum(row in known for row in written) / SAMPLES}
    if isinstance(generator, LatentGenerator):
        return shares
    measured = perplexity(generator, corpus.held_out, words=corpus.held_out_words)
    counted = counted_positions(tokens, generator.end_token).numpy().sum()
    entropy = -float(np.sum(log_prob(generator, tokens), dtype=np.float64)) / int(counted)
    return {"nll": measured.nll_per_token, "perplexity": measured.per_token, "entropy": entropy, **shares}


def _draw(history: dict):
    from course_utils.plotting import FAKE, REAL, subplots

    shown = [name for name, (_, unit) in CURVES.items() if name in history and (unit == NATS) == ("nll" in history)]
    changes = " and ".join(
        f"{CURVES[name][0]} from {history[name][0]:.2f} to {history[name][-1]:.2f}" for name in shown
    )
    unit = CURVES[shown[0]][1]
    alt = f"Over {history['step'][-1]} generator steps: {changes} ({unit})."
    figure, axes = subplots(alt=alt, figsize=(6.5, 3.4))
    for name, color in zip(shown, (REAL, FAKE), strict=True):
        axes.plot(history["step"], history[name], color=color, marker="o", markersize=3, label=CURVES[name][0])
    axes.set_xlabel("generator step")
    axes.set_ylabel(unit)
    axes.legend(fontsize="small", frameon=False)
    return figure
