"""LeakGAN's speed table, at a size that takes seconds, with a stand-in for the peer; and the peer's networks."""

import ast
import json
import pathlib
import sys

import pytest

from course_utils.__main__ import main
from course_utils.benchmark import leakgan_speed, oracle_leak, oracle_phases, oracle_setting
from course_utils.models import leak_generator, text_cnn
from course_utils.training.compiled_step import CompiledStepModel
from course_utils.training.leakgan import LeakGAN

STAND_IN = """
import sys
answers = {"step": 100.0, "sampling": 50.0, "reward": 25.0, "learning": 10.0, "minibatch": 2.0, **CHECKS}
print("stand-in", flush=True)
for line in sys.stdin:
    print(answers[line.split()[0]], flush=True)
"""


@pytest.fixture
def small(monkeypatch):
    """Small networks, and no XLA for the training steps, which takes seconds to compile."""
    monkeypatch.setattr(CompiledStepModel, "compiled_step", lambda self, step: step)
    sizes = {"VOCABULARY": 30, "LENGTH": 3, "BATCH": 4, "ROLLOUTS": 2, "ROUND_SENTENCES": 4, "ROUNDS": 1}
    for name, value in {**sizes, "CALLS": {}}.items():
        monkeypatch.setattr(leakgan_speed, name, value)
    narrow = {
        text_cnn.TextCNN: {"embedding_dim": 4, "widths": (1, 2), "filters": 4},
        leak_generator.LeakGenerator: {"embedding_dim": 4, "hidden_dim": 4, "goal_dim": 2, "horizon": 2},
    }
    for network, settings in narrow.items():
        original = network.__init__

        def init(self, *arguments, original=original, settings=settings, **given):
            original(self, *arguments, **settings | given)

        monkeypatch.setattr(network, "__init__", init)


@pytest.fixture
def peer(tmp_path, monkeypatch):
    """Return what writes a stand-in that gives these numbers in the check."""

    def write(numbers):
        path = tmp_path / "stand_in.py"
        path.write_text(STAND_IN.replace("CHECKS", repr(numbers)))
        monkeypatch.setattr(leakgan_speed, "PEER", path)

    return write


def test_the_table_says_what_was_measured_and_stores_the_same(small, peer, tmp_path, capsys):
    ours = leakgan_speed.checks()
    peer({**ours, "generator_loss": 1.0001 * ours["generator_loss"]})
    stored = tmp_path / "speed.json"
    assert main(["benchmark", "speed", "leakgan", "--peer", sys.executable, "--json", str(stored)]) == 0
    result = json.loads(stored.read_text())
    times = result["milliseconds"]
    assert times["peer_step"] == 100_000
    for name in ("step", *leakgan_speed.PARTS):
        # Stored times have one digit after the point.
        assert result[f"peer_{name}_to_{name}"] == pytest.approx(times[f"peer_{name}"] / times[name], rel=0.2)
    assert result["peer_difference"] == pytest.approx(1e-4) and result["traces"] == 1
    table = capsys.readouterr().out
    for words in ("one training step", "peer / ours", "its rewards", "to 1e-04", "GiB"):
        assert words in table
    alone = leakgan_speed.report({**result, "peer_difference": None})
    assert "peer" not in alone and "the same numbers" not in alone


def test_a_peer_that_computes_something_else_is_no_peer(small, peer):
    ours = leakgan_speed.checks()
    peer({**ours, "discriminator_gradient": 1.1 * ours["discriminator_gradient"]})
    with pytest.raises(RuntimeError, match=r"something else than we do\. Received: discriminator_gradient"):
        leakgan_speed.measure(sys.executable)


def test_what_is_checked_depends_on_every_part(small, monkeypatch):
    """Each number is finite, and a change of the losses changes it."""
    before = leakgan_speed.checks()
    assert set(before) == {
        "generator_loss",
        "generator_gradient",
        "nll_written",
        "discriminator_loss",
        "discriminator_gradient",
    }
    monkeypatch.setattr(leakgan_speed, "_scattered", lambda n, shape, made=leakgan_speed._scattered: made(n + 1, shape))
    after = leakgan_speed.checks()
    assert all(abs(after[name] / before[name] - 1) > leakgan_speed.TOLERANCE for name in before)


def test_the_peer_has_the_sizes_of_ours():
    """Read and not imported: the course's Python has no PyTorch."""
    known = {}
    for node in ast.parse(pathlib.Path(leakgan_speed.PEER).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Call):
            target = node.targets[0]
            names = [part.id for part in target.elts] if isinstance(target, ast.Tuple) else [target.id]
            values = ast.literal_eval(node.value)
            known |= dict(zip(names, values if isinstance(target, ast.Tuple) else [values], strict=True))
    for name in ("VOCABULARY", "LENGTH", "BATCH", "ROLLOUTS", "ROUND_SENTENCES", "CHECK_ROWS"):
        assert known[name] == getattr(leakgan_speed, name)
    assert (known["ROUNDS"], known["EPOCHS"]) == (oracle_setting.ROUNDS, oracle_setting.EPOCHS)
    assert known["CLIP"] == oracle_phases.CLIP * known["LENGTH"]
    assert known["GENERATOR_RATE"] == oracle_leak.GENERATOR_RATE
    assert known["DISCRIMINATOR_RATE"] == oracle_leak.DISCRIMINATOR_RATE
    judge = text_cnn.TextCNN(10).settings
    assert (known["WIDTHS"], known["FILTERS"]) == (tuple(judge["widths"]), tuple(judge["filters"]))
    assert (known["JUDGE_EMBEDDING"], known["DROPOUT"], known["L2"]) == tuple(
        judge[name] for name in ("embedding_dim", "dropout", "l2")
    )
    generator = leak_generator.LeakGenerator(text_cnn.TextCNN(10), length=20)
    ours = [generator.settings[name] for name in ("embedding_dim", "hidden_dim", "goal_dim", "horizon")]
    assert [known[name] for name in ("EMBEDDING", "HIDDEN", "GOAL", "HORIZON")] == ours
    assert LeakGAN(generator).settings["sharpness"] == known["SHARPNESS"]
    assert LeakGAN(generator).settings["n_rollouts"] == known["ROLLOUTS"]
