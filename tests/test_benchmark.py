"""Benchmarks: the count of operations, resumed rows, the JSON that repeats what the table prints."""

import argparse
import dataclasses
import json
import re
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils import datasets, records, runtime
from course_utils.__main__ import main
from course_utils.benchmark import arena, contestants, image_speed, mnist_gan
from course_utils.benchmark.resuming import read_kept
from course_utils.models.image_mlp import build_discriminator, build_generator
from course_utils.training.lookahead import Lookahead
from course_utils.training.side_by_side import Contestant


def test_operations_counted_by_hand_for_two_single_layers():
    generator = build_generator(noise_dim=3, hidden=(), image_shape=(2, 2, 1))  # 3 x 4 weights
    discriminator = build_discriminator(image_shape=(2, 2, 1), hidden=())  # 4 x 1 weights
    # D's turn: G forward 12; D forward and weights' gradient on two batches, 4 * 4.
    # G's turn: G and D forward 16, back through D to the image 4, G's weights 12.
    assert contestants.flops_per_step(generator, discriminator, 5) == 2 * 5 * (12 + 16 + 16 + 4 + 12)


def test_ratios_are_taken_within_a_round():
    seconds = {name: [1.0, 2.0, 40.0] for name in image_speed.CALLS}
    seconds["bare"] = [0.5, 1.0, 20.0]
    result = image_speed._ratios(seconds, flops=2 * 1024**3)
    assert result["bare_to_eager"] == 2.0
    assert result["fit_to_bare"] == 0.5
    assert result["bare_to_matmul_rate"] == 2.0
    assert result["milliseconds"]["rest"] == 1000 * (1.0 - 3 * 2.0)


def test_the_speed_table_runs_every_contestant_and_prints_its_ratios(monkeypatch, capsys):
    monkeypatch.setattr(image_speed, "ROUNDS", 1)
    monkeypatch.setattr(image_speed, "CALLS", dict.fromkeys(image_speed.CALLS, 1))
    mnist = datasets.load_mnist()
    few = dataclasses.replace(mnist, train_images=mnist.train_images[:640])
    monkeypatch.setattr(datasets, "load_mnist", lambda: few)
    assert main(["benchmark", "speed", "images"]) == 0
    table = capsys.readouterr().out
    for words in ("GFLOP/s", "fit() / bare step", "bare step / matmul rate", "eager loop", "GiB", "the rest"):
        assert words in table


def test_the_plain_step_moves_both_networks():
    networks = build_generator(hidden=(8,)), build_discriminator(hidden=(8,))
    optimizers = [keras.optimizers.SGD(0.1) for _ in networks]
    before = [network.get_weights()[0] for network in networks]
    noise = tf.random.stateless_normal((2, 4, 100), (0, 0))
    losses = contestants.plain_step(*networks, *optimizers)(tf.zeros((4, 28, 28, 1)), *noise)
    assert all(np.isfinite(float(loss)) for loss in losses)
    assert all(not np.array_equal(n.get_weights()[0], b) for n, b in zip(networks, before, strict=True))


def test_the_quality_benchmark_resumes_and_repeats_its_numbers(tmp_path, monkeypatch, capsys):
    mnist = datasets.load_mnist()
    monkeypatch.setattr(mnist_gan, "BUILD", tmp_path)
    monkeypatch.setenv("COURSE_PROFILE", "quick")  # measure() sets it; this puts it back
    monkeypatch.setattr(mnist_gan, "SAMPLES", {"quick": 200})
    few = dataclasses.replace(mnist, train_images=mnist.train_images[:1_000], test_images=mnist.test_images[:200])
    monkeypatch.setattr(datasets, "load_mnist", lambda: few)
    monkeypatch.setattr(mnist_gan, "EPOCHS", {"quick": (1,)})
    arguments = argparse.Namespace(seeds=1, profile="quick")
    first = mnist_gan.measure(arguments)
    monkeypatch.setattr(mnist_gan, "EPOCHS", {"quick": (1, 2)})
    capsys.readouterr()
    resumed = mnist_gan.measure(arguments)
    assert resumed["rows"][0] == first["rows"][0]
    assert [row["epoch"] for row in resumed["rows"]] == [1, 2]
    assert "epoch 1:" not in capsys.readouterr().out
    assert len(mnist_gan.report(resumed).splitlines()) == 3


def test_the_arena_plays_every_contestant_and_prints_its_ratios(monkeypatch, capsys):
    monkeypatch.setattr(arena, "ROUNDS", 1)
    monkeypatch.setattr(arena, "STEPS", dict.fromkeys(arena.STEPS, 1))
    monkeypatch.setattr(arena, "SEEDS", 2)
    assert main(["benchmark", "arena"]) == 0
    table = capsys.readouterr().out
    assert re.search(r"side by side +20 ", table) and re.search(r"one at a time +1 ", table)
    assert table.count("times as many games as the loop") == 2


def test_games_side_by_side_are_counted_per_game():
    seconds = {"loop": [4.0, 9.0, 2.0], "one": [2.0, 3.0, 1.0], "one_xla": [0.5, 0.5, 0.5]}
    seconds |= {"many": [0.5, 1.0, 0.5], "many_xla": [0.1, 0.1, 0.1]}
    result = arena._ratios({name: [value / 1_000 for value in values] for name, values in seconds.items()})
    assert result["times_faster"]["many"] == {"loop": 8.0, "one": 3.0, "one_xla": 1.0}
    assert result["games_per_second"]["one"] == 1_000 / (arena.GAME_STEPS * 2.0)


def lesson_cell(words):
    """Return the one code cell of lesson 02 that holds these words."""
    lesson = json.loads((runtime.REPOSITORY / "notebooks/02_training_dynamics.ipynb").read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in lesson["cells"] if cell["cell_type"] == "code"]
    (found,) = [source for source in sources if words in source]
    return found


def nameless(config):
    """Return an optimiser's settings without the names that Keras numbers."""
    return {
        key: nameless(value) if isinstance(value, dict) else value for key, value in config.items() if key != "name"
    }


def test_the_arena_has_the_lessons_field():
    lesson = {"keras": keras, "Lookahead": Lookahead, "Contestant": Contestant}
    exec(lesson_cell("field = {"), lesson)
    found = arena._field()
    assert list(found) == list(lesson["field"])
    for name, (make, rates) in lesson["field"].items():
        optimizer = found[name]()
        rate = float(optimizer.learning_rate)
        assert rate in np.float32(rates)
        assert type(optimizer) is type(make(rate))
        assert nameless(optimizer.get_config()) == nameless(make(rate).get_config())


def test_a_game_of_the_arena_is_as_long_as_the_lessons():
    (line,) = [line for line in lesson_cell("arena_steps = ").splitlines() if line.startswith("arena_steps = ")]
    lesson = {"run": types.SimpleNamespace(pick=lambda **profiles: profiles["standard"])}
    exec(line, lesson)
    assert lesson["arena_steps"] == arena.GAME_STEPS


def test_the_start_takes_in_what_is_made_before_the_first_step(monkeypatch):
    clock = [0.0]

    def spend(seconds, result=None):
        clock[0] += seconds
        return result

    makers = {name: lambda: spend(2.0, lambda steps: spend(0.5 * steps)) for name in arena.STEPS}
    monkeypatch.setattr(arena, "_contestants", lambda: (makers, dict.fromkeys(makers, 1)))
    monkeypatch.setattr(arena, "time", types.SimpleNamespace(perf_counter=lambda: clock[0]))
    result = arena.measure(argparse.Namespace())
    assert set(result["start_seconds"].values()) == {2.5}
    assert set(result["game_step_milliseconds"].values()) == {500.0}
    assert re.search(r"games a second +start\n", arena.report(result)) and arena.report(result).count(" 2.5 s") == 5


def test_json_holds_what_the_table_prints(tmp_path, monkeypatch, capsys):
    result = {**records.circumstances("benchmark mnist_gan"), "rows": []}
    monkeypatch.setattr(mnist_gan, "measure", lambda args: result)
    assert main(["benchmark", "mnist_gan", "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text()) == result
    assert capsys.readouterr().out.strip() == mnist_gan.report(result)


@pytest.mark.parametrize("words", [["benchmark", "nothing"], ["benchmark"], ["benchmark", "mnist_gan", "--seeds", "0"]])
def test_wrong_words_get_a_usage_line(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_rows_of_other_versions_are_not_mixed_in(tmp_path):
    kept = tmp_path / "quick-0.json"
    records.write_json(kept, {"versions": {"keras": "1"}, "machine": "here", "rows": [1]})
    assert read_kept(kept, {"versions": {"keras": "1"}, "machine": "here"}, "it")["rows"] == [1]
    with pytest.raises(ValueError, match=r"quick-0\.json .*Delete it and the folder quick-0 to measure"):
        read_kept(kept, {"versions": {"keras": "2"}, "machine": "here"}, "it and the folder quick-0")
    assert read_kept(tmp_path / "new" / "rows.json", {}, "it") == {} and (tmp_path / "new").is_dir()


def test_a_damaged_result_is_named(tmp_path):
    (tmp_path / "rows.json").write_text('{"rows": [')
    with pytest.raises(ValueError, match=r"rows\.json is not a stored result"):
        records.read_json(tmp_path / "rows.json")
