"""Keras callbacks for notebooks: a figure that redraws in place while a GAN trains, and a film of its samples."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from course_utils.plotting import Animation, CourseFigure, draw_images, draw_losses, film, subplots, tile

_LOSSES = ("discriminator_loss", "generator_loss")


def _check_every(every: int) -> int:
    if not isinstance(every, int) or every < 1:
        raise ValueError(f"every must be a whole number of epochs, at least 1. Received: {every!r}.")
    return every


class LiveTraining(keras.callbacks.Callback):
    """Redraw loss curves and samples in place while `fit` runs.

    One output stays in the notebook, with its final state. Outside IPython (a script, a test) nothing is
    drawn.

    Args:
        sample: called without arguments at each redraw; returns images as `plotting.tile` takes them.
            Give it fixed noise, so that redraws are comparable and take no random numbers from
            the training. Without it only the curves are drawn.
        every: redraw after every so many epochs, and after the last.

    Raises:
        ValueError: if ``every`` is below 1, or an epoch logs no ``discriminator_loss`` or ``generator_loss``.

    Example:
        >>> noise = keras.random.normal((16, 100), seed=0)  # doctest: +SKIP
        >>> live = LiveTraining(lambda: gan.generator(noise, training=False))  # doctest: +SKIP
        >>> gan.fit(images, epochs=20, callbacks=[live])  # doctest: +SKIP
    """

    def __init__(self, sample: Callable[[], Any] | None = None, every: int = 1) -> None:
        super().__init__()
        self.sample = sample
        self.every = _check_every(every)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Forget an earlier `fit`; this one gets an output of its own."""
        self._history: dict[str, list[float]] = {name: [] for name in _LOSSES}
        self._first_epoch: int | None = None
        self._display_id: str | None = None
        self._drawn = 0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keep the epoch's losses and redraw when it is time."""
        logs = logs or {}
        if missing := [name for name in _LOSSES if name not in logs]:
            raise ValueError(f"LiveTraining needs {' and '.join(missing)} in the logs. Received: {sorted(logs)}.")
        if self._first_epoch is None:
            self._first_epoch = epoch  # not 0 when a training goes on from a backup
        for name in _LOSSES:
            self._history[name].append(float(logs[name]))
        if (epoch + 1) % self.every == 0:
            self._draw()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Draw the epochs after the last redraw, if there are any."""
        if self._drawn < len(self._history[_LOSSES[0]]):
            self._draw()

    def _draw(self) -> None:
        self._drawn = len(self._history[_LOSSES[0]])
        # A module that nobody has loaded cannot be running us; outside it display() would print text.
        ipython = sys.modules.get("IPython")
        if ipython is None or ipython.get_ipython() is None:
            return
        from IPython import display

        if self._display_id is None:
            self._display_id = uuid.uuid4().hex
            display.display(self._figure(), display_id=self._display_id)
        else:
            display.update_display(self._figure(), display_id=self._display_id)

    def _figure(self) -> CourseFigure:
        first = self._first_epoch + 1
        discriminator, generator = (self._history[name][-1] for name in _LOSSES)
        alt = (
            f"Training up to epoch {self._first_epoch + self._drawn}: discriminator loss {discriminator:.2f} nats, "
            f"generator loss {generator:.2f} nats{'' if self.sample is None else ', and samples of that epoch'}."
        )
        if self.sample is None:
            figure, curves = subplots(alt=alt, figsize=(6.5, 3.4))
        else:
            figure, (curves, pictures) = subplots(1, 2, alt=alt, figsize=(9, 3.6))
            images = np.asarray(self.sample())
            draw_images(pictures, images, columns=_square(len(images)))
            pictures.set_title(f"samples after epoch {self._first_epoch + self._drawn}", fontsize="medium")
        draw_losses(curves, self._history, first=first)
        return figure


class Film(keras.callbacks.Callback):
    """Collect sample grids during `fit`, for a film made on demand.

    The first frame is taken before training. A grid of 16 digits takes 14 kB of memory.

    Args:
        sample: called without arguments; returns images as `plotting.tile` takes them. Give it fixed
            noise, so that each place in the grid shows one sample growing.
        every: take a frame after every so many epochs.

    Raises:
        ValueError: if ``every`` is below 1.

    Example:
        >>> record = Film(lambda: gan.generator(noise, training=False))  # doctest: +SKIP
        >>> gan.fit(images, epochs=20, callbacks=[record])  # doctest: +SKIP
        >>> record.gif("build/training.gif")  # doctest: +SKIP
    """

    def __init__(self, sample: Callable[[], Any], every: int = 1) -> None:
        super().__init__()
        self.sample = sample
        self.every = _check_every(every)
        self.frames: list[np.ndarray] = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start a new film with a frame of the untrained (or restored) generator."""
        self.frames = []
        self._take()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Take a frame when it is time."""
        if (epoch + 1) % self.every == 0:
            self._take()

    def _take(self) -> None:
        images = np.asarray(self.sample())
        self.frames.append(tile(images, columns=_square(len(images))))

    def gif(self, path: str | os.PathLike | None = None) -> Animation:
        """Join the frames taken so far into an animated GIF.

        Args:
            path: where to write the file as well.

        Returns:
            The `plotting.Animation`, which shows itself as a cell's last expression.

        Raises:
            ValueError: if no frame was taken yet.
        """
        if not self.frames:
            raise ValueError("No frame was taken yet. Received: 0 frames. Pass this callback to fit() first.")
        # Twice the size: digits of 28 pixels are too small to look at.
        frames = [frame.repeat(2, axis=0).repeat(2, axis=1) for frame in self.frames]
        return film(frames, path, alt=f"The same samples before training and after each of {len(frames) - 1} redraws.")


def _square(count: int) -> int:
    """Columns of the grid nearest to a square."""
    return max(1, round(count**0.5))
