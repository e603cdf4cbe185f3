"""L-BFGS on TensorFlow variables against SciPy called directly and minima known by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import optimize

from course_utils.training.lbfgs import LBFGSResult, minimize_lbfgs

START = np.array([-1.2, 1.0])


def rosenbrock(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@pytest.mark.parametrize(("steps", "memory"), [(100, 10), (100, 2), (5, 10)])
def test_rosenbrock_goes_as_in_scipy(steps, memory):
    direct = optimize.minimize(
        optimize.rosen, START, jac=optimize.rosen_der, method="L-BFGS-B", options={"maxiter": steps, "maxcor": memory}
    )
    x, y = (tf.Variable(value, dtype=tf.float64) for value in START)
    result = minimize_lbfgs(lambda: rosenbrock(x, y), [x, y], steps=steps, memory=memory)
    np.testing.assert_allclose([x.numpy(), y.numpy()], direct.x, rtol=1e-6)
    expected = LBFGSResult(pytest.approx(direct.fun, abs=1e-9), direct.nit, direct.nfev, direct.success, direct.message)
    assert result == expected
    assert result.converged is (steps == 100)
    if result.converged:
        np.testing.assert_allclose([x.numpy(), y.numpy()], [1.0, 1.0], atol=1e-4)


def test_variables_of_any_shape_and_kind_keep_theirs():
    targets = [np.arange(6.0).reshape(2, 3), np.array(-3.0), np.array([[0.5], [2.0]])]
    variables = [
        tf.Variable(tf.zeros((2, 3)), trainable=False),
        keras.Variable(0.0, dtype="float64"),
        keras.Variable(np.ones((2, 1)), dtype="float32", trainable=False),
    ]

    def loss():
        pairs = zip(variables, targets, strict=True)
        parts = [(tf.cast(variable, tf.float64) - target) ** 2 for variable, target in pairs]
        return tf.add_n([weight * tf.reduce_sum(part) for weight, part in zip((1.0, 3.0, 0.2), parts, strict=True)])

    result = minimize_lbfgs(loss, variables)
    assert result.converged and result.loss < 1e-8
    for variable, target, dtype in zip(variables, targets, ("float32", "float64", "float32"), strict=True):
        np.testing.assert_allclose(variable.numpy(), target, atol=1e-4)
        assert variable.numpy().dtype == dtype


def test_a_network_on_a_fixed_batch():
    random = np.random.default_rng(0)
    x = random.normal(size=(50, 3))
    y = x @ [1.0, -2.0, 0.5] + 3.0
    layer = keras.layers.Dense(1)
    layer.build((None, 3))
    result = minimize_lbfgs(lambda: tf.reduce_mean((layer(x)[:, 0] - y) ** 2), layer.trainable_variables)
    assert result.loss < 1e-6
    np.testing.assert_allclose(layer.kernel.numpy()[:, 0], [1.0, -2.0, 0.5], atol=1e-3)
    np.testing.assert_allclose(layer.bias.numpy(), [3.0], atol=1e-3)


def test_the_gradient_of_a_lookup_reaches_its_rows():
    table = tf.Variable([[1.0], [2.0], [3.0]])
    minimize_lbfgs(lambda: tf.reduce_sum((tf.gather(table, [0, 2]) - 7.0) ** 2), [table])
    np.testing.assert_allclose(table.numpy(), [[7.0], [2.0], [7.0]], atol=1e-4)


def test_the_variables_end_at_the_reported_loss():
    # A limit of one step ends it after a line search whose last trial need not be the best.
    x, y = (tf.Variable(value, dtype=tf.float64) for value in START)
    for _ in range(12):
        result = minimize_lbfgs(lambda: rosenbrock(x, y), [x, y], steps=1)
        assert result.steps == 1 and not result.converged
        assert float(rosenbrock(x, y)) == pytest.approx(result.loss, rel=1e-12)


def test_a_line_search_that_finds_nothing_goes_back():
    # The start is the minimum, but the slope there promises a descent: every trial is worse.
    @tf.custom_gradient
    def promise(x):
        return abs(x - 1), lambda upstream: upstream * (1 - 101 * tf.cast(x == 1, tf.float64))

    weight = tf.Variable(1.0, dtype=tf.float64)
    result = minimize_lbfgs(lambda: promise(weight), [weight])
    assert not result.converged and "ABNORMAL" in result.message
    assert (float(weight), result.loss) == (1.0, 0.0) and result.evaluations > 10


def test_the_loss_is_traced_once():
    calls = []
    weight = tf.Variable(4.0)

    def loss():
        calls.append(None)
        return weight**2

    assert minimize_lbfgs(loss, [weight]).evaluations > 1
    assert len(calls) == 1


@pytest.mark.parametrize("kind", ["loss", "slope"])
def test_a_loss_that_is_not_finite_leaves_the_last_finite_point(kind):
    weight, seen = tf.Variable(2.0, dtype=tf.float64), []

    def value():
        seen.append(float(weight))
        # Beyond 0.5 the loss, or at least its slope, is NaN; SciPy's first trial goes to 1.0 and later ones below.
        return np.where(weight.numpy() < 0.5, np.nan, weight.numpy())

    @tf.custom_gradient
    def cliff(x):
        checked = tf.numpy_function(value, [], tf.float64)
        checked.set_shape(())
        if kind == "loss":
            return checked, tf.identity
        return x, lambda upstream: upstream * checked / x

    with pytest.raises(FloatingPointError, match=r"not finite\. The variables are back at the last finite point"):
        minimize_lbfgs(lambda: cliff(weight), [weight])
    assert len(seen) > 2 and seen[-1] < 0.5
    assert float(weight) == seen[-2] < 2.0


def test_a_start_that_is_not_finite_is_left_alone():
    weight = tf.Variable(-1.0)
    with pytest.raises(FloatingPointError, match="Received: a loss of nan and 1 of 1 slopes"):
        minimize_lbfgs(lambda: tf.math.sqrt(weight), [weight])
    assert float(weight) == -1.0


@pytest.mark.parametrize(
    ("loss", "variables", "settings", "error", "message"),
    [
        (lambda w: w**2, None, {"steps": 0}, ValueError, "steps must be at least 1. Received: 0"),
        (lambda w: w**2, None, {"memory": 0}, ValueError, "memory must be at least 1. Received: 0"),
        (lambda w: w**2, [], {}, ValueError, "at least one variable. Received: none"),
        (lambda w: w**2, [1.0], {}, TypeError, "tf.Variable or keras.Variable .* Received: 1.0"),
        (lambda w: w**2, [tf.Variable(1)], {}, TypeError, "float type. Received: <tf.Variable .*int32"),
        (lambda w: tf.stack([w, w]), None, {}, ValueError, r"must be a scalar. Received: shape \(2,\)"),
        (lambda w: tf.constant(1.0), None, {}, ValueError, "every variable. Received: one without 'lonely:0'"),
    ],
)
def test_bad_input_is_named(loss, variables, settings, error, message):
    weight = tf.Variable(1.5, name="lonely")
    with pytest.raises(error, match=message):
        minimize_lbfgs(lambda: loss(weight), [weight] if variables is None else variables, **settings)
    assert float(weight) == 1.5


def test_a_function_of_the_callers_is_traced_once_and_sees_the_new_batch():
    traces, weight, batch = [], tf.Variable(0.0), tf.Variable(1.0)

    @tf.function
    def loss():
        traces.append(1)
        return (weight - batch) ** 2

    for target in (3.0, -2.0):
        batch.assign(target)
        assert minimize_lbfgs(loss, [weight]).converged
        assert weight.numpy() == pytest.approx(target, abs=1e-4)
    # The second trace is the one that the gradient of the first loss needs; none is the new batch's.
    count = len(traces)
    minimize_lbfgs(loss, [weight])
    assert len(traces) == count


def test_a_convex_function_is_brought_to_its_only_minimum():
    curvature = np.diag([1.0, 4.0, 100.0]) + 0.5
    weights, bias = tf.Variable([[5.0], [-7.0]], dtype=tf.float64), tf.Variable([3.0], dtype=tf.float64)

    def loss():
        x = tf.concat([tf.reshape(weights, (-1,)), bias], 0)
        return 0.5 * tf.tensordot(x, tf.linalg.matvec(curvature, x), 1) - tf.reduce_sum(x)

    assert minimize_lbfgs(loss, [weights, bias]).converged
    found = np.concatenate([weights.numpy().ravel(), bias.numpy()])
    np.testing.assert_allclose(found, np.linalg.solve(curvature, np.ones(3)), atol=1e-5)
