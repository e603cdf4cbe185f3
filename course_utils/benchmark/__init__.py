"""Measurements of the course, from the command line; each is one module with a ``measure`` of its own."""

from __future__ import annotations

import argparse
import importlib
import pathlib
import sys

from course_utils.benchmark.results import write_json

TABLES = {
    "speed": "images per second of lesson 03's GAN against this machine's own matrix product",
    "mnist_gan": "Fréchet digit distance of lesson 03's GAN over training, for several seeds (resumable)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``python -m course_utils benchmark``."""
    parser.add_argument("table", choices=TABLES, help="; ".join(f"{name}: {what}" for name, what in TABLES.items()))
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="also write what the table prints")
    parser.add_argument("--seeds", type=int, default=3, help="mnist_gan: how many seeds, from 0 (default 3)")
    parser.add_argument(
        "--profile", choices=("quick", "standard", "full"), default="standard", help="mnist_gan: how long to train"
    )


def main(args: argparse.Namespace) -> int:
    """Measure one table, print it, and write it if asked to; return the exit status."""
    if args.seeds < 1:
        print(f"benchmark: --seeds must be at least 1. Received: {args.seeds}.", file=sys.stderr)
        return 2
    table = importlib.import_module(f"course_utils.benchmark.{args.table}")
    result = table.measure(args)
    print(table.report(result))
    if args.json is not None:
        write_json(args.json, result)
    return 0
