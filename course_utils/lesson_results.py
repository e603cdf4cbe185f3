"""Store a run's outputs and minutes in the lesson, and its minutes in the README, with small diffs.

`execute --commit` calls `check_committable` before a run and `commit` after it.
"""

from __future__ import annotations

import hashlib
import pathlib
import re
from collections.abc import Iterable
from typing import Any

from course_utils import lessons, runtime
from course_utils.lesson_controls import freeze_controls

# What JupyterLab and nbclient leave in a cell's metadata that changes with every run and teaches nothing.
_VOLATILE = ("execution", "collapsed", "scrolled", "trusted")


def normalise(notebook: Any) -> None:
    """Remove what differs from run to run without meaning, in place, so that diffs show only changes.

    A control (a slider) becomes a sentence, because the kernel that drew it is gone.
    Cell ids are made from the cells' text: a lesson written anew by a script keeps the ids of its
    unchanged cells, and an inserted cell does not rename the ones after it.

    Args:
        notebook: the nbformat notebook.

    Example:
        >>> import nbformat
        >>> notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", metadata={"scrolled": True})])
        >>> normalise(notebook)
        >>> notebook.cells[0].metadata
        {}
    """
    notebook.nbformat_minor = 5
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata.language_info = {"name": "python"}
    freeze_controls(notebook)
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        for key in _VOLATILE:
            cell.metadata.pop(key, None)
        # The minutes change with every measurement and must not rename the head.
        text = re.sub(f"{lessons.HEAD_MARKERS[0]}.*{lessons.HEAD_MARKERS[1]}", "", cell.source)
        digest = hashlib.sha256(f"{cell.cell_type}\n{text}".encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def check_committable(profile: str, paths: Iterable[pathlib.Path]) -> None:
    """Find out before a long run whether its results could be stored.

    Args:
        profile: the profile of the run.
        paths: the lessons it will run.

    Raises:
        ValueError: if the profile or the number of CPU cores is not one whose results are stored,
            or the README or a lesson's head has no place for them.
        FileNotFoundError: if there is no README.

    Example:
        >>> check_committable("full", [])
        Traceback (most recent call last):
        ValueError: --commit stores the minutes of quick and standard and the outputs of standard. Received: full.
    """
    if profile not in ("quick", "standard"):
        raise ValueError(
            f"--commit stores the minutes of quick and standard and the outputs of standard. Received: {profile}."
        )
    cores = runtime.usable_cores()
    if cores != lessons.MEASURED_CORES:
        raise ValueError(
            f"--commit stores minutes measured on {lessons.MEASURED_CORES} CPU cores; this process may use {cores}. "
            f"Start it with `taskset -c 0,1` on a machine with at least {lessons.MEASURED_CORES}."
        )
    lessons.readme_with_table(_readme().read_text(encoding="utf-8"))
    for path in paths:
        lessons.between(
            lessons.head_of(lessons.read_lesson(path)), lessons.HEAD_MARKERS, "", f"The first cell of {path.name}"
        )


def commit(executed: Any, path: pathlib.Path, profile: str) -> None:
    """Store a complete run in the lesson and its minutes in the README.

    The minutes of either profile go into the stamp and the head; the outputs only from ``standard``.
    The lesson is read again, so that text edited while it ran is kept.

    Args:
        executed: the executed notebook, with its stamp.
        path: the lesson in ``notebooks/``.
        profile: ``"quick"`` or ``"standard"``.

    Raises:
        ValueError: if the lesson's code was edited while it ran.

    Example:
        >>> commit(executed, runtime.NOTEBOOKS / "03_mnist_gan.ipynb", "standard")  # doctest: +SKIP
    """
    notebook = lessons.read_lesson(path)
    if lessons.code_hash(notebook) != executed.metadata.course["code_sha256"]:
        raise ValueError(f"The code of {path.name} was edited while it ran, so nothing was stored. Run it again.")
    stamp = notebook.metadata.setdefault("course", {})
    stamp["seconds"] = dict(sorted((lessons.seconds_of(notebook) | lessons.seconds_of(executed)).items()))
    if profile == "standard":
        stamp.update(code_sha256=lessons.code_hash(notebook), profile=profile)
        for cell, done in zip(lessons.code_cells(notebook), lessons.code_cells(executed), strict=True):
            cell.outputs, cell.execution_count = done.outputs, done.execution_count
    head = notebook.cells[0]
    head.source = lessons.between(
        head.source, lessons.HEAD_MARKERS, lessons.minutes_line(notebook), f"The first cell of {path.name}"
    )
    normalise(notebook)
    lessons.write_lesson(notebook, path)
    text = lessons.readme_with_table(_readme().read_text(encoding="utf-8"))
    with runtime.replacing(_readme()) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def _readme() -> pathlib.Path:
    path = runtime.REPOSITORY / "README.md"
    if not path.is_file():
        raise FileNotFoundError("README.md is missing beside course_utils/, so the minutes have no place to go.")
    return path
