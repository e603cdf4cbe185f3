"""LeakGAN's rows of the oracle benchmark, with a small oracle."""

import math

import numpy as np
from test_oracle_benchmark import asked, small  # noqa: F401  (a fixture)

from course_utils.benchmark import oracle, oracle_leak, oracle_methods, oracle_setting
from course_utils.benchmark.oracle_phases import SHARPER
from course_utils.training.leakgan import LeakGAN


def test_leakgan_goes_on_from_its_own_pretraining_discriminator_included(small, monkeypatch):  # noqa: F811
    made = []
    original = LeakGAN.__init__
    monkeypatch.setattr(LeakGAN, "__init__", lambda self, *a, **k: (made.append(k), original(self, *a, **k))[0])
    rows = oracle.measure(asked(["leak_mle", "leak_sharper", "leakgan"]))["rows"]
    sharper = [row for row in rows if row["method"] == "leak_sharper"]
    rows = [row for row in rows if row["method"] != "leak_sharper"]
    assert [(row["factor"], row["step"]) for row in sharper] == [(factor, 4) for factor in SHARPER]
    assert sharper[-1]["entropy"] < sharper[0]["entropy"] < rows[1]["entropy"] != rows[0]["entropy"]
    # One round over 128 sentences is two steps, each with two of the generator's: two epochs of likelihood.
    assert [(row["method"], row["step"]) for row in rows] == [
        ("leak_mle", 2),
        ("leak_mle", 4),
        ("leakgan", 1),
        ("leakgan", 2),
    ]
    assert all(math.isfinite(row[name]) for row in rows for name in ("nll_oracle", "nll_gen", "goal_cosine"))
    assert "supervised_nll" in rows[0] and "called_real_unseen" in rows[-1] and "reward" in rows[-1]
    assert [(given.get("supervised_every"), given["discriminator_rounds"]) for given in made] == [(1, 1), (None, 5)]
    assert oracle_methods.STARTS["leakgan"] == "leak_mle" and "leak_mle" not in oracle_methods.STARTS
    # The game begins with the discriminator that the pretraining ended with.
    setting = oracle_setting.Setting("quick", 20)
    generator = oracle_leak._generator(setting, 0)
    before = np.array(generator.discriminator.embedding.matrix)
    generator.load_weights(setting.folder(0, "leak_mle.weights.h5"))
    assert np.abs(generator.discriminator.embedding.matrix - before).max() > 0
