"""What a verification found: problems, how much was checked, and what could not be and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is not what it should be."""

    what: str
    where: str
    """A name in the home, and for a figure its place in that file."""
    expected: str
    found: str


@dataclass(slots=True)
class Findings:
    """Filled while a home is gone through."""

    problems: list[Problem] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    """Kind → how many."""
    not_checked: Counter[str] = field(default_factory=Counter)
    """Why → how many."""
    not_reproducible: list[str] = field(default_factory=list)
    """Rungs that were built from data that was erased since: no problem, but nobody can make them again."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with what could be checked."""
        return not self.problems

    def add(self, what: str, where: str, expected: object, found: object) -> None:
        """A problem; said twice it is one."""
        problem = Problem(what=what, where=where, expected=str(expected), found=str(found))
        if problem not in self.problems:
            self.problems.append(problem)

    def is_damaged(self, name: str) -> bool:
        """Whether a problem names that file: what follows from it needs no second one."""
        return any(it.where == name for it in self.problems)

    def as_values(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "ok": self.ok,
            "checked": dict(self.checked),
            "problems": [
                {"what": it.what, "where": it.where, "expected": it.expected, "found": it.found} for it in self.problems
            ],
            "not_checked": dict(self.not_checked),
            "not_reproducible": self.not_reproducible,
        }
