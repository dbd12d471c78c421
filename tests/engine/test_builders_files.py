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
        replace(it, turn=turn - 20 + number, occurred_at=start + timedelta(seconds=number + 1))
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
    assert taught(*session(write(), bash("python wc.py"), question="Count words.")) == [
        ("Count words.\n\nwc.py", CODE, None)
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


@pytest.mark.parametrize("which", [0, 1, 2], ids=["the reply", "what was written", "an edit of it"])
def test_a_file_that_was_disliked_is_given_as_disliked(which):
    before = session(write(CODE.replace("len", "lne")), edit("lne", "len"), bash("python wc.py"))
    assert taught(remark(before[which], score=-1.0), before=before) == [(ASKED, CODE, "disliked")]
