"""The doctor's findings, its table, and the command line that it is called by."""

import argparse
import hashlib
import importlib
import socket
import sys
import types

import psutil
import pytest

from course_utils import __main__ as command_line
from course_utils import doctor
from course_utils.datasets import files
from course_utils.doctor import Finding


@pytest.fixture(autouse=True)
def _enough_memory(monkeypatch):
    """What is free on the machine that runs the tests does not decide them."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(total=8e9, available=4e9))
    monkeypatch.setattr(psutil, "swap_memory", lambda: types.SimpleNamespace(free=0))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with one small file that the registry knows."""
    (tmp_path / "small.tsv.gz").write_bytes(b"content")
    monkeypatch.setattr(files, "REGISTRY", {"small.tsv.gz": hashlib.sha256(b"content").hexdigest()})
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def found(data, monkeypatch):
    """Return a function that examines and gives the finding of one name."""
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    return lambda name: {finding.name: finding for finding in doctor.examine()}[name]


def test_a_good_machine_is_ready(found):
    findings = doctor.examine()
    assert [finding for finding in findings if not finding.ok] == []
    names = [finding.name for finding in findings]
    assert names == ["Python", "packages", "TensorFlow", "devices", "memory", "profile", "data", "JupyterLab"]
    assert found("TensorFlow").value.startswith(importlib.import_module("tensorflow").__version__)
    assert "CPU core" in found("devices").value
    assert found("profile").value == "standard"


def test_other_python_fails(found, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    finding = found("Python")
    assert not finding.ok and "3.11-3.13" in finding.fix


def test_missing_tensorflow_is_a_line_not_a_traceback(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    finding = found("TensorFlow")
    assert not finding.ok and "tensorflow" in finding.value and "pip install" in finding.fix


def test_missing_package_is_named(found, monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no_such_package"))
    finding = found("packages")
    assert (finding.ok, finding.value) == (False, "missing: no_such_package")


@pytest.mark.parametrize(("available", "swap", "ok"), [(3e9, 0, True), (1.5e9, 1e9, True), (1.5e9, 0.1e9, False)])
def test_memory_counts_swap(available, swap, ok, found, monkeypatch):
    memory = types.SimpleNamespace(total=4e9, available=available)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(psutil, "swap_memory", lambda: types.SimpleNamespace(free=swap))
    finding = found("memory")
    assert finding.ok is ok and finding.value.endswith("free of 4.0 GB") and bool(finding.fix) is not ok


def test_unknown_profile_fails(found, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    finding = found("profile")
    assert not finding.ok and "fast" in finding.value and "quick, standard, full" in finding.fix


def test_changed_and_missing_data_fail(found, data):
    assert found("data").value == "1 files, checksums right"
    (data / "small.tsv.gz").write_bytes(b"other content")
    assert "small.tsv.gz" in found("data").value and "COURSE_DATA" in found("data").fix
    (data / "small.tsv.gz").unlink()
    assert not found("data").ok
    data.rmdir()
    assert not found("data").ok


def test_taken_port_moves_on_and_no_port_is_only_a_note(found, monkeypatch):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        taken = server.getsockname()[1]
        monkeypatch.setattr(doctor, "PORTS", (taken,))
        note = found("JupyterLab")
        assert note.ok and note.fix
        assert doctor.main(argparse.Namespace()) == 0
        monkeypatch.setattr(doctor, "PORTS", (taken, 0))
        assert found("JupyterLab").value == "port 0 is free"


def test_report_is_a_table_with_a_fix_below_each_line():
    findings = [
        Finding("Python", "3.12.1"),
        Finding("data", "missing: a.npz", False, "Restore it."),
        Finding("JupyterLab", "ports are taken", True, "Stop other servers."),
    ]
    assert doctor.report(findings).splitlines() == [
        "  ok    Python      3.12.1",
        "  FAIL  data        missing: a.npz",
        "        -> Restore it.",
        "  note  JupyterLab  ports are taken",
        "        -> Stop other servers.",
        "Not ready: 1 to mend, see FAIL.",
    ]
    assert doctor.report([findings[0], findings[2]]).endswith("This machine can run the lessons.")


def test_command_prints_the_table_and_fails_with_it(data, monkeypatch, capsys):
    assert command_line.main(["doctor"]) == 0
    assert "This machine can run the lessons." in capsys.readouterr().out
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    assert command_line.main(["doctor"]) == 1
    assert "FAIL  profile" in capsys.readouterr().out


# The command line


def test_only_the_room_asked_for_is_imported(monkeypatch):
    imported, seen = [], []
    room = types.SimpleNamespace(
        add_arguments=lambda parser: parser.add_argument("--json"),
        main=lambda args: seen.append(args.json) or 7,
    )
    monkeypatch.setattr(importlib, "import_module", lambda name: imported.append(name) or room)
    assert command_line.main(["benchmark", "--json", "out.json"]) == 7
    assert (imported, seen) == (["course_utils.benchmark"], ["out.json"])


def test_help_lists_the_commands_and_imports_none(monkeypatch, capsys):
    monkeypatch.setattr(importlib, "import_module", lambda name: pytest.fail(f"imported {name}"))
    with pytest.raises(SystemExit) as stopped:
        command_line.main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert all(f"  {name}" in text for name in ("doctor", "execute", "benchmark"))


@pytest.mark.parametrize("words", [[], ["doktor"], ["doctor", "--loud"]])
def test_wrong_words_are_a_usage_line(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        command_line.main(words)
    assert stopped.value.code == 2
    assert "usage: python -m course_utils" in capsys.readouterr().err
