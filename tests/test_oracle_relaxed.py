"""RelGAN and the Transformer's rows of the oracle benchmark, with small networks."""

import math

import pytest
from test_oracle_benchmark import asked, small  # noqa: F401  (a fixture)

from course_utils.benchmark import oracle, oracle_methods, oracle_setting
from course_utils.models.relational_memory import RelationalMemoryGenerator
from course_utils.models.text_multi_cnn import TextMultiCNN
from course_utils.models.text_transformer import TextTransformer
from course_utils.models.transformer import TransformerGenerator
from course_utils.training.relgan import RelGAN

NARROW = {
    RelationalMemoryGenerator: {"head_dim": 4},
    TextMultiCNN: {"embedding_dim": 4, "representations": 2, "filters": 3, "hidden_dim": 4},
    TransformerGenerator: {"model_dim": 8, "layers": 1},
    TextTransformer: {"model_dim": 8, "layers": 1},
}


@pytest.fixture
def narrow(small, monkeypatch):  # noqa: F811
    for network, settings in NARROW.items():
        original = network.__init__

        def init(self, *arguments, original=original, settings=settings, **given):
            original(self, *arguments, **settings | given)

        monkeypatch.setattr(network, "__init__", init)
    return small


def test_each_game_starts_from_the_likelihood_row_of_its_own_network(narrow, monkeypatch):
    made = []
    original = RelGAN.__init__
    monkeypatch.setattr(
        RelGAN, "__init__", lambda self, *networks, **given: (made.append(given), original(self, *networks, **given))[0]
    )
    games = ["relgan", "relgan_flat", "transformer_gsgan", "transformer_seqgan"]
    result = oracle.measure(asked(games))
    rows = result["rows"]
    assert list(dict.fromkeys(row["method"] for row in rows)) == games
    assert all(row["step"] in (1, 2) and math.isfinite(row["nll_oracle"]) for row in rows) and len(rows) == 8
    # Trained and kept for them, and no published network.
    kept = {path.name for path in oracle_setting.Setting("quick", 20).folder(0, "x").parent.iterdir()}
    assert {"memory.weights.h5", "transformer.weights.h5"} <= kept and "mle.weights.h5" not in kept
    assert all(settings["annealing_steps"] == 2 and settings["discriminator_rounds"] == 5 for settings in made)
    assert [settings["inverse_temperature"] for settings in made] == [100.0, 1.0]
    judged = {row["method"] for row in rows if "called_real_unseen" in row}
    assert judged == {"transformer_gsgan", "transformer_seqgan"}  # RelGAN's logits mean nothing alone
    again = oracle.measure(asked(["memory", "transformer"]))["rows"]
    assert [(row["method"], row["step"]) for row in again] == [
        ("memory", 1),
        ("memory", 2),
        ("transformer", 1),
        ("transformer", 2),
    ]


def test_every_start_is_a_method_before_it():
    names = list(oracle_methods.METHODS)
    assert {"seqgan": "mle", "relgan": "memory", "maligan": "mle"}.items() <= oracle_methods.STARTS.items()
    assert not {"random", "mle", "ss", "cot", "memory", "transformer"} & set(oracle_methods.STARTS)
    assert all(names.index(start) < names.index(name) for name, start in oracle_methods.STARTS.items())
