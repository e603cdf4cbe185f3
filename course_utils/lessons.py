"""What a lesson file says about itself: its code's hash, its measured minutes, its row in the README.

`execute` runs lessons and stores the results with these functions; the rule tests read the same ones.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
from collections.abc import Iterable
from typing import Any

from course_utils import runtime

MEASURED_CORES = 2
HEAD_MARKERS = ("<!--minutes-->", "<!--/minutes-->")
README_MARKERS = ("<!--lessons-->", "<!--/lessons-->")


def lesson_files() -> list[pathlib.Path]:
    """Return the lessons of ``notebooks/`` in reading order.

    A lesson's name begins with its two digits. A reader's own ``Untitled.ipynb`` is none, nor is the
    hidden file of a write that was killed.

    Example:
        >>> [path.stem for path in lesson_files()][0]
        '00_start_here'
    """
    return sorted(runtime.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def choose_lessons(numbers: Iterable[str]) -> list[pathlib.Path]:
    """Return the lessons with these numbers in reading order; all of them when no number is given.

    Args:
        numbers: two-digit numbers such as ``"03"``.

    Raises:
        ValueError: if there are no lessons, or none with one of the numbers (names the existing ones),
            or two with the same number.

    Example:
        >>> [path.stem for path in choose_lessons(["00"])]
        ['00_start_here']
    """
    files: dict[str, pathlib.Path] = {}
    for path in lesson_files():
        first = files.setdefault(path.stem[:2], path)
        if first is not path:
            raise ValueError(
                f"Two lessons have the number {path.stem[:2]}: {first.name} and {path.name}. "
                "Give one of them another name."
            )
    if not files:
        raise ValueError(f"There are no lessons in {str(runtime.NOTEBOOKS)!r}. Clone the repository again.")
    numbers = list(numbers) or list(files)
    unknown = [number for number in numbers if number not in files]
    if unknown:
        raise ValueError(f"No lesson has the number {', '.join(unknown)}. The lessons are: {', '.join(files)}.")
    return [path for number, path in files.items() if number in numbers]


def read_lesson(path: pathlib.Path) -> Any:
    """Return a lesson as an nbformat notebook.

    Args:
        path: the notebook's file.

    Raises:
        ValueError: if the file is no notebook.

    Example:
        >>> read_lesson(choose_lessons(["00"])[0]).nbformat
        4
    """
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path.name} is not a readable notebook ({reason}). Restore it from git.") from None


def write_lesson(notebook: Any, path: pathlib.Path) -> None:
    """Write a notebook in one step, so that an interrupted write leaves the old file.

    Args:
        notebook: the nbformat notebook.
        path: the file that is replaced.

    Example:
        >>> write_lesson(read_lesson(path), path)  # doctest: +SKIP
    """
    import nbformat

    with runtime.replacing(path) as part:
        nbformat.write(notebook, part)


def code_cells(notebook: Any) -> list[Any]:
    """Return the notebook's code cells in order.

    Example:
        >>> import nbformat
        >>> code_cells(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Text.")]))
        []
    """
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def code_hash(notebook: Any) -> str:
    """Return the SHA-256 of the sources of the code cells: what the outputs depend on.

    Text may be edited without running the lesson again; one changed character of code changes the hash.

    Example:
        >>> import nbformat
        >>> code_hash(nbformat.v4.new_notebook())[:8]
        '4f53cda1'
    """
    sources = json.dumps([cell.source for cell in code_cells(notebook)])
    return hashlib.sha256(sources.encode()).hexdigest()


def head_of(notebook: Any) -> str:
    """Return the text of the first cell, which holds title, promise and minutes ("" if it is not text).

    Example:
        >>> import nbformat
        >>> head_of(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 00 · Start")]))
        '# 00 · Start'
    """
    cells = notebook.cells
    return cells[0].source if cells and cells[0].cell_type == "markdown" else ""


def title_of(notebook: Any) -> str:
    """Return the text of the ``# NN · Title`` line, or "" when there is none.

    Example:
        >>> import nbformat
        >>> title_of(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 00 · Start")]))
        '00 · Start'
    """
    found = re.match(r"# (\d\d · .+)", head_of(notebook))
    return found[1].strip() if found else ""


def promise_of(notebook: Any) -> str:
    """Return the sentence in italics that is the first line after the title, or "" when there is none.

    Example:
        >>> import nbformat
        >>> promise_of(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 00 · Start\\n\\n*You see.*")]))
        'You see.'
    """
    found = re.match(r"# .+\n\s*([*_])(?![*_])(.+)(?<![*_])\1\s*(?:\n|$)", head_of(notebook))
    return found[2] if found else ""


def minutes(seconds: float | None) -> str:
    """Return seconds as minutes with one decimal; an en dash when they were not measured.

    Example:
        >>> minutes(371.0), minutes(1.2), minutes(None)
        ('6.2', '<0.1', '–')
    """
    if seconds is None:
        return "–"
    return "<0.1" if seconds < 3 else f"{seconds / 60:.1f}"


def seconds_of(notebook: Any) -> dict[str, float]:
    """Return the measured seconds by profile from the lesson's stamp.

    Example:
        >>> import nbformat
        >>> seconds_of(nbformat.v4.new_notebook(metadata={"course": {"seconds": {"quick": 24.1}}}))
        {'quick': 24.1}
    """
    return dict(notebook.metadata.get("course", {}).get("seconds", {}))


def minutes_line(notebook: Any) -> str:
    """Return the sentence with the measured minutes that stands in the lesson's head.

    Example:
        >>> import nbformat
        >>> minutes_line(nbformat.v4.new_notebook(metadata={"course": {"seconds": {"quick": 24.1}}}))
        'Measured on 2 CPU cores: quick 0.4 min · standard – min'
    """
    seconds = seconds_of(notebook)
    quick, standard = minutes(seconds.get("quick")), minutes(seconds.get("standard"))
    return f"Measured on {MEASURED_CORES} CPU cores: quick {quick} min · standard {standard} min"


def between(text: str, markers: tuple[str, str], new: str, where: str) -> str:
    """Return the text with what stands between two markers replaced.

    Args:
        text: the whole text.
        markers: the opening and the closing one; both are kept.
        new: what stands between them afterwards.
        where: what the text is called in the error.

    Raises:
        ValueError: if the markers are not there exactly once each, in order.

    Example:
        >>> between("a <1>old<2> b", ("<1>", "<2>"), "new", "The example")
        'a <1>new<2> b'
    """
    opening, closing = markers
    if text.count(opening) != 1 or text.count(closing) != 1 or text.index(opening) > text.index(closing):
        raise ValueError(f"{where} must hold {opening} and then {closing}, once each. Put them where the text belongs.")
    before, rest = text.split(opening)
    return before + opening + new + closing + rest.split(closing)[1]


def lesson_table() -> str:
    """Return the README's table of all lessons, made from their heads and stamps.

    Raises:
        ValueError: if a lesson has no title or no promise.

    Example:
        >>> lesson_table().splitlines()[0]
        '| no. | notebook | in one line | quick min | standard min |'
    """
    rows = ["| no. | notebook | in one line | quick min | standard min |", "|---|---|---|---:|---:|"]
    for path in lesson_files():
        notebook = read_lesson(path)
        promise, seconds = promise_of(notebook), seconds_of(notebook)
        if not title_of(notebook) or not promise:
            raise ValueError(
                f"{path.name} must begin with a cell '# NN · Title' followed by a line with one sentence in *italics*."
            )
        number, name = path.stem.split("_", 1)
        cells = [number, f"[{name}](notebooks/{path.name})", promise.replace("|", "\\|")]
        cells += [minutes(seconds.get(profile)) for profile in ("quick", "standard")]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def readme_with_table(text: str) -> str:
    """Return the README's text with its table of lessons made anew.

    Args:
        text: the present text, with both markers of the table.

    Raises:
        ValueError: if the README has no place for the table, or a lesson no title or promise.

    Example:
        >>> readme_with_table("<!--lessons--><!--/lessons-->").count("00_start_here.ipynb")
        1
    """
    return between(text, README_MARKERS, f"\n{lesson_table()}\n", "README.md")
