"""Films: frames joined into a GIF that shows itself and is written whole or not at all."""

import base64

import numpy as np
import pytest
from PIL import Image

from course_utils import plotting


def test_film_of_figures_and_arrays(tmp_path):
    path = tmp_path / "film.gif"
    frames = [np.full((20, 30), grey, np.uint8) for grey in (0, 120, 255)]
    animation = plotting.film(frames, path, alt='From black to "white".', milliseconds=100)
    assert path.read_bytes() == animation.data and list(tmp_path.iterdir()) == [path]
    assert animation.size == len(animation.data)
    gif = Image.open(path)
    assert (gif.format, gif.n_frames, gif.size, gif.info["loop"]) == ("GIF", 3, (30, 20), 0)
    seen = []
    for index, milliseconds in enumerate((100, 100, 600)):
        gif.seek(index)
        assert gif.info["duration"] == milliseconds
        seen.append(gif.convert("L").getpixel((5, 5)))
    assert seen == [0, 120, 255]
    shown = animation._repr_html_()
    assert 'alt="From black to &quot;white&quot;."' in shown
    assert base64.b64decode(shown.split("base64,")[1].split('"')[0]) == animation.data
    assert plotting.film([plotting.subplots(alt="Empty.")[0]] * 2, alt="Twice the same.").frames == 2


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], r"Received: \[\]"),
        ([np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8)], r"\(4, 4\), \(5, 4\)"),
        ([np.zeros((4, 4))], "Received: float64"),
    ],
)
def test_film_refuses_other_frames_and_leaves_the_file_alone(tmp_path, frames, words):
    path = tmp_path / "film.gif"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match=words):
        plotting.film(frames, path, alt="Anything.")
    assert path.read_bytes() == b"before"
    with pytest.raises(ValueError, match="alt must"):
        plotting.film([np.zeros((4, 4), np.uint8)], alt=" ")
    with pytest.raises(ValueError, match="20 or more"):
        plotting.film([np.zeros((4, 4), np.uint8)], alt="Black.", milliseconds=5)
