"""The command line: ``python -m course_utils doctor | execute | train | benchmark``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "doctor": "say whether this machine can run the lessons, and what to mend",
    "execute": "run lessons without a browser and leave notebooks and HTML in build/",
    "train": "train a model on sentences, bundled or your own, and leave all that came of it in a folder",
    "benchmark": "measure speed or quality, and print the table",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    A command is the module of the same name, with ``add_arguments(parser)`` and ``main(args)``. Only
    the module that was asked for is imported, so ``--help`` does not wait for TensorFlow.

    Args:
        arguments: the words after ``python -m course_utils``; by default those of this process.

    Returns:
        0 if the command did what was asked.

    Raises:
        SystemExit: with a usage line and status 2 if the arguments are wrong.

    Example:
        >>> main(["doctor"])  # doctest: +SKIP
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    program = "python -m course_utils"
    table = "\n".join(f"  {name:10} {purpose}" for name, purpose in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog=program,
        usage=f"{program} COMMAND ...",
        description=f"commands:\n{table}",
        epilog=f"'{program} COMMAND --help' lists the arguments of one command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=", ".join(COMMANDS))
    command = parser.parse_args(words[:1]).command

    room = importlib.import_module(f"course_utils.{command}")
    room_parser = argparse.ArgumentParser(prog=f"{program} {command}", description=COMMANDS[command].capitalize() + ".")
    room.add_arguments(room_parser)
    return room.main(room_parser.parse_args(words[1:]))


if __name__ == "__main__":
    sys.exit(main())
