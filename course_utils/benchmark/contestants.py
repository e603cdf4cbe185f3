"""What the speed table times: the plain loop of lesson 03, and one part of its step at a time."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from course_utils.losses import minimax_discriminator_loss, non_saturating_generator_loss


def plain_step(generator, discriminator, generator_optimizer, discriminator_optimizer) -> Callable:
    """Return one round of the game as tutorials print it: two tapes, two updates, nothing else.

    Args:
        generator: noise (B, noise_dim) → images.
        discriminator: images → logits (B, 1).
        generator_optimizer: a Keras optimiser.
        discriminator_optimizer: another one.

    Returns:
        A function of real images and two noise batches that returns both losses. Called as it is it
        runs line by line in Python; wrapped in `tf.function` it is the bare compiled step.
    """

    def step(real, noise, other_noise):
        fake = generator(noise, training=True)
        with tf.GradientTape() as tape:
            real_logits = discriminator(real, training=True)
            discriminator_loss = minimax_discriminator_loss(real_logits, discriminator(fake, training=True))
        variables = discriminator.trainable_variables
        gradients = tape.gradient(discriminator_loss, variables)
        discriminator_optimizer.apply_gradients(zip(gradients, variables, strict=True))
        with tf.GradientTape() as tape:
            fake_logits = discriminator(generator(other_noise, training=True), training=True)
            generator_loss = non_saturating_generator_loss(fake_logits)
        variables = generator.trainable_variables
        gradients = tape.gradient(generator_loss, variables)
        generator_optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return discriminator_loss, generator_loss

    return step


def two_tape_step(generator, discriminator, batch: int) -> Callable:
    """Return one step of the loop in the TensorFlow DCGAN tutorial, written from its description.

    Images are written once; both losses are computed under two tapes that are open together, and both updates follow,
    so the generator learns from the discriminator as it was before its own update.

    Args:
        generator: noise (B, noise_dim) → images.
        discriminator: images → logits (B, 1).
        batch: B.

    Returns:
        A function of real images (B, …) that returns the discriminator's loss.
    """
    import keras

    adams = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2)]
    variables = generator.trainable_variables, discriminator.trainable_variables
    for adam, own in zip(adams, variables, strict=True):
        adam.build(own)

    def step(real):
        noise = tf.random.normal((batch, generator.input_shape[-1]))
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            fake = generator(noise, training=True)
            real_logits, fake_logits = discriminator(real, training=True), discriminator(fake, training=True)
            generator_loss = non_saturating_generator_loss(fake_logits)
            discriminator_loss = minimax_discriminator_loss(real_logits, fake_logits)
        losses = (generator_tape, generator_loss), (discriminator_tape, discriminator_loss)
        for (tape, loss), own, adam in zip(losses, variables, adams, strict=True):
            adam.apply_gradients(zip(tape.gradient(loss, own), own, strict=True))
        return discriminator_loss

    return step


def products(generator, discriminator, batch: int) -> Callable[[], tf.Tensor]:
    """Return a compiled function that makes the matrix products of one round and nothing else.

    Args:
        generator: a stack of dense layers.
        discriminator: another one.
        batch: B, real images a step.
    """

    def operands(network):
        for layer in network.layers:
            if hasattr(layer, "kernel"):
                m, n = layer.kernel.shape
                yield tf.random.stateless_normal((batch, m), (0, 1)), tf.ones((m, n)), tf.ones((batch, n))

    # A round needs of each layer so many forward products, weight gradients and input gradients. The
    # first layer's are fewer: none back to the noise, and only the generator's turn goes back to images.
    plan = [(list(operands(generator)), 2, 1, 1, 0), (list(operands(discriminator)), 3, 2, 3, 1)]

    @tf.function
    def run():
        total = tf.constant(0.0)
        for layers, forward, weights, inputs, first_inputs in plan:
            for index, (x, kernel, y) in enumerate(layers):
                back = inputs if index else first_inputs
                for repeat in range(max(forward, weights, back)):
                    shift = 1e-6 * repeat  # equal products would be computed once
                    if repeat < forward:
                        total += tf.linalg.matmul(x + shift, kernel)[0, 0]
                    if repeat < weights:
                        total += tf.linalg.matmul(x + shift, y, transpose_a=True)[0, 0]
                    if repeat < back:
                        total += tf.linalg.matmul(y + shift, kernel, transpose_b=True)[0, 0]
        return total

    return run


def updates(networks, optimizers, *, jit: bool) -> Callable[[], tf.Tensor]:
    """Return a compiled function that applies both optimisers once, to gradients of zero."""
    gradients = [[tf.zeros_like(v) for v in network.trainable_variables] for network in networks]

    @tf.function(jit_compile=jit)
    def run():
        for optimizer, gradient, network in zip(optimizers, gradients, networks, strict=True):
            optimizer.apply_gradients(zip(gradient, network.trainable_variables, strict=True))
        return tf.constant(0.0)

    return run


def flops_per_step(generator, discriminator, batch: int) -> int:
    """Count the multiplications and additions of the matrix products that one round of the game needs.

    A product of (B, m) with (m, n) has 2·B·m·n. Going back costs one more for the weights' gradient
    and one for the inputs', which the first layer of a network needs only if something lies before it.

    Args:
        generator: a stack of dense layers.
        discriminator: another one.
        batch: B, real images a step.

    Returns:
        Floating-point operations of one discriminator step and one generator step.

    Example:
        >>> from course_utils.models.image_mlp import build_discriminator, build_generator
        >>> flops_per_step(build_generator(), build_discriminator(), 128) // 10**6
        1450
    """

    def one_pass(network) -> tuple[int, int]:
        sizes = [layer.kernel.shape[0] * layer.kernel.shape[1] for layer in network.layers if hasattr(layer, "kernel")]
        return 2 * batch * sum(sizes), 2 * batch * sizes[0]

    g, g_first = one_pass(generator)
    d, d_first = one_pass(discriminator)
    discriminator_step = g + 2 * (3 * d - d_first)  # a real and a fake batch; no gradient for the images
    generator_step = (3 * g - g_first) + 2 * d  # back through D to its images, without D's weights
    return discriminator_step + generator_step
