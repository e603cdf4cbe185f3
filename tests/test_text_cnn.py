"""TextCNN: held against SeqGAN's network written out in NumPy, its penalty, its windows and its gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize
from scipy.special import expit
from small_text_discriminators import B, T, V, make, make_ids, make_strong

from course_utils.models import text_cnn
from course_utils.models.text_cnn import FILTERS, WIDTHS, TextCNN


def by_hand(discriminator, ids):
    """Return the features and logits of sentences, with loops over sentences, windows and filters."""
    embedded = discriminator.embedding.get_weights()[0][ids]
    maxima = []
    for convolution in discriminator.convolutions:
        kernel, bias = convolution.get_weights()
        width, _, filters = kernel.shape
        answers = np.empty((len(ids), T - width + 1, filters))
        for b, t, f in np.ndindex(answers.shape):
            answers[b, t, f] = max(0.0, np.sum(embedded[b, t : t + width] * kernel[:, :, f]) + bias[f])
        maxima.append(answers.max(axis=1))
    a = np.concatenate(maxima, axis=1)
    dense = (discriminator.gate, discriminator.transform, discriminator.last_layer)
    (gate, gate_bias), (transform, transform_bias), (last, last_bias) = (layer.get_weights() for layer in dense)
    t, g = expit(a @ gate + gate_bias), np.maximum(a @ transform + transform_bias, 0.0)
    features = t * g + (1 - t) * a
    return features, features @ last + last_bias


def test_the_network_is_the_published_one():
    discriminator, ids = make_strong("cnn"), make_ids()
    features, logits = by_hand(discriminator, ids)
    assert features.shape == (B, 9) and np.mean(features > 0) > 0.3
    np.testing.assert_allclose(discriminator.features(ids), features, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(discriminator(ids), logits, rtol=1e-4, atol=1e-4)


def test_the_defaults_are_seqgan_s():
    assert dict(zip(WIDTHS, FILTERS, strict=True)) == {
        **{1: 100, 2: 200, 3: 200, 4: 200, 5: 200, 6: 100, 7: 100, 8: 100, 9: 100, 10: 100},
        **{15: 160, 20: 160},
    }
    discriminator = TextCNN(50)
    shapes = [tuple(convolution.kernel.shape) for convolution in discriminator.convolutions]
    assert shapes == [(width, 64, count) for width, count in zip(WIDTHS, FILTERS, strict=True)]
    assert discriminator.gate.kernel.shape == discriminator.transform.kernel.shape == (1_720, 1_720)
    assert discriminator.last_layer.kernel.shape == (1_720, 1)
    assert discriminator.feature_dropout.rate == 0.25
    # How the public code begins: uniform words, normal filters cut at two deviations, biases 0.1.
    words, kernel = discriminator.embedding.get_weights()[0], discriminator.convolutions[-1].kernel.numpy()
    assert 0.99 < np.abs(words).max() <= 1 and np.std(words) == pytest.approx(1 / 3**0.5, rel=0.03)
    assert 0.19 < np.abs(kernel).max() <= 0.2 and np.std(kernel) == pytest.approx(0.088, rel=0.01)
    assert all(np.all(convolution.bias.numpy() == np.float32(0.1)) for convolution in discriminator.convolutions)
    # The last layer is the difference of two columns drawn so.
    assert np.std(discriminator.last_layer.kernel) == pytest.approx(0.088 * 2**0.5, rel=0.05)


def test_the_penalty_is_the_least_that_two_logits_pay_for_the_same_probabilities():
    # A softmax of the logits w₁·x, w₂·x depends on w₁ − w₂; the public code adds 0.2 · ½(|w₁|² + |w₂|²).
    difference = np.array([0.7, -1.3, 0.2])

    def published(w):
        return 0.2 * 0.5 * np.sum(w**2)

    least = minimize(published, np.ones(6), constraints={"type": "eq", "fun": lambda w: w[:3] - w[3:] - difference})
    discriminator = TextCNN(5, embedding_dim=2, widths=(1,), filters=2)
    discriminator.last_layer.set_weights([difference[:2, None], difference[2:]])
    assert float(tf.add_n(discriminator.losses)) == pytest.approx(least.fun, rel=1e-4)


def test_windows_that_do_not_fit_are_left_out_with_their_filters():
    discriminator = TextCNN(5, length=4)
    assert discriminator.widths == (1, 2, 3, 4) and discriminator.features([[1, 2, 3, 4]]).shape == (1, 700)
    twin = TextCNN.from_config(discriminator.get_config())
    assert twin.widths == discriminator.widths and twin.count_params() == discriminator.count_params()
    assert TextCNN(5, widths=(3, 1), filters=(7, 4), length=2).features([[1, 2]]).shape == (1, 4)
    assert TextCNN(5, widths=(1, 2, 3), filters=2).features([[1, 2, 3]]).shape == (1, 6)


def test_a_sentence_as_long_as_the_widest_window_is_read_and_a_shorter_one_refused():
    discriminator = make("cnn")
    assert discriminator(make_ids(shape=(2, 6))).shape == (2, 1)
    with pytest.raises(ValueError, match=r"as many tokens as the widest window, 6. Received: 5.*length=5, or pad"):
        discriminator(make_ids(shape=(2, 5)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widths": ()}, r"widths must be one or more different numbers. Received: \(\)"),
        ({"widths": (2, 2), "filters": 3}, r"widths must be one or more different numbers. Received: \(2, 2\)"),
        ({"widths": (0, 1), "filters": 3}, "every width must be an integer of at least 1. Received: 0"),
        ({"filters": 0}, "every number of filters must be an integer of at least 1. Received: 0"),
        ({"filters": (1, 2)}, "filters must be one number or one a width. Received: 2 for 3"),
        ({"length": 0}, "length must be an integer of at least 1. Received: 0"),
        ({"widths": (3, 4), "filters": 2, "length": 2}, r"No window fits into length=2. Received: widths=\(3, 4\)"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        make("cnn", **settings)


@pytest.mark.parametrize("width", [1, 3, 6])
def test_the_gradients_of_a_convolution_are_tensorflow_s_to_the_second_order(width):
    random = np.random.default_rng(0)
    x, kernel = (tf.constant(random.normal(size=size), tf.float32) for size in ((B, T, 5), (width, 5, 4)))
    results = []
    for convolve in (text_cnn._convolve, lambda x, kernel: tf.nn.conv1d(x, kernel, 1, "VALID")):
        with tf.GradientTape() as outer:
            outer.watch((x, kernel))
            with tf.GradientTape() as inner:
                inner.watch((x, kernel))
                y = convolve(x, kernel)
                total = tf.reduce_sum(y**3)
            first = inner.gradient(total, (x, kernel))
            # As in a gradient penalty.
            size = tf.reduce_sum(first[0] ** 2) + tf.reduce_sum(first[1] ** 3)
        results.append([y, *first, *outer.gradient(size, (x, kernel))])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(other).max())


def test_it_learns_to_tell_sentences_apart():
    # A sentence is real if word 3 follows word 4 somewhere: no single word tells.
    random = np.random.default_rng(0)
    ids = random.integers(0, V, (64, T)).astype(np.int32)
    real = np.arange(64) % 2 == 0
    ids[real, 1:3], ids[~real, 1:3] = (4, 3), (3, 4)
    discriminator = TextCNN(V, embedding_dim=8, widths=(1, 2, 3), filters=8)
    discriminator.compile(keras.optimizers.Adam(0.03), keras.losses.BinaryCrossentropy(from_logits=True))
    discriminator.fit(ids, real[:, None].astype(np.float32), epochs=8, batch_size=16, verbose=0)
    assert np.mean((discriminator(ids)[:, 0] > 0) == real) > 0.95
