"""RelGAN's discriminator against its network written out; what all discriminators promise is in the shared tests."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from small_text_discriminators import B, T, V, make, make_ids, make_soft, make_strong

from course_utils.models.text_multi_cnn import TextMultiCNN


def by_hand(discriminator, embedded):
    """Return the logits (B, S) of embedded sentences (B, T, E), one representation, window and filter at a time."""
    count = discriminator.representations
    logits = np.empty((len(embedded), count))
    for b, s in np.ndindex(logits.shape):
        part = np.split(embedded[b], count, axis=1)[s]  # (T, E / S)
        answers = []
        for convolution in discriminator.convolutions:
            kernel, bias = convolution.get_weights()
            for f in range(kernel.shape[2]):
                windows = [part[t : t + len(kernel)] for t in range(len(part) - len(kernel) + 1)]
                answers.append(max(max(0.0, np.sum(window * kernel[:, :, f]) + bias[f]) for window in windows))
        a = np.array(answers)
        gate, transform = (layer.get_weights()[0] for layer in (discriminator.gate, discriminator.transform))
        t = expit(a @ gate)
        highway = t * np.maximum(a @ transform, 0) + (1 - t) * a
        for layer in (discriminator.dense, discriminator.last_layer):
            kernel, bias = layer.get_weights()
            highway = highway @ kernel + bias
        logits[b, s] = highway[0]
    return logits


@pytest.mark.parametrize("representations", [1, 3, 6])
def test_the_network_is_the_published_one_on_ids_and_on_soft_sentences(representations):
    discriminator, ids, soft = make_strong("multi cnn", representations=representations), make_ids(), make_soft()
    words = discriminator.embedding.get_weights()[0]
    for tokens, embedded in ((ids, words[ids]), (soft, soft.numpy() @ words)):
        logits = by_hand(discriminator, embedded)
        assert logits.shape == (B, representations) and np.std(logits) > 0.02
        np.testing.assert_allclose(discriminator.judgements(tokens), logits, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(discriminator(tokens)[:, 0], logits.mean(axis=1), rtol=1e-4, atol=1e-4)


def test_the_representations_share_one_network():
    """Exchange two of them: the judgements are exchanged, and nothing else."""
    discriminator, ids = make_strong("multi cnn"), make_ids()
    before = discriminator.judgements(ids).numpy()
    discriminator.embedding.matrix.assign(discriminator.embedding.get_weights()[0][:, [2, 3, 0, 1, 4, 5]])
    np.testing.assert_allclose(discriminator.judgements(ids), before[:, [1, 0, 2]], rtol=1e-5, atol=1e-5)


def test_the_defaults_are_the_published_ones():
    discriminator = TextMultiCNN(500)
    shapes = [tuple(convolution.kernel.shape) for convolution in discriminator.convolutions]
    assert shapes == [(2, 1, 300), (3, 1, 300), (4, 1, 300), (5, 1, 300)]
    assert discriminator.embedding.matrix.shape == (500, 64) and discriminator.representations == 64
    assert discriminator.dense.kernel.shape == (1200, 100) and discriminator.last_layer.kernel.shape == (100, 1)
    assert discriminator.feature_dropout.rate == 0.25 and discriminator.losses == []
    # Normal, cut at two deviations: 0.88 of them is left.
    for kernel, spread in (
        (discriminator.embedding.matrix, 500**-0.5),
        (discriminator.convolutions[3].kernel, (2 / 5) ** 0.5),
        (discriminator.gate.kernel, 1200**-0.5),
        (discriminator.dense.kernel, 1200**-0.5),
        (discriminator.last_layer.kernel, 100**-0.5),
    ):
        assert np.std(kernel) / spread == pytest.approx(0.88, rel=0.1)


def test_dropout_acts_on_each_representation_and_in_training_only():
    discriminator, plain, ids = make_strong("multi cnn", dropout=0.5), make_strong("multi cnn", dropout=0.0), make_ids()
    np.testing.assert_allclose(discriminator(ids), plain(ids), rtol=1e-5)
    exact = plain.judgements(ids)[0]
    draws = discriminator.judgements(np.tile(ids[:1], (4_000, 1)), training=True).numpy()
    spread = draws.std(axis=0)
    assert np.all(spread > 0.1)
    # Halved or doubled, the inputs of the dense layer are right in the mean; and each representation has its own mask.
    np.testing.assert_allclose(draws.mean(axis=0), exact, atol=5 * spread.max() / 4_000**0.5)
    assert np.abs(np.corrcoef(draws.T) - np.eye(3)).max() < 0.1


def test_windows_that_do_not_fit_are_left_out_and_a_shorter_sentence_refused():
    discriminator = TextMultiCNN(5, length=3)
    assert discriminator.widths == (2, 3) and discriminator.gate.kernel.shape == (600, 600)
    with pytest.raises(ValueError, match=r"as many tokens as the widest window, 3. Received: 2.*length=2, or pad"):
        discriminator(tf.constant([[1, 2]]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"representations": 4}, "must divide embedding_dim. Received: representations=4 and embedding_dim=6"),
        ({"representations": 0}, "representations must be an integer of at least 1. Received: 0"),
        ({"hidden_dim": 0}, "hidden_dim must be an integer of at least 1. Received: 0"),
        ({"vocabulary_size": 0}, "vocabulary_size must be an integer of at least 1. Received: 0"),
        ({"widths": (7,), "filters": 2, "length": T}, f"No window fits into length={T}"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        if "vocabulary_size" in settings:
            TextMultiCNN(**settings)
        else:
            make("multi cnn", **settings)


def test_it_learns_from_the_mean_of_the_losses_of_its_judgements():
    """A sentence is real if word 3 follows word 4 somewhere: no single word tells."""
    random = np.random.default_rng(0)
    ids = random.integers(0, V, (64, T)).astype(np.int32)
    real = np.arange(64) % 2 == 0
    ids[real, 1:3], ids[~real, 1:3] = (4, 3), (3, 4)
    discriminator = TextMultiCNN(V, embedding_dim=12, representations=3, widths=(2, 3), filters=8, dropout=0.0)
    optimizer = keras.optimizers.Adam(0.03)
    optimizer.build(discriminator.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            logits = discriminator.judgements(ids, training=True)
            loss = tf.reduce_mean(tf.nn.softplus(logits[1::2] - logits[::2]))
        optimizer.apply(tape.gradient(loss, discriminator.trainable_variables), discriminator.trainable_variables)

    for _ in range(60):
        step()
    logits = discriminator(ids)[:, 0].numpy()
    assert logits[real].min() > logits[~real].max()
