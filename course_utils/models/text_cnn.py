"""SeqGAN's discriminator: windows of many widths over a sentence, and the strongest answer of each filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from course_utils.models.sequence import check_positive, layer_seeds
from course_utils.models.text_discriminator import TextDiscriminator

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
FILTERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)


@keras.saving.register_keras_serializable(package="course_utils")
class TextCNN(TextDiscriminator):
    """Embedding → convolutions of several widths → maximum over time → highway → dropout → one logit.

    With a the maxima of all filters, after bias and ReLU, the highway layer is

        t = σ(W_t a + b_t),  g = relu(W_g a + b_g),  features = t ⊙ g + (1 − t) ⊙ a.

    The defaults are SeqGAN's: 12 widths, 1,720 filters, gate biases from 0 (the −2 in its public code is
    a default that the call replaces). That code ends in a softmax of two logits with columns w₁, w₂ and
    the penalty 0.2 · ½(|w₁|² + |w₂|²). The softmax reads only w = w₁ − w₂; of all such pairs
    w₁ = −w₂ = w/2 has the least penalty, 0.2 · ½ · |w|²/2 = 0.05 · |w|². So one logit with ``l2=0.05`` has
    the same minimum; the two biases likewise. Weights begin as theirs do: w is a difference of two
    draws, so √2 as wide.

    Padding is a word like any other: windows over it count.

    Args:
        vocabulary_size: V.
        embedding_dim: E, width of an embedding.
        widths: tokens that a window covers, one entry a convolution.
        filters: of each convolution: one number for all, or one a width.
        length: of the sentences to come. Wider windows, which would not fit into them, are left out with
            their filters. ``None`` keeps all.
        dropout: rate on the features, when ``training=True``.
        l2: weight of the penalty on the last layer, l2 · (|w|² + b²), found in ``losses``.
        seed: of initial weights and dropout; equal seeds give equal networks.

    Call arguments:
        tokens: sentences, integer ids (B, T) or soft one-hot vectors, float (B, T, V), T at least the
            widest window. Ids outside 0…V−1 are not checked under XLA or on a GPU.
        training: whether dropout acts.

    Returns:
        Logits, float32 (B, 1), also under mixed precision.

    Raises:
        ValueError: for impossible settings, for tokens of another rank, dtype or vocabulary, and for
            sentences shorter than a window.

    Example:
        >>> TextCNN(5_000).count_params()
        7043681
        >>> small = TextCNN(10, embedding_dim=4, widths=(1, 2, 3, 4), filters=8, length=3)
        >>> small.widths, small(tf.constant([[5, 6, 2], [7, 2, 0]])).shape
        ((1, 2, 3), TensorShape([2, 1]))

    Source: Yu et al. 2017 (SeqGAN), appendix; Kim 2014; highway: Srivastava et al. 2015.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int = 64,
        widths: Sequence[int] = WIDTHS,
        filters: int | Sequence[int] = FILTERS,
        length: int | None = None,
        dropout: float = 0.25,
        l2: float = 0.05,
        seed: int = 0,
        **kwargs: Any,
    ):
        windows = fitting_windows(widths, filters, length)
        total = sum(windows.values())
        seeds = layer_seeds(seed)
        super().__init__(
            vocabulary_size,
            embedding_dim=embedding_dim,
            feature_dim=total,
            dropout=dropout,
            l2=l2,
            seeds=seeds,
            embedding_initializer=keras.initializers.RandomUniform(-1.0, 1.0, seed=next(seeds)),
            output_initializer=keras.initializers.TruncatedNormal(stddev=0.1 * 2**0.5, seed=next(seeds)),
            **kwargs,
        )
        self.settings = {
            "vocabulary_size": vocabulary_size,
            "embedding_dim": embedding_dim,
            "widths": list(windows),
            "filters": list(windows.values()),
            "dropout": dropout,
            "l2": l2,
            "seed": seed,
        }
        self.widths = tuple(windows)
        self.convolutions = [
            MaxOverTime(
                width,
                count,
                kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.1, seed=next(seeds)),
                bias_initializer=keras.initializers.Constant(0.1),
                name=f"width_{width}",
                dtype=self.dtype_policy,
            )
            for width, count in windows.items()
        ]
        for convolution in self.convolutions:
            convolution.build((None, None, embedding_dim))
        self.gate, self.transform = (
            keras.layers.Dense(
                total,
                activation=activation,
                kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
                name=name,
                dtype=self.dtype_policy,
            )
            for name, activation in (("gate", "sigmoid"), ("transform", "relu"))
        )
        self.gate.build((None, total))
        self.transform.build((None, total))
        self.built = True

    def features(self, tokens, training: bool = False):
        x = self.embed(tokens)  # (B, T, E)
        check_length(x.shape[1], self.widths)
        a = tf.concat([convolution(x) for convolution in self.convolutions], axis=-1)  # (B, F)
        return self.feature_dropout(self.highway(a), training=training)

    def highway(self, a) -> tf.Tensor:
        """Return the features before dropout, (…, F), of the filters' maxima a (…, F)."""
        t = self.gate(a)
        return t * self.transform(a) + (1 - t) * a


def fitting_windows(widths: Sequence[int], filters: int | Sequence[int], length: int | None) -> dict[int, int]:
    """Return the number of filters of each width that fits into the length.

    Args, errors: as `TextCNN`.

    Example:
        >>> fitting_windows((1, 2, 3), 7, length=2)
        {1: 7, 2: 7}
    """
    widths = tuple(widths)
    filters = (filters,) * len(widths) if isinstance(filters, int) else tuple(filters)
    if not widths or len(set(widths)) != len(widths):
        raise ValueError(f"widths must be one or more different numbers. Received: {widths}.")
    if len(filters) != len(widths):
        raise ValueError(f"filters must be one number or one a width. Received: {len(filters)} for {len(widths)}.")
    for width, count in zip(widths, filters, strict=True):
        check_positive("every width", width)
        check_positive("every number of filters", count)
    if length is not None:
        check_positive("length", length)
    kept = {width: count for width, count in zip(widths, filters, strict=True) if length is None or width <= length}
    if not kept:
        raise ValueError(f"No window fits into length={length}. Received: widths={widths}.")
    return kept


def check_length(length: int | None, widths: Sequence[int]) -> None:
    """Raise a ValueError if sentences are known to be shorter than the widest window."""
    if length is not None and length < max(widths):
        raise ValueError(
            f"Sentences must have at least as many tokens as the widest window, {max(widths)}. "
            f"Received: {length}. Make the discriminator with length={length}, or pad the sentences."
        )


class MaxOverTime(keras.layers.Layer):
    """Embeddings (B, T, E) → the maximum over time of relu(convolution + bias), (B, filters)."""

    def __init__(self, width: int, filters: int, *, kernel_initializer, bias_initializer, **kwargs: Any):
        super().__init__(**kwargs)
        self.width, self.filters = width, filters
        self._initializers = kernel_initializer, bias_initializer

    def build(self, input_shape) -> None:
        shape = (self.width, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self._initializers[0])
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer=self._initializers[1])

    def call(self, x):
        strongest = tf.reduce_max(_convolve(x, tf.convert_to_tensor(self.kernel)), axis=1)
        # After the maximum: it is the same there, since bias and ReLU keep the order, and T times cheaper.
        return tf.nn.relu(strongest + tf.convert_to_tensor(self.bias))


@tf.custom_gradient
def _convolve(x, kernel):
    """Apply the kernel (width, E, F) to every window of x (B, T, E): (B, T − width + 1, F).

    The gradient is TensorFlow's, as matrix products: XLA's own of a convolution is two to three
    times slower on CPUs. Made of ordinary operations, it has a gradient itself.
    """
    width, dim, filters = kernel.shape
    windows = (tf.shape(x)[1] if x.shape[1] is None else x.shape[1]) - width + 1

    def gradient(upstream):
        flat = tf.reshape(upstream, (-1, filters))
        read = tf.concat([x[:, i : i + windows] for i in range(width)], axis=-1)  # (B, windows, width·E)
        to_kernel = tf.matmul(tf.reshape(read, (-1, width * dim)), flat, transpose_a=True)
        to_read = tf.matmul(flat, tf.reshape(kernel, (-1, filters)), transpose_b=True)
        to_read = tf.reshape(to_read, (-1, windows, width, dim))
        # Token t is read as entry i of window t − i.
        to_x = tf.add_n([tf.pad(to_read[:, :, i], ((0, 0), (i, width - 1 - i), (0, 0))) for i in range(width)])
        return to_x, tf.reshape(to_kernel, kernel.shape)

    return tf.nn.conv1d(x, kernel, stride=1, padding="VALID"), gradient
