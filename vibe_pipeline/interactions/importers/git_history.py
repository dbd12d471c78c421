"""Git history: what each commit made of each file. Asked for by name, for a folder of chats may be a repository too.

The input is the commit's message, the output the lines as they were before, with what stands around them, and the one
improvement the diff. A commit is a conversation, and a revert a branch of what it reverts. Any other is a branch that
is named for its author and his time, which git keeps while it amends and rebases: so all versions are of one family.
Merges are left out, and so is the edge of a shallow clone; of a binary file only the name is kept; a diff that is too
long is cut and says so. What is read is the history of HEAD, oldest first.

Not here: what is learned from it.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.importers.messages import moment_of
from vibe_pipeline.interactions.importers.raw import Raw
from vibe_pipeline.records import Interaction

LIMIT = 20_000
"""Characters of one file's diff."""

LINE = 1 << 16
"""Bytes that are looked at of one line: a minified file is one line of megabytes."""

SHOW = ("--no-merges", "--reverse", "--patch", "--find-renames", "--no-color", "--no-ext-diff", "--no-textconv",
        "--no-show-signature", "--encoding=UTF-8", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short",
        "--ignore-submodules=none", "--no-relative", "--unified=3", "--inter-hunk-context=0", "--indent-heuristic",
        "--diff-algorithm=default", "-l1000", f"-O{os.devnull}")  # fmt: skip
SETTINGS = ("core.quotePath=false", f"core.attributesFile={os.devnull}", "log.showRoot=true",
            "diff.suppressBlankEmpty=false")  # fmt: skip
"""Whatever the user's own configuration says."""

FORMAT = "%H%x00%aN%x00%aE%x00%at%x00%ct%x00%B%n%x00"

UNTOLD = ("index ", "similarity index ", "dissimilarity index ")
"""Lines of a diff from which nobody learns."""

EDGE = "the edge of a shallow clone: what this commit changed is not in it (git fetch --unshallow)"

REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{40,64})\b", re.MULTILINE)

PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")

NAMES = {"rename to ": "", "--- ": "a/", "+++ ": "b/"}
"""Lines of a diff that name the file, the later ones as it is called now."""


def is_whole(folder: Path) -> bool:
    """Always: a repository is one history and not walked for files; SourceUnreadable where git knows none."""
    done = _git(folder, "rev-parse", "--git-dir")
    if done.returncode:
        what = f"git reads no history in {folder}: {done.stderr.strip().partition(chr(10))[0]}"
        raise SourceUnreadable(what, "Name the folder of a repository")
    return True


def opens(file: File, start: bytes) -> bool:
    """Whether it is a folder, which `is_whole` has looked into."""
    return file.path.is_dir()


def records(file: File) -> Iterator[Raw]:
    """One record a commit and file."""
    if _git(file.path, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
        return  # nothing was committed yet
    edge = _edge(file.path)
    yield from (Raw(sha, reason=EDGE) for sha in edge)
    mark = uuid.uuid4().hex  # at the start of a line only where a commit begins
    with _running(file.path, "log", *SHOW, f"--format={mark}{FORMAT}", "HEAD", *(f"^{sha}" for sha in edge)) as (
        output,
        failure,
    ):
        for (sha, path), changes in groupby(_changes(output, mark), lambda it: (it.commit["git_commit"], it.path)):
            yield _record(sha, path, list(changes))
        if reason := failure():
            yield Raw(file.name, reason=f"git ended early: {reason}")


def read(value: dict[str, str], source: str, at: datetime) -> Iterator[Interaction]:
    """The one interaction of a commit and file."""
    sha, author, message, path = (value[key] for key in ("git_commit", "author", "message", "path"))
    trunk = REVERTS.search(message)
    conversation = key_of(["git", sha])
    yield Interaction(
        interaction_id=key_of([conversation, path]),
        conversation_id=conversation,
        turn=0,
        occurred_at=moment_of({"time": value["time"]}) or at,
        module="git",
        action="commit",
        input=message or "(no message)",
        output=value["before"],
        success=True,
        user=author or None,
        improvements=(value["diff"],),
        source=source,
        extra={
            "commit": sha,
            "path": path,
            "committed": value["committed"],
            "branch_of": key_of(["git", trunk[1]] if trunk else ["git", author, value["time"]]),
        },
    )


def _edge(folder: Path) -> list[str]:
    """The commits of a shallow clone that were cut off from their parents: each seems to have made all files."""
    told = _git(folder, "rev-parse", "--git-path", "shallow").stdout.removesuffix("\n")
    path = folder / told
    return path.read_text().split() if path.is_file() else []


def _changes(output: IO[bytes], mark: str) -> Iterator[_Change]:
    """Each diff; of a file that became a link there are two: it was deleted, and made anew."""
    commit: dict[str, Any] = {}
    change: _Change | None = None
    for line in _lines(output):
        is_commit, is_change = line.startswith(mark), line.startswith("diff --git ")
        if change and (is_commit or is_change):
            yield change
            change = None
        if is_commit:
            commit = _commit(line.removeprefix(mark), output)
        elif is_change:
            change = _Change(line, commit)
        elif change:
            change.add(line)
    if change:
        yield change


def _record(sha: str, path: str, changes: Sequence[_Change]) -> Raw:
    diff = "\n".join(it.diff for it in changes).rstrip("\n")
    before = "\n".join(it.before for it in changes).strip("\n")
    return Raw(f"{sha} {path}", {**changes[0].commit, "path": path, "diff": diff, "before": before})


class _Change:
    """One diff while it is read."""

    def __init__(self, first: str, commit: dict[str, Any]) -> None:
        self.commit = commit
        names = first.removeprefix("diff --git ")
        self.path = _name(names[: len(names) // 2], "a/")  # twice the same, but for a rename, which is told below
        self.kept: list[str] = []
        self.started_from: list[str] = []
        self.size = 0
        self.left_out = 0
        self.is_in_hunks = False

    def add(self, line: str) -> None:
        self.is_in_hunks = self.is_in_hunks or line.startswith("@@")
        if not self.is_in_hunks:
            if line.startswith(UNTOLD):
                return
            for mark, prefix in NAMES.items():
                if line.startswith(mark) and not line.endswith("/dev/null"):
                    self.path = _name(line.removeprefix(mark), prefix)
        if self.left_out or self.size + len(line) > LIMIT:
            self.left_out += 1
        else:
            self.kept.append(line)
            self.size += len(line) + 1
            if self.is_in_hunks and line[:1] in ("@", " ", "-"):
                self.started_from.append("" if line.startswith("@@") else line[1:])

    @property
    def diff(self) -> str:
        cut = [f"[cut here: {self.left_out} more lines]"] if self.left_out else []
        return "\n".join([*self.kept, *cut])

    @property
    def before(self) -> str:
        """The lines that its hunks start from."""
        return "\n".join(self.started_from)


def _name(name: str, prefix: str) -> str:
    """git puts a tab after a name with a blank, and quotes one with stranger characters as C would."""
    name = name.rstrip("\t")
    if name.startswith('"') and name.endswith('"'):
        name = str(ast.literal_eval(name))
    return name.removeprefix(prefix)


def _commit(line: str, output: IO[bytes]) -> dict[str, Any]:
    """What FORMAT gives; a message has many lines, and NUL after the last."""
    lines = [line]
    ends = FORMAT.count("%x00") - line.count("\0")
    while ends > 0 and (more := output.readline()):
        lines.append(more.decode("utf-8", "replace").removesuffix("\n"))
        ends -= lines[-1].count("\0")
    sha, name, mail, time, committed, message = "\n".join(lines).split("\0")[:6]
    author = name or mail
    return {"git_commit": sha, "author": author, "time": time, "committed": committed, "message": message.strip()}


def _lines(output: IO[bytes]) -> Iterator[str]:
    while line := output.readline(LINE):
        rest = line
        while not rest.endswith(b"\n") and (rest := output.readline(LINE)):
            line = line[:LINE] + b"..."
        yield line.removesuffix(b"\n").decode("utf-8", "replace")


def _environment() -> dict[str, str]:
    """Without what points git to another repository or other diffs, and with what keeps it from asking and fetching."""
    own = {name: value for name, value in os.environ.items() if name not in (*PLACES, "GIT_DIFF_OPTS")}
    return {**own, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}


def _command(folder: Path, *arguments: str) -> list[str]:
    git = shutil.which("git")
    if git is None:
        raise SourceUnreadable("git is not installed, or not on PATH", "Install it, or name another format")
    return [git, "-C", str(folder), *(part for setting in SETTINGS for part in ("-c", setting)), *arguments]


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = _command(folder, *arguments)
    return subprocess.run(command, env=_environment(), capture_output=True, text=True, errors="replace", check=False)


@contextmanager
def _running(folder: Path, *arguments: str) -> Iterator[tuple[IO[bytes], Callable[[], str | None]]]:
    """The output of git while it comes, and a function that waits for its end and gives the reason of a failure."""
    with tempfile.TemporaryFile() as told:
        command = _command(folder, *arguments)
        process = subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, stderr=told)

        def failure() -> str | None:
            if process.wait() == 0:
                return None
            told.seek(0)
            return (
                told.read().decode("utf-8", "replace").strip().partition("\n")[0] or f"exit code {process.returncode}"
            )

        with process:
            assert process.stdout is not None
            try:
                yield process.stdout, failure
            finally:
                process.kill()
