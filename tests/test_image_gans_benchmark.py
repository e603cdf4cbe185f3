"""The arena of image GANs with few images: its rows, its choice of rates, and going on after an interruption."""

import argparse
import dataclasses
import json

import pytest

from course_utils import benchmark
from course_utils.benchmark import image_gans


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Few digits, since all have to be scored, and no XLA, which takes seconds."""
    from course_utils import datasets
    from course_utils.training.compiled_step import CompiledStepModel

    mnist = datasets.load_mnist()
    few = dataclasses.replace(mnist, train_images=mnist.train_images[:2_000], test_images=mnist.test_images[:600])
    monkeypatch.setattr(datasets, "load_mnist", lambda: few)
    monkeypatch.setattr(image_gans, "BUILD", tmp_path)
    monkeypatch.setattr(CompiledStepModel, "compiled_step", lambda self, step: step)
    return tmp_path / "benchmark" / "image_gans" / "quick"


def asked(*methods, seeds=1):
    parser = argparse.ArgumentParser()
    benchmark.add_arguments(parser)
    words = ["image_gans", "--profile", "quick", "--seeds", str(seeds), "--methods", *methods]
    return parser.parse_args(words)


def test_every_row_is_the_game_that_its_method_says(small):
    """Without training it: the networks and the settings."""
    arena = image_gans.Arena("quick", {})
    for name, method in image_gans.METHODS.items():
        gan, batches = arena._game(name, 1e-4, 0)
        assert gan.settings["loss"] == method.loss and gan.settings["penalty"] == method.penalty
        assert batches.element_spec.shape[0] == image_gans.BATCH * method.discriminator_steps
        ratio = gan.discriminator_optimizer.learning_rate / gan.generator_optimizer.learning_rate
        assert float(ratio) == pytest.approx(method.faster)
    few, all_images = (arena._game(name, 1e-4, 0)[1] for name in ("few", "non_saturating"))
    assert few.cardinality() == all_images.cardinality()


def test_rates_are_chosen_on_another_seed_and_an_interrupted_table_goes_on(small, monkeypatch, capsys):
    monkeypatch.setitem(image_gans.BUDGETS, "quick", image_gans.Budget(2, 5 * 64, 512, (4, 2)))
    args = asked("wgan_gp")
    result = image_gans.measure(args)
    rows = result["rows"]
    assert [(row["method"], row["seed"], row["look"], row["generator_steps"]) for row in rows] == [
        ("wgan_gp", 0, 1, 1), ("wgan_gp", 0, 2, 2)
    ]  # fmt: skip
    tried = {row["rate"]: row["distance"] for row in result["tuning"]}
    assert set(tried) == set(image_gans.RATES) and {row["look"] for row in result["tuning"]} == {1}
    assert {row["rate"] for row in rows} == {min(tried, key=tried.get)}
    assert all(row["distance"] > result["real"]["distance"] for row in rows)
    table = image_gans.report(result).splitlines()
    assert [line.split()[0] for line in table[1:]] == ["real", "wgan_gp"]
    assert f"{rows[1]['distance']:.2f}"[:4] in table[2]

    kept = small / f"wgan_gp-{rows[0]['rate']:g}-0.json"
    stored = json.loads(kept.read_text())
    kept.write_text(json.dumps(stored | {"rows": stored["rows"][:1]}))
    capsys.readouterr()
    again = image_gans.measure(args)["rows"][1]
    assert again | {"seconds": 0} == rows[1] | {"seconds": 0}
    assert capsys.readouterr().out.count("seed 0, look") == 1
