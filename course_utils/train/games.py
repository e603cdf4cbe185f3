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
    print(
        f"From the language model to step {settings.steps}: perplexity on {metrics['corpus']['held_out_sentences']:,} "
        f"held-out sentences {before['perplexity']:.2f} → {after['perplexity']:.2f} a token, entropy of the samples "
        f"{before['entropy']:.2f} → {after['entropy']:.2f} nats a token, different among {SAMPLES:,} samples "
        f"{before['different']:.1%} → {after['different']:.1%}, found in the corpus {before['copied']:.1%} → "
        f"{after['copied']:.1%}. Everything is in {folder}."
    )


def train_game(
    method: str, settings: GameSettings, folder: str | os.PathLike, likelihood: str | os.PathLike | None = None
) -> dict:
    """Train a language model, then a game that goes on from it, and leave all in a folder.

    The language model is that of `train_mle`; it is what the game has to be compared with. Interrupted and called
    again, the training goes on after the last look and ends with the same files. Call `course_utils.runtime.start`
    first, so that operations are deterministic.

    Args:
        method: a key of `course_utils.train.game_settings.SETTINGS`.
        settings: its settings.
        folder: a new folder, or that of a training with the same settings.
        likelihood: the folder of the language model, trained there unless it is; ``None`` for a folder ``likelihood``
            in the other. Games with the same settings of the language model can share one.

    Returns:
        The content of ``metrics.json``; ``before`` and ``after`` hold, per token, ``nll`` (nats) and ``perplexity`` of
        the held-out sentences and the samples' ``entropy`` (nats), then the shares of samples that are ``different``
        from all others before them and of those ``copied`` from the corpus.

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
    generator, _ = outputs.load_generator(likelihood)
    looks = _play(method, settings, opened.corpus, generator, folder)
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


def _play(method: str, settings: GameSettings, corpus: Corpus, generator, folder: pathlib.Path) -> list[dict]:
    """Train the generator, looking at it at the start and at each look; return the looks."""
    import numpy as np

    from course_utils.datasets.batching import shuffled_batches
    from course_utils.train.game_models import build_game
    from course_utils.training.backup import EpochBackup

    steps = settings.steps // settings.looks
    game, batch = build_game(method, settings, corpus, generator, folder / WARM_UP)
    # As many sentences as the steps of a look take, so that a look is a pass.
    batches = shuffled_batches(np.resize(corpus.training, (steps * batch, corpus.length)), batch, seed=settings.seed)
    kept = folder / outputs.HISTORY
    looks = _rows(read_json(kept)) if kept.exists() else []
    looks = looks[: settings.looks]  # the last look is taken again: `fit` also loads the network it was taken at
    for number in range(len(looks), settings.looks + 1):
        backup = EpochBackup(folder / outputs.BACKUP, batches, delete_checkpoint=False)
        game.fit(batches, epochs=number, verbose=0, callbacks=[backup])
        looks.append({"step": number * steps, **_measure(generator, corpus, settings.seed)})
        write_json(kept, _columns(looks))
        told = ", ".join(f"{name} {values[-1]:.3f}" for name, values in backup.history.items())
        print(
            f"step {number * steps}: held-out NLL {looks[-1]['nll']:.3f}, entropy {looks[-1]['entropy']:.3f} nats a "
            f"token, {looks[-1]['different']:.1%} different{'; ' if told else ''}{told}",
            flush=True,
        )
    return looks


def _columns(rows: list[dict]) -> dict[str, list]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _rows(columns: dict[str, list]) -> list[dict]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _measure(generator, corpus: Corpus, seed: int) -> dict:
    import numpy as np

    from course_utils.metrics.perplexity import perplexity
    from course_utils.sampling import counted_positions, log_prob, sample

    measured = perplexity(generator, corpus.held_out, words=corpus.held_out_words)
    tokens = sample(generator, SAMPLES, corpus.length, seed=[seed, 1])
    counted = counted_positions(tokens, generator.end_token).numpy().sum()
    written = {tuple(row) for row in tokens.numpy().tolist()}
    known = {tuple(row) for row in corpus.training.tolist()}
    return {
        "nll": measured.nll_per_token,
        "perplexity": measured.per_token,
        "entropy": -float(np.sum(log_prob(generator, tokens), dtype=np.float64)) / int(counted),
        "different": len(written) / SAMPLES,
        "copied": sum(tuple(row) in known for row in tokens.numpy().tolist()) / SAMPLES,
    }


def _draw(history: dict):
    from course_utils.plotting import FAKE, REAL, subplots

    alt = (
        f"Over {history['step'][-1]} generator steps the held-out negative log-likelihood goes from "
        f"{history['nll'][0]:.2f} to {history['nll'][-1]:.2f} nats per token, and the entropy of the samples from "
        f"{history['entropy'][0]:.2f} to {history['entropy'][-1]:.2f}."
    )
    figure, axes = subplots(alt=alt, figsize=(6.5, 3.4))
    axes.plot(history["step"], history["nll"], color=REAL, marker="o", markersize=3, label="held-out sentences: NLL")
    axes.plot(history["step"], history["entropy"], color=FAKE, marker="o", markersize=3, label="samples: entropy")
    axes.set_xlabel("generator step")
    axes.set_ylabel("nats per token")
    axes.legend(fontsize="small", frameon=False)
    return figure
