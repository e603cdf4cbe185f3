"""The convolutional networks and their parts: shapes, seeds, limits, and what augmentation does to an image."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.models.augmentation import DifferentiableAugmentation
from course_utils.models.image_conv import build_conv_discriminator, build_conv_generator
from course_utils.models.spectral import SpectralConv2D, SpectralDense
from course_utils.models.vae import build_conv_encoder
from course_utils.models.weight_clipping import WeightClipping

NOISE, SMALL = tf.random.stateless_normal((3, 100), (0, 1)), {"filters": (6, 4)}
IMAGES = tf.random.stateless_uniform((3, 28, 28, 1), (0, 2), -1, 1)
LABELS = tf.constant([0, 9, 3])


@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
@pytest.mark.parametrize(("shape", "filters"), [((28, 28, 1), (6, 4)), ((16, 8, 3), (5, 4, 3)), ((4, 4, 2), (3,))])
def test_generators_make_images_of_the_shape_asked_for(upsampling, shape, filters):
    generator = build_conv_generator(filters=filters, image_shape=shape, upsampling=upsampling)
    images = generator(NOISE, training=True)
    assert images.shape == (3, *shape)
    assert np.abs(images).max() <= 1
    discriminator = build_conv_discriminator(filters=filters[::-1], image_shape=shape)
    assert discriminator(images).shape == (3, 1)


def test_the_published_sizes():
    """Linear 100 → 7·7·128 without bias and two normalisations of 2 numbers a map; two kernels of 4 × 4."""
    generator, discriminator = build_conv_generator(), build_conv_discriminator()
    norms = 4 * (128 + 64)  # a scale and a shift, and two statistics that are not trained
    assert generator.count_params() == 100 * 6_272 + norms + 16 * 128 * 64 + 16 * 64 + 1
    assert discriminator.count_params() == 16 * 64 + 64 + 16 * 64 * 128 + 4 * 128 + 6_272 + 1


@pytest.mark.parametrize("build", [build_conv_generator, build_conv_discriminator, build_conv_encoder])
def test_seeds_decide_the_weights_and_no_two_layers_share_theirs(build):
    one, same, other = (build(**SMALL, seed=seed) for seed in (3, 3, 4))
    kernels = [w.numpy().ravel() for w in one.trainable_weights if w.name == "kernel"]
    assert len({k[0] for k in kernels}) == len(kernels)
    for a, b, c in zip(one.weights, same.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        if a.name == "kernel":
            assert not np.array_equal(a, c)


def test_labels_change_what_is_written_and_what_is_answered():
    generator = build_conv_generator(**SMALL, classes=10)
    assert not np.allclose(generator([NOISE, LABELS]), generator([NOISE, (LABELS + 1) % 10]))
    for condition in ("projection", "concatenation"):
        discriminator = build_conv_discriminator(**SMALL, classes=10, condition=condition)
        assert not np.allclose(discriminator([IMAGES, LABELS]), discriminator([IMAGES, (LABELS + 1) % 10]))


def test_projection_adds_the_labels_vector_times_the_features():
    discriminator = build_conv_discriminator(**SMALL, classes=10, normalisation=None)
    flat = next(layer for layer in discriminator.layers if isinstance(layer, keras.layers.Flatten))
    dense = next(layer for layer in discriminator.layers if isinstance(layer, keras.layers.Dense))
    embedding = next(layer for layer in discriminator.layers if isinstance(layer, keras.layers.Embedding))
    features = keras.Model(discriminator.inputs, flat.output)([IMAGES, LABELS]).numpy()
    vectors = embedding.embeddings.numpy()[LABELS.numpy()]
    expected = features @ dense.kernel.numpy() + dense.bias.numpy() + (features * vectors).sum(1, keepdims=True)
    np.testing.assert_allclose(discriminator([IMAGES, LABELS]), expected, atol=1e-6)


def test_clipping_holds_after_every_step():
    discriminator = build_conv_discriminator(**SMALL, normalisation=None, clip=0.01)
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build(discriminator.trainable_variables)
    optimizer.apply([tf.ones_like(w) for w in discriminator.trainable_variables])
    assert max(np.abs(w).max() for w in discriminator.trainable_variables) == pytest.approx(0.01)
    assert WeightClipping(**WeightClipping(0.3).get_config()).limit == 0.3


@pytest.mark.parametrize("layer", [SpectralConv2D(5, 3), SpectralDense(5)])
def test_spectral_layers_converge_to_weights_of_largest_singular_value_one(layer):
    # The same weights each time: how fast it converges depends on the two largest singular values.
    layer.kernel_initializer = keras.initializers.GlorotUniform(seed=3)
    inputs = tf.random.stateless_normal((2, 6, 6, 4), (1, 1))
    layer(inputs)
    kernel = layer.kernel.numpy()
    for _ in range(60):
        layer(inputs, training=True)
    np.testing.assert_array_equal(layer.kernel, kernel)  # the weights are left alone
    used = layer.normalised_kernel(training=False).numpy().reshape(-1, 5)
    assert np.linalg.svd(used, compute_uv=False)[0] == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(used, kernel.reshape(-1, 5) / np.linalg.svd(kernel.reshape(-1, 5))[1][0], atol=1e-5)


def test_a_spectral_layer_at_rest_does_what_training_did_last():
    layer, inputs = SpectralDense(5), tf.random.stateless_normal((2, 4), (1, 1))
    trained = layer(inputs, training=True)
    np.testing.assert_array_equal(layer(inputs), trained)
    u = layer.u.numpy()
    layer(inputs)
    np.testing.assert_array_equal(layer.u, u)


def test_the_gradient_of_a_spectral_layer_knows_its_largest_singular_value():
    """By finite differences of x·W/σ(W), with σ from an SVD."""
    layer, x = SpectralDense(3, use_bias=False), np.array([[0.3, -1.0]], "float32")
    layer(x)
    for _ in range(200):
        layer(x, training=True)
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(layer(x) * [1.0, 2.0, -1.0])
    gradient = tape.gradient(out, layer.kernel.value)
    kernel = layer.kernel.numpy().astype(float)

    def value(w):
        return (x @ w / np.linalg.svd(w)[1][0] * [1.0, 2.0, -1.0]).sum()

    for place in np.ndindex(2, 3):
        step = np.zeros((2, 3))
        step[place] = 1e-5
        assert gradient[place].numpy() == pytest.approx((value(kernel + step) - value(kernel - step)) / 2e-5, abs=1e-3)


def test_augmentation_shifts_whole_images_and_cuts_a_square_and_rests_outside_training():
    image = np.full((1, 28, 28, 1), -1.0, "float32")
    image[0, 10:15, 12:16] = 0.7
    many = tf.constant(np.repeat(image, 200, 0))
    shifted = DifferentiableAugmentation(cut=0)(many, training=True).numpy()
    np.testing.assert_allclose(
        np.sort(shifted.reshape(200, -1)), np.sort(image.reshape(1, -1)).repeat(200, 0), atol=1e-6
    )
    tops = np.argmax((shifted > 0).any(axis=(2, 3)), axis=1)
    lefts = np.argmax((shifted > 0).any(axis=(1, 3)), axis=1)
    assert set(tops - 10) == set(lefts - 12) == set(range(-4, 5))  # an eighth of 28 is 3.5
    cut = DifferentiableAugmentation(shift=0)(tf.ones_like(many), training=True).numpy()[..., 0]
    areas = (cut == 0).sum(axis=(1, 2))
    assert areas.max() == 14 * 14 and areas.min() >= 7 * 7
    assert set(np.unique(cut)) == {0.0, 1.0}
    np.testing.assert_array_equal(DifferentiableAugmentation()(many), many)


def test_the_gradient_comes_back_to_where_a_pixel_was():
    layer, images = DifferentiableAugmentation(cut=0, seed=5), tf.zeros((1, 28, 28, 1))
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(layer(images, training=True)[:, 14, 14])
    gradient = tape.gradient(total, images).numpy()[0, :, :, 0]
    assert gradient.sum() == 1 and gradient[10:19, 10:19].sum() == 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: build_conv_generator(image_shape=(30, 28, 1)), "multiples of 4"),
        (lambda: build_conv_generator(upsampling="bilinear"), "transposed, resize"),
        (lambda: build_conv_generator(classes=0), "Received: 0"),
        (lambda: build_conv_discriminator(filters=()), "multiples of 1"),
        (lambda: build_conv_discriminator(normalisation="instance"), "'spectral'"),
        (lambda: build_conv_discriminator(classes=10, condition="none"), "projection"),
        (lambda: build_conv_discriminator(clip=0.0), "above 0"),
        (lambda: build_conv_encoder(noise_dim=0), "Received: 0"),
        (lambda: DifferentiableAugmentation(cut=1.0), "below 1"),
    ],
)
def test_impossible_settings_are_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
