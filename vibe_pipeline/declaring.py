"""Declares a lineage in vibe.toml: a table at its end, and no other byte of it is changed.

Whoever declares one in an editor does the same. Not here: what a lineage may say (settings.py).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.outside import write
from vibe_pipeline.settings import Settings, config_path, parse


@dataclass(frozen=True, slots=True)
class Declared:
    """What vibe.toml would say, and what that means; nothing is written yet."""

    path: Path
    text: str
    settings: Settings

    def write(self) -> None:
        """Whole or not at all."""
        write(self.path, self.text)


def declared(name: str, like: str | None = None, **values: Any) -> Declared:
    """A lineage of that name which says what `like` says, and these values; SettingsInvalid where there is one, or they
    mean nothing."""
    path = config_path()
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    settings = parse(before, path)
    if name in settings.lineages:
        raise SettingsInvalid(f"lineage {name} is declared already in {path}", "Choose another name, or edit it there")
    said = tomllib.loads(before).get("lineages", {})
    if like is not None:
        settings.lineage(like)
    tables: dict[str, Any] = {} if said else {"main": {}}  # the default, which counts only where none is declared
    tables[name] = {**said.get(like, {}), **{key: value for key, value in values.items() if value is not None}}
    text = f"{before.rstrip()}\n\n{_toml(tables)}".lstrip()
    return Declared(path, text, parse(text, path))


def _toml(tables: dict[str, Any]) -> str:
    lineages = tomlkit.table(is_super_table=True)
    for name, values in tables.items():
        lineages.append(name, tomlkit.item(values))
    document = tomlkit.document()
    document.append("lineages", lineages)
    return tomlkit.dumps(document)
