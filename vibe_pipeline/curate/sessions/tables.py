"""Tables that builders read beside `events`, made once a part: what two of them ask for, or what few logs hold.

Each is made only where the events hold what it is made of, since to plan its SELECT costs more than to run it over a
small log. Not here: what the tables say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import duckdb

from vibe_pipeline.curate.sessions.turns import joined
from vibe_pipeline.settings import Curate


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` with their types, those of `events` where none are named; `condition` is SQL over `events`: whether
    there may be any rows."""

    name: str
    columns: str
    condition: str
    select: str

    def make(self, db: duckdb.DuckDBPyConnection, settings: Curate) -> None:
        """Replace the table by that of the events that are there."""
        empty = f"({self.columns})" if self.columns else "AS FROM events LIMIT 0"
        db.execute(f"CREATE OR REPLACE TABLE {self.name} {empty}")
        condition = f"SELECT EXISTS ({self.condition})"
        ((there_are,),) = db.execute(condition, given(condition, settings)).fetchall()
        if there_are:
            db.execute(f"INSERT INTO {self.name} BY NAME {self.select}", given(self.select, settings))


def named(query: str) -> set[str]:
    """The parameters that a query names."""
    return set(re.findall(r"\$([a-z]\w*)", query))


def given(query: str, settings: Curate) -> dict[str, Any]:
    """Their values: lists of actions, and $joined."""
    values: dict[str, Any] = {name: list(value) for name, value in settings if name.endswith("_actions")}
    values["joined"] = joined(settings.quality)
    return {name: values[name] for name in named(query)}
