"""What every test run shares."""

import os

# Keras may be set to another backend in the user's own configuration.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


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
