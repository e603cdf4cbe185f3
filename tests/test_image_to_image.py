"""Networks and games from images to images, and the tasks made of digits."""

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from small_conv_gan import BATCH, SHAPE, STEPS, labelled_images, one_and_two_devices

from course_utils import losses
from course_utils.datasets import load_mnist
from course_utils.datasets.image_tasks import outlines, stroke_widths, with_missing
from course_utils.models.image_to_image import build_patch_discriminator, build_translator, build_unet
from course_utils.training.cycle_gan import CycleGAN
from course_utils.training.image_pool import ImagePool
from course_utils.training.paired_gan import PairedGAN

SMALL = {"filters": (3, 2)}
PAIRS = labelled_images(0)[0], labelled_images(1)[0]
DESCENT = ("generator_optimizer", "discriminator_optimizer")


def descent(rate=0.05):
    return {name: keras.optimizers.SGD(rate) for name in DESCENT}


def paired(*, source_channels=1, dropout=0.0, compiled=None, **settings):
    generator = build_unet(**SMALL, source_shape=SHAPE, dropout=dropout)
    discriminator = build_patch_discriminator(**SMALL, image_shape=SHAPE, source_channels=source_channels)
    gan = PairedGAN(generator, discriminator, **settings)
    gan.compile(**{"jit_compile": False, **descent(), **(compiled or {})})
    return gan


def cycle(*, compiled=None, **settings):
    translators = [build_translator(**SMALL, image_shape=SHAPE, blocks=1, seed=n) for n in (0, 1)]
    critics = [build_patch_discriminator(**SMALL, image_shape=SHAPE, seed=n) for n in (2, 3)]
    gan = CycleGAN(*translators, *critics, **{"pool_size": 0, **settings})
    gan.compile(**{"jit_compile": False, **descent(), **(compiled or {})})
    return gan


def close(one, other, **tolerance):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


# --- networks


def test_a_unet_passes_the_outline_beside_its_middle_and_keeps_what_is_known():
    images = tf.constant(PAIRS[0][:4])
    source = tf.constant(with_missing(images, [2] * 4, [3] * 4, (4, 3)))
    made = build_unet(**SMALL, source_shape=(8, 8, 2), keeps_known=True)(source).numpy()
    changed = made != images.numpy()
    assert changed[:, 2:6, 3:6].all()
    changed[:, 2:6, 3:6] = False
    assert not changed.any()
    unet = build_unet(**SMALL, source_shape=SHAPE)
    last = [layer for layer in unet.layers if isinstance(layer, keras.layers.Concatenate)][-1]
    np.testing.assert_array_equal(keras.Model(unet.inputs, last.output)(images)[..., -1:], images)


def test_a_patch_logit_reads_its_patch_and_no_more():
    critic = build_patch_discriminator(filters=(2, 2), image_shape=(64, 64, 1))
    image = tf.random.stateless_uniform((1, 64, 64, 1), (0, 1))
    convolutions = keras.Sequential(
        [keras.Input((64, 64, 1)), *(layer for layer in critic.layers if isinstance(layer, keras.layers.Conv2D))]
    )  # without the normalisation, which looks at the whole map
    with tf.GradientTape() as tape:
        tape.watch(image)
        logit = convolutions(image)[0, 8, 8, 0]
    read = np.argwhere(tape.gradient(logit, image).numpy()[0, :, :, 0])
    assert (read.max(axis=0) - read.min(axis=0) + 1).tolist() == [22, 22]


# --- games


@pytest.mark.parametrize("reads", [1, None])
@pytest.mark.parametrize(("distance", "power"), [("absolute", 1), ("squared", 2)])
def test_one_step_of_the_paired_gan_is_the_papers(reads, distance, power):
    source, target = (tf.constant(part[:BATCH]) for part in PAIRS)
    gan, other = (paired(source_channels=reads, distance=distance, distance_weight=7.0) for _ in range(2))

    def logits(images):
        return other.discriminator([source, images] if reads else images, training=True)

    with tf.GradientTape() as tape:
        loss = losses.minimax_discriminator_loss(logits(target), logits(other.generator(source)))
    for w, g in zip(
        other.discriminator.trainable_variables,
        tape.gradient(loss, other.discriminator.trainable_variables),
        strict=True,
    ):
        w.assign_sub(0.05 * tf.convert_to_tensor(g))
    with tf.GradientTape() as tape:
        made = other.generator(source)
        away = tf.reduce_mean(tf.abs(target - made) ** power)
        loss = losses.non_saturating_generator_loss(logits(made)) + 7.0 * away
    for w, g in zip(
        other.generator.trainable_variables, tape.gradient(loss, other.generator.trainable_variables), strict=True
    ):
        w.assign_sub(0.05 * tf.convert_to_tensor(g))
    logs = gan.train_step((source, target))
    close(gan.generator.get_weights(), other.generator.get_weights(), atol=1e-6)
    close(gan.discriminator.get_weights(), other.discriminator.get_weights(), atol=1e-6)
    assert float(logs["distance"]) == pytest.approx(float(away), rel=1e-5)


def test_without_the_adversarial_part_it_is_regression():
    gan, same = paired(adversarial_weight=0.0), paired(adversarial_weight=0.0)
    for weight in same.discriminator.trainable_variables:
        weight.assign(weight + 1.0)
    for one in (gan, same):
        one.fit(*PAIRS, batch_size=BATCH, shuffle=False, verbose=0)
    close(gan.generator.get_weights(), same.generator.get_weights(), atol=0)


def test_one_step_of_the_cycle_gan_is_the_papers():
    a, b = (tf.constant(part[:BATCH]) for part in PAIRS)
    gan, other = (cycle(cycle_weight=3.0, identity_weight=0.5) for _ in range(2))

    def away(one, two):
        return tf.reduce_mean(tf.abs(one - two))

    with tf.GradientTape() as tape:
        made_b, made_a = other.to_b(a), other.to_a(b)
        fool = sum(
            0.5 * tf.reduce_mean((c(x) - 1) ** 2) for c, x in ((other.critic_b, made_b), (other.critic_a, made_a))
        )
        there_and_back = away(other.to_a(made_b), a) + away(other.to_b(made_a), b)
        same = away(other.to_b(b), b) + away(other.to_a(a), a)
        total = fool + 3.0 * (there_and_back + 0.5 * same)
    variables = [*other.to_b.trainable_variables, *other.to_a.trainable_variables]
    for w, g in zip(variables, tape.gradient(total, variables), strict=True):
        w.assign_sub(0.05 * tf.convert_to_tensor(g))
    with tf.GradientTape() as tape:
        total = sum(
            0.5 * (tf.reduce_mean((c(real) - 1) ** 2) + tf.reduce_mean(c(made) ** 2))
            for c, real, made in ((other.critic_a, a, made_a), (other.critic_b, b, made_b))
        )
    variables = [*other.critic_a.trainable_variables, *other.critic_b.trainable_variables]
    for w, g in zip(variables, tape.gradient(total, variables), strict=True):
        w.assign_sub(0.05 * tf.convert_to_tensor(g))
    logs = gan.train_step((a, b))
    for name in ("to_b", "to_a", "critic_a", "critic_b"):
        close(getattr(gan, name).get_weights(), getattr(other, name).get_weights(), atol=1e-6)
    assert float(logs["cycle"]) == pytest.approx(float(there_and_back) / 2, rel=1e-5)


@pytest.mark.parametrize("make", [paired, cycle])
def test_two_devices_and_xla_make_the_same_update_as_one(make, two_devices):
    one, two = one_and_two_devices(lambda: make(compiled=descent()), PAIRS, two_devices)
    close(one[1], two[1], atol=1e-5)
    compiled = make(compiled={"jit_compile": True, **descent()})
    compiled.fit(*PAIRS, batch_size=BATCH, shuffle=False, verbose=0)
    close(one[1], compiled.get_weights(), atol=5e-5)  # maps of little variance are divided by it


@pytest.mark.parametrize("make", [paired, cycle])
def test_saved_models_go_on_as_before(make, tmp_path):
    settings = {"pool_size": 10} if make is cycle else {"dropout": 0.5}
    gan = make(**settings)
    gan.fit(*PAIRS, batch_size=BATCH, shuffle=False, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for model in (gan, loaded):
        model.fit(*PAIRS, batch_size=BATCH, shuffle=False, verbose=0)
    close(gan.get_weights(), loaded.get_weights(), atol=0)
    np.testing.assert_array_equal(gan.translate(PAIRS[0]), loaded.translate(PAIRS[0]))


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
@pytest.mark.parametrize("make", [paired, cycle])
def test_mixed_precision_translates_as_float32_within_its_rounding(make, half):
    full = make()
    keras.config.set_dtype_policy(f"mixed_{half}")
    try:
        mixed = make()
        mixed.set_weights(full.get_weights())
        np.testing.assert_allclose(mixed.translate(PAIRS[0]), full.translate(PAIRS[0]), atol=0.03)
        logs = mixed.fit(*PAIRS, batch_size=BATCH, verbose=0).history
        assert all(np.isfinite(values[0]) for values in logs.values())
        scaled = isinstance(mixed.generator_optimizer, keras.optimizers.LossScaleOptimizer)
        assert scaled == (half == "float16")
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("make", [paired, cycle])
@pytest.mark.parametrize("side", [0, 1])
def test_images_out_of_range_are_refused_and_nan_stops(make, side):
    data = [part.copy() for part in PAIRS]
    data[side] = data[side] * 127.5 + 127.5
    with pytest.raises(ValueError, match=r"\[-1, 1\]. Received: .* 25\d"):
        make().fit(*data, batch_size=BATCH, verbose=0)
    data = [part.copy() for part in PAIRS]
    data[side][-1] = np.nan
    with pytest.raises(FloatingPointError, match=f"step {STEPS - 1}.*discriminator_loss is nan"):
        make().fit(*data, batch_size=BATCH, shuffle=False, verbose=0)


# --- the pool


def test_a_full_pool_swaps_half_of_the_images_and_never_returns_one_that_nobody_made():
    pool, returned, kept = ImagePool(10, (1, 1, 1), seed=3), [], 0
    for step in range(200):
        new = tf.reshape(tf.range(4.0), (4, 1, 1, 1)) + 4.0 * step + 1.0
        out = pool.exchanged(new, *pool.draws(step, 4)).numpy().ravel()
        assert set(out) <= set(range(1, 4 * step + 5))
        if step < 2:
            np.testing.assert_array_equal(out, new.numpy().ravel())
        else:
            kept += (out == new.numpy().ravel()).sum()
        returned += out.tolist()
    assert kept / (198 * 4) == pytest.approx(0.5, abs=0.05)
    assert len(set(returned)) > 700  # 8 went in and came out, the others come out once


def test_a_batch_larger_than_the_pool_is_refused():
    with pytest.raises(ValueError, match="pool of 3"):
        cycle(pool_size=3).fit(*PAIRS, batch_size=BATCH, verbose=0)


# --- tasks


def test_outlines_are_what_a_loop_over_neighbours_says():
    images = load_mnist().test_images[:20]
    ink = np.pad(images >= 128, ((0, 0), (1, 1), (1, 1)))
    beside = [np.roll(ink, shift, axis)[:, 1:-1, 1:-1] for shift, axis in ((1, 1), (-1, 1), (1, 2), (-1, 2))]
    expected = (images >= 128) & ~np.logical_and.reduce(beside)
    np.testing.assert_array_equal(outlines(images) == 255, expected)


def test_stroke_widths_grow_by_dilation_and_are_those_of_bars():
    images = load_mnist().test_images[:200]
    wider = np.stack([scipy.ndimage.grey_dilation(image, (2, 2)) for image in images])
    assert np.all(stroke_widths(wider) > stroke_widths(images))
    bars = np.zeros((3, 400, 12), np.uint8)
    for index, width in enumerate((1, 2, 5)):
        bars[index, :, 3 : 3 + width] = 255
    np.testing.assert_allclose(stroke_widths(bars), (1, 2, 5), rtol=0.02)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: build_unet(source_shape=(30, 28, 1)), "multiples of 4"),
        (lambda: build_unet(keeps_known=True), r"channels \+ 1 = 2"),
        (lambda: build_translator(blocks=0), "Received: 0"),
        (lambda: build_patch_discriminator(source_channels=0), "Received: 0"),
        (lambda: paired(loss="relativistic"), "one of minimax"),
        (lambda: paired(distance="cubed"), "absolute, squared"),
        (lambda: paired(distance_weight=0.0, adversarial_weight=0.0), "not both 0"),
        (lambda: paired().train_step(tf.zeros((2, *SHAPE))), "source, target"),
        (lambda: cycle(cycle_weight=-1.0), "at least 0"),
        (lambda: cycle().train_step(tf.zeros((2, *SHAPE))), "images of A"),
        (lambda: paired(compiled=dict.fromkeys(DESCENT, keras.optimizers.SGD())), "an optimiser each"),
        (lambda: cycle(compiled=dict.fromkeys(DESCENT, keras.optimizers.SGD())), "an optimiser each"),
        (lambda: outlines(np.zeros((2, 8, 8))), "uint8"),
        (lambda: with_missing(np.zeros((1, 8, 8, 1)), [5], [0], (4, 4)), "must lie in the image of 8 by 8"),
    ],
)
def test_what_cannot_work_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
