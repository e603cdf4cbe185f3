"""The convolutional generator and discriminator of lessons 04 to 07: DCGAN's, with or without labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import keras

from course_utils.models.image_mlp import SLOPE
from course_utils.models.sequence import check_positive
from course_utils.models.spectral import SpectralConv2D, SpectralDense
from course_utils.models.weight_clipping import WeightClipping

SPREAD = 0.02  # standard deviation of the initial weights
EMBEDDING = 50  # numbers that stand for a label in a generator
UPSAMPLING = ("transposed", "resize")
NORMALISATION = (None, "batch", "layer", "spectral")
CONDITIONS = ("concatenation", "projection")


def build_conv_generator(
    *,
    noise_dim: int = 100,
    filters: Sequence[int] = (128, 64),
    kernel: int = 4,
    image_shape: Sequence[int] = (28, 28, 1),
    upsampling: str = "transposed",
    classes: int | None = None,
    seed: int = 0,
) -> keras.Model:
    """Build noise (B, noise_dim) → images (B, height, width, channels) in [−1, 1].

    A linear layer makes the first ``filters`` maps at a quarter (for two stages) of the image's size; every stage
    doubles height and width. Batch normalisation and ReLU follow each layer but the last, which is followed by tanh.

    Args:
        noise_dim: length of the noise vector.
        filters: maps before each stage; as many stages.
        kernel: height and width of a kernel. One that is a multiple of the stride 2 meets every output pixel
            equally often; 3 or 5 leave a checkerboard.
        image_shape: height and width, multiples of 2 to the number of stages, and channels.
        upsampling: ``"transposed"`` convolutions, or ``"resize"``: nearest neighbours, then a convolution.
        classes: number of labels; the network is then (noise, labels int32 (B,)) → images, and reads a label as a
            vector that it learns, beside the noise.
        seed: of the initial weights; equal seeds give equal networks.

    Returns:
        A `keras.Model` with a float32 output.

    Raises:
        ValueError: for sizes that do not fit, or an unknown upsampling.

    Example:
        >>> build_conv_generator(filters=(64, 32)).count_params()
        347265

    Source: Radford, Metz & Chintala 2016, section 3 and figure 1; labels: Mirza & Osindero 2014; resizing: Odena,
    Dumoulin & Olah 2016, "Deconvolution and checkerboard artifacts".
    """
    height, width, channels = _check(image_shape, filters, kernel, classes)
    if upsampling not in UPSAMPLING:
        raise ValueError(f"upsampling must be one of {', '.join(UPSAMPLING)}. Received: {upsampling!r}.")
    check_positive("noise_dim", noise_dim)
    weights = _weights(seed)
    inputs = x = keras.Input((noise_dim,), name="noise")
    if classes is not None:
        label = keras.Input((), dtype="int32", name="label")
        vector = keras.layers.Embedding(classes, EMBEDDING, embeddings_initializer=next(weights))(label)
        inputs, x = [inputs, label], keras.layers.Concatenate()([x, vector])
    small = (height >> len(filters), width >> len(filters), filters[0])
    x = keras.layers.Dense(small[0] * small[1] * small[2], use_bias=False, kernel_initializer=next(weights))(x)
    x = keras.layers.Reshape(small)(x)
    for maps in (*filters[1:], channels):
        x = keras.layers.ReLU()(batch_normalisation()(x))
        last = maps == channels and x.shape[1] * 2 == height
        if upsampling == "resize":
            x, layer, strides = keras.layers.UpSampling2D(2)(x), keras.layers.Conv2D, 1
        else:
            layer, strides = keras.layers.Conv2DTranspose, 2
        # A bias before a normalisation would be subtracted again.
        x = layer(maps, kernel, strides, "same", use_bias=last, kernel_initializer=next(weights))(x)
    # float32 at the end: in half precision tanh would round away grey levels.
    return keras.Model(inputs, keras.layers.Activation("tanh", dtype="float32")(x), name="generator")


def build_conv_discriminator(
    *,
    filters: Sequence[int] = (64, 128),
    kernel: int = 4,
    image_shape: Sequence[int] = (28, 28, 1),
    normalisation: str | None = "batch",
    clip: float | None = None,
    classes: int | None = None,
    condition: str = "projection",
    seed: int = 0,
) -> keras.Model:
    """Build images (B, height, width, channels) → logits (B, 1).

    Every stage is a convolution with stride 2, normalised but in the first stage, and LeakyReLU(0.2).

    Args:
        filters: maps after each stage.
        kernel: height and width of a kernel.
        image_shape: height and width, multiples of 2 to the number of stages, and channels.
        normalisation: ``"batch"`` as published, ``"layer"`` or None for a gradient penalty, which batch normalisation
            would spoil, or ``"spectral"``, which normalises the weights of all layers.
        clip: a limit to every weight and bias, which makes the network a WGAN's critic; None is no limit.
        classes: number of labels; the network is then (images, labels int32 (B,)) → logits.
        condition: how a label is read: ``"projection"`` adds the product of the last features with the label's vector
            to the logit; ``"concatenation"`` gives the first convolution a map of the label's own beside the image.
        seed: of the initial weights; equal seeds give equal networks.

    Returns:
        A `keras.Model` that ends in float32 logits, without a sigmoid.

    Raises:
        ValueError: for sizes that do not fit, or an unknown normalisation or condition.

    Example:
        >>> build_conv_discriminator(filters=(32, 64)).count_params()
        36705

    Source: Radford et al. 2016, section 3; projection: Miyato & Koyama 2018, eq. 4; concatenation: Mirza & Osindero
    2014; clipping: Arjovsky et al. 2017, algorithm 1; spectral normalisation: Miyato et al. 2018.
    """
    height, width, channels = _check(image_shape, filters, kernel, classes)
    if normalisation not in NORMALISATION:
        known = ", ".join(map(repr, NORMALISATION))
        raise ValueError(f"normalisation must be one of {known}. Received: {normalisation!r}.")
    if condition not in CONDITIONS:
        raise ValueError(f"condition must be one of {', '.join(CONDITIONS)}. Received: {condition!r}.")
    weights = _weights(seed)
    limit = None if clip is None else WeightClipping(clip)
    spectral = normalisation == "spectral"
    layers = (SpectralConv2D, SpectralDense) if spectral else (keras.layers.Conv2D, keras.layers.Dense)
    inputs = x = keras.Input((height, width, channels), name="image")
    if classes is not None:
        label = keras.Input((), dtype="int32", name="label")
        inputs = [inputs, label]
    if classes is not None and condition == "concatenation":
        own = keras.layers.Embedding(classes, height * width, embeddings_initializer=next(weights))(label)
        x = keras.layers.Concatenate()([x, keras.layers.Reshape((height, width, 1))(own)])
    for stage, maps in enumerate(filters):
        normalised = stage > 0 and normalisation in ("batch", "layer")
        x = layers[0](
            maps,
            kernel,
            2,
            "same",
            use_bias=not normalised,
            kernel_initializer=next(weights),
            kernel_constraint=limit,
            bias_constraint=limit,
        )(x)
        if normalised:
            x = batch_normalisation()(x) if normalisation == "batch" else keras.layers.LayerNormalization()(x)
        x = keras.layers.LeakyReLU(negative_slope=SLOPE)(x)
    x = keras.layers.Flatten()(x)
    logit = layers[1](
        1, kernel_initializer=next(weights), kernel_constraint=limit, bias_constraint=limit, dtype="float32"
    )(x)
    if classes is not None and condition == "projection":
        own = keras.layers.Embedding(classes, x.shape[-1], embeddings_initializer=next(weights), dtype="float32")(label)
        product = keras.layers.Dot(axes=1, dtype="float32")([x, own])
        logit = keras.layers.Add(dtype="float32")([logit, product])
    return keras.Model(inputs, logit, name="discriminator")


def batch_normalisation() -> keras.layers.BatchNormalization:
    """Return a batch normalisation whose batch is that of all devices, so that their number changes nothing.

    Example:
        >>> batch_normalisation().synchronized
        True
    """
    return keras.layers.BatchNormalization(synchronized=True)


def _weights(seed: int) -> Iterator[keras.initializers.Initializer]:
    """Yield the published initialiser with a seed of its own a layer."""
    return (keras.initializers.RandomNormal(0.0, SPREAD, seed=number) for number in itertools.count(1000 * seed))


def _check(image_shape, filters, kernel: int, classes: int | None) -> tuple[int, int, int]:
    height, width, channels = image_shape
    for size in (kernel, channels, *filters, *([] if classes is None else [classes])):
        check_positive("kernel, channels, filters and classes", size)
    if not filters or height % 2 ** len(filters) or width % 2 ** len(filters):
        raise ValueError(
            f"Height and width must be multiples of {2 ** len(filters)}, which {len(filters)} stages need. "
            f"Received: {height} and {width} with filters {tuple(filters)}."
        )
    return height, width, channels
