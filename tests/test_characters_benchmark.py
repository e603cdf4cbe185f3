"""The character table with few sentences: its rows, what it measures, and going on after an interruption."""

import argparse
import json

import numpy as np
import pytest

from course_utils import benchmark
from course_utils.benchmark import characters


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Networks of a few numbers, without XLA, which takes seconds."""
    from course_utils.training.compiled_step import CompiledStepModel

    monkeypatch.setitem(characters.BUDGETS, "quick", characters.Budget(4, 2, 2, 100))
    monkeypatch.setattr(characters, "BUILD", tmp_path)
    monkeypatch.setattr(characters, "CRITIC_STEPS", 2)
    monkeypatch.setattr(CompiledStepModel, "compiled_step", lambda self, step: step)
    return tmp_path / "benchmark" / "characters" / "quick"


def asked(seeds):
    parser = argparse.ArgumentParser()
    benchmark.add_arguments(parser)
    return parser.parse_args(["characters", "--profile", "quick", "--seeds", str(seeds)])


def test_every_seed_of_both_methods_has_a_row_a_look_and_an_interrupted_table_goes_on(small, capsys):
    result = characters.measure(asked(1))
    assert result["command"] == "python -m course_utils benchmark characters --seeds 1 --profile quick"
    real, *rows = result["rows"]
    assert [(row["method"], row["seed"], row["step"]) for row in rows] == [
        ("mle", 0, 1), ("mle", 0, 2), ("char_wgan", 0, 1), ("char_wgan", 0, 2)
    ]  # fmt: skip
    assert real["copied"] == real["known_words"] == 1
    assert all(real["jsd_1"] < row["jsd_1"] and row["copied"] == 0 for row in rows)
    table = characters.report(result).splitlines()
    assert [line.split()[0] for line in table[2:]] == ["real", "mle", "char_wgan"]
    assert f"{rows[1]['jsd_4']:.3f}" in table[3] and f"{rows[0]['jsd_1']:.3f}" not in table[3]

    assert {method: len(sentences) for method, sentences in result["sentences"].items()} == {"mle": 4, "char_wgan": 4}
    for method, rates in characters.RATES.items():
        tried = {row["rate"]: row["tuning_jsd_4"] for row in result["tuning"] if row["method"] == method}
        assert tuple(tried) == rates
        assert {row["rate"] for row in rows if row["method"] == method} == {min(tried, key=tried.get)}

    kept = small / f"char_wgan-{rows[-1]['rate']:g}-0.json"
    stored = json.loads(kept.read_text())
    kept.write_text(json.dumps(stored | {"rows": stored["rows"][:1]}))
    capsys.readouterr()
    # The backup is that of the second look, which is measured again.
    again = characters.measure(asked(1))
    assert again["rows"][-1] == rows[-1] and again["sentences"] == result["sentences"]
    assert capsys.readouterr().out.count("seed 0, char_wgan") == 1


def test_the_rate_with_the_smaller_divergence_from_the_sentences_set_aside_is_chosen():
    tried = [("mle", 1e-3, 0.1), ("char_wgan", 1e-4, 0.6), ("char_wgan", 1e-3, 0.5)]
    tuning = [dict(zip(("method", "rate", "tuning_jsd_4"), row, strict=True)) for row in tried]
    assert characters.chosen(tuning, "char_wgan") == 1e-3
    assert characters.chosen(tuning, "mle") == 1e-3


def test_the_sentences_of_the_choice_are_not_those_of_the_measurement_nor_those_learned(small):
    table = characters.Characters("quick", {})
    held_out, tuning = ({tuple(row) for row in part.tolist()} for part in (table.held_out, table.tuning))
    assert len(table.held_out) == len(table.tuning) == 100
    assert not held_out & tuning and not (held_out | tuning) & table.copies


def test_what_follows_the_end_of_a_sentence_does_not_count(small):
    table = characters.Characters("quick", {})
    sentences = table.training[:100].copy()
    noisy = np.where(sentences == 0, 7, sentences)
    assert (sentences != noisy).any()
    assert table.judge(noisy) == table.judge(sentences)


def test_words_that_the_training_text_does_not_have_are_counted(small):
    table = characters.Characters("quick", {})
    known, unknown = table.words & {"the"}, "qzxqz"
    assert known and unknown not in table.words
    judged = table.judge(table.vocabulary.encode(["the qzxqz", "the the"] * 4, characters.LENGTH))
    assert judged["known_words"] == 0.75 and judged["copied"] == 0
