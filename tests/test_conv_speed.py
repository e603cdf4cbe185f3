"""The DCGAN's speed table: what it counts as a round's operations, and its figures at test size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.benchmark import conv_speed
from course_utils.benchmark.contestants import two_tape_step
from course_utils.benchmark.convolution_parts import parts_of
from course_utils.models.image_conv import build_conv_discriminator, build_conv_generator

SMALL = {"filters": (3, 2), "image_shape": (8, 8, 1)}


def networks():
    return build_conv_generator(noise_dim=5, **SMALL), build_conv_discriminator(**SMALL)


def test_the_parts_are_the_layers_operations_as_often_as_a_round_needs_them():
    generator, discriminator = networks()
    parts = {part.name: part for part in parts_of(generator, discriminator, 4)}
    counts = {}
    for name, part in parts.items():
        counts.setdefault(name.split()[1], []).append(part.count)
    # Three layers each; nothing goes back to the noise.
    assert counts == {"forward": [1, 1, 1, 2, 2, 2], "weights": [1, 1, 1, 2, 2, 2], "inputs": [1, 1, 1, 3, 3]}
    first = next(layer for layer in generator.layers if isinstance(layer, keras.layers.Conv2DTranspose))
    x = tf.random.stateless_normal((4, 2, 2, 3), (0, 1))
    assert float(parts[f"{first.name} forward"].call()) == pytest.approx(float(first(x)[0, 0, 0, 0]), rel=1e-5)
    # 2 · 2 places of a kernel of 4 · 4 · 2 · 3 numbers, in four images.
    assert parts[f"{first.name} forward"].flops == 2 * 4 * 4 * 16 * 6


def test_the_tutorials_step_updates_both_players_from_one_pass():
    (generator, discriminator), (other, judge) = networks(), networks()
    real = tf.random.stateless_uniform((4, 8, 8, 1), (0, 1), -1, 1)
    tf.random.set_seed(3)
    loss = two_tape_step(generator, discriminator, 4)(real)
    tf.random.set_seed(3)
    fake = other(tf.random.normal((4, 5)), training=True)
    halves = [tf.reduce_mean(tf.nn.softplus(sign * judge(x, training=True))) for x, sign in ((real, -1), (fake, 1))]
    assert float(loss) == pytest.approx(0.5 * float(sum(halves)), rel=1e-5)
    for network, start in ((generator, other), (discriminator, judge)):
        moved = [
            not np.array_equal(a, b) for a, b in zip(network.trainable_weights, start.trainable_weights, strict=True)
        ]
        assert all(moved)


def test_the_table_at_test_size(monkeypatch):
    for name, value in (
        ("BATCH", 4),
        ("STEPS", 4),
        ("ROUNDS", 2),
        ("PART_CALLS", 1),
        ("FILTERS", (3, 2)),
        ("DIGITS", 200),
    ):
        monkeypatch.setattr(conv_speed, name, value)
    result = conv_speed.measure()
    assert set(result["milliseconds"]) == {"fit", "fit_in_turn", "tutorial", "parts"}
    assert all(value > 0 for value in result["milliseconds"].values())
    assert result["milliseconds"]["parts"] == pytest.approx(sum(result["parts_milliseconds"].values()), rel=0.5)
    assert result["frechet_seconds"] > 0
    assert "goal: at least 0.40" in conv_speed.report(result)
