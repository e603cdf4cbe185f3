"""Training on a text of one's own, from the command line: a language model, and the games that go on from one."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import NoReturn

METHODS = {
    "mle": "a language model by maximum likelihood, on bundled sentences or a text file",
    "seqgan": "a language model, then SeqGAN: policy gradient with rollouts that a convolutional network judges",
    "gsgan": "a language model, then the Gumbel-softmax GAN",
    "pgbleu": "a language model, then policy gradient with BLEU as the reward",
    "maligan": "a language model, then MaliGAN: its own sentences, weighted by how real they look",
    "rankgan": "a language model, then RankGAN: policy gradient with rollouts that are ranked among real sentences",
    "leakgan": "LeakGAN: the discriminator's features lead its writer; beside it a language model",
    "textgan": "a language model, then TextGAN: sentences written from codes, whose features are matched as sets",
    "relgan": "a language model, then RelGAN: a Gumbel-softmax GAN with a relational memory and a relativistic loss",
    "scratchgan": "a language model, then ScratchGAN: policy gradient with a discriminator that judges every token",
    "cot": "a language model, then cooperative training: a second one learns from both, and the first goes towards it",
}


class _OneLineParser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line; argparse would print all options before it."""

    def parse_known_args(self, args=None, namespace=None):
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:  # the parser above would say so, in two lines
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return namespace, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} ('--help' lists the options)\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``python -m course_utils train``; each method adds its own."""
    methods = parser.add_subparsers(dest="method", metavar="METHOD", required=True, parser_class=_OneLineParser)
    for name, purpose in METHODS.items():
        method = methods.add_parser(name, help=purpose, description=f"Train {purpose}.")
        _module(name).add_arguments(method, name)


def main(args: argparse.Namespace) -> int:
    """Train by one method; return 0, or say in one line why not and return another exit status.

    Returns:
        0; 2 for settings or files that cannot be used, 1 for a training that diverged, 130 if it was interrupted.
    """
    try:
        _module(args.method).run(args)
    except (ValueError, OSError) as error:
        return _stop(args.method, str(error), 2)
    except FloatingPointError as error:
        return _stop(args.method, str(error), 1)
    except KeyboardInterrupt:
        return _stop(args.method, "interrupted. The same command goes on after the last whole epoch.", 130)
    return 0


def _stop(method: str, message: str, status: int) -> int:
    # Keras breaks its messages into lines.
    print(f"python -m course_utils train {method}: error: {' '.join(message.split())}", file=sys.stderr)
    return status


def _module(name: str):
    return importlib.import_module(f"course_utils.train.{'mle' if name == 'mle' else 'games'}")
