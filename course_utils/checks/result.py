"""What a check answers: one of three states with a reason, and texts shown on request."""

from __future__ import annotations

import dataclasses
import html
import re

NOT_ATTEMPTED = "not attempted"
TRY_AGAIN = "try again"
PASSED = "passed"

# The opening words carry the state by themselves; the colour (border, tint) only repeats it.
_LOOK = {
    PASSED: ("Passed.", "#009E73", "rgba(0, 158, 115, 0.12)"),
    TRY_AGAIN: ("Try again:", "#D55E00", "rgba(213, 94, 0, 0.12)"),
    NOT_ATTEMPTED: ("Not attempted yet.", "#0072B2", "rgba(0, 114, 178, 0.12)"),
}


@dataclasses.dataclass(frozen=True, repr=False)
class Result:
    """The state of one answer and the reason for it.

    As the last expression of a cell it shows as a coloured box; printed, as one line of text.

    Args:
        state: ``"not attempted"``, ``"try again"`` or ``"passed"``.
        reason: one or more sentences for the learner.

    Raises:
        ValueError: if the state is none of the three.

    Example:
        >>> Result("try again", "D(x) has the wrong sign.")
        Try again: D(x) has the wrong sign.
    """

    state: str
    reason: str

    def __post_init__(self) -> None:
        if self.state not in _LOOK:
            raise ValueError(f"state must be one of {', '.join(map(repr, _LOOK))}. Received: {self.state!r}.")

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.state == PASSED

    def __repr__(self) -> str:
        return f"{_LOOK[self.state][0]} {self.reason}"

    def _repr_html_(self) -> str:
        opening, colour, tint = _LOOK[self.state]
        reason = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(self.reason))
        style = f"border-left: 6px solid {colour}; background: {tint}; padding: 0.5em 0.8em; margin: 0.3em 0;"
        return f'<div role="status" style="{style}"><strong>{opening}</strong> {reason}</div>'


@dataclasses.dataclass(frozen=True, repr=False)
class Note:
    """A Markdown text (a hint, a solution) that shows as formatted text in a notebook.

    Args:
        text: Markdown.

    Example:
        >>> Note("Start from `D(x) = 1/2`.")
        Start from `D(x) = 1/2`.
    """

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text
