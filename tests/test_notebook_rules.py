"""Every lesson keeps every rule; and every rule catches the notebooks that break it."""

import copy
import re

import nbformat
import notebook_rules
import pytest
import template_rules
from small_lesson import CODE, MARKDOWN, PROSE, good_lesson, stored

from course_utils import lessons, runtime

LESSONS = lessons.lesson_files()


def test_there_are_lessons_with_a_number_each():
    # Every file that means to be one; a reader's own Untitled.ipynb does not.
    names = sorted(path.name for path in runtime.NOTEBOOKS.glob("[0-9]*.ipynb"))
    assert names, "notebooks/ holds no lesson"
    assert [name for name in names if not re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", name)] == []
    assert len({name[:2] for name in names}) == len(names)


@pytest.mark.parametrize("rule", notebook_rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_keeps_rule(path, rule):
    assert rule(lessons.read_lesson(path), path) == []


def test_readme_has_the_present_table():
    assert notebook_rules.readme_findings((runtime.REPOSITORY / "README.md").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", ["README.md", "data/README.md"])
def test_links_of_readme_resolve(name):
    path = runtime.REPOSITORY / name
    assert notebook_rules.broken_links(path.read_text(encoding="utf-8"), path) == []


# From here on: the rules themselves, on a small lesson that keeps them and on copies that break one.


def at(nb, text):
    """Return the first cell whose source holds a text."""
    return next(cell for cell in nb.cells if text in cell.source)


def put(text, new, start=""):
    """Return a breakage: a text replaced in the first cell that holds ``start`` (or the text itself)."""

    def change(nb):
        cell = at(nb, start or text)
        assert text in cell.source
        cell.source = cell.source.replace(text, new)

    return change


def set_output(*outputs):
    def change(nb):
        lessons.code_cells(nb)[3].outputs = [nbformat.from_dict(output) for output in outputs]

    return change


def drop(text):
    return lambda nb: nb.cells.remove(at(nb, text))


def lengthen(text, count):
    return lambda nb: nb.cells.extend(MARKDOWN(text) for _ in range(count))


def set_stamp(**entries):
    return lambda nb: nb.metadata.course.update(entries)


def set_metadata(**entries):
    return lambda nb: nb.cells[5].metadata.update(entries)


def picture(alt):
    return {"output_type": "display_data", "data": {"image/png": "iVBO"}, "metadata": {"image/png": {"alt": alt}}}


def page(text):
    return {"output_type": "display_data", "data": {"text/html": text}, "metadata": {}}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


BROKEN = {
    template_rules.head_is_complete: {
        "number": put("# 07", "# 08"),
        "promise": put("*It keeps every rule.*", "It keeps every rule."),
        "two sentences": put("every rule.*", "every rule. And more.*"),
        "two objectives": put("- name\n", ""),
        "prerequisites": put("**Prerequisites**", "Prerequisites"),
        "skip": put(" you know it.", ""),
    },
    template_rules.minutes_are_the_measured_ones: {
        "typed": put("standard 1.5 min", "standard 1.4 min"),
        "quick unmeasured": set_stamp(seconds={"standard": 90.0}),
        "too slow": lambda nb: [
            set_stamp(seconds={"quick": 61.0, "standard": 90.0})(nb),
            put("quick 0.1 min", "quick 1.0 min")(nb),
        ],
    },
    template_rules.one_setup_cell: {
        "none": put("start(", "begin("),
        "two": put("value = 1", "runtime.start('07')"),
        "late": lambda nb: nb.cells.insert(1, CODE("1")),
    },
    template_rules.sections_are_complete: {
        "two": put("## 3. Third", "## Third"),
        "six": lambda nb: nb.cells.extend([MARKDOWN(f"## {n}. More") for n in (4, 5, 6)]),
        "numbers": put("## 3.", "## 4."),
        "formula": put("**Formula.**", "Formula."),
        "order": lambda nb: nb.cells.insert(3, nb.cells.pop(4)),
        "compared before it ran": lambda nb: nb.cells.insert(6, nb.cells.pop(8)),
        "check": put("assert value == 1", "value == 1"),
    },
    template_rules.an_ablation_runs: {
        "none": put("## What breaks", "## Why"),
        "no code": drop("print(2)"),
    },
    template_rules.exercises_are_complete: {
        "none": lambda nb: [drop("exercise.check")(nb), drop("### Exercise")(nb)],
        "heading without a check": drop("exercise.check"),
        "check commented out": put("exercise.check", "# exercise.check"),
        "no heading": put("### Exercise 1", "### Task"),
        "hint": put("# exercise.hint()\n", ""),
        "solution shown": put("# exercise.solution()", "exercise.solution()"),
        "no checkpoint": drop("# Checkpoint"),
        "checkpoint later": lambda nb: nb.cells.insert(nb.cells.index(at(nb, "# Checkpoint")), MARKDOWN("First read.")),
        "checkpoint in name only": put(".checkpoint(", ".other("),
    },
    template_rules.closing_is_complete: {
        "summary": put("## Summary", "## End"),
        "no formula": put("$V = 1$", "V", start="## Summary"),
        "two questions": drop("quiz_old"),
        "same question twice": put("quiz_old", "quiz_a"),
        "references": put("- Two.", ""),
    },
    template_rules.sizes_read_well: {
        "code cells": lambda nb: [drop("quiz_a")(nb), drop("quiz_b")(nb)],
        "markdown cells": lengthen("Text.", 16),
        "few words": put(PROSE, "", start="**Idea.**"),
        "many words": lengthen(PROSE, 7),
        "long cell": put("value + 1", "value + 1\n" * 26),
    },
    notebook_rules.outputs_are_current: {
        "no stamp": lambda nb: nb.metadata.pop("course"),
        "edited": put("value + 1", "value + 2"),
        "new cell": lambda nb: nb.cells.append(CODE("1")),
        "other profile": set_stamp(profile="quick"),
    },
    notebook_rules.every_cell_ran_in_order: {
        "unrun": lambda nb: lessons.code_cells(nb)[-1].update(execution_count=None),
        "twice": lambda nb: lessons.code_cells(nb)[-1].update(execution_count=99),
        "empty": lambda nb: lessons.code_cells(nb)[-1].update(source=" \n"),
    },
    notebook_rules.compared_cells_have_an_output: {
        "comment": lambda nb: at(nb, "NBVAL_CHECK_OUTPUT").update(outputs=[]),
        "tag": lambda nb: lessons.code_cells(nb)[1].metadata.update(tags=["nbval-check-output"]),
    },
    notebook_rules.outputs_are_clean: {
        "stderr": set_output(stream("careful", name="stderr")),
        "error": set_output({"output_type": "error", "ename": "E", "evalue": "", "traceback": []}),
    },
    notebook_rules.file_is_small: {"large": set_output(stream("x" * 300_000))},
    notebook_rules.pictures_have_alt_text: {
        "no metadata": set_output(picture("") | {"metadata": {}}),
        "empty": set_output(picture(" ")),
        "second of two": set_output(picture("Loss by step."), picture("")),
        "in text": put("It is 2.", "![](07_small.ipynb)"),
        "html in text": put("It is 2.", "<img src='07_small.ipynb' alt=''>"),
        "html output": set_output(page("<img src='data:image/gif;base64,R0'>")),
    },
    notebook_rules.links_resolve: {
        "file": put("It is 2.", "[next](08_missing.ipynb)"),
        "second on a line": put("It is 2.", "[a](07_small.ipynb) and [b](../b.md)"),
        "section": put("#1.-First", "#1.-Last"),
        "picture": put("It is 2.", "![a curve](curve.png)"),
        "html": put("It is 2.", '<a href="gone.html">gone</a>'),
    },
    notebook_rules.no_address_of_a_machine: {
        "code": put("value + 1", "open('/" + "home/me/x')"),
        "output": set_output(stream("saved to /" + "tmp/x")),
        "windows": set_output(stream("C:" + "\\Users\\me")),
        "registry": put("It is 2.", "https://py" + "pi.org/simple"),
    },
    notebook_rules.nothing_is_hidden: {
        "source": set_metadata(jupyter={"source_hidden": True}),
        "tag": set_metadata(tags=["remove_cell"]),
        "dashed tag": set_metadata(tags=["hide-input"]),
        "magic": put("value + 1", "%load answer.py"),
    },
}
CASES = [(rule, name) for rule, cases in BROKEN.items() for name in cases]


@pytest.mark.parametrize("rule", notebook_rules.RULES, ids=lambda rule: rule.__name__)
def test_rule_passes_a_good_lesson(rule, tmp_path):
    nb = good_lesson()
    lessons.code_cells(nb)[3].outputs = [nbformat.from_dict(picture("Loss by step."))]
    assert rule(nb, stored(nb, tmp_path)) == []


@pytest.mark.parametrize(("rule", "name"), CASES, ids=[f"{rule.__name__}-{name}" for rule, name in CASES])
def test_rule_catches(rule, name, tmp_path):
    nb = good_lesson()
    before = copy.deepcopy(nb)
    BROKEN[rule][name](nb)
    assert nb != before, "the breakage changed nothing"
    assert rule(nb, stored(nb, tmp_path)) != []


def test_every_rule_has_a_broken_lesson():
    assert set(BROKEN) == set(notebook_rules.RULES)


def test_the_first_lesson_may_be_shorter(tmp_path):
    nb = good_lesson()
    for text in ("quiz_a", "quiz_b", "quiz_old", "print(2)"):
        drop(text)(nb)
    put(PROSE, "", start="**Idea.**")(nb)
    path = stored(nb, tmp_path)
    assert len(template_rules.sizes_read_well(nb, path)) == 2
    assert template_rules.sizes_read_well(nb, path.with_name("00_start_here.ipynb")) == []


def test_words_are_those_of_the_prose():
    text = "## Two words\n\n$a b c$ and [a link](some/where.md) <!--no comment-->\n\n```python\nx = 1\n```"
    assert template_rules.words(text) == 5


def test_readme_table_is_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "NOTEBOOKS", tmp_path)
    stored(good_lesson(), tmp_path)
    good = lessons.readme_with_table("Before\n<!--lessons--><!--/lessons-->\nAfter")
    assert "| 07 | [small](notebooks/07_small.ipynb) | It keeps every rule. | 0.1 | 1.5 |" in good
    assert notebook_rules.readme_findings(good) == []
    assert notebook_rules.readme_findings(good.replace("1.5", "1.4")) != []
    assert notebook_rules.readme_findings("no markers") != []
