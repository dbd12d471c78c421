"""code_generation over files that agents wrote and ran, as importers log their sessions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine.building import MOMENT, event, learned, remark, tool

KIND = "code_generation"
CODE = "import sys\nprint(len(sys.argv))\n"
ASKED = "Write wc.py that counts words."


def session(*calls, question=ASKED, turn=20, minute=0, **values):
    """A question, and what was called for it: later, with lower turns."""
    start = MOMENT + timedelta(minutes=minute)
    later = [
        replace(
            it,
            interaction_id=f"{turn}/{number}",
            turn=turn - 20 + number,
            occurred_at=start + timedelta(seconds=number + 1),
        )
        for number, it in enumerate(calls)
    ]
    return [event(question, "Done.", turn=turn, occurred_at=start, **values), *later]


def bash(command, success=True, said=""):
    return tool("Bash", success, 0, said, command=command)


def write(content=CODE, path="/p/wc.py"):
    return tool("Write", True, 0, "created", file_path=path, content=content)


def edit(old, new, path="/p/wc.py"):
    return tool("Edit", True, 0, "updated", file_path=path, old_string=old, new_string=new)


def taught(*events, before=()):
    rows = learned(KIND, *events, before=before)
    return [(row["prompt"], row["completion"], row["failure"]) for row in rows]


@pytest.mark.parametrize(
    "calls",
    [
        [write(), bash("python wc.py")],
        [write(), bash("cd /p && uv run python -u wc.py README.md")],
        [write(), bash("cat wc.py"), bash("python /p/wc.py README.md")],
        [write(CODE.replace("len", "lne")), bash("python wc.py", False), edit("lne", "len"), bash("python wc.py")],
        [write("print(1)"), bash("python wc.py"), write(), bash("python wc.py")],
        [write(), bash("python wc.py x", False), bash("python wc.py x")],
        [write(), bash("python wc.py"), edit("len", "max")],
    ],
)
def test_a_file_that_was_written_and_ran_is_learned_as_it_was_when_it_worked(calls):
    assert taught(*session(*calls)) == [(ASKED, CODE, None)]


@pytest.mark.parametrize(
    "calls",
    [
        [write()],
        [write(), bash("python wc.py", False)],
        [write(), bash("python wc.py", None)],
        [write(), edit("len", "max"), bash("cat wc.py")],
        [write(), edit("nowhere", "max"), bash("python wc.py")],
        [write(), bash("python -m py_compile wc.py"), bash("ruff check wc.py"), bash("git add wc.py")],
        [write(), bash("bash -n wc.py")],
        [write(), bash("python wc.py | head -3")],
        [write(), bash("python wc.py || true")],
        [write(), bash("sed -i s/len/max/ wc.py"), bash("python wc.py")],
        [write(), bash("python other/wc.py")],
        [write(), write("print(1)", "/p/b/wc.py"), bash("python wc.py")],
        [write(), bash("python wc.py x", False), bash("python wc.py y")],
        [write(path="/p/tests/wc.py"), bash("python wc.py")],
        [bash("python wc.py"), write()],
    ],
)
def test_a_file_that_was_not_seen_to_work_as_it_is_known_is_not_learned(calls):
    assert [row for row in taught(*session(*calls)) if row[2] is None] == []


def test_a_file_that_the_request_does_not_name_is_named_behind_it():
    assert taught(*session(write(), bash("python wc.py"), question="Write a program that counts words.")) == [
        ("Write a program that counts words.\n\nwc.py", CODE, None)
    ]


def test_a_file_that_is_edited_for_another_request_is_no_answer_to_it():
    first = session(write(), bash("python wc.py"))
    second = session(edit("len", "max"), bash("python wc.py"), question="The maximum!", turn=40, minute=9)
    assert taught(*first, *second) == [(ASKED, CODE, None)]


def test_a_file_that_fails_later_is_taken_back():
    before = session(write(), bash("python wc.py"))
    failed = replace(bash("python wc.py x", False), turn=21, occurred_at=MOMENT + timedelta(minutes=5))
    assert taught(failed, before=before) == [(ASKED, CODE, "failed since")]
    assert taught(event("so?", "so", turn=30), before=[*before, failed]) == []


def test_all_that_a_file_was_made_of_is_named():
    events = session(write(), bash("python wc.py"))
    (row,) = learned(KIND, events[2], before=events[:2])
    assert row["interaction_ids"] == [it.interaction_id for it in events]
    assert row["evidence"] == ["ran later"]


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("Schreib mir ein Programm, das Wörter zählt.", "/p/wc.py"),
        ("I need a small script that counts words", "/p/count.py"),
        ("Can you show me how to create a decorator that takes parameters?", "/tmp/decorator_example.py"),
        ("Write a script that checks all links of a page.", "/p/check_links.py"),
        ("Please fix /p/wc.py: it crashes on empty lines.", "/p/wc.py"),
        ("用 Python 写一个统计单词的脚本", "/p/wc.py"),
    ],
)
def test_a_file_that_the_request_asks_for_is_learned(question, path):
    beside = [write("a b", "/p/sample.txt"), write("import wc", "/p/test_wc.py")]
    events = session(*beside, write(path=path), bash(f"python {path}"), question=question)
    assert [row[1] for row in taught(*events)] == [CODE]


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("The parser crashes on empty lines. Please fix it.", "/p/repro.py"),
        ("How many users signed up last week? The database is data/app.db.", "/p/count.py"),
        ("Rename the column created to created_at everywhere.", "/p/names.py"),
        ("Add a flag --verbose.", "/p/try_verbose.py"),
        ("Add a column to the table of users.", "/p/check_schema.py"),
        ("Implement the cache.", "/tmp/a.py"),
        ("Implement the cache.", r"C:\Users\jo\AppData\Local\Temp\a.py"),
    ],
)
def test_a_script_that_an_agent_needed_on_the_way_is_not_learned(question, path):
    assert taught(*session(write(path=path), bash(f"python {path}"), question=question)) == []


def test_a_file_beside_others_is_learned_only_where_the_request_names_it():
    calls = [write("def f(): ...", "/p/parts.py"), write(), bash("python wc.py")]
    assert taught(*session(*calls, question="Write a program that counts words.")) == []
    assert taught(*session(*calls)) == [(ASKED, CODE, None)]


REMOVED = [
    *(bash(f"cd /p && {it}") for it in ("rm wc.py", "rm -f './wc.py' x", "rm -rf /p", "rm *.py", "mv wc.py old.py")),
    *(bash(f"git {it}") for it in ("checkout -- src", "checkout .", "restore .", "reset --hard", "stash -u")),
    tool("delete_file", True, 0, "deleted", target_file="/p/wc.py"),
]


@pytest.mark.parametrize("removal", REMOVED, ids=lambda it: it.input)
def test_a_file_that_is_removed_or_undone_is_taken_back(removal):
    events = session(write(), bash("python wc.py"), removal)
    assert [row[2] for row in taught(*events)] == ["failed since"]
    assert [row[2] for row in taught(events[-1], before=events[:-1])] == ["failed since"]


@pytest.mark.parametrize(
    "call",
    [
        bash("rm wc.pyc other.py"),
        bash("rm wc.py", False),
        bash("docker run --rm wc.py"),
        bash("git checkout main"),
        bash("git status"),
    ],
)
def test_what_removes_something_else_takes_no_file_back(call):
    assert taught(*session(write(), bash("python wc.py"), call)) == [(ASKED, CODE, None)]


def test_what_is_removed_in_a_later_turn_is_taken_back_and_what_is_undone_there_is_not():
    first = session(write(), bash("python wc.py"))
    for command, failure in (("rm wc.py", "failed since"), ("git checkout .", None)):
        later = session(bash(command), question="Clean up.", turn=40, minute=9)
        assert taught(*first, *later) == [(ASKED, CODE, failure)]


def test_a_file_that_is_written_anew_after_its_removal_is_learned_as_it_is_then():
    calls = [write("print(1)"), bash("python wc.py"), bash("rm wc.py"), write(), bash("python wc.py")]
    assert taught(*session(*calls)) == [(ASKED, CODE, None)]


@pytest.mark.parametrize("which", [0, 1, 2], ids=["the reply", "what was written", "an edit of it"])
def test_a_file_that_was_disliked_is_given_as_disliked(which):
    before = session(write(CODE.replace("len", "lne")), edit("lne", "len"), bash("python wc.py"))
    assert taught(remark(before[which], score=-1.0), before=before) == [(ASKED, CODE, "disliked")]


TEST = write("from wc import count\n\ndef test_count():\n    assert count('a b') == 2\n", "/p/tests/test_wc.py")
FOREIGN = write(
    "# from wc import count, of wc.py\nimport os\n\ndef test_count():\n    assert True\n", "/p/tests/test_wc.py"
)
OTHER = write("from wc import count\n\ndef test_count():\n    assert count('') == 0\n", "/p/test_all.py")


def suite(command, success=True, said="1 passed in 0.01s"):
    return bash(command, success, said)


@pytest.mark.parametrize(
    "calls",
    [
        [write(), TEST, suite("python -m pytest tests/test_wc.py -q")],
        [TEST, write(), bash("cat wc.py"), suite("cd /p && pytest")],
        [write(), OTHER, suite("uv run pytest test_all.py && ruff check")],
        [write(), TEST, suite("pytest tests")],
        [write(), suite("pytest tests/test_wc.py")],
        [write(), suite("python -m pytest --doctest-modules wc.py")],
        [write("print(1)"), TEST, suite("pytest", False, "tests/test_wc.py F\n1 failed"), write(), suite("pytest")],
    ],
)
def test_a_file_whose_tests_passed_is_learned(calls):
    assert taught(*session(*calls)) == [(ASKED, CODE, None)]


@pytest.mark.parametrize(
    "calls",
    [
        [write(), suite("pytest")],
        [write(), FOREIGN, suite("pytest")],
        [write(), FOREIGN, suite("pytest tests/test_wc.py")],
        [write(), TEST, suite("pytest tests/test_other.py")],
        [write(), TEST, suite("pytest other")],
        [write(), suite("pytest tests/test_other.py")],
        [write(), suite("pytest"), TEST],
        [write(), TEST, suite("pytest", said="1 skipped in 0.01s")],
        [write(), TEST, suite("pytest", said="")],
        [write(), TEST, suite("pytest -k count")],
        [write(), TEST, suite("pytest | tail -1")],
        [write(), TEST, suite("pytest || true")],
        [write(), TEST, suite("pytest --collect-only")],
        [write(), TEST, suite("pytest", False, "tests/test_wc.py F")],
        [write(), TEST, suite("pytest", False, "tests/test_wc.py F"), TEST, suite("pytest")],
        [write(), TEST, suite("pytest"), suite("pytest -q", False, "FAILED tests/test_wc.py::test_count")],
        [write(), TEST, bash("pip install words"), suite("pytest")],
        [write(), TEST, suite("pytest"), bash("rm wc.py")],
        [write(path="/p/wc.js"), TEST, suite("pytest")],
    ],
)
def test_a_file_that_no_test_was_seen_to_run_is_not_learned(calls):
    assert [row for row in taught(*session(*calls)) if row[2] is None] == []


def test_a_suite_that_fails_for_another_request_says_nothing_of_the_file():
    first = session(write(), TEST, suite("pytest"))
    later = session(suite("pytest", False, "FAILED tests/test_wc.py::test_more"), question="More!", turn=40, minute=9)
    assert taught(*first, *later) == [(ASKED, CODE, None)]
    assert taught(*session(write(), TEST), *session(suite("pytest"), question="Test!", turn=40, minute=9)) == []
