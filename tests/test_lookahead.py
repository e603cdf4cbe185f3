"""Lookahead against a second implementation in NumPy, matrix powers, and Keras's own saving."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.training.lookahead import Lookahead

# A convex quadratic ½ xᵀAx − bᵀx, split over two variables of different shapes: (2,) and (2, 1).
A = np.array([[3.0, 0.5, 0.0, 0.2], [0.5, 2.0, 0.3, 0.0], [0.0, 0.3, 1.5, 0.1], [0.2, 0.0, 0.1, 1.0]])
B = np.array([1.0, -2.0, 0.5, 1.5])
START = np.array([2.0, -1.0, 0.5, 3.0])
MINIMUM = np.linalg.solve(A, B)


def variables():
    return [tf.Variable(START[:2], dtype=tf.float32), tf.Variable(START[2:, None], dtype=tf.float32)]


def flat(weights):
    return np.concatenate([np.ravel(weight.numpy()) for weight in weights])


def step_of(optimizer, weights):
    def step():
        """Return the count of steps, as `apply_gradients` tells it."""
        x = tf.concat([tf.reshape(weight, (-1,)) for weight in weights], 0)
        gradient = tf.linalg.matvec(tf.constant(A, tf.float32), x) - tf.constant(B, tf.float32)
        return tf.identity(optimizer.apply_gradients([(gradient[:2], weights[0]), (gradient[2:, None], weights[1])]))

    return step


def sgd_in_numpy():
    velocity = np.zeros(4)

    def step(x):
        velocity[:] = 0.8 * velocity - 0.05 * (A @ x - B)
        return x + velocity

    return step


def adam_in_numpy():
    mean, square, count = np.zeros(4), np.zeros(4), [0]

    def step(x):
        count[0] += 1
        gradient = A @ x - B
        mean[:] = 0.5 * mean + 0.5 * gradient
        square[:] = 0.999 * square + 0.001 * gradient**2
        corrected = mean / (1 - 0.5 ** count[0]), square / (1 - 0.999 ** count[0])
        return x - 0.1 * corrected[0] / (np.sqrt(corrected[1]) + 1e-7)

    return step


INNER = {
    "sgd": (lambda: keras.optimizers.SGD(0.05, momentum=0.8), sgd_in_numpy),
    "adam": (lambda: keras.optimizers.Adam(0.1, beta_1=0.5), adam_in_numpy),
}


def lookahead_in_numpy(step, steps, period, slow_step):
    fast = slow = START
    path = []
    for number in range(1, steps + 1):
        fast = step(fast)
        if number % period == 0:
            fast = slow = (1 - slow_step) * slow + slow_step * fast
        path.append(fast)
    return np.stack(path), slow


@pytest.mark.parametrize("way", ["eager", "function", "xla"])
@pytest.mark.parametrize("inner", INNER)
def test_every_step_is_that_of_a_second_implementation(inner, way):
    keras_inner, numpy_inner = INNER[inner]
    optimizer, weights = Lookahead(keras_inner(), period=4, slow_step=0.3), variables()
    step = step_of(optimizer, weights)
    if way == "xla":
        optimizer.build(weights)  # no variable can be made inside XLA
    step = {"eager": step, "function": tf.function(step), "xla": tf.function(step, jit_compile=True)}[way]
    path = []
    for number in range(1, 24):
        assert int(step()) == int(optimizer.iterations) == number
        path.append(flat(weights))
    expected, slow = lookahead_in_numpy(numpy_inner(), 23, 4, 0.3)
    np.testing.assert_allclose(path, expected, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(flat(optimizer._slow_weights), slow, rtol=2e-5, atol=2e-5)


def test_one_trace_serves_every_step():
    optimizer, weights = Lookahead(keras.optimizers.SGD(0.1), period=3), variables()
    step = tf.function(step_of(optimizer, weights))
    for _ in range(7):
        step()
    assert step.experimental_get_tracing_count() <= 2  # the first call traces once more, to make the variables


def test_it_finds_the_minimum_of_a_convex_function():
    optimizer, weights = Lookahead(keras.optimizers.SGD(0.3)), variables()
    step = tf.function(step_of(optimizer, weights))
    for _ in range(300):
        step()
    np.testing.assert_allclose(flat(weights), MINIMUM, atol=1e-5)


def test_a_slow_step_of_one_changes_nothing():
    results = []
    for wrap in (lambda inner: inner, lambda inner: Lookahead(inner, period=2, slow_step=1.0)):
        weights = variables()
        step = step_of(wrap(keras.optimizers.Adam(0.1)), weights)
        for _ in range(5):
            step()
        results.append(flat(weights))
    np.testing.assert_allclose(*results, rtol=1e-6)


def test_it_tames_the_bilinear_game_as_its_matrix_says():
    h, period, slow_step = 0.3, 5, 0.5
    theta, psi = tf.Variable(1.0), tf.Variable(0.5)
    generator, discriminator = (
        Lookahead(keras.optimizers.SGD(h), period=period, slow_step=slow_step) for _ in range(2)
    )
    for _ in range(4 * period):
        gradients = tf.identity(psi), -tf.identity(theta)  # simultaneous steps on θψ
        generator.apply([gradients[0]], [theta])
        discriminator.apply([gradients[1]], [psi])
    one = np.array([[1.0, -h], [h, 1.0]])
    once_round = (1 - slow_step) * np.eye(2) + slow_step * np.linalg.matrix_power(one, period)
    expected = np.linalg.matrix_power(once_round, 4) @ [1.0, 0.5]
    np.testing.assert_allclose([theta.numpy(), psi.numpy()], expected, rtol=1e-5)
    assert (
        np.linalg.norm(expected) < math.hypot(1.0, 0.5) < np.linalg.norm(np.linalg.matrix_power(one, 20) @ [1.0, 0.5])
    )


def test_games_stacked_in_one_variable_do_not_mix():
    starts = np.array([[1.0, -2.0], [0.3, 4.0], [-5.0, np.nan]], np.float32)

    def run(start):
        optimizer, weight = Lookahead(keras.optimizers.Adam(0.2), period=3, slow_step=0.4), tf.Variable(start)
        for _ in range(8):
            optimizer.apply([weight**3], [weight])
        return weight.numpy()

    np.testing.assert_allclose(run(starts), [run(start) for start in starts], rtol=1e-6)
    assert np.isfinite(run(starts)[:2]).all()


# Settings, saving and loading


def test_the_configuration_comes_back():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    first = Lookahead(keras.optimizers.Adam(schedule, beta_1=0.25, clipvalue=2.0), period=7, slow_step=0.8, name="look")
    text = json.dumps(keras.saving.serialize_keras_object(first))
    second = keras.saving.deserialize_keras_object(json.loads(text))
    assert isinstance(second, Lookahead) and isinstance(second.optimizer, keras.optimizers.Adam)
    assert second.get_config() == first.get_config()
    assert (second.period, second.slow_step, second.name) == (7, 0.8, "look")
    assert (second.optimizer.beta_1, second.optimizer.clipvalue) == (0.25, 2.0)


def small_model(optimizer):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


X = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)


def train(model, steps):
    for _ in range(steps):
        model.train_on_batch(X, Y)
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def test_a_saved_model_goes_on_as_if_never_saved(tmp_path):
    model = small_model(Lookahead(keras.optimizers.Adam(0.05), period=3))
    train(model, 4)  # one step past a slow step, so that fast and slow weights differ
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == 4
    np.testing.assert_array_equal(train(loaded, 3), train(model, 3))


def test_set_weights_takes_all_variables():
    first, second = (small_model(Lookahead(keras.optimizers.Adam(0.05), period=3)) for _ in range(2))
    train(first, 4)
    train(second, 1)
    second.optimizer.set_weights([variable.numpy() for variable in first.optimizer.variables])
    second.set_weights(first.get_weights())
    np.testing.assert_array_equal(train(second, 3), train(first, 3))
    first.optimizer.build(first.trainable_variables)  # a second time, as `fit` may: nothing is added
    # Iteration and learning rate twice; slow weights, two moments for each of the four weights.
    assert len(first.optimizer.variables) == 2 + 2 + 3 * 4


def test_the_learning_rate_is_the_inner_optimisers():
    optimizer = Lookahead(keras.optimizers.SGD(0.5))
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == float(optimizer.optimizer.learning_rate) == 0.25
    model = small_model(optimizer)
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=1e9)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[plateau])
    assert float(optimizer.optimizer.learning_rate) == 0.125


# With what Keras wraps around and inside


def test_accumulated_gradients_count_as_one_step():
    results = []
    for accumulate, repeats in ((None, 1), (2, 2)):
        weight = tf.Variable(1.0)
        inner = keras.optimizers.SGD(0.1, gradient_accumulation_steps=accumulate)
        optimizer = Lookahead(inner, period=3)
        for number in range(7):
            for _ in range(repeats):
                optimizer.apply([tf.constant(1.0 + number)], [weight])
        results.append(float(weight))
    assert results[0] == pytest.approx(results[1], rel=1e-6)


@pytest.mark.parametrize("outside", [False, True])
def test_a_step_skipped_by_the_loss_scale_is_not_counted(outside):
    weight = tf.Variable(1.0)
    inner = keras.optimizers.SGD(0.5)
    if outside:
        optimizer = keras.optimizers.LossScaleOptimizer(Lookahead(inner, period=2), initial_scale=1.0)
    else:
        optimizer = Lookahead(keras.optimizers.LossScaleOptimizer(inner, initial_scale=1.0), period=2)
    optimizer.build([weight])
    for gradient in (math.inf, 0.5, math.nan):  # each overflow halves the scale, so 0.5 / 0.5 is a slope of 1
        optimizer.apply([tf.constant(gradient)])
    assert (float(weight), int(optimizer.iterations)) == (0.5, 1)
    assert float(optimizer.scale_loss(tf.constant(1.0))) == 0.25
    optimizer.apply([tf.constant(0.25)])
    assert float(weight) == 0.5  # 1 → 0.5 → 0, and half way back


def test_two_replicas_share_their_slow_weights():
    # Without collective operations, whose keys a second strategy in the process would use again.
    reduction = tf.distribute.ReductionToOneDevice()
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=reduction)
    with strategy.scope():
        layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((1,)), layer])
        model.compile(Lookahead(keras.optimizers.SGD(0.1), period=2), "mse")
    model.fit(np.ones((8, 1)), np.zeros((8, 1)), batch_size=4, verbose=0)
    # On x = 1, y = 0 a step multiplies the weight by 0.8: 1 → 0.8 → 0.64, and half way back.
    np.testing.assert_allclose(model.get_weights()[0], [[0.82]], rtol=1e-6)


def test_an_average_of_the_weights_is_written_at_the_end():
    weight = tf.Variable(1.0)
    optimizer = Lookahead(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), period=9)
    for _ in range(2):
        optimizer.apply([tf.constant(1.0)], [weight])
    optimizer.finalize_variable_values([weight])
    assert float(weight) == pytest.approx(0.5 * 0.9 + 0.5 * 0.8)  # the average begins with the first step


# What is refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"period": 0}, "period must be .* Received: 0"),
        ({"period": 2.0}, r"Received: 2\.0"),
        ({"period": True}, "Received: True"),
        ({"slow_step": 0.0}, r"slow_step must be .* Received: 0\.0"),
        ({"slow_step": 1.5}, r"Received: 1\.5"),
        ({"slow_step": math.nan}, "Received: nan"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Lookahead(keras.optimizers.SGD(0.1), **settings)


def test_bad_optimisers_are_named():
    with pytest.raises(TypeError, match=r"must be a Keras optimiser .* Received: adam"):
        Lookahead("adam")
    used = keras.optimizers.SGD(0.1, name="old")
    used.build([tf.Variable(1.0)])
    with pytest.raises(ValueError, match="Received: 'old', which has been used"):
        Lookahead(used)


def test_the_first_step_needs_variables():
    with pytest.raises(ValueError, match="needs the variables"):
        Lookahead(keras.optimizers.SGD(0.1)).apply([tf.constant(1.0)])
