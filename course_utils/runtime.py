"""Where a lesson runs: its profile, its seed, its devices and its folders.

This room imports nothing else of the course, and TensorFlow only when a lesson starts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
BUILD = REPOSITORY / "build"
NOTEBOOKS = REPOSITORY / "notebooks"
RESULTS = REPOSITORY / "data" / "results"
PROFILES = ("quick", "standard", "full")


def current_profile() -> str:
    """Return the profile named by ``COURSE_PROFILE`` (``standard`` when it is unset).

    Raises:
        ValueError: if the variable names no profile.
    """
    name = os.environ.get("COURSE_PROFILE") or "standard"
    if name not in PROFILES:
        raise ValueError(
            f"COURSE_PROFILE must be one of {', '.join(PROFILES)}. Received: {name!r}. "
            "Set it before the kernel starts, or unset it for 'standard'."
        )
    return name


@dataclasses.dataclass(frozen=True)
class Run:
    """What `start` decided for one lesson.

    Attributes:
        lesson: the lesson's number, such as ``"03"``.
        seed: the seed that every random draw of the lesson comes from.
        profile: ``"quick"``, ``"standard"`` or ``"full"``.
        jit: whether compiled steps go through XLA.
        device: the device in words, such as ``"2 CPU cores"``.
    """

    lesson: str
    seed: int
    profile: str
    jit: bool
    device: str

    def pick(self, *, quick: Any, standard: Any, full: Any) -> Any:
        """Return the value of this run's profile, so that a lesson shows all three side by side.

        Example:
            >>> Run("00", 0, "quick", True, "CPU").pick(quick=40, standard=2_000, full=20_000)
            40
        """
        return {"quick": quick, "standard": standard, "full": full}[self.profile]


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Keep TensorFlow's start-up messages out of a lesson's output; import it inside the block.

    Its libraries print to the process's error stream before their own log level applies, so the
    stream itself is set aside for that moment. Python's errors are raised as ever.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def start(lesson: str, *, seed: int = 0, mixed_precision: bool = False, jit: bool = True) -> Run:
    """Seed everything, make operations deterministic and say in one line what the lesson runs on.

    The same seed on the same machine gives the same numbers.

    Args:
        lesson: the lesson's number, such as ``"03"``.
        seed: a whole number from 0 to 4294967295, for Python, NumPy, Keras and TensorFlow.
        mixed_precision: compute in half precision and keep float32 weights. ``bfloat16`` on a
            CPU, ``float16`` on a GPU (there Keras scales the loss). Pays only where the device
            has matrix units for it.
        jit: compile training steps with XLA. Faster for the course's small networks on a CPU;
            turn it off to debug a step or where XLA is missing.

    Returns:
        The `Run` with ``pick``.

    Raises:
        ValueError: if the seed is no such number or ``COURSE_PROFILE`` names no profile.

    Example:
        >>> run = start("03", seed=1)  # doctest: +SKIP
        >>> steps = run.pick(quick=40, standard=2_000, full=20_000)  # doctest: +SKIP
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be a whole number from 0 to {2**32 - 1}. Received: {seed!r}.")
    profile = current_profile()
    with quiet_tensorflow():
        import keras
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # Growth can only be set before the device is first used; a re-run set-up cell comes later.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    # Without XLA, TensorFlow tries to fuse a convolution with its bias and LeakyReLU, fails where a gradient needs
    # what lies between, and prints that as an error. The step is as fast without the attempt.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    half = "mixed_float16" if gpus else "mixed_bfloat16"
    keras.config.set_dtype_policy(half if mixed_precision else "float32")
    device = f"{len(gpus)} GPU" if gpus else f"{usable_cores()} CPU cores"
    precision = f", {half}" if mixed_precision else ""
    print(f"Lesson {lesson} · profile {profile} · seed {seed} · {device}{precision}")
    return Run(lesson, seed, profile, jit, device)


def usable_cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def data_directory(argument: str | os.PathLike | None = None) -> pathlib.Path:
    """Return the folder of the course's data: the argument, ``COURSE_DATA``, or the repository's.

    Raises:
        FileNotFoundError: if the folder that was named does not exist; says how to get it.
    """
    named = argument or os.environ.get("COURSE_DATA") or REPOSITORY / "data"
    directory = pathlib.Path(named)
    if not directory.is_dir():
        source = "the argument" if argument else "COURSE_DATA" if os.environ.get("COURSE_DATA") else "the repository"
        raise FileNotFoundError(
            f"The data folder {str(directory)!r} (from {source}) does not exist. Clone the repository "
            "with its data/ folder, or run `make data` in it to build the files again."
        )
    return directory


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Write beside a file, then put the finished one in its place.

    Yields a temporary path in the same folder (same suffix). When the block ends well the
    temporary file replaces ``path`` in one step; when it raises, ``path`` keeps what it had.

    Example:
        >>> with replacing("curves.json") as part:  # doctest: +SKIP
        ...     part.write_text("[]")
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = "".join(path.suffixes)
    handle, name = tempfile.mkstemp(prefix=f".{path.name.removesuffix(suffix)}-", suffix=suffix, dir=path.parent)
    os.close(handle)
    part = pathlib.Path(name)
    try:
        yield part
        part.chmod(0o644)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
