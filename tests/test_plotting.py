"""Figures: alt text, size, palette, ranges, and what is drawn."""

import base64
import io
import math
import types

import IPython
import matplotlib.pyplot
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from IPython.core.pylabtools import select_figure_formats
from PIL import Image

from course_utils import plotting

HISTORY = {"discriminator_loss": [0.5, 0.6, 0.65], "generator_loss": [2.0, 1.0, 0.8]}
X = np.linspace(-4.0, 4.0, 201)


def normal(mean):
    return np.exp(-((X - mean) ** 2) / 2) / math.sqrt(2 * math.pi)


def circle(points):
    return 1 - (points**2).sum(axis=1)


def rotation(points):
    return np.stack([-points[:, 1], points[:, 0]], axis=1)


def examples():
    p, q = normal(-1), normal(1)
    points = np.random.default_rng(0).normal(size=(30, 2))
    return {
        "loss_curves": plotting.loss_curves(HISTORY),
        "image_grid": plotting.image_grid(np.zeros((10, 28, 28, 1), np.float32), alt="Grey squares.", title="Ten"),
        "decision_surface": plotting.decision_surface(circle, (-2, 2), (-2, 2), points, points + 1),
        "vector_field": plotting.vector_field(rotation, (-1, 1), (-1, 1), [("path", points[:5] / 5)]),
        "density_game": plotting.density_game(X, p, q, p / (p + q), p / (p + q), title="step 3"),
    }


EXAMPLES = examples()
every_figure = pytest.mark.parametrize("name", EXAMPLES)


@every_figure
def test_every_figure_shows_as_a_small_png_with_alt_text(name):
    data, metadata = EXAMPLES[name]._repr_mimebundle_()
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.format == "PNG" and picture.mode == "P" and len(picture.getcolors()) <= 128
    assert len(data["image/png"]) < 50_000 and picture.width <= 800
    assert metadata["image/png"]["alt"] == EXAMPLES[name].alt and len(EXAMPLES[name].alt) > 10
    assert repr(EXAMPLES[name]) == str(EXAMPLES[name]) == f"Figure: {EXAMPLES[name].alt}"


@every_figure
def test_nothing_is_clipped_or_unlabelled(name):
    figure = EXAMPLES[name]
    figure.canvas.draw()
    box, seen = figure.bbox, figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert seen.x0 >= -1 and seen.y0 >= -1 and seen.x1 <= box.x1 + 1 and seen.y1 <= box.y1 + 1
    for axes in figure.axes:
        if axes.axison:
            assert axes.get_ylabel(), "an axis has no label"
    if name != "image_grid":
        assert figure.axes[0].get_xlabel() or figure.axes[-1].get_xlabel()


def test_no_figure_reaches_pyplot():
    examples()
    assert matplotlib.pyplot.get_fignums() == []


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_alt_text_is_required(alt):
    with pytest.raises(ValueError, match="alt must describe"):
        plotting.subplots(alt=alt)


def test_inline_backend_does_not_take_our_figures_over(monkeypatch):
    shell = types.SimpleNamespace(display_formatter=DisplayFormatter())
    select_figure_formats(shell, {"png"})  # what importing pyplot in a notebook leads to
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    figure, _ = plotting.subplots(alt="An empty square.")
    data, metadata = shell.display_formatter.format(figure)
    assert metadata["image/png"] == {"alt": "An empty square."}
    assert data["image/png"] == figure._repr_mimebundle_()[0]["image/png"]
    assert data["text/plain"] == "Figure: An empty square."


def contrast(first, second):
    """WCAG 2 contrast ratio of two colours like "#0072B2"."""

    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    high, low = sorted([luminance(first), luminance(second)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_meaningful_colours_are_seen_on_white_and_told_apart_without_red_green_vision():
    colours = [plotting.REAL, plotting.FAKE, plotting.DISCRIMINATOR, plotting.EXACT]
    assert all(contrast(colour, "#FFFFFF") >= 3 for colour in colours)  # WCAG 1.4.11, graphics
    # Vienot, Brettel and Mollon (1999): what deuteranopes see, in linear RGB.
    lms = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    blind = np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]])
    linear = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours]) ** 2.2
    seen = np.clip(linear @ (np.linalg.inv(lms) @ blind @ lms).T, 0, 1) ** (1 / 2.2)
    distances = [np.linalg.norm(seen[i] - seen[j]) for i in range(4) for j in range(i)]
    assert min(distances) > 0.25


def test_loss_curves_draw_both_players_and_log_2():
    figure = plotting.loss_curves(HISTORY, step_unit="step")
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert list(lines["discriminator"].get_xdata()) == [1, 2, 3]
    assert list(lines["discriminator"].get_ydata()) == HISTORY["discriminator_loss"]
    assert list(lines["generator"].get_ydata()) == HISTORY["generator_loss"]
    assert lines["log 2, balance"].get_ydata()[0] == pytest.approx(0.693147, abs=1e-6)
    assert figure.alt.startswith("Loss curves over 3 steps. The discriminator ends at 0.65 nats")
    assert plotting.loss_curves(HISTORY, alt="Mine.").alt == "Mine."


@pytest.mark.parametrize(
    "history",
    [
        {},
        {"generator_loss": [1]},
        {"discriminator_loss": [], "generator_loss": []},
        {"discriminator_loss": [1, 2], "generator_loss": [1]},
    ],
)
def test_loss_curves_refuse_incomplete_histories(history):
    with pytest.raises(ValueError, match=r"Received: \{"):
        plotting.loss_curves(history)


def test_tile_puts_every_pixel_in_its_place():
    images = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)
    picture = plotting.tile(images, columns=2)
    assert picture.shape == (10, 9) and picture.dtype == np.uint8
    for index in range(5):
        top, left = 1 + 3 * (index // 2), 1 + 4 * (index % 2)
        assert (picture[top : top + 2, left : left + 3] == images[index]).all()
    assert (picture[7:9, 5:8] == picture[0, 0]).all(), "the empty place has the border's grey"
    assert plotting.tile(images, columns=100).shape == (4, 21)


def test_floats_map_from_minus_one_and_one_to_black_and_white():
    picture = plotting.tile(np.array([[[-1.0, 0.0, 1.0]]]))
    assert picture[1, 1:4].tolist() == [0, 128, 255]


def test_image_grid_is_one_picture():
    (axes,) = plotting.image_grid(np.zeros((64, 28, 28), np.uint8), alt="Black squares.").axes
    assert len(axes.images) == 1 and axes.images[0].get_array().shape == (233, 233)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((28, 28)), r"Received: \(28, 28\)"),
        (np.zeros((2, 28, 28, 3)), "Received"),
        (np.zeros((0, 28, 28)), "Received"),
        (np.full((1, 4, 4), 255.0), "Received: 255 to 255"),
        (np.full((1, 4, 4), np.nan), "diverged"),
        (np.zeros((1, 4, 4), np.int64), "Received: int64"),
    ],
)
def test_other_images_are_refused(images, words):
    with pytest.raises(ValueError, match=words):
        plotting.image_grid(images, alt="Anything.")
    with pytest.raises(ValueError, match="columns"):
        plotting.tile(np.zeros((1, 4, 4)), columns=0)


def test_decision_surface_asks_for_points_and_takes_both_logit_shapes():
    asked = []

    def logits(points):
        asked.append(points)
        return points[:, :1]

    figure = plotting.decision_surface(logits, (-1, 3), (0, 1))
    assert asked[0].dtype == np.float32 and asked[0].min(axis=0).tolist() == [-1, 0]
    assert asked[0].max(axis=0).tolist() == [3, 1]
    assert "calls 74% of the shown plane real" in figure.alt or "calls 75%" in figure.alt
    flat = plotting.decision_surface(lambda points: np.zeros(len(points)), (-1, 1), (-1, 1))
    centre = np.asarray(flat.to_image())[150, 150]
    assert (centre >= 254).all(), "1/2 must be white"
    with pytest.raises(ValueError, match=r"Received: \(10201, 2\)"):
        plotting.decision_surface(lambda points: points, (-1, 1), (-1, 1))
    with pytest.raises(ValueError, match="x_range"):
        plotting.decision_surface(circle, (1, 1), (-1, 1))


def test_vector_field_arrows_have_unit_length_and_the_right_direction():
    figure = plotting.vector_field(rotation, (-1, 1), (-1, 1))
    (quiver,) = [c for c in figure.axes[0].collections if type(c).__name__ == "Quiver"]
    x, y = quiver.XY.T
    lengths = np.hypot(quiver.U, quiver.V)
    assert np.allclose(lengths[np.hypot(x, y) > 0], 1) and np.allclose(quiver.U * x + quiver.V * y, 0, atol=1e-6)
    assert np.allclose(quiver.get_array(), np.hypot(x, y), atol=1e-6), "the shade is the speed"
    with pytest.raises(ValueError, match="path 'bad' must have shape"):
        plotting.vector_field(rotation, (-1, 1), (-1, 1), [("bad", [1, 2, 3])])


def test_density_game_reports_overlap_and_distance():
    p, q = normal(-1), normal(1)
    figure = plotting.density_game(X, p, q, np.full_like(X, 0.5), p / (p + q))
    # Two unit Gaussians two apart overlap in 2 * Phi(-1) = 0.3173; D* leaves 1/2 by tanh(|x|)/2 < 1/2.
    assert "overlap in 32% of their mass" in figure.alt and "at most 0.50" in figure.alt
    labels = [line.get_label() for line in figure.axes[1].lines]
    assert labels == ["D(x), learned", "D*(x), exact", "1/2: cannot tell"]
    assert figure.axes[1].lines[1].get_linestyle() == "--"
    with pytest.raises(ValueError, match=r"'d': \(3,\)"):
        plotting.density_game(X, p, q, [1, 2, 3], p)
