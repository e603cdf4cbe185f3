"""The bundled files: their checksums, and reading them with one clear error when something is wrong."""

from __future__ import annotations

import gzip
import hashlib
import os
import pathlib
import zlib

import numpy as np

from course_utils.runtime import data_directory

# The same sums as data/SHA256SUMS. They stand in code because a folder named by COURSE_DATA could
# bring its own sums along with its own files.
REGISTRY = {
    "digit_classifier.weights.h5": "e01f4240c1687521506261672736d1e45789f5f283a8921b2f184f50b75fba53",
    "en_pretrain.tsv.gz": "22129b81b0102318c6c70e7db6ad46237ed9f457eefe68fbdba1706aa4a91ae6",
    "en_test.tsv.gz": "7538124913f326021ed8866d13d15775bc8b9e44db339ff02632892a3c14d0bf",
    "en_train.tsv.gz": "77c6dc1ae3bd065862d0a1f6c43f3959876c85b08c777c4ed35cb39bf50a9930",
    "en_valid.tsv.gz": "84d0143a307633a7a77b7e89f0630e83032c9dcd971dad4ca05a99acb7659098",
    "eng-deu.tsv.gz": "7ab05acdf4ecd87f1faf358f7f5da20d1a5e1ce4d5f1661d16a4a33d0aa6bab1",
    "eng-fra.tsv.gz": "33c059fc91aec3b649a575959e62b225bb7d53f6a14864ed7d3148987df6c32b",
    "english_lm.json": "9ce078e70ad53f70b6bdfe243a98138cd72a70273a2f0b6b0d9bd17458ac87d5",
    "english_lm.weights.h5": "b7b5fb39ee3b3eb8ed1fa4a815e8c0954f7d5e5d6468255901facf507d843add",
    "first_names.tsv.gz": "5cc243aa1baddfcc083caa4c8a5ddb8f01b75b4f1076a4857d68b514efc144d8",
    "sentiment_silver.tsv.gz": "ed25e33418dc21c01b4cae5f3116bb7e4f78dcd3976bc9d7ba675c6d5f7ddf3c",
    "sentiment_tweets.tsv.gz": "f2280897028d1459cc5b3938e4118fb1967016331963c5650e5ebc702a66687d",
    "tang_quatrains_5.tsv.gz": "74c606212906e1cd3ddeaaa09b495d4a29d7dcbd90aacb035330bf1ba9d2d6d0",
    "tang_quatrains_7.tsv.gz": "9a2b24fb017030bf9fdbab4ae386c929b1627107154c159fbbd992f8dccebe42",
    "glove50_subset.npz": "0ebaa7778106f80aecb2e3dc75fed2ff52810ec629e0e9a764d0b43757edcc76",
    "mnist.npz": "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64",
}
RESTORE = "Restore it with `git checkout -- data`, or make it again with `make data`."

# (path, modification time, size) of the files whose sum this process has compared.
_verified: set[tuple[str, int, int]] = set()


def verified_path(name: str, directory: str | os.PathLike | None = None) -> pathlib.Path:
    """Return the path of a bundled file after comparing its sha256, once per process.

    A file that changes on disk afterwards (another time or size) is compared again.

    Args:
        name: a file name of ``REGISTRY``.
        directory: the data folder; by default ``COURSE_DATA`` or the repository's.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: if the name is unknown or the file has other bytes than the course's.

    Example:
        >>> verified_path("mnist.npz").name
        'mnist.npz'
    """
    path = _located(name, directory)
    status = path.stat()
    key = (str(path.resolve()), status.st_mtime_ns, status.st_size)
    if key not in _verified:
        found = _sha256(path)
        if found != REGISTRY[name]:
            raise ValueError(
                f"{path} is not the course's file: expected sha256 {REGISTRY[name]}. Received: {found}. {RESTORE} "
                "Data of your own go through load_image_folder, load_image_file or load_sentences."
            )
        _verified.add(key)
    return path


def _located(name: str, directory: str | os.PathLike | None) -> pathlib.Path:
    if name not in REGISTRY:
        raise ValueError(f"The course has no data file of that name. Received: {name!r}. Known: {', '.join(REGISTRY)}.")
    path = data_directory(directory) / name
    if not path.is_file():
        raise FileNotFoundError(f"The data file {path} is missing. {RESTORE}")
    return path


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_npz(name: str, directory: str | os.PathLike | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of a bundled ``.npz`` file by name, verified.

    Raises:
        FileNotFoundError, ValueError: as `verified_path`.

    Example:
        >>> read_npz("mnist.npz")["x_test"].shape
        (10000, 28, 28)
    """
    with np.load(verified_path(name, directory), allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def read_tsv(name: str, columns: tuple[str, ...], directory: str | os.PathLike | None = None) -> tuple[list[str], ...]:
    """Return the columns of a bundled ``.tsv.gz`` file, verified.

    Args:
        name: a file name of ``REGISTRY``.
        columns: the columns' names, in order.
        directory: the data folder; by default ``COURSE_DATA`` or the repository's.

    Returns:
        One list of strings for each column, all of the same length.

    Raises:
        FileNotFoundError: if the folder or the file is missing.
        ValueError: naming file and line where the text is damaged, or the file if its checksum differs.

    Example:
        >>> ids, sentences = read_tsv("en_test.tsv.gz", ("id", "sentence"))
        >>> sentences[0]
        'Do you want a hot dog?'
    """
    # Read before comparing: a checksum says that a file is damaged, the parser says at which line.
    table = parse_tsv(_located(name, directory), columns)
    verified_path(name, directory)
    return table


def parse_tsv(path: pathlib.Path, columns: tuple[str, ...]) -> tuple[list[str], ...]:
    """Return the columns of any gzip-compressed, tab-separated UTF-8 file without a head line.

    Raises:
        ValueError: naming file and line if it is empty, truncated, not gzip, not UTF-8 or has a
            line with another number of columns.

    Example:
        >>> from course_utils.runtime import REPOSITORY
        >>> names, labels = parse_tsv(REPOSITORY / "data" / "first_names.tsv.gz", ("name", "label"))
        >>> names[0], labels[0]
        ('Aaren', 'F')
    """
    rows = []
    try:
        with gzip.open(path, "rb") as stream:
            for line in stream:
                rows.append(decode_line(line.removesuffix(b"\n"), path, len(rows) + 1).split("\t"))
                if len(rows[-1]) != len(columns):
                    raise ValueError(
                        f"{path}, line {len(rows)}: expected {len(columns)} columns ({', '.join(columns)}) separated "
                        f"by tabs. Received: {len(rows[-1])}. {RESTORE}"
                    )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path}, line {len(rows) + 1}: the gzip file is truncated or damaged from here on ({error}). {RESTORE}"
        ) from None
    if not rows:
        raise ValueError(f"{path}, line 1: expected rows of {', '.join(columns)}. Received: an empty file. {RESTORE}")
    return tuple(list(column) for column in zip(*rows, strict=True))


def decode_line(line: bytes, path: pathlib.Path, number: int) -> str:
    """Return one line of a file as text.

    Raises:
        ValueError: naming file and line if the bytes are not UTF-8.

    Example:
        >>> decode_line("Garçon".encode(), pathlib.Path("pairs.tsv"), 1)
        'Garçon'
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}, line {number}: the text is not UTF-8. Received: byte 0x{line[error.start]:02x} at column "
            f"{error.start + 1}. Save the file as UTF-8."
        ) from None
