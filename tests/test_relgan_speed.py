"""RelGAN's speed table, at a size that takes seconds, with a stand-in for the peer; and the peer's networks."""

import ast
import json
import pathlib
import sys

import pytest

from course_utils.__main__ import main
from course_utils.benchmark import relgan_speed
from course_utils.models import relational_memory, text_multi_cnn
from course_utils.training.compiled_step import CompiledStepModel

STAND_IN = """
import sys
print("stand-in", flush=True)
for line in sys.stdin:
    print({"step": 100.0}[line.split()[0]], flush=True)
"""


@pytest.fixture
def small(monkeypatch):
    """Small networks, and no XLA for the training steps, which takes seconds to compile."""
    monkeypatch.setattr(CompiledStepModel, "compiled_step", lambda self, step: step)
    sizes = {"VOCABULARY": 30, "LENGTH": 4, "BATCH": 4, "MINIBATCHES": 1, "ROUNDS": 1, "TOKEN_CALLS": 1}
    for name, value in sizes.items():
        monkeypatch.setattr(relgan_speed, name, value)
    narrow = {
        relational_memory.RelationalMemoryGenerator: {"head_dim": 4},
        text_multi_cnn.TextMultiCNN: {"embedding_dim": 4, "representations": 2, "filters": 3, "hidden_dim": 4},
    }
    for network, settings in narrow.items():
        original = network.__init__

        def init(self, *arguments, original=original, settings=settings, **given):
            original(self, *arguments, **settings | given)

        monkeypatch.setattr(network, "__init__", init)


def test_the_table_says_what_was_measured_and_stores_the_same(small, tmp_path, monkeypatch, capsys):
    peer = tmp_path / "stand_in.py"
    peer.write_text(STAND_IN)
    monkeypatch.setattr(relgan_speed, "PEER", peer)
    stored = tmp_path / "speed.json"
    assert main(["benchmark", "speed", "relgan", "--peer", sys.executable, "--json", str(stored)]) == 0
    result = json.loads(stored.read_text())
    times = result["milliseconds"]
    assert times["peer_step"] == 100_000
    assert result["peer_step_to_step"] == pytest.approx(times["peer_step"] / times["step"], rel=0.05)
    assert result["traces"] == 1
    assert set(result["microseconds_per_token"]) == {
        f"{kind}_{name}" for kind in ("write", "learn") for name in ("lstm", "memory", "transformer")
    }
    assert all(value > 0 for value in result["microseconds_per_token"].values())
    assert len(set(result["parameters"].values())) == 3
    table = capsys.readouterr().out
    for words in ("one training step", "peer / ours", "µs to write", "transformer", "GiB"):
        assert words in table
    assert "peer" not in relgan_speed.report({**result, "peer_step_to_step": None})


def test_the_peer_has_the_sizes_of_ours():
    """Read and not imported: the course's Python has no PyTorch."""
    sizes = {}
    for node in ast.parse(pathlib.Path(relgan_speed.PEER).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            names = [part.id for part in target.elts] if isinstance(target, ast.Tuple) else [target.id]
            values = ast.literal_eval(node.value)
            sizes |= dict(zip(names, values if isinstance(target, ast.Tuple) else [values], strict=True))
    ours = relational_memory.RelationalMemoryGenerator(10).settings
    judge = text_multi_cnn.TextMultiCNN(10)
    assert (sizes["EMBEDDING"], sizes["HEADS"], sizes["HEAD"]) == (32, ours["heads"], ours["head_dim"])
    assert (sizes["REPRESENTATIONS"], sizes["WIDTHS"], sizes["HIDDEN"]) == (64, judge.widths, 100)
    assert judge.settings["filters"] == [sizes["FILTERS"]] * 4 and judge.representations == 64
    for name in ("VOCABULARY", "LENGTH", "BATCH", "MINIBATCHES"):
        assert sizes[name] == getattr(relgan_speed, name)
