"""The user's own data: a folder or an archive of images, or a text file with a sentence a line."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import zipfile
import zlib

import numpy as np

from course_utils.datasets.batching import shuffled_batches
from course_utils.datasets.card import Card
from course_utils.datasets.files import decode_line
from course_utils.datasets.images import scale_pixels

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclasses.dataclass(frozen=True, eq=False)
class OwnImages:
    """Unlabelled images of one size.

    Attributes:
        images: uint8 (N, H, W) for grey images or (N, H, W, C).
        card: where they were read from, and how many.
    """

    images: np.ndarray = dataclasses.field(repr=False)
    card: Card

    def batches(self, batch_size: int, *, seed: int = 0):
        """Return shuffled batches for a GAN.

        Args:
            batch_size: images in a batch; the rest that fills no batch is left out of a pass.
            seed: decides the order.

        Returns:
            A `tf.data.Dataset` of float32 (B, H, W, C) in [-1, 1]; C is 1 for grey images.

        Raises:
            ValueError: if there are fewer images than one batch.

        Example:
            >>> card = Card("black squares", "NumPy", "none", "nobody", {"images": 8}, "")
            >>> images = OwnImages(np.zeros((8, 32, 32, 3), "uint8"), card)
            >>> tuple(next(iter(images.batches(4))).shape)
            (4, 32, 32, 3)
        """
        return shuffled_batches(self.images, batch_size, seed=seed, transform=scale_pixels)


@dataclasses.dataclass(frozen=True, eq=False)
class Sentences:
    """Sentences in any script.

    Attributes:
        sentences: without space at either end.
        card: where they were read from, and how many.
    """

    sentences: list[str] = dataclasses.field(repr=False)
    card: Card

    def batches(self, batch_size: int, *, seed: int = 0):
        """Return shuffled batches.

        Args:
            batch_size: sentences in a batch; the rest that fills no batch is left out of a pass.
            seed: decides the order.

        Returns:
            A `tf.data.Dataset` of `tf.string` (B,), UTF-8.

        Raises:
            ValueError: if there are fewer sentences than one batch.

        Example:
            >>> card = Card("yes", "typed in", "none", "nobody", {"sentences": 3}, "")
            >>> sentences = Sentences(["Ja.", "Да.", "是。"], card)
            >>> tuple(next(iter(sentences.batches(2))).shape)
            (2,)
        """
        return shuffled_batches(np.array(self.sentences, dtype=object), batch_size, seed=seed)


def load_image_folder(folder: str | os.PathLike) -> OwnImages:
    """Return the PNG and JPEG images of a folder, in the order of their names; subfolders are not read.

    Grey images stay grey; all others, with a palette or transparency too, become RGB.

    Args:
        folder: a folder whose images all have the same height, width and number of channels.

    Raises:
        FileNotFoundError: if the folder does not exist.
        ValueError: naming the file, if the folder has no image, or one cannot be read, has more
            than 8 bits a channel or another shape than the first.

    Example:
        >>> faces = load_image_folder("faces")  # doctest: +SKIP
        >>> faces.images.shape  # doctest: +SKIP
        (1200, 64, 64, 3)
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"The image folder {str(folder)!r} does not exist. Give a folder of PNG or JPEG files.")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise ValueError(f"{folder} holds no image. Received: no file ending in {', '.join(IMAGE_SUFFIXES)}.")
    images = []
    for path in paths:
        images.append(_read_image(path))
        if images[-1].shape != images[0].shape:
            raise ValueError(
                f"{path} has another shape than {paths[0].name}: expected {images[0].shape}. "
                f"Received: {images[-1].shape}. Bring all images to one size and one number of channels."
            )
    return OwnImages(np.stack(images), _own_card(folder.name, images=len(images)))


def _read_image(path: pathlib.Path) -> np.ndarray:
    """Return one image as uint8 (H, W) or (H, W, 3)."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            mode = image.mode
            pixels = np.asarray(image.convert("L" if mode in ("1", "L", "LA") else "RGB"))
    # Pillow reports some broken PNG files as a SyntaxError.
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a PNG or JPEG image ({error}). Replace or remove it.") from None
    if mode.startswith(("I", "F")):
        raise ValueError(f"{path} has more than 8 bits a channel. Received: mode {mode}. Save it with 8 bits.")
    return pixels


def load_image_file(path: str | os.PathLike) -> OwnImages:
    """Return the images of an ``.npz`` archive, which NumPy writes with ``np.savez(path, images=array)``.

    Args:
        path: an archive with an array ``images``, uint8 (N, H, W) or (N, H, W, C).

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: naming the file and what was found, if it is no archive, is damaged, or has no
            such array.

    Example:
        >>> faces = load_image_file("faces.npz")  # doctest: +SKIP
        >>> faces.images.shape  # doctest: +SKIP
        (1200, 64, 64, 3)
    """
    path = _own_file(path)
    wanted = "Expected an array 'images' of dtype uint8 and shape (N, H, W) or (N, H, W, C), none of them 0"
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not an .npz archive, or is truncated. {wanted}; write it with np.savez.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = archive.files
            images = archive["images"] if "images" in names else None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} cannot be read ({error}). {wanted}.") from None
    if images is None:
        raise ValueError(f"{path} has no array 'images'. {wanted}. Received: {', '.join(names) or 'no array'}.")
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.size == 0:
        raise ValueError(f"{path} holds other images. {wanted}. Received: {images.dtype} {images.shape}.")
    return OwnImages(images, _own_card(path.name, images=len(images)))


def load_sentences(path: str | os.PathLike) -> Sentences:
    """Return the lines of a UTF-8 text file, one sentence each, in any script; blank lines are skipped.

    Args:
        path: the text file.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: naming the line that is not UTF-8, or the file if it holds no sentence.

    Example:
        >>> poems = load_sentences("poems.txt")  # doctest: +SKIP
        >>> poems.sentences[0]  # doctest: +SKIP
        'Über allen Gipfeln ist Ruh'
    """
    path = _own_file(path)
    # Editors on Windows put a byte order mark before the first line.
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    decoded = (decode_line(line, path, number).strip() for number, line in enumerate(lines, 1))
    sentences = [sentence for sentence in decoded if sentence]
    if not sentences:
        raise ValueError(f"{path} holds no sentence: every line is blank, or the file is empty. Put one on each line.")
    return Sentences(sentences, _own_card(path.name, sentences=len(sentences)))


def _own_file(path: str | os.PathLike) -> pathlib.Path:
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"The file {str(path)!r} does not exist. Check the path; it starts from {os.getcwd()}.")
    return path


def _own_card(name: str, **sizes: int) -> Card:
    return Card(name, "your own data", "as you hold them", "you or their authors", sizes, "Read as they are.")
