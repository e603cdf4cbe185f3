"""How many games of lesson 02's arena are played in a second, side by side and one after another.

All figures are medians over rounds in which every contestant runs once, so that a machine whose
speed drifts slows all of them alike.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable

from course_utils.records import circumstances
from course_utils.runtime import start

ROUNDS = 5
SEEDS = 5
HIDDEN, BATCH = 32, 64
# Steps of every game in a round: enough to last a tenth of a second or more.
STEPS = {"loop": 100, "one": 100, "one_xla": 500, "many": 50, "many_xla": 50}
GAME_STEPS = 8_000  # a game of the lesson's standard profile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This table has no arguments of its own."""


def measure(args: argparse.Namespace) -> dict:
    """Play all contestants in turn and return the medians."""
    start("02", seed=0)
    makers, games = _contestants()
    contestants, start_seconds = {}, {}
    for name, make in makers.items():
        began = time.perf_counter()
        contestants[name] = make()  # `SideBySide` traces here, and XLA compiles in the first step
        contestants[name](1)
        start_seconds[name] = round(time.perf_counter() - began, 2)
    seconds = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, play in contestants.items():
            seconds[name].append(_seconds(play, STEPS[name]) / games[name])
    return {
        **circumstances("benchmark arena"),
        "hidden": HIDDEN,
        "batch": BATCH,
        "games": games,
        "start_seconds": start_seconds,
        **_ratios(seconds),
    }


def _field() -> dict[str, Callable]:
    """Return the lesson's optimisers under its names, each at one of the rates that are tried there."""
    from keras import optimizers

    from course_utils.training.lookahead import Lookahead

    return {
        "SGD": lambda: optimizers.SGD(0.01),
        "momentum 0.9": lambda: optimizers.SGD(0.001, momentum=0.9),
        "Adagrad": lambda: optimizers.Adagrad(0.03),
        "Adadelta": lambda: optimizers.Adadelta(0.3),
        "Adamax": lambda: optimizers.Adamax(3e-3),
        "Adam 0.9": lambda: optimizers.Adam(1e-3),
        "Adam 0.5": lambda: optimizers.Adam(1e-3, beta_1=0.5),
        "Adam 0": lambda: optimizers.Adam(1e-3, beta_1=0.0),
        "AdamW 0.5": lambda: optimizers.AdamW(1e-3, beta_1=0.5),
        "Lookahead, Adam 0.5": lambda: Lookahead(optimizers.Adam(1e-3, beta_1=0.5)),
    }


def _contestants() -> tuple[dict[str, Callable[[], Callable[[int], object]]], dict[str, int]]:
    """Return name → function that gets games ready and returns how to play some steps, and how many games it plays."""
    from course_utils.training.side_by_side import Contestant, SideBySide
    from course_utils.worlds.mixtures_2d import ring

    field = _field()
    many = {name: Contestant(make, make) for name, make in field.items()}
    one = {"Adam 0.5": many["Adam 0.5"]}

    def side_by_side(chosen, seeds: int, jit: bool) -> Callable[[int], object]:
        return SideBySide(chosen, range(seeds), ring(), hidden=HIDDEN, batch=BATCH, jit=jit).play

    makers, games = {"loop": functools.partial(_loop, field["Adam 0.5"])}, {"loop": 1}
    for name, chosen, seeds in (("one", one, 1), ("many", many, SEEDS)):
        for suffix, jit in (("", False), ("_xla", True)):
            makers[name + suffix] = functools.partial(side_by_side, chosen, seeds, jit)
            games[name + suffix] = len(chosen) * seeds
    return makers, games


def _loop(make_optimizer: Callable) -> Callable[[int], object]:
    """Return the loop that tutorials print, for one game: every step is a call from Python."""
    import keras
    import tensorflow as tf

    from course_utils.benchmark.contestants import plain_step
    from course_utils.worlds.mixtures_2d import ring

    def network(outputs: int):
        hidden = [layer for _ in range(2) for layer in (keras.layers.Dense(HIDDEN), keras.layers.LeakyReLU(0.2))]
        return keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(outputs)])

    players = network(2), network(1)
    optimizers = [make_optimizer() for _ in players]
    for player, optimizer in zip(players, optimizers, strict=True):
        optimizer.build(player.trainable_variables)
    step, data, random = tf.function(plain_step(*players, *optimizers)), ring(), tf.random.Generator.from_seed(0)

    def play(steps: int):
        for number in range(steps):
            losses = step(data.sample(BATCH, number), random.normal((BATCH, 2)), random.normal((BATCH, 2)))
        return losses[1].numpy()  # wait for the last one

    return play


def _seconds(play: Callable[[int], object], steps: int) -> float:
    """Return the seconds of one step."""
    began = time.perf_counter()
    play(steps)
    return (time.perf_counter() - began) / steps


def _ratios(seconds: dict[str, list[float]]) -> dict:
    """Turn seconds of a game's step per round into medians, and into medians of ratios taken within a round."""

    def times_faster(fast: str, slow: str) -> float:
        return round(statistics.median(b / a for a, b in zip(seconds[fast], seconds[slow], strict=True)), 2)

    middle = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "game_step_milliseconds": {name: round(1e3 * value, 4) for name, value in middle.items()},
        "games_per_second": {name: round(1 / (GAME_STEPS * value), 4) for name, value in middle.items()},
        "times_faster": {
            "many": {name: times_faster("many", name) for name in ("loop", "one", "one_xla")},
            "many_xla": {name: times_faster("many_xla", name) for name in ("loop", "one", "one_xla")},
        },
    }


def report(result: dict) -> str:
    """Return the figures as a table."""
    labels = {
        "loop": "a loop in Python, one compiled step a call",
        "one": "the whole game compiled, one at a time",
        "one_xla": "the same with XLA",
        "many": "side by side",
        "many_xla": "side by side with XLA",
    }
    lines = [
        f"lesson 02's arena: {result['hidden']} hidden units, batch {result['batch']}, games of {GAME_STEPS:,} steps, "
        f"medians of {ROUNDS} rounds, {result['machine']}",
        f"{'':44}{'games':>5} {'ms a game-step':>15} {'games a second':>15} {'start':>11}",
    ]
    for name, label in labels.items():
        lines.append(
            f"{label:44}{result['games'][name]:5d} {result['game_step_milliseconds'][name]:15.4f} "
            f"{result['games_per_second'][name]:15.4f} {result['start_seconds'][name]:9.1f} s"
        )
    for name in ("many", "many_xla"):
        faster = result["times_faster"][name]
        lines.append(
            f"{labels[name]} plays {faster['loop']:.1f} times as many games as the loop, {faster['one']:.1f} times as "
            f"many as one at a time, {faster['one_xla']:.1f} times as many as one at a time with XLA"
        )
    lines.append("start: to make the games, trace and compile them, and play one step")
    lines.append("(goal: at least 10 times the games of one after another)")
    return "\n".join(lines)
