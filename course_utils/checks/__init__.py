"""Exercises and quiz questions that check themselves; one module ``lesson_NN`` a lesson."""

from types import ModuleType

from course_utils.checks.compare import array_close, call, describe, numbers_close
from course_utils.checks.exercise import Exercise, Graded
from course_utils.checks.quiz import Question
from course_utils.checks.result import Result

__all__ = ["Exercise", "Question", "Result", "all_exercises", "array_close", "call", "describe", "numbers_close"]


def all_exercises(module: ModuleType) -> list[Exercise | Question]:
    """List the exercises and questions of a lesson module, in the order of their definition.

    Args:
        module: such as ``course_utils.checks.lesson_03``. Exercises may stand in the module itself
            or in a list or tuple in it (a quiz).

    Returns:
        Every `Exercise` and `Question` once.

    Example:
        >>> import types
        >>> all_exercises(types.ModuleType("lesson_99"))
        []
    """
    found: dict[int, Exercise | Question] = {}
    for value in vars(module).values():
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, Graded):
                found[id(item)] = item
    return list(found.values())
