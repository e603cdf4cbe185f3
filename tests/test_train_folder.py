"""The folder of a training: nothing in it is lost, and what cannot be used is said in one line."""

import json
import shutil

import numpy as np
import pytest
from small_training import content, refused, without_xla, write_text

from course_utils.__main__ import main
from course_utils.train import mle, opening, outputs
from course_utils.train.corpus import prepare
from course_utils.train.mle_settings import Settings
from course_utils.training.early_stopping import BestEpochBackup
from course_utils.training.language_model import LanguageModel

SMALL = ["--level", "character", "--size", "8", "--batch", "8", "--epochs", "2"]


@pytest.fixture
def words(tmp_path, monkeypatch):
    """A command that trains within a second or two."""
    without_xla(monkeypatch)
    return ["--corpus", write_text(tmp_path), *SMALL, "--out", tmp_path / "out"]


@pytest.fixture(scope="module")
def one_epoch(tmp_path_factory):
    """The folder of a training that was interrupted after its first epoch."""
    folder = tmp_path_factory.mktemp("stopped")
    words = ["train", "mle", "--corpus", str(write_text(folder)), *SMALL, "--out", str(folder / "out")]
    with pytest.MonkeyPatch.context() as patch:
        without_xla(patch)
        patch.setattr(BestEpochBackup, "on_epoch_begin", _interrupt_in_second(BestEpochBackup.on_epoch_begin))
        assert main(words) == 130
    return folder / "out"


@pytest.fixture
def stopped(one_epoch, tmp_path):
    """A copy of it, where the command of `words` looks."""
    return shutil.copytree(one_epoch, tmp_path / "out")


def _interrupt_in_second(original):
    def begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt
        original(self, epoch, logs)

    return begin


def test_an_interruption_is_said_in_one_line(words, monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(opening, "prepare", interrupt)
    assert "The same command goes on" in refused(words, capsys, status=130)


def test_an_interrupted_training_goes_on_with_the_same_command(words, stopped, capsys):
    assert main(["train", "mle", *map(str, words)]) == 0
    printed = capsys.readouterr().out
    assert "Epoch 2/2" in printed and "Epoch 1/2" not in printed


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (["--size", "12"], "size = 8. Received: 12"),
        (["--epochs", "3"], "epochs = 2. Received: 3"),
        (["--tie-weights"], "tie_weights = False. Received: True"),
        (["--length", "9"], "length = None. Received: 9"),
    ],
)
def test_other_settings_are_refused_and_nothing_is_lost(words, stopped, changed, says, capsys):
    before = content(stopped)
    line = refused([*words, *changed], capsys)
    assert says in line and "new folder" in line
    assert content(stopped) == before


def test_another_text_of_the_same_name_is_refused(words, stopped, capsys):
    before = content(stopped)
    with words[1].open("a", encoding="utf-8") as text:
        text.write("abc\n")
    assert "training_sha256" in refused(words, capsys)
    assert content(stopped) == before


def test_other_versions_are_refused(words, stopped, capsys):
    settings = json.loads((stopped / "settings.json").read_text())
    (stopped / "settings.json").write_text(json.dumps({**settings, "keras": "2.0.0"}))
    assert "keras = 2.0.0. Received: 3." in refused(words, capsys)


def test_a_folder_with_other_files_is_refused_and_kept(words, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "metrics.json").write_text("three years of work")
    assert "holds other files, such as 'metrics.json'" in refused(words, capsys)
    assert content(tmp_path / "out") == {"metrics.json": b"three years of work"}


def test_a_folder_that_is_a_file_is_named(words, tmp_path, capsys):
    (tmp_path / "out").write_text("not a folder")
    assert "is a file. Give another folder" in refused(words, capsys)
    below = [*words[:-1], tmp_path / "out" / "below"]
    assert "Not a directory" in refused(below, capsys)


@pytest.mark.parametrize("name", ["settings.json", "metrics.json"])
def test_a_damaged_file_is_named(words, stopped, name, capsys):
    (stopped / name).write_text('{"size": ')
    assert f"{name} is not a stored result" in refused(words, capsys)


def test_a_damaged_backup_is_named(words, stopped, capsys):
    (backup,) = (stopped / "backup").glob("*.h5")
    backup.write_bytes(b"damaged")
    assert f"The backup '{backup.name}' does not fit" in refused(words, capsys)


def test_a_full_disk_is_said_in_one_line(words, monkeypatch, capsys):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs, "draw_likelihood", full)
    assert "No space left on device" in refused(words, capsys)


def test_a_training_that_diverges_says_where(words, tmp_path, capsys):
    assert "Training stopped at step" in refused([*words, "--learning-rate", "1e38"], capsys, status=1)
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_what_a_killed_process_left_half_written_is_cleared(words, stopped):
    for name in (".generator-abc.keras", ".metrics-abc.json"):
        (stopped / name).write_bytes(b"half")
    (stopped / ".mine").write_bytes(b"kept")
    assert main(["train", "mle", *map(str, words)]) == 0
    assert sorted(path.name for path in stopped.iterdir() if path.name.startswith(".")) == [".mine"]


@pytest.mark.parametrize("generator", ["lstm", "gru", "memory", "transformer"])
def test_each_generator_with_every_option_trains(words, generator, tmp_path, capsys):
    options = ["--generator", generator, "--tie-weights", "--dropout", "0.1", "--label-smoothing", "0.1"]
    options += ["--schedule", "cosine", "--scheduled-sampling", "0.5", "--valid", words[1], "--epochs", "1"]
    assert main(["train", "mle", *map(str, words + options)]) == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert np.isfinite(metrics["held_out"]["per_token"])
    assert metrics["corpus"]["held_out_sentences"] == metrics["corpus"]["training_sentences"] == 60
    history = json.loads((tmp_path / "out" / "history.json").read_text())
    assert history["loss"][0] != history["nll"][0]  # label smoothing acts


def test_the_cosine_rises_over_a_twentieth_and_falls_to_zero(tmp_path, monkeypatch):
    rates = []

    def compile_only(self, optimizer):
        rates.extend(float(optimizer._learning_rate(step)) for step in range(41))
        raise KeyboardInterrupt

    monkeypatch.setattr(LanguageModel, "compile", compile_only)
    settings = Settings("x", level="character", size=4, batch=2, epochs=10, learning_rate=0.5, schedule="cosine")
    with pytest.raises(KeyboardInterrupt):
        mle._fit(settings, prepare(["a"] * 8, ["a"]), tmp_path)
    assert rates[0] == 0 and rates[2] == pytest.approx(0.5) and max(rates) == rates[2]
    assert rates[40] == pytest.approx(0, abs=1e-7) and rates[21] == pytest.approx(0.25)
