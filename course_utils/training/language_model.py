"""A language model as a `keras.Model`: maximum likelihood, by teacher forcing or scheduled sampling."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.models.sequence import SequenceGenerator, shift_right
from course_utils.sampling import counted_positions, draw_tokens
from course_utils.training.compiled_step import CompiledStepModel
from course_utils.training.replicas import draw, reseed_dropout, sum_over_replicas


@keras.saving.register_keras_serializable(package="course_utils")
class LanguageModel(CompiledStepModel):
    """A sequence generator trained to give a corpus's sentences a high likelihood.

    One `train_step` takes a batch of sentences and makes one step down the gradient of the mean
    cross-entropy of its tokens, padding left out. On several devices that is the mean over the tokens
    of the whole batch, however many each device holds.

    With teacher forcing the generator reads the sentence's own tokens. With scheduled sampling
    (Bengio et al. 2015, section 2.4) each token it reads is, with probability p, one that it drew
    itself at the step before; a coin falls for each token of each sentence. No gradient passes through
    the choice, so what it reads is written first, token by token, and then learned from at once.

    Dropout's masks, the coins and the draws are functions of ``(seed, step)``, so a resumed training
    goes on as the uninterrupted one.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        label_smoothing: ε, the share of the target that is spread evenly over the vocabulary; see `token_losses`.
        scheduled_sampling: p, from 0 (teacher forcing) to 1, or a Keras ``LearningRateSchedule`` that
            gives it for each training step, such as ``PolynomialDecay(0.0, 1_000, 0.25)``.
        seed: non-negative integer.

    Metrics, means over all tokens of the epoch: ``loss``, which is minimised, and ``nll``, the negative
    log-likelihood in nats per token. They differ only under label smoothing. In training they are
    measured as the step sees the sentence, with dropout and drawn inputs; in validation (``val_loss``,
    ``val_nll``) without either. A token outside the vocabulary makes both NaN. Keras does not know
    which way ``nll`` is better: use ``EarlyStopping(monitor="val_nll", mode="min")``.

    Raises:
        TypeError: if the generator does not speak the protocol.
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> model = LanguageModel(RecurrentGenerator(6, embedding_dim=4, hidden_dim=4))
        >>> model.compile()
        >>> sentences = tf.constant([[3, 4, 2, 0], [5, 3, 4, 2]])
        >>> history = model.fit(sentences, validation_data=sentences, epochs=2, verbose=0)
        >>> sorted(history.history)
        ['loss', 'nll', 'val_loss', 'val_nll']
    """

    OPTIMIZERS = ("optimizer",)
    ADVICE = "or float32 instead of mixed precision; and check that every token is an id of the generator's vocabulary"

    def __init__(
        self,
        generator: keras.Model,
        *,
        label_smoothing: float = 0.0,
        scheduled_sampling: float | keras.optimizers.schedules.LearningRateSchedule = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(("loss", "nll"), **kwargs)
        if not isinstance(generator, SequenceGenerator):
            raise TypeError(
                f"generator must have the methods of SequenceGenerator. Received: {type(generator).__name__}. "
                "Use RecurrentGenerator or TransformerGenerator, or write step() and initial_state()."
            )
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must be at least 0 and below 1. Received: {label_smoothing}.")
        scheduled = isinstance(scheduled_sampling, keras.optimizers.schedules.LearningRateSchedule)
        if not scheduled and not 0 <= scheduled_sampling <= 1:
            raise ValueError(f"scheduled_sampling must be from 0 to 1, or a schedule. Received: {scheduled_sampling}.")
        if seed < 0:
            raise ValueError(f"seed must be a non-negative integer. Received: {seed}.")
        self.generator = generator
        self.settings = {"label_smoothing": label_smoothing, "scheduled_sampling": scheduled_sampling, "seed": seed}
        self._draws = scheduled or scheduled_sampling > 0
        self.built = True

    def compile(self, optimizer=None, *, jit_compile: bool | None = None, **kwargs: Any) -> None:
        """Set the optimiser and how `fit` runs.

        Args:
            optimizer: a Keras optimiser, which may clip gradients (``global_clipnorm=1.0``); ``None`` is Adam(1e-3).
            jit_compile: compile the step with XLA; ``None`` does so unless it runs eagerly or on several replicas.
            **kwargs: of `keras.Model.compile`, such as ``steps_per_execution`` and ``run_eagerly``.

        Raises:
            ValueError: if XLA is asked for on several replicas.
        """
        self.choose_compilation(jit_compile, **kwargs)
        self.optimizer = self.prepared(optimizer or keras.optimizers.Adam(1e-3), self.generator)
        self._update = self.compiled_step(self._make_update)
        self._judge = self.compiled_step(self._track_likelihood)

    def call(self, tokens, training: bool = False):
        return self.generator(tokens, training=training)

    def train_step(self, tokens):
        """Make one step on sentences, int32 (B, T)."""
        tokens = _checked(tokens)
        seed, step = self.settings["seed"], self.steps_done.value
        # What is random is drawn outside the compiled part: there XLA would use another generator.
        reseed_dropout(self.generator, seed, -1 - step)
        if not self._draws:
            self._update(tokens)
        else:
            rows, length = tf.unstack(tf.shape(tokens))
            # One flat draw, of which every device's rows are a stretch: (B, T, 2).
            numbers = tf.reshape(draw(seed, step, rows * length * 2), (rows, length, 2))
            chance = self.settings["scheduled_sampling"]
            chance = chance(step) if callable(chance) else chance
            self._update(tokens, numbers[..., 0] < chance, numbers[..., 1])
        return self.get_metrics_result()

    def test_step(self, tokens):
        """Measure the likelihood of sentences, int32 (B, T)."""
        self._judge(_checked(tokens))
        return self.get_metrics_result()

    def _make_update(self, tokens, own=None, uniforms=None) -> None:
        if own is None:
            inputs = shift_right(tokens, self.generator.start_token)
        else:
            inputs = scheduled_inputs(self.generator, tokens, own, uniforms)
        counted = counted_positions(tokens, self.generator.end_token)
        with tf.GradientTape() as tape:
            loss = self._track(self.generator(inputs, training=True), tokens, counted)
            # Not the mean of the devices' means: they hold unequal numbers of tokens.
            mean = loss / sum_over_replicas(_number_of(counted))
            scaled = self.optimizer.scale_loss(mean)
        self.apply_gradients(self.optimizer, tape, scaled, self.generator)
        self.finish_step(loss)

    def _track_likelihood(self, tokens) -> None:
        logits = self.generator(shift_right(tokens, self.generator.start_token), training=False)
        self._track(logits, tokens, counted_positions(tokens, self.generator.end_token))

    def _track(self, logits, tokens, counted) -> tf.Tensor:
        """Add a batch to the metrics; return the sum of its tokens' losses."""
        number = _number_of(counted)
        nll, loss = (
            tf.reduce_sum(tf.where(counted, values, 0.0))
            for values in token_losses(logits, tokens, self.settings["label_smoothing"])
        )
        for name, value in (("nll", nll), ("loss", loss)):
            # A device may hold no row of the last batch of a validation.
            self.trackers[name].update_state(tf.math.divide_no_nan(value, number), sample_weight=number)
        return loss

    def get_config(self) -> dict:
        parts = {"generator": self.generator, "scheduled_sampling": self.settings["scheduled_sampling"]}
        serialized = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        return {**super().get_config(), **self.settings, **serialized}

    @classmethod
    def from_config(cls, config: dict) -> LanguageModel:
        names = ("generator", "scheduled_sampling")
        return cls(**config | {name: keras.saving.deserialize_keras_object(config[name]) for name in names})


def token_losses(logits, tokens, label_smoothing: float = 0.0) -> tuple[tf.Tensor, tf.Tensor]:
    """Return each token's negative log-likelihood, and its cross-entropy with the smoothed target.

    The target of token y is (1 − ε) on y plus ε/V on each of the V tokens, so the cross-entropy is
    (1 − ε)·(−log p(y)) + ε · mean over v of −log p(v), with log p(v) = z_v − log Σ exp z.

    Args:
        logits: z, float32 (B, T, V).
        tokens: int32 (B, T).
        label_smoothing: ε, from 0 to below 1.

    Returns:
        Two float32 (B, T), in nats, NaN at a token outside the vocabulary; with ε = 0 they are the same tensor.

    Example:
        >>> nll, loss = token_losses(tf.math.log([[[0.5, 0.25, 0.25]]]), tf.constant([[1]]), label_smoothing=0.3)
        >>> round(float(nll[0, 0]), 4), round(float(loss[0, 0]), 4)  # log 4; (0.7 + 0.2)·log 4 + 0.1·log 2
        (1.3863, 1.317)

    Source: Szegedy et al. 2016, Rethinking the Inception Architecture, section 7.
    """
    log_sum = tf.reduce_logsumexp(logits, axis=-1)
    known = (tokens >= 0) & (tokens < logits.shape[-1])
    picked = tf.gather(logits, tf.where(known, tokens, 0), batch_dims=2)
    # Said as NaN because nothing inside XLA can raise, and a device would read a neighbour instead.
    nll = tf.where(known, log_sum - picked, float("nan"))
    if label_smoothing == 0:
        return nll, nll
    return nll, (1 - label_smoothing) * nll + label_smoothing * (log_sum - tf.reduce_mean(logits, axis=-1))


def scheduled_inputs(generator, tokens, own, uniforms) -> tf.Tensor:
    """Return what a generator reads under scheduled sampling: a sentence shifted right, with some tokens its own.

    Args:
        generator: a sequence generator. It draws without dropout, as it will when it writes.
        tokens: sentences, int32 (B, T).
        own: bool (B, T); where true, the token read after position t is drawn from the generator's
            distribution at t, given all that it read so far. The last column decides nothing.
        uniforms: float32 (B, T) in [0, 1), what position t is drawn with.

    Returns:
        int32 (B, T); the first column is the start token.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> sentence, always = tf.constant([[3, 4, 2]]), tf.ones((1, 3), tf.bool)
        >>> inputs = scheduled_inputs(RecurrentGenerator(6), sentence, always, tf.constant([[0.0, 0.999, 0.5]]))
        >>> inputs.numpy().tolist()  # its first and its last token, as the numbers ask for
        [[1, 0, 5]]

    Source: Bengio et al. 2015, Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks, section 2.4.
    """
    rows, length = tf.unstack(tf.shape(tokens))
    columns = tf.range(length)

    def read_next(position, token, state, inputs):
        logits, state = generator.step(token, state, training=False)
        own_here, given, uniform = (tf.gather(array, position, axis=1) for array in (own, tokens, uniforms))
        following = tf.where(own_here, draw_tokens(logits, uniform), given)
        return position + 1, following, state, tf.where(columns == position + 1, following[:, None], inputs)

    first = tf.fill((rows,), generator.start_token)
    *_, inputs = tf.while_loop(
        lambda position, *_: position < length - 1,
        read_next,
        (0, first, generator.initial_state(rows, tokens.shape[1]), tf.where(columns == 0, first[:, None], tokens)),
        parallel_iterations=1,
    )
    return inputs


def _checked(tokens) -> tf.Tensor:
    """Return a batch as int32 (B, T), or raise if it is none."""
    if isinstance(tokens, tuple) or not tokens.dtype.is_integer or tokens.shape.rank != 2:
        received = "a tuple" if isinstance(tokens, tuple) else f"{tokens.dtype.name} {tokens.shape}"
        raise ValueError(f"A batch must be sentences alone, integer ids (B, T). Received: {received}.")
    return tf.cast(tokens, tf.int32)


def _number_of(counted) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(counted, tf.float32))
