"""The language model: the right update, the same on one device and two, reproducible, saved, stopped at NaN."""

import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from small_gan import all_close, weights
from small_language_model import (
    BATCH,
    END,
    EPOCHS,
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
from course_utils.sampling import log_prob
from course_utils.training.language_model import LanguageModel, token_losses

SCRIPT = pathlib.Path(__file__).with_name("small_language_model.py")


def mean_nll(generator, sentences) -> float:
    """Return nats per token, token by token, up to each sentence's end."""
    logits = generator(np.concatenate([np.full((len(sentences), 1), 1), sentences[:, :-1]], axis=1)).numpy()
    log_p = scipy.special.log_softmax(logits.astype(float), axis=-1)
    terms = []
    for row, sentence in enumerate(sentences):
        for position, token in enumerate(sentence):
            terms.append(-log_p[row, position, token])
            if token == END:
                break
    return float(np.mean(terms))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_one_step_is_gradient_descent_written_out(smoothing):
    sentences, generator = make_sentences(BATCH), make_generator()
    target = (1 - smoothing) * np.eye(VOCABULARY)[sentences] + smoothing / VOCABULARY
    counts = np.array([[END not in sentence[:t] for t in range(LENGTH)] for sentence in sentences], np.float32)
    with tf.GradientTape() as tape:
        logits = generator(np.insert(sentences, 0, 1, axis=1)[:, :-1], training=True)
        entropies = -tf.reduce_sum(target.astype(np.float32) * tf.nn.log_softmax(logits), axis=-1)
        loss = tf.reduce_sum(counts * entropies) / counts.sum()
    variables = generator.trainable_variables
    expected = [
        w - 0.5 * tf.convert_to_tensor(g) for w, g in zip(variables, tape.gradient(loss, variables), strict=True)
    ]
    model = make_model(optimizer=keras.optimizers.SGD(0.5), label_smoothing=smoothing)
    history = model.fit(sentences, batch_size=BATCH, shuffle=False, verbose=0).history
    all_close(model.generator.trainable_variables, expected, atol=1e-6)
    assert history["loss"][0] == pytest.approx(float(loss), abs=1e-6)
    assert history["nll"][0] == pytest.approx(mean_nll(generator, sentences), abs=1e-6)
    assert (history["loss"] == history["nll"]) == (smoothing == 0)


def test_losses_of_tokens_are_finite_at_any_logits_and_nan_outside_the_vocabulary():
    nll, loss = token_losses(tf.constant([[[1e4, -1e4, 0.0]] * 4]), tf.constant([[0, 1, 3, -1]]), label_smoothing=0.3)
    np.testing.assert_allclose(nll[0], [0.0, 2e4, np.nan, np.nan])
    np.testing.assert_allclose(loss[0], [0.3 * 1e4, 0.7 * 2e4 + 0.3 * 1e4, np.nan, np.nan], rtol=1e-6)


def test_what_stands_after_the_end_changes_nothing():
    clean = make_sentences(BATCH)
    ended = np.cumsum(clean == END, axis=1) - (clean == END) > 0
    assert ended.any()
    all_close(
        *(
            weights(model)
            for sentences in (clean, np.where(ended, 5, clean))
            for model in [make_model(optimizer=keras.optimizers.SGD(1.0))]
            if model.train_step(tf.constant(sentences))
        ),
        atol=1e-7,
    )


def test_metrics_of_an_epoch_are_means_over_its_tokens():
    """Thirteen sentences in batches of four: neither rows nor tokens are equal in number."""
    model, sentences = make_model(label_smoothing=0.2), make_sentences(13)
    expected = mean_nll(model.generator, sentences)
    result = model.evaluate(sentences, batch_size=4, verbose=0, return_dict=True)
    assert result["nll"] == pytest.approx(expected, abs=1e-6)
    log_p = log_prob(model.generator, sentences).numpy()
    assert expected == pytest.approx(-log_p.sum() / (log_p < 0).sum(), abs=1e-6)
    frozen = make_model(optimizer=keras.optimizers.SGD(0.0), label_smoothing=0.2)
    history = frozen.fit(sentences, validation_data=sentences, batch_size=4, verbose=0).history
    for name in ("loss", "nll"):
        assert history[name][0] == pytest.approx(result[name], abs=1e-6)
        assert history[f"val_{name}"][0] == pytest.approx(result[name], abs=1e-6)


def test_training_stops_early_on_held_out_sentences():
    model = make_model(make_generator(dropout=0.3), optimizer=keras.optimizers.SGD(0.0))
    stop = keras.callbacks.EarlyStopping(monitor="val_nll", mode="min", patience=2)
    history = model.fit(make_batches(), validation_data=make_sentences(13), epochs=9, verbose=0, callbacks=[stop])
    assert len(history.epoch) == 3


def test_the_same_seed_gives_the_same_numbers_and_another_seed_does_not():
    runs = []
    for seed in (7, 7, 8):
        model = make_model(make_generator(dropout=0.3), seed=seed)
        runs.append((model.fit(make_batches(), epochs=2, verbose=0).history, weights(model)))
    assert runs[0][0] == runs[1][0]
    all_close(runs[0][1], runs[1][1], rtol=0, atol=0)
    assert runs[0][0] != runs[2][0]


def test_dropout_has_a_new_mask_at_each_step_and_none_in_validation():
    sentences = make_sentences(BATCH)
    model = make_model(make_generator(dropout=0.5), optimizer=keras.optimizers.SGD(0.0))
    nll = model.fit(sentences, batch_size=BATCH, shuffle=False, epochs=3, verbose=0).history["nll"]
    assert np.abs(np.subtract.outer(nll, nll)[np.triu_indices(3, 1)]).min() > 1e-4  # more than rounding
    assert model.evaluate(sentences, verbose=0, return_dict=True)["nll"] == pytest.approx(
        mean_nll(model.generator, sentences), abs=1e-6
    )


@pytest.mark.parametrize("settings", [{"jit_compile": True}, {"steps_per_execution": 3}])
def test_how_steps_are_compiled_does_not_change_what_is_learned(settings):
    reference, other = (make_model(compiled=c, scheduled_sampling=0.3) for c in ({}, settings))
    results = [
        model.fit(make_batches(), validation_data=make_sentences(), epochs=2, verbose=0).history
        for model in (reference, other)
    ]
    all_close(weights(reference), weights(other), atol=1e-5)
    for name in results[0]:
        np.testing.assert_allclose(results[0][name], results[1][name], atol=1e-5)
    if "jit_compile" in settings:
        assert other._update.experimental_get_tracing_count() == 1
        assert other._judge.experimental_get_tracing_count() == 1


def test_a_whole_fit_traces_the_generator_once():
    generator = TableGenerator(range(VOCABULARY))
    make_model(generator).fit(make_batches(), epochs=3, verbose=0)
    assert len(generator.read) == 1


def test_two_devices_with_unequal_numbers_of_tokens_make_the_same_update_as_one(two_devices):
    """The second half of each batch has less than half of its tokens; 13 sentences of validation do not split."""
    sentences = make_sentences()
    halves = np.split((sentences[:BATCH] != 0).sum(axis=1), 2)
    assert halves[0].sum() > 2 * halves[1].sum()
    result = []
    for strategy in (tf.distribute.get_strategy(), two_devices):
        with strategy.scope():
            model = make_model(optimizer=keras.optimizers.SGD(0.5), label_smoothing=0.1, scheduled_sampling=0.3)
        history = model.fit(
            sentences, validation_data=make_sentences(13), batch_size=BATCH, shuffle=False, epochs=2, verbose=0
        ).history
        result.append((history, weights(model)))
    all_close(result[0][1], result[1][1], atol=1e-5)
    for name, values in result[0][0].items():
        np.testing.assert_allclose(values, result[1][0][name], atol=1e-5)


def test_dropout_differs_between_devices(two_devices):
    with two_devices.scope():
        model = make_model(make_generator(dropout=0.5), optimizer=keras.optimizers.SGD(0.5))
    twice = np.tile(make_sentences(1), (BATCH, 1))
    model.fit(twice, batch_size=BATCH, verbose=0)
    states = [v for v in model.generator.variables if v.name == "seed_generator_state"]
    for state in states:
        one, two = (copy.numpy().tolist() for copy in two_devices.experimental_local_results(state.value))
        assert one != two


def test_saving_and_loading_goes_on_as_the_original(tmp_path):
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, STEPS, 0.5)
    model = make_model(make_generator(dropout=0.3), label_smoothing=0.1, scheduled_sampling=rising)
    model.compile(keras.optimizers.Adam(0.01, global_clipnorm=1.0), jit_compile=False, steps_per_execution=2)
    model.fit(make_batches(), epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    assert (loaded.steps_per_execution, loaded.optimizer.global_clipnorm) == (2, 1.0)
    for each in (model, loaded):
        batches = make_batches()
        batches.passes.assign(1)
        each.fit(batches, epochs=1, verbose=0)
    all_close(weights(loaded), weights(model), rtol=0, atol=0)


def train(folder, die_at, result):
    command = [sys.executable, SCRIPT, folder, str(die_at), result]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_killed_and_started_again_it_ends_with_the_same_weights(tmp_path):
    """With dropout, smoothing, rising scheduled sampling and validation."""
    ends = [tmp_path / "whole.npz", tmp_path / "resumed.npz"]
    never = STEPS * EPOCHS + 1
    whole = train(tmp_path / "whole", never, ends[0])
    assert whole.returncode == 0, whole.stderr
    assert train(tmp_path / "backup", 2 * STEPS + 3, ends[1]).returncode == -signal.SIGKILL
    assert not ends[1].exists()
    resumed = train(tmp_path / "backup", never, ends[1])
    assert resumed.returncode == 0, resumed.stderr
    with np.load(ends[0]) as one, np.load(ends[1]) as two:
        assert set(one) == set(two)
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])
        assert len(one["losses"]) == EPOCHS


def sentences_with_an_unknown_id_in_step_two() -> np.ndarray:
    """Return four batches; the id stands in the last row of the third, so on the second of two devices."""
    sentences = np.full((4 * BATCH, LENGTH), 3, np.int32)
    sentences[3 * BATCH - 1, 4] = VOCABULARY
    return sentences


@pytest.mark.parametrize("together", [1, 3])
def test_nan_stops_with_the_step_the_loss_and_what_to_check(together):
    model = make_model(TableGenerator(range(VOCABULARY)), compiled={"steps_per_execution": together})
    with pytest.raises(FloatingPointError, match=r"step 2: .*nll is nan.*smaller learning rate.*vocabulary"):
        model.fit(sentences_with_an_unknown_id_in_step_two(), batch_size=BATCH, shuffle=False, verbose=0)


def test_nan_on_one_of_two_devices_is_reported_with_its_step(two_devices):
    with two_devices.scope():
        model = make_model(TableGenerator(range(VOCABULARY)))
    with pytest.raises(FloatingPointError, match="step 2: "):
        model.fit(sentences_with_an_unknown_id_in_step_two(), batch_size=BATCH, shuffle=False, verbose=0)


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
def test_mixed_precision_keeps_float32_weights_and_finite_losses(half):
    keras.config.set_dtype_policy(f"mixed_{half}")
    try:
        model = make_model(scheduled_sampling=0.5)
        history = model.fit(make_batches(), verbose=0).history
        assert {w.dtype for w in model.trainable_weights} == {"float32"}
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) == (half == "float16")
        assert np.isfinite(history["loss"][0])
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_generators_learn_two_sentences(kind):
    """Of equal weight: their entropy is log 2, over six tokens."""
    if kind == "lstm":
        generator, scheduled_sampling = make_generator(hidden_dim=16), 0.0
    else:
        generator = TransformerGenerator(VOCABULARY, max_length=LENGTH, model_dim=16, layers=1, heads=2)
        scheduled_sampling = 0.1
    sentences = np.tile(np.array([[3, 4, 5, 6, 7, END], [8, 7, 6, 5, 4, END]], np.int32), (4 * 80, 1))
    model = make_model(
        generator,
        optimizer=keras.optimizers.Adam(0.03),
        scheduled_sampling=scheduled_sampling,
        compiled={"steps_per_execution": 80},
    )
    model.fit(sentences, batch_size=8, verbose=0)
    assert model.evaluate(sentences[:8], verbose=0)[1] == pytest.approx(np.log(2) / LENGTH, abs=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1"),
        ({"label_smoothing": -0.1}, "label_smoothing must be at least 0 and below 1"),
        ({"scheduled_sampling": 1.5}, "from 0 to 1"),
        ({"seed": -3}, "non-negative"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_model(**settings)


def test_a_network_that_does_not_speak_the_protocol_is_refused():
    with pytest.raises(TypeError, match=r"SequenceGenerator\. Received: Sequential"):
        LanguageModel(keras.Sequential([keras.layers.Dense(3)]))


@pytest.mark.parametrize(
    "batch", [(tf.ones((2, 3), tf.int32), tf.ones(2)), tf.ones((2, 3)), tf.ones((2, 3, VOCABULARY), tf.int32)]
)
def test_a_batch_that_is_not_sentences_is_refused(batch):
    with pytest.raises(ValueError, match=r"integer ids \(B, T\)\. Received"):
        make_model().train_step(batch)


def test_xla_is_refused_on_two_devices(two_devices):
    with two_devices.scope(), pytest.raises(ValueError, match="one replica"):
        make_model(compiled={"jit_compile": True})
