"""The installer of ``.venv``: what it refuses, what it trusts, and what it says. No network, no installation."""

import ast
import importlib
import os
import pathlib
import shutil
import subprocess
import sys
import types

import pytest

from course_utils import bootstrap

fcntl = pytest.importorskip("fcntl", reason="make and its installer are for Linux and macOS")

PYTHON = (3, 12, 1)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "requirements.txt").write_text("numpy==2.4.6\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


class Commands:
    """Stands in for the real commands: makes ``.venv`` as the first of them would, and can fail at any."""

    def __init__(self, root):
        self.root, self.calls, self.fail_at, self.message = root, [], None, ""

    def __call__(self, command, *, stdout, **_):
        assert not (self.root / ".venv" / ".ready").exists(), "the stamp must come last"
        self.calls.append(command)
        if command[1:3] == ["-m", "venv"]:
            (self.root / ".venv" / "bin").mkdir(parents=True)
            (self.root / ".venv" / "bin" / "python").symlink_to(sys.executable)
        if isinstance(self.fail_at, BaseException):
            raise self.fail_at
        if len(self.calls) == self.fail_at:
            stdout.write(self.message)
            stdout.flush()
            return 1
        return 0


@pytest.fixture
def commands(root, monkeypatch):
    fake = Commands(root)
    monkeypatch.setattr(bootstrap.subprocess, "call", fake)
    monkeypatch.setattr(bootstrap, "check_machine", lambda version, root: None)
    return fake


def stamp(root):
    return root / ".venv" / ".ready"


# What the machine must have


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10), (3, 14)])
def test_other_pythons_are_refused_in_one_line(version, root):
    with pytest.raises(bootstrap.Stop, match=rf"^Python 3\.11-3\.13 is needed; found {version[0]}\.{version[1]} .*\.$"):
        bootstrap.check_machine(version, root)


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9)])
def test_supported_pythons_pass(version, root, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=5e9))
    bootstrap.check_machine(version, root, "Linux", "x86_64")
    bootstrap.check_machine(version, root, "Darwin", "arm64")


def test_intel_mac_is_refused(root):
    with pytest.raises(bootstrap.Stop, match="Intel"):
        bootstrap.check_machine(PYTHON, root, "Darwin", "x86_64")


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_missing_venv_says_what_to_install(missing, root, monkeypatch):
    real = importlib.import_module

    def without(name):
        if name == missing:
            raise ImportError(f"No module named {name!r}")
        return real(name)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(bootstrap.Stop, match=r"apt install python3\.12-venv"):
        bootstrap.check_machine(PYTHON, root, "Linux", "x86_64")


def test_full_disk_says_what_is_free(root, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=1.25e9))
    with pytest.raises(bootstrap.Stop, match=r"^1\.2 GB are free in .*; 4 GB are needed"):
        bootstrap.check_machine(PYTHON, root, "Linux", "x86_64")


# What is trusted


def test_fingerprint_follows_everything_it_is_made_from(root, tmp_path_factory):
    first = bootstrap.fingerprint(root, PYTHON)
    assert bootstrap.fingerprint(root, (3, 12, 9)) == first
    assert bootstrap.fingerprint(root, (3, 13, 1)) != first
    moved = tmp_path_factory.mktemp("moved")
    for name in bootstrap.INPUTS:
        shutil.copy(root / name, moved)
    assert bootstrap.fingerprint(moved, PYTHON) != first
    for name in bootstrap.INPUTS:
        before = (root / name).read_text()
        (root / name).write_text(before + "# changed\n")
        assert bootstrap.fingerprint(root, PYTHON) != first
        (root / name).write_text(before)
    assert bootstrap.fingerprint(root, PYTHON) == first


def test_first_call_installs_and_the_second_does_nothing(root, commands, capsys):
    assert bootstrap.main(str(root)) == 0
    pip = [call[call.index("pip") + 1 :] for call in commands.calls[1:]]
    assert commands.calls[0][1:] == ["-m", "venv", str(root / ".venv")]
    assert all("--no-deps" in words for words in pip[:2])
    assert [words[-2:] for words in pip[:2]] == [["-r", "requirements.txt"], ["-e", "."]]
    assert pip[2][-1] == "check"
    assert "ready after" in capsys.readouterr().out
    commands.calls.clear()
    assert bootstrap.main(str(root)) == 0
    assert commands.calls == [] and capsys.readouterr().out == ""


@pytest.mark.parametrize("written", [None, "", "an older stamp\n"])
def test_half_made_venv_is_made_afresh(written, root, commands):
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (root / ".venv" / "left over").touch()
    if written is not None:
        stamp(root).write_text(written)
    assert bootstrap.main(str(root)) == 0
    assert len(commands.calls) == 4 and not (root / ".venv" / "left over").exists()


@pytest.mark.parametrize("name", bootstrap.INPUTS)
def test_changed_inputs_make_it_afresh(name, root, commands):
    bootstrap.main(str(root))
    commands.calls.clear()
    (root / name).write_text("# changed\n")
    assert bootstrap.main(str(root)) == 0
    assert len(commands.calls) == 4


def test_venv_whose_python_is_gone_is_made_afresh(root, commands):
    bootstrap.main(str(root))
    commands.calls.clear()
    (root / ".venv" / "bin" / "python").unlink()
    (root / ".venv" / "bin" / "python").symlink_to(root / "removed")
    assert bootstrap.main(str(root)) == 0
    assert len(commands.calls) == 4


def test_an_activated_venv_is_not_the_base_of_its_successor(root, commands, monkeypatch):
    monkeypatch.setattr(sys, "_base_executable", "the python below")
    monkeypatch.setattr(sys, "executable", str(root / ".venv" / "bin" / "python"))
    assert bootstrap.main(str(root)) == 0
    assert commands.calls[0][0] == "the python below"


# What fails, and how


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_failure_leaves_no_stamp_and_one_line(step, root, commands, capsys):
    commands.fail_at, commands.message = step, "ERROR: No matching distribution found for numpy==9\n"
    assert bootstrap.main(str(root)) == 1
    assert not stamp(root).exists()
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "No matching distribution found for numpy==9" in error
    commands.fail_at = None
    commands.calls.clear()
    assert bootstrap.main(str(root)) == 0
    assert len(commands.calls) == 4


def test_log_of_an_earlier_failure_does_not_explain_this_one(root, commands, capsys):
    commands.fail_at, commands.message = 2, "OSError: [Errno 28] No space left on device\n"
    bootstrap.main(str(root))
    commands.calls.clear()
    commands.message = "ERROR: ResolutionImpossible\n"
    bootstrap.main(str(root))
    assert "ResolutionImpossible" in capsys.readouterr().err.splitlines()[-1]


def test_interruption_leaves_no_stamp(root, commands, capsys):
    commands.fail_at = KeyboardInterrupt()
    assert bootstrap.main(str(root)) == 130
    assert not stamp(root).exists()
    assert capsys.readouterr().err.count("\n") == 1


def test_missing_file_is_one_line(root, capsys):
    (root / "requirements.txt").unlink()
    assert bootstrap.main(str(root)) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "requirements.txt" in error


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
        ("Retrying after connection broken by 'NewConnectionError(...)'\nERROR: No matching", "network or proxy"),
        ("WARNING: Retrying (Retry(total=0)) after connection broken by 'ProtocolError(...)'", "network or proxy"),
        ("NameResolutionError(\"Failed to resolve 'registry'\")\nERROR: No matching", "network or proxy"),
        ("[Errno -3] Temporary failure in name resolution\nERROR: No matching", "network or proxy"),
        ("ProxyError('Cannot connect to proxy.')", "network or proxy"),
        ("ReadTimeoutError: Read timed out.", "network or proxy"),
        ("SSLError(CertificateError)", "network or proxy"),
        ("ERROR: first\nERROR: No matching distribution found for x==1", "No matching distribution found for x==1."),
        ("killed", "no reason given"),
    ],
)
def test_reason_is_read_from_the_log(log, said):
    line = bootstrap.explain(log)
    assert said in line and "build/install.log" in line and "\n" not in line


# Two at once


def is_locked(path):
    with open(path, "a") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_lock_lasts_until_installer_and_its_pip_are_gone(tmp_path):
    path = tmp_path / "install.log"
    with open(path, "a") as log:
        bootstrap.only_one(log)
        assert is_locked(path)
        pip = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log)
    assert is_locked(path), "the orphaned pip still writes"
    pip.communicate()
    assert not is_locked(path)


def test_second_make_waits_and_takes_what_the_first_has_made(root, commands, monkeypatch, capsys):
    def flock(log, operation):
        if operation & fcntl.LOCK_NB:
            raise BlockingIOError
        (root / ".venv" / "bin").mkdir(parents=True)
        (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
        stamp(root).write_text(bootstrap.fingerprint(str(root), sys.version_info))

    monkeypatch.setattr(fcntl, "flock", flock)
    assert bootstrap.main(str(root)) == 0
    assert commands.calls == []
    assert "Another make is installing" in capsys.readouterr().out


# The file itself


def test_old_pythons_can_read_it_and_need_nothing_installed():
    tree = ast.parse(pathlib.Path(bootstrap.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))
    imports = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imports <= set(sys.stdlib_module_names)
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


def test_it_runs_as_a_script(root):
    (root / "course_utils").mkdir()
    shutil.copy(bootstrap.__file__, root / "course_utils")
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    stamp(root).write_text(bootstrap.fingerprint(str(root), sys.version_info))
    command = [sys.executable, os.path.join("course_utils", "bootstrap.py")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
