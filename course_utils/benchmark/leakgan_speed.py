"""How fast a LeakGAN step is beside the same networks in PyTorch, and how fast its parts are.

The peer is `tests/peers/torch_leakgan.py`. A step is one of the generator, with 4 completions of each prefix of 64
sentences, and 45 minibatches of the discriminator, as the oracle benchmark's standard profile has it, at the published
sizes. Before anything is timed, both compute losses and gradients from equal weights on equal sentences, which must
agree.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

from course_utils.benchmark.game_parts import parts_of
from course_utils.benchmark.oracle_leak import DISCRIMINATOR_RATE, GENERATOR_RATE
from course_utils.benchmark.oracle_phases import adam
from course_utils.benchmark.oracle_setting import EPOCHS
from course_utils.benchmark.oracle_setting import ROUNDS as DISCRIMINATOR_ROUNDS
from course_utils.benchmark.rounds import median_ratio, running_peer, seconds_of
from course_utils.records import circumstances, peak_memory
from course_utils.runtime import REPOSITORY, start

VOCABULARY, LENGTH, BATCH, ROLLOUTS = 5_000, 20, 64, 4
ROUND_SENTENCES = 96  # as the oracle benchmark's standard profile
ROUNDS = 3
PEER = REPOSITORY / "tests" / "peers" / "torch_leakgan.py"
PARTS = {"sampling": "write", "reward": "reward", "learning": "learn", "minibatch": "minibatch"}
CALLS = {"sampling": 5, "learning": 5, "minibatch": 10}  # in a round; once of the others
CHECK_ROWS, TOLERANCE = 4, 1e-3


def measure(peer: str | None) -> dict:
    """Run all contestants in turn and return medians and ratios to the peer.

    Args:
        peer: a Python with PyTorch, or ``None`` to leave the peer out.

    Raises:
        RuntimeError: if the training step was traced more than once, or the peer cannot run or computes something else.
    """
    start("12", seed=0)
    with running_peer(peer, PEER) as ask:
        difference = _largest_difference(checks(), ask) if ask else None
        contestants, traces = _contestants()
        for contestant in contestants.values():
            contestant()  # first calls trace, compile and touch memory
        seconds: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, contestant in contestants.items():
                calls = CALLS.get(name, 1)
                seconds.setdefault(name, []).append(seconds_of(contestant, calls))
                if ask:
                    seconds.setdefault(f"peer_{name}", []).append(ask(name, calls))
    if traces() != 1:
        raise RuntimeError(f"A training step must be traced once. Received: {traces()}.")
    return {
        **circumstances("benchmark speed leakgan" + (" --peer PYTHON" if peer else "")),
        "settings": {"vocabulary": VOCABULARY, "length": LENGTH, "batch": BATCH, "rollouts": ROLLOUTS},
        "rounds": ROUNDS,
        "milliseconds": {name: round(1e3 * statistics.median(values), 1) for name, values in seconds.items()},
        **{f"peer_{name}_to_{name}": median_ratio(seconds, f"peer_{name}", name) for name in contestants},
        "peer_difference": difference,
        "traces": traces(),
        "peak_memory_gib": round(peak_memory() / 2**30, 2),
    }


def _game(batch: int, dropout: float):
    from course_utils.models.leak_generator import LeakGenerator
    from course_utils.models.text_cnn import TextCNN
    from course_utils.training.leakgan import LeakGAN

    judge = TextCNN(VOCABULARY, length=LENGTH, dropout=dropout)
    generator = LeakGenerator(judge, length=LENGTH, start_token=0, end_token=None)
    return LeakGAN(
        generator,
        n_rollouts=ROLLOUTS,
        supervised_every=0,  # a supervised step has no completions
        batch_size=batch,
        discriminator_rounds=DISCRIMINATOR_ROUNDS,
        discriminator_epochs=EPOCHS,
    )


def _contestants() -> tuple[dict[str, Callable], Callable[[], int]]:
    """Return name → function, and what counts the traces of a training step."""
    import keras
    import tensorflow as tf

    gan = _game(BATCH, dropout=0.25)
    gan.compile(adam(LENGTH, GENERATOR_RATE), keras.optimizers.Adam(DISCRIMINATOR_RATE))
    sentences = DISCRIMINATOR_ROUNDS * ROUND_SENTENCES
    real = tf.random.stateless_uniform((sentences, LENGTH), (0, sentences), 0, VOCABULARY, tf.int32)
    step, parts = tf.function(gan.train_step), parts_of(gan, real)
    functions = {"step": lambda: step(real)["discriminator_loss"]}
    return functions | {name: parts[part].call for name, part in PARTS.items()}, step.experimental_get_tracing_count


def checks() -> dict[str, float]:
    """Return losses and norms of gradients, of weights and sentences that the peer can make too."""
    import tensorflow as tf

    from course_utils.losses.leaked import rescaled_rewards
    from course_utils.sampling import log_prob

    gan = _game(CHECK_ROWS, dropout=0.0)
    generator, judge = gan.generator, gan.discriminator
    _fill(generator, judge)
    shape = (CHECK_ROWS, LENGTH)
    tokens, real = (tf.constant(VOCABULARY * _scattered(n, shape), tf.int32) for n in (100, 101))
    q = rescaled_rewards(_scattered(102, shape), gan.settings["sharpness"])

    def with_slope(loss: Callable, network) -> tuple[float, float]:
        with tf.GradientTape() as tape:
            value = loss()
        # As whole tensors: a gradient that came by a lookup has a row for every time that a word was read.
        slopes = [tf.convert_to_tensor(slope) for slope in tape.gradient(value, network.trainable_variables)]
        return float(value), float(tf.linalg.global_norm(slopes))

    of_generator = with_slope(lambda: gan._generator_loss(tokens, q, tf.constant(False)), generator)
    of_judge = with_slope(lambda: sum(gan._discriminator_loss(real, tokens)[:2]), judge)
    return {
        "generator_loss": of_generator[0],
        "generator_gradient": of_generator[1],
        "nll_written": -float(tf.reduce_sum(log_prob(generator, tokens))),
        "discriminator_loss": of_judge[0],
        "discriminator_gradient": of_judge[1],
    }


def _fill(generator, judge) -> None:
    """Give every weight numbers that the peer can make too."""
    of_judge = [part for layer in judge.convolutions for part in (layer.kernel, layer.bias)]
    of_judge += [
        part for layer in (judge.gate, judge.transform, judge.last_layer) for part in (layer.kernel, layer.bias)
    ]
    of_generator = []
    for lstm in (generator.worker, generator.manager):
        of_generator += [lstm.cell.kernel, lstm.cell.recurrent_kernel, lstm.cell.bias]
    of_generator += [generator.psi.kernel, *generator.goal.weights, *generator.projection.weights]
    weights = [judge.embedding.matrix, *of_judge, generator.embedding.matrix, *of_generator]
    for number, weight in enumerate(weights):
        spread = 0.1 if number <= len(of_judge) else 0.5
        weight.assign(spread * (2 * _scattered(number, tuple(weight.shape)) - 1))


def _scattered(number: int, shape: tuple[int, ...]):
    """Return numbers from 0 to 1 that look random and are the same in every library, float64."""
    import numpy as np

    x = np.sin(np.arange(math.prod(shape), dtype=np.float64) * 12.9898 + number * 78.233) * 43758.5453
    return (x - np.floor(x)).reshape(shape)


def _largest_difference(ours: dict[str, float], ask: Callable[[str, int], float]) -> float:
    """Return the largest relative difference of the peer's numbers from ours; raise `RuntimeError` if it is large."""
    differences = {}
    for name, value in ours.items():
        theirs = ask(name, 1)
        differences[name] = abs(theirs - value) / abs(value)
        if not differences[name] <= TOLERANCE:
            raise RuntimeError(
                f"The peer computes something else than we do. Received: {name} {theirs:.6g}, ours {value:.6g}. "
                "Their networks, settings or losses must be the same."
            )
    return float(f"{max(differences.values()):.1e}")


def report(result: dict) -> str:
    """Return the figures as a table."""
    labels = {
        "step": "one training step",
        "sampling": "  writing a batch",
        "reward": "  its rewards",
        "learning": "  the generator's update",
        "minibatch": "  a discriminator minibatch",
    }
    settings = ", ".join(f"{name} {value:,}" for name, value in result["settings"].items())
    with_peer = result["peer_difference"] is not None
    lines = [
        f"LeakGAN: {settings}, medians of {result['rounds']} rounds, {result['machine']}",
        f"{'':30}{'ms':>10}" + f"{'peer / ours':>14}" * with_peer,
    ]
    for name, label in labels.items():
        line = f"{label:30}{result['milliseconds'][name]:10.1f}"
        if with_peer:
            line += f"{result[f'peer_{name}_to_{name}']:14.2f}" + "  (goal: at least 1)" * (name == "step")
        lines.append(line)
    if with_peer:
        lines.append(f"(the same numbers in both, to {result['peer_difference']:.0e}: losses, gradients, written)")
    lines.append(f"{'peak memory':30}{result['peak_memory_gib']:10.2f} GiB")
    return "\n".join(lines)
