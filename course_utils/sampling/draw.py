"""One token from each row of logits: the inverse of a cumulative distribution, in two levels."""

from __future__ import annotations

import tensorflow as tf

# Below this the division would leave float32's range; a temperature of 0 is the greedy choice.
_COLDEST = 1e-30


def draw_tokens(logits: tf.Tensor, uniforms: tf.Tensor, temperature=1.0) -> tf.Tensor:
    """Return one token a row, with probability softmax(logits / temperature).

    The token is the first whose cumulative probability exceeds the uniform number. The running sum is taken in two
    levels, over blocks of about √V tokens and then within one block, so that V weights are summed up but only about
    2·√V cumulated. A token of weight 0 is never drawn. Uniform numbers in float32 come in steps of 2⁻²³, so
    probabilities below about 1e-7 are not resolved.

    Args:
        logits: float32 (B, V); −inf forbids a token. At least one in each row must be finite.
        uniforms: float32 (B,) in [0, 1).
        temperature: at least 0, a number or scalar tensor; 0 picks the largest logit (and draws among ties).

    Returns:
        int32 (B,).

    Example:
        >>> draw_tokens(tf.math.log([[0.5, 0.25, 0.25]] * 3), tf.constant([0.4, 0.6, 0.9])).numpy()
        array([0, 1, 2], dtype=int32)

    Source: Devroye 1986, Non-Uniform Random Variate Generation, sec. III.2 (inversion).
    """
    vocabulary = logits.shape[-1]
    block = _block(vocabulary)
    blocks = -(-vocabulary // block)
    # Shifted before it is scaled, so that a small temperature gives −inf and never NaN.
    shifted = logits - tf.reduce_max(logits, axis=1, keepdims=True)
    weights = tf.exp(shifted / tf.maximum(tf.cast(temperature, tf.float32), _COLDEST))
    if blocks * block > vocabulary:
        weights = tf.pad(weights, [[0, 0], [0, blocks * block - vocabulary]])
    weights = tf.reshape(weights, (-1, blocks, block))

    sums = tf.reduce_sum(weights, axis=2)  # (B, blocks)
    running = tf.cumsum(sums, axis=1)
    target = uniforms * running[:, -1]
    chosen = _first((running > target[:, None]) & (sums > 0))  # (B,)
    before = tf.gather(running, chosen, batch_dims=1) - tf.gather(sums, chosen, batch_dims=1)

    inside = tf.gather(weights, chosen, batch_dims=1)  # (B, block)
    running = tf.cumsum(inside, axis=1)
    # Rounding may leave a target at or beyond the block's own sum; then its last token with a weight is meant.
    target = tf.minimum(target - before, running[:, -1] * (1 - 1e-6))
    return chosen * block + _first((running > target[:, None]) & (inside > 0))


def _block(vocabulary: int) -> int:
    """Return a block size near √V, one that divides V if there is any between half and twice the root."""
    root = max(1, round(vocabulary**0.5))
    near = sorted(range(max(1, root // 2), 2 * root + 1), key=lambda size: abs(size - root))
    return next((size for size in near if vocabulary % size == 0), root)


def _first(holds: tf.Tensor) -> tf.Tensor:
    """Return the first true column of each row (the last column if there is none), int32."""
    columns = holds.shape[1]
    return tf.reduce_min(tf.where(holds, tf.range(columns), columns - 1), axis=1)


def keep_top(logits: tf.Tensor, top_k: int | None = None, top_p: float | None = None) -> tf.Tensor:
    """Return the logits with −inf for all tokens outside the top k, or outside the nucleus of mass p.

    Args:
        logits: float32 (B, V), already divided by the temperature.
        top_k: keep the k largest; tokens tied with the k-th are kept too.
        top_p: keep the smallest set of most probable tokens whose probability reaches p, in (0, 1].

    Example:
        >>> keep_top(tf.math.log([[0.5, 0.3, 0.2]]), top_p=0.6).numpy().round(2)
        array([[-0.69, -1.2 ,  -inf]], dtype=float32)

    Source: Fan et al. 2018 (top k); Holtzman et al. 2020, sec. 3.1 (nucleus).
    """
    floor = tf.fill((tf.shape(logits)[0], 1), logits.dtype.min)
    if top_k is not None:
        floor = tf.math.top_k(logits, min(top_k, logits.shape[1])).values[:, -1:]
    if top_p is not None and top_p < 1:  # rounding would cut off the rarest tokens of the whole vocabulary
        falling = tf.sort(logits, axis=1, direction="DESCENDING")
        mass_before = tf.cumsum(tf.nn.softmax(falling), axis=1, exclusive=True)
        in_nucleus = tf.where(mass_before < top_p, falling, logits.dtype.max)
        floor = tf.maximum(floor, tf.reduce_min(in_nucleus, axis=1, keepdims=True))
    return tf.where(logits >= floor, logits, float("-inf"))
