"""LeakGAN's generator: a manager sets goals in the discriminator's feature space, a worker writes towards them."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.models.prefix_features import PrefixFeatures
from course_utils.models.sequence import SequenceModel, check_positive, layer_seeds, shift_right
from course_utils.models.text_cnn import TextCNN


@keras.saving.register_keras_serializable(package="course_utils")
class LeakGenerator(SequenceModel):
    """Discriminator's features → manager's goals, tokens → worker, and both → logits; a `SequenceGenerator`.

    With f_t the discriminator's features of the sentence's first t tokens, filled up with padding, the next token is
    chosen by

        goal      g_t = ĝ_t / |ĝ_t|,  ĝ_t = matrix · manager LSTM(f_0 … f_t) + bias,
        worker    h_t = worker LSTM(tokens up to t),  O_t = h_t · tensor, a matrix (V, k),
        logits    O_t w_t + bias,  w_t = ψ(g_t + g_{t−1} + … + g_{t−c+1}), ψ a matrix without bias.

    The discriminator is a part of this network, for it writes nothing without it, and is stored with it; but its
    weights are not among ``trainable_variables``, and no gradient passes through the features. Nor does one pass from
    the logits to the manager: it has a loss of its own (`course_utils.losses.leaked`). A goal is in the space of
    features, as wide as the discriminator has filters.

    The goals that choose token t + 1 are the c latest, which are those that its reward counts; the paper's w_t sums
    g_{t−1} … g_{t−c}. Goals before the beginning are left out of the sum. Departures from the public code: goals are
    summed anew for each token, as in the paper, there for each c tokens, with a learned goal to begin with; w_t keeps
    its length, there it is normalised; padding is the word 0, there a word that does not exist. A word has one bias,
    which the paper does not mention; that code has k. The paper's temperature α is that of
    `course_utils.sampling.sample`; the code's evaluation sets it to 1/1.5, here it is 1 unless asked for.

    Args:
        discriminator: the `TextCNN` that leaks its features.
        length: tokens of a finished sentence, at most as many inputs.
        embedding_dim: width of an embedding.
        hidden_dim: width of both recurrent layers.
        goal_dim: k, width of a projected goal.
        horizon: c, from 1 to ``length``, how many tokens a goal looks ahead.
        leak: ``False`` shows the manager zeros instead of features: its goals depend on the position alone.
        manager: ``False`` replaces it; each goal is the same vector, so the worker writes by itself.
        dropout: rate on embeddings and on the products of h_t and w_t, when ``training=True``.
        start_token: first input of every sentence.
        end_token: token that ends a sentence; ``None`` if every sentence fills its length.
        seed: of initial weights and dropout; equal seeds give equal networks.

    Call arguments:
        tokens: inputs, integer ids (B, T) or soft one-hot vectors, float (B, T, V). A gradient to soft ones passes the
            worker only. Of ids outside 0…V−1 only a CPU outside XLA complains; XLA reads another word's embedding and a
            GPU a zero one: check them where they come in.
        training: whether dropout acts; the features are those without dropout.

    Returns:
        Logits, float32 (B, T, V), also under mixed precision.

    Raises:
        TypeError: if the discriminator is no `TextCNN`.
        ValueError: for impossible settings, and for tokens of another rank, dtype or vocabulary.

    Example:
        >>> judge = TextCNN(10, embedding_dim=4, widths=(1, 2), filters=3)
        >>> generator = LeakGenerator(judge, length=5, hidden_dim=8, horizon=2)
        >>> generator(tf.constant([[1, 5, 6], [1, 7, 2]])).shape
        TensorShape([2, 3, 10])
        >>> logits, state = generator.step(tf.constant([1, 1]), generator.initial_state(2))
        >>> logits.shape
        TensorShape([2, 10])

    Source: Guo et al. 2018 (LeakGAN), "A Hierarchical Structure of G"; k and c: the authors' code.
    """

    def __init__(
        self,
        discriminator: TextCNN,
        *,
        length: int,
        embedding_dim: int = 32,
        hidden_dim: int = 32,
        goal_dim: int = 16,
        horizon: int = 4,
        leak: bool = True,
        manager: bool = True,
        dropout: float = 0.0,
        start_token: int = 1,
        end_token: int | None = 2,
        seed: int = 0,
        **kwargs: Any,
    ):
        if not isinstance(discriminator, TextCNN):
            raise TypeError(f"The discriminator must be a TextCNN. Received: {type(discriminator).__name__}.")
        widths = {"length": length, "hidden_dim": hidden_dim, "goal_dim": goal_dim, "horizon": horizon}
        for name, value in widths.items():
            check_positive(name, value)
        if horizon > length:
            raise ValueError(f"horizon must be at most length, {length}. Received: {horizon}.")
        seeds = layer_seeds(seed)
        super().__init__(
            discriminator.vocabulary_size,
            embedding_dim=embedding_dim,
            hidden_dim=hidden_dim * goal_dim,
            tie_weights=False,
            dropout=dropout,
            start_token=start_token,
            end_token=end_token,
            seeds=seeds,
            embedding_initializer=keras.initializers.RandomUniform(-0.05, 0.05, seed=next(seeds)),
            **kwargs,
        )
        self.settings = {
            **widths,
            "embedding_dim": embedding_dim,
            "leak": leak,
            "manager": manager,
            "dropout": dropout,
            "start_token": start_token,
            "end_token": end_token,
            "seed": seed,
        }
        self.discriminator = discriminator
        self.horizon, self.goal_dim = horizon, goal_dim
        self.feature_dim = discriminator.last_layer.kernel.shape[0]
        self._prefixes = PrefixFeatures(discriminator, length)

        def lstm(inputs: int):
            layer = keras.layers.LSTM(
                hidden_dim,
                return_sequences=True,
                kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
                recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)),
                seed=next(seeds),
                use_cudnn=False,  # XLA cannot compile cuDNN's op, and the course compiles its steps
                dtype=self.dtype_policy,
            )
            layer.build((None, None, inputs))
            return layer

        def dense(inputs: int, units: int, use_bias: bool):
            glorot = keras.initializers.GlorotUniform(seed=next(seeds))
            layer = keras.layers.Dense(units, use_bias=use_bias, kernel_initializer=glorot, dtype=self.dtype_policy)
            layer.build((None, inputs))
            return layer

        self.worker = lstm(embedding_dim)
        self.psi = dense(self.feature_dim, goal_dim, use_bias=False)
        self.manager = lstm(self.feature_dim) if manager else None
        self.goal = dense(hidden_dim, self.feature_dim, use_bias=True) if manager else None
        self._leaks = manager and leak
        self.built = True

    @property
    def trainable_variables(self) -> list:
        """The manager's and the worker's weights, not the discriminator's."""
        others = {id(variable) for variable in self.discriminator.variables}
        return [variable for variable in super().trainable_variables if id(variable) not in others]

    trainable_weights = trainable_variables

    def get_config(self) -> dict:
        discriminator = keras.saving.serialize_keras_object(self.discriminator)
        return {**super().get_config(), **self.settings, "discriminator": discriminator}

    @classmethod
    def from_config(cls, config: dict) -> LeakGenerator:
        return cls(**config | {"discriminator": keras.saving.deserialize_keras_object(config["discriminator"])})

    def initial_state(self, batch_size: int, length: int | None = None) -> dict:
        """Return zeros, and what the discriminator has seen of no token; ``length`` is ignored."""
        state = {
            "worker": tuple(self.worker.cell.get_initial_state(batch_size)),
            "goals": tf.zeros((batch_size, self.horizon, self.goal_dim), self.compute_dtype),
        }
        if self.manager is not None:
            state["manager"] = tuple(self.manager.cell.get_initial_state(batch_size))
        if self._leaks:
            state |= {"begun": tf.zeros((batch_size,), tf.bool), "seen": self._prefixes.initial_state(batch_size)}
        return state

    def step(self, token, state, training: bool = False):
        """Read one token, ids (B,) or soft (B, V); return the next one's logits (B, V) and the state after it."""
        embedded = self.embed(token, 1, training)
        hidden, worker = self.worker.cell(embedded, list(state["worker"]), training=training)
        after = {"worker": tuple(worker)}
        features = None
        if self._leaks:
            # The first input is the start token, which is not written.
            seen = self._prefixes.read(self.discriminator.embedding(token), state["seen"], state["begun"])
            after |= {"begun": tf.ones_like(state["begun"]), "seen": seen}
            features = self._prefixes.features(seen)
        if self.manager is None:
            goal = self._same_goal(hidden)
        else:
            features = self._shown(features, hidden)
            output, manager = self.manager.cell(features, list(state["manager"]), training=training)
            after["manager"] = tuple(manager)
            goal = self._unit_goal(output)
        projected = self.psi(tf.stop_gradient(goal))
        after["goals"] = tf.concat([state["goals"][:, 1:], projected[:, None]], axis=1)
        return self._choose(hidden, tf.reduce_sum(after["goals"], axis=1), training), after

    def call(self, tokens, training: bool = False):
        features = self.prefix_features(tokens[:, 1:]) if self._leaks else None
        return self._read(tokens, features, training)[0]

    def plan(self, sentences, training: bool = False) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return what the losses of manager and worker compare.

        Args:
            sentences: int32 (B, T), without the start token.
            training: whether dropout acts.

        Returns:
            Logits of the tokens, float32 (B, T, V); the features f_0 … f_T, float32 (B, T + 1, F), without a gradient,
            the true ones also with ``leak=False``; the goals g_0 … g_{T−1}, float32 (B, T, F), with a gradient to the
            manager.
        """
        features = self.prefix_features(sentences)
        logits, goals = self._read(shift_right(sentences, self.start_token), features[:, :-1], training)
        return logits, tf.cast(features, tf.float32), tf.cast(goals, tf.float32)

    def prefix_features(self, sentences) -> tf.Tensor:
        """Return f_0 … f_T of sentences, ids (B, T) or soft (B, T, V), as (B, T + 1, F)."""
        return self._prefixes.of_all(self.discriminator.embedding(tf.convert_to_tensor(sentences)))

    def _read(self, tokens, features, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """Return logits and goals (B, T, F) for inputs (B, T) and the features of what has been written at each."""
        hidden = self.worker(self.embed(tokens, 2, training), training=training)  # (B, T, hidden_dim)
        if self.manager is None:
            goals = self._same_goal(hidden)
        else:
            goals = self._unit_goal(self.manager(self._shown(features, hidden), training=training))
        projected = self.psi(tf.stop_gradient(goals))  # (B, T, k); ψ is linear, so it may come before the sum
        length = projected.shape[1]
        summed = projected
        for back in range(1, min(self.horizon, length)):
            summed += tf.pad(projected[:, : length - back], ((0, 0), (back, 0), (0, 0)))
        return self._choose(hidden, summed, training), goals

    def _shown(self, features, hidden) -> tf.Tensor:
        """Return what the manager reads, (…, F), beside hidden outputs (…, hidden_dim)."""
        return features if self._leaks else self._same_goal(hidden) * 0

    def _same_goal(self, hidden) -> tf.Tensor:
        """Return the goal of no manager, (…, F), for hidden outputs (…, hidden_dim)."""
        goal = tf.fill((self.feature_dim,), tf.cast(self.feature_dim**-0.5, hidden.dtype))
        return tf.ones_like(hidden[..., :1]) * goal

    def _unit_goal(self, output) -> tf.Tensor:
        # In half precision the sum of so many squares overflows.
        return tf.cast(tf.math.l2_normalize(tf.cast(self.goal(output), tf.float32), axis=-1), output.dtype)

    def _choose(self, hidden, projected, training: bool) -> tf.Tensor:
        """Return the logits (…, V): the sum over both axes of h ⊗ w against a tensor, which needs no matrix O."""
        products = hidden[..., :, None] * projected[..., None, :]  # (…, hidden_dim, k)
        flat = (-1, *hidden.shape[1:-1], products.shape[-2] * products.shape[-1])
        return self.project(tf.reshape(products, flat), training)
