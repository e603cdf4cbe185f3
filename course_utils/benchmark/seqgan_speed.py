"""How fast SeqGAN's reward and its discriminator are, beside loops as published in PyTorch and beside bare products.

The peer is `tests/peers/torch_seqgan.py`. Beside each part stands its floor: the matrix products and exponentials that
it cannot do without, at its sizes, as TensorFlow does them on this machine.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from course_utils.benchmark.oracle_setting import EPOCHS
from course_utils.benchmark.oracle_setting import ROUNDS as DISCRIMINATOR_ROUNDS
from course_utils.benchmark.rounds import median_ratio, running_peer, seconds_of
from course_utils.records import circumstances, peak_memory
from course_utils.runtime import REPOSITORY, start

VOCABULARY, LENGTH, BATCH, ROLLOUTS = 5_000, 20, 64, 16
EMBEDDING, HIDDEN, ROWS = 32, 32, 1_024
ROUND_SENTENCES = 96  # as the oracle benchmark's standard profile
EPOCH_SENTENCES = 9_984
ROUNDS = 3
PEER = REPOSITORY / "tests" / "peers" / "torch_seqgan.py"
PEER_CALLS = {"generation": 1, "scoring": 1, "discriminator": 10}
FLOORS = ("generation_floor", "learning_floor", "scoring_floor", "discriminator_floor")


def measure(peer: str | None) -> dict:
    """Run all contestants in turn and return medians, ratios, and the share of the floors in a training step.

    Args:
        peer: a Python with PyTorch, or ``None`` to leave the peer out.

    Raises:
        RuntimeError: if a training step was traced more than once, or the peer cannot run.
    """
    ours, traces = _contestants()
    for contestant in ours.values():
        contestant()  # first calls trace, compile and touch memory
    seconds: dict[str, list[float]] = {name: [] for name in ours}
    with running_peer(peer, PEER) as ask:
        for _ in range(ROUNDS):
            for name, contestant in ours.items():
                seconds[name].append(seconds_of(contestant, 10 if name in (*FLOORS, "optimizer") else 1))
            for name, calls in PEER_CALLS.items() if ask else ():
                seconds.setdefault(f"peer_{name}", []).append(ask(name, calls))
    if traces() != 1:
        raise RuntimeError(f"A training step must be traced once. Received: {traces()}.")
    return {
        **circumstances("benchmark speed seqgan" + (" --peer PYTHON" if peer else "")),
        "settings": {"vocabulary": VOCABULARY, "length": LENGTH, "batch": BATCH, "rollouts": ROLLOUTS},
        "rounds": ROUNDS,
        **_ratios(_in_full(seconds)),
        "traces": traces(),
        "peak_memory_gib": round(peak_memory() / 2**30, 2),
    }


def _contestants() -> tuple[dict[str, Callable[[], object]], Callable[[], int]]:
    """Return name -> function, and what counts the traces of a training step."""
    start("11", seed=0)
    import tensorflow as tf

    from course_utils.models.recurrent import RecurrentGenerator
    from course_utils.models.text_cnn import TextCNN
    from course_utils.sampling import rollout
    from course_utils.training.rewards import rollout_rewards, scores_of
    from course_utils.training.seqgan import SeqGAN

    generator = RecurrentGenerator(VOCABULARY, start_token=0, end_token=None)
    judge = TextCNN(VOCABULARY, length=LENGTH)
    shared = {"batch_size": BATCH, "discriminator_epochs": EPOCHS}
    gan = SeqGAN(generator, judge, n_rollouts=ROLLOUTS, discriminator_rounds=DISCRIMINATOR_ROUNDS, **shared)
    gan.compile()
    alone = SeqGAN(generator, judge, generator_steps=0, discriminator_rounds=1, **shared | {"discriminator_epochs": 1})
    alone.compile(discriminator_optimizer=gan.discriminator_optimizer)
    sentences, some, all_real = (
        tf.random.stateless_uniform((rows, LENGTH), (0, rows), 0, VOCABULARY, tf.int32)
        for rows in (BATCH, DISCRIMINATOR_ROUNDS * ROUND_SENTENCES, EPOCH_SENTENCES)
    )
    completed = tf.tile(sentences, (ROLLOUTS * (LENGTH - 1) + 1, 1))
    step, epoch = tf.function(gan.train_step), tf.function(alone.train_step)
    scoring = tf.function(lambda tokens: scores_of(gan.score, tokens))
    reward = tf.function(lambda tokens: rollout_rewards(gan.score, generator, tokens, ROLLOUTS, tf.constant([1, 2])))
    functions = {
        "generation": lambda: rollout(generator, sentences, ROLLOUTS, seed=1),
        "scoring": lambda: scoring(completed),
        "reward": lambda: reward(sentences),
        "discriminator_epoch": lambda: epoch(all_real)["discriminator_loss"],
        "step": lambda: step(some)["discriminator_loss"],
        "optimizer": _adam(judge),
        **_floors(judge),
    }
    return functions, step.experimental_get_tracing_count


def _adam(judge) -> Callable[[], object]:
    """Return one update of the discriminator's weights from given gradients, which no product or exponential is in."""
    import keras
    import tensorflow as tf

    optimizer, weights = keras.optimizers.Adam(1e-4), judge.trainable_variables
    optimizer.build(weights)
    slopes = [tf.fill(weight.shape, 1e-3) for weight in weights]

    @tf.function(jit_compile=True)
    def update():
        optimizer.apply(slopes)
        return tf.add_n([tf.reshape(weight.value, [-1])[0] for weight in weights])

    return update


def _floors(judge) -> dict[str, Callable[[], object]]:
    """Return products and exponentials: of drawing a token a row, learning it, one scoring, and one minibatch."""
    import tensorflow as tf

    def matrix(rows: int, columns: int):
        return tf.random.stateless_normal((rows, columns), (rows, columns))

    # (rows, width · E) times (width · E, filters) for each width; two (rows, F) times (F, F) of the highway.
    kernels = [convolution.kernel.shape for convolution in judge.convolutions]
    shapes = [(LENGTH - width + 1, width * dim, filters) for width, dim, filters in kernels]
    features = sum(filters for _, _, filters in shapes)
    shapes += [(1, features, features)] * 2

    def operands(sentences: int):
        return [(matrix(sentences * n, inner), matrix(inner, outer)) for n, inner, outer in shapes]

    def first(results):
        return tf.add_n([result[0, 0] for result in results])  # of each, or it would be left out

    inputs, cell, gates = (
        matrix(ROWS, EMBEDDING + HIDDEN),
        matrix(EMBEDDING + HIDDEN, 4 * HIDDEN),
        matrix(ROWS, 4 * HIDDEN),
    )
    hidden, table, logits = matrix(ROWS, HIDDEN), matrix(HIDDEN, VOCABULARY), matrix(ROWS, VOCABULARY)
    scored, learned = operands(ROWS), operands(BATCH)
    upstream = [matrix(left.shape[0], right.shape[1]) for left, right in learned]

    @tf.function
    def generation_floor():
        return first([inputs @ cell, hidden @ table, tf.exp(logits)])

    @tf.function
    def learning_floor():
        products = [inputs @ cell, hidden @ table]
        for left, right, slope in ((inputs, cell, gates), (hidden, table, logits)):
            products += [tf.matmul(left, slope, transpose_a=True), tf.matmul(slope, right, transpose_b=True)]
        return first([*products, tf.exp(logits)])

    @tf.function
    def scoring_floor():
        return first([left @ right for left, right in scored])

    @tf.function
    def discriminator_floor():
        results = []
        for (left, right), slope in zip(learned, upstream, strict=True):
            results += [
                left @ right,
                tf.matmul(left, slope, transpose_a=True),
                tf.matmul(slope, right, transpose_b=True),
            ]
        return first(results)

    return dict(zip(FLOORS, (generation_floor, learning_floor, scoring_floor, discriminator_floor), strict=True))


def _in_full(seconds: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the seconds with each floor as often as its part has it, and the peer's minibatches as an epoch."""
    drawn = LENGTH * (LENGTH - 1) // 2 * ROLLOUTS * BATCH / ROWS  # tokens drawn, in units of ROWS
    scored = (ROLLOUTS * (LENGTH - 1) + 1) * BATCH / ROWS
    epoch = 2 * EPOCH_SENTENCES / BATCH
    minibatches = DISCRIMINATOR_ROUNDS * EPOCHS * 2 * ROUND_SENTENCES / BATCH
    learned = BATCH * LENGTH / ROWS  # tokens of the generator's own step
    written = learned + DISCRIMINATOR_ROUNDS * ROUND_SENTENCES * LENGTH / ROWS
    often = {"generation_floor": drawn, "scoring_floor": scored, "discriminator_floor": epoch}
    often |= {"peer_discriminator": epoch, "optimizer": minibatches}
    full = {name: [often.get(name, 1) * value for value in values] for name, values in seconds.items()}
    full["step_floor"] = [
        (drawn + written) * generation + learned * learning + scored * scoring + minibatches * minibatch
        for generation, learning, scoring, minibatch in zip(*(seconds[name] for name in FLOORS), strict=True)
    ]
    if "peer_generation" in full:
        full["peer_reward"] = [sum(pair) for pair in zip(full["peer_generation"], full["peer_scoring"], strict=True)]
    return full


def _ratios(seconds: dict[str, list[float]]) -> dict:
    return {
        "milliseconds": {name: round(1e3 * statistics.median(values), 1) for name, values in seconds.items()},
        "peer_generation_to_generation": median_ratio(seconds, "peer_generation", "generation"),
        "peer_scoring_to_scoring": median_ratio(seconds, "peer_scoring", "scoring"),
        "peer_reward_to_reward": median_ratio(seconds, "peer_reward", "reward"),
        "peer_discriminator_to_epoch": median_ratio(seconds, "peer_discriminator", "discriminator_epoch"),
        "generation_to_floor": median_ratio(seconds, "generation", "generation_floor"),
        "scoring_to_floor": median_ratio(seconds, "scoring", "scoring_floor"),
        "epoch_to_floor": median_ratio(seconds, "discriminator_epoch", "discriminator_floor"),
        "floor_share_of_step": median_ratio(seconds, "step_floor", "step"),
        "optimizer_share_of_step": median_ratio(seconds, "optimizer", "step"),
    }


def report(result: dict) -> str:
    """Return the figures as a table."""
    times = result["milliseconds"]
    rows = [
        ("the reward of a batch", "reward", "", "peer_reward_to_reward", "at least 4"),
        ("  completions", "generation", "generation_to_floor", "peer_generation_to_generation", "at least 15"),
        ("  their scores", "scoring", "scoring_to_floor", "peer_scoring_to_scoring", ""),
        (
            "a discriminator epoch",
            "discriminator_epoch",
            "epoch_to_floor",
            "peer_discriminator_to_epoch",
            "at least 1.5",
        ),
    ]
    settings = ", ".join(f"{name} {value:,}" for name, value in result["settings"].items())
    lines = [
        f"SeqGAN: {settings}, medians of {result['rounds']} rounds, {result['machine']}",
        f"{'':26}{'ms':>10}{'times its floor':>18}{'peer / ours':>14}",
    ]
    for label, name, floor, ratio, goal in rows:
        line = f"{label:26}{times[name]:10.1f}{format(result[floor], '18.2f') if floor else '':>18}"
        if result[ratio] is not None:
            line += f"{result[ratio]:14.2f}" + (f"  (goal: {goal})" if goal else "")
        lines.append(line)
    lines.append(
        f"{'one training step':26}{times['step']:10.1f}, of which its products and exponentials are "
        f"{result['floor_share_of_step']:.0%}  (goal: at least 80%)"
    )
    lines.append(
        f"{'':36}and its discriminator's Adam, which only moves memory, {result['optimizer_share_of_step']:.0%}"
    )
    lines.append(f"(an epoch: {EPOCH_SENTENCES:,} real and as many written sentences, ours with the writing of them)")
    lines.append(f"{'peak memory':26}{result['peak_memory_gib']:10.2f} GiB  (goal: at most 4)")
    return "\n".join(lines)
