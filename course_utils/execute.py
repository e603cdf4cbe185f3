"""Run lessons from the command line: ``python -m course_utils execute 03 --profile quick``.

Each lesson runs in a fresh kernel of the interpreter that runs this command, and leaves the executed
notebook and an HTML page in ``build/<profile>/``.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Any

from course_utils import lesson_pages, lesson_results, lessons, runtime
from course_utils.lesson_kernel import LessonStopped, Progress, cell_seconds, run_in_kernel

COMPLETE = "complete"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the ``execute`` command.

    Args:
        parser: the (sub-)parser that gets them.
    """
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="a number such as 03; all lessons if left out")
    parser.add_argument("--profile", choices=runtime.PROFILES, help="default: COURSE_PROFILE, else standard")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="leave out lessons whose copy in build/ is complete, with the same code and profile; a lesson that "
        "stopped starts again from its first cell, for a kernel's state cannot be restored. Changes in "
        "course_utils/ do not count as changed code: run without --resume after them",
    )
    parser.add_argument(
        "--commit",
        action="store_true",
        help="write measured minutes (quick, standard) and outputs (standard) back to notebooks/ and README.md",
    )


def main(args: argparse.Namespace) -> int:
    """Run the lessons that the arguments name, in reading order, up to the first error.

    Args:
        args: what the parser of `add_arguments` returned.

    Returns:
        The exit status: 0 when every lesson came to its end, else 1 (130 after Ctrl-C).
    """
    try:
        profile = args.profile or runtime.current_profile()
        paths = lessons.choose_lessons(args.lessons)
        if args.commit:
            lesson_results.check_committable(profile, paths)
        _execute_all(paths, profile, resume=args.resume, commit=args.commit)
    except (LessonStopped, ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, or a folder that may not be written
        print(f"The run cannot go on: {error}. Mend that, then run again with --resume.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Run again with --resume to go on at this lesson.", file=sys.stderr)
        return 130
    return 0


def _execute_all(paths: list[pathlib.Path], profile: str, *, resume: bool, commit: bool) -> None:
    folder = runtime.BUILD / profile
    times = []
    for path in paths:
        executed = _reusable(path, folder / path.name, profile) if resume else None
        if executed is None:
            try:
                executed = _execute(path, folder, profile)
            finally:
                lesson_pages.write_index(folder)
        else:
            print(f"{path.stem} ({profile}): complete already, left out")
        numbered = enumerate(lessons.code_cells(executed), start=1)
        times += [(cell_seconds(cell), path.stem, number, cell) for number, cell in numbered if cell.source.strip()]
        if commit:
            lesson_results.commit(executed, path, profile)
    lesson_pages.write_index(folder)
    _print_slowest(times)
    print(f"Pages: {folder / 'index.html'}")


def _reusable(path: pathlib.Path, copy: pathlib.Path, profile: str) -> Any | None:
    """Return the executed copy in ``build/`` if it is complete and of the lesson's present code."""
    if not copy.is_file():
        return None
    executed = lessons.read_lesson(copy)
    stamp = executed.metadata.get("course", {})
    wanted = {"status": COMPLETE, "profile": profile, "code_sha256": lessons.code_hash(lessons.read_lesson(path))}
    # Minutes measured on other cores must not be stored as these.
    wanted["cores"] = runtime.usable_cores()
    return executed if all(stamp.get(key) == value for key, value in wanted.items()) else None


def _execute(path: pathlib.Path, folder: pathlib.Path, profile: str) -> Any:
    """Run one lesson, write its copy and page, and return the executed notebook.

    Raises:
        LessonStopped: at the first error, dead kernel or timeout, after the partial copy is written.
    """
    notebook = lessons.read_lesson(path)
    for cell in lessons.code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    stamp = {
        "code_sha256": lessons.code_hash(notebook),
        "profile": profile,
        "cores": runtime.usable_cores(),
        "status": "interrupted",
    }
    progress = Progress(f"{path.stem} ({profile})", len(lessons.code_cells(notebook)))
    try:
        with progress:
            run_in_kernel(notebook, path.parent, profile, progress)
        stamp["status"] = COMPLETE
    except LessonStopped:
        stamp["status"] = f"stopped at code cell {progress.cell}"
        raise
    finally:
        stamp["seconds"] = {profile: round(progress.seconds, 1)}
        notebook.metadata.course = stamp
        # The notebook comes last: --resume takes its stamp as the sign that both are there.
        lesson_pages.write_lesson_page(notebook, folder / f"{path.stem}.html")
        lessons.write_lesson(notebook, folder / path.name)
    return notebook


def _print_slowest(times: list[tuple[float, str, int, Any]]) -> None:
    print("The slowest cells:")
    for seconds, name, number, cell in sorted(times, key=lambda entry: -entry[0])[:10]:
        print(f"{seconds:9.1f} s  {name}, code cell {number}: {cell.source.splitlines()[0][:70]}")
