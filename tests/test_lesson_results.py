"""What a lesson says about itself, and what `execute --commit` stores in it and in the README."""

import nbformat
import pytest
from small_course import CODE, empty_course, executed_copy, write

from course_utils import lesson_results, lessons, runtime
from course_utils.lesson_controls import CONTROL


@pytest.fixture
def course(tmp_path, monkeypatch):
    return empty_course(tmp_path, monkeypatch)


def test_lessons_are_chosen_in_reading_order(course):
    for name in ("03_b", "00_a", "12_c"):
        write(course, name, "1")
    assert [path.stem for path in lessons.choose_lessons([])] == ["00_a", "03_b", "12_c"]
    assert [path.stem for path in lessons.choose_lessons(["12", "00", "12"])] == ["00_a", "12_c"]


def test_only_numbered_notebooks_are_lessons(course):
    for name in ("03_b", "Untitled", ".03_b-temporary", "3_b"):
        write(course, name, "1")
    assert [path.stem for path in lessons.lesson_files()] == ["03_b"]


def test_two_lessons_with_one_number_are_one_clear_error(course):
    for name in ("00_a", "03_b", "03_b-Copy1"):
        write(course, name, "1")
    for numbers in ([], ["00"], ["03"]):
        with pytest.raises(ValueError, match=r"^Two lessons have the number 03: 03_b-Copy1\.ipynb and 03_b\.ipynb\. "):
            lessons.choose_lessons(numbers)


def test_unreadable_notebook_is_named(course):
    (course / "notebooks" / "00_a.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"00_a\.ipynb is not a readable notebook"):
        lessons.read_lesson(course / "notebooks" / "00_a.ipynb")


def test_code_hash_follows_code_and_nothing_else(course):
    nb = lessons.read_lesson(write(course, "00_a", "a", "b"))
    first = lessons.code_hash(nb)
    nb.cells[0].source += "more text"
    nb.cells[1].outputs = [nbformat.v4.new_output("stream", text="x")]
    assert lessons.code_hash(nb) == first
    hashes = {first}
    for codes in (["ab"], ["b", "a"], ["a", "b "], ["a", "b", ""]):
        hashes.add(lessons.code_hash(nbformat.v4.new_notebook(cells=[CODE(code) for code in codes])))
    assert len(hashes) == 5


def test_commit_of_standard_stores_outputs_minutes_and_table(course):
    path = write(course, "00_a", "1", "2")
    write(course, "03_b", "1")
    executed = executed_copy(path, seconds=371.0)
    # Text that was edited while the lesson ran is kept.
    path.write_text(path.read_text(encoding="utf-8").replace("One | promise", "Another | promise"), encoding="utf-8")
    lesson_results.commit(executed, path, "standard")
    nb = lessons.read_lesson(path)
    assert [cell.outputs[0].text for cell in nb.cells[1:]] == ["output 1\n", "output 2\n"]
    assert nb.metadata.course == {
        "code_sha256": lessons.code_hash(nb),
        "profile": "standard",
        "seconds": {"standard": 371.0},
    }
    assert "<!--minutes-->Measured on 2 CPU cores: quick – min · standard 6.2 min<!--/minutes-->" in nb.cells[0].source
    assert nb.metadata.language_info == {"name": "python"} and nb.metadata.kernelspec.name == "python3"
    assert (course / "README.md").read_text(encoding="utf-8") == (
        "Before\n<!--lessons-->\n"
        "| no. | notebook | in one line | quick min | standard min |\n|---|---|---|---:|---:|\n"
        "| 00 | [a](notebooks/00_a.ipynb) | Another \\| promise. | – | 6.2 |\n"
        "| 03 | [b](notebooks/03_b.ipynb) | One \\| promise. | – | – |\n"
        "<!--/lessons-->\nAfter\n"
    )


def test_commit_of_quick_changes_only_minutes(course):
    path = write(course, "00_a", "1")
    lesson_results.commit(executed_copy(path), path, "standard")
    before = lessons.read_lesson(path)
    lesson_results.commit(executed_copy(path, "quick", 24.1), path, "quick")
    after = lessons.read_lesson(path)
    assert after.metadata.course == before.metadata.course | {"seconds": {"quick": 24.1, "standard": 90.0}}
    assert "quick 0.4 min · standard 1.5 min" in after.cells[0].source
    after.cells[0].source, after.metadata.course = before.cells[0].source, before.metadata.course
    assert after == before


def test_commit_refuses_code_edited_meanwhile(course):
    path = write(course, "00_a", "1")
    executed = executed_copy(path)
    write(course, "00_a", "2")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="edited while it ran"):
        lesson_results.commit(executed, path, "standard")
    assert path.read_bytes() == before


def test_commit_is_refused_before_the_run(course, monkeypatch):
    path = write(course, "00_a", "1")
    lesson_results.check_committable("quick", [path])
    path.write_text(path.read_text(encoding="utf-8").replace("<!--/minutes-->", ""), encoding="utf-8")
    with pytest.raises(ValueError, match=r"first cell of 00_a\.ipynb must hold <!--minutes-->"):
        lesson_results.check_committable("quick", [path])
    (course / "README.md").write_text("No table.", encoding="utf-8")
    with pytest.raises(ValueError, match=r"README\.md must hold <!--lessons-->"):
        lesson_results.check_committable("quick", [])
    (course / "README.md").unlink()
    with pytest.raises(FileNotFoundError, match=r"README\.md is missing"):
        lesson_results.check_committable("quick", [])
    monkeypatch.setattr(runtime, "usable_cores", lambda: 8)
    with pytest.raises(ValueError, match="this process may use 8"):
        lesson_results.check_committable("quick", [])


def test_normalise_removes_what_differs_from_run_to_run(course):
    nb = executed_copy(write(course, "00_a", "1"))
    nb.cells[1].metadata.update(scrolled=True, tags=["kept"])
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "interactive()"}
    nb.cells[1].outputs.append(nbformat.v4.new_output("display_data", data=view))
    lesson_results.normalise(nb)
    assert nb.cells[1].outputs[1].data == {"text/plain": CONTROL}
    assert nb.cells[1].metadata == {"tags": ["kept"]}
    assert set(nb.metadata) == {"course", "kernelspec", "language_info"}
    assert nb.cells[1].outputs[0].text == "output 1\n"


def test_cell_ids_follow_the_text(course):
    def ids(*sources):
        nb = nbformat.v4.new_notebook(cells=[CODE(source) for source in sources])
        lesson_results.normalise(nb)
        nbformat.validate(nb)
        return [cell.id for cell in nb.cells]

    first = ids("a", "b", "a")
    assert len(set(first)) == 3
    assert ids("a", "new", "b", "a") == [first[0], ids("new")[0], *first[1:]]
    assert ids("<!--minutes-->1<!--/minutes-->") == ids("<!--minutes-->2<!--/minutes-->")
