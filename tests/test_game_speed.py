"""The table of all text GANs' steps, at a size that takes seconds; and that it times the benchmark's games."""

import json

import keras
import pytest
from test_oracle_benchmark import small  # noqa: F401  (a fixture)
from test_oracle_relaxed import narrow  # noqa: F401  (a fixture)

from course_utils.__main__ import main
from course_utils.benchmark import (
    game_speed,
    oracle_games,
    oracle_leak,
    oracle_methods,
    oracle_relaxed,
    oracle_setting,
    oracle_zoo,
)
from course_utils.models import char_resnet
from course_utils.models.code_reader import CodeReader

LENGTH = 5
# One of each kind; LeakGAN's parts are timed in its own table.
TIMED = ("pgbleu", "maligan", "relgan", "textgan", "cot", "char_wgan")
PLAYED = [name for name in oracle_games.ORACLE_GAMES if name != "char_wgan"]


@pytest.fixture
def tiny(narrow, monkeypatch):  # noqa: F811
    """The oracle benchmark's small networks, short sentences and small batches."""
    monkeypatch.setattr(game_speed, "PROFILE", "quick")
    for name, value in {"LENGTH": LENGTH, "ROUNDS": 1, "MOST_CALLS": 1}.items():
        monkeypatch.setattr(game_speed, name, value)
    monkeypatch.setattr(oracle_games, "CRITIC_STEPS", 2)
    for name in ("CODES", "LARGE_BATCH"):
        for module in (oracle_games, oracle_zoo):
            monkeypatch.setattr(module, name, 64)
    original = CodeReader.__init__

    def few(self, *arguments, **given):
        original(self, *arguments, **given | {"embedding_dim": 4, "filters": 3})

    monkeypatch.setattr(CodeReader, "__init__", few)
    for name in ("build_char_generator", "build_char_critic"):
        build = getattr(char_resnet, name)
        monkeypatch.setattr(char_resnet, name, lambda build=build, **given: build(**given, dim=4, blocks=1))


def test_every_games_step_and_its_shares_are_printed_and_stored(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(game_speed, "ORACLE_GAMES", {name: oracle_games.ORACLE_GAMES[name] for name in TIMED})
    stored = tmp_path / "speed.json"
    assert main(["benchmark", "speed", "games", "--json", str(stored)]) == 0
    result = json.loads(stored.read_text())
    rows = result["games"]
    assert tuple(rows) == TIMED
    for name, row in rows.items():
        assert sum(row["shares"].values()) == pytest.approx(1, abs=1e-3), name
        assert row["seconds"]["step"] > 0 and row["parts_to_step"] > 0
    # 5 rounds of 32 real and as many written sentences are 5 minibatches of 64, three times each.
    minibatches = {name: row["minibatches"] for name, row in rows.items()}
    of_others = {"pgbleu": 0, "relgan": 5, "textgan": 1, "cot": 1, "char_wgan": 2}
    assert minibatches == {"maligan": 15, **of_others}
    assert rows["pgbleu"]["shares"]["discriminator"] == 0 and rows["pgbleu"]["seconds"]["minibatch"] is None
    # What is fused into the generator's update is timed beside it.
    fused = {name for name, row in rows.items() if "judge" in row["part_seconds"]}
    assert fused == set(TIMED) - {"pgbleu"}
    table = capsys.readouterr().out
    for words in ("char_wgan", "15 ×", "parts / step", "sampling", "GiB", "at the quick schedule"):
        assert words in table


def test_shares_are_of_the_parts_as_often_as_a_step_has_them():
    counts = {
        "draw": {"sampling": 1},
        "write": {"sampling": 1, "generator": -1},
        "judge": {"reward": 1, "generator": -1},
        "learn": {"generator": 1},
        "round": {"sampling": 5},
        "minibatch": {"discriminator": 10},
    }
    times = {"draw": 0.5, "write": 1.0, "judge": 2.0, "learn": 4.0, "round": 0.1, "minibatch": 0.5}
    row = game_speed.figures({"step": [12.5], **{name: [value] for name, value in times.items()}}, counts)
    assert row["shares"] == {"sampling": 0.2, "reward": 0.2, "generator": 0.1, "discriminator": 0.5}
    assert row["seconds"] == {"step": 12.5, "generator_step": 4.5, "minibatch": 0.5}
    assert row["minibatches"] == 10 and row["parts_to_step"] == 0.8


@pytest.mark.parametrize("name", PLAYED)
def test_the_timed_game_is_the_one_that_the_benchmark_plays(tiny, monkeypatch, name):
    """Equal networks, settings, optimisers and batches."""
    played = {}

    def look(setting, seed, done, name, model, batch, **how):
        played[name] = model, batch
        return iter(())

    setting = oracle_setting.Setting("quick", LENGTH)
    keras.utils.clear_session()  # Keras numbers networks in their names
    for module in (oracle_methods, oracle_zoo, oracle_relaxed, oracle_leak):
        replaced = {
            "go_on": look,
            "loaded": lambda setting, seed, name, generator=None: generator or setting.generator(seed),
            "warm_discriminator": lambda *_, **__: None,
        }
        for function, stand_in in replaced.items():
            monkeypatch.setattr(module, function, stand_in, raising=False)
    assert list(oracle_methods.METHODS[name](setting, 0, 0)) == []
    theirs, their_batch = played[name]
    config = theirs.get_config()
    keras.utils.clear_session()
    ours, our_batch = oracle_games.ORACLE_GAMES[name](setting)
    assert their_batch == our_batch
    assert type(theirs) is type(ours) and config == ours.get_config()
    assert theirs.get_compile_config() == ours.get_compile_config()
