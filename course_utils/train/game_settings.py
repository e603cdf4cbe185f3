"""What decides the result of a training that goes on from a language model, by method."""

from __future__ import annotations

import dataclasses

from course_utils.train.mle_settings import DISCRIMINATORS, HELP, Settings


@dataclasses.dataclass(frozen=True)
class GameSettings(Settings):
    """Settings of a game: those of the language model it starts from, and these.

    Args:
        steps: generator steps.
        looks: how often the generator is measured and a backup is made; divides ``steps``.
        game_rate: learning rate of the generator's Adam in the game, which clips gradients to a norm of 1.
        likelihood_weight: of the real sentences' negative log-likelihood in the generator's loss.

    Raises:
        ValueError: for a value outside its range.
    """

    steps: int = 200
    looks: int = 10
    game_rate: float = 1e-3
    likelihood_weight: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        whole = ("steps", "looks", "references", "rollouts", "samples", "minibatches", "filters", "pretraining")
        least = {"warm_up": 0} | dict.fromkeys(whole, 1)
        for name in least.keys() & {field.name for field in dataclasses.fields(self)}:
            value = getattr(self, name)
            if value is not None and value < least[name]:
                raise ValueError(f"{name} must be at least {least[name]}. Received: {value}.")
        if self.steps % self.looks:
            raise ValueError(f"looks must divide steps. Received: {self.looks} looks at {self.steps} steps.")
        if self.batch % 2:
            raise ValueError(f"batch must be even, half real and half written sentences. Received: {self.batch}.")
        if not 0 < self.game_rate < float("inf"):
            raise ValueError(f"game_rate must be a number above 0. Received: {self.game_rate}.")
        if not 0 <= self.likelihood_weight < float("inf"):
            raise ValueError(f"likelihood_weight must be at least 0. Received: {self.likelihood_weight}.")

    def likelihood(self) -> Settings:
        """Return the settings of the language model.

        Example:
            >>> GameSettings("names", size=8).likelihood() == Settings("names", size=8)
            True
        """
        return Settings(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Settings)})


@dataclasses.dataclass(frozen=True)
class PolicySettings(GameSettings):
    """Settings of ``train pgbleu``.

    Args:
        rollouts: completions of each prefix.
        baseline: subtract the mean reward of the batch's other sentences.
    """

    rollouts: int = 16
    baseline: bool = False


@dataclasses.dataclass(frozen=True)
class SeqganSettings(PolicySettings):
    """Settings of ``train seqgan``.

    Args:
        warm_up: passes over the corpus, each against new sentences, in which only the discriminator learns first.
        minibatches: of the discriminator after each generator step.
        discriminator: ``"cnn"`` or ``"transformer"``.
        filters: of each width of a convolutional discriminator, ``None`` for the published numbers.

    Raises:
        ValueError: for a value outside its range.
    """

    warm_up: int = 5
    minibatches: int = 15
    discriminator: str = "cnn"
    filters: int | None = None

    def __post_init__(self):
        super().__post_init__()
        _check_discriminator(self)


@dataclasses.dataclass(frozen=True)
class GsganSettings(GameSettings):
    """Settings of ``train gsgan``. The temperature falls from 1 to 0.1.

    Args:
        minibatches, discriminator, filters: as of `SeqganSettings`.

    Raises:
        ValueError: for a value outside its range.
    """

    minibatches: int = 15
    discriminator: str = "cnn"
    filters: int | None = None

    def __post_init__(self):
        super().__post_init__()
        _check_discriminator(self)


@dataclasses.dataclass(frozen=True)
class MaliganSettings(GameSettings):
    """Settings of ``train maligan``. The forced tokens fall from all but one to 0, and the baseline rises from 0 to 1.

    Args:
        samples: completions of each beginning of a real sentence; divides ``batch``.
        warm_up, minibatches, filters: as of `SeqganSettings`.

    Raises:
        ValueError: for a value outside its range.
    """

    samples: int = 16
    warm_up: int = 5
    minibatches: int = 15
    filters: int | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.batch % self.samples:
            raise ValueError(f"samples must divide batch. Received: {self.samples} samples in a batch of {self.batch}.")


@dataclasses.dataclass(frozen=True)
class RankganSettings(GameSettings):
    """Settings of ``train rankgan``, which has a baseline.

    Args:
        rollouts: completions of each prefix.
        references: real sentences that a sentence's likeness to counts.
        warm_up, minibatches, filters: as of `SeqganSettings`, of the ranker.
    """

    rollouts: int = 16
    references: int = 16
    warm_up: int = 5
    minibatches: int = 15
    filters: int | None = None


@dataclasses.dataclass(frozen=True)
class LeakganSettings(GameSettings):
    """Settings of ``train leakgan``. Its own network starts anew; the language model is there to be compared with.

    Its recurrent layers have a quarter of ``size``, since 16 products of each unit go on to the output.

    Args:
        rollouts: completions of each prefix.
        pretraining: passes over the corpus before the game, in which the generator learns from real sentences and the
            discriminator from both, in turn.
        minibatches, filters: as of `SeqganSettings`.
    """

    rollouts: int = 4
    pretraining: int = 10
    minibatches: int = 15
    filters: int | None = None


@dataclasses.dataclass(frozen=True)
class TextganSettings(GameSettings):
    """Settings of ``train textgan``. The published ``batch`` is 256.

    Args:
        minibatches: of the discriminator after each generator step.
        filters: of each width of the discriminator.
    """

    game_rate: float = 5e-5
    minibatches: int = 5
    filters: int = 300

    def __post_init__(self):
        super().__post_init__()
        if self.generator not in ("lstm", "gru"):
            raise ValueError(f"TextGAN's generator must be lstm or gru. Received: {self.generator}.")


@dataclasses.dataclass(frozen=True)
class CotSettings(GameSettings):
    """Settings of ``train cot``.

    Args:
        minibatches: of the mediator after each generator step.
    """

    minibatches: int = 1


@dataclasses.dataclass(frozen=True)
class RelganSettings(GameSettings):
    """Settings of ``train relgan``, whose generator is the relational memory unless another is asked for.

    Args:
        minibatches, filters: as of `SeqganSettings`.
        inverse_temperature: what it rises to, from 1, over the steps.
    """

    generator: str = "memory"
    game_rate: float = 1e-4
    minibatches: int = 5
    filters: int | None = None
    inverse_temperature: float = 100.0

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.inverse_temperature < float("inf"):
            raise ValueError(f"inverse_temperature must be a number above 0. Received: {self.inverse_temperature}.")


@dataclasses.dataclass(frozen=True)
class ScratchganSettings(GameSettings):
    """Settings of ``train scratchgan`` with the published rate. The published ``batch`` is 512, and of both networks.

    Args:
        minibatches: of the discriminator after each generator step, each with ``batch`` real and written sentences.
        discount: γ, of the rewards that follow a token.
    """

    game_rate: float = 9.59e-5
    minibatches: int = 1
    discount: float = 0.23

    def __post_init__(self):
        super().__post_init__()
        if not 0 <= self.discount <= 1:
            raise ValueError(f"discount must be from 0 to 1. Received: {self.discount}.")


SETTINGS = {
    "seqgan": SeqganSettings,
    "gsgan": GsganSettings,
    "pgbleu": PolicySettings,
    "maligan": MaliganSettings,
    "rankgan": RankganSettings,
    "leakgan": LeakganSettings,
    "textgan": TextganSettings,
    "cot": CotSettings,
    "relgan": RelganSettings,
    "scratchgan": ScratchganSettings,
}
GAME_HELP = {
    **HELP,
    "steps": "generator steps of the game",
    "looks": "how often the generator is measured and a backup is made",
    "game_rate": "of Adam for the generator in the game",
    "rollouts": "completions of each prefix that are judged",
    "baseline": "subtract the mean reward of the batch's other sentences",
    "warm_up": "passes over the corpus in which only the discriminator learns, before the game",
    "likelihood_weight": "of the real sentences' negative log-likelihood in the generator's loss",
    "samples": "completions of each beginning of a real sentence",
    "references": "real sentences that a sentence is likened to",
    "inverse_temperature": "of the soft sentences; it rises from 1 to this",
    "discount": "of the rewards that follow a token",
    "discriminator": "the network that judges",
    "filters": "of each width of the discriminator (default: as published)",
    "pretraining": "passes over the corpus in which generator and discriminator learn in turn, before the game",
    "minibatches": "of the discriminator (ranker, mediator) after each generator step",
}


def _check_discriminator(settings: SeqganSettings | GsganSettings) -> None:
    if settings.discriminator not in DISCRIMINATORS:
        choices = ", ".join(DISCRIMINATORS)
        raise ValueError(f"discriminator must be one of {choices}. Received: {settings.discriminator!r}.")
    if settings.discriminator == "transformer" and settings.filters is not None:
        raise ValueError(f"A Transformer has no filters. Received: filters={settings.filters}.")
