"""A course of tiny lessons in a temporary folder, for the tests of `execute` and of what it stores."""

import nbformat

from course_utils import execute, lessons, runtime

CODE, MARKDOWN = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
HEAD = (
    "# {} · Title\n\n*One | promise.*\n\n<!--minutes--><!--/minutes-->\n\n[next](03_b.ipynb) [data](../data/README.md)"
)


def empty_course(tmp_path, monkeypatch):
    """Point the package at an empty course in a temporary folder, on a machine with two cores."""
    monkeypatch.setattr(runtime, "REPOSITORY", tmp_path)
    monkeypatch.setattr(runtime, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(runtime, "BUILD", tmp_path / "build")
    monkeypatch.setattr(runtime, "usable_cores", lambda: 2)
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "README.md").write_text("Before\n<!--lessons--><!--/lessons-->\nAfter\n", encoding="utf-8")
    return tmp_path


def write(course, name, *codes):
    """Write a lesson with these code cells and return its path."""
    nb = nbformat.v4.new_notebook(
        cells=[MARKDOWN(HEAD.format(name[:2])), *(CODE(code, execution_count=9) for code in codes)]
    )
    path = course / "notebooks" / f"{name}.ipynb"
    nbformat.write(nb, path)
    return path


def executed_copy(path, profile="standard", seconds=90.0, code=None):
    """Return what a run of a lesson leaves, without running it."""
    nb = lessons.read_lesson(path)
    for count, cell in enumerate(lessons.code_cells(nb), start=1):
        cell.execution_count = count
        cell.outputs = [nbformat.v4.new_output("stream", text=f"output {count}\n")]
        moments = ("iopub.execute_input", "2026-01-01T00:00:00.5Z"), ("shell.execute_reply", "2026-01-01T00:01:02.75Z")
        cell.metadata.execution = dict(moments)
    nb.metadata.widgets = {"state": {}}
    nb.metadata.course = {
        "code_sha256": lessons.code_hash(nb),
        "profile": profile,
        "cores": 2,
        "status": execute.COMPLETE,
        "seconds": {profile: seconds},
    }
    return nb
