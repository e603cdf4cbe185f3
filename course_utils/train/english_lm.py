"""Train the course's English language model and write it to ``data/``.

    python -m course_utils.train.english_lm

The training is that of ``python -m course_utils train mle`` with the settings below, in
``build/train/english_lm``: interrupted, it goes on where it stopped, and one that has ended there is only
measured and packed. Epochs and settings were chosen on ``en_valid``; ``en_test`` is looked at once, at the end.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import pathlib

from course_utils import runtime
from course_utils.records import read_json, write_json
from course_utils.train import outputs
from course_utils.train.corpus import read_corpus
from course_utils.train.mle import train_mle
from course_utils.train.mle_settings import Settings

SETTINGS = Settings(
    corpus="en_pretrain",
    valid="en_valid",
    generator="transformer",
    size=128,
    layers=6,
    epochs=8,
    batch=128,
    learning_rate=2e-3,
    schedule="cosine",
    dropout=0.1,
    tie_weights=True,
    min_count=10,
)
FIRST = 200  # test sentences whose perplexity is stored too: few enough for a quick comparison
COMMAND = "python -m course_utils.train.english_lm"


def pack(folder: pathlib.Path, directory: pathlib.Path, metrics: dict) -> dict:
    """Write the weights and the card of a finished training; return the card.

    Args:
        folder: of the training.
        directory: where the two files go.
        metrics: what `train_mle` returned.
    """
    from course_utils.metrics.course_language_model import CARD, WEIGHTS, CourseLanguageModel

    generator, vocabulary = outputs.load_generator(folder)
    target = directory / WEIGHTS
    with runtime.replacing(target) as part:
        generator.save_weights(part)
    model = CourseLanguageModel(generator, vocabulary)
    test = read_corpus("en_test")
    card = {
        "file": WEIGHTS,
        "bytes": target.stat().st_size,
        **{name: metrics[name] for name in ("parameters", "command", "versions", "machine", "settings")},
        **{name: metrics[name] for name in ("corpus", "epochs", "best_epoch", "held_out")},
        "test": dataclasses.asdict(model.perplexity(test)),
        "first_test_sentences": dataclasses.asdict(model.perplexity(test[:FIRST])),
        "history": read_json(folder / outputs.HISTORY),
        "generator": generator.settings,
        "vocabulary": {"level": vocabulary.level, "words": vocabulary.words},
    }
    write_json(directory / CARD, card)
    return card


def main(arguments: list[str] | None = None) -> None:
    """Train, measure once on the test sentences, and write the weights and their card.

    Args:
        arguments: the command line after the module's name; None reads ``sys.argv``.

    Example:
        >>> main(["--directory", "build/english_lm"])  # doctest: +SKIP
    """
    parser = argparse.ArgumentParser(prog=COMMAND, description="Train the course's English language model.")
    parser.add_argument("--directory", type=pathlib.Path, help="where to write (the data folder, if not given)")
    options = parser.parse_args(arguments)
    runtime.start("english_lm", seed=SETTINGS.seed)
    folder = runtime.BUILD / "train" / "english_lm"
    directory = options.directory or runtime.data_directory()
    card = pack(folder, directory, train_mle(SETTINGS, folder))
    test = card["test"]
    print(f"Test perplexity {test['per_token']:.2f} a token, {test['per_word']:.2f} a word; {card['bytes']:,} bytes.")
    print("New files are trusted once their checksums stand in data/SHA256SUMS and the registry of the datasets:")
    for path in (directory / card["file"], directory / "english_lm.json"):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


if __name__ == "__main__":
    main()
