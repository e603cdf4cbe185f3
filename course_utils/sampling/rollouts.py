"""Monte-Carlo rollouts: every prefix of every sentence, completed several times by the generator itself."""

from __future__ import annotations

import tensorflow as tf

from course_utils.sampling.compiled import check_temperature, check_whole, run_compiled, seed_pair
from course_utils.sampling.likelihood import counted_positions
from course_utils.sampling.sentences import ROWS, continue_sentences


def rollout(generator, tokens, n_rollouts: int, *, temperature=1.0, seed=0, max_rows: int = ROWS) -> tf.Tensor:
    """Return completions of all prefixes of the sentences, x_{p+1..T} ~ p_g(· | x_{1..p}).

    One compiled graph walks along the prefixes. A completion of p tokens takes T − p generator steps: none is spent on
    a token that is not drawn. A prefix with an end token is complete: its rollouts are the sentence itself.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        tokens: int32 (B, T), sentences; T at least 2.
        n_rollouts: N, completions of each prefix.
        temperature: at least 0, a number or a scalar tensor.
        seed: a whole number, or an int32 tensor (2,), such as ``[seed, step]``.
        max_rows: completions computed at a time. It bounds the memory, a few times ``max_rows`` · V floats, and
            changes no result.

    Returns:
        int32 (T − 1, N, B, T): entry ``[p - 1, i, b]`` begins with ``tokens[b, :p]``.

    Raises:
        ValueError: if ``tokens`` is no (B, T) of fixed size with T ≥ 2, for counts below 1, or a negative temperature.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> generator = RecurrentGenerator(5, embedding_dim=4, hidden_dim=4, end_token=None)
        >>> rollout(generator, [[1, 2, 3], [4, 4, 4]], 16, seed=1).shape
        TensorShape([2, 16, 2, 3])

    Source: Yu et al. 2017 (SeqGAN), eq. 4.
    """
    tokens = tf.convert_to_tensor(tokens, tf.int32)
    check_whole(n_rollouts=n_rollouts, max_rows=max_rows)
    if tokens.shape.rank != 2 or not tokens.shape.is_fully_defined() or tokens.shape[1] < 2:
        raise ValueError(f"tokens must have a fixed shape (B, T) with T at least 2. Received: {tokens.shape}.")
    tensors = (tokens, seed_pair(seed), check_temperature(temperature, zero=True))
    return run_compiled(_rollout, generator, (n_rollouts, max_rows), tensors)


def _rollout(generator, n_rollouts, max_rows, tokens, seed, temperature) -> tf.Tensor:
    batch, length = tokens.shape
    parts = -(-n_rollouts * batch // max_rows)
    rows = -(-n_rollouts * batch // parts)
    # Row i of a prefix completes sentence i mod B; the few rows that only fill the last part are cut off.
    going_on = counted_positions(tokens, generator.end_token)
    sentence_of_row = tf.reshape(tf.range(parts * rows) % batch, (parts, rows))

    # XLA joins the passes over the logits, which cost more than the products. The numbers are drawn outside it.
    def finish(token, done, state, uniforms, temperature, first):
        return continue_sentences(generator, token, done, state, uniforms, temperature, first=first)

    def complete(prefix, state):
        """Return (N, B, T): zeros, then the tokens drawn from position ``prefix`` on."""
        numbers = tf.random.stateless_uniform((length, n_rollouts * batch), tf.random.fold_in(seed, prefix))
        numbers = tf.pad(numbers, [[0, 0], [0, parts * rows - n_rollouts * batch]])
        numbers = tf.transpose(tf.reshape(numbers, (length, parts, rows)), (1, 0, 2))
        last = tf.gather(tokens, prefix - 1, axis=1)
        ended = ~tf.gather(going_on, prefix, axis=1)

        def part(given):
            of, uniforms = given
            own = tf.nest.map_structure(lambda leaf: tf.gather(leaf, of), state)
            given = (tf.gather(last, of), tf.gather(ended, of), own, uniforms, temperature, prefix)
            specs = tf.nest.map_structure(lambda leaf: tf.TensorSpec(leaf.shape, leaf.dtype), given)
            return tf.function(finish, jit_compile=True).get_concrete_function(*specs)(*given)

        if parts == 1:
            drawn = part((sentence_of_row[0], numbers[0]))
        else:
            drawn = tf.map_fn(part, (sentence_of_row, numbers), fn_output_signature=tf.int32, parallel_iterations=1)
        return tf.reshape(tf.reshape(drawn, (parts * rows, length))[: n_rollouts * batch], (n_rollouts, batch, length))

    def lengthen(prefix, token, state, completed):
        _, state = generator.step(token, state)  # the state has now seen all of the prefix but its last token
        whole = tf.where(tf.range(length) < prefix, tokens, complete(prefix, state))
        return prefix + 1, tf.gather(tokens, prefix - 1, axis=1), state, completed.write(prefix - 1, whole)

    *_, completed = tf.while_loop(
        lambda prefix, *_: prefix < length,
        lengthen,
        (
            tf.constant(1),
            tf.fill((batch,), generator.start_token),
            generator.initial_state(batch, length),
            tf.TensorArray(tf.int32, length - 1, element_shape=(n_rollouts, batch, length)),
        ),
        parallel_iterations=1,
    )
    return completed.stack()
