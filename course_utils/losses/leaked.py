"""LeakGAN's losses: how far a sentence went where the manager's goals pointed, and rewards by rank."""

from __future__ import annotations

import tensorflow as tf


def goal_cosines(features, goals, ahead: int) -> tf.Tensor:
    """Return cos(f_{t+i} − f_t, g_t): whether i tokens after goal t the sentence has gone where it pointed.

    Args:
        features: f_0 … f_T, float (B, T + 1, F), the discriminator's of the first t tokens of each sentence.
        goals: g_0 … g_{T−1}, float (B, T, F).
        ahead: i, from 1 to T.

    Returns:
        (B, T + 1 − i), for t = 0 … T − i; 0 where the features stay as they are.

    Raises:
        ValueError: if the shapes do not fit, or for another ``ahead``.

    Example:
        >>> features, goals = [[[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]], [[[0.0, 1.0], [0.6, 0.8]]]
        >>> goal_cosines(features, goals, ahead=1).numpy()
        array([[0. , 0.8]], dtype=float32)

    Source: Guo et al. 2018 (LeakGAN), d_cos in "Training of G".
    """
    features, goals = tf.convert_to_tensor(features), tf.convert_to_tensor(goals)
    length = goals.shape[1]
    if features.shape[1] != length + 1 or not 1 <= ahead <= length:
        raise ValueError(
            "features must be (B, T + 1, F) beside goals (B, T, F), and ahead from 1 to T. "
            f"Received: {features.shape}, {goals.shape} and {ahead}."
        )
    moved = tf.math.l2_normalize(features[:, ahead:] - features[:, :-ahead], axis=-1)
    return tf.reduce_sum(moved * tf.math.l2_normalize(goals[:, : length + 1 - ahead], axis=-1), axis=-1)


def intrinsic_rewards(features, goals, horizon: int) -> tf.Tensor:
    """Return each token's reward for following the latest goals, r_t = mean over i of cos(f_t − f_{t−i}, g_{t−i}).

    The mean is over i = 1 … c, and at the beginning over the goals that there are.

    Args:
        features, goals: as of `goal_cosines`.
        horizon: c, from 1 to T.

    Returns:
        (B, T), from −1 to 1: r_1 … r_T, the rewards of the first to the last token.

    Example:
        >>> features, goals = [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]], [[[1.0, 0.0], [0.6, 0.8]]]
        >>> intrinsic_rewards(features, goals, horizon=1).numpy()
        array([[1. , 0.8]], dtype=float32)
        >>> intrinsic_rewards(features, goals, horizon=2).numpy().round(3)  # (0.8 + 0.707) / 2
        array([[1.   , 0.754]], dtype=float32)

    Source: Guo et al. 2018 (LeakGAN), "Training of G".
    """
    total, goals_seen = 0.0, 0.0
    for ahead in range(1, horizon + 1):
        before = ((0, 0), (ahead - 1, 0))  # token `ahead` is the first that has a goal so far back
        cosines = goal_cosines(features, goals, ahead)
        total += tf.pad(cosines, before)
        goals_seen += tf.pad(tf.ones_like(cosines), before)
    return total / goals_seen


def rescaled_rewards(rewards, sharpness: float) -> tf.Tensor:
    """Return rewards by rank: R_i = σ(δ · (½ − rank(i)/B)) at each position, rank 1 the largest of the batch.

    Whatever the discriminator thinks of the batch as a whole, the rescaled rewards have the same mean and spread. Equal
    rewards share the mean of their ranks.

    Args:
        rewards: float (B, T).
        sharpness: δ, above 0.

    Returns:
        float32 (B, T), between 0 and 1.

    Example:
        >>> rescaled_rewards([[0.1], [0.7], [0.2], [0.7]], sharpness=4.0).numpy().round(3)  # ranks 4, 1.5, 3, 1.5
        array([[0.119],
               [0.622],
               [0.269],
               [0.622]], dtype=float32)

    Source: Guo et al. 2018 (LeakGAN), "Bootstrapped Rescaled Activation". The public code ranks by the order in which
    values were put into a dictionary, so that a reward is the number of the sentence in its batch.
    """
    rewards = tf.cast(rewards, tf.float32)
    others, own = rewards[None], rewards[:, None]  # (1, B, T) and (B, 1, T)
    larger, equal = (tf.reduce_sum(tf.cast(holds, tf.float32), axis=1) for holds in (others > own, others == own))
    rank = larger + (equal + 1) / 2
    return tf.sigmoid(sharpness * (0.5 - rank / rewards.shape[0]))
