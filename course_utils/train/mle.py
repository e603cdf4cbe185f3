"""A language model by maximum likelihood, from a text to a folder with all that came of it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib

from course_utils.runtime import BUILD, start
from course_utils.train import outputs
from course_utils.train.corpus import Corpus
from course_utils.train.mle_settings import HEADS, HELP, LAYERS, MEMORY_HEADS, Settings, add_options
from course_utils.train.opening import open_training


def add_arguments(parser: argparse.ArgumentParser, method: str) -> None:
    """Declare the arguments of ``train mle``."""
    add_options(parser, Settings, HELP)
    parser.add_argument("--out", metavar="FOLDER", help="where to write (default: build/train/<corpus>-<generator>)")


def run(args: argparse.Namespace) -> None:
    """Train as the command line asks, and print what came of it.

    Raises:
        ValueError, OSError, FloatingPointError: as `train_mle`.
    """
    settings = Settings(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Settings)})
    folder = pathlib.Path(args.out or BUILD / "train" / f"{pathlib.Path(args.corpus).stem}-{args.generator}")
    # At level 2 TensorFlow reports as errors what it can do without; its exceptions come as ever.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    start("train mle", seed=args.seed)
    metrics = train_mle(settings, folder)
    held_out = metrics["held_out"]
    print(
        f"Epoch {metrics['best_epoch']} of {metrics['epochs']} was the best: perplexity {held_out['per_token']:.2f} a "
        f"token and {held_out['per_word']:.2f} a word on {held_out['sentences']:,} held-out sentences. "
        f"{metrics['parameters']:,} parameters. Everything is in {folder}."
    )


def train_mle(settings: Settings, folder: str | os.PathLike) -> dict:
    """Train a language model and leave it in a folder, with its vocabulary, samples, curves and metrics.

    Interrupted and called again, it goes on after the last whole epoch and ends with the same files; after the end
    it returns the stored metrics. The generator is that of the epoch with the best held-out likelihood. Call
    `course_utils.runtime.start` first, so that operations are deterministic.

    Args:
        settings: what to train, on what, and how.
        folder: a new folder, or that of a training with the same settings.

    Returns:
        The content of ``metrics.json``: settings, counts, and `course_utils.metrics.perplexity.perplexity` of the
        held-out sentences.

    Raises:
        FileNotFoundError: if there is no such corpus.
        NotADirectoryError: if the folder is a file.
        ValueError: if a corpus cannot be used, or the folder holds something else.
        FloatingPointError: if the loss is not finite.

    Example:
        >>> metrics = train_mle(Settings("my.txt", generator="gru"), "build/train/mine")  # doctest: +SKIP
        >>> metrics["held_out"]["per_token"]  # doctest: +SKIP
        41.2
    """
    folder = pathlib.Path(folder)
    opened = open_training(settings, folder, "mle")
    if opened.metrics is not None:
        return opened.metrics
    corpus = opened.corpus
    history, best_epoch = _fit(settings, corpus, folder)

    from course_utils.metrics.perplexity import perplexity

    generator, _ = outputs.load_generator(folder)
    measured = perplexity(generator, corpus.held_out, words=corpus.held_out_words)
    metrics = {
        **opened.head,
        "corpus": corpus.counts(),
        "parameters": generator.count_params(),
        "epochs": len(history["nll"]),
        "best_epoch": best_epoch,
        "held_out": dataclasses.asdict(measured),
    }
    outputs.write_outputs(
        folder,
        generator,
        corpus.vocabulary,
        length=corpus.length,
        seed=settings.seed,
        history=history,
        curves=outputs.draw_likelihood(history, best_epoch),
        network=f"the network after epoch {best_epoch}",
        metrics=metrics,
    )
    return metrics


def _fit(settings: Settings, corpus: Corpus, folder: pathlib.Path) -> tuple[dict, int]:
    """Train, keeping the best network in the folder; return the history and the best epoch."""
    import keras

    from course_utils.datasets.batching import shuffled_batches
    from course_utils.training.early_stopping import BestEpochBackup
    from course_utils.training.language_model import LanguageModel

    batches = shuffled_batches(corpus.training, settings.batch, seed=settings.seed)
    generator = build_generator(settings, len(corpus.vocabulary), corpus.length)
    model = LanguageModel(
        generator,
        label_smoothing=settings.label_smoothing,
        scheduled_sampling=settings.scheduled_sampling,
        seed=settings.seed,
    )
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        steps = settings.epochs * len(batches)
        rising = steps // 20
        rate = keras.optimizers.schedules.CosineDecay(0.0, steps - rising, warmup_target=rate, warmup_steps=rising)
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0))
    backup = BestEpochBackup(
        folder / outputs.BACKUP,
        batches,
        network=generator,
        path=folder / outputs.GENERATOR,
        patience=settings.patience,
        delete_checkpoint=False,  # it is needed until the other files are written
    )
    model.fit(
        batches,
        epochs=settings.epochs,
        validation_data=corpus.held_out,
        validation_batch_size=settings.batch,
        verbose=2,
        callbacks=[backup],
    )
    return backup.history, backup.best_epoch


def build_generator(settings: Settings, vocabulary_size: int, length: int):
    """Return the network that settings ask for, untrained."""
    from course_utils.models.recurrent import RecurrentGenerator
    from course_utils.models.relational_memory import RelationalMemoryGenerator
    from course_utils.models.transformer import TransformerGenerator

    same = {"dropout": settings.dropout, "tie_weights": settings.tie_weights, "seed": settings.seed}
    if settings.generator == "transformer":
        return TransformerGenerator(
            vocabulary_size,
            max_length=length,
            model_dim=settings.size,
            layers=settings.layers or LAYERS,
            heads=HEADS,
            **same,
        )
    if settings.generator == "memory":
        return RelationalMemoryGenerator(
            vocabulary_size,
            embedding_dim=settings.size,
            heads=MEMORY_HEADS,
            head_dim=settings.size // MEMORY_HEADS,
            **same,
        )
    return RecurrentGenerator(
        vocabulary_size, embedding_dim=settings.size, hidden_dim=settings.size, cell=settings.generator, **same
    )
