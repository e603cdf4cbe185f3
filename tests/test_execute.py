"""The `execute` command: progress, copies and pages in build/, stopping, resuming."""

import argparse
import errno
import subprocess
import sys

import pytest
from small_course import empty_course, executed_copy, write

from course_utils import execute, lesson_kernel, lesson_pages, lessons


@pytest.fixture
def course(tmp_path, monkeypatch):
    return empty_course(tmp_path, monkeypatch)


def run(*arguments):
    parser = argparse.ArgumentParser()
    execute.add_arguments(parser)
    return execute.main(parser.parse_args(arguments))


def test_runs_stops_at_the_first_error_and_resumes(course, capsys, monkeypatch):
    # Another environment's kernel of the same name must not be used.
    other = course / "jupyter" / "kernels" / "python3" / "kernel.json"
    other.parent.mkdir(parents=True)
    other.write_text('{"argv": ["missing-program"], "display_name": "Other", "language": "python"}', encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(course / "jupyter"))
    show = "import os, sys; print(sys.executable, os.path.basename(os.getcwd()), os.environ['COURSE_PROFILE'])"
    show += "; print(os.environ['PYTHONPATH'].split(os.pathsep)[0])"
    write(course, "00_a", show)
    broken = write(course, "03_b", "kept = 1", "print('seen')\nkept / 0", "never = 1")
    # No tag lets a lesson go on after an error.
    tagged = lessons.read_lesson(broken)
    tagged.cells[2].metadata.tags = ["raises-exception"]
    lessons.write_lesson(tagged, broken)
    write(course, "04_c", "1")

    assert run("--profile", "quick") == 1
    out, err = capsys.readouterr()
    assert "00_a (quick): started, 1 cells" in out and "00_a (quick): done" in out
    assert "03_b (quick) stopped at code cell 2 of 3" in err
    assert "kept / 0" in err and "ZeroDivisionError: division by zero" in err and "\x1b" not in err
    build = course / "build" / "quick"
    first = lessons.read_lesson(build / "00_a.ipynb").cells[1]
    assert first.outputs[0].text.split() == [sys.executable, "notebooks", "quick", str(course)]
    assert 0 <= lesson_kernel.cell_seconds(first) < 60
    partial = lessons.read_lesson(build / "03_b.ipynb")
    assert [cell.execution_count for cell in lessons.code_cells(partial)] == [1, 2, None]
    assert partial.metadata.course["status"] == "stopped at code cell 2"
    assert not (build / "04_c.ipynb").exists()
    index = (build / "index.html").read_text(encoding="utf-8")
    assert [text in index for text in ("complete", "stopped at code cell 2", "2 of 3", "not run")] == [True] * 4
    page = (build / "00_a.html").read_text(encoding="utf-8")
    assert 'href="03_b.html"' in page and 'href="../../data/README.md"' in page

    broken.write_text(broken.read_text(encoding="utf-8").replace("kept / 0", "kept / 1"), encoding="utf-8")
    assert run("00", "03", "--profile", "quick", "--resume") == 0
    out, err = capsys.readouterr()
    assert "00_a (quick): complete already, left out" in out and "00_a (quick): started" not in out
    assert "03_b (quick): done" in out and "04_c" not in out
    assert "s  03_b, code cell 2: print('seen')" in out and "s  00_a, code cell 1" in out
    assert err == ""


def test_dead_kernel_is_one_line(course, capsys):
    write(course, "00_a", "import os; os._exit(1)")
    assert run("--profile", "quick") == 1
    err = capsys.readouterr().err
    assert err.startswith("00_a (quick) stopped at code cell 1 of 1: the kernel died") and err.count("\n") == 1


def test_endless_cell_is_one_line_and_stores_nothing(course, capsys, monkeypatch):
    monkeypatch.setitem(lesson_kernel.CELL_SECONDS, "standard", 1)
    path = write(course, "00_a", "while True: pass")
    before = path.read_bytes()
    assert run("--commit") == 1
    err = capsys.readouterr().err
    assert "code cell 1 of 1: it ran longer than 1 s" in err and err.count("\n") == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["7", "03"], "No lesson has the number 7. The lessons are: 00, 03."),
        (["--commit", "--profile", "full"], "Received: full"),
    ],
)
def test_wrong_arguments_are_one_line(course, capsys, arguments, message):
    write(course, "00_a", "1")
    write(course, "03_b", "1")
    assert run(*arguments) == 1
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_no_lessons_and_wrong_profile_are_one_line(course, capsys, monkeypatch):
    assert run() == 1
    assert "There are no lessons" in capsys.readouterr().err
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    assert run() == 1
    assert "Received: 'fast'" in capsys.readouterr().err


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), None], ids=["disk full", "build"])
def test_what_cannot_be_written_is_one_line(course, capsys, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(execute, "run_in_kernel", lambda *_: None)
    write(course, "00_a", "1")
    if error is None:  # build/ is no folder: the system's own refusal, which even root gets
        (course / "build").touch()
    else:
        monkeypatch.setattr(lessons, "write_lesson", fail)
    assert run("--profile", "quick") == 1
    err = capsys.readouterr().err
    assert err.startswith("The run cannot go on: [Errno ") and err.endswith("run again with --resume.\n")
    assert err.count("\n") == 1 and ("No space left" in err or "build" in err)


def test_resume_and_commit_do_only_what_they_are_asked(course, monkeypatch):
    path = write(course, "00_a", "1")
    lessons.write_lesson(executed_copy(path), course / "build" / "standard" / "00_a.ipynb")
    runs = []
    monkeypatch.setattr(execute, "_execute", lambda path, *_: runs.append(path) or executed_copy(path))
    before = path.read_bytes()
    assert run() == 0 and len(runs) == 1
    assert run("--resume") == 0 and len(runs) == 1
    assert path.read_bytes() == before
    assert run("--resume", "--commit") == 0 and len(runs) == 1
    assert lessons.read_lesson(path).metadata.course["profile"] == "standard"
    assert "| 1.5 |" in (course / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("change", ["code", "profile", "cores", "status"])
def test_copy_is_used_again_only_if_nothing_changed(course, change):
    path = write(course, "00_a", "1")
    copy = course / "build" / "standard" / "00_a.ipynb"
    assert execute._reusable(path, copy, "standard") is None
    executed = executed_copy(path)
    lessons.write_lesson(executed, copy)
    assert execute._reusable(path, copy, "standard") is not None
    if change == "code":
        write(course, "00_a", "2")
    else:
        executed.metadata.course[change] = "other"
        lessons.write_lesson(executed, copy)
    assert execute._reusable(path, copy, "standard") is None


def test_index_says_when_the_code_has_changed(course):
    path = write(course, "00_a", "1")
    lessons.write_lesson(executed_copy(path), course / "build" / "standard" / "00_a.ipynb")
    write(course, "00_a", "2")
    lesson_pages.write_index(course / "build" / "standard")
    index = (course / "build" / "standard" / "index.html").read_text(encoding="utf-8")
    assert "complete; its code has changed since" in index and "1.5" in index


def test_seconds_of_a_cell_come_from_its_stored_times(course):
    cell = executed_copy(write(course, "00_a", "1")).cells[1]
    assert lesson_kernel.cell_seconds(cell) == 62.25


def test_reading_lessons_loads_no_notebook_machinery():
    code = "import sys, course_utils.execute; print({'nbclient', 'nbconvert', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("cell", [0, 1], ids=["while the kernel starts", "in a cell"])
def test_interrupt_ends_the_kernel_and_says_how_to_go_on(course, capsys, monkeypatch, cell):
    def interrupt(progress):
        if progress.cell >= cell:  # a kernel may start before the line is drawn for the first time
            raise KeyboardInterrupt

    monkeypatch.setattr(lesson_kernel.Progress, "show", interrupt)
    write(course, "00_a", "while True: pass")
    assert run("--profile", "quick") == 130
    assert capsys.readouterr().err == "Interrupted. Run again with --resume to go on at this lesson.\n"
    copy = lessons.read_lesson(course / "build" / "quick" / "00_a.ipynb")
    assert copy.metadata.course["status"] == "interrupted"


def test_progress_line_counts_on_a_terminal_only(capsys, monkeypatch):
    for terminal in (True, False):
        monkeypatch.setattr(sys.stdout, "isatty", lambda answer=terminal: answer)
        with lesson_kernel.Progress("03_b (quick)", 7) as progress:
            progress.next_cell()
            progress.next_cell()
            progress.show()
        out = capsys.readouterr().out
        if terminal:
            assert out.endswith("\r\x1b[K03_b (quick): cell 2 of 7, 0 s\r\x1b[K03_b (quick): done, 0.0 s\n")
        else:
            assert out == "03_b (quick): started, 7 cells\n03_b (quick): done, 0.0 s\n"
