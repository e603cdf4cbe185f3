"""The fully connected generator and discriminator of lesson 03."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

SLOPE = 0.2  # of LeakyReLU below zero, the value of Radford et al. 2016 that GANs kept


def build_generator(
    *,
    noise_dim: int = 100,
    hidden: Sequence[int] = (256, 512),
    image_shape: Sequence[int] = (28, 28, 1),
    seed: int = 0,
) -> keras.Model:
    """Build noise (B, noise_dim) → images (B, height, width, channels) in [−1, 1].

    Args:
        noise_dim: length of the noise vector.
        hidden: widths of the hidden layers, each followed by LeakyReLU(0.2).
        image_shape: height, width and channels.
        seed: of the initial weights; equal seeds give equal networks.

    Returns:
        A float32 `keras.Model` that ends in tanh.

    Example:
        >>> build_generator().count_params()
        559632
    """
    inputs = keras.Input((noise_dim,), name="noise")
    x = _hidden_layers(inputs, hidden, seed)
    # float32 at the end: in half precision tanh would round away grey levels.
    x = keras.layers.Dense(
        math.prod(image_shape), activation="tanh", kernel_initializer=_glorot(seed, len(hidden)), dtype="float32"
    )(x)
    return keras.Model(inputs, keras.layers.Reshape(tuple(image_shape), dtype="float32")(x), name="generator")


def build_discriminator(
    *, image_shape: Sequence[int] = (28, 28, 1), hidden: Sequence[int] = (512, 256), seed: int = 0
) -> keras.Model:
    """Build images (B, height, width, channels) → logits (B, 1).

    Args:
        image_shape: height, width and channels.
        hidden: widths of the hidden layers, each followed by LeakyReLU(0.2).
        seed: of the initial weights; equal seeds give equal networks.

    Returns:
        A `keras.Model` that ends in float32 logits, without a sigmoid.

    Example:
        >>> build_discriminator().count_params()
        533505
    """
    inputs = keras.Input(tuple(image_shape), name="image")
    x = _hidden_layers(keras.layers.Flatten()(inputs), hidden, seed)
    x = keras.layers.Dense(1, kernel_initializer=_glorot(seed, len(hidden)), dtype="float32")(x)
    return keras.Model(inputs, x, name="discriminator")


def _hidden_layers(x, widths: Sequence[int], seed: int):
    for index, width in enumerate(widths):
        x = keras.layers.Dense(width, kernel_initializer=_glorot(seed, index))(x)
        x = keras.layers.LeakyReLU(negative_slope=SLOPE)(x)
    return x


def _glorot(seed: int, layer: int) -> keras.initializers.Initializer:
    """Keras's default initialiser with a seed of its own a layer: one seed for all would repeat numbers."""
    return keras.initializers.GlorotUniform(seed=1000 * seed + layer)
