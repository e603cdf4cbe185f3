"""What make does before anything is installed: which Python it takes, and what it says without one."""

import shutil
import subprocess
import sys

import pytest

from course_utils import runtime

MAKE = shutil.which("make")
pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not installed (conda and Windows do without)")

WORKS = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
BROKEN = "#!/bin/sh\necho 'command not found' >&2\nexit 127\n"
# Runs, but cannot make the environment: it answers the plain probe and not the one for venv.
TOO_OLD = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexit 0\n'


@pytest.fixture
def make(tmp_path):
    """Return a function that makes a target in a copy that holds nothing but the given Pythons."""
    shutil.copy(runtime.REPOSITORY / "Makefile", tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "id").symlink_to(shutil.which("id"))

    def run(*words, **pythons):
        for name, script in pythons.items():
            path = tmp_path / ".venv" / "bin" / "python" if name == "venv" else tools / name.replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(script)
            path.chmod(0o755)
        return subprocess.run(
            [MAKE, *words],
            cwd=tmp_path,
            env={"PATH": str(tools)},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    return run


def taken(done):
    """Return the Python of the line that would run the installer."""
    (line,) = [line for line in done.stdout.splitlines() if line.endswith("course_utils/bootstrap.py")]
    return line.split()[0]


@pytest.mark.parametrize(
    ("pythons", "expected"),
    [
        ({"python3": WORKS, "python3_13": WORKS}, "python3"),
        ({"python3": BROKEN, "python3_13": BROKEN, "python3_12": WORKS}, "python3.12"),
        ({"python3": TOO_OLD, "python3_11": WORKS}, "python3.11"),
        ({"python3": TOO_OLD, "python3_11": BROKEN}, "python3"),
        ({"python3": WORKS, "venv": WORKS}, ".venv/bin/python"),
        ({"python3": WORKS, "venv": BROKEN}, "python3"),
    ],
)
def test_first_python_that_can_build_is_taken(make, pythons, expected):
    assert taken(make("-n", "ready", **pythons)) == expected


def test_python_can_be_named(make):
    assert taken(make("-n", "ready", "PYTHON=python3.11", python3=WORKS, python3_11=WORKS)) == "python3.11"


@pytest.mark.parametrize("words", [("lab",), ("test", "PYTHON=python9")])
def test_without_python_one_line_says_what_to_do(make, words):
    done = make(*words, python3=BROKEN)
    assert done.returncode != 0
    said = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make:")]
    assert len(said) == 1 and "Install Python 3.11, 3.12 or 3.13" in said[0]


@pytest.mark.parametrize("number", ["99", "3"])
def test_unknown_lesson_is_one_line(make, number, tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "03_mnist_gan.ipynb").touch()
    done = make("test", f"LESSON={number}", python3=WORKS)
    assert done.returncode != 0
    assert f'There is no lesson "{number}"' in done.stderr


def test_one_lesson_is_tested_by_its_rules_and_its_notebook(make, tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "03_mnist_gan.ipynb").touch()
    everything = make("-n", "test", python3=WORKS).stdout.splitlines()[-1]
    lesson = make("-n", "test", "LESSON=03", python3=WORKS).stdout.splitlines()[-1]
    assert "COURSE_PROFILE=quick" in everything and "--nbval-lax" in everything
    assert everything.rstrip().endswith("tests notebooks/[0-9][0-9]_*.ipynb")
    assert lesson == everything.rstrip().replace("[0-9][0-9]", "03") + ' -k "03_"'


def test_only_lessons_are_collected(make, tmp_path):
    """The words that pytest gets, expanded by the shell as make would have them."""
    (tmp_path / "notebooks" / ".ipynb_checkpoints").mkdir(parents=True)
    names = ("00_a", "03_b", "Untitled", ".03_b-temporary", ".ipynb_checkpoints/03_b-checkpoint")
    for name in names:
        (tmp_path / "notebooks" / f"{name}.ipynb").touch()
    show = "#!/bin/sh\nshift 2\nprintf '%s\\n' \"$@\"\n"

    def collected(*words):
        # The lines before pytest's are ruff's; the Python of .venv stands in for both of its programs.
        for program in ("python", "ruff"):
            path = tmp_path / ".venv" / "bin" / program
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(show)
            path.chmod(0o755)
        said = make("test", *words, "PYTHON=true", true="#!/bin/sh\n").stdout.splitlines()
        return [line for line in said if line.startswith("notebooks")]

    assert collected() == ["notebooks/00_a.ipynb", "notebooks/03_b.ipynb"]
    assert collected("LESSON=03") == ["notebooks/03_b.ipynb"]


@pytest.mark.parametrize(
    ("target", "profile", "expected"),
    [("run", "", "quick"), ("run", "standard", "standard"), ("execute", "", "standard"), ("execute", "quick", "quick")],
)
def test_profiles(make, target, profile, expected):
    line = make("-n", target, *([f"PROFILE={profile}"] if profile else []), python3=WORKS).stdout.splitlines()[-1]
    assert f"--profile {expected}" in line
    assert ("--commit" in line) is (target == "execute")


def test_ci_calls_the_readme_test_command():
    lines = (runtime.REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert lines[-1].startswith("make test") and "set -euo pipefail" in lines
