"""The GAN model: the right update, the same on one device and two, reproducible, saved, stopped at NaN."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import BATCH, SHAPE, all_close, make_batches, make_gan, make_images, make_networks, weights

from course_utils import losses
from course_utils.losses import LOSSES
from course_utils.training.backup import EpochBackup
from course_utils.training.image_gan import ImageGAN


@pytest.mark.parametrize("simultaneous", [False, True])
def test_one_step_is_the_algorithm_written_out_with_plain_gradient_descent(simultaneous):
    """Two discriminator steps on fresh halves, and a generator step after or with the last, by hand with SGD."""
    images = make_images()[:BATCH]
    gan = make_gan(discriminator_steps=2, simultaneous=simultaneous)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.05), jit_compile=False)
    generator, discriminator = make_networks()
    for part in (0, 1):
        before = keras.models.clone_model(discriminator)
        before.set_weights(discriminator.get_weights())
        fake = generator(tf.random.stateless_normal((BATCH // 2, 5), seed=(7, part)))
        with tf.GradientTape() as tape:
            loss = losses.minimax_discriminator_loss(discriminator(images[part::2]), discriminator(fake))
        for variable, gradient in zip(
            discriminator.trainable_variables, tape.gradient(loss, discriminator.trainable_variables), strict=True
        ):
            variable.assign(variable - 0.05 * gradient)
    with tf.GradientTape() as tape:
        fake = generator(tf.random.stateless_normal((BATCH // 2, 5), seed=(7, 1 if simultaneous else 2)))
        loss = losses.non_saturating_generator_loss((before if simultaneous else discriminator)(fake))
    for variable, gradient in zip(
        generator.trainable_variables, tape.gradient(loss, generator.trainable_variables), strict=True
    ):
        variable.assign(variable - 0.1 * gradient)
    history = gan.fit(images, batch_size=BATCH, shuffle=False, verbose=0)
    all_close(gan.generator.get_weights(), generator.get_weights(), atol=1e-6)
    all_close(gan.discriminator.get_weights(), discriminator.get_weights(), atol=1e-6)
    assert history.history["generator_loss"][0] == pytest.approx(float(loss), abs=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", [None, "gradient", "r1", "zero_centred"])
def test_every_loss_with_every_penalty_trains_both_networks(loss, penalty):
    gan = make_gan(loss=loss, penalty=penalty)
    before = weights(gan.generator), weights(gan.discriminator)
    logs = gan.train_step(tf.constant(make_images()[:BATCH]))
    assert all(np.isfinite(float(value)) for value in logs.values())
    assert ("penalty" in logs) == (penalty is not None)
    for network, old in zip((gan.generator, gan.discriminator), before, strict=True):
        # The last bias of a critic has no gradient under a difference of scores.
        changed = [not np.array_equal(a, b) for a, b in zip(weights(network), old, strict=True)]
        assert all(changed[:-1])


def test_the_reported_discriminator_loss_leaves_the_penalty_out():
    batch = tf.constant(make_images()[:BATCH])
    plain, penalised = (make_gan(penalty=p) for p in (None, "gradient"))
    assert float(plain.train_step(batch)["discriminator_loss"]) == pytest.approx(
        float(penalised.train_step(batch)["discriminator_loss"]), abs=1e-6
    )


def test_the_same_seed_gives_the_same_numbers_and_another_seed_does_not():
    runs = []
    for seed in (7, 7, 8):
        gan = make_gan(seed=seed)
        runs.append((gan.fit(make_batches(), epochs=2, verbose=0).history, weights(gan)))
    assert runs[0][0] == runs[1][0]
    all_close(runs[0][1], runs[1][1], rtol=0, atol=0)
    assert runs[0][0] != runs[2][0]


@pytest.mark.parametrize("settings", [{"jit_compile": True}, {"steps_per_execution": 3}])
def test_how_steps_are_compiled_does_not_change_what_is_learned(settings):
    reference, other = make_gan(), make_gan(compiled=settings)
    for gan in (reference, other):
        gan.fit(make_batches(), epochs=2, verbose=0)
    all_close(weights(reference), weights(other), atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"discriminator_steps": 2, "penalty": "gradient"},
        {"loss": "relativistic_average"},
        {"loss": "relativistic", "penalty": "r1", "simultaneous": True},
    ],
)
def test_two_devices_make_the_same_update_as_one(settings, two_devices, tmp_path):
    """SGD, because Adam would turn a rounding difference in a tiny gradient into a whole step."""
    result = []
    for strategy in (tf.distribute.get_strategy(), two_devices):
        with strategy.scope():
            gan = make_gan(**settings)
            gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=False)
        batches = make_batches()
        history = gan.fit(batches, epochs=2, verbose=0, callbacks=[EpochBackup(tmp_path, batches)]).history
        result.append((history, weights(gan.generator), weights(gan.discriminator)))
    one, two = result
    all_close(one[1], two[1], atol=1e-5)
    all_close(one[2], two[2], atol=1e-5)
    for name in one[0]:
        np.testing.assert_allclose(one[0][name], two[0][name], atol=1e-5)


def test_saving_and_loading_gives_bit_equal_samples_and_goes_on_training(tmp_path):
    gan = make_gan(discriminator_steps=2, penalty="gradient", compiled={"steps_per_execution": 2})
    gan.fit(make_batches(), epochs=1, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.settings == gan.settings
    assert loaded.steps_per_execution == 2
    np.testing.assert_array_equal(loaded.sample(6, seed=3), gan.sample(6, seed=3))
    for model in (gan, loaded):
        batches = make_batches()
        batches.passes.assign(1)
        model.fit(batches, epochs=1, verbose=0)
    all_close(weights(loaded), weights(gan), rtol=0, atol=0)
    gan.save_weights(tmp_path / "gan.weights.h5")
    other = make_gan(discriminator_steps=2, penalty="gradient")
    other.load_weights(tmp_path / "gan.weights.h5")
    np.testing.assert_array_equal(other.sample(6, seed=3), gan.sample(6, seed=3))


def test_samples_depend_on_their_seed_alone():
    gan = make_gan()
    first = gan.sample(4, seed=1)
    assert first.shape == (4, *SHAPE)
    gan.sample(9, seed=5)
    np.testing.assert_array_equal(gan.sample(4, seed=1), first)
    assert not np.array_equal(gan.sample(4, seed=2), first)


@pytest.mark.parametrize("together", [1, 3])
def test_nan_stops_with_the_step_the_loss_and_what_to_try(together):
    images = make_images()
    images[2 * BATCH] = np.nan
    gan = make_gan(compiled={"steps_per_execution": together})
    with pytest.raises(FloatingPointError, match=r"step 2: .*discriminator_loss is nan.*smaller learning rate"):
        gan.fit(images, batch_size=BATCH, shuffle=False, epochs=1, verbose=0)


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
def test_mixed_precision_keeps_float32_weights_and_finite_losses(half):
    keras.config.set_dtype_policy(f"mixed_{half}")
    try:
        gan = make_gan()
        logs = gan.fit(make_batches(), verbose=0).history
        assert {w.dtype for w in gan.trainable_weights} == {"float32"}
        assert gan.discriminator.layers[2].compute_dtype == half
        # float16 underflows at small gradients, so its loss is scaled; bfloat16 has float32's range.
        scaled = isinstance(gan.discriminator_optimizer, keras.optimizers.LossScaleOptimizer)
        assert scaled == (half == "float16")
        assert gan.sample(2, seed=0).dtype == np.float32
        assert all(np.isfinite(v[0]) for v in logs.values())
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "vanilla"}, "minimax, non_saturating"),
        ({"penalty": "r2"}, "gradient, r1"),
        ({"discriminator_steps": 0}, "at least 1"),
        ({"loss": "hinge", "real_label": 0.9}, "cross-entropy losses only"),
        ({"real_label": 1.05}, "at most 1"),
        ({"penalty": "gradient", "penalty_weight": -1.0}, "not be negative"),
        ({"seed": -3}, "non-negative"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_gan(**settings)


def test_one_optimiser_for_both_players_is_refused():
    gan = ImageGAN(*make_networks())
    shared = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="an optimiser each"):
        gan.compile(shared, shared)


def test_eager_steps_are_not_compiled_by_default():
    gan = ImageGAN(*make_networks())
    gan.compile(run_eagerly=True)
    assert not hasattr(gan._round, "get_concrete_function")
    gan.compile()
    assert hasattr(gan._round, "get_concrete_function")


def test_images_with_labels_are_refused():
    with pytest.raises(ValueError, match="labels=False"):
        make_gan().train_step((tf.zeros((BATCH, *SHAPE)), tf.zeros(BATCH)))


def test_a_last_batch_that_does_not_split_loses_its_rest():
    history = make_gan(discriminator_steps=2, loss="relativistic").fit(make_images()[:13], batch_size=8, verbose=0)
    assert np.isfinite(history.history["generator_loss"][0])


def test_a_batch_that_does_not_split_is_refused():
    with pytest.raises(ValueError, match="multiple of 3"):
        make_gan(discriminator_steps=3).train_step(tf.zeros((BATCH, *SHAPE)))
