"""What a convolutional discriminator sees in a sentence that is still being written, token after token."""

from __future__ import annotations

import tensorflow as tf

from course_utils.models.text_cnn import TextCNN, check_length


class PrefixFeatures:
    """The features of a `TextCNN` for each beginning of a sentence, filled up with padding (id 0) to ``length`` tokens.

    They are what ``discriminator.features`` gives for the padded beginning, without dropout. But a new token changes
    only the windows that hold it, so each window's sum is built up as its tokens come, as what they add to padding;
    closed windows leave their maximum. A token then costs one window of each width, not a whole sentence.

    The state is a tuple: position (B,), the closed windows' maxima (B, F), and for each width above 1 the sums of the
    open windows (B, width − 1, filters), the youngest first.

    Args:
        discriminator: whose weights are read; it is neither copied nor owned.
        length: tokens of a finished sentence, at least the widest window.

    Raises:
        ValueError: if a window is wider than a sentence.

    Example:
        >>> judge = TextCNN(9, embedding_dim=4, widths=(1, 2), filters=3)
        >>> leak = PrefixFeatures(judge, length=4)
        >>> tokens = tf.constant([[5, 6, 7]])
        >>> features = leak.of_all(judge.embedding(tokens))  # of 0, 1, 2 and 3 tokens
        >>> features.shape
        TensorShape([1, 4, 6])
        >>> bool(tf.reduce_all(tf.abs(features[0, 2] - judge.features(tf.constant([[5, 6, 0, 0]]))) < 1e-5))
        True
    """

    def __init__(self, discriminator: TextCNN, length: int):
        check_length(length, discriminator.widths)
        self.discriminator, self.length = discriminator, length

    def initial_state(self, batch_size) -> tuple[tf.Tensor, ...]:
        """Return the state of ``batch_size`` sentences without a token."""
        dtype = self.discriminator.compute_dtype
        convolutions = self.discriminator.convolutions
        filters = [convolution.kernel.shape[2] for convolution in convolutions]
        nothing = [tf.fill((batch_size, sum(filters)), tf.constant(float("-inf"), dtype))]
        for convolution, count in zip(convolutions, filters, strict=True):
            if convolution.width > 1:
                nothing.append(tf.fill((batch_size, convolution.width - 1, count), tf.constant(float("-inf"), dtype)))
        return (tf.zeros((batch_size,), tf.int32), *nothing)

    def read(self, embedded, state, counts=True) -> tuple[tf.Tensor, ...]:
        """Return the state after one more token.

        Args:
            embedded: float (B, E), the token's embedding by the discriminator.
            state: the state before.
            counts: bool (B,) or one for all; rows where it is false do not read the token.
        """
        position, closed, *open_sums = state
        # A window of padding alone is the zero that all sums start from.
        added = tf.stop_gradient(embedded) - self._padding()
        maxima, sums, open_sums = [], [], iter(open_sums)
        for convolution, old in zip(self.discriminator.convolutions, self._split(closed), strict=True):
            kernel = tf.cast(convolution.kernel, embedded.dtype)  # (width, E, F)
            width, dim, filters = kernel.shape
            taps = tf.matmul(added, tf.reshape(tf.transpose(kernel, (1, 0, 2)), (dim, width * filters)))
            taps = tf.reshape(taps, (-1, width, filters))
            # A window may begin here only if it ends within the sentence.
            begins = tf.where(position + width <= self.length, 0.0, float("-inf"))
            begins = tf.broadcast_to(tf.cast(begins, taps.dtype)[:, None, None], tf.shape(taps[:, :1]))
            if width > 1:
                begins = tf.concat([begins, next(open_sums)], axis=1)
            windows = begins + taps
            maxima.append(tf.maximum(old, windows[:, -1]))
            if width > 1:
                sums.append(windows[:, :-1])
        after = (position + 1, tf.concat(maxima, axis=-1), *sums)
        if counts is True:
            return after

        def chosen(old, new):
            return tf.where(tf.reshape(counts, (-1, *(1,) * (new.shape.rank - 1))), new, old)

        return tuple(chosen(old, new) for old, new in zip(state, after, strict=True))

    def features(self, state) -> tf.Tensor:
        """Return the features (B, F) that belong to a state. Without a gradient."""
        return tf.stop_gradient(self.discriminator.highway(self._maxima(state)))

    def of_all(self, embedded) -> tf.Tensor:
        """Return the features after 0, 1, … n tokens.

        Args:
            embedded: float (B, n, E), embeddings by the discriminator; n from 0 to ``length``, fixed.

        Returns:
            (B, n + 1, F). Without a gradient.

        Raises:
            ValueError: if there are too many tokens.
        """
        batch, count = tf.shape(embedded)[0], embedded.shape[1]
        if count > self.length:
            raise ValueError(f"A sentence has at most {self.length} tokens. Received: {count}.")
        state = self.initial_state(batch if embedded.shape[0] is None else embedded.shape[0])
        maxima = tf.TensorArray(embedded.dtype, count + 1, element_shape=state[1].shape)

        def read_next(n, state, maxima):
            state = self.read(tf.gather(embedded, n, axis=1), state)
            return n + 1, state, maxima.write(n + 1, self._maxima(state))

        start = (tf.constant(0), state, maxima.write(0, self._maxima(state)))
        *_, maxima = tf.while_loop(lambda n, *_: n < count, read_next, start, parallel_iterations=1)
        # The highway is most of the work, so it takes all beginnings at once.
        return tf.stop_gradient(self.discriminator.highway(tf.transpose(maxima.stack(), (1, 0, 2))))

    def _maxima(self, state) -> tf.Tensor:
        """Return what the discriminator's convolutions give, (B, F)."""
        position, closed, *open_sums = state
        strongest, open_sums = [], iter(open_sums)
        for convolution, largest in zip(self.discriminator.convolutions, self._split(closed), strict=True):
            if convolution.width > 1:
                largest = tf.maximum(largest, tf.reduce_max(next(open_sums), axis=1))
            padding_follows = (position + convolution.width <= self.length)[:, None]
            largest = tf.where(padding_follows, tf.maximum(largest, tf.zeros_like(largest)), largest)
            kernel, bias = (tf.cast(part, largest.dtype) for part in (convolution.kernel, convolution.bias))
            of_padding = tf.matmul(self._padding(), tf.reduce_sum(kernel, axis=0))  # (1, filters)
            strongest.append(tf.nn.relu(largest + of_padding + bias))
        return tf.concat(strongest, axis=-1)

    def _padding(self) -> tf.Tensor:
        """Return the embedding of padding, (1, E)."""
        return self.discriminator.embedding(tf.zeros((1,), tf.int32))

    def _split(self, closed) -> list[tf.Tensor]:
        filters = [convolution.kernel.shape[2] for convolution in self.discriminator.convolutions]
        return tf.split(closed, filters, axis=1)
