"""Git history, read from repositories that git itself makes here."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.engine.serving import sealed
from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.importers import Wanted, git_history, import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.store import Store

IDENTITY = ("-c", "user.name=Jo Doe", "-c", "user.email=jo@example.org", "-c", "init.defaultBranch=main")


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.clock = 1767323045
        self.git("init", "-q")

    def git(self, *arguments: str, **options) -> None:
        self.clock += 1
        dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{self.clock} +0200")
        environment = {**os.environ, **dates, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", *IDENTITY, *arguments], cwd=self.folder, env=environment, check=True, **options)

    def commit(self, message: str | bytes, **files: str | bytes | None) -> None:
        for name, content in files.items():
            path = self.folder / name.replace("_", ".")
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "-A")
        told = message if isinstance(message, bytes) else message.encode()
        self.git("commit", "-q", "-F", "-", "--allow-empty", "--cleanup=verbatim", input=told)


@pytest.fixture
def repository(tmp_path) -> Repository:
    return Repository(tmp_path / "work")


@pytest.fixture
def bring(store, repository):
    def run():
        logger = InteractionLogger(store.root)
        (result,) = import_paths(logger, store, [repository.folder], Wanted("git"))
        assert result.quarantined == 0
        return result

    return run


def rows(store: Store) -> list[dict]:
    found = sealed(store.root)
    return found.sort("occurred_at", "input").rows(named=True) if len(found) else []


def test_a_change_has_the_message_what_was_before_and_the_diff(repository, bring, store):
    repository.commit("start", a_py="one\ntwo\nthree\n", b_py="b\n")
    repository.commit("Say 2\n\nBecause digits are short.", a_py="one\n2\nthree\n")
    assert bring().imported == 3
    row = rows(store)[-1]
    assert (row["module"], row["action"], row["success"], row["user"]) == ("git", "commit", True, "Jo Doe")
    assert row["input"] == "Say 2\n\nBecause digits are short."
    assert row["output"] == "one\ntwo\nthree"
    assert row["improvements"] == ["--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three"]
    assert row["occurred_at"] == datetime.fromtimestamp(repository.clock, UTC)
    assert json.loads(row["extra"])["path"] == "a.py"
    assert len({row["conversation_id"] for row in rows(store)}) == 2


def test_a_revert_is_a_branch_of_the_commit_that_it_takes_back(repository, bring, store):
    repository.commit("Start", a_py="a = 1\n")
    repository.commit("Change", a_py="a = 2\n")
    repository.git("revert", "--no-edit", "HEAD")
    bring()
    _, change, back = rows(store)
    assert json.loads(back["extra"])["branch_of"] == change["conversation_id"]


def test_a_commit_that_is_amended_or_rebased_is_of_the_same_family(repository, bring, store):
    repository.commit("Start", a_py="a = 1\n")
    repository.commit("Change", b_py="b = 1\n")
    bring()
    (repository.folder / "b.py").write_text("b = 2\n")
    written = repository.clock
    repository.git("commit", "-qa", "--amend", "-m", "Change it")
    bring()
    extras = {row["input"]: json.loads(row["extra"]) for row in rows(store)}
    families = {name: it["branch_of"] for name, it in extras.items()}
    assert families["Change"] == families["Change it"] != families["Start"]
    assert int(extras["Change it"]["committed"]) > written


def test_importing_again_brings_the_new_commits_alone(repository, bring):
    repository.commit("one", a="1\n")
    assert bring().imported == 1
    repository.commit("two", a="2\n")
    result = bring()
    assert (result.read, result.imported, result.duplicate) == (2, 1, 1)


def test_new_deleted_renamed_binary_and_strangely_named_files(repository, bring, store):
    repository.commit("make", old_txt="same\n" * 9, gone_txt="gone\n", raw_bin=b"\0\1")
    (repository.folder / "old.txt").rename(repository.folder / "new.txt")
    repository.commit("change", gone_txt=None)
    (repository.folder / 'a "b"\té.txt').write_text("x\n")
    (repository.folder / "two words.txt").write_text("x\n")
    repository.commit("odd")
    bring()
    found = {(row["input"], json.loads(row["extra"])["path"]): row for row in rows(store)}
    assert found.keys() == {
        *(("make", name) for name in ("old.txt", "gone.txt", "raw.bin")),
        *(("change", name) for name in ("new.txt", "gone.txt")),
        *(("odd", name) for name in ('a "b"\té.txt', "two words.txt")),
    }
    assert found["change", "gone.txt"]["output"] == "gone"
    assert found["change", "new.txt"]["improvements"] == ["rename from old.txt\nrename to new.txt"]
    (binary,) = found["make", "raw.bin"]["improvements"]
    assert binary.endswith("Binary files /dev/null and b/raw.bin differ")


def test_what_looks_like_a_diff_is_read_as_what_it_is(repository, bring, store):
    message = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n\nend"
    repository.commit(message, a="diff --git a/y b/y\n--- a/y\n@@ -1 +1 @@\n")
    assert bring().read == 1
    (row,) = rows(store)
    assert row["input"] == message
    assert json.loads(row["extra"])["path"] == "a"


def test_a_file_that_became_a_link_is_one_change(repository, bring, store):
    repository.commit("one", a="one\n")
    (repository.folder / "a").unlink()
    (repository.folder / "a").symlink_to("b")
    repository.commit("two")
    assert bring().imported == 2
    row = rows(store)[1]
    assert row["output"] == "one"
    (diff,) = row["improvements"]
    assert "deleted file mode 100644" in diff
    assert "new file mode 120000\n--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+b\n" in diff


def test_what_was_before_begins_with_the_first_hunk_whatever_the_file_is_called(repository, bring, store):
    repository.commit("one", **{"a@@b": "1\n"})
    repository.commit("two", **{"a@@b": "2\n"})
    bring()
    assert rows(store)[1]["output"] == "1"


def test_broken_encodings_survive(repository, bring, store):
    repository.commit(b"caf\xe9", a=b"caf\xe9\n")
    bring()
    assert "caf\ufffd" in rows(store)[0]["improvements"][0]


def test_a_message_of_many_lines_is_kept_whole(repository, bring, store):
    """It was looked at as a whole for each line: this took 48 s."""
    message = "\n\n".join(f"line {number} {'x' * 100}" for number in range(20_000))
    repository.commit(message, a="1\n")
    bring()
    assert rows(store)[0]["input"] == message


@pytest.mark.parametrize("content", ["line\n" * 20_000, "x" * 300_000 + "\n"])
def test_a_huge_diff_is_cut_and_says_so(repository, bring, store, content):
    repository.commit("huge", a=content, b="small\n")
    assert bring().imported == 2
    texts = {json.loads(row["extra"])["path"]: row["improvements"][0] for row in rows(store)}
    assert len(texts["a"]) < git_history.LIMIT + 100
    assert "cut here" in texts["a"]
    assert texts["b"].endswith("+small")


def test_merges_are_left_out_and_nothing_is_committed_yet_is_no_error(repository, bring):
    assert bring().read == 0
    repository.commit("one", a="1\n")
    repository.git("checkout", "-qb", "side")
    repository.commit("two", b="2\n")
    repository.git("checkout", "-q", "main")
    repository.commit("three", c="3\n")
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    repository.commit("nothing")
    assert bring().read == 3


def test_the_users_own_settings_change_nothing(repository, bring, store, monkeypatch, tmp_path):
    lines = [f"{number}\n" for number in range(30)] + ["\n", "{\n", "\n", "}\n"]
    repository.commit("one", a="".join(lines), b="b\n")
    lines[2] = lines[12] = "changed\n"
    repository.commit("two", a="".join([*lines[:31], "new\n", *lines[31:]]), b="c\n")
    bring()
    before = rows(store)
    assert len(before) == 4
    (tmp_path / "attributes").write_text("a binary\n")
    (tmp_path / "order").write_text("b\na\n")
    for name, value in {
        **{"color.ui": "always", "diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.external": "false"},
        **{"log.showSignature": "true", "log.showRoot": "false", "log.abbrevCommit": "true", "log.date": "relative"},
        **{"format.pretty": "oneline", "diff.renames": "false", "diff.algorithm": "patience", "diff.context": "0"},
        **{"diff.interHunkContext": "9", "diff.suppressBlankEmpty": "true", "diff.indentHeuristic": "false"},
        **{"diff.orderFile": str(tmp_path / "order"), "core.attributesFile": str(tmp_path / "attributes")},
        **{"core.abbrev": "40", "log.follow": "true", "diff.relative": "true", "diff.renameLimit": "1"},
    }.items():
        repository.git("config", name, value)
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=1")
    home = Store(tmp_path / "other")
    import_paths(InteractionLogger(home.root), home, [repository.folder], Wanted("git"))
    assert rows(home) == before


def test_the_edge_of_a_shallow_clone_is_left_for_the_whole_one(repository, store, tmp_path):
    for number in range(3):
        repository.commit(f"change {number}", **{f"file{number}": "x\n"})
    clone = ["clone", "-q", "--depth=2", f"file://{repository.folder}", str(tmp_path / "clone")]
    repository.git(*clone)
    logger = InteractionLogger(store.root)
    (result,) = import_paths(logger, store, [tmp_path / "clone"], Wanted("git"))
    assert (result.read, result.imported, result.reasons) == (2, 1, {git_history.EDGE: 1})
    repository.git("-C", str(tmp_path / "clone"), "fetch", "-q", "--unshallow")
    (result,) = import_paths(logger, store, [tmp_path / "clone"], Wanted("git"))
    assert (result.read, result.imported, result.duplicate) == (3, 2, 1)


def test_a_glob_tells_what_is_no_repository_and_reads_the_others(repository, store, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    repository.commit("one", a="1\n")
    (tmp_path / "wo").mkdir()
    plain, work = import_paths(InteractionLogger(store.root), store, [tmp_path / "wo*"], Wanted("git"))
    assert (plain.read, plain.quarantined, work.imported) == (1, 1, 1)
    assert "not a git repository" in next(iter(plain.reasons))


def test_a_repository_is_a_folder_like_others_unless_asked_for(repository, store):
    repository.commit("one", chats_jsonl='{"prompt": "q", "completion": "a"}\n')
    (result,) = import_paths(InteractionLogger(store.root), store, [repository.folder])
    assert (result.format, result.imported) == ("openai_chat", 1)


def test_without_a_repository_or_git_one_line_says_so(store, tmp_path, repository, monkeypatch):
    logger = InteractionLogger(store.root)
    (tmp_path / "plain").mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(SourceUnreadable, match=r"git reads no history in .*not a git repository"):
        import_paths(logger, store, [tmp_path / "plain"], Wanted("git"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SourceUnreadable, match="git is not installed"):
        import_paths(logger, store, [repository.folder], Wanted("git"))
