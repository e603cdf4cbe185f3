"""The stored measurements: what they say about how they were made, and that the command in them can be run."""

import argparse
import json
import math
import re

import pytest

from course_utils import benchmark, runtime
from course_utils.benchmark.english import REAL, TEMPERATURES
from course_utils.benchmark.oracle_phases import SHARPER
from course_utils.benchmark.oracle_setting import BUDGETS

FILES = sorted(runtime.RESULTS.glob("*.json"))
PROGRAM = "python -m course_utils benchmark "


def stored(path):
    return json.loads(path.read_text(encoding="utf-8"))


def parsed(command):
    """Return the arguments of a stored command, read by the command line's own parser."""
    assert command.startswith(PROGRAM)
    parser = argparse.ArgumentParser()
    benchmark.add_arguments(parser)
    return parser.parse_args(command.removeprefix(PROGRAM).split())


def file_name(args):
    """Return the name, without its suffix, under which the table of these arguments is stored."""
    if "profile" in args:
        return f"{args.table}_{args.profile}"
    return f"{args.subject.removesuffix('s')}_{args.table}" if "subject" in args else args.table


def test_there_are_results():
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_circumstances_are_stored(path):
    result = stored(path)
    args = parsed(result["command"])
    assert path.stem == file_name(args)
    assert set(result["versions"]) == {"python", "tensorflow", "keras", "numpy"}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in result["versions"].values())
    # Cores and processor, and so no host name, user or folder.
    assert re.fullmatch(r"\d+ CPU cores, (x86_64|aarch64|arm64|AMD64)", result["machine"])


@pytest.mark.parametrize("path", [path for path in FILES if "rows" in stored(path)], ids=lambda path: path.stem)
def test_rows_are_of_the_seeds_that_the_command_names(path):
    result = stored(path)
    rows = result["rows"]
    assert {row["seed"] for row in rows if "seed" in row} == set(range(parsed(result["command"]).seeds))
    assert all(math.isfinite(value) for row in rows for name, value in row.items() if name != "method")


def test_english_has_every_method_at_every_temperature_and_what_was_tried():
    result = stored(runtime.RESULTS / "english_standard.json")
    args = parsed(result["command"])
    real, *rows = result["rows"]
    places = [(row["method"], row["seed"], row["temperature"]) for row in rows]
    every = {(name, seed, at) for name in args.methods for seed in range(args.seeds) for at in TEMPERATURES}
    assert real["method"] == REAL and len(places) == len(every) and set(places) == every
    for name in args.methods:
        tried = {row["rate"]: row["embedding_distance"] for row in result["tuning"] if row["method"] == name}
        assert len(tried) == 2 and {row["rate"] for row in rows if row["method"] == name} == {min(tried, key=tried.get)}


def test_mnist_gan_was_measured_over_three_seeds_at_the_same_epochs():
    rows = stored(runtime.RESULTS / "mnist_gan_full.json")["rows"]
    epochs = {seed: [row["epoch"] for row in rows if row["seed"] == seed] for seed in {row["seed"] for row in rows}}
    assert len(epochs) == 3
    assert len({tuple(of_seed) for of_seed in epochs.values()}) == 1
    assert epochs[0] == sorted(set(epochs[0]))


def test_the_sequence_engine_was_measured_beside_its_peer():
    result = stored(runtime.RESULTS / "sequence_speed.json")
    ratios = [value for name, value in result.items() if "_to_" in name]
    assert len(ratios) == 5 and all(isinstance(ratio, float) and ratio > 0 for ratio in ratios)
    assert set(result["traces"].values()) == {1}
    times = result["per_token"]
    assert {len(times[name]) for name in ("lengths", "lstm", "transformer", "transformer_without_cache")} == {4}


def test_seqgan_was_measured_beside_its_peer_and_its_floor():
    result = stored(runtime.RESULTS / "seqgan_speed.json")
    ratios = [value for name, value in result.items() if "_to_" in name]
    assert len(ratios) == 7 and all(isinstance(ratio, float) and ratio > 0 for ratio in ratios)
    assert result["traces"] == 1
    assert result["floor_share_of_step"] + result["optimizer_share_of_step"] < 1


def test_the_oracle_benchmark_has_its_controls_at_equal_steps():
    result = stored(runtime.RESULTS / "oracle_standard.json")
    assert result["oracle_sha256"] == stored(runtime.RESULTS / "oracle_reference.json")["oracle_sha256"]
    last = {(row["method"], row["seed"]): row for row in result["rows"] if "factor" not in row}
    methods = {method for method, _ in last}
    played = {"mle_on", "seqgan", "constant", "noise", "shuffled", "pgbleu", "gsgan"}
    assert methods == played | {"random", "mle", "mle_early", "ss"}
    assert set(last) == {(method, seed) for method in methods for seed in range(3)}
    steps = {last[method, seed]["step"] for method in played for seed in range(3)}
    assert len(steps) == 1
    factors = [(row["seed"], row["factor"]) for row in result["rows"] if row["method"] == "mle_sharper"]
    assert len(factors) == len(set(factors)) == 3 * 6


def test_the_table_of_all_methods_is_whole_and_gives_each_as_many_steps():
    result = stored(runtime.RESULTS / "oracle_small.json")
    assert result["oracle_sha256"] == stored(runtime.RESULTS / "oracle_reference.json")["oracle_sha256"]
    args = parsed(result["command"])
    methods, seeds = args.methods, range(args.seeds)
    last = {(row["method"], row["seed"]): row for row in result["rows"]}
    assert set(last) == {(method, seed) for method in methods for seed in seeds}
    # Those from nothing have likelihood's sentences for their budget, TextGAN more steps of one minibatch each.
    trained_otherwise = {"random", "mle", "mle_early", "mle_sharper", "ss", "memory", "transformer", "leak_mle"}
    trained_otherwise |= {"cot", "textgan"} | {name for name in methods if name.startswith("scratchgan")}
    games = [last[method, seed]["step"] for method in methods if method not in trained_otherwise for seed in seeds]
    assert set(games) == {BUDGETS["small"].steps}
    assert all(row["samples"] == BUDGETS["small"].samples for row in last.values())
    factors = [(row["seed"], row["factor"]) for row in result["rows"] if row["method"] == "mle_sharper"]
    assert sorted(factors) == [(seed, factor) for seed in seeds for factor in SHARPER]


def test_the_character_model_is_behind_likelihood_as_lesson_14_says():
    result = stored(runtime.RESULTS / "characters_standard.json")
    last = {(row["method"], row["seed"]): row for row in result["rows"]}
    assert {method for method, _ in last} == {"real", "mle", "char_wgan"} and len(last) == 3 * 3
    for seed in range(3):
        real, mle, gan = (last[method, seed] for method in ("real", "mle", "char_wgan"))
        assert mle["step"] == gan["step"] and real["jsd_4"] < mle["jsd_4"] < gan["jsd_4"] < math.log(2)
    for method, sentences in result["sentences"].items():
        tried = {row["rate"]: row["tuning_jsd_4"] for row in result["tuning"] if row["method"] == method}
        assert len(tried) == 2 and len(sentences) > 0
        assert {row["rate"] for (name, _), row in last.items() if name == method} == {min(tried, key=tried.get)}
