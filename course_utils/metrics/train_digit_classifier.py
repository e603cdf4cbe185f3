"""Train the digit classifier that `course_utils.metrics.images` measures with, and write it to ``data/``.

    python -m course_utils.metrics.train_digit_classifier

About six minutes on two CPU cores; the script says how long it will take after its first hundred steps.
5,000 of the 60,000 training images are held out: the number of epochs and everything else was chosen on
them. The test set is looked at once, at the end, and the card records what it said.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import math
import pathlib
import platform
import time

from course_utils import runtime

EPOCHS = 16
BATCH = 128
HELD_OUT = 5_000
PEAK_LEARNING_RATE = 3e-3
ROTATION, SHIFT, ZOOM = 10.0, 2.0, 0.1  # degrees, pixels, share of the size: the largest of each
CARD = "digit_classifier.json"
COMMAND = "python -m course_utils.metrics.train_digit_classifier"


def random_affine(images, seed):
    """Rotate, shift and zoom each image by its own small random amount.

    Args:
        images: float32 tensor ``(B, 28, 28, 1)`` in [-1, 1].
        seed: int32 tensor ``(2,)``; the same seed gives the same images.

    Returns:
        float32 tensor ``(B, 28, 28, 1)``, black (-1) where nothing was.

    Raises:
        ValueError: if ``images`` has not four axes.

    Example:
        >>> random_affine(-tf.ones((2, 28, 28, 1)), (0, 0)).shape  # doctest: +SKIP
        TensorShape([2, 28, 28, 1])
    """
    import keras
    import tensorflow as tf

    if len(images.shape) != 4:
        raise ValueError(f"images must be (B, 28, 28, 1). Received shape: {tuple(images.shape)}.")
    draws = tf.random.stateless_uniform((4, tf.shape(images)[0]), seed, -1.0, 1.0)  # (4, B)
    angle = draws[0] * math.radians(ROTATION)
    cosine, sine = tf.cos(angle) * (1 + ZOOM * draws[1]), tf.sin(angle) * (1 + ZOOM * draws[1])
    height, width = images.shape[1:3]
    x, y = (width - 1) / 2, (height - 1) / 2
    new_x, new_y = x + SHIFT * draws[2], y + SHIFT * draws[3]
    # An output pixel (u, v) reads the input at (a u + b v + c, d u + e v + f); c and f make the new centre
    # read the old one.
    c = x - cosine * new_x + sine * new_y
    f = y - sine * new_x - cosine * new_y
    nothing = tf.zeros_like(angle)
    transform = tf.stack([cosine, -sine, c, sine, cosine, f, nothing, nothing], axis=1)  # (B, 8)
    return keras.ops.image.affine_transform(images, transform, fill_mode="constant", fill_value=-1.0)


def train(images, labels, *, epochs: int, seed: int, validation=None):
    """Train a classifier on images that are moved a little at every step.

    Args:
        images: uint8 array ``(N, 28, 28)``, N at least one batch of 128.
        labels: int32 array ``(N,)``, 0 to 9.
        epochs: how many passes; the learning rate falls to zero over all of them.
        seed: of the order and the movements of the images. The weights and the dropout come from
            the seed given to `runtime.start`.
        validation: None, or ``(images, labels)`` to report after each epoch.

    Returns:
        The trained `keras.Model`.

    Raises:
        ValueError: if there are fewer images than one batch.

    Example:
        >>> model = train(images, labels, epochs=1, seed=0)  # doctest: +SKIP
    """
    import keras
    import tensorflow as tf

    from course_utils.datasets.batching import shuffled_batches
    from course_utils.datasets.images import scale_pixels
    from course_utils.models.digit_classifier import build_digit_classifier

    def move(step, batch):
        pixels, digits = batch
        # The seed holds the step's number, so that the draws do not depend on which worker makes the batch. They
        # are the same in every pass; the images they meet are not.
        return random_affine(scale_pixels(pixels), tf.stack([seed, tf.cast(step, tf.int32)])), digits

    batches = shuffled_batches((images, labels), BATCH, seed=seed).enumerate()
    batches = batches.map(move, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
    steps = len(images) // BATCH
    model = build_digit_classifier()
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, epochs * steps - steps // 2, warmup_target=PEAK_LEARNING_RATE, warmup_steps=steps // 2
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    if validation is not None:
        validation = tf.data.Dataset.from_tensor_slices(validation).batch(500).map(lambda x, y: (scale_pixels(x), y))
    forecast = _forecast_callback(epochs * steps)
    # The batches come shuffled, which Keras cannot see.
    model.fit(batches, epochs=epochs, validation_data=validation, shuffle=False, verbose=2, callbacks=[forecast])
    return model


def _forecast_callback(total_steps: int):
    """A callback that prints, after a hundred steps, how long the whole training will take."""
    import keras

    class Forecast(keras.callbacks.Callback):
        steps = 0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            # The first steps trace and compile: they say nothing about the others.
            if self.steps == 10:
                self.began = time.perf_counter()
            elif self.steps == 100:
                minutes = (time.perf_counter() - self.began) / 90 * total_steps / 60
                print(f"The {total_steps} steps will take about {minutes:.1f} minutes.", flush=True)

    return Forecast()


def main(arguments: list[str] | None = None) -> None:
    """Train, measure once on the test set, and write the weights and their card.

    Args:
        arguments: the command line after the module's name; None reads ``sys.argv``.

    Example:
        >>> main(["--epochs", "1", "--directory", "build/classifier"])  # doctest: +SKIP
    """
    parser = argparse.ArgumentParser(prog=COMMAND, description="Train the digit classifier of the image metrics.")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--directory", type=pathlib.Path, help="where to write (the data folder, if not given)")
    options = parser.parse_args(arguments)
    runtime.start("classifier", seed=options.seed)

    import keras

    from course_utils.datasets import load_mnist
    from course_utils.datasets.images import scale_pixels
    from course_utils.models.digit_classifier import WEIGHTS, build_digit_classifier

    mnist = load_mnist()
    kept = len(mnist.train_images) - HELD_OUT
    held_out = (mnist.train_images[kept:], mnist.train_labels[kept:])
    began = time.perf_counter()
    model = train(
        mnist.train_images[:kept],
        mnist.train_labels[:kept],
        epochs=options.epochs,
        seed=options.seed,
        validation=held_out,
    )
    seconds = time.perf_counter() - began

    # A compiled model would save its optimizer's moments too, twice the size of the weights.
    bare = build_digit_classifier()
    bare.set_weights(model.get_weights())
    target = (options.directory or runtime.data_directory()) / WEIGHTS
    with runtime.replacing(target) as part:
        bare.save_weights(part)

    def errors(images, labels) -> int:
        return int((bare.predict(scale_pixels(images), batch_size=500, verbose=0).argmax(1) != labels).sum())

    missed, missed_held_out = errors(mnist.test_images, mnist.test_labels), errors(*held_out)
    card = {
        "file": WEIGHTS,
        "bytes": target.stat().st_size,
        "parameters": bare.count_params(),
        "test_accuracy": 1 - missed / len(mnist.test_labels),
        "test_errors": missed,
        "test_images": len(mnist.test_labels),
        "held_out_accuracy": 1 - missed_held_out / HELD_OUT,
        "held_out_images": HELD_OUT,
        "training_images": kept,
        "seed": options.seed,
        "epochs": options.epochs,
        "batch": BATCH,
        "augmentation": f"up to {ROTATION:g} degrees, {SHIFT:g} pixels, {ZOOM:.0%} zoom",
        "command": f"{COMMAND} --epochs {options.epochs} --seed {options.seed}",
        "versions": {
            "keras": keras.__version__,
            "tensorflow": importlib.metadata.version("tensorflow"),
            "python": platform.python_version(),
        },
        "machine": f"{runtime.usable_cores()} CPU cores, {platform.machine()}",
        "training_seconds": round(seconds),
    }
    with runtime.replacing(target.with_name(CARD)) as part:
        part.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    print(f"Test accuracy {card['test_accuracy']:.2%} ({missed} errors), {card['bytes']:,} bytes.")
    print("New weights are trusted once their checksum stands in data/SHA256SUMS and the registry of the datasets:")
    print(f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {WEIGHTS}")


if __name__ == "__main__":
    main()
