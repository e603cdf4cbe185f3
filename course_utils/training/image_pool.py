"""A pool of images made earlier, out of which a discriminator sees some in place of new ones."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="course_utils")
class ImagePool(keras.layers.Layer):
    """Holds images; of each new one it keeps or returns at random, so that a discriminator does not forget.

    Until the pool is full, new images go in and are returned as well. Then each of them is, with probability ½, put in
    the place of another, which is returned for it. Draws are a function of ``(seed, stream, step)``.

    Args:
        size: images, at least one batch.
        shape: of an image.
        seed, stream: non-negative integers; pools of one training have different streams.

    Example:
        >>> pool = ImagePool(2, (1, 1, 1))
        >>> pool.exchanged(tf.ones((2, 1, 1, 1)), *pool.draws(0, 2)).numpy().ravel().tolist()  # not full yet
        [1.0, 1.0]

    Source: Shrivastava et al. 2017, "Learning from simulated and unsupervised images through adversarial training",
    section 2.3; used with 50 images by Zhu et al. 2017, section 4.
    """

    def __init__(self, size: int, shape: Sequence[int], *, seed: int = 0, stream: int = 0, **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"size must be at least 1. Received: {size}.")
        self.size, self.seed, self.stream = size, seed, stream
        options = {"trainable": False, "aggregation": "only_first_replica", "initializer": "zeros"}
        self.images = self.add_weight(name="images", shape=(size, *shape), **options)
        self.inside = self.add_weight(name="inside", shape=(), dtype="int32", **options)
        self.built = True

    def draws(self, step, rows) -> tuple[tf.Tensor, tf.Tensor]:
        """Return what step number ``step`` needs for B images: coins, bool (B,), and scores, float32 (size,)."""
        key = tf.random.fold_in(tf.stack([self.seed, self.stream]), step)
        coins = tf.random.stateless_uniform((rows,), key) < 0.5
        return coins, tf.random.stateless_uniform((self.size,), tf.random.fold_in(key, 1))

    def exchanged(self, images, coins, scores) -> tf.Tensor:
        """Return images for the discriminator, as many as given; note the others.

        Args:
            images: float (B, H, W, C), B at most ``size``.
            coins, scores: of `draws`.

        Raises:
            ValueError: if there are more images than the pool holds.
        """
        if images.shape[0] is not None and images.shape[0] > self.size:
            raise ValueError(f"A batch must fit into the pool of {self.size}. Received: {images.shape[0]} images.")
        rows = images.shape[0] or tf.shape(images)[0]
        filling = self.inside + rows <= self.size
        full = tf.argsort(tf.where(tf.range(self.size) < self.inside, scores, 2.0))[:rows]  # places that hold an image
        places = tf.where(filling, self.inside + tf.range(rows), full)
        swapped = tf.logical_or(coins, filling)[:, None, None, None]
        images = tf.cast(images, tf.float32)
        old = tf.gather(self.images.value, places)
        updated = tf.tensor_scatter_nd_update(self.images.value, places[:, None], tf.where(swapped, images, old))
        self.images.assign(updated)
        self.inside.assign(tf.where(filling, self.inside + rows, self.inside.value))
        return tf.where(tf.logical_and(swapped, tf.logical_not(filling)), old, images)
