"""Cooperative training against its algorithm written out, and against the exact gradient and divergence."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import all_close, weights
from small_language_model import END, LENGTH, VOCABULARY, make_generator, make_sentences
from small_text_game import BATCH, PART, PASSES, ROUNDS, fold, make_game, make_judge

from course_utils.models.recurrent import RecurrentGenerator
from course_utils.sampling import log_prob, sample
from course_utils.training.cot import CoT
from course_utils.worlds.enumerable_language import EnumerableLanguage

RATE, SEED = 0.3, 7


def descend(network, tape, loss):
    for variable, slope in zip(
        network.trainable_variables, tape.gradient(loss, network.trainable_variables), strict=True
    ):
        variable.assign_sub(RATE * tf.convert_to_tensor(slope))


def probabilities_along(network, sentence):
    """Return softmax of the logits after each prefix of one sentence, step by step."""
    token, state, rows = tf.fill((1,), network.start_token), network.initial_state(1), []
    for t in range(LENGTH):
        logits, state = network.step(token, state)
        rows.append(tf.nn.softmax(logits)[0])
        token = tf.constant([sentence[t]])
    return rows


def test_one_step_is_the_algorithm_written_out_with_plain_gradient_descent():
    """Sentence by sentence and word by word; without dropout, which has a test of its own."""
    generator, mediator = make_generator(), make_generator(hidden_dim=8, seed=4)
    rounds = {"batch_size": BATCH, "discriminator_rounds": ROUNDS, "discriminator_epochs": PASSES}
    game = CoT(generator, mediator, **rounds, seed=SEED)
    game.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), jit_compile=False)
    real = make_sentences(ROUNDS * PART)
    other_generator, other_mediator = make_generator(), make_generator(hidden_dim=8, seed=4)
    key = tf.constant([SEED, 0])

    tokens = sample(other_generator, BATCH, LENGTH, seed=fold(key, 0, 0)).numpy()
    entropies = []
    with tf.GradientTape() as tape:
        loss = 0.0
        for sentence in tokens:
            ends = np.flatnonzero(sentence == END)
            pairs = zip(
                probabilities_along(other_generator, sentence),
                probabilities_along(other_mediator, sentence),
                strict=True,
            )
            for t, (pi, m) in enumerate(pairs):
                if len(ends) and t > ends[0]:
                    break  # padding
                entropies.append(-sum(float(pi[v]) * np.log(float(pi[v])) for v in range(VOCABULARY)))
                loss += sum(pi[v] * (tf.math.log(pi[v]) - tf.math.log(m[v])) for v in range(VOCABULARY)) / BATCH
    told_loss = float(loss)
    descend(other_generator, tape, loss)

    half = BATCH // 2
    for n in range(ROUNDS):
        ours = fold(key, 1, n)
        written = sample(other_generator, PART, LENGTH, seed=fold(ours, 0)).numpy()
        orders = tf.argsort(tf.random.stateless_uniform((2, PASSES, PART), fold(ours, 1))).numpy().reshape(2, -1, half)
        for m in range(orders.shape[1]):
            with tf.GradientTape() as tape:
                both = (real[n::ROUNDS][orders[0, m]], written[orders[1, m]])
                losses = [-tf.reduce_mean(tf.reduce_sum(log_prob(other_mediator, part), axis=1)) for part in both]
                loss = (losses[0] + losses[1]) / 2
            descend(other_mediator, tape, loss)

    told = game.fit(tf.data.Dataset.from_tensors(real), verbose=0).history
    all_close(weights(generator), weights(other_generator), atol=1e-6)
    all_close(weights(mediator), weights(other_mediator), atol=1e-6)
    assert told["generator_loss"][0] == pytest.approx(told_loss, abs=1e-5)
    assert told["entropy"][0] == pytest.approx(np.mean(entropies), abs=1e-5)


LANGUAGE = EnumerableLanguage(vocabulary_size=4, length=3, seed=0)


def language_generator(**settings):
    small = {"embedding_dim": 4, "hidden_dim": 6, "start_token": 0, "end_token": None, "seed": 2}
    return RecurrentGenerator(LANGUAGE.vocabulary_size, **small | settings)


def test_a_step_goes_down_the_exact_gradient_with_the_prefixes_held():
    generator, mediator = language_generator(), language_generator(seed=5)
    for weight in mediator.trainable_variables:
        weight.assign(weight + 0.5 * np.random.default_rng(0).normal(size=weight.shape))
    prefixes = LANGUAGE.prefix_probabilities(LANGUAGE.probabilities(generator))
    with tf.GradientTape() as tape:
        distance = 0.0
        both = (LANGUAGE.conditional_log_probabilities(network) for network in (generator, mediator))
        for probability, log_pi, log_m in zip(prefixes, *both, strict=True):
            distance += tf.reduce_sum(probability[:, None] * tf.exp(log_pi) * (log_pi - log_m))
    exact = [tf.convert_to_tensor(part) for part in tape.gradient(distance, generator.trainable_variables)]
    exact = np.concatenate([np.ravel(part) for part in exact])
    before = np.concatenate([np.ravel(w) for w in generator.get_weights()])
    game = CoT(generator, mediator, batch_size=20_000, seed=1)
    game.compile(keras.optimizers.SGD(1.0), jit_compile=False)
    loss = game._generator_step(tf.zeros((1, LANGUAGE.length), tf.int32), tf.constant([1, 2]))
    assert float(loss) == pytest.approx(float(distance), rel=0.05)
    step = before - np.concatenate([np.ravel(w) for w in generator.get_weights()])
    assert step @ exact / (exact @ exact) == pytest.approx(1, abs=0.05)
    assert step @ exact / np.linalg.norm(step) / np.linalg.norm(exact) > 0.99


def test_it_brings_the_generator_to_the_language_without_pretraining():
    generator = language_generator()
    game = CoT(generator, language_generator(hidden_dim=12, seed=5), batch_size=64, seed=1)
    game.compile(keras.optimizers.Adam(0.03), keras.optimizers.Adam(0.03), jit_compile=False, steps_per_execution=50)
    before = LANGUAGE.report(generator)["jsd"]
    game.fit(LANGUAGE.sample(32 * 150, seed=3), batch_size=32, verbose=0)
    assert LANGUAGE.report(generator)["jsd"] < 0.5 * before


def test_the_generators_step_works_without_dropout_and_the_mediators_with():
    game = make_game("cot")
    tokens = sample(game.generator, BATCH, LENGTH, seed=1)
    assert float(game._generator_loss(tokens)) == float(game._generator_loss(tokens))
    losses = {round(float(game._update_discriminator(tokens, tokens)), 6) for _ in range(2)}
    plain = -tf.reduce_mean(tf.reduce_sum(log_prob(make_game("cot").discriminator, tokens), axis=1))
    assert round(float(plain), 6) not in losses


def test_a_mediator_that_is_no_generator_is_refused():
    with pytest.raises(TypeError, match=r"mediator must have the methods of SequenceGenerator\. Received: TextCNN"):
        CoT(make_generator(), make_judge())


@pytest.mark.parametrize("other", [{"end_token": None}, {"end_token": 3}])
def test_a_mediator_of_another_vocabulary_is_refused(other):
    with pytest.raises(ValueError, match="same vocabulary_size and end_token"):
        CoT(make_generator(), make_generator(**other))
