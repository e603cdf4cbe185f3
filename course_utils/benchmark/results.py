"""What every stored measurement carries, and how it is written."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import platform

from course_utils.runtime import replacing, usable_cores


def circumstances(command: str) -> dict:
    """Return the command, versions and machine of a measurement, without any name of the machine.

    Example:
        >>> sorted(circumstances("benchmark speed"))
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
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not a stored result: {error}. Delete it and measure again.") from error
