"""ScratchGAN's and TextGAN's rows of the oracle benchmark, with small networks."""

import math

import numpy as np
import pytest
from test_oracle_benchmark import asked, small  # noqa: F401  (a fixture)

from course_utils.benchmark import oracle, oracle_methods, oracle_setting, oracle_zoo
from course_utils.benchmark.oracle_table import report
from course_utils.models.code_reader import CodeReader
from course_utils.sampling import log_prob


def test_scratchgan_starts_from_nothing_and_is_measured_at_each_look(small, monkeypatch):  # noqa: F811
    monkeypatch.setattr(oracle_zoo, "LARGE_BATCH", 64)
    rows = oracle.measure(asked(["scratchgan"]))["rows"]
    # 2 epochs of 128 sentences are 4 batches of 64, in two looks.
    assert [(row["method"], row["step"]) for row in rows] == [("scratchgan", 2), ("scratchgan", 4)]
    assert all(math.isfinite(row[name]) for row in rows for name in ("nll_oracle", "nll_gen", "reward"))
    assert "scratchgan" not in oracle_methods.STARTS
    kept = {path.name for path in oracle_setting.Setting("quick", 20).folder(0, "x").parent.iterdir()}
    assert "mle.weights.h5" not in kept


def test_textgans_sentences_are_measured_by_the_oracle_alone(small, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setattr(oracle_zoo, "CODES", 128)
    original, written = CodeReader.__init__, []

    def narrow(self, *arguments, **given):
        original(self, *arguments, **given | {"embedding_dim": 4, "filters": 3})

    monkeypatch.setattr(CodeReader, "__init__", narrow)
    measure = oracle_setting.Setting.measure_written
    monkeypatch.setattr(
        oracle_setting.Setting,
        "measure_written",
        lambda self, tokens: (written.append(tokens), measure(self, tokens))[1],
    )
    result = oracle.measure(asked(["textgan"]))
    rows = result["rows"]
    # Two generator steps of SeqGAN have 2 · 15 · 64 sentences in minibatches, 15 of TextGAN's; 7 in each of two looks.
    assert [(row["method"], row["step"], row["samples"]) for row in rows] == [("textgan", 7, 20), ("textgan", 14, 40)]
    setting = oracle_setting.Setting("quick", 20)
    for row, tokens in zip(rows, written, strict=True):
        assert row["nll_oracle"] == pytest.approx(-np.mean(log_prob(setting.oracle, tokens)), abs=1e-4)
        held_out = setting.held_out[: row["samples"]]
        assert row["floor"] == pytest.approx(-np.mean(log_prob(setting.oracle, held_out)), abs=1e-4)
        assert row["different"] == len({tuple(sentence) for sentence in tokens.numpy().tolist()}) / len(tokens)
    assert rows[-1].keys() >= {"reconstruction", "generator_loss", "discriminator_loss"}
    assert "textgan, step 14: NLL_oracle" in capsys.readouterr().out
    line = next(line for line in report(result).splitlines() if line.startswith("textgan"))
    assert line.split()[2:6] == ["–"] * 4
    assert oracle_methods.STARTS["textgan"] == "mle"
