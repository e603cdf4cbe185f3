"""The digit classifier: what is shipped, how it is built, and that its training script makes it."""

import json
import platform
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import course_utils.datasets
from course_utils import runtime
from course_utils.datasets import load_mnist
from course_utils.metrics import train_digit_classifier
from course_utils.metrics.digit_scorer import DigitScorer
from course_utils.metrics.train_digit_classifier import random_affine, train
from course_utils.models.digit_classifier import WEIGHTS, build_digit_classifier, load_digit_classifier


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


@pytest.fixture(scope="module")
def card():
    return json.loads((runtime.REPOSITORY / "data" / "digit_classifier.json").read_text(encoding="utf-8"))


def test_the_shipped_weights_do_what_their_card_says(mnist, card):
    images = mnist.test_images[..., None] / np.float32(127.5) - 1
    predicted = load_digit_classifier().predict(images, batch_size=500, verbose=0).argmax(axis=1)
    errors = int((predicted != mnist.test_labels).sum())
    assert errors <= 70  # 99.3 %
    # Another machine rounds differently, and an image on the edge may fall to the other side.
    assert abs(errors - card["test_errors"]) <= 3
    assert card["test_accuracy"] == pytest.approx(1 - card["test_errors"] / 10_000)


def test_the_weights_are_small_and_without_an_optimizer(card):
    size = (runtime.REPOSITORY / "data" / WEIGHTS).stat().st_size
    model = build_digit_classifier()
    assert card["bytes"] == size <= 1_000_000
    assert card["parameters"] == model.count_params()
    assert size < 1.2 * 4 * model.count_params()  # Adam's two moments would make it three times as much


def test_the_architecture_by_hand():
    model = build_digit_classifier()
    kernels = 9 * (1 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64) + 5 * 5 * 64 * 64 + (64 + 1) * 10
    normalisations = 4 * (16 + 32 + 32 + 64 + 64 + 64)
    assert model.count_params() == kernels + normalisations
    assert model.input_shape == (None, 28, 28, 1) and model.output_shape == (None, 10)
    assert model.get_layer("features").output.shape == (None, 64)
    assert model.layers[-1].name == "logits" and model.layers[-1].activation is keras.activations.linear


def test_a_rebuilt_model_takes_the_weights_and_gives_the_same_logits(mnist, tmp_path):
    images = mnist.test_images[:5, ..., None] / np.float32(127.5) - 1
    first, second = load_digit_classifier(), build_digit_classifier()
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert not np.allclose(first(images), second(images))
    first.save_weights(tmp_path / WEIGHTS)
    second.load_weights(tmp_path / WEIGHTS)
    np.testing.assert_array_equal(first(images, training=False), second(images, training=False))


def test_the_ruler_stays_float32_under_mixed_precision(mnist):
    images = mnist.test_images[:5, ..., None] / np.float32(127.5) - 1
    before = load_digit_classifier()(images, training=False).numpy()
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = load_digit_classifier()
        scores = DigitScorer(model).score(images)
    finally:
        keras.config.set_dtype_policy(policy)
    assert [model.get_layer(name).output.dtype for name in ("features", "logits")] == ["float32", "float32"]
    assert {layer.compute_dtype for layer in model.layers[1:]} == {"float32"}  # the first only names the input
    np.testing.assert_array_equal(model(images, training=False), before)
    assert [score.dtype for score in scores] == [np.float32, np.float32]


def test_a_changed_file_is_not_loaded(tmp_path):
    shutil.copy(runtime.REPOSITORY / "data" / WEIGHTS, tmp_path)
    content = bytearray((tmp_path / WEIGHTS).read_bytes())
    content[-100] ^= 1
    (tmp_path / WEIGHTS).write_bytes(content)
    with pytest.raises(ValueError, match=WEIGHTS):
        load_digit_classifier(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=WEIGHTS):
        load_digit_classifier(tmp_path)


# --- the training script


def ink_centre(image):
    """The centre of the ink (grey values from -1), in pixels (row, column)."""
    ink = np.asarray(image)[..., 0] + 1
    rows, columns = np.mgrid[:28, :28]
    return np.array([(rows * ink).sum(), (columns * ink).sum()]) / ink.sum()


def test_random_affine_moves_images_a_little_by_its_seed():
    spot = -np.ones((200, 28, 28, 1), "float32")
    spot[:, 12:16, 12:16] = 1  # around the centre: rotation and zoom leave its centre where it is
    moved = random_affine(tf.constant(spot), (0, 1)).numpy()
    np.testing.assert_array_equal(moved, random_affine(tf.constant(spot), (0, 1)))
    assert not np.array_equal(moved, random_affine(tf.constant(spot), (0, 2)))
    assert moved.min() >= -1 and moved.max() <= 1
    shifts = np.array([ink_centre(image) for image in moved]) - 13.5
    # Up to two pixels along each axis, as often to one side as to the other; interpolation blurs the centre a little.
    assert (np.abs(shifts) < 2.05).all() and (np.abs(shifts).max(axis=0) > 1.9).all()
    np.testing.assert_allclose(shifts.mean(axis=0), 0, atol=0.3)


def test_random_affine_rotates_at_most_ten_degrees_and_fills_with_black():
    bar = -np.ones((200, 28, 28, 1), "float32")
    bar[:, 4:24, 13:15] = 1
    moved = random_affine(tf.constant(bar), (3, 4)).numpy()[..., 0] + 1
    rows, columns = np.mgrid[:28, :28]
    angles = []
    for ink in moved:
        row, column = rows - (rows * ink).sum() / ink.sum(), columns - (columns * ink).sum() / ink.sum()
        row_row, column_column, both = (ink * row**2).sum(), (ink * column**2).sum(), (ink * row * column).sum()
        angles.append(np.degrees(0.5 * np.arctan2(2 * both, row_row - column_column)))
    assert 8.5 < np.abs(angles).max() < 10.5
    np.testing.assert_array_equal(random_affine(-tf.ones((3, 28, 28, 1)), (0, 0)), -np.ones((3, 28, 28, 1)))


def test_random_affine_wants_batches():
    with pytest.raises(ValueError, match=r"must be \(B, 28, 28, 1\).*\(28, 28\)"):
        random_affine(tf.zeros((28, 28)), (0, 0))


def test_the_same_seed_trains_the_same_weights_and_another_others(mnist):
    images, labels = mnist.train_images[:256], mnist.train_labels[:256]

    def trained(seed):
        keras.utils.set_random_seed(0)
        return train(images, labels, epochs=1, seed=seed).get_weights()

    first, again, other = trained(0), trained(0), trained(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_training_refuses_less_than_a_batch(mnist):
    with pytest.raises(ValueError, match=r"number of rows, 127\. Received: 128"):
        train(mnist.train_images[:127], mnist.train_labels[:127], epochs=1, seed=0)


def test_the_script_writes_weights_and_card(mnist, tmp_path, monkeypatch, capsys):
    class Small:
        train_images, train_labels = mnist.train_images[:400], mnist.train_labels[:400]
        test_images, test_labels = mnist.test_images[:200], mnist.test_labels[:200]

    monkeypatch.setattr(course_utils.datasets, "load_mnist", Small)
    monkeypatch.setattr(train_digit_classifier, "HELD_OUT", 100)
    trained = []
    monkeypatch.setattr(train_digit_classifier, "train", lambda *a, **k: trained.append(train(*a, **k)) or trained[0])
    train_digit_classifier.main(["--epochs", "2", "--seed", "5", "--directory", str(tmp_path)])
    written = json.loads((tmp_path / train_digit_classifier.CARD).read_text(encoding="utf-8"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digit_classifier.json", WEIGHTS]
    assert written["bytes"] == (tmp_path / WEIGHTS).stat().st_size < 1_000_000
    assert written["training_images"] == 300 and written["test_images"] == 200
    assert written["command"].endswith("--epochs 2 --seed 5")
    assert written["machine"] == f"{runtime.usable_cores()} CPU cores, {platform.machine()}"
    model = build_digit_classifier()
    model.load_weights(tmp_path / WEIGHTS)
    for read, made in zip(model.get_weights(), trained[0].get_weights(), strict=True):
        np.testing.assert_array_equal(read, made)
    images = Small.test_images[..., None] / np.float32(127.5) - 1
    errors = int((np.asarray(model(images, training=False)).argmax(axis=1) != Small.test_labels).sum())
    assert written["test_errors"] == errors
    assert "SHA256SUMS" in capsys.readouterr().out
