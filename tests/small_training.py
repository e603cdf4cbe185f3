"""A training from the command line, small enough for a test; run as a script it trains, and can be told to die."""

import os
import pathlib
import random
import signal
import sys

from course_utils import runtime
from course_utils.__main__ import main as main_command
from course_utils.train.mle import train_mle
from course_utils.train.mle_settings import Settings
from course_utils.training import language_model

BATCH = 8
TEXT = "corpus.txt"


def write_text(folder, lines: int = 60) -> pathlib.Path:
    """Write lines of one to five letters, in which an a is followed by b and most else is chance."""
    draw = random.Random(0)
    words = ["".join(draw.choice(["ab", "c", "d", "e"]) for _ in range(draw.randint(1, 4))) for _ in range(lines)]
    path = pathlib.Path(folder) / TEXT
    path.write_text("\n".join(words) + "\n", encoding="utf-8")
    return path


def small_settings(corpus, **changed) -> Settings:
    """Return settings that overfit within a few epochs."""
    small = {"level": "character", "size": 8, "batch": BATCH, "learning_rate": 0.1, "patience": 2, "dropout": 0.1}
    return Settings(str(corpus), **small | changed)


def without_xla(monkeypatch=None) -> None:
    """Leave XLA out, which takes seconds to compile."""
    original = language_model.LanguageModel.compile

    def compile_without(self, *arguments, **options):
        original(self, *arguments, **{**options, "jit_compile": False})

    if monkeypatch is None:
        language_model.LanguageModel.compile = compile_without
    else:
        monkeypatch.setattr(language_model.LanguageModel, "compile", compile_without)


def content(folder) -> dict[str, bytes]:
    """Return the files of a folder and below by name."""
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).rglob("*") if path.is_file()}


def refused(words, capsys, status: int = 2, method: str = "mle") -> str:
    """Return the one line on the error stream of a ``train mle``, or of another method, that ends with this status."""
    try:
        assert main_command(["train", method, *map(str, words)]) == status
    except SystemExit as stopped:
        assert stopped.code == status
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith(f"python -m course_utils train {method}: error: "), error
    return error


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_rename(target: str, number: int) -> None:
    """Kill this process at the ``number``-th rename of a file to a name that begins so, with both still there."""
    original, count = os.replace, 0

    def replace(source, goal):
        nonlocal count
        count += pathlib.Path(goal).name.startswith(target)
        if count == number:
            die()
        original(source, goal)

    runtime.os.replace = replace


def die_at_step(number: int) -> None:
    """Kill this process before its ``number``-th training step is counted."""
    original, count = language_model.LanguageModel.fit, 0

    def fit(self, x, *, callbacks, **options):
        import keras

        class Die(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                nonlocal count
                count += 1
                if count == number:
                    die()

        return original(self, x, callbacks=[*callbacks, Die()], **options)

    language_model.LanguageModel.fit = fit


def main() -> None:
    corpus, folder, how, number = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    runtime.start("small_training")
    without_xla()
    if how == "step":
        die_at_step(number)
    elif how != "never":
        die_at_rename(how, number)
    train_mle(small_settings(corpus), folder)


if __name__ == "__main__":
    main()
