"""A training from the command line, killed again and again, ends with the same files."""

import json
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
from small_training import BATCH, small_settings, write_text

from course_utils.train.outputs import load_generator

SCRIPT = pathlib.Path(__file__).with_name("small_training.py")


def train(corpus, folder, how="never", number=0):
    command = [sys.executable, SCRIPT, corpus, folder, how, str(number)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_killed_and_started_again_it_ends_with_the_same_files(tmp_path):
    corpus, whole, often = write_text(tmp_path), tmp_path / "whole", tmp_path / "often"
    assert train(corpus, whole).returncode == 0
    metrics = json.loads((whole / "metrics.json").read_text())
    best, steps = metrics["best_epoch"], metrics["corpus"]["training_sentences"] // BATCH
    # What the kills are about: a first epoch that is not the best, and an end after the patience.
    assert best > 1 and metrics["epochs"] == best + small_settings(corpus).patience < small_settings(corpus).epochs
    kills = [
        ("history", best),  # the best network is in place, the backup of its epoch is not
        ("step", steps + 2),  # one epoch repeated, and in the next, which is not better
        ("samples", 1),  # training has stopped, and its backup is still there
    ]
    for how, number in kills:
        killed = train(corpus, often, how, number)
        assert killed.returncode == -signal.SIGKILL, (how, killed.stderr)
        assert not (often / "metrics.json").exists()
    last = train(corpus, often)
    assert last.returncode == 0, last.stderr
    assert "Epoch" not in last.stdout

    assert {path.name for path in often.iterdir()} == {path.name for path in whole.iterdir()}
    for path in whole.iterdir():
        if path.suffix != ".keras":  # which also holds the time it was saved
            assert (often / path.name).read_bytes() == path.read_bytes(), path.name
    one, other = (load_generator(folder)[0] for folder in (whole, often))
    assert one.get_config() == other.get_config()
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
