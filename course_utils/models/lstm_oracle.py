"""The LSTM oracle as a generator, which can be sampled and asked for likelihoods like any other."""

from __future__ import annotations

import numpy as np

from course_utils.models.recurrent import RecurrentGenerator
from course_utils.worlds.lstm_oracle import OracleWeights

GATES = "ifco"  # the order in which Keras's LSTM keeps input gate, forget gate, candidate and output gate


def oracle_generator(weights: OracleWeights) -> RecurrentGenerator:
    """Return a generator with the oracle's weights: it is the language, so it is not trained.

    Args:
        weights: of the oracle.

    Returns:
        A `RecurrentGenerator` without an end token and without trainable weights, in float32 whatever Keras's dtype
        policy is.

    Example:
        >>> from course_utils.sampling import log_prob, sample
        >>> oracle = oracle_generator(OracleWeights.draw(seed=0, vocabulary_size=50))
        >>> sentences = sample(oracle, 4, 20, seed=1)
        >>> log_prob(oracle, sentences).shape
        TensorShape([4, 20])

    Source: Yu et al. 2017, "SeqGAN: sequence generative adversarial nets with policy gradient", section "Synthetic
    data experiments".
    """
    generator = RecurrentGenerator(
        weights.vocabulary_size,
        embedding_dim=weights.embedding.shape[1],
        hidden_dim=len(weights.b_i),
        start_token=weights.start_token,
        end_token=None,
        name="oracle",
        dtype="float32",
    )
    gates = [np.concatenate([getattr(weights, f"{kind}_{gate}") for gate in GATES], axis=-1) for kind in "wub"]
    generator.embedding.set_weights([weights.embedding])
    generator.recurrence.set_weights(gates)
    generator.projection.set_weights([weights.w_out, weights.b_out])
    generator.trainable = False
    return generator
