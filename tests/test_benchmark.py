"""Benchmarks: the count of operations, resumed rows, the JSON that repeats what the table prints."""

import argparse
import dataclasses
import json

import pytest

from course_utils import datasets
from course_utils.__main__ import main
from course_utils.benchmark import mnist_gan, results, speed
from course_utils.models.image_mlp import build_discriminator, build_generator


def test_operations_counted_by_hand_for_two_single_layers():
    generator = build_generator(noise_dim=3, hidden=(), image_shape=(2, 2, 1))  # 3 x 4 weights
    discriminator = build_discriminator(image_shape=(2, 2, 1), hidden=())  # 4 x 1 weights
    # D's turn: G forward 12; D forward and weights' gradient on two batches, 4 * 4.
    # G's turn: G and D forward 16, back through D to the image 4, G's weights 12.
    assert speed.flops_per_step(generator, discriminator, 5) == 2 * 5 * (12 + 16 + 16 + 4 + 12)


def test_ratios_are_taken_within_a_round():
    seconds = {name: [1.0, 2.0, 40.0] for name in ("matmul", "bare", "fit", "eager", "products", "updates", "draws")}
    seconds["bare"] = [0.5, 1.0, 20.0]
    result = speed._ratios(seconds, flops=2 * 1024**3)
    assert result["bare_to_eager"] == 2.0
    assert result["fit_to_bare"] == 0.5
    assert result["bare_to_matmul_rate"] == 2.0
    result.update(machine="2 CPU cores", step_gflop=1.0)
    table = speed.report(result)
    assert "2.000" in table and "0.500" in table


def test_the_quality_benchmark_resumes_and_repeats_its_numbers(tmp_path, monkeypatch, capsys):
    mnist = datasets.load_mnist()
    monkeypatch.setattr(mnist_gan, "BUILD", tmp_path)
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


def test_json_holds_what_the_table_prints(tmp_path, monkeypatch, capsys):
    result = {**results.circumstances("benchmark mnist_gan"), "rows": []}
    monkeypatch.setattr(mnist_gan, "measure", lambda args: result)
    assert main(["benchmark", "mnist_gan", "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text()) == result
    assert capsys.readouterr().out.strip() == mnist_gan.report(result)


@pytest.mark.parametrize("words", [["benchmark", "nothing"], ["benchmark"], ["benchmark", "mnist_gan", "--seeds", "x"]])
def test_wrong_words_get_a_usage_line(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_no_seeds_is_refused(capsys):
    assert main(["benchmark", "mnist_gan", "--seeds", "0"]) == 2
    assert "Received: 0" in capsys.readouterr().err


def test_a_damaged_result_is_named(tmp_path):
    (tmp_path / "rows.json").write_text('{"rows": [')
    with pytest.raises(ValueError, match=r"rows\.json is not a stored result"):
        results.read_json(tmp_path / "rows.json")
