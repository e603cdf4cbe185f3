"""A lesson as one HTML page that needs no network: formulas as MathML, figures with their alt text."""

from __future__ import annotations

import copy
from typing import Any

import jinja2
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from course_utils.lesson_controls import freeze_controls

# nbconvert's template fetches scripts from the web and leaves the alt text of a PNG out.
_TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}">
<img src="data:image/png;base64,{{ output.data['image/png'] | escape_html }}"
 alt="{{ output | get_metadata('alt', 'image/png') | escape_html }}">
</div>
{%- endblock data_png -%}
"""


class _Renderer(IPythonRenderer):
    """Markdown whose formulas become MathML, which browsers draw by themselves."""

    def block_math(self, body: str) -> str:
        return convert(body, display="block")

    def inline_math(self, body: str) -> str:
        return convert(body)


class _Exporter(HTMLExporter):
    @jinja2.pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        return MarkdownWithMath(renderer=_Renderer(escape=False)).render(source)


def lesson_html(notebook: Any, name: str) -> str:
    """Return an executed notebook as an HTML page with its figures inside.

    Args:
        notebook: the executed notebook.
        name: the page's title.

    Returns:
        The page. Formulas are MathML, figures keep their alt text.

    Example:
        >>> import nbformat
        >>> cell = nbformat.v4.new_markdown_cell("one $x^2$")
        >>> "<msup><mi>x</mi><mn>2</mn></msup>" in lesson_html(nbformat.v4.new_notebook(cells=[cell]), "a lesson")
        True
    """
    notebook = copy.deepcopy(notebook)
    freeze_controls(notebook)
    loader = jinja2.DictLoader({"lesson.html.j2": _TEMPLATE})
    exporter = _Exporter(extra_loaders=[loader], template_file="lesson.html.j2")
    page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": name}})
    return page
