"""A generator held against an oracle: both sides of the likelihood, and how far the two are apart at every prefix.

No number is enough alone. NLL_oracle looks at the generator's own sentences, so a generator that repeats the oracle's
likeliest one has the best; NLL_gen looks at the oracle's, and does not see what else the generator writes.
"""

from __future__ import annotations

import dataclasses
import weakref

import numpy as np
import tensorflow as tf

from course_utils.metrics.perplexity import checked_sentences
from course_utils.models.sequence import shift_right
from course_utils.sampling import sample
from course_utils.sampling.compiled import check_temperature, check_whole, run_compiled

# Prefixes compared at a time: at 5,000 words every table of log-probabilities is 26 MB.
PREFIXES = 1_280
LOG_2 = np.float32(np.log(2))


@dataclasses.dataclass(frozen=True)
class OracleReport:
    """What `judge` measured, all in nats per token. p is the oracle, q the generator at its temperature.

    Attributes:
        nll_oracle: mean −log p of the generator's samples: the benchmark's number. It is the samples' entropy plus
            KL(q‖p), so it falls when the generator comes nearer to the oracle *and* when its samples vary less.
            **Below the floor it can only be the latter**: such samples are likelier than the oracle's own, and their
            diversity is lost.
        nll_gen: mean −log q of the held-out sentences. It cannot be lowered by writing less: it is the floor plus
            KL(p‖q).
        floor: mean −log p of the held-out sentences, the oracle's entropy. A perfect generator has
            nll_oracle = nll_gen = entropy = floor.
        entropy: mean −log q of the generator's samples.
        entropy_above_floor: entropy − floor; negative if the generator's sentences vary less than the oracle's.
        forward_kl: KL(p‖q) of the next token, exact over the vocabulary, at all prefixes of the held-out sentences.
            Large where the generator omits what the oracle says.
        forward_jsd: Jensen–Shannon divergence at the same prefixes, from 0 to log 2.
        reverse_kl: KL(q‖p) of the next token, exact, at all prefixes of the generator's samples. Large where it says
            what the oracle would not.
        reverse_jsd: Jensen–Shannon divergence at the samples' prefixes.
        standard_errors: of each mean above that is taken over sentences, under its name: their spread / √n.
    """

    nll_oracle: float
    nll_gen: float
    floor: float
    entropy: float
    entropy_above_floor: float
    forward_kl: float
    forward_jsd: float
    reverse_kl: float
    reverse_jsd: float
    standard_errors: dict[str, float]

    def __str__(self) -> str:
        return (
            f"NLL_oracle {self.nll_oracle:.3f}, NLL_gen {self.nll_gen:.3f} (floor of both {self.floor:.3f} ± "
            f"{self.standard_errors['floor']:.3f}), entropy {self.entropy:.3f} ({self.entropy_above_floor:+.3f} from "
            f"the floor), at the oracle's prefixes KL {self.forward_kl:.3f} and JSD {self.forward_jsd:.3f}, at the "
            f"generator's KL {self.reverse_kl:.3f} and JSD {self.reverse_jsd:.3f} nats per token"
        )


def judge(generator, oracle, held_out, *, samples: int = 9_984, temperature: float = 1.0, seed) -> OracleReport:
    """Measure a generator against an oracle, on the oracle's sentences and on its own.

    Both networks read the same sentences (teacher forcing), and at each prefix their whole distributions of the next
    token are compared. So the divergences have no sampling error but that of the prefixes. By the chain rule,
    T · ``forward_kl`` estimates the KL divergence between the distributions of sentences, and T · ``reverse_kl`` the
    other one; a JSD per token has no such sum.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator` of the oracle's vocabulary, without an end token.
        oracle: another one, usually from `course_utils.models.lstm_oracle.oracle_generator`.
        held_out: integer (N, T), sentences that were drawn from the oracle and not trained on, N at least 2.
        samples: how many sentences of T tokens the generator writes, at least 2.
        temperature: of the generator, above 0. Its distribution is softmax(logits / temperature) throughout: when it
            writes, and where it is judged.
        seed: of the samples, a whole number or an int32 tensor (2,).

    Returns:
        The `OracleReport`; printing it gives one line.

    Raises:
        TypeError: if the ids are not integers.
        ValueError: if the two have other vocabularies or an end token, for held-out sentences of another shape or
            vocabulary, fewer than two of a kind, an impossible temperature, or log-probabilities that are NaN.

    Example:
        >>> from course_utils.models.lstm_oracle import oracle_generator
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> from course_utils.worlds.lstm_oracle import OracleWeights
        >>> oracle = oracle_generator(OracleWeights.draw(seed=0, vocabulary_size=100))
        >>> untrained = RecurrentGenerator(100, start_token=0, end_token=None)
        >>> report = judge(untrained, oracle, sample(oracle, 500, 20, seed=1), samples=500, seed=2)
        >>> bool(report.nll_oracle > report.entropy > report.floor)
        True

    Source: NLL_oracle: Yu et al. 2017, "SeqGAN", eq. 9; why it needs the others beside it: Caccia et al. 2020,
    "Language GANs falling short".
    """
    for name, model in (("generator", generator), ("oracle", oracle)):
        if model.end_token is not None or model.vocabulary_size != oracle.vocabulary_size:
            raise ValueError(
                f"The {name} must have vocabulary_size={oracle.vocabulary_size} and end_token=None. Received: "
                f"vocabulary_size={model.vocabulary_size}, end_token={model.end_token}. Build it with these."
            )
    held_out = checked_sentences(held_out, oracle.vocabulary_size)
    check_whole(samples=samples)
    if min(samples, len(held_out)) < 2:
        raise ValueError(
            "A standard error needs at least 2 sentences of either kind. "
            f"Received: {len(held_out)} held out, samples={samples}."
        )
    tempered = check_temperature(temperature, zero=False)
    on_data = _compare(generator, oracle, held_out, tempered)
    written = sample(generator, samples, held_out.shape[1], temperature=tempered, seed=seed).numpy()
    on_samples = _compare(generator, oracle, written, tempered)
    of_sentences = {
        "nll_oracle": on_samples["nll_p"],
        "nll_gen": on_data["nll_q"],
        "floor": on_data["nll_p"],
        "entropy": on_samples["nll_q"],
        "forward_kl": on_data["kl_pq"],
        "forward_jsd": on_data["jsd"],
        "reverse_kl": on_samples["kl_qp"],
        "reverse_jsd": on_samples["jsd"],
    }
    means = {name: float(values.mean()) for name, values in of_sentences.items()}
    return OracleReport(
        **means,
        entropy_above_floor=means["entropy"] - means["floor"],
        standard_errors={
            name: float(values.std(ddof=1) / np.sqrt(len(values))) for name, values in of_sentences.items()
        },
    )


def _compare(generator, oracle, sentences: np.ndarray, temperature: tf.Tensor) -> dict[str, np.ndarray]:
    """Return the measures of every sentence, means over its T tokens or prefixes, float64 (N,) each."""
    rows = max(1, PREFIXES // sentences.shape[1])
    parts = []
    for first in range(0, len(sentences), rows):
        some = sentences[first : first + rows]
        # A last part of its own shape would be compiled again; its filling is sliced off.
        filled = tf.constant(np.pad(some, ((0, rows - len(some)), (0, 0))))
        # The graphs live as long as the generator, and should not keep an oracle alive.
        measures = run_compiled(_compiled_measures, generator, (weakref.ref(oracle),), (filled, temperature))
        parts.append({name: values.numpy()[: len(some)] for name, values in measures.items()})
    joined = {name: np.concatenate([part[name] for part in parts]).astype(np.float64) for name in parts[0]}
    for name, model in (("nll_q", "generator"), ("nll_p", "oracle")):
        if np.isnan(joined[name]).any():
            raise ValueError(f"The {model}'s log-probabilities must be numbers. Received: NaN. Its training diverged.")
    return joined


def _compiled_measures(generator, oracle: weakref.ref, tokens: tf.Tensor, temperature: tf.Tensor):
    # XLA joins the passes over the tables. Keras would switch it off where operations are deterministic.
    def measures(tokens, temperature):
        p, q = (model(shift_right(tokens, model.start_token), training=False) for model in (oracle(), generator))
        return measures_of_sentences(p, q / temperature, tokens)

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in (tokens, temperature)]
    return tf.function(measures, jit_compile=True).get_concrete_function(*specs)(tokens, temperature)


def measures_of_sentences(p_logits: tf.Tensor, q_logits: tf.Tensor, tokens: tf.Tensor) -> dict[str, tf.Tensor]:
    """Return likelihoods of the tokens under two distributions, and the divergences of the two, sentence by sentence.

    Args:
        p_logits: float32 (B, T, V), before each token.
        q_logits: float32 (B, T, V).
        tokens: int32 (B, T).

    Returns:
        Means over T, float32 (B,) in nats: ``nll_p``, ``nll_q``, ``kl_pq`` KL(p‖q), ``kl_qp`` KL(q‖p) and ``jsd``,
        ½ KL(p‖m) + ½ KL(q‖m) with m = ½ (p + q), at most log 2.

    Example:
        >>> logits = tf.math.log([[[0.5, 0.5]]]), tf.math.log([[[0.75, 0.25]]])
        >>> measures = measures_of_sentences(*logits, tf.constant([[1]]))
        >>> {name: round(float(value[0]), 3) for name, value in measures.items()}
        {'nll_p': 0.693, 'nll_q': 1.386, 'kl_pq': 0.144, 'kl_qp': 0.131, 'jsd': 0.034}
    """
    (p, log_p), (q, log_q) = _distribution(p_logits), _distribution(q_logits)
    log_m = tf.math.log(p + q) - LOG_2

    def nll(log_probabilities):
        return -tf.gather(log_probabilities, tokens, batch_dims=2)

    def expected(weights, values):  # what has no probability does not count, though its logarithm is infinite
        return tf.reduce_sum(tf.where(weights > 0, weights * values, 0.0), axis=-1)

    measures = {
        "nll_p": nll(log_p),
        "nll_q": nll(log_q),
        "kl_pq": expected(p, log_p - log_q),
        "kl_qp": expected(q, log_q - log_p),
        "jsd": (expected(p, log_p - log_m) + expected(q, log_q - log_m)) / 2,
    }
    return {name: tf.reduce_mean(values, axis=1) for name, values in measures.items()}


def _distribution(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return softmax and log-softmax over the last axis; together they need each exponential only once."""
    shifted = logits - tf.reduce_max(logits, axis=-1, keepdims=True)
    weights = tf.exp(shifted)
    total = tf.reduce_sum(weights, axis=-1, keepdims=True)
    return weights / total, shifted - tf.math.log(total)
