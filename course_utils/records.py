"""What every stored measurement carries, and how it is written."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import platform
import sys

from course_utils.runtime import replacing, usable_cores


def circumstances(command: str) -> dict:
    """Return the command, versions and machine of a measurement, without any name of the machine.

    Example:
        >>> sorted(circumstances("benchmark speed images"))
        ['command', 'machine', 'versions']
    """
    packages = ("tensorflow", "keras", "numpy")
    return {
        "command": f"python -m course_utils {command}",
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in packages},
        },
        "machine": f"{usable_cores()} CPU cores, {platform.machine()}",
    }


def peak_memory() -> int:
    """Return the most memory this process has held, in bytes."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def write_json(path: str | os.PathLike, result: dict) -> None:
    """Write a result as readable JSON, beside the old file first."""
    with replacing(path) as part:
        part.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: str | os.PathLike) -> dict:
    """Read a stored result.

    Raises:
        ValueError: if the file is not JSON; names it.
    """
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a stored result: {error}. Delete it and measure again.") from error
