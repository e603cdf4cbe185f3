"""SeqGAN's speed table, at a size that takes seconds, with a stand-in for the peer; and what its step must not do."""

import json
import sys

import pytest
import tensorflow as tf
from small_text_game import GAMES, PART, ROUNDS, make_game

from course_utils.__main__ import main
from course_utils.benchmark import seqgan_speed
from course_utils.models import text_cnn

STAND_IN = """
import sys
print("stand-in", flush=True)
for line in sys.stdin:
    print({"generation": 100.0, "scoring": 50.0, "discriminator": 2.0}[line.split()[0]], flush=True)
"""


@pytest.fixture
def small(monkeypatch):
    sizes = {"VOCABULARY": 30, "LENGTH": 4, "ROLLOUTS": 2, "ROUNDS": 1, "BATCH": 8, "ROWS": 16}
    for name, value in sizes.items():
        monkeypatch.setattr(seqgan_speed, name, value)
    monkeypatch.setattr(seqgan_speed, "ROUND_SENTENCES", 4)
    monkeypatch.setattr(seqgan_speed, "EPOCH_SENTENCES", 16)
    original = text_cnn.TextCNN.__init__

    def narrow(self, *arguments, **settings):
        original(self, *arguments, **{"widths": (1, 2), "filters": 4, **settings})

    monkeypatch.setattr(text_cnn.TextCNN, "__init__", narrow)


def test_the_table_says_what_was_measured_and_stores_the_same(small, tmp_path, monkeypatch, capsys):
    peer = tmp_path / "stand_in.py"
    peer.write_text(STAND_IN)
    monkeypatch.setattr(seqgan_speed, "PEER", peer)
    stored = tmp_path / "speed.json"
    assert main(["benchmark", "speed", "seqgan", "--peer", sys.executable, "--json", str(stored)]) == 0
    result = json.loads(stored.read_text())
    times = result["milliseconds"]
    assert times["peer_reward"] == 150_000
    assert times["peer_discriminator"] == 1000 * 2.0 * (2 * 16 / 8)  # an epoch of four minibatches
    for ratio, top, bottom in (
        ("peer_generation_to_generation", "peer_generation", "generation"),
        ("peer_reward_to_reward", "peer_reward", "reward"),
        ("generation_to_floor", "generation", "generation_floor"),
        ("floor_share_of_step", "step_floor", "step"),
        ("optimizer_share_of_step", "optimizer", "step"),
    ):
        # Stored times have one digit after the point, in milliseconds.
        assert result[ratio] == pytest.approx(times[top] / times[bottom], rel=0.2, abs=0.2)
    assert result["traces"] == 1
    table = capsys.readouterr().out
    for words in ("the reward of a batch", "discriminator epoch", "peer / ours", "one training step", "GiB"):
        assert words in table


def test_floors_are_taken_as_often_as_their_parts_have_them():
    seconds = {name: [1.0] for name in (*seqgan_speed.FLOORS, "step")}
    full = seqgan_speed._in_full(seconds)
    # 1 + 2 + … + 19 tokens for 16 · 64 completions; 16 completions of 19 prefixes and the sentence, a batch of 64 each.
    assert full["generation_floor"] == [190] and full["scoring_floor"] == [305 / 16]
    assert full["discriminator_floor"] == [312]
    # A step also writes 64 sentences for the generator and 5 · 96 for the discriminator, and learns the former.
    assert full["step_floor"] == [190 + (64 + 480) * 20 / 1_024 + 64 * 20 / 1_024 + 305 / 16 + 45]


def test_a_peer_that_cannot_run_is_named(small, tmp_path, monkeypatch):
    monkeypatch.setattr(seqgan_speed, "PEER", tmp_path / "missing.py")
    with pytest.raises(RuntimeError, match=r"The peer stopped.*missing\.py.*needs PyTorch"):
        seqgan_speed.measure(sys.executable)


@pytest.mark.parametrize("name", GAMES)
def test_a_training_step_never_leaves_the_graph(name):
    """No function of Python in it, at any depth."""
    game = make_game(name)
    batch = tf.ones((ROUNDS * PART, 6), tf.int32)
    graph = tf.function(game.train_step).get_concrete_function(batch).graph.as_graph_def()
    kinds = {node.op for node in graph.node} | {node.op for f in graph.library.function for node in f.node_def}
    assert "StatelessRandomUniformV2" in kinds or "StatelessRandomUniformFullIntV2" in kinds
    assert not [kind for kind in kinds if "PyFunc" in kind or kind in ("Print", "PrintV2")]
