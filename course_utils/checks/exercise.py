"""Exercises with three states: not attempted, try again because ..., passed.

An exercise carries its own test: the reference answer must pass, and every catalogued wrong answer
must be sent back with the right reason (``tests/test_checks.py`` runs this for all lessons).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from course_utils.checks.compare import AnswerError, UnfilledError, describe, explain
from course_utils.checks.result import NOT_ATTEMPTED, PASSED, TRY_AGAIN, Note, Result


class Graded:
    """Something with a right answer: what exercises and quiz questions share.

    Args:
        name: what the learner reads above it; unique within a lesson.
        verify: ``verify(answer)`` returns None if the answer is right, else one sentence that teaches why not.
        reference: the right answer, a value or a function.
        wrong: at least two pairs (wrong answer, words that its reason must contain).
        expects: what kind of answer is meant, as the object of "expects", such as ``"a number"``.

    Raises:
        ValueError: if a text is empty, ``reference`` is missing or ``wrong`` has fewer than two pairs.
        TypeError: if ``verify`` is not a function.
    """

    praise = "Your answer is right."

    def __init__(
        self,
        name: str,
        verify: Callable[[Any], str | None],
        reference: Any,
        wrong: Sequence[tuple[Any, str]],
        expects: str,
    ) -> None:
        if not callable(verify):
            raise TypeError(f"verify must be a function of the answer. Received: {describe(verify)}.")
        if _empty(reference):
            raise ValueError(f"reference must be the right answer. Received: {describe(reference)}.")
        if len(wrong) < 2 or not all(fragment for _, fragment in wrong):
            raise ValueError(f"wrong must hold two or more (answer, words) pairs. Received: {describe(wrong)}.")
        self.name = _text("name", name)
        self.verify = verify
        self.reference = reference
        self.wrong = list(wrong)
        self.expects = _text("expects", expects)

    def check(self, answer: Any = None) -> Result:
        """Say whether an answer is right, and if not, why; never raises for what a learner hands over.

        Args:
            answer: the learner's answer. ``None``, ``...`` or a function that only returns those
                counts as not attempted.

        Returns:
            The `Result` to show as the cell's last expression.
        """
        if _empty(answer):
            return Result(NOT_ATTEMPTED, f"This one expects {self.expects}.")
        try:
            reason = self.verify(answer)
        except UnfilledError as unfilled:
            if self._returns_sometimes(answer):
                reason = f"{unfilled} Every path through a function needs its own `return`."
            else:
                return Result(NOT_ATTEMPTED, f"{unfilled} If you have filled it in, does it end in a `return`?")
        except AnswerError as wrong:
            reason = str(wrong)
        except (Exception, SystemExit) as error:
            reason = f"This one expects {self.expects}. Received: {describe(answer)} ({explain(error)})."
        return Result(PASSED, self.praise) if reason is None else Result(TRY_AGAIN, reason)

    def _returns_sometimes(self, function: Any) -> bool:
        """Tell a function with one forgotten return from an empty skeleton.

        The reference stands in wherever the function gives nothing, so that `verify` goes on to
        its other inputs.
        """
        if not (callable(function) and callable(self.reference)):
            return False
        filled = []

        def completed(*arguments: Any) -> Any:
            value = function(*arguments)
            filled.append(not _empty(value))
            return value if filled[-1] else self.reference(*arguments)

        with contextlib.suppress(Exception, SystemExit):
            self.verify(completed)
        return any(filled)

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.name}"


class Exercise(Graded):
    """One exercise of a lesson: check, hint, solution and checkpoint.

    Args:
        name: title, unique within its lesson.
        verify: ``verify(answer)`` returns None if right, else the reason. Call the learner's functions
            through `compare.call`, so that errors and empty skeletons become reasons.
        reference: the reference answer, a value or a function.
        wrong: at least two pairs (wrong answer, words that its reason must contain).
        hint: Markdown, shown on request.
        solution: Markdown with a code block and the why, shown on request.
        expects: what kind of answer is meant, such as ``"a number"``.

    Raises:
        ValueError: if a text is empty, ``reference`` is missing or ``wrong`` has fewer than two pairs.
        TypeError: if ``verify`` is not a function.

    Example:
        >>> from course_utils.checks import Exercise, numbers_close
        >>> blind = Exercise(
        ...     name="The loss of a blind discriminator",
        ...     verify=lambda answer: numbers_close(answer, 0.6931, 1e-3, "The loss", "nats"),
        ...     reference=0.6931,
        ...     wrong=[(1.3863, "twice"), (-0.6931, "sign")],
        ...     hint="It says 1/2 everywhere.",
        ...     solution="`-math.log(1 / 2)`: both halves cost log 2, and so does their mean.",
        ...     expects="a number",
        ... )
        >>> blind.check(1.3863)
        Try again: The loss is twice as large as it should be. Received: 1.3863 nats.
        >>> blind.checkpoint(None)
        Using the reference, so that the cells below run.
        0.6931
    """

    def __init__(
        self,
        name: str,
        verify: Callable[[Any], str | None],
        reference: Any,
        wrong: Sequence[tuple[Any, str]],
        hint: str,
        solution: str,
        expects: str,
    ) -> None:
        super().__init__(name, verify, reference, wrong, expects)
        self._hint = Note(_text("hint", hint))
        self._solution = Note(_text("solution", solution))

    def hint(self) -> Note:
        """Return the hint, which shows as formatted text."""
        return self._hint

    def solution(self) -> Note:
        """Return the solution and why it is right, which shows as formatted text."""
        return self._solution

    def checkpoint(self, answer: Any = None) -> Any:
        """Return the learner's answer if it passes, else the reference, and print which one.

        Later cells use what this returns, so they run whatever the learner did.
        """
        if self.check(answer).passed:
            print("Using your answer.")
            return answer
        print("Using the reference, so that the cells below run.")
        return self.reference


def _empty(answer: Any) -> bool:
    """Whether an answer is still what the skeleton had: None, ``...``, or a container of only those."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list | tuple) and answer:
        return all(part is None or part is Ellipsis for part in answer)
    return answer is None or answer is Ellipsis


def _text(what: str, value: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{what} must be a text that is not empty. Received: {describe(value)}.")
    return value
