"""Contestants timed in turn, ours and a peer's in a process of its own, and ratios taken within a round."""

from __future__ import annotations

import contextlib
import pathlib
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator

from course_utils.runtime import usable_cores


@contextlib.contextmanager
def running_peer(python: str | None, script: pathlib.Path) -> Iterator[Callable[[str, int], float] | None]:
    """Start a peer; yield what asks it to run a contestant some times and returns the seconds of a call.

    Args:
        python: a Python with PyTorch, or ``None`` for no peer; then ``None`` is yielded.
        script: of the peer. It says a line when it is ready, then answers ``<name> <calls>`` lines with seconds.

    Raises:
        RuntimeError: if the peer stops.
    """
    if python is None:
        yield None
        return
    command = [python, str(script), str(usable_cores())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:

        def answer() -> str:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"The peer stopped. Received: {' '.join(command)}. It needs PyTorch 2.13 (CPU).")
            return line

        answer()  # its version: it is ready

        def ask(name: str, calls: int) -> float:
            process.stdin.write(f"{name} {calls}\n")
            process.stdin.flush()
            return float(answer())

        yield ask
        process.stdin.close()


def seconds_of(function: Callable[[], object], times: int) -> float:
    """Return the mean seconds of a call, the last one's tensor waited for."""
    began = time.perf_counter()
    for _ in range(times):
        result = function()
    result.numpy()
    return (time.perf_counter() - began) / times


def median_ratio(seconds: dict[str, list[float]], top: str, bottom: str) -> float | None:
    """Return the median over rounds of the ratio of two contestants' seconds, or ``None`` if one did not run.

    Example:
        >>> median_ratio({"a": [1.0, 4.0, 3.0], "b": [1.0, 2.0, 1.0]}, "a", "b")
        2.0
    """
    pairs = list(zip(seconds.get(top, ()), seconds.get(bottom, ()), strict=False))
    return round(statistics.median(a / b for a, b in pairs), 3) if pairs else None
