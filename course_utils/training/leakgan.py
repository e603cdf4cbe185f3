"""LeakGAN: the manager learns goals in the discriminator's feature space, the worker is rewarded for following them."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from course_utils.gradients import reinforce_loss
from course_utils.losses.leaked import goal_cosines, intrinsic_rewards, rescaled_rewards
from course_utils.models.leak_generator import LeakGenerator
from course_utils.sampling import counted_positions, sample
from course_utils.training.rewards import check_control, controlled, rollout_rewards
from course_utils.training.text_game import TextGame


@keras.saving.register_keras_serializable(package="course_utils")
class LeakGAN(TextGame):
    """The GAN of Guo et al. 2018: what the discriminator sees in a sentence tells its writer where to go.

    With f_t the features of the first t tokens, g_t the manager's goals and c their horizon, a generator step on
    sampled sentences descends the mean over the batch of

        manager   −Σ_t Q_{t+c} · cos(f_{t+c} − f_t, g_t),  t = 0 … T − c,
        worker    −Σ_t r_t · log p(x_t | x_<t),  r_t = mean over i = 1 … c of cos(f_t − f_{t−i}, g_{t−i}).

    Q_t is the mean probability of being real that the discriminator gives to N completions of the first t tokens,
    rescaled by its rank in the batch (`course_utils.losses.leaked`). Each loss has a gradient to its own part of the
    generator only. A supervised step has real sentences, Q = 1 and r = 1: the manager learns where real sentences go,
    the worker their likelihood. The paper takes such steps between adversarial ones, and for pretraining
    (``supervised_every=1``), interleaved with the discriminator's.

    Departures: Q of a goal counts completions of where it led to, as in the public code; the paper does not say which.
    Every token has a goal, there every c-th. The worker's reward is one a token, where that code has the mean cosine of
    the batch for all. A supervised step replaces every 16th, in the paper an epoch follows 15 epochs. Sums over the
    sentence take the place of that code's means, and one norm for clipping that of two. Sentences are sampled at
    temperature 1; that code draws the first two tokens, and all in its evaluation, with logits times 1.5.

    Args:
        generator: a `course_utils.models.leak_generator.LeakGenerator`; its discriminator is the game's.
        n_rollouts: N, completions of each prefix.
        sharpness: δ of the rescaling, or ``None`` to reward with Q itself.
        intrinsic_reward: ``False`` rewards the worker with Q, as SeqGAN does; needed without a manager.
        control: for an experiment, what takes the place of Q, see `course_utils.training.rewards.controlled`; ``None``
            for nothing. The worker's intrinsic reward stays.
        supervised_every: every how many-th training step is a supervised one; 0 for none, 1 for all.
        **settings: ``loss``, ``batch_size``, ``generator_steps``, ``likelihood_weight``, ``discriminator_rounds``,
            ``discriminator_epochs`` and ``seed`` of `course_utils.training.text_game.TextGame`.

    The published optimisers for 20 tokens are Adam(1.5e-3) for the generator and Adam(5e-5) for the discriminator.

    Metrics: ``generator_loss``; ``goal_cosine``, the mean cos(f_{t+c} − f_t, g_t); ``reward``, the worker's mean over
    tokens, and ``entropy``, the mean of −log p in nats, of adversarial steps; ``supervised_nll``, the same of
    supervised ones; and those of `TextGame`.

    Raises:
        TypeError: if the generator is no `LeakGenerator`.
        ValueError: for impossible settings.

    Example:
        >>> from course_utils.models.text_cnn import TextCNN
        >>> judge = TextCNN(9, embedding_dim=4, widths=(1, 2), filters=(3, 3))
        >>> generator = LeakGenerator(judge, length=3, hidden_dim=4, goal_dim=2, horizon=2)
        >>> gan = LeakGAN(generator, n_rollouts=2, supervised_every=0, batch_size=4, discriminator_rounds=2)
        >>> gan.compile()
        >>> history = gan.fit(tf.data.Dataset.from_tensors(tf.constant([[3, 4, 2], [5, 2, 0]] * 2)), verbose=0)
        >>> -1 <= history.history["goal_cosine"][0] <= 1
        True

    Source: Guo et al. 2018, Long Text Generation via Adversarial Training with Leaked Information, "Training of G" and
    "Training Techniques"; N, δ and the optimisers: the authors' code.
    """

    def __init__(
        self,
        generator: LeakGenerator,
        *,
        n_rollouts: int = 4,
        sharpness: float | None = 16.0,
        intrinsic_reward: bool = True,
        supervised_every: int = 16,
        control: str | None = None,
        **settings: Any,
    ):
        if not isinstance(generator, LeakGenerator):
            raise TypeError(f"generator must be a LeakGenerator. Received: {type(generator).__name__}.")
        if n_rollouts < 1:
            raise ValueError(f"n_rollouts must be at least 1. Received: {n_rollouts}.")
        if sharpness is not None and not sharpness > 0:
            raise ValueError(f"sharpness must be above 0, or None. Received: {sharpness}.")
        check_control(control)
        if supervised_every < 0:
            raise ValueError(f"supervised_every must be at least 0. Received: {supervised_every}.")
        if intrinsic_reward and generator.manager is None:
            raise ValueError(
                "The intrinsic reward is for following a manager's goals. Received: a generator with manager=False. "
                "Use intrinsic_reward=False."
            )
        trackers = ["generator_loss"]
        trackers += ["goal_cosine"] if generator.manager is not None else []
        trackers += ["reward", "entropy"] if supervised_every != 1 else []
        trackers += ["supervised_nll"] if supervised_every else []
        super().__init__(generator, generator.discriminator, trackers=tuple(trackers), **settings)
        self.settings |= {
            "n_rollouts": n_rollouts,
            "sharpness": sharpness,
            "intrinsic_reward": intrinsic_reward,
            "supervised_every": supervised_every,
            "control": control,
        }

    def score(self, sentences):
        """Return the probability of being real that the discriminator gives, float32 (R,), of int32 (R, T)."""

        def judge(sentences):
            return tf.sigmoid(self.discriminator(sentences, training=False)[:, 0])

        return self.compiled_step(judge)(sentences)

    def _draw(self, real, key):
        """Return sentences (B, T), Q of their prefixes (B, T), and whether they are real ones, a scalar."""
        every, shape = self.settings["supervised_every"], (self._rows(), real.shape[1])

        def sampled():
            tokens = sample(self.generator, *shape, seed=tf.random.fold_in(key, 0))
            rewards = self._rewards(tokens, real, tf.random.fold_in(key, 1))
            return tokens, controlled(rewards, self.settings["control"], tf.random.fold_in(key, 3))

        def examples():
            return self._some_of(real, shape[0], tf.random.fold_in(key, 2)), tf.ones(shape)

        if every == 0:
            return *sampled(), tf.constant(False)
        if every == 1:
            return *examples(), tf.constant(True)
        supervised = (self.steps_done.value + 1) % every == 0
        return *tf.cond(supervised, examples, sampled), supervised

    def _rewards(self, tokens, real, key):
        """Return Q of the prefixes of sampled sentences, (B, T), rescaled by rank if asked for."""
        q = rollout_rewards(self.score, self.generator, tokens, self.settings["n_rollouts"], key)
        sharpness = self.settings["sharpness"]
        return q if sharpness is None else rescaled_rewards(q, sharpness)

    def _generator_loss(self, tokens, q, supervised):
        generator, horizon = self.generator, self.generator.horizon
        counted = tf.cast(counted_positions(tokens, generator.end_token), tf.float32)
        logits, features, goals = generator.plan(tokens, training=True)
        log_probs = -counted * tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tokens, logits=logits)
        rewards = intrinsic_rewards(features, goals, horizon) if self.settings["intrinsic_reward"] else q
        rewards = tf.where(supervised, 1.0, rewards)
        number, real = tf.reduce_sum(counted), tf.cast(supervised, tf.float32)
        mean_nll = -tf.reduce_sum(log_probs) / number
        for name, value, weight in (
            ("reward", tf.reduce_sum(rewards * counted) / number, number * (1 - real)),
            ("entropy", mean_nll, number * (1 - real)),
            ("supervised_nll", mean_nll, number * real),
        ):
            if name in self.trackers:
                self.trackers[name].update_state(value, sample_weight=weight)
        loss = reinforce_loss(log_probs, rewards)
        if generator.manager is None:
            return loss
        # A finished sentence goes nowhere: goals count as long as a token follows them.
        followed = counted[:, : counted.shape[1] + 1 - horizon]
        cosines = followed * goal_cosines(features, goals, horizon)  # (B, T + 1 − c)
        self.trackers["goal_cosine"].update_state(
            tf.reduce_sum(cosines) / tf.reduce_sum(followed), sample_weight=tf.reduce_sum(followed)
        )
        return loss - tf.reduce_mean(tf.reduce_sum(q[:, horizon - 1 :] * cosines, axis=1))

    def get_config(self) -> dict:
        config = super().get_config()
        del config["discriminator"]  # it is stored within the generator
        return config
