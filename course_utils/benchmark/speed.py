"""How fast the course's engines run, as ratios taken in one run, one subject at a time."""

from __future__ import annotations

import argparse

from course_utils.benchmark import (
    bleu_speed,
    conv_speed,
    game_speed,
    image_speed,
    leakgan_speed,
    relgan_speed,
    seqgan_speed,
    sequence_speed,
)

ALONE = {"images": image_speed, "convolutions": conv_speed, "bleu": bleu_speed, "games": game_speed}
WITH_PEER = {
    "sequences": sequence_speed,
    "seqgan": seqgan_speed,
    "relgan": relgan_speed,
    "leakgan": leakgan_speed,
}
SUBJECTS = ALONE | WITH_PEER


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this table."""
    parser.add_argument(
        "subject", choices=SUBJECTS, help="lesson 03's or 04's GAN, BLEU, the sequence engine, a text GAN, or all"
    )
    parser.add_argument("--peer", metavar="PYTHON", help=f"of {', '.join(WITH_PEER)}: a Python with PyTorch 2.13")


def measure(args: argparse.Namespace) -> dict:
    """Run one subject's contestants and return its figures."""
    subject = SUBJECTS[args.subject]
    figures = subject.measure(args.peer) if args.subject in WITH_PEER else subject.measure()
    return {"subject": args.subject, **figures}


def report(result: dict) -> str:
    """Return the figures as a table."""
    return SUBJECTS[result["subject"]].report(result)
