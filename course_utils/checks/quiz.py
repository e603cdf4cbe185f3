"""Quiz questions: one right option, and an explanation for every option, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_utils.checks.compare import describe
from course_utils.checks.exercise import Graded


class Question(Graded):
    """One question of a quiz. As the last expression of a cell it shows its prompt and options.

    Args:
        prompt: the question, Markdown; unique within its lesson.
        options: letter to text, three options or more.
        right: the letter of the right option.
        explanations: letter to one or more sentences: why this option is right or wrong.

    Raises:
        ValueError: if there are fewer than three options, ``right`` is none of them, or an option has
            no explanation of its own.

    Example:
        >>> question = Question(
        ...     "What does D say at its best when p_g = p_data?",
        ...     options={"a": "0", "b": "1/2", "c": "1"},
        ...     right="b",
        ...     explanations={
        ...         "a": "That would call every real point fake.",
        ...         "b": "p / (p + p) = 1/2 everywhere.",
        ...         "c": "That would call every fake point real.",
        ...     },
        ... )
        >>> question.check("a")
        Try again: That would call every real point fake.
        >>> question.check("b")
        Passed. p / (p + p) = 1/2 everywhere.
    """

    def __init__(self, prompt: str, options: Mapping[str, str], right: str, explanations: Mapping[str, str]) -> None:
        if len(options) < 3:
            raise ValueError(f"A question needs three options or more. Received: {describe(dict(options))}.")
        if right not in options:
            raise ValueError(f"right must be one of {', '.join(options)}. Received: {describe(right)}.")
        if set(explanations) != set(options) or not all(text.strip() for text in explanations.values()):
            raise ValueError(
                f"explanations must explain each of {', '.join(options)}. Received: {describe(dict(explanations))}."
            )
        self.options = dict(options)
        self.explanations = dict(explanations)
        super().__init__(
            name=prompt,
            verify=self._verify,
            reference=right,
            wrong=[(letter, text) for letter, text in explanations.items() if letter != right],
            expects=f"one of the letters {', '.join(options)} as a text, such as `.check({next(iter(options))!r})`",
        )
        self.praise = explanations[right]

    def _verify(self, answer: Any) -> str | None:
        letter = answer.strip().lower() if isinstance(answer, str) else None
        if letter not in self.options:
            return f"Choose one of the letters {', '.join(self.options)}. Received: {describe(answer)}."
        return None if letter == self.reference else self.explanations[letter]

    def __repr__(self) -> str:
        return "\n".join([self.name, *(f"  {letter}) {text}" for letter, text in self.options.items())])

    def _repr_markdown_(self) -> str:
        return "\n".join([f"**{self.name}**\n", *(f"- **{letter}**: {text}" for letter, text in self.options.items())])
