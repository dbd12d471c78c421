"""Real sessions of agents, imported after every line that was written: nothing comes that the whole file has not."""

import os
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from vibe_pipeline.interactions.importers import import_paths, unfinished
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.settings import Curate, Log
from vibe_pipeline.store import Store

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "importers"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")

FILES = sorted(path for agent in ("claude_code", "codex_cli") for path in (DATA / agent).glob("*.jsonl"))
SAME = ("interaction_id", "conversation_id", "turn", "action", "input", "output", "success", "error_type")


def logged(store: Store) -> set[tuple]:
    seal(store, Curate(), Log(scrub=False, personal_data=()))
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    return set(pl.read_parquet(files).select(SAME).rows())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_session_that_is_imported_while_it_grows_is_that_of_one_import(tmp_path, monkeypatch, file):
    whole, parts = Store(tmp_path / "whole"), Store(tmp_path / "parts")
    import_paths(InteractionLogger(whole.root), whole, [file])
    written = file.read_bytes().splitlines(keepends=True)
    monkeypatch.setattr(unfinished, "QUIET", timedelta(days=1))
    for end in range(1, len(written) + 1):
        (tmp_path / "grown.jsonl").write_bytes(b"".join(written[:end]))
        import_paths(InteractionLogger(parts.root), parts, [tmp_path / "grown.jsonl"])
    monkeypatch.setattr(unfinished, "QUIET", timedelta(0))
    import_paths(InteractionLogger(parts.root), parts, [tmp_path / "grown.jsonl"])
    assert logged(parts) == logged(whole)
