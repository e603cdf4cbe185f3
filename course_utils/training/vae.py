"""The variational autoencoder: a generator trained by likelihood, which lesson 06 holds GANs against."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from course_utils.losses.continuous_bernoulli import continuous_bernoulli_log_prob, continuous_bernoulli_mean
from course_utils.training.compiled_step import CompiledStepModel
from course_utils.training.input_ranges import images_range
from course_utils.training.replicas import draw, share_of_replica


def _bernoulli_log_prob(pixels, logits) -> tf.Tensor:
    return -tf.nn.sigmoid_cross_entropy_with_logits(labels=pixels, logits=logits)


PIXELS = {  # log p(x|z) and the mean of a pixel, both from logits
    "continuous_bernoulli": (continuous_bernoulli_log_prob, continuous_bernoulli_mean),
    "bernoulli": (_bernoulli_log_prob, tf.sigmoid),
}


@keras.saving.register_keras_serializable(package="course_utils")
class VAE(CompiledStepModel):
    """Encoder and decoder, trained to raise a lower bound of the images' likelihood.

        log p(x) ≥ E_q[log p(x|z)] − KL(q(z|x) ‖ p(z)),   q(z|x) = N(μ(x), σ²(x)),   p(z) = N(0, 1)

    One code is drawn for each image and step. Draws are a function of ``(seed, step)``. If the images are mostly black
    or mostly white, call `start_from` before `fit`. Pixels of p(x|z):

    - ``"continuous_bernoulli"``: a density on grey values from 0 to 1. It grows without limit where a pixel is always
      black, so that it counts in thousands of nats, KL in tens, and codes of the prior are served badly.
    - ``"bernoulli"``: the probability of black and white. It is linear in the pixel, so with grey values the bound is
      one of the mean log probability of the images whose pixels are drawn white with probability x.

    Args:
        encoder: images (B, H, W, C) in [−1, 1] → (B, 2 · noise_dim), means and log variances.
        decoder: a generator, noise (B, noise_dim) → images, whose last layer is tanh alone. What it computes before
            is half a logit: (1 + tanh a) / 2 = σ(2a).
        pixels: the distribution of a pixel, ``"continuous_bernoulli"`` or ``"bernoulli"``.
        seed: non-negative integer for the codes.

    Metrics (means over the epoch, nats an image): ``loss``, minus the bound; ``reconstruction``, minus its first term;
    ``kl``, its second.

    Raises:
        ValueError: if the networks do not fit together, the distribution is unknown, or the seed is negative.

    Example:
        >>> from course_utils.models.image_conv import build_conv_generator
        >>> from course_utils.models.vae import build_conv_encoder
        >>> vae = VAE(build_conv_encoder(filters=(2, 2)), build_conv_generator(filters=(2, 2)))
        >>> vae.compile()
        >>> history = vae.fit(tf.zeros((4, 28, 28, 1)), batch_size=2, verbose=0)
        >>> vae.sample(3, seed=0).shape
        (3, 28, 28, 1)

    Source: Kingma & Welling 2014, "Auto-encoding variational Bayes", eq. 3 and 10; the pixels' distribution:
    Loaiza-Ganem & Cunningham 2019.
    """

    OPTIMIZERS = ("optimizer",)
    ADVICE = "or float32 instead of mixed precision; and check that the images are finite and in [-1, 1]"

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        pixels: str = "continuous_bernoulli",
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(("loss", "reconstruction", "kl"), **kwargs)
        self.noise_dim = decoder.input_shape[-1]
        if encoder.output_shape[-1] != 2 * self.noise_dim:
            raise ValueError(
                "The encoder must make two numbers for each of the decoder's noise. Received: "
                f"{encoder.output_shape[-1]} numbers for {self.noise_dim}."
            )
        last = decoder.layers[-1]
        if getattr(last, "activation", None) is not keras.activations.tanh or last.weights:
            raise ValueError(f"The decoder's last layer must be a tanh without weights. Received: {last}.")
        if pixels not in PIXELS:
            raise ValueError(f"pixels must be one of {', '.join(PIXELS)}. Received: {pixels!r}.")
        if seed < 0:
            raise ValueError(f"seed must be a non-negative integer. Received: {seed}.")
        self.encoder, self.decoder, self.pixels, self.seed = encoder, decoder, pixels, seed
        self._log_prob, self._mean = PIXELS[pixels]
        self.input_ranges += [images_range(self)]
        self._half_logits = keras.Model(decoder.inputs, last.input)
        self.built = True

    def compile(self, optimizer=None, *, jit_compile: bool | None = None, **kwargs: Any) -> None:
        """Set the optimiser and how `fit` runs.

        Args:
            optimizer: a Keras optimiser; ``None`` is Adam(1e-3).
            jit_compile: as of `CompiledStepModel.choose_compilation`.
            **kwargs: of `keras.Model.compile`.

        Raises:
            ValueError: as `CompiledStepModel.choose_compilation`.
        """
        self.choose_compilation(jit_compile, **kwargs)
        self._update = self.compiled_step(self._descend)
        self._variables_read = [*self.encoder.trainable_variables, *self.decoder.trainable_variables]
        self.optimizer = optimizer or keras.optimizers.Adam(1e-3)
        self.optimizer.build(self._variables_read)

    def start_from(self, images) -> None:
        """Set the decoder's last bias so that the untrained decoder draws pixels of about the images' mean grey.

        A bias of 0 draws grey. Most pixels are black, so the first steps would pull *all* weights of the last layer
        below 0. The features before it are never negative (ReLU), so that no logit could rise above the bias: no pixel
        would be white, and Adam needs thousands of steps out of there.

        Args:
            images: float (B, H, W, C) in [−1, 1], such as a batch.

        Raises:
            ValueError: if they are all black or all white, or the layer before the tanh has no bias.
        """
        grey = 0.5 * (float(tf.reduce_mean(tf.cast(images, tf.float32))) + 1.0)
        if not 0.001 < grey < 0.999:
            raise ValueError(f"images must be neither all black nor all white. Received: a mean of {grey:.4f} of 1.")
        layer = self.decoder.layers[-2]
        if getattr(layer, "bias", None) is None:
            raise ValueError(f"The layer before the decoder's tanh must have a bias. Received: {layer}.")
        low, high = -1_000.0, 1_000.0
        for _ in range(60):  # the mean rises with the logit
            middle = 0.5 * (low + high)
            below = float(self._mean(tf.constant(middle))) < grey
            low, high = (middle, high) if below else (low, middle)
        layer.bias.assign(tf.fill(layer.bias.shape, middle / 2.0))  # the tanh's argument is half a logit

    def call(self, noise, training: bool = False):
        return self._mean(self.logits(noise, training=training)) * 2.0 - 1.0

    def logits(self, noise, training: bool = False) -> tf.Tensor:
        """Return the pixels' logits, float32 (B, H, W, C)."""
        return 2.0 * tf.cast(self._half_logits(noise, training=training), tf.float32)

    def train_step(self, images):
        """Make one step on images (B, H, W, C)."""
        if isinstance(images, tuple):
            raise ValueError("A batch must be images alone. Received: a tuple. Use a dataset with labels=False.")
        images = self.input_ranges[0].checked(images, images)
        self._update(images, draw(self.seed, self.steps_done, tf.shape(images)[0], self.noise_dim))
        return self.get_metrics_result()

    def _descend(self, images, noise) -> None:
        with tf.GradientTape() as tape:
            reconstruction, kl = self.terms(images, noise, training=True)
            reconstruction, kl = tf.reduce_mean(reconstruction), tf.reduce_mean(kl)
            loss = share_of_replica(reconstruction + kl)
        gradients = tape.gradient(loss, self._variables_read)
        self.optimizer.apply_gradients(zip(gradients, self._variables_read, strict=True))
        for name, value in {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}.items():
            self.trackers[name].update_state(value)
        self.finish_step(reconstruction + kl)

    def terms(self, images, noise, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Return −log p(x|z) for z = μ(x) + σ(x)·noise, and KL(q(z|x) ‖ p(z)).

        Args:
            images: float (B, H, W, C) in [−1, 1].
            noise: float (B, noise_dim), of N(0, 1).
            training: for both networks.

        Returns:
            Two float32 tensors (B,), in nats.
        """
        mean, log_variance = self.code(images, training=training)
        logits = self.logits(mean + tf.exp(0.5 * log_variance) * noise, training=training)
        pixels = 0.5 * (tf.cast(images, tf.float32) + 1.0)
        log_prob = tf.reduce_sum(self._log_prob(pixels, logits), axis=(1, 2, 3))
        kl = 0.5 * tf.reduce_sum(tf.exp(log_variance) + tf.square(mean) - 1.0 - log_variance, axis=1)
        return -log_prob, kl

    def code(self, images, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the means and log variances of q(z|x), each float32 (B, noise_dim)."""
        mean, log_variance = tf.split(tf.cast(self.encoder(images, training=training), tf.float32), 2, axis=1)
        return mean, log_variance

    def reconstruct(self, images) -> np.ndarray:
        """Return images from the means of their codes, float32 (B, H, W, C) in [−1, 1]."""
        return self(self.code(images)[0]).numpy()

    def sample(self, count: int, *, seed: int) -> np.ndarray:
        """Return ``count`` images, each the mean of its pixels' distributions, float32 (count, H, W, C)."""
        return self(tf.random.stateless_normal((count, self.noise_dim), seed=(seed, 0))).numpy()

    def bounds(self, images, *, codes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return two lower bounds of log p(x), of which the second is never the worse in expectation.

        Args:
            images: float (B, H, W, C) in [−1, 1], as many as fit into memory.
            codes: K, how many are drawn for each image.
            seed: of the codes.

        Returns:
            float64 (B,) each, nats an image: the mean of K values of the training's bound, and the bound with K
            importance weights, log 1/K Σ p(x, z) / q(z|x), which tends to log p(x) as K grows.

        Source: the second: Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders", eq. 8.
        """
        kl, weights = None, []
        mean, log_variance = self.code(images)
        for number in range(codes):
            noise = draw(seed, number, len(images), self.noise_dim)
            reconstruction, kl = self.terms(images, noise)
            z = mean + tf.exp(0.5 * log_variance) * noise
            # log p(z) − log q(z|x); the constants of both are the same.
            prior_to_code = 0.5 * tf.reduce_sum(tf.square(noise) + log_variance - tf.square(z), axis=1)
            weights.append((-reconstruction.numpy(), prior_to_code.numpy()))
        reconstruction, ratio = np.array(weights, dtype=np.float64).transpose(1, 0, 2)  # (K, B) each
        bound = reconstruction.mean(axis=0) - kl.numpy()
        return bound, np.logaddexp.reduce(reconstruction + ratio, axis=0) - math.log(codes)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "pixels": self.pixels,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict) -> VAE:
        networks = {name: keras.saving.deserialize_keras_object(config.pop(name)) for name in ("encoder", "decoder")}
        return cls(**networks, **config)
