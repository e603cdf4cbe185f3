"""A killed training, started again, ends as if nothing had happened."""

import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
from small_gan import EPOCHS, STEPS, make_batches, make_gan

from course_utils.training.backup import EpochBackup

SCRIPT = pathlib.Path(__file__).with_name("small_gan.py")


def train(folder, how, at, result):
    command = [sys.executable, SCRIPT, folder, how, str(at), result]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert train(folder / "backup", "never", 0, folder / "end.npz").returncode == 0
    with np.load(folder / "end.npz") as arrays:
        return dict(arrays)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    ("how", "at"),
    [
        ("step", 3),  # in the first epoch: nothing to go on from
        ("step", 2 * STEPS + 1),  # just after a backup
        ("write", 3),  # while the second epoch's history is put in place
        ("write", 4),  # while the second epoch's weights are put in place
    ],
)
def test_killed_and_started_again_it_ends_with_the_same_weights(tmp_path, uninterrupted, how, at):
    end = tmp_path / "end.npz"
    assert train(tmp_path / "backup", how, at, end).returncode == -signal.SIGKILL
    assert not end.exists()
    resumed = train(tmp_path / "backup", "never", 0, end)
    assert resumed.returncode == 0, resumed.stderr
    with np.load(end) as arrays:
        assert set(arrays) == set(uninterrupted)
        for name in arrays:
            np.testing.assert_array_equal(arrays[name], uninterrupted[name])
    assert len(uninterrupted["losses"]) == EPOCHS
    assert not (tmp_path / "backup").exists()


def test_a_resumed_training_starts_at_the_epoch_of_the_backup(tmp_path):
    first = EpochBackup(tmp_path / "b", delete_checkpoint=False)
    make_gan().fit(make_batches(), epochs=2, verbose=0, callbacks=[first])
    assert [p.name for p in (tmp_path / "b").glob("*.h5")] == ["epoch-000002.weights.h5"]
    second = EpochBackup(tmp_path / "b", delete_checkpoint=False)
    history = make_gan().fit(make_batches(), epochs=3, verbose=0, callbacks=[second])
    assert history.epoch == [2]
    assert second.history["generator_loss"][:2] == first.history["generator_loss"]
    assert len(second.history["generator_loss"]) == 3


def test_a_resumed_model_can_be_trained_again_from_the_start(tmp_path):
    make_gan().fit(make_batches(), epochs=2, verbose=0, callbacks=[EpochBackup(tmp_path, delete_checkpoint=False)])
    for epochs in (3, 2):  # one epoch left, and none
        gan = make_gan()
        gan.fit(make_batches(), epochs=epochs, verbose=0, callbacks=[EpochBackup(tmp_path, delete_checkpoint=False)])
        assert gan.fit(make_batches(), epochs=1, verbose=0).epoch == [0]


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(ValueError, match=r"thesis\.txt.*new folder"):
        make_gan().fit(make_batches(), verbose=0, callbacks=[EpochBackup(tmp_path)])
    assert (tmp_path / "thesis.txt").read_text() == "three years"


def test_a_backup_of_another_model_is_named(tmp_path):
    keep = EpochBackup(tmp_path / "b", delete_checkpoint=False)
    make_gan().fit(make_batches(), verbose=0, callbacks=[keep])
    good = (tmp_path / "b" / "epoch-000001.weights.h5").read_bytes()
    (tmp_path / "b" / "epoch-000001.weights.h5").write_bytes(b"not a weights file")
    with pytest.raises(ValueError, match=r"epoch-000001\.weights\.h5.*does not fit"):
        make_gan().fit(make_batches(), verbose=0, callbacks=[EpochBackup(tmp_path / "b")])
    assert (tmp_path / "b" / "epoch-000001.weights.h5").exists()
    (tmp_path / "b" / "epoch-000001.weights.h5").write_bytes(good)
    (tmp_path / "b" / "history.json").unlink()
    with pytest.raises(ValueError, match=r"history\.json.*from the beginning"):
        make_gan().fit(make_batches(), verbose=0, callbacks=[EpochBackup(tmp_path / "b")])
