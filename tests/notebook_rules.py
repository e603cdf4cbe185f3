"""Rules about what is stored in a lesson: outputs, figures, links, paths. Each returns its findings as lines."""

from __future__ import annotations

import json
import pathlib
import re
from urllib.parse import unquote

import template_rules

from course_utils import lessons

SIZE_LIMIT = 300_000
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/svg+xml")
_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\]|!\[[^\]]*\]\([^)]*\))*\]\(\s*<?([^)\s>]+)")
_PICTURE = re.compile(r"!\[([^\]]*)\]\(\s*<?([^)\s>]+)")
_HTML_LINK = re.compile(r"""<(?:a|img)\b[^>]*?\b(?:href|src)=["']([^"']+)""", re.IGNORECASE)
_HTML_PICTURE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_CODE_IN_TEXT = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_FORBIDDEN = {
    "an absolute path": r"(?<![\w.~])/(?:home|root|tmp|work|Users)/|\b[A-Z]:\\+(?:Users|Windows|Program|Temp)",
    "a registry address": r"pypi\.org|pythonhosted\.org|registry\.npmjs|conda\.anaconda\.org|--(?:extra-)?index-url",
}
_HIDING_TAGS = re.compile(r"(?:remove|hide)[-_](?:cell|input|output)")


def outputs_are_current(nb, path):
    stamp = nb.metadata.get("course", {})
    if "code_sha256" not in stamp:
        return ["no stamp: run `python -m course_utils execute --profile standard --commit`"]
    wrong = [] if stamp["code_sha256"] == lessons.code_hash(nb) else ["code was edited after the outputs were made"]
    if stamp.get("profile") != "standard":
        wrong.append(f"outputs come from {stamp.get('profile')}, not from standard")
    return wrong


def every_cell_ran_in_order(nb, path):
    cells = lessons.code_cells(nb)
    wrong = [f"code cell {i} is empty" for i, cell in enumerate(cells, start=1) if not cell.source.strip()]
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        wrong.append(f"execution counts are {counts}, not 1 to {len(cells)}")
    return wrong


def compared_cells_have_an_output(nb, path):
    return [
        f"code cell {number} is compared with its stored output but has none"
        for number, cell in enumerate(lessons.code_cells(nb), start=1)
        if ("NBVAL_CHECK_OUTPUT" in cell.source or "nbval-check-output" in cell.metadata.get("tags", []))
        and not cell.outputs
    ]


def outputs_are_clean(nb, path):
    return [
        f"code cell {number} has an output of {kind}"
        for number, output in _outputs(nb)
        for kind in [output.get("name") if output.output_type == "stream" else output.output_type]
        if kind in ("error", "stderr")
    ]


def file_is_small(nb, path):
    size = path.stat().st_size
    return [f"{size:,} bytes; {SIZE_LIMIT:,} at most"] if size > SIZE_LIMIT else []


def pictures_have_alt_text(nb, path):
    wrong = [
        f"code cell {number}: its {kind} has no alt text"
        for number, output in _outputs(nb)
        for kind in IMAGES
        if kind in output.get("data", {}) and not output.metadata.get(kind, {}).get("alt", "").strip()
    ]
    pages = [output["data"]["text/html"] for _, output in _outputs(nb) if "text/html" in output.get("data", {})]
    for text in _markdown(nb) + pages:
        wrong += [f"{target} has no alt text" for alt, target in _PICTURE.findall(text) if not alt.strip()]
        wrong += [
            f"{tag[:80]} has no alt text"
            for tag in _HTML_PICTURE.findall(text)
            if not re.search(r"""\balt=["'][^"']*\w""", tag)
        ]
    return wrong


def links_resolve(nb, path):
    return [line for text in _markdown(nb) for line in broken_links(text, path)]


def broken_links(text, path):
    """Return the links of a markdown text, standing in the file ``path``, that lead to no file or section."""
    text = _CODE_IN_TEXT.sub("", text)
    targets = _LINK.findall(text) + [target for _, target in _PICTURE.findall(text)] + _HTML_LINK.findall(text)
    wrong = []
    for target in targets:
        if re.match(r"(?:https?|mailto|attachment):", target):
            continue
        name, _, fragment = unquote(target).partition("#")
        file = path.parent / name if name else path
        if name.startswith("/") or not file.exists():
            wrong.append(f"the link {target!r} leads to no file")
        elif fragment and file.is_file() and fragment not in _anchors(file):
            wrong.append(f"the link {target!r} leads to no section")
    return wrong


def _anchors(file: pathlib.Path):
    if file.suffix == ".ipynb":
        headings = [part.text for part in template_rules.parts(lessons.read_lesson(file)) if part.kind == "heading"]
        return {heading.strip().replace(" ", "-") for heading in headings}
    headings = re.findall(r"^#{1,6} +(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def no_address_of_a_machine(nb, path):
    texts = [(f"cell {index}", cell.source) for index, cell in enumerate(nb.cells)]
    for number, output in _outputs(nb):
        shown = {kind: data for kind, data in output.get("data", {}).items() if kind not in IMAGES}
        # JSON would double the backslashes of a Windows path; the pattern allows for that.
        text = json.dumps([shown, output.get("text", ""), output.get("traceback", [])], ensure_ascii=False)
        texts.append((f"an output of code cell {number}", text))
    return [
        f"{where} holds {what}: {found[0]}"
        for where, text in texts
        for what, pattern in _FORBIDDEN.items()
        if (found := re.search(pattern, text))
    ]


def nothing_is_hidden(nb, path):
    wrong = []
    for index, cell in enumerate(nb.cells):
        hidden = {key for key, value in cell.metadata.get("jupyter", {}).items() if key.endswith("_hidden") and value}
        hidden |= {tag for tag in cell.metadata.get("tags", []) if _HIDING_TAGS.fullmatch(tag)}
        if cell.cell_type == "code":
            hidden |= set(re.findall(r"^\s*(%load\w*|%run|%%capture)\b", cell.source, re.MULTILINE))
        wrong += [f"cell {index} hides what runs: {what}" for what in sorted(hidden)]
    return wrong


def readme_findings(text):
    """Return what is wrong with the README's table of lessons."""
    try:
        return [] if lessons.readme_with_table(text) == text else ["the table differs from what the lessons say"]
    except ValueError as error:
        return [str(error)]


def _outputs(nb):
    return [(n, output) for n, cell in enumerate(lessons.code_cells(nb), start=1) for output in cell.outputs]


def _markdown(nb):
    return [cell.source for cell in nb.cells if cell.cell_type == "markdown"]


RULES = (
    *template_rules.RULES,
    outputs_are_current,
    every_cell_ran_in_order,
    compared_cells_have_an_output,
    outputs_are_clean,
    file_is_small,
    pictures_have_alt_text,
    links_resolve,
    no_address_of_a_machine,
    nothing_is_hidden,
)
