"""Tang quatrains of five and of seven characters a line."""

from __future__ import annotations

import json
import pathlib
import re
import tarfile
from collections.abc import Callable, Iterator

from recipes import outputs, sources

VOLUME = re.compile(r"quantangshi/poet\.tang\.(\d+)\.json$")


def build_quatrains(folder: pathlib.Path) -> dict[int, bytes]:
    """Make both files, by line length: four lines joined by ，, author, title.

    The lines are put into simplified characters; authors and titles stay traditional. Of poems
    with the same four lines the first stays.
    """
    import opencc

    simplify = opencc.OpenCC("t2s").convert
    collected: dict[int, dict[str, tuple[str, str]]] = {5: {}, 7: {}}
    for poem in read_poems(folder):
        lines = quatrain_lines(poem["paragraphs"])
        if lines:
            joined = join_lines(lines, simplify)
            collected[len(lines[0])].setdefault(joined, (poem["author"], poem["title"]))
    return {
        length: outputs.tsv_gz((poem, author, title) for poem, (author, title) in poems.items())
        for length, poems in collected.items()
    }


def read_poems(folder: pathlib.Path) -> Iterator[dict]:
    """Yield the Tang poems in the order of the volumes."""
    with tarfile.open(folder / sources.POETRY.file) as archive:
        volumes = [member for member in archive.getmembers() if VOLUME.search(member.name)]
        for member in sorted(volumes, key=lambda member: int(VOLUME.search(member.name)[1])):
            yield from json.loads(archive.extractfile(member).read())


def quatrain_lines(paragraphs: list[str]) -> list[str] | None:
    """Return the four lines of an exact quatrain, or None for any other poem.

    Exact: four lines of five, or four of seven, common Chinese characters, and nothing else but
    punctuation between them.

    Example:
        >>> quatrain_lines(["白日依山盡，黃河入海流。", "欲窮千里目，更上一層樓。"])
        ['白日依山盡', '黃河入海流', '欲窮千里目', '更上一層樓']
    """
    lines = [line for line in re.split(r"[，。！？；、,.!?;]", "".join(paragraphs)) if line]
    exact = len(lines) == 4 and {len(line) for line in lines} in ({5}, {7})
    if exact and all(re.fullmatch(r"[\u4e00-\u9fff]+", line) for line in lines):
        return lines
    return None


def join_lines(lines: list[str], simplify: Callable[[str], str]) -> str:
    """Return the lines as one text, each simplified by itself, since words do not cross lines."""
    return "，".join(simplify(line) for line in lines)
