"""The pages that `execute` leaves in ``build/``: one HTML page a lesson and an index of them."""

from __future__ import annotations

import html
import pathlib
import re
from typing import Any

from course_utils import lessons, runtime

_INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The lessons, {profile} profile</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #ccc; padding: .4em .8em .4em 0; text-align: left; }}
td.number, th.number {{ text-align: right; }}
</style>
</head>
<body>
<h1>The lessons, {profile} profile</h1>
<table>
<tr><th>Lesson</th><th>Notebook</th><th class="number">Minutes</th><th>Status</th><th class="number">Cells run</th></tr>
{rows}
</table>
</body>
</html>
"""


def write_lesson_page(notebook: Any, path: pathlib.Path) -> None:
    """Write an executed notebook as one HTML page with its figures inside.

    Links are turned from the place of ``notebooks/`` to that of ``build/<profile>/``, and from
    notebooks to their pages.

    Args:
        notebook: the executed notebook.
        path: the page, in ``build/<profile>/``.

    Example:
        >>> write_lesson_page(executed, runtime.BUILD / "quick" / "03_mnist_gan.html")  # doctest: +SKIP
    """
    # nbconvert takes half a second to import, so only where a page is made.
    from course_utils.lesson_html import lesson_html

    page = lesson_html(notebook, path.stem)
    page = re.sub(r'href="(\d\d_\w+)\.ipynb', r'href="\1.html', page)
    page = re.sub(r'(href|src)="\.\./', r'\1="../../', page)
    with runtime.replacing(path) as part:
        part.write_text(page, encoding="utf-8")


def write_index(folder: pathlib.Path) -> None:
    """Write ``index.html`` of a build folder: every lesson with its page, minutes, status and cells.

    Args:
        folder: ``build/<profile>``.

    Example:
        >>> write_index(runtime.BUILD / "quick")  # doctest: +SKIP
    """
    rows = "\n".join(_row(path, folder / path.name) for path in lessons.lesson_files())
    with runtime.replacing(folder / "index.html") as part:
        part.write_text(_INDEX.format(profile=html.escape(folder.name), rows=rows), encoding="utf-8")


def _row(source: pathlib.Path, copy: pathlib.Path) -> str:
    title = html.escape(lessons.title_of(lessons.read_lesson(source)) or source.stem)
    cells = lessons.code_cells(lessons.read_lesson(source))
    if not copy.is_file():
        return _cells(title, "", "–", "not run", f"0 of {len(cells)}")
    executed = lessons.read_lesson(copy)
    status = executed.metadata.course["status"]
    if executed.metadata.course["code_sha256"] != lessons.code_hash(lessons.read_lesson(source)):
        status += "; its code has changed since"
    cells = lessons.code_cells(executed)
    done = sum(cell.execution_count is not None for cell in cells)
    links = f'<a href="{copy.stem}.html">{title}</a>', f'<a href="{copy.name}">{copy.name}</a>'
    spent = lessons.minutes(lessons.seconds_of(executed).get(copy.parent.name))
    return _cells(*links, spent, status, f"{done} of {len(cells)}")


def _cells(lesson: str, notebook: str, spent: str, status: str, cells: str) -> str:
    return (
        f'<tr><td>{lesson}</td><td>{notebook}</td><td class="number">{html.escape(spent)}</td>'
        f'<td>{html.escape(status)}</td><td class="number">{cells}</td></tr>'
    )
