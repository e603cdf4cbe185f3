"""How fast a RelGAN step is beside the same networks in PyTorch, and what a token costs three generators.

The peer is `tests/peers/torch_relgan.py`. A step is one of the generator and five of the discriminator, each on 64
written and 64 real sentences, at the sizes that were published for the oracle benchmark.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from course_utils.benchmark.rounds import median_ratio, running_peer, seconds_of
from course_utils.records import circumstances, peak_memory
from course_utils.runtime import REPOSITORY, start

VOCABULARY, LENGTH, BATCH = 5_000, 20, 64
MINIBATCHES = 5  # of the discriminator after each generator step
ROUNDS = 3
TOKEN_CALLS = 5  # of writing and of learning, in a round
PEER = REPOSITORY / "tests" / "peers" / "torch_relgan.py"
# The published sizes of the first two; the Transformer's are the course's own.
GENERATORS = ("lstm", "memory", "transformer")


def measure(peer: str | None) -> dict:
    """Run all contestants in turn and return medians, the ratio to the peer, and the cost of a token.

    Args:
        peer: a Python with PyTorch, or ``None`` to leave the peer out.

    Raises:
        RuntimeError: if the training step was traced more than once, or the peer cannot run.
    """
    start("13", seed=0)
    step, traces = _step()
    generators = {name: _generator(name) for name in GENERATORS}
    tokens = {
        f"{kind}_{name}": call for name, network in generators.items() for kind, call in _token_calls(network).items()
    }
    for contestant in (step, *tokens.values()):
        contestant()  # first calls trace, compile and touch memory
    seconds: dict[str, list[float]] = {"step": [], **{name: [] for name in tokens}}
    with running_peer(peer, PEER) as ask:
        if ask:
            ask("step", 1)
            seconds["peer_step"] = []
        for _ in range(ROUNDS):
            seconds["step"].append(seconds_of(step, 1))
            if ask:
                seconds["peer_step"].append(ask("step", 1))
            for name, contestant in tokens.items():
                seconds[name].append(seconds_of(contestant, TOKEN_CALLS))
    if traces() != 1:
        raise RuntimeError(f"A training step must be traced once. Received: {traces()}.")
    per_token = BATCH * LENGTH / 1e6
    return {
        **circumstances("benchmark speed relgan" + (" --peer PYTHON" if peer else "")),
        "settings": {"vocabulary": VOCABULARY, "length": LENGTH, "batch": BATCH, "minibatches": MINIBATCHES},
        "rounds": ROUNDS,
        "milliseconds": {
            name: round(1e3 * statistics.median(seconds[name]), 1) for name in ("step", "peer_step") if name in seconds
        },
        "peer_step_to_step": median_ratio(seconds, "peer_step", "step"),
        "microseconds_per_token": {name: round(statistics.median(seconds[name]) / per_token, 2) for name in tokens},
        "parameters": {name: network.count_params() for name, network in generators.items()},
        "traces": traces(),
        "peak_memory_gib": round(peak_memory() / 2**30, 2),
    }


def _generator(name: str):
    from course_utils.models.recurrent import RecurrentGenerator
    from course_utils.models.relational_memory import RelationalMemoryGenerator
    from course_utils.models.transformer import TransformerGenerator

    endless = {"start_token": 0, "end_token": None}
    if name == "transformer":
        return TransformerGenerator(VOCABULARY, max_length=LENGTH, **endless)
    return (RelationalMemoryGenerator if name == "memory" else RecurrentGenerator)(VOCABULARY, **endless)


def _step() -> tuple[Callable[[], object], Callable[[], int]]:
    """Return the adversarial step, and what counts its traces."""
    import tensorflow as tf

    from course_utils.models.text_multi_cnn import TextMultiCNN
    from course_utils.training.relgan import RelGAN

    judge = TextMultiCNN(VOCABULARY, length=LENGTH)
    gan = RelGAN(_generator("memory"), judge, batch_size=BATCH, discriminator_rounds=MINIBATCHES)
    gan.compile()
    real = tf.random.stateless_uniform((MINIBATCHES * BATCH, LENGTH), (0, 0), 0, VOCABULARY, tf.int32)
    step = tf.function(gan.train_step)
    return lambda: step(real)["discriminator_loss"], step.experimental_get_tracing_count


def _token_calls(generator) -> dict[str, Callable[[], object]]:
    """Return what writes a batch of sentences, and what takes a step of maximum likelihood on one."""
    import keras
    import tensorflow as tf

    from course_utils.sampling import sample
    from course_utils.training.language_model import LanguageModel

    sentences = tf.random.stateless_uniform((BATCH, LENGTH), (0, 1), 0, VOCABULARY, tf.int32)
    model = LanguageModel(generator)
    model.compile(keras.optimizers.Adam(1e-3))
    learn = tf.function(model.train_step)
    return {
        "write": lambda: sample(generator, BATCH, LENGTH, seed=1),
        "learn": lambda: learn(sentences)["loss"],
    }


def report(result: dict) -> str:
    """Return the figures as a table."""
    settings = ", ".join(f"{name} {value:,}" for name, value in result["settings"].items())
    lines = [f"RelGAN: {settings}, medians of {result['rounds']} rounds, {result['machine']}"]
    line = f"{'one training step':26}{result['milliseconds']['step']:10.1f} ms"
    if result["peer_step_to_step"] is not None:
        line += f"   peer / ours {result['peer_step_to_step']:.2f}  (goal: at least 1)"
    lines += [line, f"{'':26}{'parameters':>12}{'µs to write':>14}{'µs to learn':>14}  a token"]
    for name in GENERATORS:
        write, learn = (result["microseconds_per_token"][f"{kind}_{name}"] for kind in ("write", "learn"))
        lines.append(f"{name:26}{result['parameters'][name]:12,}{write:14.1f}{learn:14.1f}")
    lines.append(f"{'peak memory':26}{result['peak_memory_gib']:10.2f} GiB")
    return "\n".join(lines)
