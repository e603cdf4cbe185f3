"""The HTML page of a lesson needs no network and keeps what a screen reader reads."""

import base64
import re

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils import lessons
from course_utils.lesson_controls import CONTROL
from course_utils.lesson_html import lesson_html


def test_formulas_are_mathml_and_nothing_is_fetched_for_them():
    page = lesson_html(new_notebook(cells=[new_markdown_cell("Inline $x^2$ and\n\n$$\\tfrac12 y$$")]), "a lesson")
    assert page.count("<math") == 2 and 'display="block"' in page
    assert "$" not in re.search(r"Inline.*?</div>", page, re.S)[0]
    assert "mathjax" not in page.lower()


def test_a_figure_keeps_its_alt_text():
    output = new_output(
        "display_data",
        data={"image/png": base64.b64encode(b"png").decode()},
        metadata={"image/png": {"alt": "a curve < 1 that falls"}},
    )
    page = lesson_html(new_notebook(cells=[new_code_cell("1", outputs=[output])]), "a lesson")
    (picture,) = re.findall(r"<img[^>]+>", page)
    assert 'alt="a curve &lt; 1 that falls"' in picture and "data:image/png;base64,cG5n" in picture
    assert "No description" not in page


def test_a_page_with_a_control_fetches_nothing_and_says_where_the_control_is():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1", "version_major": 2, "version_minor": 0}}
    output = new_output("display_data", data={**view, "text/plain": "interactive(children=())"})
    notebook = new_notebook(cells=[new_code_cell("1", outputs=[output])])
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    page = lesson_html(notebook, "a lesson")
    assert CONTROL in page
    assert not re.findall(r"<script[^>]+src=|<link[^>]+href=|@import|import\(", page)


def test_every_formula_of_the_lessons_can_be_drawn():
    for path in lessons.lesson_files():
        notebook = nbformat.read(path, 4)
        page = lesson_html(new_notebook(cells=[c for c in notebook.cells if c.cell_type == "markdown"]), path.stem)
        formulas = re.findall(r"<math.*?</math>", page, re.S)
        assert formulas
        assert not [formula for formula in formulas if "\\" in formula], path.name
