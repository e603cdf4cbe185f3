"""The oracle benchmark with a small oracle: its rows, its table, and going on after an interruption."""

import argparse
import math

import numpy as np
import pytest
from scipy import stats

from course_utils import benchmark
from course_utils.benchmark import oracle, oracle_methods, oracle_setting
from course_utils.benchmark.oracle_phases import SHARPER
from course_utils.benchmark.oracle_table import best_rows, final_rows, interval, report
from course_utils.records import write_json

METHODS = ["random", "mle", "mle_early", "mle_sharper", "mle_on", "constant", "noise", "pgbleu", "seqgan"]
METHODS += ["seqgan_mixed", "fresh", "maligan", "rankgan", "cot"]


@pytest.fixture
def small(monkeypatch, tmp_path):
    """An oracle of 30 words, networks to match, and little of everything; no XLA, which takes seconds to compile."""
    from course_utils.models.text_cnn import TextCNN
    from course_utils.training.compiled_step import CompiledStepModel
    from course_utils.worlds.lstm_oracle import OracleWeights

    few = {"samples": 40, "curve_samples": 20, "sentences": 128}
    budget = oracle_setting.Budget(epochs=2, warm_up=1, steps=2, looks=2, round_sentences=32, **few)
    draw = OracleWeights.draw
    monkeypatch.setattr(OracleWeights, "draw", lambda seed: draw(seed, 30, 4, 4))
    monkeypatch.setattr(
        oracle_setting.Setting, "discriminator", lambda self, seed: TextCNN(30, embedding_dim=4, widths=(2,), filters=4)
    )
    monkeypatch.setitem(oracle_setting.BUDGETS, "quick", budget)
    monkeypatch.setattr(oracle_setting, "BUILD", tmp_path)
    monkeypatch.setattr(CompiledStepModel, "compiled_step", lambda self, step: step)
    return tmp_path


def asked(methods, seeds=1, profile="quick", more=()):
    parser = argparse.ArgumentParser()
    benchmark.add_arguments(parser)
    return parser.parse_args(["oracle", "--methods", *methods, "--seeds", str(seeds), "--profile", profile, *more])


def test_controls_have_rows_of_their_own_in_the_small_budget_too(small, monkeypatch):
    monkeypatch.setitem(oracle_setting.BUDGETS, "small", oracle_setting.BUDGETS["quick"])
    names = ["pgbleu", "maligan", "rankgan", "pgbleu_shuffled", "maligan_shuffled", "rankgan_noise"]
    result = oracle.measure(asked(names, profile="small"))
    last = {row["method"]: row["nll_gen"] for row in result["rows"]}
    assert list(last) == names and result["command"].endswith("--profile small --length 20")
    assert last["pgbleu"] != last["pgbleu_shuffled"]
    assert last["maligan"] != last["maligan_shuffled"] and last["rankgan"] != last["rankgan_noise"]
    assert (small / "benchmark" / "oracle" / "small-20" / "seed-0" / "rankgan_noise.json").exists()


def test_every_method_gives_whole_rows_and_the_command_that_made_them(small, capsys):
    result = oracle.measure(asked(METHODS))
    rows = result["rows"]
    assert result["command"] == (
        f"python -m course_utils benchmark oracle --methods {' '.join(METHODS)} --seeds 1 --profile quick --length 20"
    )
    assert list(dict.fromkeys(row["method"] for row in rows)) == METHODS
    needed = {"nll_oracle", "nll_gen", "entropy", "floor", "entropy_above_floor", "forward_kl", "reverse_kl"}
    needed |= {"forward_jsd", "reverse_jsd"}
    assert all(needed <= set(row) and all(math.isfinite(row[name]) for name in needed) for row in rows)
    steps = {name: [row["step"] for row in rows if row["method"] == name] for name in METHODS}
    assert steps["seqgan"] == steps["constant"] == steps["maligan"] == steps["rankgan"] == steps["mle"] == [1, 2]
    assert steps["mle_on"] == steps["fresh"] == [2] and steps["cot"] == [2, 4]  # as many as likelihood's
    assert [row["factor"] for row in rows if row["method"] == "mle_sharper"] == list(SHARPER)
    judged = {row["method"] for row in rows if 0 <= row.get("called_real_unseen", -1) <= 1}
    assert judged == {"seqgan", "seqgan_mixed", "fresh", "maligan"}
    assert "0 runs after it" in capsys.readouterr().out
    # All started from the likelihood model, and then went their own ways.
    final = {label: rows[0] for label, rows in final_rows(rows).items() if "sharper" not in label}
    assert len({row["nll_gen"] for label, row in final.items() if label != "fresh"}) == 11  # mle_early is mle here
    assert final["fresh"]["discriminator_loss"] != final["seqgan"]["discriminator_loss"]


def test_a_discriminator_is_asked_about_learned_unseen_and_written_sentences(small):
    setting = oracle_setting.Setting("quick", 20)
    asked_about = []

    class Judge:
        def predict(self, tokens, **_):
            asked_about.append(tokens)
            return np.where(tokens[:, :1] < 10, 1.0, -1.0)

    told = setting.called_real(Judge(), setting.generator(0), seed=0)
    learned, unseen, written = asked_about
    assert np.array_equal(learned, setting.real[:20]) and np.array_equal(unseen, setting.held_out[:20])
    assert written.shape == (20, 20) and not np.array_equal(written, learned)
    assert told == {
        f"called_real_{name}": pytest.approx(np.mean(tokens[:, 0] < 10), abs=1e-4)
        for name, tokens in (("learned", learned), ("unseen", unseen), ("written", written))
    }


def test_an_interrupted_benchmark_goes_on_and_ends_with_the_same_rows(small, monkeypatch):
    methods = ["mle", "seqgan"]
    whole = oracle.measure(asked(methods))["rows"]
    monkeypatch.setattr(oracle_setting, "BUILD", small / "again")
    measure, calls = oracle_setting.Setting.measure, []

    def interrupted(self, *arguments, **options):
        calls.append(options)
        if len(calls) == 4:  # the second look at SeqGAN: trained, and not yet measured
            raise KeyboardInterrupt
        return measure(self, *arguments, **options)

    monkeypatch.setattr(oracle_setting.Setting, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        oracle.measure(asked(methods))
    assert oracle.measure(asked(methods))["rows"] == whole
    assert len(calls) == 5
    oracle.measure(asked(methods))
    assert len(calls) == 5  # all there already


def test_a_method_is_added_to_a_stored_table_and_nothing_else_is_trained_but_its_start(small, monkeypatch, capsys):
    table = small / "table.json"
    stored = oracle.measure(asked(["random", "mle", "constant"]))
    marked = [row | {"nll_oracle": 7.5} if row["method"] == "constant" else row for row in stored["rows"]]
    write_json(table, stored | {"rows": marked})
    monkeypatch.setattr(oracle_setting, "BUILD", small / "elsewhere")
    capsys.readouterr()
    result = oracle.measure(asked(["random", "mle", "constant", "noise"], more=("--known", str(table))))
    assert [row for row in result["rows"] if row["method"] == "constant"] == [
        r for r in marked if "constant" in r.values()
    ]
    told = capsys.readouterr().out
    assert [name for name in oracle_methods.METHODS if f" {name}, step" in told] == ["mle", "noise"]
    with pytest.raises(ValueError, match=r"table\.json cannot be gone on with.*length 20.*length 40"):
        oracle.measure(asked(["random"], more=("--known", str(table), "--length", "40")))


def test_a_seed_that_a_stored_table_has_whole_is_not_trained_again_for_another(small, monkeypatch, capsys):
    table = small / "table.json"
    names = ["mle", "constant"]
    first = oracle.measure(asked(names))
    write_json(table, first)
    monkeypatch.setattr(oracle_setting, "BUILD", small / "elsewhere")
    capsys.readouterr()
    both = oracle.measure(asked(names, seeds=2, more=("--known", str(table))))["rows"]
    assert [row for row in both if row["seed"] == 0] == first["rows"]
    told = capsys.readouterr().out
    assert "seed 1, mle, step" in told and "seed 1, constant, step" in told and "seed 0, " not in told


def test_rows_of_other_versions_are_refused(small, monkeypatch):
    oracle.measure(asked(["random"]))
    circumstances = oracle.circumstances
    monkeypatch.setattr(oracle, "circumstances", lambda command: {**circumstances(command), "versions": {}})
    with pytest.raises(ValueError, match=r"random\.json was measured under other circumstances.*seed-0"):
        oracle.measure(asked(["random"]))


def test_intervals_are_those_of_a_t_test():
    values = [8.7, 8.9, 9.3, 8.8]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    mean, half = interval(values)
    assert (mean - half, mean + half) == pytest.approx((low, high))
    assert math.isnan(interval([1.0])[1])


def rows_of(method, seed, values, **more):
    names = ("nll_gen", "entropy", "floor", "forward_kl", "reverse_kl")
    return [
        {"method": method, "seed": seed, "step": step, "nll_oracle": value, **dict.fromkeys(names, 6.0), **more}
        for step, value in enumerate(values)
    ]


def test_the_table_has_the_end_and_the_best_of_each_seed():
    rows = rows_of("seqgan", 0, [9.0, 8.0, 8.5]) + rows_of("seqgan", 1, [9.0, 8.6, 8.4])
    rows += rows_of("mle_sharper", 0, [7.0], factor=1.5) + rows_of("mle_sharper", 1, [7.4], factor=1.5)
    rows += rows_of("mle_sharper", 0, [6.0], factor=2.0) + rows_of("random", 0, [11.0])
    assert [row["nll_oracle"] for row in final_rows(rows)["seqgan"]] == [8.5, 8.4]
    assert [row["nll_oracle"] for row in best_rows(rows)["seqgan"]] == [8.0, 8.4]
    lines = report({"rows": rows, "length": 20, "machine": "2 CPU cores"}).splitlines()
    words = [line.split()[0] for line in lines[2:]]
    assert words == ["random", "mle_sharper", "mle_sharper", "seqgan"]
    half = 12.706 * np.std([8.5, 8.4], ddof=1) / np.sqrt(2)
    assert f"8.450 ± {half:.3f}" in lines[-1]
    assert lines[-1].endswith(f"8.200 ± {12.706 * np.std([8.0, 8.4], ddof=1) / np.sqrt(2):.3f}")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--methods", "best"], "invalid choice: 'best'"),
        (["--seeds", "0"], "at least 1 is needed"),
        (["--length", "30"], "invalid choice: 30"),
    ],
)
def test_wrong_options_are_named(words, says, capsys):
    parser = argparse.ArgumentParser()
    benchmark.add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["oracle", *words])
    assert says in capsys.readouterr().err
