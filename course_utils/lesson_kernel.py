"""Run one notebook in a fresh kernel, with a progress line and the time of every cell."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import datetime
import os
import pathlib
import re
import sys
import time
from typing import Any

from course_utils import lessons, runtime

# A cell that takes longer than this hangs or asks for more than its profile promises.
CELL_SECONDS = {"quick": 300, "standard": 3_600, "full": 86_400}
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class LessonStopped(Exception):
    """A lesson did not come to its end; the message says where and why."""


class Progress:
    """The progress line of one lesson: on a terminal it counts, elsewhere it says start and end.

    Args:
        name: what runs, such as ``"03_mnist_gan (quick)"``.
        cells: how many code cells there are.

    Attributes:
        cell: the number of the code cell that runs, from 1; 0 before the first.
        seconds: wall-clock seconds of the whole lesson, known once it ended.

    Example:
        >>> with Progress("03_mnist_gan (quick)", 7) as progress:  # doctest: +SKIP
        ...     progress.next_cell()
        03_mnist_gan (quick): started, 7 cells
        03_mnist_gan (quick): done, 0.0 s
    """

    def __init__(self, name: str, cells: int):
        self.name, self.cells, self.cell, self.seconds = name, cells, 0, 0.0
        self._erase = "\r\x1b[K" if sys.stdout.isatty() else ""

    def __enter__(self) -> Progress:
        self._started = time.monotonic()
        if not self._erase:
            print(f"{self.name}: started, {self.cells} cells", flush=True)
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self.seconds = time.monotonic() - self._started
        result = "done" if kind is None else f"stopped in cell {self.cell} of {self.cells}"
        print(f"{self._erase}{self.name}: {result}, {self.seconds:.1f} s", flush=True)

    def next_cell(self, **_: Any) -> None:
        """Count one cell: nbclient calls this before it executes one."""
        self.cell += 1

    def show(self) -> None:
        """Draw the line again, on a terminal."""
        if self._erase:
            spent = time.monotonic() - self._started
            print(f"{self._erase}{self.name}: cell {self.cell} of {self.cells}, {spent:.0f} s", end="", flush=True)


def cell_seconds(cell: Any) -> float:
    """Return how long an executed code cell ran, from the times that nbclient stored in its metadata.

    Example:
        >>> import nbformat
        >>> times = {"iopub.execute_input": "2026-01-01T00:00:01Z", "shell.execute_reply": "2026-01-01T00:01:02.5Z"}
        >>> cell_seconds(nbformat.v4.new_code_cell("1", metadata={"execution": times}))
        61.5
    """
    times = cell.metadata["execution"]
    begin, end = (datetime.datetime.fromisoformat(times[key]) for key in ("iopub.execute_input", "shell.execute_reply"))
    return (end - begin).total_seconds()


def run_in_kernel(notebook: Any, cwd: pathlib.Path, profile: str, progress: Progress) -> None:
    """Execute a notebook in place, in a fresh kernel of this interpreter.

    Args:
        notebook: the notebook; gets outputs, execution counts and the time of each cell.
        cwd: the folder that the kernel runs in.
        profile: the value of ``COURSE_PROFILE`` in the kernel.
        progress: counts the cells and draws the progress line.

    Raises:
        LessonStopped: at the first error, dead kernel or timeout.

    Example:
        >>> with Progress(path.stem, len(lessons.code_cells(notebook))) as progress:  # doctest: +SKIP
        ...     run_in_kernel(notebook, path.parent, "quick", progress)
    """
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    # Without folders to look in, "python3" is this interpreter, not a kernel that another environment installed.
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    client = NotebookClient(notebook, km=manager, timeout=CELL_SECONDS[profile], force_raise_errors=True)
    # One output a stream, without the steps of a progress bar that overwrote each other.
    client.coalesce_streams = True
    client.on_cell_execute = progress.next_cell
    # Its warnings are about its sockets, not about the lesson.
    client.extra_arguments = ["--IPKernelApp.log_level=ERROR"]
    packages = os.pathsep.join(filter(None, [str(runtime.REPOSITORY), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"COURSE_PROFILE": profile, "PYTHONPATH": packages}
    where = f"{progress.name} stopped at code cell"
    try:
        _interruptible(client, manager, progress, cwd=str(cwd), env=environment)
    except CellExecutionError as error:
        cell = lessons.code_cells(notebook)[progress.cell - 1]
        raise LessonStopped(
            f"{where} {progress.cell} of {progress.cells}:\n\n{cell.source}\n\n{_traceback(cell, error)}"
        ) from None
    except CellTimeoutError:
        raise LessonStopped(
            f"{where} {progress.cell} of {progress.cells}: it ran longer than {CELL_SECONDS[profile]} s, the limit of "
            f"a cell in {profile}. Make its work smaller with run.pick, then run again with --resume."
        ) from None
    except DeadKernelError:
        raise LessonStopped(
            f"{where} {progress.cell} of {progress.cells}: the kernel died, most often for want of memory. "
            "Close other programs, then run again with --resume."
        ) from None
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise LessonStopped(
            f"{progress.name}: the kernel did not start ({reason}). Remove .venv and run `make lab` to make it anew."
        ) from None


def _interruptible(client: Any, manager: Any, progress: Progress, **start: Any) -> None:
    """Execute in a second thread: there nbclient installs no signal handlers, so Ctrl-C works as usual here."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(client.execute, cleanup_kc=True, **start)
        try:
            while concurrent.futures.wait([future], timeout=0.5).not_done:
                progress.show()
        except KeyboardInterrupt:
            while not future.done():
                # The kernel may be about to start; its death ends the second thread.
                if manager.has_kernel:
                    asyncio.run(manager.provisioner.kill())
                concurrent.futures.wait([future], timeout=0.5)
            raise
        finally:
            # nbclient leaves this behind when a kernel dies while it starts; at exit there is nothing to clean up.
            atexit.unregister(client._cleanup_kernel)
    future.result()


def _traceback(cell: Any, error: Exception) -> str:
    lines = [line for output in cell.outputs if output.output_type == "error" for line in output.traceback]
    return _ANSI.sub("", "\n".join(lines) or f"{error.ename}: {error.evalue}")
