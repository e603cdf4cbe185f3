"""How fast the sequence engine trains, samples and rolls out, beside the same model in PyTorch.

The peer is `tests/peers/torch_sequences.py`, run as a process of its own by a Python that has PyTorch 2.13 (the course
does not need it). In every round each contestant runs once, ours and the peer's in turn, so that a machine whose speed
drifts slows all of them alike; ratios are taken within a round.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from course_utils.benchmark.rounds import median_ratio, running_peer, seconds_of
from course_utils.records import circumstances, peak_memory
from course_utils.runtime import REPOSITORY, start

VOCABULARY, LENGTH, BATCH = 5_000, 20, 64
SENTENCES, ROLLOUTS = 10_000, 16
ROUNDS = 5
# Calls in a round, of ours and of the peer's; a peer's sampling takes half a minute.
CALLS = {"likelihood": 20, "products": 20, "sample": 1, "rollout": 1}
PEER_CALLS = {"likelihood": 20, "inverse_cdf": 1, "multinomial": 1, "rollout": 1}
SLOW_PEERS = ("multinomial", "rollout")  # timed in the first rounds only
SLOW_ROUNDS = 2
LENGTHS = (20, 40, 80, 160)
ROWS_OF_LENGTHS = 64
PEER = REPOSITORY / "tests" / "peers" / "torch_sequences.py"


def measure(peer: str | None) -> dict:
    """Run all contestants in turn and return medians, ratios and traces.

    Args:
        peer: a Python with PyTorch, or ``None`` to leave the peer out.

    Raises:
        RuntimeError: if a function of ours was traced more than once, or the peer cannot run.
    """
    ours, traces = _contestants()
    for contestant in ours.values():
        contestant()  # first calls trace, compile and touch memory
    seconds: dict[str, list[float]] = {name: [] for name in ours}
    with running_peer(peer, PEER) as ask:
        for name in PEER_CALLS if ask else ():
            ask(name, 1)
        for number in range(ROUNDS):
            for name, contestant in ours.items():
                seconds[name].append(seconds_of(contestant, CALLS[name]))
            for name, calls in PEER_CALLS.items() if ask else ():
                if name not in SLOW_PEERS or number < SLOW_ROUNDS:
                    seconds.setdefault(f"peer_{name}", []).append(ask(name, calls))
    if many := {name: count for name, count in traces().items() if count != 1}:
        raise RuntimeError(f"Every function must be traced once. Received: {many}.")
    return {
        **circumstances("benchmark speed sequences" + (" --peer PYTHON" if peer else "")),
        "settings": {"vocabulary": VOCABULARY, "length": LENGTH, "batch": BATCH, "embedding": 32, "hidden": 32},
        "rounds": ROUNDS,
        **_ratios(seconds),
        "traces": traces(),
        "per_token": _per_token(),
        "peak_memory_gib": round(peak_memory() / 2**30, 2),
    }


def _contestants() -> tuple[dict[str, Callable[[], object]], Callable[[], dict[str, int]]]:
    """Return name -> function, and what counts the traces of each."""
    start("08", seed=0)
    import keras
    import tensorflow as tf

    from course_utils.models.recurrent import RecurrentGenerator
    from course_utils.sampling import rollout, sample
    from course_utils.training.language_model import LanguageModel

    generators = {
        name: _Counted(RecurrentGenerator(VOCABULARY, start_token=0, end_token=None)) for name in ("sample", "rollout")
    }
    sentences = tf.random.stateless_uniform((BATCH, LENGTH), (0, 0), 0, VOCABULARY, tf.int32)
    model = LanguageModel(RecurrentGenerator(VOCABULARY, start_token=0, end_token=None))
    model.compile(keras.optimizers.Adam(1e-2))
    step = tf.function(model.train_step)

    flat, table, hot = (
        tf.random.stateless_normal(shape, (0, number))
        for number, shape in enumerate([(BATCH * LENGTH, 32), (32, VOCABULARY), (BATCH * LENGTH, VOCABULARY)])
    )

    @tf.function
    def products():
        # The vocabulary's three matrix products (logits, and the gradients of hidden outputs and weights), and one exp.
        results = (
            tf.matmul(flat, table),
            tf.matmul(hot, table, transpose_b=True),
            tf.matmul(flat, hot, transpose_a=True),
            tf.exp(hot),
        )
        return tf.add_n([result[0, 0] for result in results])  # of each, or it would be left out

    functions = {
        "likelihood": lambda: step(sentences)["loss"],
        "products": products,
        "sample": lambda: sample(generators["sample"], SENTENCES, LENGTH, seed=1),
        "rollout": lambda: rollout(generators["rollout"], sentences, ROLLOUTS, seed=1),
    }
    return functions, lambda: {
        "likelihood": step.experimental_get_tracing_count(),
        "sample": generators["sample"].traces,
        # One step walks along the prefixes, one completes them: two places of one graph.
        "rollout": -(-generators["rollout"].traces // 2),
    }


class _Counted:
    """A generator that counts how often its step is traced."""

    def __init__(self, generator):
        self._generator, self.traces = generator, 0

    def __getattr__(self, name: str):
        return getattr(self._generator, name)

    def step(self, token, state, training: bool = False):
        self.traces += 1
        return self._generator.step(token, state, training)


def _ratios(seconds: dict[str, list[float]]) -> dict:
    """Turn seconds per round into medians, and into medians of ratios taken within a round."""

    return {
        "milliseconds": {name: round(1e3 * statistics.median(values), 2) for name, values in seconds.items()},
        "likelihood_to_peer": median_ratio(seconds, "likelihood", "peer_likelihood"),
        "likelihood_to_products": median_ratio(seconds, "likelihood", "products"),
        "multinomial_to_sample": median_ratio(seconds, "peer_multinomial", "sample"),
        "sample_to_inverse_cdf": median_ratio(seconds, "sample", "peer_inverse_cdf"),
        "peer_rollout_to_rollout": median_ratio(seconds, "peer_rollout", "rollout"),
    }


def _per_token() -> dict:
    """Return milliseconds per position, for growing lengths, with and without a Transformer's cache."""
    import tensorflow as tf

    from course_utils.models.recurrent import RecurrentGenerator
    from course_utils.models.transformer import TransformerGenerator
    from course_utils.sampling import draw_tokens, sample

    settings = {"start_token": 0, "end_token": None}
    lstm = RecurrentGenerator(VOCABULARY, **settings)
    transformer = TransformerGenerator(VOCABULARY, max_length=max(LENGTHS), **settings)

    def without_cache(length: int) -> Callable[[], tf.Tensor]:
        @tf.function
        def draw():
            uniforms = tf.random.stateless_uniform((length, ROWS_OF_LENGTHS), (1, 0))
            tokens = tf.zeros((ROWS_OF_LENGTHS, 1), tf.int32)
            for position in tf.range(length):
                tf.autograph.experimental.set_loop_options(
                    shape_invariants=[(tokens, tf.TensorShape([ROWS_OF_LENGTHS, None]))]
                )
                # Everything written so far is read again for one more token.
                drawn = draw_tokens(transformer(tokens)[:, -1], uniforms[position])
                tokens = tf.concat([tokens, drawn[:, None]], axis=1)
            return tokens

        return draw

    contestants = {
        "lstm": lambda length: lambda: sample(lstm, ROWS_OF_LENGTHS, length),
        "transformer": lambda length: lambda: sample(transformer, ROWS_OF_LENGTHS, length),
        "transformer_without_cache": without_cache,
    }
    found: dict = {"lengths": list(LENGTHS), "rows": ROWS_OF_LENGTHS}
    for name, contestant in contestants.items():
        found[name] = []
        for length in LENGTHS:
            function = contestant(length)
            function()
            best = statistics.median(seconds_of(function, 2) for _ in range(3))
            found[name].append(round(1e3 * best / length, 3))
    return found


def report(result: dict) -> str:
    """Return the figures as a table."""
    times = result["milliseconds"]
    rows = [
        ("one likelihood step", "likelihood", "likelihood_to_peer", "step / peer's step", "at most 1.0"),
        ("its three products and one exp", "products", "likelihood_to_products", "step / products", "at most 2.5"),
        (f"{SENTENCES:,} sentences", "sample", "multinomial_to_sample", "peer's multinomial / ours", "at least 5"),
        ("peer, inverse CDF", "peer_inverse_cdf", "sample_to_inverse_cdf", "ours / peer's inverse CDF", "at most 1.5"),
        (f"{ROLLOUTS} rollouts a prefix", "rollout", "peer_rollout_to_rollout", "peer's loop / ours", "at least 15"),
    ]
    settings = ", ".join(f"{name} {value:,}" for name, value in result["settings"].items())
    lines = [f"sequence engine: {settings}, medians of {result['rounds']} rounds, {result['machine']}"]
    for label, name, ratio, meaning, goal in rows:
        time_of = f"{times[name]:11.2f} ms" if name in times else f"{'not run':>14}"
        if result[ratio] is not None:
            time_of += f"   {meaning:28}{result[ratio]:8.2f}  (goal: {goal})"
        lines.append(f"{label:32}{time_of}")
    lines.append(f"(the peer's multinomial and its rollouts: the first {SLOW_ROUNDS} rounds only)")
    lines.append(
        f"ms a position, batch {result['per_token']['rows']}, at length "
        + ", ".join(map(str, result["per_token"]["lengths"]))
        + ":"
    )
    for name in ("lstm", "transformer", "transformer_without_cache"):
        lines.append(f"{name.replace('_', ' '):32}" + "".join(f"{ms:9.2f}" for ms in result["per_token"][name]))
    lines.append(f"{'peak memory':32}{result['peak_memory_gib']:11.2f} GiB  (goal: at most 3)")
    lines.append(f"traces of each function: {result['traces']}")
    return "\n".join(lines)
