"""Losses against constants worked by hand, finite differences and the documented convention."""

import math

import numpy as np
import pytest
import tensorflow as tf

from course_utils import losses
from course_utils.losses import LOSSES

LOG2 = math.log(2.0)


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


# D(x) = 0.8 and D(G(z)) = 0.25, so the logits are log 4 and -log 3.
REAL, FAKE = math.log(4.0), -math.log(3.0)
GAP = sigmoid(REAL - FAKE)  # 12/13

BY_HAND = [
    (losses.minimax_generator_loss, (FAKE,), math.log(0.75)),
    (losses.minimax_discriminator_loss, (REAL, FAKE), -0.5 * (math.log(0.8) + math.log(0.75))),
    (losses.non_saturating_generator_loss, (FAKE,), -math.log(0.25)),
    (losses.least_squares_generator_loss, (3.0,), 2.0),
    (losses.least_squares_discriminator_loss, (3.0, 0.5), 0.5 * (4.0 + 0.25)),
    (losses.wasserstein_generator_loss, (3.0,), -3.0),
    (losses.wasserstein_discriminator_loss, (3.0, 0.5), -2.5),
    (losses.hinge_generator_loss, (3.0,), -3.0),
    (losses.hinge_discriminator_loss, (0.25, 0.5), 0.5 * (0.75 + 1.5)),
    (losses.hinge_discriminator_loss, (2.0, -2.0), 0.0),
    (losses.relativistic_generator_loss, (REAL, FAKE), -math.log(1 - GAP)),
    (losses.relativistic_discriminator_loss, (REAL, FAKE), -math.log(GAP)),
    (losses.relativistic_average_generator_loss, (REAL, FAKE), -math.log(1 - GAP)),
    (losses.relativistic_average_discriminator_loss, (REAL, FAKE), -math.log(GAP)),
]


@pytest.mark.parametrize(("loss", "logits", "expected"), BY_HAND)
def test_constants_worked_by_hand(loss, logits, expected):
    value = loss(*([x] for x in logits))
    assert float(value) == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_relativistic_average_uses_the_mean_of_the_other_kind():
    # Reals 2 and 0 (mean 1), fakes 1 and 3 (mean 2): each sample against the other's mean.
    softplus = lambda x: math.log1p(math.exp(x))  # noqa: E731
    real_half = (softplus(-(2 - 2)) + softplus(-(0 - 2))) / 2
    fake_half = (softplus(1 - 1) + softplus(3 - 1)) / 2
    value = losses.relativistic_average_discriminator_loss([2.0, 0.0], [1.0, 3.0])
    assert float(value) == pytest.approx(0.5 * (real_half + fake_half), rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_over_the_batch_is_taken(name):
    """Repeating every pair changes nothing; (B,) and (B, 1) are the same."""
    pair = LOSSES[name]
    real, fake = np.array([0.3, -1.0, 2.0], np.float32), np.array([-0.7, 0.1, 1.5], np.float32)
    once = pair.discriminator(real, fake)
    np.testing.assert_allclose(pair.discriminator(np.tile(real, 3), np.tile(fake, 3)), once, rtol=1e-6)
    np.testing.assert_allclose(pair.discriminator(real[:, None], fake[:, None]), once, rtol=1e-6)


EQUILIBRIUM = {
    "minimax": (LOG2, 0.0),
    "non_saturating": (LOG2, 0.0),
    "least_squares": (0.25, 0.5),
    "hinge": (1.0, 0.0),
    "relativistic": (LOG2, 0.0),
    "relativistic_average": (LOG2, 0.0),
    "wasserstein": (0.0, 0.0),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_discriminator_that_cannot_tell_pays_the_documented_value(name):
    value, logit = EQUILIBRIUM[name]
    assert float(LOSSES[name].discriminator([logit, logit], [logit, logit])) == pytest.approx(value, abs=1e-7)


def generator_value(name, real, fake):
    pair = LOSSES[name]
    return pair.generator(real, fake) if pair.relativistic else pair.generator(fake)


@pytest.mark.parametrize("name", LOSSES)
def test_signs(name):
    """The discriminator's loss falls as it separates; the generator's falls as its fakes score higher."""
    pair = LOSSES[name]
    low, high = tf.constant([-0.5]), tf.constant([0.5])
    assert pair.discriminator(high, low) < pair.discriminator(low, high)
    assert generator_value(name, low, high) < generator_value(name, low, low)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_against_finite_differences(name):
    rng = np.random.default_rng(0)
    real, fake = rng.uniform(-0.8, 0.8, (2, 4)).astype(np.float32)
    pair = LOSSES[name]
    for value_of in (pair.discriminator, lambda r, f: generator_value(name, r, f)):
        r, f = tf.Variable(real), tf.Variable(fake)
        with tf.GradientTape() as tape:
            value = value_of(r, f)
        exact = tape.gradient(value, [r, f], unconnected_gradients="zero")
        for which, gradient in enumerate(exact):
            for i in range(4):
                shifted = []
                for sign in (1, -1):
                    arrays = [real.astype(np.float64).copy(), fake.astype(np.float64).copy()]
                    arrays[which][i] += sign * 1e-2
                    shifted.append(float(value_of(*(a.astype(np.float32) for a in arrays))))
                assert gradient[i].numpy() == pytest.approx((shifted[0] - shifted[1]) / 2e-2, abs=2e-4)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_finite_at_large_logits(name, size):
    logits = [tf.Variable([size, 0.0]), tf.Variable([-size, size])]
    with tf.GradientTape(persistent=True) as tape:
        values = [LOSSES[name].discriminator(*logits), generator_value(name, *logits)]
    for value in values:
        assert np.isfinite(value.numpy())
        for gradient in tape.gradient(value, logits, unconnected_gradients="zero"):
            assert np.all(np.isfinite(gradient.numpy()))


def test_saturation_is_where_the_theory_puts_it():
    """At D(G(z)) -> 0 the min-max loss has no gradient left and the non-saturating one has all of it."""
    logit = tf.Variable([-20.0])
    with tf.GradientTape(persistent=True) as tape:
        saturating, other = losses.minimax_generator_loss(logit), losses.non_saturating_generator_loss(logit)
    assert abs(tape.gradient(saturating, logit)[0]) < 1e-8
    assert float(tape.gradient(other, logit)[0]) == pytest.approx(-1.0, abs=1e-6)


def test_half_precision_logits_are_computed_in_float32():
    value = losses.least_squares_generator_loss(tf.constant([300.0], tf.float16))  # 299² overflows float16
    assert value.dtype == tf.float32
    assert float(value) == pytest.approx(0.5 * 299**2)


def test_label_smoothing_moves_the_optimum_to_the_label():
    logit = tf.Variable([math.log(0.9 / 0.1)])
    with tf.GradientTape() as tape:
        value = losses.minimax_discriminator_loss(logit, [-1e4], real_label=0.9)
    assert float(tape.gradient(value, logit)[0]) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("label", [1.05, 0.5, 0.0, -0.1])
def test_labels_outside_the_range_are_refused(label):
    with pytest.raises(ValueError, match=r"real_label must be .* Received"):
        losses.minimax_discriminator_loss([0.0], [0.0], real_label=label)


def test_pairs_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="equal shapes"):
        losses.relativistic_generator_loss(tf.zeros((4, 1)), tf.zeros(4))


def quadratic(points):
    """D(x) = ½ x' diag(1, 2, 3) x, whose gradient is diag(1, 2, 3) x."""
    return 0.5 * tf.reduce_sum(tf.constant([1.0, 2.0, 3.0]) * tf.square(points), axis=-1)


def test_penalties_against_a_gradient_known_by_hand():
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(2, 5, 3)).astype(np.float32)
    shares = rng.uniform(size=5).astype(np.float32)
    mixed = shares[:, None] * real + (1 - shares[:, None]) * fake
    norms = np.linalg.norm(mixed * [1, 2, 3], axis=1)
    np.testing.assert_allclose(
        losses.gradient_penalty(quadratic, tf.constant(real), tf.constant(fake), shares),
        np.mean((norms - 1) ** 2),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        losses.zero_centred_penalty(quadratic, tf.constant(real), tf.constant(fake), shares),
        np.mean(norms**2),
        rtol=1e-5,
    )
    at_real = np.linalg.norm(real * [1, 2, 3], axis=1)
    np.testing.assert_allclose(losses.r1_penalty(quadratic, tf.constant(real)), 0.5 * np.mean(at_real**2), rtol=1e-5)


def test_the_gradient_penalty_has_a_finite_gradient_where_the_critic_is_flat():
    slope = tf.Variable(0.0)
    points = tf.ones((2, 3))
    with tf.GradientTape() as tape:
        value = losses.gradient_penalty(lambda x: slope * x[:, 0], points, points, tf.constant([0.5, 0.5]))
    assert np.isfinite(tape.gradient(value, slope).numpy())
    assert float(value) == pytest.approx(1.0, abs=1e-5)


def test_a_penalty_refuses_batches_of_different_size():
    with pytest.raises(ValueError, match=r"Received: \(4, 3\) and \(2, 3\)"):
        losses.gradient_penalty(quadratic, tf.zeros((4, 3)), tf.zeros((2, 3)), tf.zeros(4))
