"""What several tests of the engine need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.serving import serving
from tests.engine.tables import MAP
from vibe_pipeline.interactions.importers import Wanted, import_paths
from vibe_pipeline.interactions.importers.tally import ImportedFile
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.store import Store


@pytest.fixture
def bring(store: Store, tmp_path: Path) -> Callable[..., ImportedFile]:
    """Import one file with this content."""

    def run(content: str | bytes, name: str = "a.jsonl", **options: Any) -> ImportedFile:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        (result,) = import_paths(InteractionLogger(store.root), store, [path], Wanted(**options))
        assert result.imported + result.duplicate + result.quarantined == result.read
        assert sum(result.reasons.values()) == result.quarantined
        return result

    return run


@pytest.fixture
def bring_table(store, tmp_path):
    """Import one file with this content as a table."""

    def run(content: str | bytes = b"", name: str = "app.csv", columns=MAP, **options):
        if content:
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        logger = InteractionLogger(store.root)
        (result,) = import_paths(logger, store, [tmp_path / name], Wanted(columns=columns, **options))
        assert result.imported + result.duplicate + result.quarantined == result.read
        assert sum(result.reasons.values()) == result.quarantined
        return result

    return run


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all tests that do not end it."""
    with serving(tmp_path_factory.mktemp("home") / "var") as server:
        yield server
