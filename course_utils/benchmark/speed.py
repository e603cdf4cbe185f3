"""How fast lesson 03's GAN trains, as ratios to what this machine can do in the same process.

All figures are medians over rounds in which every contestant runs once, so that a machine whose
speed drifts slows all of them alike.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable

from course_utils.benchmark.results import circumstances
from course_utils.runtime import start

BATCH = 128
ROUNDS = 7
STEPS = {"bare": 150, "eager": 10}  # a second or two each


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
        1439
    """

    def products(network) -> tuple[int, int]:
        sizes = [layer.kernel.shape[0] * layer.kernel.shape[1] for layer in network.layers if hasattr(layer, "kernel")]
        return 2 * batch * sum(sizes), 2 * batch * sizes[0]

    g, g_first = products(generator)
    d, d_first = products(discriminator)
    discriminator_step = g + 2 * (3 * d - d_first)  # a real and a fake batch; no gradient for the images
    generator_step = (3 * g - g_first) + 2 * d  # back through D to its images, without D's weights
    return discriminator_step + generator_step


def _seconds(function: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        result = function()
    if hasattr(result, "numpy"):
        result.numpy()  # wait for the last one
    return (time.perf_counter() - began) / times


def measure(args: argparse.Namespace) -> dict:
    """Run all contestants in turn and return the medians."""
    run = start("03", seed=0)
    import tensorflow as tf

    from course_utils.datasets import load_mnist
    from course_utils.models.image_mlp import build_discriminator, build_generator
    from course_utils.training.image_gan import ImageGAN

    batches = load_mnist().batches(BATCH)
    steps = int(batches.cardinality())
    gan = ImageGAN(build_generator(), build_discriminator())
    gan.compile(jit_compile=run.jit, steps_per_execution=36)
    gan.fit(batches.take(72), verbose=0)
    real = next(iter(batches))
    compiled = tf.function(gan.train_step)
    eager = ImageGAN(build_generator(), build_discriminator())
    eager.compile(jit_compile=False, run_eagerly=True)
    square = tf.random.stateless_normal((1024, 1024), seed=(0, 0))
    product = tf.function(lambda: tf.linalg.matmul(square, square))
    contestants = {
        "matmul": lambda: _seconds(product, 50),
        "bare": lambda: _seconds(lambda: compiled(real)["generator_loss"], STEPS["bare"]),
        "fit": lambda: _seconds(lambda: gan.fit(batches, verbose=0), 1) / steps,
        "eager": lambda: _seconds(lambda: eager.train_step(real)["generator_loss"], STEPS["eager"]),
        **_parts(gan, tf),
    }
    for contestant in contestants.values():
        contestant()  # first calls trace, compile and touch memory
    seconds = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            seconds[name].append(contestant())
    return {
        **circumstances("benchmark speed"),
        **_ratios(seconds, flops_per_step(gan.generator, gan.discriminator, BATCH)),
    }


def _parts(gan, tf) -> dict[str, Callable[[], float]]:
    """Return contestants that do only one part of a step, for the profile."""
    networks = (gan.generator, gan.discriminator)
    shapes = [[layer.kernel.shape for layer in network.layers if hasattr(layer, "kernel")] for network in networks]

    def operands(shape):
        m, n = shape
        return tf.random.stateless_normal((BATCH, m), (0, 1)), tf.ones((m, n)), tf.ones((BATCH, n))

    kinds = {"G": [operands(shape) for shape in shapes[0]], "D": [operands(shape) for shape in shapes[1]]}
    # (network, how many forward products, weight gradients and input gradients of each layer a round needs)
    plan = [("G", 2, 1, 1), ("D", 3, 2, 3)]

    @tf.function
    def products():
        total = tf.constant(0.0)
        for name, forward, weights, inputs in plan:
            for index, (x, kernel, y) in enumerate(kinds[name]):
                back = inputs if index or name == "D" else 0
                back = 1 if name == "D" and not index else back  # to the images, only in the generator's turn
                for repeat in range(max(forward, weights, back)):
                    shift = 1e-6 * repeat  # equal products would be computed once
                    if repeat < forward:
                        total += tf.linalg.matmul(x + shift, kernel)[0, 0]
                    if repeat < weights:
                        total += tf.linalg.matmul(x + shift, y, transpose_a=True)[0, 0]
                    if repeat < back:
                        total += tf.linalg.matmul(y + shift, kernel, transpose_b=True)[0, 0]
        return total

    gradients = [[tf.zeros_like(v) for v in network.trainable_variables] for network in networks]
    optimizers = (gan.generator_optimizer, gan.discriminator_optimizer)

    @tf.function(jit_compile=gan.distribute_strategy.num_replicas_in_sync == 1)
    def updates():
        for optimizer, gradient, network in zip(optimizers, gradients, networks, strict=True):
            optimizer.apply_gradients(zip(gradient, network.trainable_variables, strict=True))
        return tf.constant(0.0)

    @tf.function
    def draws():
        return [tf.random.stateless_normal((BATCH, gan.noise_dim), (0, n)) for n in range(2)][1]

    return {
        "products": lambda: _seconds(products, STEPS["bare"]),
        "updates": lambda: _seconds(updates, STEPS["bare"]),
        "draws": lambda: _seconds(draws, STEPS["bare"]),
    }


def _ratios(seconds: dict[str, list[float]], flops: int) -> dict:
    """Turn seconds per round into medians of ratios taken within a round."""

    def median_ratio(top: str, bottom: str, factor: float = 1.0) -> float:
        pairs = zip(seconds[top], seconds[bottom], strict=True)
        return round(statistics.median(factor * a / b for a, b in pairs), 3)

    middle = {name: statistics.median(values) for name, values in seconds.items()}
    scale = 1 if sys.platform == "darwin" else 1024
    return {
        "batch": BATCH,
        "rounds": ROUNDS,
        "matmul_gflops": round(2 * 1024**3 / middle["matmul"] / 1e9, 1),
        "milliseconds": {name: round(1e3 * value, 3) for name, value in middle.items()},
        "images_per_second": {name: round(BATCH / middle[name]) for name in ("bare", "fit", "eager")},
        "step_gflop": round(flops / 1e9, 3),
        "bare_to_matmul_rate": median_ratio("matmul", "bare", flops / (2 * 1024**3)),
        "fit_to_bare": median_ratio("bare", "fit"),
        "bare_to_eager": median_ratio("eager", "bare"),
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 2**30, 2),
    }


def report(result: dict) -> str:
    """Return the figures as a table."""
    times, images = result["milliseconds"], result["images_per_second"]
    rest = times["bare"] - sum(times[part] for part in ("products", "updates", "draws"))
    lines = [
        f"MNIST GAN of lesson 03, batch {result['batch']}, medians of {result['rounds']} rounds, {result['machine']}",
        f"{'1024³ float32 matmul':34}{times['matmul']:9.2f} ms   {result['matmul_gflops']:8.1f} GFLOP/s",
        f"{'fit()':34}{times['fit']:9.2f} ms   {images['fit']:8,} images/s",
        f"{'bare compiled step':34}{times['bare']:9.2f} ms   {images['bare']:8,} images/s",
        f"{'eager loop':34}{times['eager']:9.2f} ms   {images['eager']:8,} images/s",
        f"fit() / bare step                 {result['fit_to_bare']:9.3f}      (goal: at least 0.95)",
        f"bare step / matmul rate           {result['bare_to_matmul_rate']:9.3f}      (goal: at least 0.70)",
        f"bare step / eager loop            {result['bare_to_eager']:9.3f}      (goal: at least 5)",
        f"peak memory                       {result['peak_memory_gib']:9.2f} GiB  (goal: at most 2)",
        f"where the {times['bare']:.2f} ms go, each part run alone: its {result['step_gflop']:.2f} GFLOP of products "
        f"{times['products']:.2f}, Adam {times['updates']:.2f}, noise {times['draws']:.2f}, the rest {rest:.2f}",
    ]
    return "\n".join(lines)
