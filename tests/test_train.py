"""``python -m course_utils train``: what it writes, and the one line for everything that cannot be used."""

import dataclasses
import json
import shlex

import numpy as np
import pytest
from PIL import Image
from small_training import content, refused, small_settings, without_xla, write_text

from course_utils.__main__ import main
from course_utils.metrics.perplexity import perplexity
from course_utils.sampling import sample
from course_utils.train import mle, outputs
from course_utils.train.corpus import BUNDLED, hold_out_tenth, prepare, read_corpus
from course_utils.train.mle_settings import Settings

FILES = ["curves.png", "generator.keras", "history.json", "metrics.json", "samples.txt", "settings.json"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished training: the corpus, the folder, the returned metrics."""
    folder = tmp_path_factory.mktemp("train")
    corpus = write_text(folder)
    with pytest.MonkeyPatch.context() as patch:
        without_xla(patch)
        metrics = mle.train_mle(small_settings(corpus, epochs=3), folder / "out")
    return corpus, folder / "out", metrics


# --- the corpus


def test_a_tenth_is_held_out_whatever_the_order_and_a_sentence_is_on_one_side_only():
    sentences = [f"sentence {number % 40}" for number in range(100)]
    training, held_out = hold_out_tenth(sentences)
    assert len(set(held_out)) == 4 and not set(training) & set(held_out)
    assert sorted(training + held_out) == sorted(sentences)
    assert set(hold_out_tenth(sentences[::-1])[1]) == set(held_out)


def test_sentences_too_long_are_left_out_of_both_parts_and_counted():
    corpus = prepare(["a b c", "a", "b b"], ["c", "a b c d"], length=3)
    assert corpus.too_long == 2
    assert corpus.vocabulary.words[4:] == ("b", "a")  # fitted without the sentence that is left out
    np.testing.assert_array_equal(corpus.training, [[5, 2, 0], [4, 4, 2]])
    np.testing.assert_array_equal(corpus.held_out, [[3, 2, 0]])
    assert corpus.counts()["held_out_unknown_tokens"] == 1 and corpus.counts()["training_tokens"] == 5


def test_without_a_length_the_longest_sentence_decides_up_to_128():
    assert prepare(["a b c"], ["a b c d"]).length == 5
    long = prepare(["a", "a " * 127], ["a", "a " * 128])
    assert (long.length, long.too_long) == (128, 1)


def test_words_are_counted_at_the_character_level_too():
    corpus = prepare(["I see."], ["I see.", "He said no!"], level="character")
    assert corpus.held_out_words == 3 + 4


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_corpora_have_names(name):
    assert len(read_corpus(name)) >= 2_000


# --- what a training leaves


def test_the_folder_holds_what_the_metrics_say(trained):
    corpus, folder, metrics = trained
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "vocabulary.json"])
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    generator, vocabulary = outputs.load_generator(folder)
    held_out = hold_out_tenth(corpus.read_text().split())[1]
    tokens = vocabulary.encode(held_out, metrics["corpus"]["length"])
    measured = perplexity(generator, tokens, words=len(held_out))
    assert dataclasses.asdict(measured) == pytest.approx(metrics["held_out"])
    assert metrics["parameters"] == generator.count_params()
    assert metrics["corpus"]["held_out_sentences"] == len(held_out)
    head, *sentences = (folder / "samples.txt").read_text(encoding="utf-8").splitlines()
    assert "20 sentences at temperature 1, seed 0" in head
    assert sentences == vocabulary.decode(sample(generator, 20, metrics["corpus"]["length"], seed=0))
    with Image.open(folder / "curves.png") as image:
        assert image.size == (520, 272)


def test_the_network_is_that_of_the_best_epoch(trained):
    _, folder, metrics = trained
    history = json.loads((folder / "history.json").read_text())
    values = history["val_nll"]
    assert len(values) == metrics["epochs"] and metrics["best_epoch"] == int(np.argmin(values)) + 1
    # Measured anew from the file: a network of another epoch would have another likelihood.
    assert metrics["held_out"]["nll_per_token"] == pytest.approx(min(values), rel=1e-5)
    assert len({round(value, 3) for value in values}) == len(values)


def test_the_stored_command_asks_for_the_stored_settings(trained, monkeypatch):
    corpus, _, metrics = trained
    asked = []
    monkeypatch.setattr(mle, "train_mle", lambda settings, folder: asked.append(settings) or metrics)
    words = shlex.split(metrics["command"])
    assert words[:5] == ["python", "-m", "course_utils", "train", "mle"]
    assert main(words[3:]) == 0
    assert dataclasses.asdict(asked[0]) == metrics["settings"] and asked[0].corpus == corpus.name


def test_finished_and_started_again_nothing_is_trained(trained, monkeypatch, capsys):
    corpus, folder, metrics = trained
    before = content(folder)
    monkeypatch.setattr(mle, "_fit", None)
    assert mle.train_mle(small_settings(corpus, epochs=3), folder) == metrics
    assert "already ended" in capsys.readouterr().out
    assert content(folder) == before


def test_a_folder_without_a_generator_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no generator in .*Train one"):
        outputs.load_generator(tmp_path)


def test_the_curves_have_a_text_and_axes_with_units():
    figure = outputs.draw_likelihood({"nll": [3.0, 2.0, 1.0], "val_nll": [3.0, 2.5, 2.75]}, best=2)
    assert "1.00 nats per token in training; held out 2.50 at epoch 2" in figure.alt
    (axes,) = figure.axes
    assert "nats" in axes.get_ylabel() and axes.get_xlabel() == "epoch"
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), [3.0, 2.5, 2.75])


# --- the command line


def test_each_option_arrives(monkeypatch, tmp_path, trained, capsys):
    _, _, metrics = trained
    given = Settings(
        "names", "en_valid", "character", "transformer", 12, 3, 9, 4, 5, 6, 0.5, "cosine", 0.1, 0.2, 0.3, True, 7, 8
    )
    assert all(getattr(given, field.name) != field.default for field in dataclasses.fields(Settings))
    asked = []
    monkeypatch.setattr(mle, "train_mle", lambda settings, folder: asked.append((settings, folder)) or metrics)
    assert main([*given.command().split(), "--out", str(tmp_path / "there")]) == 0
    assert asked == [(given, tmp_path / "there")]
    assert main(["train", "mle", "--corpus", "poems/mine.txt", "--generator", "gru"]) == 0
    assert asked[1][1] == mle.BUILD / "train" / "mine-gru"
    printed = capsys.readouterr().out
    assert f"perplexity {metrics['held_out']['per_token']:.2f} a token" in printed


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--corpus"),
        (["--corpus", "names", "--nonsense"], "--nonsense"),
        (["--corpus", "names", "--generator", "rnn"], "invalid choice: 'rnn'"),
        (["--corpus", "names", "--level", "byte"], "invalid choice: 'byte'"),
        (["--corpus", "names", "--schedule", "linear"], "invalid choice: 'linear'"),
        (["--corpus", "names", "--epochs", "many"], "invalid int value: 'many'"),
        (["--corpus", "names", "--epochs", "-3"], "epochs must be at least 1. Received: -3"),
        (["--corpus", "names", "--size", "0"], "size must be at least 1"),
        (["--corpus", "names", "--batch", "-1"], "batch must be at least 1"),
        (["--corpus", "names", "--patience", "0"], "patience must be at least 1"),
        (["--corpus", "names", "--min-count", "0"], "min_count must be at least 1"),
        (["--corpus", "names", "--length", "1"], "length must be at least 2"),
        (["--corpus", "names", "--seed", "-1"], "seed must be from 0 to 2147483647"),
        (["--corpus", "names", "--learning-rate", "-0.1"], "learning_rate must be a number above 0"),
        (["--corpus", "names", "--learning-rate", "nan"], "learning_rate must be a number above 0"),
        (["--corpus", "names", "--dropout", "1"], "dropout must be at least 0 and below 1"),
        (["--corpus", "names", "--label-smoothing", "-0.1"], "label_smoothing must be at least 0"),
        (["--corpus", "names", "--scheduled-sampling", "1.5"], "scheduled_sampling must be from 0 to 1"),
        (["--corpus", "names", "--generator", "transformer", "--size", "30"], "multiple of 4"),
        (["--corpus", "names", "--layers", "3"], "layers are the Transformer's"),
        (["--corpus", "nowhere.txt"], "no text file 'nowhere.txt', nor a bundled corpus"),
        (["--corpus", "names", "--valid", "en_nothing"], "no text file 'en_nothing'"),
        (["--corpus", "en_valid", "--length", "3"], "Every training sentence has more than 2 tokens"),
        (["--corpus", "names", "--min-count", "9999"], "lower min_count"),
        (["--corpus", "names", "--batch", "99999"], "batch=99999. Use a smaller batch"),
    ],
)
def test_a_wrong_option_gets_one_line(words, says, tmp_path, capsys):
    assert says in refused([*words, "--out", tmp_path / "out"], capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "holds no sentence"),
        (b" \n\n", "holds no sentence"),
        (b"Ja.\nNein.\n" + "Grüße.".encode("latin-1"), "line 3: the text is not UTF-8"),
        (b"one\n" * 50 + b"two\n" * 50, "10 different sentences are needed to hold a tenth out. Received: 2"),
    ],
)
def test_a_file_that_cannot_be_used_gets_one_line(text, says, tmp_path, capsys):
    (tmp_path / "my.txt").write_bytes(text)
    assert says in refused(["--corpus", tmp_path / "my.txt", "--out", tmp_path / "out"], capsys)
    assert not (tmp_path / "out").exists()
