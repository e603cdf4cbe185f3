"""The mean of a network's weights over training: kept by the optimiser, used for samples."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def averaged_weights(optimizer: keras.optimizers.Optimizer, network: keras.Model) -> Iterator[None]:
    """Put the exponential moving average of a network's weights in their place within a ``with`` block.

    Keras's optimisers keep the average themselves if they are made with ``use_ema=True``, here as
    ``w̄ ← momentum · w̄ + (1 − momentum) · w`` after each step, and save it with their own state. What it was at the end
    is put back, also after an error. Statistics of batch normalisation are no weights of the optimiser and stay as
    they are.

    Args:
        optimizer: which trains the network, made with ``use_ema=True`` and, for a GAN, ``ema_momentum=0.999``.
        network: whose weights to exchange.

    Raises:
        ValueError: if the optimiser keeps no average, or one of other weights.

    Example:
        >>> network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> adam = keras.optimizers.Adam(use_ema=True)
        >>> adam.build(network.trainable_variables)
        >>> with averaged_weights(adam, network):
        ...     network(keras.ops.ones((1, 1))).shape
        TensorShape([1, 1])

    Source: Karras et al. 2018, "Progressive growing of GANs", section A.1; Yazıcı et al. 2019, "The unusual
    effectiveness of averaging in GAN training".
    """
    if not optimizer.use_ema:
        raise ValueError("The optimiser keeps no average of the weights. Received: use_ema=False. Use use_ema=True.")
    variables = network.trainable_variables
    if not optimizer.built or len(optimizer._trainable_variables) != len(variables):
        raise ValueError("The optimiser must train this network's weights. Received: another network, or none yet.")
    own = [variable.numpy() for variable in variables]
    optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, own, strict=True):
            variable.assign(value)
