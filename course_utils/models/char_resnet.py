"""The character model of WGAN-GP: residual convolutions from noise to characters, and from characters to a score."""

from __future__ import annotations

import itertools

import keras

from course_utils.models.sequence import check_positive

WIDTH = 5  # of a convolution
SHARE = 0.3  # of what a block computes that is added to its input


def build_char_generator(
    vocabulary_size: int, *, length: int = 32, noise_dim: int = 128, dim: int = 512, blocks: int = 5, seed: int = 0
) -> keras.Model:
    """Build noise (B, noise_dim) → sentences (B, T, V) whose every position is a probability distribution.

    All positions are written at once: noise → linear → residual blocks → a convolution of width 1 → softmax. A block is
    x + 0.3 · conv(relu(conv(relu(x)))).

    Args:
        vocabulary_size: V.
        length: T, characters of every sentence.
        noise_dim: length of the noise vector.
        dim: channels of the blocks.
        blocks: how many.
        seed: of the initial weights; equal seeds give equal networks.

    Returns:
        A `keras.Model` with a float32 output.

    Raises:
        ValueError: for a size below 1.

    Example:
        >>> build_char_generator(60, length=8, dim=16).count_params()
        30492

    Source: Gulrajani et al. 2017, Improved training of Wasserstein GANs, appendix; initial weights: the authors' code.
    """
    _check(vocabulary_size, length, dim, blocks, noise_dim=noise_dim)
    seeds = itertools.count(1000 * seed)
    inputs = keras.Input((noise_dim,), name="noise")
    glorot = keras.initializers.GlorotUniform(seed=next(seeds))
    x = keras.layers.Dense(length * dim, kernel_initializer=glorot)(inputs)
    x = _residual_blocks(keras.layers.Reshape((length, dim))(x), dim, blocks, seeds)
    logits = keras.layers.Conv1D(vocabulary_size, 1, kernel_initializer=_he(seeds), dtype="float32")(x)
    return keras.Model(inputs, keras.layers.Softmax(dtype="float32")(logits), name="generator")


def build_char_critic(
    vocabulary_size: int, *, length: int = 32, dim: int = 512, blocks: int = 5, seed: int = 0
) -> keras.Model:
    """Build sentences of one-hot vectors or distributions (B, T, V) → scores (B, 1).

    A convolution of width 1 → residual blocks as the generator's → linear. Nothing is normalised over the batch, which
    the gradient penalty forbids.

    Args:
        vocabulary_size, length, dim, blocks, seed: as of `build_char_generator`.

    Returns:
        A `keras.Model` that ends in float32 scores.

    Raises:
        ValueError: for a size below 1.

    Example:
        >>> build_char_critic(60, length=8, dim=16).count_params()
        14065

    Source: as `build_char_generator`.
    """
    _check(vocabulary_size, length, dim, blocks)
    seeds = itertools.count(1000 * seed)
    inputs = keras.Input((length, vocabulary_size), name="characters")
    x = keras.layers.Conv1D(dim, 1, kernel_initializer=_he(seeds))(inputs)
    x = keras.layers.Flatten()(_residual_blocks(x, dim, blocks, seeds))
    glorot = keras.initializers.GlorotUniform(seed=next(seeds))
    return keras.Model(inputs, keras.layers.Dense(1, kernel_initializer=glorot, dtype="float32")(x), name="critic")


def _residual_blocks(x, dim: int, blocks: int, seeds):
    for _ in range(blocks):
        added = x
        for _ in range(2):
            added = keras.layers.ReLU()(added)
            added = keras.layers.Conv1D(dim, WIDTH, padding="same", kernel_initializer=_he(seeds))(added)
        x = keras.layers.Add()([x, keras.layers.Rescaling(SHARE)(added)])
    return x


def _he(seeds) -> keras.initializers.Initializer:
    """Return the published uniform weights of the variance 4 / (fan in + fan out)."""
    return keras.initializers.VarianceScaling(2.0, mode="fan_avg", distribution="uniform", seed=next(seeds))


def _check(vocabulary_size: int, length: int, dim: int, blocks: int, **others: int) -> None:
    sizes = {"vocabulary_size": vocabulary_size, "length": length, "dim": dim, "blocks": blocks, **others}
    for name, value in sizes.items():
        check_positive(name, value)
