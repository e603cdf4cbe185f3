"""How fast the course's engines run, as ratios taken in one run: lesson 03's GAN, the sequence engine, or SeqGAN."""

from __future__ import annotations

import argparse

from course_utils.benchmark import image_speed, seqgan_speed, sequence_speed

WITH_PEER = {"sequences": sequence_speed, "seqgan": seqgan_speed}
SUBJECTS = ("images", *WITH_PEER)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this table."""
    parser.add_argument("subject", choices=SUBJECTS, help="lesson 03's GAN, the sequence engine, or SeqGAN")
    parser.add_argument("--peer", metavar="PYTHON", help="not for images: a Python with PyTorch 2.13 for the peer")


def measure(args: argparse.Namespace) -> dict:
    """Run one subject's contestants and return its figures."""
    figures = image_speed.measure() if args.subject == "images" else WITH_PEER[args.subject].measure(args.peer)
    return {"subject": args.subject, **figures}


def report(result: dict) -> str:
    """Return the figures as a table."""
    return {"images": image_speed, **WITH_PEER}[result["subject"]].report(result)
