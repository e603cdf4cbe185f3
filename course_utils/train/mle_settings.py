"""What decides the result of a maximum-likelihood training, and its options on the command line."""

from __future__ import annotations

import argparse
import dataclasses
import shlex

from course_utils.datasets.vocabulary import LEVELS
from course_utils.train.corpus import BUNDLED

GENERATORS = ("lstm", "gru", "memory", "transformer")
DISCRIMINATORS = ("cnn", "transformer")  # of the games that can choose
SCHEDULES = ("constant", "cosine")
HEADS, LAYERS = 4, 2  # of the Transformer; the layers can be chosen
MEMORY_HEADS = 2  # of the relational memory, which has one slot, as published


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides the result of `train_mle`.

    Args:
        corpus: a UTF-8 text file with one sentence a line, or the name of a bundled corpus.
        valid: the same for the held-out sentences; ``None`` holds out the tenth that `hold_out_tenth` chooses.
        level: ``"word"`` or ``"character"``.
        generator: ``"lstm"``, ``"gru"``, ``"memory"`` (relational) or ``"transformer"``.
        size: width of the embeddings and of the recurrent layer, the memory, or the Transformer's blocks.
        layers: blocks of the Transformer, ``None`` for 2; the others have one layer.
        length: tokens of a sentence, its end token included; longer sentences are left out. ``None`` takes the
            longest sentence's, at most 128.
        epochs: passes over the corpus at most; what fills no batch is left out of a pass.
        patience: epochs without a better held-out likelihood after which training stops.
        batch: sentences in a step.
        learning_rate: of Adam, which clips gradients to a norm of 1.
        schedule: ``"constant"``, or ``"cosine"``: up over the first twentieth of all steps, then down to 0.
        dropout: rate, see the generators.
        label_smoothing: see `course_utils.training.language_model.LanguageModel`.
        scheduled_sampling: share of the tokens that the generator draws itself while it learns.
        tie_weights: whether the logits use the embedding matrix.
        min_count: words that occur less often become unknown ones.
        seed: of initial weights, order of sentences, dropout and samples.

    Raises:
        ValueError: for a value outside its range.

    Example:
        >>> Settings("names", level="character").epochs
        20
    """

    corpus: str
    valid: str | None = None
    level: str = "word"
    generator: str = "lstm"
    size: int = 128
    layers: int | None = None
    length: int | None = None
    epochs: int = 20
    patience: int = 3
    batch: int = 64
    learning_rate: float = 1e-3
    schedule: str = "constant"
    dropout: float = 0.0
    label_smoothing: float = 0.0
    scheduled_sampling: float = 0.0
    tie_weights: bool = False
    min_count: int = 1
    seed: int = 0

    def __post_init__(self):
        for name, choices in (("level", LEVELS), ("generator", GENERATORS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}. Received: {getattr(self, name)!r}.")
        for name in ("size", "layers", "epochs", "patience", "batch", "min_count"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1. Received: {value}.")
        if self.length is not None and self.length < 2:
            raise ValueError(f"length must be at least 2, a token and the end token. Received: {self.length}.")
        for name in ("dropout", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and below 1. Received: {getattr(self, name)}.")
        if not 0 <= self.scheduled_sampling <= 1:
            raise ValueError(f"scheduled_sampling must be from 0 to 1. Received: {self.scheduled_sampling}.")
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"learning_rate must be a number above 0. Received: {self.learning_rate}.")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must be from 0 to {2**31 - 1}. Received: {self.seed}.")
        if self.generator == "transformer" and self.size % HEADS:
            raise ValueError(f"size must be a multiple of {HEADS}, the Transformer's heads. Received: {self.size}.")
        if self.generator == "memory" and self.size % MEMORY_HEADS:
            raise ValueError(f"size must be a multiple of {MEMORY_HEADS}, the memory's heads. Received: {self.size}.")
        if self.generator != "transformer" and self.layers is not None:
            raise ValueError(f"layers are the Transformer's. Received: layers={self.layers} with {self.generator}.")

    def command(self, method: str = "mle") -> str:
        """Return the words after ``python -m course_utils`` that ask for these settings.

        Args:
            method: a key of `course_utils.train.METHODS` that has these settings.

        Example:
            >>> Settings("names", size=8).command()[:60]
            'train mle --corpus names --level word --generator lstm --siz'
        """
        words = ["train", method]
        for name, value in dataclasses.asdict(self).items():
            option = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                words += [option] * value
            elif value is not None:
                words += [option, shlex.quote(str(value))]
        return " ".join(words)


HELP = {
    "corpus": f"a UTF-8 text file, one sentence a line, or one of {', '.join(BUNDLED)}",
    "valid": "the same for the held-out sentences (default: a tenth of the corpus, chosen by sha256)",
    "level": "what a token is",
    "generator": "the network",
    "size": "its width",
    "layers": f"blocks of the Transformer (default: {LAYERS})",
    "length": "tokens of a sentence with its end; longer ones are left out (default: the longest, at most 128)",
    "epochs": "passes over the corpus, at most",
    "patience": "stop after so many epochs without a better held-out likelihood",
    "batch": "sentences in a step",
    "learning_rate": "of Adam",
    "schedule": "of the learning rate; cosine rises first",
    "dropout": "its rate",
    "label_smoothing": "share of the target that is spread evenly",
    "scheduled_sampling": "share of its inputs that the network draws itself",
    "tie_weights": "one matrix for embeddings and logits",
    "min_count": "rarer words become unknown ones",
    "seed": "of every random draw",
}
CHOICES = {"level": LEVELS, "generator": GENERATORS, "schedule": SCHEDULES, "discriminator": DISCRIMINATORS}
TYPES = {"valid": str, "layers": int, "length": int, "filters": int}  # of those without a default


def add_options(parser: argparse.ArgumentParser, settings: type[Settings], helps: dict[str, str]) -> None:
    """Declare one option for each field of the settings, with its default.

    Args:
        parser: of a method.
        settings: `Settings`, or those of a method that begins with it.
        helps: what each field is.
    """
    for field in dataclasses.fields(settings):
        given = {"help": helps[field.name]}
        if field.default is dataclasses.MISSING:
            given |= {"required": True, "metavar": "FILE"}
        elif field.default is False:
            given |= {"action": "store_true"}
        else:
            given |= {"default": field.default, "type": TYPES.get(field.name) or type(field.default)}
            given |= {"choices": CHOICES[field.name]} if field.name in CHOICES else {"metavar": "X"}
            given["help"] += "" if field.default is None else " (default: %(default)s)"
        parser.add_argument(f"--{field.name.replace('_', '-')}", **given)
