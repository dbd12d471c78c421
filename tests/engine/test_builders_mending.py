"""error_correction over what agents changed in files between a failing command and the same one that worked."""

import json
from dataclasses import replace

import pytest

from tests.engine.building import event, learned, tool

KIND = "error_correction"
ERROR = 'File "/p/wc.py", line 5\nAttributeError: splt'


def bash(command, success, turn, said="", name="Bash", **arguments):
    return tool(name, success, turn, said, command=command, **arguments)


def edit(old, new, turn=1, path="/p/wc.py", success=True):
    return tool("Edit", success, turn, "updated", file_path=path, old_string=old, new_string=new)


def mended(*between, command="python wc.py", said=ERROR, printed="412", before=()):
    events = [bash(command, False, 0, said, description="Try it"), *between]
    last = bash(command, True, 9, printed, description="Try it again")
    rows = learned(KIND, *events, last, before=before)
    return [(row["prompt"], row["completion"]) for row in rows]


EDIT = edit("text.splt()", "text.split()")
FIX = [(f"text.splt()\n\n{ERROR}", "text.split()")]


def patch(*hunks, path="wc.py", kind="Update"):
    return "\n".join(["*** Begin Patch", f"*** {kind} File: {path}", *hunks, "*** End Patch"])


HUNK = "@@ def count\n import sys\n-text.splt()\n+text.split()"
FREEFORM = json.dumps({"name": "apply_patch", "arguments": patch(HUNK)})
PATCHED = [(f"import sys\ntext.splt()\n\n{ERROR}", "import sys\ntext.split()")]


@pytest.mark.parametrize(
    ("between", "fix"),
    [
        ([EDIT], FIX),
        ([tool("replace", True, 1, file_path="/p/wc.py", old_string="text.splt()", new_string="text.split()")], FIX),
        ([tool("edit", None, 1, path="wc.py", old_str="text.splt()", new_str="text.split()")], FIX),
        (
            [
                tool(
                    "MultiEdit",
                    True,
                    1,
                    file_path="/p/wc.py",
                    edits=[{"old_string": "text.splt()", "new_string": "text.split()"}],
                )
            ],
            FIX,
        ),
        ([tool("apply_patch", None, 1, input=patch(HUNK))], PATCHED),
        ([event(FREEFORM, "Done", action="tool", turn=1)], PATCHED),
        ([tool("shell", True, 1, command=["apply_patch", patch(HUNK)])], PATCHED),
        ([tool("shell", True, 1, command=["bash", "-lc", f"apply_patch <<'EOF'\n{patch(HUNK)}\nEOF"])], PATCHED),
        ([tool("Read", True, 1, file_path="/p/wc.py"), bash("cd /p && cat wc.py | head -3", True, 2), EDIT], FIX),
        (
            [edit("nowhere", "x", success=False), bash("pip install x", False, 2), EDIT, event("and?", "Yes", turn=3)],
            FIX,
        ),
        ([edit("text.splt()", "text.spilt()"), edit("text.spilt()", "text.split()", 2)], FIX),
        (
            [EDIT, edit("print(x)", "print(text)", 2)],
            [(f"text.splt()\n\nprint(x)\n\n{ERROR}", "text.split()\n\nprint(text)")],
        ),
    ],
)
def test_what_an_agent_changed_until_the_same_command_worked_is_the_fix(between, fix):
    assert mended(*between) == fix


@pytest.mark.parametrize(
    "between",
    [
        [],
        [EDIT, edit("a", "b", 2, path="/p/other.py")],
        [EDIT, tool("Write", True, 2, file_path="/p/wc.py", content="print(1)")],
        [EDIT, tool("write_file", True, 2, file_path="/p/data.txt", content="1")],
        [EDIT, bash("pip install words", True, 2)],
        [EDIT, bash("sed -i s/a/b/ wc.py", True, 2)],
        [EDIT, bash("echo 1 > data.txt", True, 2)],
        [EDIT, bash("python wc.py", False, 2, "other error in wc.py")],
        [edit("text.splt()", "text.split()", success=False)],
        [edit("text.splt()", "")],
        [edit("text.splt()", "try:\n    text.splt()\nexcept Exception:\n    pass")],
        [edit("text.splt()", "text.splt()  # type: ignore")],
        [edit("assert x == 1", "assert x == 2", path="/p/tests/wc.py")],
        [edit("assert x == 1", "assert x == 2", path="/p/test_wc.py")],
        [edit("text.splt()", "text.split()", path="/p/unnamed.py")],
        [tool("apply_patch", True, 1, input=patch(HUNK, "*** Update File: b.py", HUNK))],
        [tool("apply_patch", True, 1, input=patch("+print(1)", kind="Add"))],
    ],
)
def test_what_something_else_may_have_mended_or_what_hides_it_is_no_fix(between):
    assert [row for row in mended(*between, said=ERROR + " test_wc.py tests/wc.py") if row[1]] == []


def test_the_same_error_is_not_mended_and_another_expectation_is_no_fix():
    assert mended(EDIT, printed=ERROR) == []
    assert mended(edit("assert f() == 1", "assert f() == 2"), said="wc.py: AssertionError") == []


def test_what_the_user_broke_off_did_not_fail():
    assert mended(EDIT, said="wc.py [Request interrupted by user for tool use]") == []


def test_each_failure_has_the_edits_behind_it_alone():
    first, last = edit("text.splt(,)", "text.splt()", 1), edit("text.splt()", "text.split()", 3)
    assert mended(first, bash("python wc.py", False, 2, ERROR, description="Again"), last) == FIX


def test_a_fix_by_an_edit_belongs_to_the_generation_of_its_last_event_and_names_all():
    events = [bash("python wc.py", False, 0, ERROR), EDIT, bash("python wc.py", True, 2, "1")]
    (row,) = learned(KIND, events[2], before=events[:2])
    assert row["interaction_ids"] == [it.interaction_id for it in events]
    assert learned(KIND, event("so?", "so", turn=3), before=events) == []


def test_the_same_command_described_in_other_words_is_no_fix():
    assert mended() == []
    assert mended(bash("pip install words", True, 1)) == []


def test_a_list_of_what_is_to_be_done_changes_no_file():
    assert mended(EDIT, tool("TodoWrite", True, 2, todos=[{"content": "mend it", "status": "done"}])) == FIX


@pytest.mark.parametrize(
    "command",
    [
        "ruff check src && git status",
        "uv run mypy src/wc.py 2>&1 | tail -3",
        "cd /p && npx tsc --noEmit",
        "npx eslint src --ext .ts",
        "python -m py_compile wc.py",
        "black --check wc.py",
        "python -m pytest tests/test_other.py -q",
        "npm run test -- other",
        "git add -A && git commit -m 'fix: count > 1'",
        "sleep 2",
        'python -c "from wc import count; print(count(\\"a b\\"))"',
        "cd /p && python3 -c 'import sys\nsys.path.insert(0, \"src\")\nx = [1]\nprint(len(x))'",
    ],
)
def test_what_checks_tests_or_waits_beside_an_edit_has_mended_nothing(command):
    assert mended(bash(command, True, 1), edit("text.splt()", "text.split()", 2), bash(command, True, 3)) == FIX


@pytest.mark.parametrize(
    "command",
    [
        "ruff check --fix src",
        "ruff format src",
        "eslint src --fix",
        "npx prettier --write src",
        "npx tsc",
        "mypy --install-types src",
        "npx jest -u",
        "pytest && pip install words",
        "pytest > data.txt",
        "rm pytest.ini",
        "npm install --save test",
        "git checkout -- data.txt",
        "make",
        "python -c \"open('data.txt', 'w').write('1')\"",
        "python -c \"import nltk; nltk.download('punkt')\"",
        'python -c "import db; print(db.create_tables())"',
        'python -c "import wc; print($(make data))"',
        "python -c 'print(1)' > data.txt",
    ],
)
def test_what_may_write_a_file_beside_an_edit_may_have_mended_it(command):
    assert [row for row in mended(EDIT, bash(command, True, 2)) if row == FIX[0]] == []


FAILED = "FAILED tests/test_a.py::test_x - AttributeError: splt\n/p/wc.py:5: AttributeError\n1 failed, 2 passed in 0.1s"
PASSED = "3 passed in 0.1s"


def rerun(failing, worked, said=FAILED, printed=PASSED, between=(EDIT,)):
    rows = learned(KIND, bash(failing, False, 0, said), *between, bash(worked, True, 9, printed))
    return [row["completion"] for row in rows]


@pytest.mark.parametrize(
    ("failing", "worked"),
    [
        ("pytest -q tests/test_a.py", "pytest tests/test_a.py -v --tb=short"),
        ("pytest tests/test_a.py -x --maxfail 1", "pytest tests/test_a.py -ra --tb short"),
        ("npx jest a --silent", "npx jest a --verbose"),
        ("python -m pytest tests/test_a.py::test_x", "cd /p && python -m pytest ./tests/ 2>&1"),
        ("pytest tests/test_a.py", "pytest -q"),
        ("pytest", "pytest tests/test_a.py"),
        ("pytest tests -q", "pytest tests/test_a.py tests/test_b.py"),
        ("pytest tests/test_a.py", "pytest tests/test_a.py::test_x"),
        ("pytest tests/test_a.py", "pytest tests/test_a.py && ruff check ."),
        ("python wc.py a", "python wc.py a && git add wc.py"),
    ],
)
def test_a_run_that_holds_what_failed_shows_that_the_edit_mended_it(failing, worked):
    assert rerun(failing, worked) == ["text.split()"]


@pytest.mark.parametrize(
    ("failing", "worked", "said", "printed"),
    [
        ("pytest tests/test_a.py", "pytest tests/test_b.py", FAILED, PASSED),
        ("pytest", "pytest tests/test_b.py", FAILED, PASSED),
        ("pytest", "pytest tests/test_a.py::test_y", FAILED, PASSED),
        ("pytest", "pytest tests/test_a.py", "1 failed", PASSED),
        ("pytest", "pytest tests/test_a.py", FAILED.replace("1 failed", "2 failed"), PASSED),
        ("pytest", "pytest tests/test_a.py", FAILED + "\nERROR tests/test_b.py - ImportError", PASSED),
        ("pytest tests/test_a.py", "pytest", FAILED, "2 passed, 1 skipped in 0.1s"),
        ("pytest tests/test_a.py", "pytest", FAILED, ""),
        ("pytest", "pytest tests/test_a.py", FAILED, "1 skipped in 0.1s"),
        ("pytest", "python -m pytest tests/test_a.py", FAILED, PASSED),
        ("pytest", "PYTHONPATH=. pytest tests/test_a.py", FAILED, PASSED),
        ("pytest", "pytest tests/test_a.py -k x", FAILED, PASSED),
        ("pytest tests", "pytest tests/test_a.py -p no:warnings", FAILED, PASSED),
        ("pytest --strict-markers -q", "pytest -q", FAILED, PASSED),
        ("pytest tests/test_a.py", "pytest tests/test_a.py || true", FAILED, PASSED),
        ("pytest", "pytest tests/test_a.py | tail -3", FAILED, PASSED),
        ("pytest tests/test_a.py", "pytest tests/test_a.py; ruff check .", FAILED, PASSED),
        ("pytest tests/test_a.py && python wc.py", "pytest tests/test_a.py", FAILED, PASSED),
        ("grep -q x wc.py", "grep -v x wc.py", ERROR, "x"),
        ("tar -x wc.py", "tar wc.py", ERROR, "x"),
    ],
)
def test_a_run_that_leaves_out_what_failed_or_is_another_shows_nothing(failing, worked, said, printed):
    assert rerun(failing, worked, said, printed) == []


def test_the_first_run_that_shows_it_ends_what_was_changed():
    failing, passing = bash("pytest", False, 0, FAILED), bash("pytest tests/test_a.py", True, 2, PASSED)
    later = [edit("len(x)", "max(x)", 3), bash("pytest", True, 4, PASSED)]
    assert [row["completion"] for row in learned(KIND, failing, EDIT, passing, *later)] == ["text.split()"]
    assert learned(KIND, failing, replace(passing, turn=1), edit("a", "b", 3), later[1]) == []


OLD, NEW = "import sys\nprint(text.splt())\n", "import sys\nprint(text.split())\n"


def read(text=OLD, path="/p/wc.py", begin=1, **arguments):
    lines = [f"{number:6}→{line}" for number, line in enumerate(text.splitlines(), begin)]
    said = "\n".join(lines) + "\n\n<system-reminder>\nNo malware?\n</system-reminder>\n"
    return tool("Read", True, 1, said, file_path=path, **arguments)


def write(content=NEW, path="/p/wc.py", turn=2):
    return tool("Write", True, turn, "updated", file_path=path, content=content)


def test_a_file_that_was_read_and_written_anew_is_mended_as_a_whole():
    assert mended(read(), write()) == [(f"{OLD.strip()}\n\n{ERROR}", NEW)]
    both = mended(read(), write(NEW.replace("text", "texts")), edit("texts", "text", 3))
    assert both == [(f"{OLD.strip()}\n\n{ERROR}", NEW)]


@pytest.mark.parametrize(
    "between",
    [
        [write()],
        [write(), read(NEW)],
        [read(limit=2), write()],
        [read(begin=5), write()],
        [read(path="/q/wc.py"), write()],
        [edit("import os", "import sys"), read(), write(turn=3)],
        [read(), write(), write("print(1)", turn=3)],
        [read(path="/p/tests/wc.py"), write(path="/p/tests/wc.py")],
        [read(), write(OLD)],
    ],
)
def test_a_file_whose_text_before_is_not_known_is_not_mended_by_writing_it(between):
    assert [row for row in mended(*between) if row[1] in (NEW, OLD, "print(1)")] == []
