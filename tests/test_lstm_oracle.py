"""The LSTM oracle: its draws, its file, and the generator made of it against an LSTM written in NumPy."""

import dataclasses
import hashlib
import io
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from course_utils.models.lstm_oracle import oracle_generator
from course_utils.models.sequence import SequenceGenerator, shift_right
from course_utils.sampling import log_prob
from course_utils.worlds.lstm_oracle import OracleWeights

V, E, H = 7, 3, 4
NAMES = [f"{kind}_{gate}" for kind in "wub" for gate in "ifoc"]
SHAPES = {
    "embedding": (V, E),
    **{name: {"w": (E, H), "u": (H, H), "b": (H,)}[name[0]] for name in NAMES},
    "w_out": (H, V),
    "b_out": (V,),
}
SENTENCES = np.random.default_rng(1).integers(0, V, (5, 20))


def small(seed=0, **changes):
    return dataclasses.replace(OracleWeights.draw(seed, V, E, H), **changes)


def arrays(weights):
    return {name: getattr(weights, name) for name in SHAPES}


def numpy_logits(weights, tokens):
    """Return the logits (B, T, V) before each token, by the published equations, in float64."""
    w = {name: array.astype(np.float64) for name, array in arrays(weights).items()}
    hidden = cell = np.zeros((len(tokens), len(w["b_i"])))
    previous, rows = np.full(len(tokens), weights.start_token), []
    for column in tokens.T:
        x = w["embedding"][previous]
        gate = {g: x @ w[f"w_{g}"] + hidden @ w[f"u_{g}"] + w[f"b_{g}"] for g in "ifoc"}
        cell = special.expit(gate["f"]) * cell + special.expit(gate["i"]) * np.tanh(gate["c"])
        hidden = special.expit(gate["o"]) * np.tanh(cell)
        rows.append(hidden @ w["w_out"] + w["b_out"])
        previous = column
    return np.stack(rows, axis=1)


# --- the weights


def test_the_courses_oracle_is_the_same_everywhere():
    weights = OracleWeights.draw(0)
    assert weights.checksum() == "d3570358941fe31941733663e3df4f45156b070eb578375ddb6517c598e15288"
    random = np.random.Generator(np.random.PCG64(0))
    first = random.standard_normal((5000, 32)).astype(np.float32)
    np.testing.assert_array_equal(weights.embedding, first)
    np.testing.assert_array_equal(weights.w_i, random.standard_normal((32, 32)).astype(np.float32))


def test_every_array_is_standard_normal_and_none_repeats_another():
    weights = arrays(OracleWeights.draw(3))
    assert {name: array.dtype for name, array in weights.items()} == dict.fromkeys(SHAPES, np.dtype(np.float32))
    assert weights["embedding"].shape == (5000, 32) and weights["w_out"].shape == (32, 5000)
    assert min(stats.kstest(array.ravel(), "norm").pvalue for array in weights.values()) > 1e-3
    every = np.concatenate([array.ravel() for array in weights.values()])
    assert len(np.unique(every)) > 0.98 * len(every)  # float32 has collisions, a repeated array would halve it


def test_the_seed_decides():
    assert small(1).checksum() == small(1).checksum() != small(2).checksum()


def test_the_checksum_covers_names_shapes_numbers_and_start_token():
    weights = small()
    text = hashlib.sha256(b"start_token 0\n")
    for name, array in arrays(weights).items():
        text.update(f"{name} {SHAPES[name]}\n".encode() + array.astype("<f4").tobytes())
    assert weights.checksum() == text.hexdigest()
    other = weights.b_out.copy()
    other[3] = np.nextafter(other[3], np.float32(9))
    changed = [{"b_out": other}, {"start_token": 1}, {"w_i": weights.w_f, "w_f": weights.w_i}]
    assert len({small(**change).checksum() for change in [{}, *changed]}) == 4


def test_what_is_kept_cannot_be_changed():
    mine = np.zeros((V, E))
    weights = small(embedding=mine)
    mine[:] = 1
    assert not weights.embedding.any() and weights.embedding.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        weights.w_out[0, 0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        weights.start_token = 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be .* Received: -1"),
        ({"seed": 0.5}, "seed must be .* Received: 0.5"),
        ({"seed": 0, "vocabulary_size": 0}, "vocabulary_size must be .* Received: 0"),
        ({"seed": 0, "hidden_dim": 2.0}, "hidden_dim must be .* Received: 2.0"),
    ],
)
def test_wrong_draws_get_one_clear_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        OracleWeights.draw(**arguments)


# --- the file


@pytest.mark.parametrize("name", ["oracle.npz", "oracle"])
def test_saved_and_loaded_is_the_same_language(tmp_path, name):
    weights = small(start_token=4)
    weights.save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    loaded = OracleWeights.load(tmp_path / name)
    assert loaded.checksum() == weights.checksum() and loaded.start_token == 4


def test_a_file_of_the_users_own_may_be_float64_and_leave_the_start_token_out(tmp_path):
    weights = small()
    doubled = {name: array.astype(np.float64) for name, array in arrays(weights).items()}
    np.savez_compressed(tmp_path / "a.npz", **doubled)
    assert OracleWeights.load(tmp_path / "a.npz").checksum() == weights.checksum()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"w_i": None, "b_out": None}, ["Expected: embedding (V, E); w_i", "without w_i, b_out"]),
        ({"kernel": np.zeros(3), "w_c": None}, ["without w_c and with unknown kernel"]),
        (
            {"w_o": np.zeros((H, E)), "u_f": np.zeros(H), "b_out": np.zeros(V + 1)},
            ["V=7, E=3, H=4", "w_o of shape (4, 3) instead of (3, 4)", "u_f of shape (4,) instead of (4, 4)"],
        ),
        ({"b_out": np.zeros(V + 1)}, ["b_out of shape (8,) instead of (7,)"]),
        ({"embedding": np.zeros(V)}, ["embedding of shape (7,)"]),
        ({"b_i": np.zeros(0)}, ["none of V, E and H 0", "b_i of shape (0,)"]),
        ({"w_out": np.zeros((H, V), int)}, ["w_out of type int64 instead of float32"]),
        ({"u_c": np.full((H, H), np.nan)}, ["u_c with values that are not finite"]),
        ({"b_c": np.full(H, 1e300)}, ["b_c with values that are not finite in float32"]),
        ({"embedding": np.array([[object()]])}, ["allow_pickle"]),
        ({"start_token": np.array(V)}, ["start_token", "from 0 to 6. Received: ", "7"]),
        ({"start_token": np.array(1.0)}, ["start_token must be a whole number"]),
        ({"start_token": np.zeros(2, int)}, ["start_token", "Received: int64 (2,)"]),
    ],
)
def test_a_wrong_file_is_named_with_all_that_is_wrong(tmp_path, changes, words):
    given = {**arrays(small()), **changes}
    np.savez(tmp_path / "mine.npz", **{name: array for name, array in given.items() if array is not None})
    with pytest.raises(ValueError) as caught:
        OracleWeights.load(tmp_path / "mine.npz")
    for word in ["mine.npz", *words]:
        assert word in str(caught.value)


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in SHAPES:
            archive.writestr(f"{name}.npy", members.get(name, b"\x93NUMPY"))
    return stream.getvalue()


def enormous():
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an .npz archive"),
        (b"not a zip file at all", r"is not an .npz archive.* Expected: embedding \(V, E\)"),
        (zipped(), "is no oracle: "),
        (zipped(embedding=enormous()), "is no oracle: "),
    ],
    ids=["empty", "text", "cut arrays", "enormous"],
)
def test_what_is_no_archive_of_arrays_gets_one_clear_error(tmp_path, content, message):
    (tmp_path / "mine.npz").write_bytes(content)
    with pytest.raises(ValueError, match=f"mine.npz {message}"):
        OracleWeights.load(tmp_path / "mine.npz")


def test_a_damaged_or_missing_file_is_named(tmp_path):
    small().save(tmp_path / "a.npz")
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[200] ^= 255  # within the first array's numbers: the archive's own checksum finds it
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz is no oracle: .*CRC"):
        OracleWeights.load(tmp_path / "a.npz")
    with pytest.raises(FileNotFoundError, match=r"b\.npz"):
        OracleWeights.load(tmp_path / "b.npz")


# --- the generator


@pytest.mark.parametrize("weights", [small(start_token=3), OracleWeights.draw(0)], ids=["small", "the course's"])
def test_the_generator_is_the_lstm_of_the_equations(weights):
    tokens = np.random.default_rng(0).integers(0, weights.vocabulary_size, (4, 20))
    generator = oracle_generator(weights)
    expected = numpy_logits(weights, tokens)
    found = generator(shift_right(tokens, generator.start_token))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    nll = -np.take_along_axis(special.log_softmax(expected, axis=-1), tokens[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(-log_prob(generator, tokens).numpy(), nll, atol=1e-4)


def test_a_sentence_of_one_unit_by_hand():
    w = np.log(3.0)  # the logistic function of log 3 is 3/4
    one = {name: np.full((1, 1), 0.0) for name in ("w_i", "w_f", "w_o", "w_c", "u_i", "u_f", "u_o", "u_c")}
    biases = {"b_i": [w], "b_f": [-w], "b_o": [0.0], "b_c": [np.arctanh(0.8)]}
    weights = OracleWeights(embedding=[[0.0], [0.0]], **one, **biases, w_out=[[1.0, 0.0]], b_out=[0.0, 0.0])
    logits = oracle_generator(weights)(tf.constant([[0, 1]])).numpy()
    c1, c2 = 0.75 * 0.8, 0.25 * 0.75 * 0.8 + 0.75 * 0.8  # no trick: the forget gate is open by 1/4
    np.testing.assert_allclose(logits, [[[0.5 * np.tanh(c1), 0], [0.5 * np.tanh(c2), 0]]], rtol=1e-5)


def test_the_generator_is_not_trained_and_speaks_the_protocol():
    generator = oracle_generator(small(start_token=2))
    assert isinstance(generator, SequenceGenerator)
    assert generator.trainable_variables == [] and len(generator.weights) == 6
    assert (generator.vocabulary_size, generator.start_token, generator.end_token) == (V, 2, None)


def test_the_generator_stays_float32_under_mixed_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        halved = oracle_generator(small())
    finally:
        keras.config.set_dtype_policy(policy)
    assert halved.compute_dtype == "float32"
    np.testing.assert_array_equal(log_prob(halved, SENTENCES), log_prob(oracle_generator(small()), SENTENCES))
