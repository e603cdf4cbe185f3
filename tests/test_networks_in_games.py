"""Transformers and relational memories under both estimators: a generator's step against the exact gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit

from course_utils.models.relational_memory import RelationalMemoryGenerator
from course_utils.models.text_multi_cnn import TextMultiCNN
from course_utils.models.text_transformer import TextTransformer
from course_utils.models.transformer import TransformerGenerator
from course_utils.training.gumbel_gan import GumbelGAN
from course_utils.training.relgan import RelGAN
from course_utils.training.seqgan import SeqGAN
from course_utils.worlds.enumerable_language import EnumerableLanguage

V, T = 5, 4
LANGUAGE = EnumerableLanguage(V, T, seed=0)
ENDLESS = {"start_token": 0, "end_token": None, "seed": 2}
REAL = tf.constant(np.resize(LANGUAGE.sentences, (8_192, T)))


def make_generator(kind):
    if kind == "transformer":
        return TransformerGenerator(V, max_length=T, model_dim=8, layers=1, heads=2, **ENDLESS)
    return RelationalMemoryGenerator(V, embedding_dim=4, slots=2, heads=2, head_dim=3, **ENDLESS)


def make_judge(kind):
    """Return a discriminator without dropout whose weights are far from 0, so that it prefers some sentences."""
    if kind == "transformer":
        judge = TextTransformer(V, max_length=T, model_dim=8, layers=1, heads=2, dropout=0.0)
    else:
        judge = TextMultiCNN(
            V, embedding_dim=6, representations=3, widths=(2, 3, 4), filters=6, hidden_dim=8, dropout=0.0
        )
    random = np.random.default_rng(1)
    for weight in judge.trainable_weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    return judge


def one_generator_step(game, rate, real):
    """Return the change of the generator's weights in one step of gradient descent; the discriminator stands still."""
    game.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(0.0), jit_compile=False)
    before = flat(game.generator.trainable_variables)
    game.fit(tf.data.Dataset.from_tensors(real), verbose=0)
    return flat(game.generator.trainable_variables) - before


def flat(parts):
    return np.concatenate([np.ravel(tf.convert_to_tensor(part)) for part in parts])


def cosine(one, other):
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def test_a_step_of_seqgan_goes_up_the_exact_gradient_of_the_expected_probability_of_being_real():
    generator, judge = make_generator("transformer"), make_judge("transformer")
    rewards = expit(judge(LANGUAGE.sentences)[:, 0]).astype(np.float32)
    exact = flat(LANGUAGE.exact_gradient(generator, rewards))
    game = SeqGAN(
        generator,
        judge,
        n_rollouts=1,
        baseline=True,
        batch_size=8_192,
        discriminator_rounds=1,
        discriminator_epochs=1,
        seed=1,
    )
    expected = float(LANGUAGE.expected_reward(generator, rewards))
    step = one_generator_step(game, 1.0, REAL[:4_096])
    # Along the exact gradient the step is as long; across it there is only chance.
    assert step @ exact / (exact @ exact) == pytest.approx(1, abs=0.15)
    assert cosine(step, exact) > 0.9
    assert float(LANGUAGE.expected_reward(generator, rewards)) > expected


@pytest.mark.parametrize(
    ("writer", "reader", "straight_through"),
    [("transformer", "transformer", False), ("transformer", "transformer", True), ("memory", "multi cnn", False)],
)
def test_a_step_of_the_gumbel_gan_lowers_the_loss_of_the_words_themselves(writer, reader, straight_through):
    """The relaxed gradient is biased, so its direction can only be near that of the exact one."""
    generator, judge = make_generator(writer), make_judge(reader)
    losses = np.logaddexp(0, -judge(LANGUAGE.sentences)[:, 0].numpy())  # −log D, sentence by sentence
    exact = -flat(LANGUAGE.exact_gradient(generator, losses))
    game = GumbelGAN(
        generator, judge, temperature=0.5, straight_through=straight_through, batch_size=2_048, discriminator_rounds=1
    )
    expected = float(LANGUAGE.expected_reward(generator, losses))
    step = one_generator_step(game, 0.3, REAL[:1_024])
    assert cosine(step, exact) > 0.5
    assert float(LANGUAGE.expected_reward(generator, losses)) < expected


def test_a_step_of_relgan_lowers_the_loss_of_the_words_themselves():
    generator, judge = make_generator("memory"), make_judge("multi cnn")
    game = RelGAN(
        generator, judge, annealing_steps=2, inverse_temperature=4.0, batch_size=1_024, discriminator_rounds=1
    )
    # Each sentence's loss, −log σ(D(written) − D(real)), over all real ones and representations.
    logits = game._judge(tf.constant(LANGUAGE.sentences), training=False).numpy()
    real = game._judge(REAL[:1_024], training=False).numpy()
    losses = np.array([np.logaddexp(0, real - row).mean() for row in logits])
    exact = -flat(LANGUAGE.exact_gradient(generator, losses.astype(np.float32)))
    expected = float(LANGUAGE.expected_reward(generator, losses))
    step = one_generator_step(game, 0.3, REAL[:1_024])
    assert cosine(step, exact) > 0.5
    assert float(LANGUAGE.expected_reward(generator, losses)) < expected
