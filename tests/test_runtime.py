"""Profiles, seeds, the data folder and files that are replaced whole or not at all."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils import runtime


@pytest.fixture(autouse=True)
def _standard_profile(monkeypatch):
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(("name", "value"), [("quick", 1), ("standard", 2), ("full", 3), ("", 2)])
def test_pick_takes_the_value_of_the_profile(monkeypatch, name, value):
    monkeypatch.setenv("COURSE_PROFILE", name)
    run = runtime.start("03", seed=1)
    assert run.pick(quick=1, standard=2, full=3) == value


def test_a_wrong_profile_is_refused_with_the_choices(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    with pytest.raises(ValueError, match=r"quick, standard, full. Received: 'fast'"):
        runtime.start("03")


@pytest.mark.parametrize("seed", [-1, 0.5, "1", True, 2**32])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match=rf"^seed must be a whole number from 0 to 4294967295\. Received: {seed!r}\.$"):
        runtime.start("03", seed=seed)


def test_start_seeds_every_generator_and_says_so_in_one_line(capsys):
    draws = []
    for seed in (5, 5, 6):
        runtime.start("03", seed=seed)
        draws.append((np.random.rand(), float(tf.random.normal(())), float(keras.random.normal(()))))
    assert draws[0] == draws[1]
    assert all(a != b for a, b in zip(draws[0], draws[2], strict=True))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "Lesson 03" in lines[0] and "standard" in lines[0] and "seed 5" in lines[0]


def test_start_makes_operations_deterministic():
    """TensorFlow's switch for deterministic operations is on, and nothing was printed on the error stream."""
    code = (
        "from course_utils import runtime; runtime.start('03')\n"
        "from tensorflow.python.framework import config; print(config.is_op_determinism_enabled())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "True"
    assert result.stderr == ""


def test_a_convolutional_step_without_xla_prints_no_error():
    """TensorFlow's remapper fails on a convolution, its bias and LeakyReLU under a gradient, and says so loudly."""
    code = (
        "from course_utils import runtime; runtime.start('04')\n"
        "import keras, tensorflow as tf\n"
        "layer = keras.layers.Conv2D(2, 4, activation=keras.layers.LeakyReLU(0.2))\n"
        "layer.build((2, 8, 8, 1))\n"
        "@tf.function\n"
        "def step(x):\n"
        "    with tf.GradientTape() as tape: loss = tf.reduce_sum(layer(x))\n"
        "    return loss, tape.gradient(loss, layer.trainable_variables)\n"
        "step(tf.ones((2, 8, 8, 1)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr == ""


@pytest.mark.parametrize("mixed", [False, True])
def test_mixed_precision_sets_the_policy_of_this_device(mixed):
    runtime.start("03", mixed_precision=mixed)
    half = "mixed_float16" if tf.config.list_physical_devices("GPU") else "mixed_bfloat16"
    assert keras.config.dtype_policy().name == (half if mixed else "float32")


def test_the_jit_choice_is_handed_to_the_lesson():
    assert runtime.start("03").jit is True
    assert runtime.start("03", jit=False).jit is False


def test_data_folder_is_argument_then_variable_then_repository(monkeypatch, tmp_path):
    (tmp_path / "named").mkdir()
    (tmp_path / "set").mkdir()
    assert runtime.data_directory() == runtime.REPOSITORY / "data"
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "set"))
    assert runtime.data_directory() == tmp_path / "set"
    assert runtime.data_directory(tmp_path / "named") == tmp_path / "named"


def test_a_missing_data_folder_says_where_it_was_named_and_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"nowhere.*from COURSE_DATA.*make data"):
        runtime.data_directory()


def test_replacing_puts_a_finished_file_in_place(tmp_path):
    target = tmp_path / "new" / "weights.weights.h5"
    with runtime.replacing(target) as part:
        assert part.parent == target.parent and part.name.endswith(".weights.h5")
        assert not target.exists()
        part.write_text("whole")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_replacing_keeps_the_old_file_when_writing_fails(tmp_path):
    target = tmp_path / "result.json"
    target.write_text("old")
    with pytest.raises(RuntimeError), runtime.replacing(target) as part:
        part.write_text("ha")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
