"""How fast the course's engines run, as ratios taken in one run: lesson 03's GAN, or the sequence engine."""

from __future__ import annotations

import argparse

from course_utils.benchmark import image_speed, sequence_speed

SUBJECTS = ("images", "sequences")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this table."""
    parser.add_argument("subject", choices=SUBJECTS, help="lesson 03's GAN, or the sequence engine")
    parser.add_argument("--peer", metavar="PYTHON", help="sequences: a Python with PyTorch 2.13, to run the peer with")


def measure(args: argparse.Namespace) -> dict:
    """Run one subject's contestants and return its figures."""
    figures = image_speed.measure() if args.subject == "images" else sequence_speed.measure(args.peer)
    return {"subject": args.subject, **figures}


def report(result: dict) -> str:
    """Return the figures as a table."""
    return {"images": image_speed, "sequences": sequence_speed}[result["subject"]].report(result)
