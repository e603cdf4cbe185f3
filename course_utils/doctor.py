"""Whether this machine can run the lessons: ``python -m course_utils doctor``."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
import platform
import socket
import sys
from collections.abc import Sequence

from course_utils import runtime

PYTHONS = ((3, 11), (3, 13))
# Import names of what every lesson or its headless run needs beside TensorFlow.
PACKAGES = (
    "IPython",
    "PIL",
    "ipykernel",
    "matplotlib",
    "nbclient",
    "nbconvert",
    "nbformat",
    "numpy",
    "psutil",
    "scipy",
)
# What lesson 03 takes at its peak, kernel and libraries together.
NEEDED_GIGABYTES = 2
# JupyterLab starts at 8888 and tries the 50 ports above it.
PORTS = range(8888, 8939)
INSTALL = "Run `make lab`, or `pip install -r requirements.txt` in the environment you use."


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the table.

    Attributes:
        name: what was looked at.
        value: what was found, in words.
        ok: False if a lesson could not run because of it.
        fix: what to do; empty if there is nothing to do. A finding that is ok and has a fix is a note.
    """

    name: str
    value: str
    ok: bool = True
    fix: str = ""


def examine() -> list[Finding]:
    """Look at everything a lesson depends on. Nothing is changed and nothing raises.

    Returns:
        The findings in the order in which they are worth mending.

    Example:
        >>> [finding.name for finding in examine()][:2]
        ['Python', 'packages']
    """
    return [_python(), _packages(), *_tensorflow(), _memory(), _profile(), _data(), _port()]


def report(findings: Sequence[Finding]) -> str:
    """Return the findings as a table with a verdict in its last line.

    Args:
        findings: what `examine` returned.

    Returns:
        Several lines of text: ``ok``, ``note`` or ``FAIL``, name and value; a fix stands below its line.

    Example:
        >>> print(report([Finding("Python", "3.12.1")]))
          ok    Python  3.12.1
        This machine can run the lessons.
    """
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        mark = "FAIL" if not finding.ok else "note" if finding.fix else "ok"
        lines.append(f"  {mark:4}  {finding.name:{width}}  {finding.value}")
        if finding.fix:
            lines.append(f"        -> {finding.fix}")
    failing = sum(not finding.ok for finding in findings)
    lines.append(f"Not ready: {failing} to mend, see FAIL." if failing else "This machine can run the lessons.")
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the ``doctor`` command: it has none."""


def main(args: argparse.Namespace) -> int:
    """Print the table; return 1 if a lesson could not run, else 0."""
    findings = examine()
    print(report(findings))
    return 0 if all(finding.ok for finding in findings) else 1


def _python() -> Finding:
    oldest, newest = PYTHONS
    found = platform.python_version()
    if oldest <= sys.version_info[:2] <= newest:
        return Finding("Python", found)
    wanted = f"{oldest[0]}.{oldest[1]}-{newest[0]}.{newest[1]}"
    return Finding("Python", found, False, f"Install Python {wanted} and make the environment again with it.")


def _packages() -> Finding:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("packages", f"missing: {', '.join(missing)}", False, INSTALL)
    return Finding("packages", f"{len(PACKAGES)} found")


def _tensorflow() -> list[Finding]:
    try:
        with runtime.quiet_tensorflow():
            import keras
            import tensorflow as tf

            gpus = tf.config.list_physical_devices("GPU")
    except Exception as error:  # a broken installation raises what it likes
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return [Finding("TensorFlow", f"cannot be imported: {reason}", False, INSTALL)]
    cores = f"{runtime.usable_cores()} CPU cores"
    return [
        Finding("TensorFlow", f"{tf.__version__}, Keras {keras.__version__}"),
        Finding("devices", f"{len(gpus)} GPU, {cores}" if gpus else cores),
    ]


def _memory() -> Finding:
    try:
        import psutil
    except ImportError:
        return Finding("memory", "not known without psutil", False, INSTALL)
    total = psutil.virtual_memory().total / 1e9
    free = (psutil.virtual_memory().available + psutil.swap_memory().free) / 1e9
    value = f"{free:.1f} GB free of {total:.1f} GB"
    if free < NEEDED_GIGABYTES:
        return Finding("memory", value, False, f"Close programs until {NEEDED_GIGABYTES} GB are free.")
    return Finding("memory", value)


def _profile() -> Finding:
    try:
        return Finding("profile", runtime.current_profile())
    except ValueError:
        names = ", ".join(runtime.PROFILES)
        return Finding("profile", repr(os.environ["COURSE_PROFILE"]), False, f"Set COURSE_PROFILE to one of {names}.")


def _data() -> Finding:
    try:
        from course_utils.datasets import files
    except ImportError as error:
        return Finding("data", f"cannot be read: {error}", False, INSTALL)
    wrong = []
    for name in files.REGISTRY:
        try:
            files.verified_path(name)
        except (OSError, ValueError):
            wrong.append(name)
    if not wrong:
        return Finding("data", f"{len(files.REGISTRY)} files, checksums right")
    fix = "Restore them with `git checkout -- data`, or make them again with `make data`."
    if os.environ.get("COURSE_DATA"):
        fix = "Unset COURSE_DATA to use the repository's data, or copy the course's files into that folder."
    return Finding("data", f"missing or changed: {', '.join(wrong)}", False, fix)


def _port() -> Finding:
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return Finding("JupyterLab", f"port {port} is free")
    # Only the browser needs a port: `make run` and the tests do not, so this is a note.
    taken = f"ports {PORTS[0]}-{PORTS[-1]} are taken"
    return Finding("JupyterLab", taken, True, "Stop other servers, or start with `jupyter lab --port=NUMBER`.")
