"""Rules about the parts that every lesson has. Each returns what it finds wrong, one line a finding."""

from __future__ import annotations

import re
from typing import NamedTuple

from course_utils import lessons

SECONDS_AT_MOST = {"quick": 60, "standard": 600}
SECTION_LABELS = ("Idea", "Formula", "Predict", "Compare")
# A learner's cell calls an Exercise; a quiz question is named quiz_<something>.
_QUIZ = re.compile(r"\b(quiz_\w*)\.check\(")
_EXERCISE = re.compile(r"^(?!\s*#).*?\b(?!quiz_)\w+\.check\(", re.MULTILINE)
_START = re.compile(r"(?<![\w.])(?:runtime\.)?start\(")
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


class Part(NamedTuple):
    """One piece of a lesson in reading order: a heading, a run of text, or a code cell."""

    kind: str  # "heading", "text" or "code"
    level: int  # of a heading, 1-6, else 0
    text: str


def parts(nb):
    """Return the lesson's headings, texts and code cells in order."""
    found = []
    for cell in nb.cells:
        if cell.cell_type == "code":
            found.append(Part("code", 0, cell.source))
        elif cell.cell_type == "markdown":
            for line in _FENCED.sub("", cell.source).splitlines():
                heading = re.match(r"(#{1,6}) +(.*)", line)
                found.append(Part("heading", len(heading[1]), heading[2]) if heading else Part("text", 0, line))
    return found


def sections(nb, level=2):
    """Return [(heading, parts up to the next heading of this level or above)] for headings of a level."""
    found, current = [], None
    for part in parts(nb):
        if part.kind == "heading" and part.level <= level:
            current = [] if part.level == level else None
            if current is not None:
                found.append((part.text.strip(), current))
        elif current is not None:
            current.append(part)
    return found


def text_of(section):
    return "\n".join(part.text for part in section if part.kind == "text")


def code_of(section):
    return [part.text for part in section if part.kind == "code"]


def head_is_complete(nb, path):
    head, wrong = lessons.head_of(nb), []
    if not head.startswith(f"# {path.stem[:2]} · "):
        wrong.append(f"the first cell must begin with '# {path.stem[:2]} · Title'")
    if len(re.findall(r"[.!?](?=\s|$)", lessons.promise_of(nb))) != 1:
        wrong.append("no promise: one sentence, with its full stop, in *italics* under the title")
    opening = "\n".join(part.text for part in parts(nb)[: _first_code(nb)] if part.kind == "text")
    labels = re.split(r"\*\*(After this lesson you can|Prerequisites|Skip here if)\b[^*]*\*\*", opening)
    blocks = dict(zip(labels[1::2], labels[2::2], strict=True))
    wrong += [
        f"no **{label}** with text before the first code cell"
        for label in ("After this lesson you can", "Prerequisites", "Skip here if")
        if not re.search(r"\w", blocks.get(label, ""))
    ]
    objectives = len(re.findall(r"^[-*] +\S", blocks.get("After this lesson you can", ""), re.MULTILINE))
    if not 3 <= objectives <= 5:
        wrong.append(f"{objectives} objectives under 'After this lesson you can'; a lesson has 3 to 5")
    return wrong


def _first_code(nb):
    return next((index for index, part in enumerate(parts(nb)) if part.kind == "code"), None)


def minutes_are_the_measured_ones(nb, path):
    seconds = lessons.seconds_of(nb)
    if not seconds.keys() >= SECONDS_AT_MOST.keys():
        return ["no measured seconds of quick and standard: run `execute --commit` in both profiles"]
    slow = [profile for profile, most in SECONDS_AT_MOST.items() if seconds[profile] > most]
    if slow:
        return [f"{profile} took {seconds[profile]} s; {SECONDS_AT_MOST[profile]} at most" for profile in slow]
    opening, closing = lessons.HEAD_MARKERS
    if f"{opening}{lessons.minutes_line(nb)}{closing}" not in lessons.head_of(nb):
        return [f"the head must say {lessons.minutes_line(nb)!r}; it is written by `execute --commit`"]
    return []


def one_setup_cell(nb, path):
    calls = [bool(_START.search(cell.source)) for cell in lessons.code_cells(nb)]
    return [] if calls[:1] == [True] and sum(calls) == 1 else ["exactly the first code cell must call start("]


def sections_are_complete(nb, path):
    numbered = [(title, content) for title, content in sections(nb) if re.match(r"\d+\. ", title)]
    wrong = [] if 3 <= len(numbered) <= 5 else [f"{len(numbered)} numbered sections; a lesson has 3 to 5"]
    for number, (title, content) in enumerate(numbered, start=1):
        if not title.startswith(f"{number}. "):
            wrong.append(f"section {title!r} should have the number {number}")
        places = [
            next((i for i, part in enumerate(content) if part.kind == "text" and f"**{label}.**" in part.text), None)
            for label in SECTION_LABELS
        ]
        missing = [label for label, place in zip(SECTION_LABELS, places, strict=True) if place is None]
        if missing:
            wrong.append(f"section {title!r} lacks {', '.join(f'**{label}.**' for label in missing)}")
        elif places != sorted(places):
            wrong.append(f"section {title!r}: the order is {', '.join(SECTION_LABELS)}")
        elif not code_of(content[places[2] : places[3]]):
            wrong.append(f"section {title!r} runs nothing between **Predict.** and **Compare.**")
        if not any(re.search(r"^\s*assert\b|# NBVAL_CHECK_OUTPUT|\.check\(", code, re.M) for code in code_of(content)):
            wrong.append(f"section {title!r} has no check: an assert, a compared output or an exercise")
    return wrong


def an_ablation_runs(nb, path):
    for title, content in sections(nb):
        if title.startswith("What breaks if"):
            return [] if code_of(content) else ["'What breaks if' runs no code"]
    return ["no '## What breaks if' section"]


def exercises_are_complete(nb, path):
    wrong, found = [], 0
    headings = [content for level in (2, 3) for title, content in sections(nb, level) if title.startswith("Exercise")]
    if any(not any(_EXERCISE.search(code) for code in code_of(content)) for content in headings):
        wrong.append("an Exercise heading has no cell that calls .check(")
    under_heading = {code for content in headings for code in code_of(content)}
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code" or not _EXERCISE.search(cell.source):
            continue
        found += 1
        where = f"the exercise in cell {index}"
        if cell.source not in under_heading:
            wrong.append(f"{where} has no '### Exercise N' heading")
        wrong += [
            f"{where} mentions no {call} in a comment"
            for call in (".hint()", ".solution()")
            if not re.search(rf"^\s*#.*{re.escape(call)}", cell.source, re.M)
        ]
        after = nb.cells[index + 1] if index + 1 < len(nb.cells) else None
        checkpoint = after is not None and after.cell_type == "code" and after.source.startswith("# Checkpoint")
        if not checkpoint or ".checkpoint(" not in after.source:
            wrong.append(f"{where} needs a '# Checkpoint' cell calling .checkpoint( right after it")
    return wrong if found else [*wrong, "no exercise: no cell calls .check("]


def closing_is_complete(nb, path):
    by_title = dict(sections(nb))
    wrong = [f"no '## {title}'" for title in ("Summary", "Quiz", "References") if title not in by_title]
    if "$" not in text_of(by_title.get("Summary", [])):
        wrong.append("the Summary holds no formula")
    quiz = {name for code in code_of(by_title.get("Quiz", [])) for name in _QUIZ.findall(code)}
    if len(quiz) != 3:
        wrong.append(f"the Quiz checks {len(quiz)} quiz_ questions; a lesson has 3")
    if len(re.findall(r"^[-*] +\S", text_of(by_title.get("References", [])), re.MULTILINE)) < 2:
        wrong.append("References needs at least two bullet points")
    return wrong


def sizes_read_well(nb, path):
    is_start = path.stem.startswith("00")
    code = lessons.code_cells(nb)
    markdown = [cell.source for cell in nb.cells if cell.cell_type == "markdown"]
    counts = {
        "code cells": (len(code), 8 if is_start else 15, 30),
        "markdown cells": (len(markdown), 18, 36),
        "words of prose": (sum(map(words, markdown)), 800 if is_start else 1_100, 2_600),
    }
    wrong = [
        f"{n} {what}; {low} to {high} read well" for what, (n, low, high) in counts.items() if not low <= n <= high
    ]
    lengths = [len(cell.source.splitlines()) for cell in code]
    return wrong + [f"code cell {i} has {n} lines; 25 at most" for i, n in enumerate(lengths, start=1) if n > 25]


def words(markdown):
    """Count words of prose: without formulas, code blocks, comments and addresses."""
    text = _FENCED.sub("", markdown)
    for not_prose in (r"\$\$.*?\$\$", r"\$[^$]*\$", r"<[^>]*>", r"\]\([^)]*\)"):
        text = re.sub(not_prose, " ", text, flags=re.DOTALL)
    return len(re.findall(r"[^\W\d_][\w'’-]*", text))


RULES = (
    head_is_complete,
    minutes_are_the_measured_ones,
    one_setup_cell,
    sections_are_complete,
    an_ablation_runs,
    exercises_are_complete,
    closing_is_complete,
    sizes_read_well,
)
