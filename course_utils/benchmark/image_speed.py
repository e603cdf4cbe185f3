"""How fast lesson 03's GAN trains, as ratios to what this machine can do in the same process.

All figures are medians over rounds in which every contestant runs once, so that a machine whose
speed drifts slows all of them alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from course_utils.records import circumstances, peak_memory
from course_utils.runtime import start

BATCH = 128
ROUNDS = 7
CALLS = {"matmul": 50, "bare": 150, "fit": 1, "eager": 10, "products": 150, "adam": 150, "noise": 150}


def measure() -> dict:
    """Run all contestants in turn and return the medians."""
    contestants, flops, steps = _contestants()
    for contestant in contestants.values():
        contestant()  # first calls trace, compile and touch memory
    seconds = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            seconds[name].append(_seconds(contestant, CALLS[name]))
    seconds["fit"] = [epoch / steps for epoch in seconds["fit"]]
    return {**circumstances("benchmark speed images"), **_ratios(seconds, flops)}


def _contestants() -> tuple[dict[str, Callable[[], object]], int, int]:
    """Return name -> function, the operations of a step, and the steps of an epoch."""
    run = start("03", seed=0)
    import keras
    import tensorflow as tf

    from course_utils.benchmark import contestants
    from course_utils.datasets import load_mnist
    from course_utils.models.image_mlp import build_discriminator, build_generator
    from course_utils.training.image_gan import ImageGAN

    batches = load_mnist().batches(BATCH)
    real = next(iter(batches))
    gan = ImageGAN(build_generator(), build_discriminator())
    gan.compile(jit_compile=run.jit, steps_per_execution=36)

    def plain():
        networks = build_generator(), build_discriminator()
        optimizers = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in networks]
        for network, optimizer in zip(networks, optimizers, strict=True):
            optimizer.build(network.trainable_variables)
        return networks, optimizers, contestants.plain_step(*networks, *optimizers)

    def draw():
        return tf.random.normal((BATCH, gan.noise_dim)), tf.random.normal((BATCH, gan.noise_dim))

    networks, optimizers, step = plain()
    compiled = tf.function(step, jit_compile=run.jit)
    bare = tf.function(lambda: compiled(real, *draw())[1])
    _, _, eager = plain()
    square = tf.random.stateless_normal((1024, 1024), seed=(0, 0))
    functions = {
        "matmul": tf.function(lambda: tf.linalg.matmul(square, square)),
        "bare": bare,
        "fit": lambda: gan.fit(batches, verbose=0),
        "eager": lambda: eager(real, *draw())[1],
        "products": contestants.products(*networks, BATCH),
        "adam": contestants.updates(networks, optimizers, jit=run.jit),
        "noise": tf.function(lambda: tf.add_n(draw())),
    }
    return functions, contestants.flops_per_step(*networks, BATCH), int(batches.cardinality())


def _seconds(function: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        result = function()
    if hasattr(result, "numpy"):
        result.numpy()  # wait for the last one
    return (time.perf_counter() - began) / times


def _ratios(seconds: dict[str, list[float]], flops: int) -> dict:
    """Turn seconds per round into medians, and into medians of ratios taken within a round."""

    def median_ratio(top: str, bottom: str, factor: float = 1.0) -> float:
        pairs = zip(seconds[top], seconds[bottom], strict=True)
        return round(statistics.median(factor * a / b for a, b in pairs), 3)

    middle = {name: statistics.median(values) for name, values in seconds.items()}
    times = {name: round(1e3 * value, 3) for name, value in middle.items()}
    times["rest"] = round(times["bare"] - times["products"] - times["adam"] - times["noise"], 3)
    return {
        "batch": BATCH,
        "rounds": len(seconds["bare"]),
        "matmul_gflops": round(2 * 1024**3 / middle["matmul"] / 1e9, 1),
        "step_gflop": round(flops / 1e9, 2),
        "milliseconds": times,
        "images_per_second": {name: round(BATCH / middle[name]) for name in ("bare", "fit", "eager")},
        "bare_to_matmul_rate": median_ratio("matmul", "bare", flops / (2 * 1024**3)),
        "products_to_matmul_rate": median_ratio("matmul", "products", flops / (2 * 1024**3)),
        "fit_to_bare": median_ratio("bare", "fit"),
        "bare_to_eager": median_ratio("eager", "bare"),
        "peak_memory_gib": round(peak_memory() / 2**30, 2),
    }


def report(result: dict) -> str:
    """Return the figures as a table."""
    times, images = result["milliseconds"], result["images_per_second"]
    lines = [
        f"MNIST GAN of lesson 03, batch {result['batch']}, medians of {result['rounds']} rounds, {result['machine']}",
        f"{'1024³ float32 matmul':34}{times['matmul']:9.2f} ms   {result['matmul_gflops']:8.1f} GFLOP/s",
        *(
            f"{label:34}{times[name]:9.2f} ms   {images[name]:8,} images/s"
            for name, label in (("fit", "fit()"), ("bare", "bare compiled step"), ("eager", "eager loop"))
        ),
        f"{'fit() / bare step':34}{result['fit_to_bare']:9.3f}      (goal: at least 0.95)",
        f"{'bare step / matmul rate':34}{result['bare_to_matmul_rate']:9.3f}      (goal: at least 0.70)",
        f"{'its products alone / matmul rate':34}{result['products_to_matmul_rate']:9.3f}",
        f"{'bare step / eager loop':34}{result['bare_to_eager']:9.3f}      (goal: at least 5)",
        f"{'peak memory':34}{result['peak_memory_gib']:9.2f} GiB  (goal: at most 2)",
        f"where the {times['bare']:.2f} ms of a bare step go, each part run alone: {result['step_gflop']:.2f} GFLOP of "
        f"products {times['products']:.2f}, Adam {times['adam']:.2f}, noise {times['noise']:.2f}, "
        f"the rest {times['rest']:.2f}",
    ]
    return "\n".join(lines)
