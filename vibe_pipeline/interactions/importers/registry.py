"""Which formats there are, and which of them an import is to try.

An importer is a module (or object) with `recognises(value)` and `read(value, source, at)` over JSON values. A format
that needs more has more of the names that `Format` explains: `session_of` where records of a file are read together,
`accompanies` where some of them do not say whose they are, `opens` with `records` or `batches` where a file is not
JSON, `connects` with `records` where a store is behind an address or in a folder, `joins` with `records` where
folders in a folder belong together, `SUFFIXES` and `is_whole` for folders when it is asked for by name, `EXPORTS` where
chats lie among files of an account.

Others are added by the entry point group `vibe_pipeline.importers`. Not here: reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.importers import (
    ai_studio,
    aider,
    chatgpt_export,
    claude_code,
    claude_export,
    codex_cli,
    document,
    gemini_cli,
    git_history,
    inspect_ai,
    langfuse,
    litellm,
    llm_logs,
    mlflow_traces,
    open_webui,
    openai_chat,
    openai_responses,
    otel_genai,
    sharegpt,
    swe_agent,
)
from vibe_pipeline.interactions.importers.columns import ColumnMap
from vibe_pipeline.interactions.importers.recognised import BUGS, Format
from vibe_pipeline.interactions.importers.table import Table

AUTO = "auto"
TABLE = "table"

ENTRY_POINTS = "vibe_pipeline.importers"

OURS: dict[str, object] = {
    "claude_code": claude_code,
    "codex_cli": codex_cli,
    "swe_agent": swe_agent,
    "aider": aider,
    "chatgpt_export": chatgpt_export,
    "claude_export": claude_export,
    "open_webui": open_webui,
    "gemini_cli": gemini_cli,
    "ai_studio": ai_studio,
    "mlflow": mlflow_traces,
    "llm_logs": llm_logs,
    "inspect_ai": inspect_ai,
    "otel_genai": otel_genai,
    "litellm": litellm,
    "langfuse": langfuse,
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "sharegpt": sharegpt,
    TABLE: Table(),
    "document": document,
    "git": git_history,
}
"""In the order in which they are asked: the narrow ones first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an import is to read its files as.

    `columns` (FIELD=COLUMN, FIELD==CONSTANT) and `table` (of a database) make every file a table.
    """

    format: str = AUTO
    source: str | None = None
    """Kept with every interaction; the name of the format where there is none."""
    columns: Sequence[str] = ()
    table: str | None = None
    tier: str | None = None
    """Whose all that is read is, where it is not the user's own; what a file itself says of it does not count then."""

    def formats(self) -> Sequence[Format]:
        """Those that may be meant; SettingsInvalid where there are none."""
        known = formats()
        if self.format not in (AUTO, *known):
            names = ", ".join([AUTO, *known])
            raise SettingsInvalid(f"format {self.format!r} is not one of {names}", "Name one of them, or leave it out")
        is_asked_for = bool(self.format == TABLE or self.columns or self.table)
        if is_asked_for and self.format not in (AUTO, TABLE):
            what = f"format {self.format!r} has no columns to map and no tables"
            raise SettingsInvalid(what, "Leave --format out")
        columns = ColumnMap.parse([*self.columns, *([f"source=={self.source}"] if self.source else [])], self.tier)
        table = Format.of(TABLE, Table(columns, self.table, is_asked_for))
        if is_asked_for:
            return [table]
        known = known | {TABLE: table}
        return [*known.values()] if self.format == AUTO else [known[self.format]]


@cache
def formats() -> dict[str, Format]:
    """All formats by name, those of other packages last; one that cannot be used is an error that names its package."""
    found = {name: Format.of(name, importer) for name, importer in OURS.items()}
    for entry in entry_points(group=ENTRY_POINTS):
        package = entry.dist.name if entry.dist else entry.value
        if entry.name in (AUTO, *found):
            what = f"the importer {entry.name} of the package {package} has a name that is taken"
            raise SettingsInvalid(what, f"Rename its entry point, or remove {package}")
        try:
            found[entry.name] = Format.of(entry.name, entry.load())
        except BUGS as error:
            what = f"the importer {entry.name} of the package {package} cannot be loaded: {error}"
            raise SettingsInvalid(what, f"Upgrade or remove {package}") from error
    return found
