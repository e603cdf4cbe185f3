"""The limit to a critic's weights, with which the first Wasserstein GAN kept its slope in bounds."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable(package="course_utils")
class WeightClipping(keras.constraints.Constraint):
    """Cut every weight to [−limit, limit] after each step, as a Keras constraint.

    Args:
        limit: above 0; the paper's is 0.01.

    Raises:
        ValueError: if the limit is not above 0.

    Example:
        >>> WeightClipping(0.5)(keras.ops.array([-2.0, 0.25, 0.7])).numpy().tolist()
        [-0.5, 0.25, 0.5]

    Source: Arjovsky et al. 2017, "Wasserstein GAN", algorithm 1, line 7.
    """

    def __init__(self, limit: float):
        if not limit > 0:
            raise ValueError(f"limit must be above 0. Received: {limit}.")
        self.limit = limit

    def __call__(self, w):
        return keras.ops.clip(w, -self.limit, self.limit)

    def get_config(self) -> dict:
        return {"limit": self.limit}
