"""Scheduled sampling: whose token is read, how often, and what it was drawn with."""

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from small_gan import all_close, weights
from small_language_model import (
    BATCH,
    LENGTH,
    STEPS,
    VOCABULARY,
    TableGenerator,
    make_batches,
    make_generator,
    make_model,
    make_sentences,
)

from course_utils.models.transformer import TransformerGenerator
from course_utils.training.language_model import scheduled_inputs

OWN, OTHER = 5, 3  # what the generator always says, and what the sentences are made of


def coins(chance, *, steps: int, rows: int = 64, length: int = 20, seed: int = 7) -> np.ndarray:
    """Return which tokens were the generator's own in each step of a fit, bool (steps, rows, length − 1)."""
    generator = TableGenerator([OWN] * VOCABULARY)
    model = make_model(
        generator,
        optimizer=keras.optimizers.SGD(0.0),
        scheduled_sampling=chance,
        seed=seed,
        compiled={"run_eagerly": True},
    )
    model.fit(np.full((steps * rows, length), OTHER, np.int32), batch_size=rows, verbose=0)
    read = np.stack([inputs.numpy() for inputs in generator.read])
    assert (read[..., 0] == generator.start_token).all()
    assert np.isin(read[..., 1:], (OWN, OTHER)).all()
    return read[..., 1:] == OWN


def test_a_coin_falls_for_each_token_sentence_and_step():
    chance, fell = 0.3, coins(0.3, steps=6)
    assert fell.mean() == pytest.approx(chance, abs=4 * (chance * (1 - chance) / fell.size) ** 0.5)
    for axis in range(3):
        one, next_one = np.delete(fell, -1, axis), np.delete(fell, 0, axis)
        correlation = np.corrcoef(one.ravel(), next_one.ravel())[0, 1]
        assert abs(correlation) < 4 / one.size**0.5
    assert not np.array_equal(fell, coins(0.3, steps=6, seed=8))
    np.testing.assert_array_equal(fell, coins(0.3, steps=6))


def test_a_schedule_gives_the_chance_of_each_step():
    late = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.0, 1.0])  # 0 up to step 1, then 1
    np.testing.assert_array_equal(coins(late, steps=4, rows=4).mean(axis=(1, 2)), [0, 0, 1, 1])


def test_a_chance_of_zero_is_teacher_forcing_to_the_last_bit():
    never = keras.optimizers.schedules.PolynomialDecay(0.0, 1, 0.0)
    forced, scheduled = (make_model(make_generator(dropout=0.3), scheduled_sampling=p) for p in (0.0, never))
    for model in (forced, scheduled):
        model.fit(make_batches(), verbose=0)
    all_close(weights(forced), weights(scheduled), rtol=0, atol=0)


def test_a_chance_of_one_reads_the_generators_own_tokens_only():
    """It says 2, 3, 4, … after the start token 1, so the loss at a position is 0 or 50."""
    chain = np.arange(2, 2 + LENGTH)
    generator = TableGenerator([(token + 1) % VOCABULARY for token in range(VOCABULARY)])
    sentences = np.random.default_rng(0).integers(2, VOCABULARY, (BATCH, LENGTH)).astype(np.int32)
    model = make_model(generator, optimizer=keras.optimizers.SGD(0.0), scheduled_sampling=1.0)
    nll = model.fit(sentences, batch_size=BATCH, verbose=0).history["nll"][0]
    assert nll == pytest.approx(50 * np.mean(sentences != chain), abs=1e-3)


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_own_tokens_come_from_the_distribution_at_their_position(kind):
    """By hand: the first token whose cumulative probability, after all that was read, exceeds the uniform number."""
    if kind == "lstm":
        generator = make_generator()
        generator.projection.kernel.assign(30 * generator.projection.kernel)
    else:
        generator = TransformerGenerator(VOCABULARY, max_length=LENGTH, model_dim=8, layers=1, heads=2)
        generator.set_weights([5 * w for w in generator.get_weights()])
    rng = np.random.default_rng(1)
    sentences = make_sentences(40)
    own, uniforms = rng.random(sentences.shape) < 0.5, rng.random(sentences.shape).astype(np.float32)
    inputs = scheduled_inputs(generator, tf.constant(sentences), tf.constant(own), tf.constant(uniforms)).numpy()
    cumulative = scipy.special.softmax(generator(inputs).numpy().astype(float), axis=-1).cumsum(axis=-1)
    drawn = (cumulative <= uniforms[..., None]).sum(axis=-1)
    assert (drawn.std(axis=0) > 0).all()
    np.testing.assert_array_equal(inputs[:, 0], 1)
    np.testing.assert_array_equal(inputs[:, 1:], np.where(own, drawn, sentences)[:, :-1])


def test_no_gradient_passes_through_what_was_drawn():
    """The step is that of teacher forcing on the inputs that were drawn."""
    generator, sentences = make_generator(), tf.constant(make_sentences(BATCH))
    numbers = tf.reshape(tf.random.stateless_uniform((BATCH * LENGTH * 2,), (7, 0)), (BATCH, LENGTH, 2))
    inputs = scheduled_inputs(generator, sentences, numbers[..., 0] < 0.5, numbers[..., 1])
    assert (inputs.numpy()[:, 1:] != sentences.numpy()[:, :-1]).any()
    counted = tf.cast(tf.cumsum(tf.cast(sentences == 2, tf.int32), axis=1, exclusive=True) == 0, tf.float32)
    with tf.GradientTape() as tape:
        entropies = tf.nn.sparse_softmax_cross_entropy_with_logits(sentences, generator(inputs))
        loss = tf.reduce_sum(counted * entropies) / tf.reduce_sum(counted)
    variables = generator.trainable_variables
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
    expected = [w - 0.5 * g for w, g in zip(variables, gradients, strict=True)]
    model = make_model(optimizer=keras.optimizers.SGD(0.5), scheduled_sampling=0.5)
    model.fit(sentences, batch_size=BATCH, shuffle=False, verbose=0)
    all_close(model.generator.trainable_variables, expected, atol=1e-6)


def test_validation_reads_the_sentences_themselves():
    sentences = make_sentences(STEPS)
    forced, scheduled = (make_model(scheduled_sampling=p).evaluate(sentences, verbose=0) for p in (0.0, 1.0))
    assert forced == scheduled
