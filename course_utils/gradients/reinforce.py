"""The score function: ∇E[r(x)] = E[r(x) ∇log p(x)], so samples and their log-probabilities are enough.

A baseline is what a reward is compared with. It leaves the gradient's mean alone as long as it does not depend on the
token whose log-probability it multiplies, because E[∇log p] = 0.
"""

from __future__ import annotations

import tensorflow as tf


def reinforce_loss(log_probs: tf.Tensor, advantages: tf.Tensor) -> tf.Tensor:
    """Return the surrogate −mean over the batch of Σ_t log p(x_t | x_<t) · A, whose gradient is REINFORCE's estimate.

    The value of the loss says nothing about progress; only its gradient is of use. With rewards as advantages the
    gradient is, in the mean, minus the gradient of the expected reward.

    Args:
        log_probs: (B, T) float, of sampled tokens under the generator that drew them, 0 where none counts, as
            `course_utils.sampling.log_prob` returns them.
        advantages: (B,), one number a sentence, or (B, T), one a token; rewards less a baseline. Held constant.

    Returns:
        A scalar of the dtype of ``log_probs``, to be minimised.

    Raises:
        ValueError: if the shapes do not fit.

    Example:
        >>> log_probs = tf.math.log([[0.5, 0.25], [0.5, 0.5]])
        >>> float(reinforce_loss(log_probs, [1.0, 0.0]) / tf.math.log(2.0))  # −½ (log ½ + log ¼)
        1.5

    Source: Williams 1992; for sentences of a GAN, Yu et al. 2017 (SeqGAN), equation 7.
    """
    log_probs = tf.convert_to_tensor(log_probs)
    advantages = tf.cast(tf.stop_gradient(advantages), log_probs.dtype)
    fits = log_probs.shape.rank == 2 and advantages.shape.rank in (1, 2)
    if not fits or not advantages.shape.is_compatible_with(log_probs.shape[: advantages.shape.rank]):
        raise ValueError(
            "log_probs must be (B, T), and advantages (B,) or (B, T). "
            f"Received: {log_probs.shape} and {advantages.shape}."
        )
    if advantages.shape.rank == 1:
        advantages = advantages[:, None]  # (B, 1): a sentence's advantage counts for each of its tokens
    return -tf.reduce_mean(tf.reduce_sum(log_probs * advantages, axis=1))


def reward_to_go(rewards: tf.Tensor, discount: float = 1.0) -> tf.Tensor:
    """Return what each token can still have an influence on: Σ_{k ≥ t} discount^(k − t) · r_k.

    A reward that came before a token does not depend on it. Leaving it out keeps the mean and lowers the variance; a
    discount below 1 lowers the variance further, at the price of a bias.

    Args:
        rewards: (B, T) float, one reward a token.
        discount: from 0 to 1.

    Returns:
        (B, T), advantages for `reinforce_loss`.

    Raises:
        ValueError: if the rewards have another rank, or the discount is outside [0, 1].

    Example:
        >>> reward_to_go([[1.0, 0.0, 4.0]], discount=0.5).numpy()
        array([[2., 2., 4.]], dtype=float32)

    Source: Sutton et al. 2000, "Policy gradient methods for reinforcement learning with function approximation".
    """
    rewards = tf.convert_to_tensor(rewards)
    if rewards.shape.rank != 2:
        raise ValueError(f"rewards must be (B, T), one a token. Received: {rewards.shape}.")
    if not 0 <= discount <= 1:
        raise ValueError(f"discount must be from 0 to 1. Received: {discount}.")
    positions = tf.range(tf.shape(rewards)[1])
    ahead = positions[:, None] - positions[None, :]  # (T, T): how far reward k lies after token t, [k, t]
    powers = tf.pow(tf.cast(discount, rewards.dtype), tf.cast(tf.maximum(ahead, 0), rewards.dtype))
    return rewards @ tf.where(ahead >= 0, powers, 0)


def batch_mean_baseline(rewards: tf.Tensor) -> tf.Tensor:
    """Return the mean reward of the batch, for each of its sentences.

    A sentence's own reward is part of the mean, so the estimate is too small: in the mean it is (B − 1)/B times the
    gradient. That is a factor on the learning rate, and at B = 64 nobody sees it. Its direction is right.

    Args:
        rewards: (B, …) float; with more axes, each place behind the first has a mean of its own.

    Returns:
        A tensor of the shape of ``rewards``; the advantages are ``rewards - batch_mean_baseline(rewards)``.

    Example:
        >>> batch_mean_baseline([1.0, 2.0, 6.0]).numpy()
        array([3., 3., 3.], dtype=float32)
    """
    rewards = tf.convert_to_tensor(rewards)
    return tf.broadcast_to(tf.reduce_mean(rewards, axis=0, keepdims=True), tf.shape(rewards))


def leave_one_out_baseline(rewards: tf.Tensor) -> tf.Tensor:
    """Return for each sentence the mean reward of the *other* sentences of the batch: no bias, no network.

    The advantages are those of `batch_mean_baseline` times B/(B − 1).

    Args:
        rewards: (B, …) float, B at least 2; with more axes, each place behind the first has means of its own.

    Returns:
        A tensor of the shape of ``rewards``; the advantages are ``rewards - leave_one_out_baseline(rewards)``.

    Raises:
        ValueError: if the batch is known to have only one sentence.

    Example:
        >>> leave_one_out_baseline([1.0, 2.0, 6.0]).numpy()
        array([4. , 3.5, 1.5], dtype=float32)

    Source: Kool et al. 2019, "Buy 4 REINFORCE samples, get a baseline for free!".
    """
    rewards = tf.convert_to_tensor(rewards)
    if rewards.shape[0] == 1:
        raise ValueError(f"A batch of 1 has no other sentences. Received: {rewards.shape}. Draw 2 or more.")
    others = tf.cast(tf.shape(rewards)[0] - 1, rewards.dtype)
    return (tf.reduce_sum(rewards, axis=0, keepdims=True) - rewards) / others


def baseline_loss(values: tf.Tensor, rewards: tf.Tensor) -> tf.Tensor:
    """Return the loss of a learned baseline: half the mean squared distance of its values from the rewards.

    The best value is the expected reward given what the network has seen. It may see the tokens *before* the one whose
    log-probability it is subtracted for; one that sees the token itself biases the gradient.

    Args:
        values: (B,) or (B, T) float, what the baseline's network expects.
        rewards: of the same shape, for example from `reward_to_go`. Held constant.

    Returns:
        A scalar of the dtype of ``values``, to be minimised over the baseline's own weights. The generator's advantages
        are ``rewards - values``.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> float(baseline_loss([1.0, 3.0], [0.0, 0.0]))
        2.5

    Source: Ranzato et al. 2016 (MIXER), section 3.2.1.
    """
    values = tf.convert_to_tensor(values)
    rewards = tf.cast(tf.stop_gradient(rewards), values.dtype)
    if not values.shape.is_compatible_with(rewards.shape):
        raise ValueError(f"values and rewards must have one shape. Received: {values.shape} and {rewards.shape}.")
    return tf.reduce_mean(tf.square(values - rewards)) / 2


def vargrad_loss(log_p_g: tf.Tensor, log_p_data: tf.Tensor) -> tf.Tensor:
    """Return half the variance of log p_g(x) − log p_data(x) over a batch, for samples x of the generator held fixed.

    It is 0 where the two agree, and its gradient is the leave-one-out REINFORCE estimate of the gradient of
    KL(p_g‖p_data): unbiased, and no baseline has to be chosen.

    Args:
        log_p_g: (B,) float, B at least 2, the log-probability of each sampled sentence under the generator.
        log_p_data: (B,), the same under the data, up to a constant. Held constant, so where it is not known a
            discriminator's logits can stand in for it: ``log_p_g + logits``, since D* has log p_data − log p_g.

    Returns:
        A scalar of the dtype of ``log_p_g``, to be minimised.

    Raises:
        ValueError: if the shapes are not (B,), or the batch is known to have only one sentence.

    Example:
        >>> float(vargrad_loss([0.0, 2.0], [0.0, 0.0])), float(vargrad_loss([-1.0, -2.0], [-4.0, -5.0]))
        (1.0, 0.0)

    Source: Richter et al. 2020, "VarGrad: a low-variance gradient estimator for variational inference".
    """
    log_p_g = tf.convert_to_tensor(log_p_g)
    log_p_data = tf.cast(tf.stop_gradient(log_p_data), log_p_g.dtype)
    fits = log_p_g.shape.rank == 1 and log_p_g.shape.is_compatible_with(log_p_data.shape)
    if not fits or log_p_g.shape[0] == 1:
        raise ValueError(
            "log_p_g and log_p_data must be (B,), one number a sentence, with B at least 2. "
            f"Received: {log_p_g.shape} and {log_p_data.shape}."
        )
    log_ratio = log_p_g - log_p_data
    squares = tf.reduce_sum(tf.square(log_ratio - tf.reduce_mean(log_ratio)))
    return squares / tf.cast(tf.shape(log_ratio)[0] - 1, log_ratio.dtype) / 2  # B − 1: the unbiased variance
