"""The registry, the checksums and the one clear error for every damaged file."""

import gzip
import os
import shutil

import pytest

from course_utils.datasets import files, load_english, load_mnist, load_names
from course_utils.runtime import REPOSITORY

DATA = REPOSITORY / "data"
NAME = "en_test.tsv.gz"
COLUMNS = ("id", "sentence")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder of its own with one good file in it."""
    monkeypatch.delenv("COURSE_DATA", raising=False)
    shutil.copy(DATA / NAME, tmp_path / NAME)
    return tmp_path


def test_registry_equals_the_checksum_file():
    lines = (DATA / "SHA256SUMS").read_text().splitlines()
    assert {name: digest for digest, name in map(str.split, lines)} == files.REGISTRY


def test_every_registered_file_has_its_checksum():
    for name in files.REGISTRY:
        assert files.verified_path(name, DATA) == DATA / name


def test_registry_covers_every_data_file():
    # A card is no data, but the language model's holds the words that its weights belong to.
    present = {path.name for path in DATA.iterdir() if path.suffix in (".gz", ".npz", ".h5")} | {"english_lm.json"}
    assert present == set(files.REGISTRY)


def test_checksum_is_compared_once_a_process_and_again_after_a_change(folder, monkeypatch):
    counted = []
    compute = files._sha256
    monkeypatch.setattr(files, "_sha256", lambda path: counted.append(path) or compute(path))
    files.verified_path(NAME, folder)
    files.verified_path(NAME, folder)
    assert len(counted) == 1
    os.utime(folder / NAME, ns=(1, 1))
    files.verified_path(NAME, folder)
    assert len(counted) == 2


def test_file_changed_after_it_was_verified_is_refused(folder):
    files.verified_path(NAME, folder)
    (folder / NAME).write_bytes(gzip.compress(b"1\tNot the course's sentence.\n"))
    with pytest.raises(ValueError, match=r"en_test.tsv.gz is not the course's file: expected sha256 7538.* Received"):
        load_english("test", folder)


def test_wrong_checksum_names_the_file_and_changes_nothing(folder):
    path = folder / "mnist.npz"
    path.write_bytes(b"PK not the digits")
    with pytest.raises(ValueError, match=r"mnist.npz is not the course's file: expected sha256 06af5d.*make data"):
        load_mnist(folder)
    assert path.read_bytes() == b"PK not the digits"
    assert sorted(os.listdir(folder)) == [NAME, "mnist.npz"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"en_test.tsv.gz, line 1: .* empty file"),
        (gzip.compress(b""), r"en_test.tsv.gz, line 1: .* empty file"),
        (b"1\tnot compressed\n", r"en_test.tsv.gz, line 1: .* truncated or damaged"),
        (gzip.compress(b"1\tone\n")[:10] + b"\xff" * 20, r"en_test.tsv.gz, line 1: .* damaged"),
        (gzip.compress(b"1\tone\n2\ttwo\tthree\n"), r"en_test.tsv.gz, line 2: expected 2 columns .*Received: 3\."),
        (gzip.compress(b"1\tone\n\n3\tthree\n"), r"en_test.tsv.gz, line 2: expected 2 columns .*Received: 1\."),
        (
            gzip.compress("1\tone\n2\ttwo\n3\tgarçon\n".encode("latin-1")),
            r"en_test.tsv.gz, line 3: .*not UTF-8.*0xe7 at column 6",
        ),
    ],
    ids=["no bytes", "no rows", "not gzip", "damaged inside", "three columns", "blank line", "not UTF-8"],
)
def test_damaged_table_names_file_and_line(folder, content, message):
    path = folder / NAME
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_english("test", folder)
    assert path.read_bytes() == content
    assert os.listdir(folder) == [NAME]


def test_truncated_gzip_names_the_first_line_that_is_lost(folder):
    path = folder / NAME
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"en_test.tsv.gz, line \d+: the gzip file is truncated") as caught:
        load_english("test", folder)
    line = int(str(caught.value).split("line ")[1].split(":")[0])
    assert 1 < line < 2000


def test_single_changed_byte_inside_the_gzip_is_reported(folder):
    path = folder / NAME
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # in the stored CRC-32: the text itself still reads well
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"en_test.tsv.gz, line 2001: .*damaged.*CRC"):
        load_english("test", folder)


def test_missing_file_says_how_to_get_it(folder):
    with pytest.raises(FileNotFoundError, match=r"first_names.tsv.gz is missing.*make data"):
        load_names(folder)


def test_missing_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*does not exist.*make data"):
        load_names(tmp_path / "nowhere")


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'emnist.npz'.*mnist.npz"):
        files.verified_path("emnist.npz")


def test_lookup_order_is_argument_then_variable_then_repository(folder, tmp_path, monkeypatch):
    assert files.verified_path(NAME) == DATA / NAME
    monkeypatch.setenv("COURSE_DATA", str(folder))
    assert files.verified_path(NAME) == folder / NAME
    assert files.verified_path(NAME, DATA) == DATA / NAME


def test_line_separators_of_unicode_do_not_split_a_row(tmp_path):
    path = tmp_path / "odd.tsv.gz"
    path.write_bytes(gzip.compress("1\ta\u2028b\x85c\n".encode()))
    assert files.parse_tsv(path, COLUMNS) == (["1"], ["a\u2028b\x85c"])
