"""The SeqGAN benchmark's setting: the oracle, its sentences, the published generator, and how much is spent on what."""

from __future__ import annotations

import dataclasses
import functools
import pathlib

from course_utils.runtime import BUILD

SENTENCES = 9_984  # 156 batches of 64, as published
BATCH = 64
ORACLE_SEED, DATA_SEED, HELD_OUT_SEED = 0, 1, 2
SPREAD = 0.1  # standard deviation of the generator's initial weights


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a profile spends on one seed of one method.

    Attributes:
        epochs: of likelihood training, for MLE and scheduled sampling, and before every other method.
        warm_up: rounds of the discriminator's pretraining, each with new sentences and three passes.
        steps: generator steps of the adversarial phase.
        looks: how often that phase is measured; divides ``steps``.
        round_sentences: real, and as many written, sentences in each of the five rounds of a generator step.
        samples: sentences of a measurement at the end.
        curve_samples: sentences of a measurement on the way.
        sentences: real ones, and as many held out.
    """

    epochs: int
    warm_up: int
    steps: int
    looks: int
    round_sentences: int
    samples: int = SENTENCES
    curve_samples: int = 2_560
    sentences: int = SENTENCES


ROUNDS, EPOCHS = 5, 3  # of the discriminator, after each generator step, as published
BUDGETS = {
    "quick": Budget(1, 1, 2, 1, 32, samples=256, curve_samples=128, sentences=320),
    # What two cores can pay for every method, its controls and three seeds: 15 minibatches a generator step.
    "small": Budget(10, 2, 30, 3, 32, samples=4_992, curve_samples=1_024),
    # 45 minibatches of the discriminator a generator step, where the published schedule has 4,680.
    "standard": Budget(120, 10, 200, 10, 96),
    "full": Budget(120, 50, 200, 20, SENTENCES),
}


class Setting:
    """The oracle and its sentences, drawn once at most, and the budget of a profile.

    Args:
        profile: a key of `BUDGETS`.
        length: T, 20 or 40 in the literature.
    """

    def __init__(self, profile: str, length: int):
        from course_utils.models.lstm_oracle import oracle_generator
        from course_utils.sampling import sample
        from course_utils.worlds.lstm_oracle import OracleWeights

        self.profile, self.length, self.budget = profile, length, BUDGETS[profile]
        weights = OracleWeights.draw(ORACLE_SEED)
        self.checksum = weights.checksum()
        self.oracle = oracle_generator(weights)
        self.draw = functools.partial(sample, self.oracle, length=length)

    # Drawn when asked for: half a minute each at full size.
    @functools.cached_property
    def real(self):
        """The real sentences, int32 (N, T)."""
        return self.draw(self.budget.sentences, seed=DATA_SEED).numpy()

    @functools.cached_property
    def held_out(self):
        """As many others, which no method learns from."""
        return self.draw(self.budget.sentences, seed=HELD_OUT_SEED).numpy()

    def folder(self, seed: int, method: str) -> pathlib.Path:
        """Return where a run keeps what it needs to go on after an interruption."""
        return BUILD / "benchmark" / "oracle" / f"{self.profile}-{self.length}" / f"seed-{seed}" / method

    def generator(self, seed: int, width: int = 32, dropout: float = 0.0):
        """Return the published generator: the oracle's shape, weights N(0, 0.1); or a wider one, such as a mediator."""
        import numpy as np

        from course_utils.models.recurrent import RecurrentGenerator

        generator = RecurrentGenerator(
            self.oracle.vocabulary_size,
            embedding_dim=width,
            hidden_dim=width,
            dropout=dropout,
            start_token=0,
            end_token=None,
            seed=seed,
        )
        rng = np.random.default_rng(seed)
        for weight in generator.trainable_variables:
            weight.assign(rng.normal(0.0, SPREAD, weight.shape).astype(np.float32))
        return generator

    def discriminator(self, seed: int):
        """Return the published convolutional discriminator."""
        from course_utils.models.text_cnn import TextCNN

        return TextCNN(self.oracle.vocabulary_size, seed=seed)

    def measure(self, generator, seed: int, *, final: bool, temperature: float = 1.0) -> dict:
        """Return the whole report on a generator, rounded for storing."""
        from course_utils.metrics.oracle import judge

        samples = self.budget.samples if final else self.budget.curve_samples
        report = judge(
            generator,
            self.oracle,
            self.held_out[:samples],
            samples=samples,
            temperature=temperature,
            seed=1_000 + seed,
        )
        values = dataclasses.asdict(report)
        del values["standard_errors"]  # the spread over seeds is larger, and is what the table shows
        return {"samples": samples, **{name: round(value, 5) for name, value in values.items()}}

    def measure_written(self, tokens) -> dict:
        """Return what the oracle says of sentences, rounded, where the network that wrote them has no likelihood."""
        from course_utils.metrics.perplexity import perplexity

        tokens = tokens.numpy()
        nll, floor = (perplexity(self.oracle, part).nll_per_token for part in (tokens, self.held_out[: len(tokens)]))
        different = len({tuple(row) for row in tokens.tolist()}) / len(tokens)
        values = {"nll_oracle": nll, "floor": floor, "different": different}
        return {"samples": len(tokens), **{name: round(value, 5) for name, value in values.items()}}

    def called_real(self, discriminator, generator, seed: int) -> dict:
        """Return which shares of sentences a discriminator calls real: of those it learned from, unseen, written."""
        from course_utils.sampling import sample

        samples = self.budget.curve_samples
        written = sample(generator, samples, self.length, seed=2_000 + seed).numpy()
        kinds = {"learned": self.real, "unseen": self.held_out, "written": written}
        logits = {
            name: discriminator.predict(kind[:samples], batch_size=BATCH, verbose=0) for name, kind in kinds.items()
        }
        return {f"called_real_{name}": round(float((values > 0).mean()), 4) for name, values in logits.items()}
