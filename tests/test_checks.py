"""Every exercise and question of every lesson is itself tested, and so are the helpers that check them."""

import importlib
import math
import pkgutil
import types

import numpy as np
import pytest
import tensorflow as tf
from garbage import GARBAGE, divide

import course_utils.checks
from course_utils.checks import Exercise, Question, all_exercises, array_close, call, describe, lesson_02, numbers_close
from course_utils.checks.result import NOT_ATTEMPTED, PASSED, TRY_AGAIN, Result

LOSS = Exercise(
    name="The loss of a blind discriminator",
    verify=lambda answer: numbers_close(answer, math.log(2), 1e-4, "The loss", "nats"),
    reference=math.log(2),
    wrong=[
        (2 * math.log(2), "twice"),
        (-math.log(2), "sign"),
        (1.0, "base-2"),
        (5.0, "too large"),
        ([0.69], "length 1"),
    ],
    hint="It says 1/2 everywhere.",
    solution="`math.log(2)`",
    expects="a number",
)


def optimal(p, q):
    return p / (p + q)


def verify_optimal(answer):
    p, q = np.array([0.2, 0.6]), np.array([0.2, 0.2])
    for left, right in ((p, q), (q, p)):
        if reason := array_close(call(answer, left, right), optimal(left, right), "D*(x)"):
            return reason
    return None


OPTIMAL = Exercise(
    name="The optimal discriminator",
    verify=verify_optimal,
    reference=optimal,
    wrong=[
        (lambda p, q: q / (p + q), "too"),
        (lambda p, q: (p / (p + q))[:, None], "shape (2, 1)"),
        (lambda p, q: p if p[0] == q[0] else None, "too"),
        (lambda p, q: p / (p + q) if p[1] > q[1] else None, "Every path"),
        (lambda p: p, "cannot be called with"),
    ],
    hint="Maximise p log D + q log(1 - D) at each x.",
    solution="`p / (p + q)`",
    expects="a function of two arrays",
)
QUESTION = Question(
    "What does D say at its best when p_g = p_data?",
    options={"a": "0", "b": "1/2", "c": "1"},
    right="b",
    explanations={"a": "It would call data fake.", "b": "p / (p + p).", "c": "It would call samples real."},
)


def lesson_exercises():
    names = [info.name for info in pkgutil.iter_modules(course_utils.checks.__path__)]
    modules = [importlib.import_module(f"course_utils.checks.{name}") for name in names if name.startswith("lesson_")]
    return [(module.__name__, exercise) for module in modules for exercise in all_exercises(module)]


FOUND = lesson_exercises()
ALL = [LOSS, OPTIMAL, QUESTION, *(exercise for _, exercise in FOUND)]
every_exercise = pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name[:40])


@every_exercise
@pytest.mark.parametrize("empty", [None, ..., (None, ...), {"a": None}], ids=repr)
def test_nothing_is_not_attempted(exercise, empty):
    assert exercise.check(empty).state == NOT_ATTEMPTED


@every_exercise
def test_reference_passes(exercise):
    assert exercise.check(exercise.reference).state == PASSED


@every_exercise
def test_catalogued_wrong_answers_get_their_reason(exercise):
    assert len(exercise.wrong) >= 2
    for answer, fragment in exercise.wrong:
        result = exercise.check(answer)
        assert result.state == TRY_AGAIN, f"{describe(answer)} was answered {result}"
        assert fragment in result.reason


@every_exercise
@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_gets_a_reason_and_never_a_traceback(exercise, kind):
    result = exercise.check(GARBAGE[kind])
    assert result.state in (TRY_AGAIN, NOT_ATTEMPTED)
    assert 10 < len(result.reason) < 600
    assert "Traceback" not in repr(result) and "\n" not in repr(result) and " at 0x" not in repr(result)
    assert repr(result) == repr(exercise.check(GARBAGE[kind])), "the text of a result must not change between runs"


@pytest.mark.parametrize("exercise", [e for e in ALL if callable(e.reference)], ids=lambda exercise: exercise.name[:40])
def test_unfilled_functions_are_not_attempted(exercise):
    assert exercise.check(lambda *arguments: None).state == NOT_ATTEMPTED
    assert exercise.check(lambda *arguments: ...).state == NOT_ATTEMPTED
    assert exercise.check(lambda *arguments: 1.0 + ...).state == NOT_ATTEMPTED
    assert exercise.check(lambda *arguments: tf.constant(...)).state == NOT_ATTEMPTED


@pytest.mark.parametrize("kind", [tuple, list, np.array, tf.constant, lambda pair: [tf.constant(one) for one in pair]])
def test_a_right_pair_is_taken_in_every_form(kind):
    def coverage(points, means, deviation):
        covered, share = lesson_02.reference_coverage(points, means, deviation)
        return kind((float(covered), share))

    assert lesson_02.coverage.check(coverage).state == PASSED


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (([1, 2], 0.6), "modes covered should be one number. Received: a list of length 2"),
        ((2, [0.6, 1.0]), "The share should be one number. Received: a list of length 2"),
        (tf.constant([2.0, 0.6, 1.0]), "Return two numbers, the modes covered and the share. Received: a tensor"),
        (tf.constant(2.0), "Return two numbers, the modes covered and the share. Received: a tensor"),
    ],
)
def test_no_pair_is_named(found, words):
    result = lesson_02.coverage.check(lambda points, means, deviation: found)
    assert result.state == TRY_AGAIN and words in result.reason


def test_names_are_unique_within_a_lesson():
    named = [(module, exercise.name) for module, exercise in FOUND]
    assert len(set(named)) == len(named)


def test_all_exercises_looks_into_quizzes_and_lists_each_once():
    module = types.ModuleType("lesson_99")
    module.first, module.again, module.QUIZ, module.other = LOSS, LOSS, [QUESTION, OPTIMAL], 3
    assert all_exercises(module) == [LOSS, QUESTION, OPTIMAL]


def test_results_say_their_state_in_words():
    assert repr(LOSS.check(math.log(2))) == "Passed. Your answer is right."
    assert repr(LOSS.check(2 * math.log(2))) == (
        "Try again: The loss is twice as large as it should be. Received: 1.38629 nats."
    )
    assert repr(LOSS.check()) == "Not attempted yet. This one expects a number."
    for answer, words in ((math.log(2), "Passed."), (3, "Try again:"), (None, "Not attempted yet.")):
        assert f"<strong>{words}</strong>" in LOSS.check(answer)._repr_html_()
    box = Result(TRY_AGAIN, "<script> & `p / q`")._repr_html_()
    assert "&lt;script&gt; &amp; <code>p / q</code>" in box
    with pytest.raises(ValueError, match="Received: 'maybe'"):
        Result("maybe", "")


def test_reasons_name_what_the_learner_handed_over():
    assert LOSS.check("0.69").reason == "The loss should be one number. Received: the text '0.69'."
    assert "a tensor of shape (1,) and type float32" in LOSS.check(tf.constant([0.69])).reason
    assert "ZeroDivisionError: division by zero when called with an array of shape (2,)" in OPTIMAL.check(divide).reason
    assert OPTIMAL.check(0.5).reason == "A function is expected here. Received: 0.5."
    uncaught = Exercise("e", lambda a: None if a["x"] else "no", {"x": 1}, [(0, "i"), (1, "i")], "h", "s", "a dict")
    assert uncaught.check(3).reason == (
        "This one expects a dict. Received: 3 (TypeError: 'int' object is not subscriptable)."
    )


def test_a_learners_interrupt_is_not_an_answer():
    def interrupted(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        OPTIMAL.check(interrupted)


def test_checkpoint_takes_the_answer_only_if_it_passed(capsys):
    assert LOSS.checkpoint(0.69315) == 0.69315
    assert capsys.readouterr().out == "Using your answer.\n"
    assert LOSS.checkpoint(0.5) == math.log(2)
    assert LOSS.checkpoint() == math.log(2)
    assert capsys.readouterr().out == 2 * "Using the reference, so that the cells below run.\n"


def test_hint_and_solution_show_as_markdown():
    assert repr(LOSS.hint()) == LOSS.hint()._repr_markdown_() == "It says 1/2 everywhere."
    assert LOSS.solution()._repr_markdown_() == "`math.log(2)`"


def test_question_takes_letters_and_explains_each():
    assert repr(QUESTION.check(" B ")) == "Passed. p / (p + p)."
    assert repr(QUESTION.check("c")) == "Try again: It would call samples real."
    assert "letters a, b, c. Received: the text 'd'" in QUESTION.check("d").reason
    assert "- **b**: 1/2" in QUESTION._repr_markdown_() and "b) 1/2" in repr(QUESTION)


def test_incomplete_exercises_and_questions_are_refused():
    good = {"name": "n", "verify": len, "reference": 1, "wrong": [(2, "x"), (3, "y")], "expects": "a"}
    good |= {"hint": "h", "solution": "s"}
    for broken in ({"name": " "}, {"reference": None}, {"wrong": [(2, "x")]}, {"wrong": [(2, ""), (3, "y")]}):
        with pytest.raises(ValueError, match="Received"):
            Exercise(**(good | broken))
    with pytest.raises(ValueError, match="solution must be"):
        Exercise(**(good | {"solution": ""}))
    with pytest.raises(TypeError, match="verify must be a function"):
        Exercise(**(good | {"verify": 3}))
    options = {"a": "1", "b": "2", "c": "3"}
    for broken, words in (
        ({"right": "d"}, "right must be one of a, b, c. Received: the text 'd'"),
        ({"explanations": {"a": "x", "b": "y"}}, "must explain each of a, b, c"),
        ({"explanations": options | {"b": " "}}, "must explain each of a, b, c"),
        ({"options": {"a": "1", "b": "2"}}, "three options or more"),
    ):
        with pytest.raises(ValueError, match=words):
            Question(**({"prompt": "?", "options": options, "right": "a", "explanations": options} | broken))
