"""TextGAN's discriminator: it also tells from which code a sentence was written."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.models.sequence import check_positive, layer_seeds
from course_utils.models.text_cnn import TextCNN


@keras.saving.register_keras_serializable(package="course_utils")
class CodeReader(TextCNN):
    """A `TextCNN` with a second reading of its features, tanh(W f + b): the code that the sentence came from.

    Published: 300 filters each of the widths 3, 4 and 5, a tanh over the convolutions and no highway layer.

    Args:
        vocabulary_size: V.
        code_dim: length of a code, whose entries are from −1 to 1.
        **settings: others of `TextCNN`.

    Call arguments, returns: as of `TextCNN`.

    Raises:
        ValueError: as `TextCNN`.

    Example:
        >>> discriminator = CodeReader(10, code_dim=3, embedding_dim=4, widths=(1, 2), filters=4)
        >>> discriminator.read_code(discriminator.features(tf.constant([[5, 6, 2], [7, 2, 0]]))).shape
        TensorShape([2, 3])

    Source: Zhang et al. 2017 (TextGAN), section 2.2.
    """

    def __init__(self, vocabulary_size: int, *, code_dim: int = 128, **settings: Any):
        super().__init__(vocabulary_size, **settings)
        check_positive("code_dim", code_dim)
        self.settings["code_dim"] = code_dim
        seed = next(layer_seeds(self.settings["seed"])) + 500
        self.code_layer = keras.layers.Dense(
            code_dim,
            activation="tanh",
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
            name="code",
            dtype="float32",
        )
        self.code_layer.build((None, sum(self.settings["filters"])))

    def read_code(self, features) -> tf.Tensor:
        """Return the codes, float32 (B, code_dim), of features (B, F)."""
        return self.code_layer(features)
