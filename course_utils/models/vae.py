"""The encoder of a variational autoencoder; its decoder is a generator."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from course_utils.models.image_conv import batch_normalisation
from course_utils.models.image_mlp import SLOPE
from course_utils.models.sequence import check_positive


def build_conv_encoder(
    *,
    noise_dim: int = 100,
    filters: Sequence[int] = (64, 128),
    kernel: int = 4,
    image_shape: Sequence[int] = (28, 28, 1),
    seed: int = 0,
) -> keras.Model:
    """Build images (B, height, width, channels) → (B, 2 · noise_dim): a mean and a log variance of each noise number.

    The stages are those of `course_utils.models.image_conv.build_conv_discriminator` with batch normalisation.

    Args:
        noise_dim: length of the code, as of the decoder's noise.
        filters: maps after each stage; each halves height and width.
        kernel: height and width of a kernel.
        image_shape: height, width and channels.
        seed: of the initial weights; equal seeds give equal networks.

    Returns:
        A `keras.Model` with a float32 output.

    Raises:
        ValueError: for a size below 1.

    Example:
        >>> build_conv_encoder(noise_dim=20, filters=(32, 64)).output_shape
        (None, 40)

    Source: Kingma & Welling 2014, "Auto-encoding variational Bayes", section 3.
    """
    for size in (noise_dim, kernel, *filters, *image_shape):
        check_positive("noise_dim, kernel, filters and image_shape", size)
    inputs = x = keras.Input(tuple(image_shape), name="image")
    for stage, maps in enumerate(filters):
        glorot = keras.initializers.GlorotUniform(seed=1000 * seed + stage)
        x = keras.layers.Conv2D(maps, kernel, 2, "same", use_bias=stage == 0, kernel_initializer=glorot)(x)
        x = x if stage == 0 else batch_normalisation()(x)
        x = keras.layers.LeakyReLU(negative_slope=SLOPE)(x)
    x = keras.layers.Flatten()(x)
    glorot = keras.initializers.GlorotUniform(seed=1000 * seed + len(filters))
    return keras.Model(
        inputs, keras.layers.Dense(2 * noise_dim, kernel_initializer=glorot, dtype="float32")(x), name="encoder"
    )
