"""GAN losses as pure functions of logits.

One convention for all of them:

* **Logits.** A discriminator (or critic) ends in logits, shape (B,) or (B, 1), any float dtype; the
  arithmetic is float32 and finite for logits up to ±1e4 and beyond.
* **Sign.** Every function is *minimised* by the player in its name.
* **Labels.** Real is 1, fake is 0.
* **Averaging.** The mean over the batch. A discriminator loss is the mean of its real half and its
  fake half, so a discriminator that cannot tell pays log 2 (cross-entropy losses), 1/4 (least
  squares) or 1 (hinge). The Wasserstein loss is the one exception: it is not halved, because minus
  its value is the estimate of the distance (up to the critic's Lipschitz constant).

`LOSSES` names the pairs, for `course_utils.training.image_gan.ImageGAN` and others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from course_utils.losses.cross_entropy import (
    minimax_discriminator_loss,
    minimax_generator_loss,
    non_saturating_generator_loss,
)
from course_utils.losses.penalties import gradient_penalty, r1_penalty, zero_centred_penalty
from course_utils.losses.relativistic import (
    relativistic_average_discriminator_loss,
    relativistic_average_generator_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from course_utils.losses.scores import (
    hinge_discriminator_loss,
    hinge_generator_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    wasserstein_discriminator_loss,
    wasserstein_generator_loss,
)

__all__ = [
    "LOSSES",
    "LossPair",
    "gradient_penalty",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "non_saturating_generator_loss",
    "r1_penalty",
    "relativistic_average_discriminator_loss",
    "relativistic_average_generator_loss",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
    "zero_centred_penalty",
]


@dataclasses.dataclass(frozen=True)
class LossPair:
    """The two losses of one game.

    Attributes:
        generator: the generator's loss, of the fake logits, or of both when ``relativistic``.
        discriminator: the discriminator's loss, of real and fake logits.
        relativistic: whether the generator's loss also takes the real logits.
    """

    generator: Callable
    discriminator: Callable
    relativistic: bool = False


LOSSES = {
    "minimax": LossPair(minimax_generator_loss, minimax_discriminator_loss),
    "non_saturating": LossPair(non_saturating_generator_loss, minimax_discriminator_loss),
    "least_squares": LossPair(least_squares_generator_loss, least_squares_discriminator_loss),
    "wasserstein": LossPair(wasserstein_generator_loss, wasserstein_discriminator_loss),
    "hinge": LossPair(hinge_generator_loss, hinge_discriminator_loss),
    "relativistic": LossPair(relativistic_generator_loss, relativistic_discriminator_loss, True),
    "relativistic_average": LossPair(
        relativistic_average_generator_loss, relativistic_average_discriminator_loss, True
    ),
}
