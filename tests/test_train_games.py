"""The games of ``train``: what they leave, going on after an interruption, and one-line errors."""

import argparse
import dataclasses
import functools
import json
import shlex

import numpy as np
import pytest
from small_training import content, refused, write_text

from course_utils import train
from course_utils.metrics.perplexity import perplexity
from course_utils.sampling import sample
from course_utils.train import game_models, games, outputs
from course_utils.train.game_settings import SETTINGS
from course_utils.training.compiled_step import CompiledStepModel

OPTIONS = {
    "seqgan": {"rollouts": 2, "warm_up": 1, "minibatches": 4, "baseline": True},
    "gsgan": {"minibatches": 2},
    "pgbleu": {"rollouts": 2},
    "maligan": {"samples": 4, "warm_up": 1, "minibatches": 4, "likelihood_weight": 0.5},
    "rankgan": {"rollouts": 2, "references": 3, "warm_up": 1, "minibatches": 4},
    "leakgan": {"rollouts": 2, "pretraining": 1, "minibatches": 4, "filters": 3},
    "textgan": {"minibatches": 2, "filters": 3},
    "cot": {"minibatches": 2},
    "relgan": {"minibatches": 2, "inverse_temperature": 20.0},
    "scratchgan": {"minibatches": 2, "discount": 0.5},
}
OWN_NETWORK = ("leakgan", "textgan")  # they do not go on from the language model itself
FILES = ["curves.png", "generator.keras", "history.json", "likelihood", "metrics.json", "samples.txt", "settings.json"]


@pytest.fixture(autouse=True)
def light(monkeypatch):
    """Small discriminators, and no XLA, which takes seconds to compile."""
    monkeypatch.setattr(CompiledStepModel, "compiled_step", lambda self, step: step)
    monkeypatch.setattr(game_models, "READER_WIDTHS", (1, 2))
    own = {
        "TextCNN": {"widths": (1, 2)},
        "CodeReader": {},
        "TextMultiCNN": {"representations": 2, "widths": (2, 3), "hidden_dim": 4},
    }
    for name, sizes in own.items():
        small = functools.partial(getattr(game_models, name), embedding_dim=4, filters=4, **sizes)
        monkeypatch.setattr(game_models, name, small)


def settings_of(method, corpus, **changed):
    few = {"level": "character", "size": 8, "batch": 8, "learning_rate": 0.1, "epochs": 2, "steps": 4, "looks": 2}
    return SETTINGS[method](str(corpus), **few | OPTIONS[method] | changed)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_text(tmp_path_factory.mktemp("text"))


@pytest.mark.parametrize("method", SETTINGS)
def test_the_folder_holds_what_the_metrics_say_and_an_interrupted_training_the_same(
    method, text, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "whole"
    settings = settings_of(method, text)
    metrics = games.train_game(method, settings, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "vocabulary.json"])
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    history = json.loads((folder / "history.json").read_text())
    assert history["step"] == [0, 2, 4]

    generator, vocabulary = outputs.load_generator(folder)
    start, _ = outputs.load_generator(folder / "likelihood")
    known = vocabulary.encode(text.read_text().split(), metrics["corpus"]["length"])
    for network, measured in ((start, "before"), (generator, "after")):
        if measured == "before" and method in OWN_NETWORK:
            continue
        tokens = sample(network, games.SAMPLES, metrics["corpus"]["length"], seed=[0, 1]).numpy().tolist()
        assert metrics[measured]["different"] == len(set(map(tuple, tokens))) / len(tokens)
        copied = {tuple(row) for row in known.tolist()}
        assert metrics[measured]["copied"] <= np.mean([tuple(row) in copied for row in tokens])  # held out is no copy
    likelihood = json.loads((folder / "likelihood" / "metrics.json").read_text())["held_out"]["nll_per_token"]
    if method == "textgan":
        assert metrics["before"].keys() == metrics["after"].keys() == {"step", "different", "copied"}
    else:
        assert (metrics["before"]["nll"] == pytest.approx(likelihood)) == (method not in OWN_NETWORK)
        assert metrics["before"]["nll"] != metrics["after"]["nll"]
        assert all(0 < metrics[moment]["entropy"] < np.log(len(vocabulary)) for moment in ("before", "after"))
        held_out = vocabulary.encode(games_held_out(text), metrics["corpus"]["length"])
        assert metrics["after"]["perplexity"] == pytest.approx(perplexity(generator, held_out).per_token, rel=1e-5)
    assert "the network after step 4" in (folder / "samples.txt").read_text(encoding="utf-8")

    assert games.train_game(method, settings, folder) == metrics
    assert "already ended" in capsys.readouterr().out

    measure, calls = games._measure, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 3:  # trained to the end, and not yet measured
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(games, "_measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        games.train_game(method, settings, tmp_path / "again")
    assert not (tmp_path / "again" / "metrics.json").exists()
    assert games.train_game(method, settings, tmp_path / "again") == metrics
    one, two = content(folder), content(tmp_path / "again")
    assert one.keys() == two.keys()
    assert all(one[name] == two[name] for name in one if name.endswith((".json", ".txt")))


@pytest.mark.parametrize("method", ["seqgan", "leakgan"])
def test_games_that_share_what_was_trained_before_end_as_those_that_do_not(method, text, tmp_path):
    settings, folder, shared = settings_of(method, text), tmp_path / "own", tmp_path / "shared"
    metrics = games.train_game(method, settings, folder)
    assert not (folder / games.WARM_UP).exists()
    given = {"likelihood": folder / "likelihood", "warm_up": shared}
    other = games.train_game(method, dataclasses.replace(settings, game_rate=0.3), tmp_path / "other", **given)
    kept = content(shared)
    again = games.train_game(method, settings, tmp_path / "again", **given)
    assert again["after"] == metrics["after"] != other["after"]
    assert kept and content(shared) == kept


@pytest.mark.parametrize("method", ["seqgan", "gsgan"])
def test_a_transformer_judges_where_it_is_asked_for(method, text, tmp_path, monkeypatch):
    built = []
    small = functools.partial(game_models.TextTransformer, model_dim=4, heads=2)
    monkeypatch.setattr(game_models, "TextTransformer", lambda *a, **k: built.append(small(*a, **k)) or built[-1])
    settings = settings_of(method, text, generator="transformer", discriminator="transformer", steps=2)
    games.train_game(method, settings, tmp_path)
    fresh = small(built[0].vocabulary_size, max_length=built[0].max_length, seed=settings.seed)
    fresh.build((None, None))
    assert any(np.any(one != other) for one, other in zip(built[0].get_weights(), fresh.get_weights(), strict=True))


def games_held_out(text):
    from course_utils.train.corpus import hold_out_tenth

    return hold_out_tenth(text.read_text().split())[1]


@pytest.mark.parametrize("method", SETTINGS)
def test_the_command_asks_for_its_settings(method, text, monkeypatch):
    settings = settings_of(method, text)
    asked = []
    told = {"nll": 1.0, "perplexity": 2.7, "entropy": 1.0, "different": 1.0, "copied": 0.0}
    metrics = {"before": told, "after": told, "corpus": {"held_out_sentences": 6}}
    monkeypatch.setattr(games, "train_game", lambda *given: asked.append(given) or metrics)
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    words = shlex.split(settings.command(method))
    assert words[:2] == ["train", method]
    assert train.main(parser.parse_args(words[1:])) == 0
    assert asked[0][:2] == (method, settings)
    assert asked[0][2].name == f"corpus-{settings.generator}-{method}"


@pytest.mark.parametrize(
    ("method", "words", "says"),
    [
        ("seqgan", ["--steps", "0"], "steps must be at least 1. Received: 0"),
        ("seqgan", ["--looks", "3", "--steps", "10"], "looks must divide steps"),
        ("seqgan", ["--batch", "5"], "batch must be even"),
        ("seqgan", ["--warm-up", "-1"], "warm_up must be at least 0"),
        ("pgbleu", ["--rollouts", "0"], "rollouts must be at least 1"),
        ("gsgan", ["--minibatches", "0"], "minibatches must be at least 1"),
        ("gsgan", ["--game-rate", "0"], "game_rate must be a number above 0"),
        ("relgan", ["--inverse-temperature", "0"], "inverse_temperature must be a number above 0"),
        ("scratchgan", ["--discount", "1.5"], "discount must be from 0 to 1. Received: 1.5"),
        ("relgan", ["--size", "9"], "size must be a multiple of 2, the memory's heads. Received: 9"),
        ("seqgan", ["--filters", "0"], "filters must be at least 1. Received: 0"),
        ("gsgan", ["--discriminator", "rnn"], "invalid choice: 'rnn'"),
        ("gsgan", ["--discriminator", "transformer", "--filters", "4"], "A Transformer has no filters. Received: filt"),
        ("leakgan", ["--pretraining", "0"], "pretraining must be at least 1"),
        ("textgan", ["--generator", "memory"], "TextGAN's generator must be lstm or gru. Received: memory"),
        ("cot", ["--likelihood-weight", "-1"], "likelihood_weight must be at least 0"),
        ("maligan", ["--samples", "0"], "samples must be at least 1"),
        ("maligan", ["--samples", "5"], "samples must divide batch. Received: 5 samples in a batch of 64"),
        ("rankgan", ["--references", "0"], "references must be at least 1"),
        ("gsgan", ["--rollouts", "4"], "unrecognized arguments: --rollouts 4"),
        ("pgbleu", ["--corpus", "no.txt"], "There is no text file 'no.txt'"),
    ],
)
def test_a_wrong_option_or_file_gets_one_line(method, words, says, text, tmp_path, capsys):
    given = [*(() if "--corpus" in words else ("--corpus", text)), *words, "--out", tmp_path / "out"]
    assert says in refused(given, capsys, method=method)


def test_the_language_models_settings_are_the_games_own(text):
    for method in SETTINGS:
        settings = settings_of(method, text, dropout=0.1)
        shared = dataclasses.asdict(settings.likelihood())
        assert shared.items() <= dataclasses.asdict(settings).items()
        assert shared["dropout"] == 0.1
