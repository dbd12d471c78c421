"""Commits as code_generation: the diff is learned from its message, the file and the lines before."""

import pytest

from tests.engine.building import event, learned
from tests.engine.generated_code import KIND, taught


def commit(diff, message="Fix it", before="a = 1", **extra):
    return event(message, before, action="commit", success=True, improvements=(diff,), extra=extra)


CHANGE = "@@ -1 +1 @@\n-a = 1\n+a = 2"


@pytest.mark.parametrize(
    ("change", "prompt"),
    [
        (commit(CHANGE, path="src/a.py"), "Fix it\n\nsrc/a.py\n\na = 1"),
        (commit(f"--- a/a.py\n+++ b/a.py\n{CHANGE}"), "Fix it\n\na.py\n\na = 1"),
        (commit(f"--- /dev/null\n+++ b/new.py\n{CHANGE}", before=""), "Fix it\n\nnew.py"),
        (commit(f"--- a/old.py\t\n+++ /dev/null\n{CHANGE}"), "Fix it\n\nold.py\n\na = 1"),
        (
            commit(f"--- a/b\n+++ b/b\n{CHANGE}\n--- a/yarn.lock\n+++ b/yarn.lock\n{CHANGE}"),
            "Fix it\n\nb\nyarn.lock\n\na = 1",
        ),
        (commit("-a = 1\n+a = 2"), "Fix it\n\na = 1"),
    ],
)
def test_a_commit_teaches_its_diff_from_its_message_the_file_and_the_lines_before(change, prompt):
    assert [(row["prompt"], row["question"], row["completion"], row["evidence"]) for row in learned(KIND, change)] == [
        (prompt, prompt, change.improvements[0], ["committed"])
    ]


@pytest.mark.parametrize(
    "change",
    [
        *[
            commit(CHANGE, path=path)
            for path in ("package-lock.json", "web/yarn.lock", "go.sum", "a/jquery.min.js", "x.svg")
        ],
        commit(f"--- a/Cargo.lock\n+++ b/Cargo.lock\n{CHANGE}"),
        commit("new file mode 100644\nBinary files /dev/null and b/c.bin differ", path="c.bin"),
        commit("rename from a.py\nrename to b.py", path="b.py"),
        commit("old mode 100644\nnew mode 100755", path="b.py"),
        commit("", path="b.py"),
    ],
)
def test_a_commit_that_nobody_wrote_by_hand_or_that_changed_no_line_is_not_learned(change):
    assert taught(change) == []


def test_a_file_that_is_only_called_nearly_like_a_lock_file_is_learned():
    names = ["src/go.sum.py", "minjs.js", "svg.py", "my-package-lock.json.md"]
    assert len(taught(*(commit(CHANGE, name, path=name) for name in names))) == len(names)
