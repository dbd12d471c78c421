"""Commits that were amended, rebased or reverted since: what of them is learned, and what is taken back."""

from datetime import timedelta

import pytest

from tests.engine.building import MOMENT, event, learned, remark
from tests.engine.generated_code import KIND

WRONG, RIGHT = "@@ -3 +3 @@\n a\n-is_old = at > now", "@@ -3 +3 @@\n a\n-is_old = at < now"
MOVED = WRONG.replace("@@ -3 +3 @@\n a", "@@ -40,9 +41,9 @@ def f():\n b")
OTHER = "@@ -1 +1 @@\n-import time\n+import clock"


def commit(at, diff, message="Expire", before="a", *, written=0, path="a.py", **values):
    """Committed at a second of the clock; git keeps when it was first written."""
    extra = {"commit": f"{at:040x}", "path": path, "committed": str(at)}
    made = MOMENT + timedelta(seconds=written)
    values = {"action": "commit", "improvements": (diff,), "extra": extra, "occurred_at": made, **values}
    return event(message, before, conversation_id=f"c{at}", **values)


def revert(at, undone, diff="@@ -3 +3 @@\n-x"):
    return commit(at, diff, f'Revert "it"\n\nThis reverts commit {undone:040x}.', written=at)


def told(*events, before=()):
    return {(row["completion"], row["failure"]) for row in learned(KIND, *events, before=before)}


@pytest.mark.parametrize(
    "later",
    [
        commit(2, RIGHT),
        commit(2, RIGHT, before="a\n\nimport time"),
        commit(2, f"{RIGHT}\n{OTHER}"),
        commit(2, RIGHT, "Expire entries"),
        commit(2, WRONG, "Expire entries"),
    ],
    ids=["same lines", "other lines", "more lines", "another message too", "another message"],
)
def test_a_commit_that_is_amended_takes_the_place_of_what_it_was(later):
    first, diff = commit(1, WRONG), later.improvements[0]
    assert told(first, later) == {(WRONG, "amended"), (diff, None)}
    assert told(later, before=[first]) == {(WRONG, "amended"), (diff, None)}
    assert told(commit(3, OTHER, path="b.py"), before=[first, later]) == {(OTHER, None)}


def test_what_is_committed_last_counts_whenever_it_is_logged():
    assert told(commit(1, WRONG), before=[commit(2, RIGHT)]) == {(WRONG, "amended"), (RIGHT, None)}
    assert told(commit(3, WRONG), before=[commit(1, WRONG), commit(2, RIGHT)]) == {(WRONG, None), (RIGHT, "amended")}


@pytest.mark.parametrize(
    "other",
    [
        commit(2, RIGHT, written=9),
        commit(2, RIGHT, path="b.py"),
        commit(2, RIGHT, user="Somebody"),
        commit(2, RIGHT, "Remember", before="b"),
    ],
    ids=["written later", "another file", "somebody else", "another change of that second"],
)
def test_another_commit_amends_nothing(other):
    assert told(commit(1, WRONG), other) == {(WRONG, None), (RIGHT, None)}


def test_a_commit_that_was_rebased_is_the_same_and_given_as_it_was():
    first, moved = commit(1, WRONG), commit(2, MOVED)
    assert told(first, moved) == told(moved, before=[first]) == {(WRONG, None)}
    assert told(commit(3, RIGHT), before=[first, moved]) == {
        (WRONG, "amended"),
        (MOVED, "amended"),
        (RIGHT, None),
    }
    assert told(remark(moved, score=-1.0), before=[first, moved]) == {(WRONG, "disliked"), (MOVED, "disliked")}
    assert told(revert(4, 2), before=[first, moved]) == {(WRONG, "reverted"), (MOVED, "reverted")}


@pytest.mark.parametrize("reverts", range(1, 7))
@pytest.mark.parametrize("seconds", [1, 0], ids=["one after the other", "in one second"])
def test_of_reverts_of_reverts_the_last_decides(reverts, seconds):
    chain = [commit(1, WRONG), *(revert(number + 2, number + 1) for number in range(reverts))]
    if not seconds:
        chain = [replaced(it) for it in chain]
    failure = "reverted" if reverts % 2 else None
    assert told(*chain) == {(WRONG, failure)}
    assert told(chain[-1], before=chain[:-1]) == {(WRONG, failure)}


def replaced(it):
    return event(
        it.input, it.output, conversation_id=it.conversation_id, action="commit", improvements=it.improvements,
        extra={**it.extra, "committed": "7"},
    )  # fmt: skip


def test_who_reverts_again_what_was_brought_back_has_the_last_word():
    first = [commit(1, WRONG), revert(2, 1), revert(3, 2)]
    assert told(revert(4, 1), before=first) == {(WRONG, "reverted")}
    again = commit(5, MOVED)
    assert told(again, before=[*first, revert(4, 1)]) == {(WRONG, None)}


def test_reverts_that_name_each_other_end():
    assert told(commit(1, WRONG), revert(2, 1), revert(3, 2), revert(4, 3), revert(2, 4)) != set()


def test_a_commit_that_was_disliked_is_given_as_disliked():
    first = commit(1, WRONG)
    assert told(commit(1, WRONG, feedback=-1.0)) == {(WRONG, "disliked")}
    assert told(remark(first, score=-1.0), before=[first]) == {(WRONG, "disliked")}
    assert told(remark(first, score=1.0), before=[first]) == {(WRONG, None)}


def test_a_better_text_takes_the_place_of_a_commits_diff():
    first = commit(1, WRONG)
    assert told(remark(first, text=RIGHT), before=[first]) == {(WRONG, "corrected"), (RIGHT, None)}
    disliked = [remark(first, text=RIGHT), remark(first, score=-1.0)]
    assert told(*disliked, before=[first]) == {(WRONG, "corrected"), (RIGHT, None)}
