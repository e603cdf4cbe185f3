"""The user's own images and sentences, good and bad."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from course_utils.datasets import load_image_file, load_image_folder, load_sentences

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
COLOUR = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)


def save(folder, name, pixels, **options):
    Image.fromarray(pixels).save(folder / name, **options)


def test_grey_folder_is_read_in_the_order_of_names(tmp_path):
    save(tmp_path, "b.png", GREY + 100)
    save(tmp_path, "a.PNG", GREY)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "more").mkdir()
    images = load_image_folder(tmp_path)
    assert images.images.dtype == np.uint8
    assert np.array_equal(images.images, np.stack([GREY, GREY + 100]))
    assert images.card.sizes == {"images": 2}
    assert images.batches(2).element_spec.shape == (2, 3, 4, 1)


def test_colour_transparency_and_palette_become_rgb(tmp_path):
    save(tmp_path, "1.png", COLOUR)
    save(tmp_path, "2.png", np.dstack([COLOUR, np.full((3, 4), 7, np.uint8)]))
    Image.fromarray(COLOUR).quantize(12).save(tmp_path / "3.png")
    save(tmp_path, "4.jpeg", COLOUR)
    images = load_image_folder(tmp_path).images
    assert images.shape == (4, 3, 4, 3)
    assert np.array_equal(images[0], COLOUR) and np.array_equal(images[1], COLOUR)
    assert np.array_equal(images[2], COLOUR)


def test_folder_with_two_shapes_names_the_odd_file(tmp_path):
    save(tmp_path, "a.png", GREY)
    save(tmp_path, "b.png", GREY.T)
    with pytest.raises(ValueError, match=r"b.png has another shape than a.png: expected \(3, 4\). Received: \(4, 3\)"):
        load_image_folder(tmp_path)


def test_folder_with_grey_and_colour_names_the_odd_file(tmp_path):
    save(tmp_path, "a.png", GREY)
    save(tmp_path, "b.png", COLOUR)
    with pytest.raises(ValueError, match=r"b.png .*expected \(3, 4\). Received: \(3, 4, 3\)"):
        load_image_folder(tmp_path)


def png_bytes():
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"not an image", png_bytes()[:200], png_bytes()[:20]])
def test_broken_image_is_named_and_left_alone(tmp_path, content):
    save(tmp_path, "a.png", GREY)
    (tmp_path / "b.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"b.png cannot be read as a PNG or JPEG image"):
        load_image_folder(tmp_path)
    assert (tmp_path / "b.png").read_bytes() == content
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]


def test_image_of_16_bits_is_refused_and_not_clipped(tmp_path):
    save(tmp_path, "deep.png", GREY.astype(np.uint16) * 1000)
    with pytest.raises(ValueError, match=r"deep.png has more than 8 bits a channel. Received: mode I"):
        load_image_folder(tmp_path)


def test_folder_missing_or_without_images(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"image folder .*nowhere.* does not exist"):
        load_image_folder(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(ValueError, match=r"holds no image.*\.png, \.jpg, \.jpeg"):
        load_image_folder(tmp_path)


@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 6, 7, 3)])
def test_archive_of_images_of_any_size(tmp_path, shape):
    stored = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    np.savez(tmp_path / "faces.npz", images=stored, other=np.zeros(2))
    images = load_image_file(tmp_path / "faces.npz")
    assert np.array_equal(images.images, stored)
    assert images.card.name == "faces.npz" and images.card.sizes == {"images": 5}
    batch = next(iter(images.batches(5)))
    assert batch.shape == (5, 6, 7, 3 if len(shape) == 4 else 1) and batch.dtype == "float32"


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"x": np.zeros((2, 3, 3), np.uint8), "y": np.zeros(2)}, "no array 'images'.*Received: x, y"),
        ({"images": np.zeros((2, 3, 3))}, r"float64 \(2, 3, 3\)"),
        ({"images": np.zeros((2, 9), np.uint8)}, r"uint8 \(2, 9\)"),
        ({"images": np.zeros((0, 3, 3), np.uint8)}, r"uint8 \(0, 3, 3\)"),
        ({"images": np.array([GREY, None], dtype=object)}, "cannot be read.*allow_pickle=False"),
    ],
)
def test_archive_with_other_contents_says_what_was_found(tmp_path, arrays, found):
    path = tmp_path / "faces.npz"
    np.savez(path, **arrays)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=found) as caught:
        load_image_file(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["faces.npz"]


def test_truncated_damaged_or_missing_archive(tmp_path):
    path = tmp_path / "faces.npz"
    np.savez(path, images=np.zeros((9, 30, 30), np.uint8))
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"faces.npz is not an .npz archive, or is truncated"):
        load_image_file(path)
    path.write_bytes(whole[:1000] + b"\xff" + whole[1001:])
    with pytest.raises(ValueError, match=r"faces.npz cannot be read.*CRC"):
        load_image_file(path)
    np.save(tmp_path / "faces.npy", GREY)
    with pytest.raises(ValueError, match=r"faces.npy is not an .npz archive"):
        load_image_file(tmp_path / "faces.npy")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        load_image_file(tmp_path / "nowhere.npz")


def test_sentences_of_any_script(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes("\ufeffÜber allen Gipfeln\r\n\r\n  是。 \n   \nДа.\nأهلاً\nlast".encode())
    sentences = load_sentences(path)
    assert sentences.sentences == ["Über allen Gipfeln", "是。", "Да.", "أهلاً", "last"]
    assert sentences.card.sizes == {"sentences": 5}
    batch = next(iter(sentences.batches(5, seed=1)))
    assert sorted(text.decode() for text in batch.numpy()) == sorted(sentences.sentences)


def test_sentences_that_are_not_utf8_name_the_line(tmp_path):
    path = tmp_path / "lines.txt"
    content = "one\n\nüber".encode("latin-1")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"lines.txt, line 3: the text is not UTF-8. Received: byte 0xfc at column 1"):
        load_sentences(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"\n \n\t\n", b"\xef\xbb\xbf"])
def test_file_without_a_sentence(tmp_path, content):
    path = tmp_path / "lines.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"lines.txt holds no sentence"):
        load_sentences(path)


def test_missing_text_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lines.txt.*does not exist"):
        load_sentences(tmp_path / "lines.txt")
