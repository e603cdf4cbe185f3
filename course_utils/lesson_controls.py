"""Controls (sliders) of a lesson, once the kernel that drew them is gone."""

from __future__ import annotations

from typing import Any

CONTROL = "Here stands a control. It needs a running kernel: open the lesson in JupyterLab and run this cell."
_VIEW = "application/vnd.jupyter.widget-view+json"


def freeze_controls(notebook: Any) -> None:
    """Put a sentence in the place of every control (a slider), in place: without a kernel there is none.

    A stored control is a number that the next kernel does not know, and its page would fetch a viewer
    from the web.

    Args:
        notebook: the nbformat notebook.

    Example:
        >>> import nbformat
        >>> output = nbformat.v4.new_output("display_data", data={_VIEW: {"model_id": "1"}})
        >>> notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[output])])
        >>> freeze_controls(notebook)
        >>> list(notebook.cells[0].outputs[0].data)
        ['text/plain']
    """
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if _VIEW in output.get("data", {}):
                output.data = {"text/plain": CONTROL}
