"""The game of `SideBySide`, played by Keras networks one game at a time, for comparison."""

import keras
import numpy as np
import tensorflow as tf


def keras_copy(network, row):
    """Return a Keras model with the weights of one row of a `StackedMLP`."""
    (inputs, hidden), _, (_, outputs) = network.layers
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            *[layer for _ in range(2) for layer in (keras.layers.Dense(hidden), keras.layers.LeakyReLU(0.2))],
            keras.layers.Dense(outputs),
        ]
    )
    weights, done = [], 0
    for shape in (weight.shape for weight in model.trainable_variables):
        size = int(np.prod(shape))
        weights.append(np.reshape(row[done : done + size], shape))
        done += size
    model.set_weights(weights)
    return model


def clipped(gradients, longest):
    norm = np.sqrt(sum(float(tf.reduce_sum(gradient**2)) for gradient in gradients))
    return [gradient * min(1.0, longest / norm) for gradient in gradients]


def play_round(generator, discriminator, real, noise, contestant, optimizers):
    """Make one round as written in the paper; return both losses."""
    fake = generator(noise[0])
    with tf.GradientTape() as tape:
        loss = 0.5 * tf.reduce_mean(tf.nn.softplus(-discriminator(real)))
        loss += 0.5 * tf.reduce_mean(tf.nn.softplus(discriminator(fake)))
        with tf.GradientTape() as inner:
            inner.watch(real)
            logits = discriminator(real)
        slopes = inner.gradient(logits, real)
        total = loss + contestant.r1 / 2 * tf.reduce_mean(tf.reduce_sum(slopes**2, axis=1))
    weights = discriminator.trainable_variables
    optimizers[1].apply(clipped(tape.gradient(total, weights), contestant.clip_norm), weights)
    with tf.GradientTape() as tape:
        generator_loss = tf.reduce_mean(tf.nn.softplus(-discriminator(generator(noise[1]))))
    weights = generator.trainable_variables
    optimizers[0].apply(clipped(tape.gradient(generator_loss, weights), contestant.clip_norm), weights)
    return float(loss), float(generator_loss)
