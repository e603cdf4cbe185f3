"""How fast lesson 04's DCGAN trains, beside this machine's convolutions and the loop of tutorials, and is judged.

All figures are medians over rounds in which every contestant runs once, so that a machine whose speed drifts slows all
of them alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from course_utils.benchmark.rounds import median_ratio, seconds_of
from course_utils.records import circumstances, peak_memory
from course_utils.runtime import start

BATCH, STEPS, ROUNDS, PART_CALLS = 64, 120, 7, 20
FILTERS = (64, 32)
DIGITS = 10_000


def measure() -> dict:
    """Run all contestants in turn and return the medians."""
    start("04", seed=0)
    from course_utils.benchmark.convolution_parts import parts_of
    from course_utils.models.image_conv import build_conv_discriminator, build_conv_generator

    def networks():
        return build_conv_generator(filters=FILTERS), build_conv_discriminator(filters=FILTERS[::-1])

    epochs = _epochs(networks)
    parts = parts_of(*networks(), BATCH)
    for call in (*epochs.values(), *(part.call for part in parts)):
        call()  # first calls trace, compile and touch memory
    seconds: dict[str, list[float]] = {name: [] for name in (*epochs, "parts")}
    alone: dict[str, list[float]] = {part.name: [] for part in parts}
    for _ in range(ROUNDS):
        for name, epoch in epochs.items():
            seconds[name].append(seconds_of(epoch, 1) / STEPS)
        for part in parts:
            alone[part.name].append(part.count * seconds_of(part.call, PART_CALLS))
        seconds["parts"].append(sum(times[-1] for times in alone.values()))
    judge = _judge()
    judge()
    gflop = sum(part.count * part.flops for part in parts) / 1e9
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        **circumstances("benchmark speed convolutions"),
        "batch": BATCH,
        "filters": list(FILTERS),
        "rounds": ROUNDS,
        "step_gflop": round(gflop, 3),
        "milliseconds": {name: round(1e3 * value, 2) for name, value in middle.items()},
        "parts_milliseconds": {name: round(1e3 * statistics.median(values), 3) for name, values in alone.items()},
        "parts_to_fit": median_ratio(seconds, "parts", "fit"),
        "tutorial_to_fit": median_ratio(seconds, "tutorial", "fit"),
        "tutorial_to_fit_in_turn": median_ratio(seconds, "tutorial", "fit_in_turn"),
        "frechet_seconds": round(statistics.median(seconds_of(judge, 1) for _ in range(ROUNDS)), 2),
        "peak_memory_gib": round(peak_memory() / 2**30, 2),
    }


def _epochs(networks: Callable) -> dict[str, Callable]:
    """Return name → a pass over the same batches."""
    import tensorflow as tf

    from course_utils.benchmark.contestants import two_tape_step
    from course_utils.datasets import load_mnist
    from course_utils.datasets.batching import shuffled_batches
    from course_utils.datasets.images import scale_pixels
    from course_utils.training.image_gan import ImageGAN

    digits = load_mnist().train_images[: STEPS * BATCH]
    batches = shuffled_batches(digits, BATCH, seed=0, transform=scale_pixels)

    def fit(simultaneous: bool) -> Callable:
        gan = ImageGAN(*networks(), simultaneous=simultaneous)
        # Without XLA, whose convolutions are the slower ones on a CPU.
        gan.compile(steps_per_execution=STEPS // 4, jit_compile=False)

        def epoch():
            gan.fit(batches, verbose=0)
            return tf.constant(0.0)

        return epoch

    step = tf.function(two_tape_step(*networks(), BATCH))

    def tutorial():
        for real in batches:
            loss = step(real)
        return loss

    return {"fit": fit(True), "fit_in_turn": fit(False), "tutorial": tutorial}


def _judge() -> Callable:
    """Return the Fréchet digit distance of two sets of `DIGITS` images, their features included."""
    import tensorflow as tf

    from course_utils.datasets import load_mnist
    from course_utils.metrics.digit_scorer import digit_scorer
    from course_utils.metrics.frechet import feature_statistics, frechet_distance

    mnist, scorer = load_mnist(), digit_scorer()
    sets = mnist.test_images[:DIGITS], mnist.train_images[:DIGITS]

    def judge():
        one, other = (feature_statistics(scorer.features(images)) for images in sets)
        return tf.constant(frechet_distance(*one, *other))

    return judge


def report(result: dict) -> str:
    """Return the figures as a table."""
    times = result["milliseconds"]
    labels = {
        "parts": "its convolutions and products, each alone",
        "fit": "a step of fit(), both players at once",
        "fit_in_turn": "a step of fit(), one after the other",
        "tutorial": "a step of the loop with two tapes",
    }
    lines = [f"DCGAN of lesson 04, batch {result['batch']}, medians of {result['rounds']} rounds, {result['machine']}"]
    lines += [f"{label:46}{times[name]:8.2f} ms" for name, label in labels.items()]
    lines += [
        f"{'parts / step':46}{result['parts_to_fit']:8.2f}     (goal: at least 0.40)",
        f"{'two tapes / step':46}{result['tutorial_to_fit']:8.2f}     (goal: at least 1)",
        f"{'two tapes / step, one after the other':46}{result['tutorial_to_fit_in_turn']:8.2f}",
        f"{f'Fréchet distance of {DIGITS:,} digits':46}{result['frechet_seconds']:8.2f} s   (goal: below 30)",
        f"{'peak memory':46}{result['peak_memory_gib']:8.2f} GiB",
    ]
    return "\n".join(lines)
