"""Make the course's environment ``.venv``, or find in a few milliseconds that it is ready.

Run by the Makefile before everything else, so it uses the standard library only, and is written
so that Python 3.6 or newer can read it and say which one is needed.
"""

import hashlib
import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST, NEWEST = (3, 11), (3, 13)
INPUTS = ("requirements.txt", "pyproject.toml")
# The finished .venv takes 2.7 GB, and the largest packages lie beside it as archives while they unpack.
NEEDED_GIGABYTES = 4
AGAIN = "and run the same command again."
# What pip and the library below it (urllib3 1 and 2) write when no registry answers.
NO_ANSWER = re.compile(
    r"NewConnectionError|NameResolutionError|Temporary failure in name resolution|ConnectTimeout|ReadTimeout"
    r"|ProxyError|SSLError|Connection (reset|broken)",
    re.IGNORECASE,
)


class Stop(Exception):
    """Why there can be no environment, in one line that says what to do."""


def check_machine(version, root, system=None, machine=None):
    """Stop if this machine cannot hold the environment.

    Args:
        version: the interpreter's ``(major, minor, ...)``.
        root: the repository's folder.
        system: the operating system's name; by default what ``platform`` says.
        machine: the processor's name; by default what ``platform`` says.

    Raises:
        Stop: with one line, if Python, venv or disk space does not suffice.
    """
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        raise Stop(
            "Python %d.%d-%d.%d is needed; found %d.%d (%s). Install one of them %s"
            % (OLDEST + NEWEST + tuple(version[:2]) + (sys.executable, AGAIN))
        )
    if (system or platform.system(), machine or platform.machine()) == ("Darwin", "x86_64"):
        raise Stop("TensorFlow is no longer made for Macs with an Intel processor. Use another machine.")
    try:
        importlib.import_module("venv")
        importlib.import_module("ensurepip")
    except ImportError as error:
        raise Stop(
            "This Python cannot make environments (%s). On Debian and Ubuntu: apt install python%d.%d-venv, %s"
            % (error, *tuple(version[:2]), AGAIN)
        ) from error
    free = shutil.disk_usage(root).free / 1e9
    if free < NEEDED_GIGABYTES:
        raise Stop("%.1f GB are free in %s; %d GB are needed. Free some %s" % (free, root, NEEDED_GIGABYTES, AGAIN))


def fingerprint(root, version):
    """Return the SHA-256 of all that ``.venv`` is made from.

    The folder counts too: scripts in an environment hold its path, so one that was moved is not trusted.

    Args:
        root: the repository's folder.
        version: the interpreter's ``(major, minor, ...)``.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(("%d.%d %s\n" % (version[0], version[1], os.path.realpath(root))).encode())
    for name in INPUTS:
        with open(os.path.join(root, name), "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def is_ready(root, wanted):
    """Return whether ``.venv`` was finished from exactly these inputs and its Python is still there."""
    try:
        with open(os.path.join(root, ".venv", ".ready")) as file:
            found = file.read().strip()
    except OSError:
        return False
    return found == wanted and os.access(os.path.join(root, ".venv", "bin", "python"), os.X_OK)


def explain(log):
    """Return in one line why pip failed, read from what it wrote.

    Args:
        log: the text of ``build/install.log``.

    Returns:
        The line, with what to do.
    """
    if "No space left on device" in log:
        return "The disk is full (see build/install.log). Free some space %s" % AGAIN
    if NO_ANSWER.search(log):
        return "The package registry did not answer (see build/install.log). Check the network or proxy %s" % AGAIN
    errors = re.findall(r"^ERROR: (.+)", log, flags=re.MULTILINE)
    reason = errors[-1] if errors else "no reason given"
    return "Installing failed: %s. See build/install.log, mend that %s" % (reason.rstrip("."), AGAIN)


def install(root, log):
    """Make ``.venv`` afresh and fill it with exactly what requirements.txt pins.

    Args:
        root: the repository's folder.
        log: the open file that gets everything the commands print.

    Raises:
        Stop: with one line, if any step fails. ``.venv`` is then left without its stamp.
    """
    # An activated .venv may be what runs this; the new one is made by the Python below it.
    base = getattr(sys, "_base_executable", None) or sys.executable
    python = os.path.join(root, ".venv", "bin", "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    quiet = ["install", "--progress-bar", "off", "--no-deps"]
    steps = (
        ("making .venv", [base, "-m", "venv", os.path.join(root, ".venv")]),
        ("installing the pinned packages (a few minutes)", [*pip, *quiet, "-r", "requirements.txt"]),
        ("installing course_utils", [*pip, *quiet, "--no-build-isolation", "-e", "."]),
        ("checking that the packages fit together", [*pip, "check"]),
    )
    for number, (what, command) in enumerate(steps, start=1):
        print("  %d/%d %s" % (number, len(steps), what), flush=True)
        # PIP_USER=1 is set on some shared machines and cannot work inside an environment.
        code = subprocess.call(
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(os.environ, PIP_USER="0")
        )
        if code:
            with open(log.name, errors="replace") as file:
                raise Stop(explain(file.read()))


def remove(root):
    """Remove ``.venv``, its stamp first, so that what is left of an interrupted removal is never trusted."""
    directory = os.path.join(root, ".venv")
    try:
        if os.path.lexists(os.path.join(directory, ".ready")):
            os.remove(os.path.join(directory, ".ready"))
        if os.path.lexists(directory):
            shutil.rmtree(directory)
    except OSError as error:
        raise Stop("The old .venv cannot be removed (%s). Remove it by hand %s" % (error, AGAIN)) from error


def only_one(log):
    """Wait until no other process installs here.

    The log is also the lock. The kernel frees it when the installer *and* its pip are gone, so a
    killed installer leaves no stale lock, and its orphaned pip is not written over.

    Args:
        log: the open file of ``build/install.log``.
    """
    import fcntl

    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("Another make is installing; waiting until it has finished.", flush=True)
        fcntl.flock(log, fcntl.LOCK_EX)


def main(root=ROOT):
    """Leave a ``.venv`` that is ready, and return the exit status."""
    try:
        wanted = fingerprint(root, sys.version_info)
        if is_ready(root, wanted):
            return 0
        check_machine(sys.version_info, root)
        os.makedirs(os.path.join(root, "build"), exist_ok=True)
        with open(os.path.join(root, "build", "install.log"), "a") as log:
            only_one(log)
            if is_ready(root, wanted):
                return 0
            log.truncate(0)
            started = time.time()
            print("Making .venv with Python %s (log: build/install.log)" % platform.python_version(), flush=True)
            remove(root)
            install(root, log)
            with open(os.path.join(root, ".venv", ".ready"), "w") as file:
                file.write(wanted + "\n")
            print("  ready after %.0f s" % (time.time() - started), flush=True)
    except Stop as reason:
        print(reason, file=sys.stderr)
        return 1
    except OSError as error:
        print("The environment cannot be made: %s. Mend that %s" % (error, AGAIN), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The same command starts the installation afresh.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
