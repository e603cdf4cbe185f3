"""Measurements of the course, from the command line; each table is one module."""

from __future__ import annotations

import argparse
import importlib
import pathlib

from course_utils.records import write_json

TABLES = {
    "speed": "lesson 03's GAN, the sequence engine, a text GAN or BLEU, against this machine's products or a peer",
    "arena": "games per second of lesson 02's arena, side by side and one after another",
    "oracle": "SeqGAN's oracle benchmark with its controls, for several seeds (resumable)",
    "english": "the text GANs on English sentences, judged over a sweep of temperatures, for several seeds (resumable)",
    "characters": "WGAN-GP's character model beside likelihood, for several seeds (resumable)",
    "image_gans": "lesson 05's arena: losses, penalties and normalisations at one budget (resumable)",
    "mnist_gan": "Fréchet digit distance of lesson 03's GAN over training, for several seeds (resumable)",
    "oracle_reference": "NLL_oracle without training: the oracle's own entropy, uniform tokens, an untrained generator",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``python -m course_utils benchmark``; each table adds its own."""
    tables = parser.add_subparsers(dest="table", metavar="TABLE", required=True)
    for name, purpose in TABLES.items():
        table = tables.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
        table.add_argument("--json", metavar="FILE", type=pathlib.Path, help="also write what the table prints")
        _module(name).add_arguments(table)


def main(args: argparse.Namespace) -> int:
    """Measure one table, print it, and write it if asked to; return the exit status."""
    table = _module(args.table)
    result = table.measure(args)
    print(table.report(result))
    if args.json is not None:
        write_json(args.json, result)
    return 0


def _module(name: str):
    return importlib.import_module(f"course_utils.benchmark.{name}")
