"""The conditional GAN and convolutional networks in a game: labels, devices, precision, saving, averages."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_conv_gan import BATCH, CLASSES, SHAPE, conv_networks, labelled_images, one_and_two_devices

from course_utils import losses
from course_utils.models.augmentation import DifferentiableAugmentation
from course_utils.training.averaging import averaged_weights
from course_utils.training.conditional_gan import ConditionalGAN
from course_utils.training.image_gan import ImageGAN


def make(kind=ConditionalGAN, *, compiled=None, networks=None, **settings):
    classes = CLASSES if kind is ConditionalGAN else None
    gan = kind(*conv_networks(classes=classes, **(networks or {})), **{"seed": 7, **settings})
    gan.compile(**{"jit_compile": False, **(compiled or {})})
    return gan


def descent(rate=0.05, **settings):
    return {f"{name}_optimizer": keras.optimizers.SGD(rate, **settings) for name in ("generator", "discriminator")}


def test_one_step_tells_both_networks_the_real_images_labels():
    images, labels = (tf.constant(part[:BATCH]) for part in labelled_images())
    gan = make(compiled=descent())
    generator, discriminator = conv_networks(classes=CLASSES)
    fake = generator([tf.random.stateless_normal((BATCH, 5), seed=(7, 0)), labels], training=True)
    with tf.GradientTape() as tape:
        logits = [discriminator([x, labels], training=True) for x in (images, fake)]
        loss = losses.minimax_discriminator_loss(*logits)
    weights = discriminator.trainable_variables
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        weight.assign_sub(0.05 * tf.convert_to_tensor(gradient))
    with tf.GradientTape() as tape:
        fake = generator([tf.random.stateless_normal((BATCH, 5), seed=(7, 1)), labels], training=True)
        loss = losses.non_saturating_generator_loss(discriminator([fake, labels], training=True))
    weights = generator.trainable_variables
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        weight.assign_sub(0.05 * tf.convert_to_tensor(gradient))
    gan.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0)
    for own, other in ((gan.generator, generator), (gan.discriminator, discriminator)):
        for a, b in zip(own.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("normalisation", ["batch", "layer", "spectral"])
@pytest.mark.parametrize("kind", [ImageGAN, ConditionalGAN])
def test_two_devices_make_the_same_update_as_one(kind, normalisation, two_devices):
    """Batch normalisation needs the mean over both devices for that."""
    data = labelled_images() if kind is ConditionalGAN else labelled_images()[0]

    def build():
        return make(kind, networks={"normalisation": normalisation}, compiled=descent(0.2))

    one, two = one_and_two_devices(build, data, two_devices)
    for a, b in zip(one[1], two[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for name in one[0]:
        np.testing.assert_allclose(one[0][name], two[0][name], atol=1e-5)


@pytest.mark.parametrize("normalisation", ["batch", "spectral"])
def test_xla_learns_the_same(normalisation):
    images, labels = labelled_images()
    gans = [
        make(penalty="r1", networks={"normalisation": normalisation}, compiled={"jit_compile": jit, **descent()})
        for jit in (False, True)
    ]
    for gan in gans:
        gan.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0)
    for a, b in zip(*(gan.get_weights() for gan in gans), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(("half", "error"), [("bfloat16", 0.02), ("float16", 0.003)])
@pytest.mark.parametrize("normalisation", ["batch", "spectral"])
def test_mixed_precision_answers_as_float32_within_its_rounding(half, error, normalisation):
    images, labels = labelled_images()
    full = make(networks={"normalisation": normalisation})
    keras.config.set_dtype_policy(f"mixed_{half}")
    try:
        mixed = make(networks={"normalisation": normalisation})
        mixed.set_weights(full.get_weights())
        noise = tf.random.stateless_normal((24, 5), (0, 1))
        for name, inputs in (("discriminator", images), ("generator", noise)):
            inputs = [tf.constant(inputs), tf.constant(labels)]
            one, other = (getattr(gan, name)(inputs).numpy() for gan in (full, mixed))
            assert one.dtype == other.dtype == np.float32
            np.testing.assert_allclose(one, other, atol=error * np.abs(one).max())
        logs = mixed.fit(images, labels, batch_size=BATCH, verbose=0).history
        assert all(np.isfinite(values[0]) for values in logs.values())
        assert {weight.dtype for weight in mixed.trainable_weights} == {"float32"}
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_saved_gan_asks_and_trains_on_as_before(tmp_path):
    images, labels = labelled_images()
    gan = make(networks={"normalisation": "spectral", "clip": 0.5}, loss="hinge")
    gan.fit(images, labels, batch_size=BATCH, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.sample([2, 0, 1], seed=3), gan.sample([2, 0, 1], seed=3))
    for model in (gan, loaded):
        model.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0)
    for a, b in zip(gan.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_augmentation_before_the_discriminator_is_drawn_anew_each_step_and_repeats_with_the_seed():
    images, _ = labelled_images()

    def run(seed):
        generator, discriminator = conv_networks(normalisation=None)
        augmented = keras.Sequential([keras.Input(SHAPE), DifferentiableAugmentation(), discriminator])
        gan = ImageGAN(generator, augmented, seed=seed)
        gan.compile(**descent())
        return gan.fit(images, batch_size=BATCH, shuffle=False, epochs=2, verbose=0).history["discriminator_loss"]

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_the_average_of_the_weights_is_what_its_definition_says_and_goes_away_again():
    images, labels = labelled_images()
    gan = make(compiled=descent(use_ema=True, ema_momentum=0.6))
    weights = [weight.numpy() for weight in gan.generator.trainable_variables]
    average = weights
    for step in range(3):
        part = slice(step * BATCH, (step + 1) * BATCH)
        gan.train_step((tf.constant(images[part]), tf.constant(labels[part])))
        weights = [weight.numpy() for weight in gan.generator.trainable_variables]
        # The first step starts the average, so that it does not lean to 0.
        momentum = 0.6 if step else 0.0
        average = [momentum * a + (1 - momentum) * w for a, w in zip(average, weights, strict=True)]
    with pytest.raises(KeyError), averaged_weights(gan.generator_optimizer, gan.generator):
        for a, w in zip(average, gan.generator.trainable_variables, strict=True):
            np.testing.assert_allclose(a, w, atol=1e-6)
        raise KeyError
    for old, w in zip(weights, gan.generator.trainable_variables, strict=True):
        np.testing.assert_array_equal(old, w)


@pytest.mark.parametrize("label", [-1, CLASSES])
def test_labels_out_of_range_are_refused(label):
    images, labels = labelled_images()
    labels[5] = label
    gan = make()
    with pytest.raises(ValueError, match=r"Labels must lie in \[0, 2\]. Received: .* in a batch"):
        gan.fit(images, labels, batch_size=BATCH, verbose=0)
    with pytest.raises(ValueError, match=r"from 0 to 2.*Received"):
        gan.sample([0, label], seed=0)


@pytest.mark.parametrize("kind", [ImageGAN, ConditionalGAN])
@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1.5, 1)])
def test_images_out_of_the_generators_range_are_refused(kind, low, high):
    images, labels = labelled_images()
    images = low + (high - low) * (images + 1) / 2
    with pytest.raises(ValueError, match=r"must lie in \[-1, 1\].*Received: "):
        make(kind).fit(*((images, labels) if kind is ConditionalGAN else (images,)), batch_size=BATCH, verbose=0)


def test_another_range_can_be_asked_for_and_is_held_to():
    images = 127.5 * (labelled_images()[0] + 1)
    gan = ImageGAN(*conv_networks(), image_range=(0, 255))
    gan.compile()
    gan.fit(images, batch_size=BATCH, verbose=0)
    assert ImageGAN.from_config(gan.get_config()).settings["image_range"] == (0, 255)
    with pytest.raises(ValueError, match=r"must lie in \[0, 255\]. Received: .* Scale them"):
        gan.fit(images + 10, batch_size=BATCH, verbose=0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ImageGAN(*conv_networks(), image_range=(1, -1)), "a lower and a higher number"),
        (lambda: ConditionalGAN(*conv_networks()), "The generator must take labels"),
        (lambda: make().train_step(tf.zeros((BATCH, *SHAPE))), "labels=True"),
        (lambda: make().sample([], seed=0), "labels must be"),
        (lambda: make().sample([0.5], seed=0), "whole numbers"),
        (lambda: averaged_weights(keras.optimizers.SGD(), keras.Sequential()).__enter__(), "use_ema=True"),
        (lambda: averaged_weights(keras.optimizers.SGD(use_ema=True), conv_networks()[0]).__enter__(), "none yet"),
    ],
)
def test_what_cannot_work_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
