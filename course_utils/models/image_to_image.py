"""Networks from images to images: the U-Net and the residual translator, and a discriminator of patches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import keras

from course_utils.models.image_mlp import SLOPE
from course_utils.models.sequence import check_positive

SPREAD = 0.02  # standard deviation of the initial weights


def build_unet(
    *,
    filters: Sequence[int] = (32, 64),
    source_shape: Sequence[int] = (28, 28, 1),
    channels: int = 1,
    dropout: float = 0.5,
    keeps_known: bool = False,
    seed: int = 0,
) -> keras.Model:
    """Build source images (B, height, width, source channels) → images (B, height, width, channels) in [−1, 1].

    Each stage down halves height and width; each stage up doubles them and gets what the stage down at its size has
    made beside its own maps, so that the outline need not pass the narrow middle.

    Args:
        filters: maps of the stages, from the outside in.
        source_shape: height and width, multiples of 2 to the number of stages, and channels.
        channels: of the images made.
        dropout: after the innermost stage up; as published it is the network's only randomness, here in training alone.
        keeps_known: for completion: the source's last channel is a mask, 1 where the image is missing, and the others
            are as many as ``channels``. What is not missing is taken from the source.
        seed: of the initial weights and of dropout; equal seeds give equal networks.

    Returns:
        A `keras.Model` with a float32 output.

    Raises:
        ValueError: for sizes that do not fit.

    Example:
        >>> build_unet(filters=(8, 16)).output_shape
        (None, 28, 28, 1)

    Source: Isola et al. 2017, "Image-to-image translation with conditional adversarial networks", section 6.1;
    Ronneberger et al. 2015, "U-Net". Normalised by image, which theirs at batch size 1 is.
    """
    height, width = _check(source_shape, filters, channels)
    if keeps_known and source_shape[2] != channels + 1:
        raise ValueError(
            f"With keeps_known the source must have channels + 1 = {channels + 1} channels. "
            f"Received: {source_shape[2]}."
        )
    weights = _weights(seed)
    source = x = keras.Input((height, width, source_shape[2]), name="source")
    levels = []
    for maps in filters:
        x = _normalised(keras.layers.Conv2D(maps, 4, 2, "same", use_bias=False, kernel_initializer=next(weights))(x))
        x = keras.layers.LeakyReLU(negative_slope=SLOPE)(x)
        levels.append(x)
    for stage, maps in enumerate([*reversed(filters[:-1]), filters[0]]):
        x = keras.layers.Conv2DTranspose(maps, 4, 2, "same", use_bias=False, kernel_initializer=next(weights))(x)
        x = _normalised(x)
        if stage == 0 and dropout:
            x = keras.layers.Dropout(dropout, seed=seed)(x)
        x = keras.layers.ReLU()(x)
        beside = source if stage == len(filters) - 1 else levels[-2 - stage]
        x = keras.layers.Concatenate()([x, beside])
    image = keras.layers.Conv2D(
        channels, 3, padding="same", activation="tanh", kernel_initializer=next(weights), dtype="float32"
    )(x)
    if keeps_known:
        image = KeepKnown(dtype="float32")([source, image])
    return keras.Model(source, image, name="generator")


def build_translator(
    *,
    filters: Sequence[int] = (32, 64),
    blocks: int = 3,
    image_shape: Sequence[int] = (28, 28, 1),
    seed: int = 0,
) -> keras.Model:
    """Build images (B, height, width, channels) → images of the same shape in [−1, 1], by residual blocks.

    A 7 × 7 convolution, a stage down for each further number of ``filters``, blocks x + conv(relu(conv(x))), the stages
    up again, a 7 × 7 convolution. No maps go past the middle.

    Args:
        filters: maps at full size and after each stage down.
        blocks: of two 3 × 3 convolutions each.
        image_shape: height and width, multiples of 2 to the number of stages, and channels.
        seed: of the initial weights; equal seeds give equal networks.

    Returns:
        A `keras.Model` with a float32 output.

    Raises:
        ValueError: for sizes that do not fit.

    Example:
        >>> build_translator(filters=(4, 8), blocks=1).output_shape
        (None, 28, 28, 1)

    Source: Zhu et al. 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks",
    section 7.1, after Johnson et al. 2016; fewer and narrower blocks for digits.
    """
    _check(image_shape, filters[1:], image_shape[2])
    check_positive("blocks", blocks)
    weights = _weights(seed)

    def stage(x, layer, maps, kernel, strides):
        x = layer(maps, kernel, strides, "same", use_bias=False, kernel_initializer=next(weights))(x)
        return keras.layers.ReLU()(_normalised(x))

    inputs = keras.Input(tuple(image_shape), name="image")
    x = stage(inputs, keras.layers.Conv2D, filters[0], 7, 1)
    for maps in filters[1:]:
        x = stage(x, keras.layers.Conv2D, maps, 3, 2)
    for _ in range(blocks):
        added = stage(x, keras.layers.Conv2D, filters[-1], 3, 1)
        added = keras.layers.Conv2D(filters[-1], 3, 1, "same", use_bias=False, kernel_initializer=next(weights))(added)
        x = keras.layers.Add()([x, _normalised(added)])
    for maps in reversed(filters[:-1]):
        x = stage(x, keras.layers.Conv2DTranspose, maps, 4, 2)
    image = keras.layers.Conv2D(
        image_shape[2], 7, padding="same", activation="tanh", kernel_initializer=next(weights), dtype="float32"
    )(x)
    return keras.Model(inputs, image, name="generator")


def build_patch_discriminator(
    *,
    filters: Sequence[int] = (32, 64),
    image_shape: Sequence[int] = (28, 28, 1),
    source_channels: int | None = None,
    seed: int = 0,
) -> keras.Model:
    """Build images (B, height, width, channels) → logits (B, h, w, 1), one for each of the overlapping patches.

    Args:
        filters: maps of the stages, each of which halves height and width.
        image_shape: height and width, multiples of 2 to the number of stages, and channels.
        source_channels: channels of a source image; the network is then (source, image) → logits.
        seed: of the initial weights; equal seeds give equal networks.

    Returns:
        A `keras.Model` that ends in float32 logits, without a sigmoid.

    Raises:
        ValueError: for sizes that do not fit.

    Example:
        >>> build_patch_discriminator(source_channels=1).output_shape  # of 22 × 22 pixels each
        (None, 7, 7, 1)

    Source: Isola et al. 2017, section 3.2.2 (PatchGAN) and 6.1.2.
    """
    height, width = _check(image_shape, filters, image_shape[2])
    weights = _weights(seed)
    inputs = x = keras.Input(tuple(image_shape), name="image")
    if source_channels is not None:
        check_positive("source_channels", source_channels)
        source = keras.Input((height, width, source_channels), name="source")
        inputs, x = [source, inputs], keras.layers.Concatenate()([source, x])
    for stage, maps in enumerate(filters):
        x = keras.layers.Conv2D(maps, 4, 2, "same", use_bias=stage == 0, kernel_initializer=next(weights))(x)
        x = keras.layers.LeakyReLU(negative_slope=SLOPE)(_normalised(x) if stage else x)
    logits = keras.layers.Conv2D(1, 4, padding="same", kernel_initializer=next(weights), dtype="float32")(x)
    return keras.Model(inputs, logits, name="discriminator")


@keras.saving.register_keras_serializable(package="course_utils")
class KeepKnown(keras.layers.Layer):
    """Take what is missing from a made image and the rest from the source, whose last channel is 1 where it is missing.

    Example:
        >>> KeepKnown()([keras.ops.array([[[[0.3, 0.0], [0.0, 1.0]]]]), keras.ops.array([[[[-1.0], [-1.0]]]])]).shape
        TensorShape([1, 1, 2, 1])
    """

    def call(self, inputs):
        source, made = inputs
        known, missing = source[..., :-1], source[..., -1:]
        return known * (1.0 - missing) + made * missing


def _normalised(x):
    # One group a map: each map of each image by itself, so that neither the batch nor the device matters.
    return keras.layers.GroupNormalization(groups=-1)(x)


def _weights(seed: int) -> Iterator[keras.initializers.Initializer]:
    """Yield the published initialiser with a seed of its own a layer."""
    return (keras.initializers.RandomNormal(0.0, SPREAD, seed=number) for number in itertools.count(1000 * seed))


def _check(shape: Sequence[int], halvings: Sequence[int], channels: int) -> tuple[int, int]:
    for size in (*shape, *halvings, channels):
        check_positive("sizes", size)
    height, width, multiple = shape[0], shape[1], 2 ** len(halvings)
    if height % multiple or width % multiple:
        raise ValueError(f"Height and width must be multiples of {multiple}. Received: {height} and {width}.")
    return height, width
