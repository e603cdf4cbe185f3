"""The variational autoencoder and its pixels' distribution, against integrals and a model whose likelihood is known."""

import keras
import numpy as np
import pytest
import scipy.integrate
import tensorflow as tf
from small_conv_gan import BATCH, SHAPE, labelled_images, one_and_two_devices

from course_utils.losses.continuous_bernoulli import continuous_bernoulli_log_prob, continuous_bernoulli_mean
from course_utils.models.image_conv import build_conv_generator
from course_utils.models.vae import build_conv_encoder
from course_utils.training.vae import VAE

SMALL = {"noise_dim": 4, "image_shape": SHAPE, "filters": (3, 2)}
LOGITS = (-20.0, -2.0, -0.06, -0.04, 0.0, 1e-4, 0.049, 0.051, 3.0, 15.0)


def make(optimizer=None, **compiled):
    vae = VAE(build_conv_encoder(**SMALL), build_conv_generator(**SMALL), seed=3)
    vae.compile(optimizer, **{"jit_compile": False, **compiled})
    return vae


@pytest.mark.parametrize("logit", LOGITS)
def test_the_density_integrates_to_one_and_has_the_mean_it_says(logit):
    def density(x):
        return float(np.exp(continuous_bernoulli_log_prob(np.float32(x), logit)))

    assert scipy.integrate.quad(density, 0, 1, epsabs=1e-6)[0] == pytest.approx(1, abs=1e-5)
    mean = scipy.integrate.quad(lambda x: x * density(x), 0, 1, epsabs=1e-6)[0]
    assert float(continuous_bernoulli_mean(logit)) == pytest.approx(mean, abs=1e-5)


def test_the_gradient_is_the_pixel_minus_the_mean():
    """Of an exponential family with natural parameter l: d log p / dl = x − E x. Also at 0, and far out."""
    logits = tf.constant([*LOGITS, -500.0, 500.0])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        total = tf.reduce_sum(continuous_bernoulli_log_prob(tf.fill(logits.shape, 0.3), logits))
    expected = 0.3 - continuous_bernoulli_mean(logits)
    np.testing.assert_allclose(tape.gradient(total, logits), expected, atol=2e-4)


def test_the_kl_is_the_closed_form_and_the_code_is_what_the_encoder_says():
    vae, images = make(), tf.constant(labelled_images()[0][:5])
    mean, log_variance = (part.numpy().astype(float) for part in vae.code(images))
    _, kl = vae.terms(images, tf.zeros((5, 4)))
    variance = np.exp(log_variance)
    expected = sum(0.5 * (variance[:, d] + mean[:, d] ** 2 - 1 - np.log(variance[:, d])) for d in range(4))
    np.testing.assert_allclose(kl, expected, rtol=1e-5)


def test_bounds_stay_below_the_likelihood_and_meet_it_where_the_code_is_the_posterior():
    """One number of noise, of which the image depends on nothing: p(x) is known, and the prior is the posterior."""
    vae, images = make(), tf.constant(labelled_images()[0][:6])
    for weight in vae.decoder.trainable_weights:
        if weight.name == "kernel":
            weight.assign(tf.zeros_like(weight))
    pixels = 0.5 * (images + 1)
    truth = tf.reduce_sum(continuous_bernoulli_log_prob(pixels, vae.logits(tf.zeros((6, 4)))), axis=(1, 2, 3))
    one, many = vae.bounds(images, codes=200, seed=0)
    assert np.all(one < truth) and np.all(many > one)
    np.testing.assert_allclose(many, truth, atol=0.1)  # 200 codes from a wrong posterior: right in expectation only
    last = vae.encoder.layers[-1]
    last.kernel.assign(tf.zeros_like(last.kernel))  # mean 0 and log variance 0: the prior
    for bound in vae.bounds(images, codes=2, seed=0):
        np.testing.assert_allclose(bound, truth, atol=1e-3)


def test_one_step_descends_the_bound_with_the_seeds_noise():
    images = tf.constant(labelled_images()[0][:BATCH])
    vae, other = make(keras.optimizers.SGD(1e-3)), make()
    noise = tf.random.stateless_normal((BATCH, 4), (3, 0))
    variables = [*other.encoder.trainable_variables, *other.decoder.trainable_variables]
    with tf.GradientTape() as tape:
        loss = tf.add_n([tf.reduce_mean(term) for term in other.terms(images, noise, training=True)])
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        variable.assign_sub(1e-3 * tf.convert_to_tensor(gradient))
    history = vae.fit(images, batch_size=BATCH, shuffle=False, verbose=0).history
    assert history["loss"][0] == pytest.approx(float(loss), rel=1e-5)
    assert history["loss"][0] == pytest.approx(history["reconstruction"][0] + history["kl"][0], rel=1e-5)
    for own, a in ((vae.encoder, other.encoder), (vae.decoder, other.decoder)):
        for x, y in zip(own.get_weights(), a.get_weights(), strict=True):
            np.testing.assert_allclose(x, y, atol=1e-5)


def test_training_raises_the_bound_of_simple_images():
    images = -np.ones((64, *SHAPE), "float32")
    images[::2, :4] = 1.0
    vae = make(keras.optimizers.Adam(1e-2))
    losses = vae.fit(images, batch_size=16, epochs=120, verbose=0).history["loss"]
    assert losses[-1] < losses[0] - 30
    assert np.abs(vae.reconstruct(tf.constant(images)) - images).mean() < 0.3
    assert vae.sample(7, seed=0).shape == (7, *SHAPE)
    np.testing.assert_array_equal(vae.sample(7, seed=0), vae.sample(7, seed=0))


def test_two_devices_xla_and_a_saved_model_agree(two_devices, tmp_path):
    images = labelled_images()[0]
    one, two = one_and_two_devices(lambda: make(keras.optimizers.SGD(1e-3)), images, two_devices)
    for a, b in zip(one[1], two[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    compiled = make(keras.optimizers.SGD(1e-3), jit_compile=True)
    compiled.fit(images, batch_size=BATCH, shuffle=False, verbose=0)
    for a, b in zip(one[1], compiled.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    compiled.save(tmp_path / "vae.keras")
    loaded = keras.saving.load_model(tmp_path / "vae.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=1), compiled.sample(3, seed=1))


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
def test_mixed_precision_bounds_as_float32_within_its_rounding(half):
    images, full = labelled_images()[0], make()
    keras.config.set_dtype_policy(f"mixed_{half}")
    try:
        mixed = make()
        mixed.set_weights(full.get_weights())
        terms = [sum(vae.terms(images, tf.zeros((24, 4)))).numpy() for vae in (full, mixed)]
        np.testing.assert_allclose(*terms, rtol=0.02)
        assert np.isfinite(mixed.fit(images, batch_size=BATCH, verbose=0).history["loss"][0])
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("together", [1, 2])
def test_images_that_are_none_are_refused_and_nan_stops(together):
    images = labelled_images()[0]
    with pytest.raises(ValueError, match=r"\[-1, 1\]. Received: .* 255"):
        make(steps_per_execution=together).fit(127.5 * (images + 1), batch_size=BATCH, verbose=0)
    images[-1] = np.nan
    with pytest.raises(FloatingPointError, match=r"step 2.*reconstruction is nan"):
        make(steps_per_execution=together).fit(images, batch_size=BATCH, shuffle=False, verbose=0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: VAE(build_conv_encoder(**SMALL | {"noise_dim": 3}), build_conv_generator(**SMALL)), "6 numbers for 4"),
        (
            lambda: VAE(build_conv_encoder(**SMALL), keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])),
            "tanh",
        ),
        (lambda: make().train_step((tf.zeros((2, *SHAPE)), tf.zeros(2))), "labels=False"),
        (lambda: VAE(build_conv_encoder(**SMALL), build_conv_generator(**SMALL), seed=-1), "non-negative"),
    ],
)
def test_what_cannot_work_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("pixels", ["continuous_bernoulli", "bernoulli"])
def test_it_starts_from_the_images_grey_and_learns_white_pixels(pixels):
    images = -np.ones((16, 28, 28, 1), "float32")
    images[:, 10:18, 10:18] = 1.0
    networks = build_conv_encoder(noise_dim=2, filters=(2, 4)), build_conv_generator(noise_dim=2, filters=(4, 4))
    vae = VAE(*networks, pixels=pixels)
    vae.start_from(images)
    assert vae.sample(50, seed=0).mean() == pytest.approx(images.mean(), abs=0.02)
    vae.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    vae.fit(images, batch_size=16, epochs=60, verbose=0)
    drawn = vae(vae.code(images, training=True)[0], training=True).numpy()  # so early the moving averages lag
    assert drawn[:, 10:18, 10:18].mean() > 0.5 and drawn[:, :8].mean() < -0.8


def test_the_bernoulli_bound_is_the_cross_entropy_and_survives_saving():
    networks = build_conv_encoder(noise_dim=2, filters=(2, 2)), build_conv_generator(noise_dim=2, filters=(2, 2))
    vae = VAE(*networks, pixels="bernoulli")
    images, noise = np.random.default_rng(0).uniform(-1, 1, (3, 28, 28, 1)).astype("float32"), np.zeros((3, 2), "f4")
    p, x = 0.5 * (vae.reconstruct(images).astype("f8") + 1), 0.5 * (images.astype("f8") + 1)
    expected = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(vae.terms(images, noise)[0], expected, rtol=1e-5)
    assert VAE.from_config(vae.get_config()).pixels == "bernoulli"


def test_a_start_that_cannot_be_is_refused():
    networks = build_conv_encoder(noise_dim=2, filters=(2, 2)), build_conv_generator(noise_dim=2, filters=(2, 2))
    with pytest.raises(ValueError, match="one of continuous_bernoulli, bernoulli"):
        VAE(*networks, pixels="normal")
    with pytest.raises(ValueError, match="neither all black"):
        VAE(*networks).start_from(-np.ones((2, 28, 28, 1), "float32"))
