"""A small lesson that keeps every rule, for the tests of the rules to break."""

import nbformat

from course_utils import lessons

MARKDOWN, CODE = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
PROSE = "A generator and a discriminator play one game and each step is measured before it is shown. " * 12
SECTION = [
    f"**Idea.** {PROSE}",
    f"**Formula.** $V = 1$ {PROSE}",
    "**Predict.** Will it fall?",
    ["value = 1", "value + 1"],
    "**Compare.** It is 2.",
    ["assert value == 1"],
]


def good_lesson():
    """Return a lesson that keeps every rule: strings become text cells, lists of strings code cells."""
    cells = [
        "# 07 · A small lesson\n\n*It keeps every rule.*\n\n<!--minutes--><!--/minutes-->\n\n"
        "**After this lesson you can**\n\n- name\n- measure\n- compare\n\n"
        "**Prerequisites**: [this](07_small.ipynb#1.-First).\n\n**Skip here if** you know it.",
        ["run = start('07', seed=1)"],
    ]
    for number, name in enumerate(["First", "Second", "Third"], start=1):
        cells += [f"## {number}. {name}", *SECTION]
    cells += [
        "### Exercise 1\n\nWrite it.",
        ["answer = None\nexercise.check(answer)\n# exercise.hint()\n# exercise.solution()"],
        ["# Checkpoint\nanswer = exercise.checkpoint(answer)"],
        "## What breaks if it is left out",
        ["print(2)  # NBVAL_CHECK_OUTPUT"],
        "## Summary\n\n$V = 1$",
        "## Quiz",
        ["quiz_a.check(None)", "quiz_b.check(None)", "quiz_old.check(None)"],
        "## References\n\n- One.\n- Two.",
    ]
    nb = nbformat.v4.new_notebook()
    nb.cells = [cell for entry in cells for cell in ([MARKDOWN(entry)] if isinstance(entry, str) else map(CODE, entry))]
    for count, cell in enumerate(lessons.code_cells(nb), start=1):
        cell.execution_count = count
        if "print" in cell.source:
            cell.outputs = [nbformat.v4.new_output("stream", text="2\n")]
    stamp = {"code_sha256": lessons.code_hash(nb), "profile": "standard", "seconds": {"quick": 9.0, "standard": 90.0}}
    nb.metadata.course = stamp
    nb.cells[0].source = nb.cells[0].source.replace(
        "<!--minutes-->",
        "<!--minutes-->Measured on 2 CPU cores: quick 0.1 min · standard 1.5 min",
    )
    return nb


def stored(nb, folder):
    """Write a lesson as number 07 and return its path."""
    path = folder / "07_small.ipynb"
    nbformat.write(nb, path)
    return path
