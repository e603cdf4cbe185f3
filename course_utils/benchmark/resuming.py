"""What the resumable tables share: the number of seeds, and rows that were measured before."""

from __future__ import annotations

import argparse
import pathlib

from course_utils.records import read_json


def positive(text: str) -> int:
    """Return a whole number of at least 1 from the command line.

    Raises:
        argparse.ArgumentTypeError: if it is none.

    Example:
        >>> positive("3")
        3
    """
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is needed. Received: {text!r}")
    return int(text)


def read_kept(path: pathlib.Path, same: dict, remove: str) -> dict:
    """Return what an interrupted run has written, or an empty dictionary if it has written nothing.

    Args:
        path: its file; the folder is made.
        same: versions and machine of this run.
        remove: what has to be deleted in order to measure again, for the error.

    Raises:
        ValueError: if it was measured with other versions or on another machine.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return {}
    stored = read_json(path)
    if {name: stored.get(name) for name in same} != same:
        raise ValueError(
            f"{path.name} was measured under other circumstances: {stored.get('machine')}, {stored.get('versions')}. "
            f"Delete {remove} to measure again."
        )
    return stored


def add_known(parser: argparse.ArgumentParser) -> None:
    """Declare where rows that were measured before are."""
    parser.add_argument(
        "--known",
        metavar="FILE",
        type=pathlib.Path,
        help="a table written with --json by the same versions on such a machine: only what it lacks is measured",
    )


def read_known(path: pathlib.Path, known: dict) -> dict:
    """Return a stored table whose rows can stand beside those that are measured now.

    Args:
        path: a file written with ``--json``.
        known: the circumstances of this run.

    Raises:
        ValueError: if its versions, machine, profile or length are others, or it is no table with rows.
    """
    table = read_json(path)

    def told(of: dict) -> list:
        return [of.get("machine"), of.get("versions"), of.get("command", "").partition(" --profile ")[2]]

    if told(table) != told(known) or "rows" not in table:
        raise ValueError(f"{path} cannot be gone on with: it has {told(table)}, and this run {told(known)}.")
    return table
