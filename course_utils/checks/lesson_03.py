"""Exercises and quiz of lesson 03, mnist_gan."""

from __future__ import annotations

import numpy as np

from course_utils.checks.compare import array_close, call, describe, numbers_close
from course_utils.checks.exercise import Exercise
from course_utils.checks.quiz import Question
from course_utils.losses import minimax_discriminator_loss

# --- Exercise 1: the discriminator's loss ----------------------------------------------------------


def _softplus(x):
    """log(1 + e^x) without overflow, for NumPy arrays and TensorFlow tensors alike."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _verify_discriminator_loss(answer) -> str | None:
    blind = call(answer, np.zeros((4, 1), np.float32), np.zeros((4, 1), np.float32))
    if np.shape(blind) != ():
        return f"The loss must be one number, the mean over the batch. Received: {describe(blind)}."
    if reason := numbers_close(blind, np.log(2.0), 1e-4, "With all logits 0 the loss", "nats"):
        return f"{reason} A judge who cannot tell pays log 2 for each half, and the loss is the mean of the halves."
    right = np.array([[4.0], [6.0]], np.float32)
    good = call(answer, right, -right)
    bad = call(answer, -right, right)
    if float(good) > float(bad):
        return (
            "The labels are exchanged: a discriminator that gives real images high logits should pay little. "
            f"Received: {float(good):.3f} nats for a good discriminator, {float(bad):.3f} for a bad one."
        )
    real, fake = np.array([[0.5], [-1.0], [2.0]], np.float32), np.array([[1.5], [0.25], [-3.0]], np.float32)
    expected = 0.5 * (_softplus(-real).mean() + _softplus(fake).mean())
    mixed = call(answer, real, fake)
    for wrong, why in (
        (_softplus(-real).mean() + _softplus(-fake).mean(), "softplus(-f) is for real images, softplus(f) for fakes."),
        (_softplus(-real.mean()) + _softplus(fake.mean()), "Take softplus of every logit first and the mean after."),
    ):
        if abs(float(mixed) - 0.5 * float(wrong)) < 1e-4:
            return f"With mixed logits the loss is wrong. {why} Received: {float(mixed):.4f} nats."
    if reason := numbers_close(mixed, expected, 1e-4, "With mixed logits the loss", "nats"):
        return reason
    extreme = float(call(answer, np.full((2, 1), -200.0, np.float32), np.full((2, 1), 200.0, np.float32)))
    if not np.isfinite(extreme):
        return (
            f"With logits of ±200 the loss is {extreme}: a probability rounded to 0 and its logarithm is infinite. "
            "Use softplus of the logits."
        )
    return None


def _summed_loss(real_logits, fake_logits):
    return _softplus(-real_logits).mean() + _softplus(fake_logits).mean()


def _exchanged_loss(real_logits, fake_logits):
    return 0.5 * (_softplus(real_logits).mean() + _softplus(-fake_logits).mean())


def _maximised_loss(real_logits, fake_logits):
    return -0.5 * _summed_loss(real_logits, fake_logits)


def _unaveraged_loss(real_logits, fake_logits):
    return 0.5 * (_softplus(-real_logits) + _softplus(fake_logits))


def _one_sign_loss(real_logits, fake_logits):
    return 0.5 * (_softplus(-real_logits).mean() + _softplus(-fake_logits).mean())


def _late_softplus_loss(real_logits, fake_logits):
    return 0.5 * (_softplus(-real_logits.mean()) + _softplus(fake_logits.mean()))


def _probability_loss(real_logits, fake_logits):
    with np.errstate(divide="ignore", over="ignore"):
        real, fake = 1 / (1 + np.exp(-real_logits)), 1 / (1 + np.exp(-fake_logits))
        return -0.5 * (np.log(real).mean() + np.log(1 - fake).mean())


discriminator_loss = Exercise(
    name="The discriminator's loss",
    verify=_verify_discriminator_loss,
    reference=minimax_discriminator_loss,
    wrong=[
        (_summed_loss, "twice"),
        (_exchanged_loss, "exchanged"),
        (_maximised_loss, "sign"),
        (_unaveraged_loss, "one number"),
        (_one_sign_loss, "softplus(f) for fakes"),
        (_late_softplus_loss, "mean after"),
        (_probability_loss, "±200"),
    ],
    hint="A real image with logit `f` costs `softplus(-f)`, a fake one `softplus(f)`. Average each, then the two.",
    solution="""```python
def discriminator_loss(real_logits, fake_logits):
    real_half = tf.reduce_mean(tf.nn.softplus(-real_logits))  # -log D(x)
    fake_half = tf.reduce_mean(tf.nn.softplus(fake_logits))  # -log(1 - D(G(z)))
    return 0.5 * (real_half + fake_half)
```
The mean of the halves, and not their sum, puts the loss of a blind judge at log 2. Softplus of the
logit stays finite where the logarithm of a rounded probability would not.""",
    expects="a function of `real_logits` and `fake_logits` that returns one number",
)

# --- Exercise 2: the line that is wrong --------------------------------------------------------------

_LINES = {
    2: "Opening the tape earlier would also help, but name the line that must happen inside it.",
    3: "The loss is the non-saturating one and is right.",
    4: "Asking for the gradient with respect to the generator's weights is right. Why would it be None?",
    5: "This line hides the mistake: it throws every gradient away that is None. Which line makes them None?",
    6: "This line only finds an empty list. Which line made the gradients None?",
}


def _verify_bug_line(answer) -> str | None:
    if isinstance(answer, bool) or not isinstance(answer, int | np.integer):
        return f"Give the number of a line as a whole number. Received: {describe(answer)}."
    if answer == 1:
        return None
    return _LINES.get(int(answer), f"The listing has the lines 1 to 6. Received: {answer}.")


bug_line = Exercise(
    name="The line that stops the generator",
    verify=_verify_bug_line,
    reference=1,
    wrong=[(5, "hides the mistake"), (3, "non-saturating"), (4, "right"), (7, "1 to 6")],
    hint="A tape records only what happens while it is open. What must it record to reach the generator's weights?",
    solution="""Line 1. The images are made *before* the tape is open, so the tape never sees the generator and
`tape.gradient` returns `None` for all its weights; line 5 drops them quietly. Move it inside:

```python
with tf.GradientTape() as tape:
    fake = generator(noise, training=True)
    g_loss = tf.reduce_mean(tf.nn.softplus(-discriminator(fake, training=True)))
```
In the *discriminator's* step the same line belongs outside. And never filter out `None` gradients:
`apply_gradients` would have told you.""",
    expects="the number of a line, 1 to 6",
)

# --- Exercise 3: slerp -------------------------------------------------------------------------------


def reference_slerp(a, b, t):
    """Spherical interpolation (White 2016)."""
    cosine = np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    if np.sin(angle) < 1e-6:  # parallel: there is no arc, and no sine to divide by
        return (1 - t) * a + t * b
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def _lerp(a, b, t):
    return (1 - t) * a + t * b


def _turned_slerp(a, b, t):
    return reference_slerp(b, a, t)


def _unnormalised_slerp(a, b, t):
    with np.errstate(invalid="ignore"):
        angle = np.arccos(np.dot(a, b))
        return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def _unit_slerp(a, b, t):
    return reference_slerp(a / np.linalg.norm(a), b / np.linalg.norm(b), t)


def _undivided_slerp(a, b, t):
    angle = np.arccos(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))
    return np.sin((1 - t) * angle) * a + np.sin(t * angle) * b


def _verify_slerp(answer) -> str | None:
    east, north = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    if reason := array_close(call(answer, east, north, 0.0), east, "The start of the arc, t = 0,"):
        return f"{reason} At t = 0 it should be a."
    half = np.asarray(call(answer, east, north, 0.5), dtype=np.float64)
    if half.shape == (3,) and abs(np.linalg.norm(half) - np.sqrt(0.5)) < 1e-6:
        return "The middle of two unit vectors has length 0.71 and not 1: this is the straight line, not the arc."
    if reason := array_close(half, np.array([0.5, 0.5, 0.0]) * np.sqrt(2.0), "Halfway between two unit vectors it"):
        return reason
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 100))
    far = np.asarray(call(answer, a, b, 0.3), dtype=np.float64)
    expected = reference_slerp(a, b, 0.3)
    if far.shape == a.shape and abs(np.linalg.norm(far) - 1.0) < 1e-6:
        return "The result has length 1: lengths belong in the angle only, the sum takes a and b as they are."
    cosine = np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))
    if far.shape == a.shape and np.allclose(far, expected * np.sqrt(1 - cosine**2), rtol=1e-9):
        return "Both weights still have to be divided by sin ω."
    if np.isnan(far).any():
        return "It is NaN for long vectors: arccos needs a·b / (|a| |b|), so divide the dot product by both lengths."
    return array_close(far, expected, "With two long vectors and t = 0.3 it")


slerp = Exercise(
    name="Spherical interpolation",
    verify=_verify_slerp,
    reference=reference_slerp,
    wrong=[
        (_lerp, "straight line"),
        (_turned_slerp, "t = 0"),
        (_unnormalised_slerp, "both lengths"),
        (_unit_slerp, "as they are"),
        (_undivided_slerp, "sin ω"),
    ],
    hint="`cos ω = a·b / (|a| |b|)`. Then put ω into the two sines of the formula above.",
    solution="""```python
def slerp(a, b, t):
    cosine = np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
```
The clip is there because rounding can push the cosine of parallel vectors a hair beyond 1. Parallel
vectors have no arc between them; the reference takes the straight line there.""",
    expects="a function of two vectors `a`, `b` and a number `t` that returns a vector",
)

# --- Quiz --------------------------------------------------------------------------------------------

quiz_curves = Question(
    "After 20 epochs the discriminator's loss is 0.69 and its accuracy 50 %. What do you know?",
    options={
        "a": "The generated images are as good as real ones.",
        "b": "This discriminator cannot tell real from generated, for whatever reason.",
        "c": "The generator has collapsed to one image.",
        "d": "Training can be stopped: the losses will not change any more.",
    },
    right="b",
    explanations={
        "a": "A discriminator that has learned nothing, or is too small, shows the same numbers. Look at the samples.",
        "b": "log 2 and ½ say only that this judge is blind. At the very start of training they say the same.",
        "c": "A single repeated image is easy to spot, so the discriminator would be right most of the time.",
        "d": "The players still move; a balance in the loss is not a fixed point of the weights.",
    },
)

quiz_gradient = Question(
    "Early in training D gives a generated image the probability 0.001. How large is |∂L/∂f|, the gradient of the "
    "generator's loss with respect to that image's logit f, for the saturating and the non-saturating loss?",
    options={
        "a": "About 0.001 and about 1.",
        "b": "About 1 and about 0.001.",
        "c": "Both about 0.5.",
        "d": "Both about 0.001.",
    },
    right="a",
    explanations={
        "a": "d/df of -softplus(f) is -σ(f) = -0.001; d/df of softplus(-f) is -(1 - σ(f)) = -0.999.",
        "b": "It is the other way round: the saturating loss is flat exactly where D is sure of a fake.",
        "c": "Both are 0.5 only where D says ½; here it says 0.001.",
        "d": "Then neither would help. The non-saturating loss was chosen because its gradient is near 1 there.",
    },
)

quiz_optimal = Question(
    "From lesson 00: at some x the data's density is 0.3 and the generator's is 0.1. What does the best "
    "discriminator answer there?",
    options={"a": "0.3", "b": "0.5", "c": "0.75", "d": "1"},
    right="c",
    explanations={
        "a": "That is the density itself. The best answer is a share: p_data / (p_data + p_g).",
        "b": "½ would be right where both densities are equal.",
        "c": "0.3 / (0.3 + 0.1) = 0.75.",
        "d": "1 would be right where the generator never goes.",
    },
)
