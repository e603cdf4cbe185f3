"""RankGAN's score: how high a sentence ranks among others, by its likeness to reference sentences."""

from __future__ import annotations

import tensorflow as tf


def log_rank(features, references, comparisons, gamma: float = 1.0) -> tf.Tensor:
    """Return log R(s|U, C), the mean over references u of log P(s|u, C), for each sentence s.

    A sentence's relevance for a reference is the cosine of their features, α(s|u). It competes with the comparison set:

        P(s|u, C) = exp(γ α(s|u)) / Σ_{s' in C and s} exp(γ α(s'|u)).

    Differentiable in everything. Features of length 0 have the relevance 0.

    Args:
        features: float (B, F), of the sentences to be ranked, each alone against the comparison set.
        references: float (|U|, F).
        comparisons: float (|C|, F).
        gamma: γ, above 0; the larger, the more the most relevant sentence takes.

    Returns:
        float32 (B,), at most 0; −log(|C| + 1) for a sentence like all others.

    Example:
        >>> east, north = [1.0, 0.0], [0.0, 2.0]
        >>> tf.exp(log_rank([east, north], references=[east], comparisons=[east, north])).numpy().round(3)
        array([0.422, 0.212], dtype=float32)

    Source: Lin et al. 2017 (RankGAN), section 3.3, equations for α, P and R.
    """
    own = gamma * cosines(features, references)  # (B, |U|)
    others = tf.reduce_logsumexp(gamma * cosines(comparisons, references), axis=0)  # (|U|,)
    # log(e^own / (e^own + e^others)), without either power.
    return tf.reduce_mean(-tf.nn.softplus(others - own), axis=1)


def cosines(features, references) -> tf.Tensor:
    """Return the relevance α(s|u), the cosine of the features of each sentence and each reference.

    Args:
        features: float (B, F).
        references: float (|U|, F).

    Returns:
        float32 (B, |U|).

    Example:
        >>> cosines([[1.0, 0.0], [3.0, 4.0]], [[0.0, 2.0]]).numpy()
        array([[0. ],
               [0.8]], dtype=float32)
    """
    features, references = (tf.math.l2_normalize(tf.cast(part, tf.float32), axis=1) for part in (features, references))
    return tf.matmul(features, references, transpose_b=True)
