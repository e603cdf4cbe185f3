"""A training step of a text GAN, taken apart into compiled functions that are timed alone.

Of each part it is known how often a training step has it, and to which share its time belongs:

- sampling: the sentences that the generator learns from, and those that it writes for its discriminator;
- reward: what says how good they are: completions of prefixes and their scores, a discriminator's logits, or its
  gradient with respect to soft sentences;
- generator: the loss, its gradient and the update;
- discriminator: its minibatches.

In some games one graph does several of these. Where a discriminator's weights (MaliGAN) or a mediator's forecasts (CoT)
are computed within the generator's update, they are timed once more as a function of their own, counted as reward and
subtracted from the update. The games without tokens write soft sentences, judge and go back through both at once; here
the three are functions of their own: the sentences; the gradient of the loss with respect to them; and the gradient and
the update of the weights for that, less the writing which is in it. A minibatch of TextGAN and of the WGAN writes its
sentences too: that is timed alone, and subtracted from it. So the sum of the parts need not be the whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

SHARES = ("sampling", "reward", "generator", "discriminator")


@dataclasses.dataclass(frozen=True)
class Part:
    """A function of no arguments that returns a tensor, and how often a training step has it in each share."""

    call: Callable
    counts: dict[str, int]


def parts_of(game, real) -> dict[str, Part]:
    """Return the parts of a training step on a batch of real sentences.

    Args:
        game: a compiled `course_utils.training.text_game.TextGame` or `course_utils.training.char_wgan.CharWGAN`.
        real: int32 (N, T), a batch of `fit`.

    Returns:
        Name → part. ``minibatch`` is one of the discriminator's, ``round`` the writing of what a round of it reads;
        the others are the generator's step.
    """
    import tensorflow as tf

    from course_utils.training.char_wgan import CharWGAN

    key = tf.constant([1, 2])
    if isinstance(game, CharWGAN):
        return _of_critic(game, real, key)
    return _of_generator(game, real, key) | (_of_rounds(game, real, key) if game.discriminator is not None else {})


def step_of(game, real) -> Callable:
    """Return a whole training step, as `fit` runs it, and as a function that returns a tensor."""

    return _graph(lambda: game.train_step(real)["generator_loss"])


def _graph(call: Callable) -> Callable:
    """Return a function of no arguments, traced once."""
    import tensorflow as tf

    # A concrete function: TensorFlow warns of "retracing" where many functions share one line of code.
    return tf.function(call).get_concrete_function()


def _of_generator(game, real, key) -> dict[str, Part]:
    """Return the parts of the generator's step."""
    import tensorflow as tf

    from course_utils.sampling import sample
    from course_utils.training.gumbel_gan import GumbelGAN
    from course_utils.training.leakgan import LeakGAN
    from course_utils.training.textgan import TextGAN

    shape = (game.settings["batch_size"], real.shape[1])
    if hasattr(game, "_rewards"):
        write = _graph(lambda: sample(game.generator, *shape, seed=key))
        tokens = write()
        reward = _graph(lambda: game._rewards(tokens, real, key))
        drawn = (tokens, reward(), *((tf.constant(False),) if isinstance(game, LeakGAN) else ()))
        parts = {"write": Part(write, {"sampling": 1}), "reward": Part(reward, {"reward": 1})}
    else:
        draw = _graph(lambda: game._draw(real, key))
        drawn = draw()
        parts = {"draw": Part(lambda: draw()[0], {"sampling": 1})}
        if isinstance(game, (GumbelGAN, TextGAN)):
            return parts | _of_soft(game, *(_soft_text if isinstance(game, TextGAN) else _soft_gumbel)(game, drawn))
        parts["judge"] = _judging(game, drawn[0])
    learn = _graph(lambda: game._learn_to_write(None, *drawn))
    return {**parts, "learn": Part(learn, {"generator": 1})}


def _judging(game, tokens) -> Part:
    """Return what the generator's update asks of the other network."""
    import tensorflow as tf

    from course_utils.models.sequence import shift_right
    from course_utils.training.cot import CoT

    def judge():
        judge = game.discriminator
        if isinstance(game, CoT):  # every word's forecast; their sum, so that all are made and none has to be kept
            return tf.reduce_sum(tf.nn.log_softmax(judge(shift_right(tokens, judge.start_token), training=False)))
        return judge(tokens, training=False)

    return Part(_graph(game.compiled_step(judge)), {"reward": 1, "generator": -1})


def _of_soft(game, write: Callable, loss: Callable) -> dict[str, Part]:
    """Return the parts of a generator's step without tokens.

    Args:
        game: whose generator learns.
        write: returns soft sentences (B, T, V).
        loss: soft sentences → the generator's loss.
    """
    import tensorflow as tf

    def judge():
        with tf.GradientTape() as tape:
            tape.watch(soft)
            value = loss(soft)
        return tape.gradient(value, soft)

    def writing():
        return tf.reduce_sum(slope * write())  # its gradient is the loss's, and no copy of all sentences is handed out

    def update():
        with tf.GradientTape() as tape:
            value = writing()
        game.apply_gradients(game.generator_optimizer, tape, value, game.generator)
        return value

    soft = _graph(game.compiled_step(write))()
    judging = _graph(game.compiled_step(judge))
    slope = judging()
    return {
        "write": Part(_graph(game.compiled_step(writing)), {"sampling": 1, "generator": -1}),
        "judge": Part(judging, {"reward": 1}),
        "update": Part(_graph(game.compiled_step(update)), {"generator": 1}),
    }


def _soft_gumbel(game, drawn) -> tuple[Callable, Callable]:
    """Return what writes a step's soft sentences, and their loss."""
    uniforms, *real = drawn

    def loss(soft):
        logits = [game._judge(sentences, training=False) for sentences in (*real, soft)]
        return game._loss_pair.generator(*logits)

    return lambda: game._soft_sentences(uniforms), loss


def _soft_text(game, drawn) -> tuple[Callable, Callable]:
    from course_utils.losses.mmd import squared_mmd

    codes, real = drawn

    def loss(soft):
        _, features = game._features(real, soft, training=False)
        return squared_mmd(*features, game.settings["bandwidths"])

    return lambda: game._soft_sentences(codes, real.shape[1]), loss


def _of_rounds(game, real, key) -> dict[str, Part]:
    """Return the parts of the discriminator's rounds."""

    from course_utils.training.textgan import TextGAN

    rounds, epochs = (game.settings[f"discriminator_{name}"] for name in ("rounds", "epochs"))
    half, part = game._half(), real[::rounds]
    minibatches = rounds * epochs * (part.shape[0] // half)
    write = _graph(lambda: game._write_against(part, key))
    # The same sentences each time: which ones, the duration does not depend on.
    given = (part[:half], write()[:half], *game._draw_beside(part, key))
    learn = _graph(lambda: game._learn_to_judge(*given))
    parts = {"round": Part(write, {"sampling": rounds}), "minibatch": Part(learn, {"discriminator": minibatches})}
    if isinstance(game, TextGAN):
        soft = _graph(game.compiled_step(lambda: game._soft_sentences(given[1], real.shape[1])))
        parts["write_minibatch"] = Part(soft, {"sampling": minibatches, "discriminator": -minibatches})
    return parts


def _of_critic(game, real, key) -> dict[str, Part]:
    """Return the parts of the WGAN, whose critic takes its steps first."""
    import tensorflow as tf

    rounds = game.settings["discriminator_steps"]
    part = tf.one_hot(real[::rounds], game.vocabulary_size)
    noise = tf.random.stateless_normal((part.shape[0], game.noise_dim), key)
    shares = tf.random.stateless_uniform((part.shape[0],), key)
    parts = _of_soft(
        game,
        lambda: game.generator(noise, training=True),
        lambda soft: -tf.reduce_mean(game.discriminator(soft, training=True)),
    )
    minibatch = _graph(game.compiled_step(lambda: game._discriminator_step(part, game._written(noise, part), shares)))
    writing = {"sampling": 1 + rounds, "generator": -1, "discriminator": -rounds}
    parts["write"] = Part(parts["write"].call, writing)
    return {**parts, "minibatch": Part(minibatch, {"discriminator": rounds})}
