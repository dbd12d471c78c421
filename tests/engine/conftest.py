"""What several tests of the engine need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
