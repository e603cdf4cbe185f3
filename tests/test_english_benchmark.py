"""The English study with few sentences: its rows, the choice of a rate, and going on after an interruption."""

import argparse
import dataclasses
import json
import math

import pytest

from course_utils import benchmark
from course_utils.benchmark import english
from course_utils.benchmark.english_sweep import Judge


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The validation sentences in the place of the training ones, and few numbers; no XLA, which takes seconds."""
    from course_utils.training.compiled_step import CompiledStepModel

    shared = {"size": 4, "epochs": 1, "steps": 2, "looks": 1, "warm_up": 0, "minibatches": 3, "rollouts": 1}
    shared |= {"filters": 4, "pretraining": 1}
    monkeypatch.setitem(english.BUDGETS, "quick", english.Budget(shared, 512, 128, (1.0, 0.5)))
    monkeypatch.setattr(english, "TRAINING", "valid")
    monkeypatch.setattr(english, "VALIDATION", "test")
    monkeypatch.setattr(english, "LIKELIHOOD_RATES", (1e-5, 1e-2))
    monkeypatch.setattr(english, "RATES", (1e-3,))
    monkeypatch.setattr(english, "BUILD", tmp_path)
    monkeypatch.setattr(CompiledStepModel, "compiled_step", lambda self, step: step)
    return tmp_path / "benchmark" / "english" / "quick"


def held_out_nll(folder, rate):
    metrics = json.loads((folder / "seed-0" / f"mle-{rate:g}" / "metrics.json").read_text())
    return metrics["held_out"]["nll_per_token"]


def asked(*words):
    parser = argparse.ArgumentParser()
    benchmark.add_arguments(parser)
    return parser.parse_args(["english", "--profile", "quick", "--seeds", "1", *words])


def test_every_method_is_judged_at_every_temperature_with_the_better_rate(small, capsys):
    result = english.measure(asked("--methods", "pgbleu", "mle"))
    assert (
        result["command"] == "python -m course_utils benchmark english --methods mle pgbleu --seeds 1 --profile quick"
    )
    real, *rows = result["rows"]
    assert real["method"] == "real" and real["novelty_4"] > 0.5 and "nll_gen" not in real
    assert [(row["method"], row["temperature"]) for row in rows] == [
        ("mle", 1.0), ("mle", 0.5), ("pgbleu", 1.0), ("pgbleu", 0.5)
    ]  # fmt: skip
    assert all(math.isfinite(value) for row in rows for name, value in row.items() if name != "method")
    mle, cold = rows[:2]
    assert cold["nll_div"] < mle["nll_div"] and cold["self_bleu_2"] > mle["self_bleu_2"], "colder samples vary less"
    assert real["embedding_distance"] < mle["embedding_distance"]
    tried = {row["rate"]: row["embedding_distance"] for row in result["tuning"] if row["method"] == "mle"}
    assert set(tried) == {1e-5, 1e-2} and mle["rate"] == min(tried, key=tried.get)
    started = json.loads((small / "seed-0" / "pgbleu-0.001" / "history.json").read_text())
    assert started["nll"][0] == pytest.approx(held_out_nll(small, mle["rate"])), "the game goes on from likelihood"
    table = english.report(result)
    assert [line.split()[0] for line in table.splitlines()[2:]] == ["real", "mle", "pgbleu"]
    assert f"{mle['reverse_nll']:.3f}" in table and f"{cold['reverse_nll']:.3f}" not in table

    capsys.readouterr()
    (small / "seed-0" / f"pgbleu-{1e-3:g}-at-0.5.json").unlink()
    again = english.measure(asked("--methods", "pgbleu", "mle"))
    assert again == result, "what is there is not measured again, and the same network gives the same numbers"
    assert "at-0.5: BLEU-4" in capsys.readouterr().out


def test_a_method_is_added_to_a_stored_table(small, monkeypatch, tmp_path, capsys):
    table = tmp_path / "table.json"
    stored = english.measure(asked("--methods", "mle"))
    stored["rows"][1]["reverse_nll"] = 1.5
    table.write_text(json.dumps(stored))
    monkeypatch.setattr(english, "BUILD", tmp_path / "elsewhere")
    capsys.readouterr()
    result = english.measure(asked("--methods", "mle", "pgbleu", "--known", str(table)))
    assert result["rows"][: len(stored["rows"])] == stored["rows"] and result["rows"][-1]["method"] == "pgbleu"
    assert result["tuning"][:2] == stored["tuning"]
    keys = [line.split(":")[0] for line in capsys.readouterr().out.splitlines() if "BLEU-4" in line]
    assert keys == ["tuning/pgbleu-0.001", "seed-0/pgbleu-0.001-at-1", "seed-0/pgbleu-0.001-at-0.5"]
    table.write_text(json.dumps(stored | {"machine": "another"}))
    with pytest.raises(ValueError, match=r"table\.json cannot be gone on with.*another"):
        english.measure(asked("--methods", "mle", "--known", str(table)))


def test_a_variant_of_a_game_is_told_what_makes_it_one_and_goes_on_from_its_own_network(small, monkeypatch):
    trained = {}
    monkeypatch.setattr(english, "train_mle", lambda settings, folder: None)
    monkeypatch.setattr(english.Study, "rate", lambda self, name: 1e-3)

    def train_game(game, settings, folder, likelihood, warm_up):
        trained[folder.name] = game, settings, likelihood.name

    monkeypatch.setattr(english, "train_game", train_game)
    study = english.Study("quick", {})
    for name in ("seqgan", "seqgan_mixed", "transformer_seqgan", "transformer_gsgan"):
        study.trained(name, 0, 1e-4)
    names = {folder.removesuffix("-0.0001"): (game, begin) for folder, (game, _, begin) in trained.items()}
    assert names == {
        "seqgan": ("seqgan", "mle-0.001"),
        "seqgan_mixed": ("seqgan", "mle-0.001"),
        "transformer_seqgan": ("seqgan", "mle_transformer-0.001"),
        "transformer_gsgan": ("gsgan", "mle_transformer-0.001"),
    }
    plain, mixed, *transformers = (settings for _, settings, _ in trained.values())
    assert dataclasses.replace(plain, likelihood_weight=0.5) == mixed and plain.filters == 4
    for settings in transformers:
        assert (settings.generator, settings.discriminator, settings.filters) == ("transformer", "transformer", None)


def test_sentences_are_held_against_the_test_ones(small):
    judge = english.Study("quick", {}).judge
    assert isinstance(judge, Judge) and len(judge.real) == 1_765
    copies = judge.of_sentences(judge.training, seed=0)
    assert copies["copied"] == 1 and copies["novelty_4"] == 0
    itself = judge.of_sentences(judge.real, seed=0)
    assert itself["bleu_5"] == itself["ms_jaccard_4"] == 1 and itself["embedding_distance"] < 1e-3


def test_a_network_that_writes_from_codes_has_no_likelihood(small):
    from course_utils.models.latent_recurrent import LatentGenerator

    judge = english.Study("quick", {}).judge
    writer = LatentGenerator(len(judge.vocabulary), code_dim=2, embedding_dim=4, hidden_dim=4)
    measured = judge.of_generator(writer, 0.7, seed=0)
    assert "reverse_nll" in measured and not {"nll_gen", "nll_div"} & measured.keys()
