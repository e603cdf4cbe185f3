"""`judge` against SciPy, enumeration, the chain rule and identities; every number it gives, one way or another."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import special
from scipy.spatial import distance
from small_generator import TableGenerator

from course_utils.metrics import oracle as module
from course_utils.metrics.oracle import judge, measures_of_sentences
from course_utils.models.lstm_oracle import oracle_generator
from course_utils.models.recurrent import RecurrentGenerator
from course_utils.models.transformer import TransformerGenerator
from course_utils.sampling import sample
from course_utils.worlds.all_sentences import AllSentences
from course_utils.worlds.divergences import kl_divergence
from course_utils.worlds.lstm_oracle import OracleWeights

V, T = 3, 3
ALL = AllSentences(V, T)
RANDOM = np.random.default_rng(3)  # a pair of networks whose divergences differ at the two's prefixes
# Conditionals in quarters: the sentences' probabilities are whole numbers of 4^-T, so a multiset of 4^T sentences *is*
# the oracle's distribution, and means over it are its expectations, without sampling.
QUARTERS = RANDOM.permuted(np.tile([0.5, 0.25, 0.25], (T, V, 1)), axis=-1)
ORACLE = TableGenerator(np.log(QUARTERS))
P = ALL.probabilities(ORACLE)
EVERY = np.repeat(ALL.sentences, np.rint(P * 4**T).astype(int), axis=0)
GENERATOR = TableGenerator(RANDOM.normal(scale=1.5, size=(T, V, V)), start_token=1)
FIELDS = [field.name for field in dataclasses.fields(module.OracleReport)]


def test_the_multiset_is_the_distribution():
    assert len(EVERY) == 4**T and len(np.unique(EVERY, axis=0)) == V**T


def kl(p, q):
    return special.rel_entr(p, q).sum()


def jsd(p, q):
    return distance.jensenshannon(p, q) ** 2


@pytest.fixture(scope="module", params=[1.0, 0.4], ids=["as it is", "tempered"])
def case(request):
    """A report, what its generator is at that temperature, and its distribution of sentences."""
    tempered = TableGenerator(GENERATOR.table.numpy() / request.param, start_token=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PREFIXES", T * 25)  # the multiset in three parts, the last of them filled up
        report = judge(GENERATOR, ORACLE, EVERY, samples=4_000, temperature=request.param, seed=5)
    return report, tempered, ALL.probabilities(tempered)


def by_enumeration(writer, generator, measure):
    """Return the mean over positions of E[measure(p, q)] of the next token, prefixes drawn from the writer."""
    weights = ALL.prefix_probabilities(ALL.probabilities(writer))
    p, q = (ALL.conditional_log_probabilities(network) for network in (ORACLE, generator))
    total = 0.0
    for weight, rows_p, rows_q in zip(weights, p, q, strict=True):
        total += weight @ [measure(*row) for row in zip(np.exp(rows_p), np.exp(rows_q), strict=True)]
    return total / T


# --- on the oracle's sentences: exact


def test_the_floor_is_the_entropy_and_nll_gen_the_cross_entropy(case):
    report, _, q = case
    assert report.floor == pytest.approx(special.entr(P).sum() / T, rel=1e-6)
    assert report.nll_gen == pytest.approx(-(P @ np.log(q)) / T, rel=1e-6)


def test_forward_divergences_by_enumeration_and_the_chain_rule(case):
    report, tempered, q = case
    assert report.forward_kl == pytest.approx(by_enumeration(ORACLE, tempered, kl), rel=1e-5)
    assert report.forward_jsd == pytest.approx(by_enumeration(ORACLE, tempered, jsd), rel=1e-5)
    assert report.forward_kl * T == pytest.approx(kl_divergence(P, q), rel=1e-5)
    assert report.nll_gen - report.floor == pytest.approx(report.forward_kl, rel=1e-5)


def test_the_standard_errors_are_those_of_a_mean_over_sentences(case):
    report, *_ = case
    nll = -np.log(P[ALL.index(EVERY)]) / T
    assert report.standard_errors["floor"] == pytest.approx(nll.std(ddof=1) / math.sqrt(len(nll)), rel=1e-5)
    assert sorted(report.standard_errors) == sorted(set(FIELDS) - {"standard_errors", "entropy_above_floor"})


# --- on the generator's own: within the standard errors


def test_the_measures_of_samples_by_enumeration(case):
    report, tempered, q = case
    exact = {
        "nll_oracle": -(q @ np.log(P)) / T,
        "entropy": special.entr(q).sum() / T,
        "reverse_kl": by_enumeration(tempered, tempered, lambda p, q: kl(q, p)),
        "reverse_jsd": by_enumeration(tempered, tempered, jsd),
    }
    assert exact["reverse_kl"] * T == pytest.approx(kl_divergence(q, P))
    for name, value in exact.items():
        assert abs(getattr(report, name) - value) < 4 * report.standard_errors[name] < 0.04, name
    assert report.entropy_above_floor == report.entropy - report.floor


def test_the_oracle_itself_is_at_the_floor():
    itself = judge(ORACLE, ORACLE, EVERY, samples=4_000, seed=2)
    assert itself.nll_gen == itself.floor and itself.nll_oracle == itself.entropy
    assert abs(itself.entropy_above_floor) < 4 * itself.standard_errors["entropy"]
    assert itself.forward_kl == itself.reverse_kl == 0
    assert abs(itself.forward_jsd) < 1e-7 and abs(itself.reverse_jsd) < 1e-7


def test_repeating_the_likeliest_goes_below_the_floor():
    cold = judge(ORACLE, ORACLE, EVERY, samples=4_000, temperature=0.2, seed=2)
    assert cold.nll_oracle < cold.floor - 10 * cold.standard_errors["nll_oracle"]
    assert cold.entropy_above_floor < -0.5 and cold.nll_gen > cold.floor + 0.5


# --- the numbers themselves


def test_a_large_vocabulary_against_float64():
    random = np.random.default_rng(3)
    a, b = (random.normal(scale=scale, size=(2, 3, 5_000)).astype(np.float32) for scale in (1.0, 3.0))
    tokens = random.integers(0, 5_000, (2, 3))
    found = tf.function(measures_of_sentences, jit_compile=True)(a, b, tf.constant(tokens, tf.int32))
    log_p, log_q = (special.log_softmax(logits.astype(float), axis=-1) for logits in (a, b))
    p, q = np.exp(log_p), np.exp(log_q)
    expected = {
        "nll_p": -np.take_along_axis(log_p, tokens[..., None], -1)[..., 0],
        "nll_q": -np.take_along_axis(log_q, tokens[..., None], -1)[..., 0],
        "kl_pq": special.rel_entr(p, q).sum(-1),
        "kl_qp": special.rel_entr(q, p).sum(-1),
        "jsd": distance.jensenshannon(p, q, axis=-1) ** 2,
    }
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values.mean(axis=1), rtol=2e-6, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("jit", [False, True])
def test_logits_far_apart_leave_the_divergences_finite(jit):
    # Their exponentials overflow unless the largest logit is taken off first, and then the last token's two
    # probabilities are below float32's normal numbers, but not 0.
    a, b = np.float32([[[500, 100, 405]]]), np.float32([[[100, 500, 405]]])
    found = tf.function(measures_of_sentences, jit_compile=jit)(a, b, tf.constant([[1]]))
    expected = {"nll_p": 400.0, "nll_q": 0.0, "kl_pq": 400.0, "kl_qp": 400.0, "jsd": math.log(2)}
    assert {name: float(value[0]) for name, value in found.items()} == pytest.approx(expected, rel=1e-6)


def test_a_token_that_is_forbidden_costs_infinitely_or_nothing():
    a, b = np.log(np.float32([[[0.5, 0.5]]])), np.float32([[[0, -np.inf]]])
    found = {name: float(value[0]) for name, value in measures_of_sentences(a, b, tf.constant([[0]])).items()}
    assert found["kl_pq"] == math.inf and found["kl_qp"] == pytest.approx(math.log(2))
    assert found["jsd"] == pytest.approx(jsd([0.5, 0.5], [1, 0]), rel=1e-5)


# --- how it is called


class Counted(TableGenerator):
    traces = 0

    def call(self, tokens, training=False):
        assert training is False
        self.traces += 1
        return super().call(tokens, training)


def test_one_trace_serves_all_counts_temperatures_and_weights():
    counted = Counted(GENERATOR.table.numpy())
    before = judge(counted, ORACLE, EVERY, samples=100, seed=0)
    judge(counted, ORACLE, EVERY[:9], samples=100, temperature=0.5, seed=1)
    counted.table.assign(2 * counted.table)  # as training would
    assert judge(counted, ORACLE, EVERY, samples=100, seed=0).nll_gen != before.nll_gen
    assert counted.traces == 1
    uniform = judge(counted, TableGenerator(np.zeros((T, V, V))), EVERY, samples=100, seed=0)
    assert counted.traces == 2 and uniform.floor == pytest.approx(math.log(V))
    counted.table.assign(math.nan * counted.table)
    with pytest.raises(ValueError, match=r"The generator's log-probabilities .* NaN. Its training"):
        judge(counted, ORACLE, EVERY, samples=100, seed=0)


def test_forty_tokens_of_the_lstm_oracle_and_a_transformer():
    oracle = oracle_generator(OracleWeights.draw(0, 60, 4, 4))
    held_out = sample(oracle, 70, 40, seed=1)
    generator = TransformerGenerator(
        60, max_length=40, model_dim=8, layers=1, heads=2, start_token=3, end_token=None, seed=1
    )
    found = judge(generator, oracle, held_out, samples=30, seed=2)

    def nll(model, sentences):
        inputs = np.insert(sentences[:, :-1], 0, model.start_token, axis=1)
        rows = special.log_softmax(model(inputs).numpy().astype(float), axis=-1)
        return -np.take_along_axis(rows, sentences[..., None], axis=-1).mean()

    written = sample(generator, 30, 40, seed=2).numpy()
    assert found.floor == pytest.approx(nll(oracle, held_out.numpy()), rel=1e-5)
    assert found.nll_gen == pytest.approx(nll(generator, held_out.numpy()), rel=1e-5)
    assert found.nll_oracle == pytest.approx(nll(oracle, written), rel=1e-5)
    assert found.entropy == pytest.approx(nll(generator, written), rel=1e-5)
    for words in (f"NLL_oracle {found.nll_oracle:.3f}", f"{found.floor:.3f} ± {found.standard_errors['floor']:.3f}"):
        assert words in str(found)


@pytest.mark.parametrize(
    ("generator", "held_out", "options", "error", "message"),
    [
        (TableGenerator(np.zeros((1, 4, 4))), EVERY, {}, ValueError, "vocabulary_size=3 .* vocabulary_size=4"),
        (RecurrentGenerator(V), EVERY, {}, ValueError, "generator must .*end_token=None.* Received: .*end_token=2"),
        (GENERATOR, EVERY + 1, {}, ValueError, "0 to 2. Received: 1 to 3"),
        (GENERATOR, EVERY.astype(float), {}, TypeError, "Received: float64"),
        (GENERATOR, EVERY[0], {}, ValueError, r"Received: \(3,\)"),
        (GENERATOR, EVERY[:1], {}, ValueError, "at least 2 .* Received: 1 held out"),
        (GENERATOR, EVERY, {"samples": 1}, ValueError, "at least 2 .* samples=1"),
        (GENERATOR, EVERY, {"samples": 2.5}, ValueError, "samples must be .* Received: 2.5"),
        (GENERATOR, EVERY, {"temperature": 0.0}, ValueError, "temperature must be above 0"),
    ],
)
def test_wrong_arguments_get_one_clear_error(generator, held_out, options, error, message):
    with pytest.raises(error, match=message):
        judge(generator, ORACLE, held_out, **{"samples": 10, "seed": 0, **options})


def test_an_oracle_with_an_end_token_is_refused():
    with pytest.raises(ValueError, match=r"The oracle must have .* end_token=2"):
        judge(GENERATOR, RecurrentGenerator(V), EVERY, samples=10, seed=0)
