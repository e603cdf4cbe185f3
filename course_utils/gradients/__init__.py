"""Gradients through a token: what to descend when a sampled word stands between the generator and its reward.

Two families, as pure functions of tensors that the caller has drawn:

* **Score function** (`reinforce`): a surrogate loss whose gradient estimates minus that of the expected reward, from
  sampled ids. Unbiased for any reward; baselines lower its variance.
* **Relaxed** (`relaxed`): tokens become soft one-hots with a gradient of their own. Biased, of lower variance, and only
  for a reward that is defined, and has a slope, between the one-hots.

One convention for the losses: they are *minimised*, sum over the positions of a sentence and average over the batch.
Rewards and advantages are held constant, also if they come from a network.

Lesson 09 measures bias and variance of each against the exact gradient.
"""

from course_utils.gradients.reinforce import (
    baseline_loss,
    batch_mean_baseline,
    leave_one_out_baseline,
    reinforce_loss,
    reward_to_go,
    vargrad_loss,
)
from course_utils.gradients.relaxed import gumbel_softmax, straight_through, straight_through_gumbel

__all__ = [
    "baseline_loss",
    "batch_mean_baseline",
    "gumbel_softmax",
    "leave_one_out_baseline",
    "reinforce_loss",
    "reward_to_go",
    "straight_through",
    "straight_through_gumbel",
    "vargrad_loss",
]
