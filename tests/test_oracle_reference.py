"""The stored reference values of the oracle: its checksum, and the values measured again on few sentences."""

import json
import math

from course_utils.__main__ import main
from course_utils.benchmark import oracle_reference
from course_utils.runtime import RESULTS
from course_utils.worlds.lstm_oracle import OracleWeights

STORED = json.loads((RESULTS / "oracle_reference.json").read_text(encoding="utf-8"))
KINDS = ["floor", "uniform", "untrained"]


def test_the_values_are_those_of_the_courses_oracle():
    assert OracleWeights.draw(STORED["oracle_seed"]).checksum() == STORED["oracle_sha256"]
    assert STORED["oracle_seed"] == 0


def test_they_are_precise_and_in_order():
    assert list(STORED["lengths"]) == ["20", "40"]
    for rows in STORED["lengths"].values():
        assert list(rows) == KINDS
        assert rows["floor"]["sentences"] == 99_840 and rows["floor"]["standard_error"] < 0.002
        assert max(row["standard_error"] for row in rows.values()) < 0.006
        assert rows["floor"]["nll_oracle"] < math.log(5_000) < rows["uniform"]["nll_oracle"]


def test_few_other_sentences_give_the_same_values(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(oracle_reference, "SENTENCES", {"floor": 400, "uniform": 200, "untrained": 200})
    monkeypatch.setattr(oracle_reference, "SEED", 1_000)
    path = tmp_path / "oracle_reference.json"
    assert main(["benchmark", "oracle_reference", "--json", str(path)]) == 0
    measured, table = json.loads(path.read_text(encoding="utf-8")), capsys.readouterr().out
    assert measured["oracle_sha256"] == STORED["oracle_sha256"] and STORED["oracle_sha256"][:16] in table
    for length, rows in STORED["lengths"].items():
        for name, row in rows.items():
            again = measured["lengths"][length][name]
            error = math.hypot(row["standard_error"], again["standard_error"])
            assert 0 < abs(again["nll_oracle"] - row["nll_oracle"]) < 4 * error < 0.25, (length, name)
            assert f"{again['nll_oracle']:.4f} ± {again['standard_error']:.4f}" in table
