"""What every test run shares."""

import pytest

from course_utils.runtime import quiet_tensorflow

with quiet_tensorflow():
    import tensorflow as tf

# Two logical CPUs, for MirroredStrategy. They can only be made before TensorFlow's first operation, and
# any test module may run one when it is collected.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(scope="session")
def two_devices():
    """One strategy for all tests: a second one in a process reuses the first one's collective keys."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def pytest_terminal_summary(terminalreporter):
    """Print the ten slowest cells of the lessons: unit tests are left out, unlike in ``--durations``."""
    cells = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call" and ".ipynb::" in report.nodeid
    ]
    if cells:
        terminalreporter.section("slowest 10 cells")
        for report in sorted(cells, key=lambda report: report.duration, reverse=True)[:10]:
            terminalreporter.line(f"{report.duration:7.2f} s  {report.nodeid}")
