"""BLEU's speed table, at a size that takes seconds: what it says, and that it compares equal scores only."""

import json
import re
import types

import numpy as np
import pytest
from small_texts import random_sentences

from course_utils.__main__ import main
from course_utils.benchmark import bleu_speed
from course_utils.metrics.bleu import self_bleu, sentence_bleu


@pytest.fixture
def small(monkeypatch):
    for name, value in {"SENTENCES": 40, "NLTK_SENTENCES": 4, "ROUNDS": 2, "CALLS": 1}.items():
        monkeypatch.setattr(bleu_speed, name, value)


def test_the_table_says_what_was_measured_and_stores_the_same(small, tmp_path, capsys):
    stored = tmp_path / "speed.json"
    assert main(["benchmark", "speed", "bleu", "--json", str(stored)]) == 0
    result = json.loads(stored.read_text())
    assert result["settings"] == {"sentences": 40, "references": 40, "nltk_sentences": 4}
    table = capsys.readouterr().out
    for name, label in bleu_speed.MEASURES.items():
        loop, nltk = result[f"loop_to_{name}"], result[f"nltk_to_{name}"]
        times = result["milliseconds"]
        assert min(loop, nltk, *times.values()) > 0
        line = rf"^{label} +{times[name]:.1f} +{loop:.1f} +{nltk:,.0f} "
        assert re.search(line, table, flags=re.MULTILINE), table
    assert "GiB" in table and result["subject"] == "bleu"


def test_ratios_are_of_nltks_time_for_all_sentences(small, monkeypatch):
    """With a clock that the contestants move: 2 s of ours, 6 of the loop, 1 of NLTK for a tenth of the sentences."""
    clock, spent = [0.0], {"sentence_bleu": 2.0, "self_bleu": 4.0, "counted_once": 6.0, "_nltk": 1.0}

    def moving(name, original):
        def call(*arguments):
            clock[0] += spent[name]
            return original(*arguments)

        return call

    for name in spent:
        monkeypatch.setattr(bleu_speed, name, moving(name, getattr(bleu_speed, name)))
    monkeypatch.setattr(bleu_speed, "time", types.SimpleNamespace(perf_counter=lambda: clock[0]))
    result = bleu_speed.measure()
    ratios = {name: value for name, value in result.items() if "_to_" in name}
    assert ratios == {"nltk_to_bleu": 5, "loop_to_bleu": 3, "nltk_to_self_bleu": 2.5, "loop_to_self_bleu": 1.5}


@pytest.mark.parametrize("seed", [0, 1])
def test_the_loop_gives_the_packages_scores(seed):
    hypotheses, references = random_sentences(seed, 30, words=3), random_sentences(seed + 10, 20, words=3)
    np.testing.assert_allclose(
        bleu_speed.counted_once(hypotheses, references), sentence_bleu(hypotheses, references), atol=1e-12
    )
    assert np.mean(bleu_speed.counted_once(hypotheses, None)) == pytest.approx(self_bleu(hypotheses), abs=1e-12)


@pytest.mark.parametrize("wrong", ["counted_once", "_nltk"])
def test_contestants_that_disagree_are_refused(small, monkeypatch, wrong):
    original = getattr(bleu_speed, wrong)
    monkeypatch.setattr(bleu_speed, wrong, lambda *arguments: [score + 1e-6 for score in original(*arguments)])
    with pytest.raises(RuntimeError, match=r"BLEU-4 the same score\. Received: .*e-0[67] apart"):
        bleu_speed.measure()
