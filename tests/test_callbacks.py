"""Callbacks in a real `fit`: one output that is redrawn in place, and a film of the samples."""

import IPython
import IPython.display
import keras
import numpy as np
import pytest
from PIL import Image

from course_utils.callbacks import Film, LiveTraining


class TinyGAN(keras.Model):
    """Logs the two losses of a GAN; nothing is learned."""

    def train_step(self, data):
        mean = keras.ops.mean(data)
        return {"discriminator_loss": mean, "generator_loss": 2.0 * mean}


def fit(*callbacks, epochs, initial_epoch=0):
    model = TinyGAN()
    model.compile(run_eagerly=True)
    model.fit(np.ones((4, 2), np.float32), epochs=epochs, initial_epoch=initial_epoch, verbose=0, callbacks=callbacks)


@pytest.fixture
def shown(monkeypatch):
    """Record what a notebook would show; outputs cleared and drawn anew are an error."""
    events = []

    def forbidden(*arguments, **options):
        raise AssertionError("clear_output makes the page jump; use update_display")

    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    monkeypatch.setattr(
        IPython.display, "display", lambda figure, display_id: events.append(("new", display_id, figure))
    )
    monkeypatch.setattr(
        IPython.display, "update_display", lambda figure, display_id: events.append(("update", display_id, figure))
    )
    monkeypatch.setattr(IPython.display, "clear_output", forbidden)
    return events


@pytest.fixture
def notebook(shown, monkeypatch):
    """As `shown`, and the code runs in a notebook."""

    class Shell:
        display_formatter = IPython.core.formatters.DisplayFormatter()

    monkeypatch.setattr(IPython, "get_ipython", lambda: Shell)
    return shown


def samples():
    return np.zeros((4, 8, 8, 1), np.float32)


def test_live_training_shows_once_and_then_redraws_in_place(notebook):
    fit(LiveTraining(samples), epochs=3)
    assert [kind for kind, _, _ in notebook] == ["new", "update", "update"]
    assert len({display_id for _, display_id, _ in notebook}) == 1
    curves, pictures = notebook[-1][2].axes
    discriminator, generator, balance = curves.lines
    assert list(discriminator.get_xdata()) == [1, 2, 3]
    assert list(discriminator.get_ydata()) == [1, 1, 1] and list(generator.get_ydata()) == [2, 2, 2]
    assert balance.get_ydata()[0] == pytest.approx(np.log(2))
    assert pictures.images[0].get_array().shape == (19, 19)
    assert "up to epoch 3" in notebook[-1][2].alt and notebook[-1][2].to_png()


def test_live_training_leaves_the_last_epoch_whatever_every_is(notebook):
    fit(LiveTraining(every=2), epochs=3)
    assert [figure.alt[:22] for _, _, figure in notebook] == ["Training up to epoch 2", "Training up to epoch 3"]
    assert len(notebook[-1][2].axes) == 1
    notebook.clear()
    fit(LiveTraining(every=3), epochs=3)
    assert len(notebook) == 1, "an epoch that is drawn already is not drawn again"


def test_a_resumed_training_counts_on(notebook):
    fit(LiveTraining(samples), epochs=7, initial_epoch=5)
    assert list(notebook[-1][2].axes[0].lines[0].get_xdata()) == [6, 7]
    assert "up to epoch 7" in notebook[-1][2].alt


def test_a_second_fit_gets_its_own_output(notebook):
    live = LiveTraining()
    fit(live, epochs=2)
    fit(live, epochs=1)
    assert [kind for kind, _, _ in notebook] == ["new", "update", "new"]
    assert list(notebook[-1][2].axes[0].lines[0].get_xdata()) == [1]


def test_outside_a_notebook_nothing_is_shown(shown, capsys):
    fit(LiveTraining(samples), epochs=2)
    assert shown == [] and capsys.readouterr().out == ""


def test_missing_losses_and_wrong_intervals_are_named(notebook):
    live = LiveTraining()
    live.on_train_begin()
    with pytest.raises(ValueError, match=r"needs generator_loss in the logs. Received: \['discriminator_loss'\]"):
        live.on_epoch_end(0, {"discriminator_loss": 0.5})
    for every in (0, -1, 1.5):
        with pytest.raises(ValueError, match=f"Received: {every}"):
            LiveTraining(every=every)
        with pytest.raises(ValueError, match=f"Received: {every}"):
            Film(samples, every=every)


def test_film_takes_a_frame_before_training_and_at_each_interval(tmp_path):
    greys = iter([-1.0, -0.5, 0.0, 0.5, 1.0])
    film = Film(lambda: np.full((1, 8, 8), next(greys), np.float32), every=2)
    with pytest.raises(ValueError, match="No frame"):
        film.gif()
    fit(film, epochs=5)
    assert [int(frame[4, 4]) for frame in film.frames] == [0, 64, 128]
    animation = film.gif(tmp_path / "film.gif")
    assert animation.frames == 3 and "each of 2 redraws" in animation.alt
    with Image.open(tmp_path / "film.gif") as gif:
        assert gif.size == (20, 20) and gif.n_frames == 3
    fit(film, epochs=1)
    assert [int(frame[4, 4]) for frame in film.frames] == [191], "a second fit starts a new film"
