"""The best epoch's network and the end of a training: from scripted values, also across interruptions."""

import math

import keras
import pytest

from course_utils.training.early_stopping import BestEpochBackup


class Scripted(keras.Model):
    """A network of one number, which the test sets to the epoch."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.number = self.add_weight(name="number", shape=())
        self.built = True

    def call(self, x):
        return x + self.number


class Training:
    """What `fit` does with a callback, for validation values that the test gives."""

    def __init__(self, tmp_path, patience=2):
        self.network, self.path = Scripted(), tmp_path / "best.keras"
        self.backup = BestEpochBackup(
            tmp_path / "backup", network=self.network, path=self.path, patience=patience, delete_checkpoint=False
        )
        self.backup.set_model(self.network)
        self.backup.set_params({"epochs": 9})
        self.network.stop_training = False
        self.network._initial_epoch = None
        self.backup.on_train_begin()
        self.first = self.network._initial_epoch or 0

    def run(self, values):
        """Make epochs until the values end or training stops; return how many were made."""
        for epoch, value in enumerate(values, start=self.first):
            self.backup.on_epoch_begin(epoch)
            self.network.number.assign(epoch + 1)
            self.backup.on_epoch_end(epoch, {"val_nll": value})
            if self.network.stop_training:
                return epoch + 1 - self.first
        return len(values)

    def kept(self):
        """The epoch whose network is in the file."""
        return int(keras.saving.load_model(self.path, custom_objects={"Scripted": Scripted}).number.numpy())


def test_the_best_epoch_is_kept_and_training_stops_after_the_patience(tmp_path):
    training = Training(tmp_path)
    # The tie at epoch 3 is not better; epoch 4 is, and the two after it are not.
    assert training.run([3.0, 2.0, 2.0, 1.5, 1.6, 1.5, 0.1]) == 6
    assert training.backup.best_epoch == training.kept() == 4


def test_before_the_first_epoch_there_is_no_best(tmp_path):
    assert Training(tmp_path).backup.best_epoch == 0


def test_a_resumed_training_remembers_the_best_value_and_the_epochs_waited(tmp_path):
    assert Training(tmp_path).run([3.0, 1.0, 2.0]) == 3
    resumed = Training(tmp_path)
    assert resumed.first == 3
    assert resumed.run([1.1, 0.1]) == 1  # the second epoch waited, although better than any since the interruption
    assert resumed.backup.best_epoch == resumed.kept() == 2


def test_a_training_that_had_stopped_makes_no_further_epoch(tmp_path):
    Training(tmp_path).run([1.0, 2.0, 2.0])
    again = Training(tmp_path)
    assert again.first == 9  # `fit` has 9 epochs
    assert again.backup.best_epoch == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_reported_and_not_kept(tmp_path, value):
    training = Training(tmp_path)
    with pytest.raises(FloatingPointError, match=f"val_nll is {value} after epoch 2"):
        training.run([1.0, value])
    assert training.kept() == 1


def test_an_epoch_without_the_value_says_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match=r"must log 'val_nll'.*\['loss'\].*validation_data"):
        Training(tmp_path).backup.on_epoch_end(0, {"loss": 1.0})


def test_patience_is_positive(tmp_path):
    with pytest.raises(ValueError, match=r"patience must be at least 1\. Received: 0"):
        Training(tmp_path, patience=0)
