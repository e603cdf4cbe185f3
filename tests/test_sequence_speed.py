"""The speed table of the sequence engine, at a size that takes a second, with a stand-in for the peer."""

import json
import sys

import pytest

from course_utils.__main__ import main
from course_utils.benchmark import sequence_speed

STAND_IN = """
import sys
print("stand-in", flush=True)
for line in sys.stdin:
    print({"likelihood": 2.0, "inverse_cdf": 0.5, "multinomial": 100.0, "rollout": 1000.0}[line.split()[0]], flush=True)
"""


@pytest.fixture
def small(monkeypatch):
    sizes = {"VOCABULARY": 30, "LENGTH": 5, "BATCH": 4, "SENTENCES": 20, "ROLLOUTS": 2, "ROUNDS": 1, "LENGTHS": (3, 6)}
    for name, value in sizes.items():
        monkeypatch.setattr(sequence_speed, name, value)
    monkeypatch.setattr(sequence_speed, "CALLS", dict.fromkeys(sequence_speed.CALLS, 1))


def test_the_table_says_what_was_measured_and_stores_the_same(small, tmp_path, monkeypatch, capsys):
    peer = tmp_path / "stand_in.py"
    peer.write_text(STAND_IN)
    monkeypatch.setattr(sequence_speed, "PEER", peer)
    stored = tmp_path / "speed.json"
    assert main(["benchmark", "speed", "sequences", "--peer", sys.executable, "--json", str(stored)]) == 0
    result = json.loads(stored.read_text())
    times = result["milliseconds"]
    assert times["peer_likelihood"] == 2000.0
    assert result["multinomial_to_sample"] == pytest.approx(100_000 / times["sample"], rel=0.05)
    assert result["sample_to_inverse_cdf"] == pytest.approx(times["sample"] / 500, abs=0.05)
    assert result["peer_rollout_to_rollout"] == pytest.approx(1e6 / times["rollout"], rel=0.05)
    assert result["traces"] == {"likelihood": 1, "sample": 1, "rollout": 1}
    assert [len(result["per_token"][name]) for name in ("lengths", "lstm", "transformer_without_cache")] == [2, 2, 2]
    table = capsys.readouterr().out
    for words in ("step / peer's step", "peer's loop / ours", "transformer without cache", "GiB"):
        assert words in table


def test_without_a_peer_its_ratios_are_left_out(small, capsys):
    assert main(["benchmark", "speed", "sequences"]) == 0
    table = capsys.readouterr().out
    assert "peer's step" not in table and "step / products" in table


def test_a_peer_that_cannot_run_is_named(small, tmp_path, monkeypatch):
    monkeypatch.setattr(sequence_speed, "PEER", tmp_path / "missing.py")
    with pytest.raises(RuntimeError, match=r"The peer stopped.*missing\.py.*needs PyTorch"):
        sequence_speed.measure(sys.executable)


def test_a_function_that_is_traced_twice_fails_the_measurement(small, monkeypatch):
    real = sequence_speed._contestants

    def restless():
        functions, traces = real()
        return functions, lambda: {**traces(), "sample": 2}

    monkeypatch.setattr(sequence_speed, "_contestants", restless)
    with pytest.raises(RuntimeError, match=r"traced once.*'sample': 2"):
        sequence_speed.measure(None)
