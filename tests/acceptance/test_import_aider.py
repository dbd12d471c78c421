"""A real chat history of aider, read from VIBE_DATA (default ../shared/data)."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.settings import Curate, Log
from vibe_pipeline.store import Store

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "importers"
DATA = DATA / "aider"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")


def test_all_starts_with_their_edits_and_failures(tmp_path):
    store = Store(tmp_path)
    (result,) = import_paths(InteractionLogger(tmp_path), store, [DATA])
    starts = DATA.joinpath("chat_history_a.md").read_text().count("# aider chat started at ")
    assert (result.format, result.read) == ("aider", starts)
    assert result.reasons == {"no answer follows a question": 1}
    (again,) = import_paths(InteractionLogger(tmp_path), store, [DATA])
    assert (again.imported, again.duplicate, again.quarantined) == (0, result.imported, 1)

    seal(store, Curate(), Log(scrub=False, personal_data=()))
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    rows = pl.read_parquet(files).sort("occurred_at", "turn").rows(named=True)
    assert {row["action"] for row in rows} == {"chat"}
    assert {row["model_id"] for row in rows} == {"claude-3-5-sonnet-20240620"}
    assert rows[0]["occurred_at"] == datetime(2024, 8, 6, 9, 47, 11, tzinfo=UTC)

    failed = {row["input"][:40]: row["error_type"] for row in rows if row["success"] is False}
    assert failed == {
        "Attempt to fix lint errors? y": "edit format",
        "can we include TZ info in the dt?": "edit format",
    }
    corrected = rows[1]
    assert corrected["input"].startswith("The LLM did not conform to the edit format.\n# 1 SEARCH/REPLACE block failed")
    assert corrected["output"].startswith("I apologize for the mismatch.")

    plain = {row["input"]: row for row in rows}
    locale = plain["include the country too, like en_US"]
    assert locale["output"].startswith("To include the country in the language information")
    assert json.loads(locale["extra"]) == {"edited": ["aider/coders/base_coder.py"], "commits": ["fe33cef", "eeb4790"]}
    pasted = next(row["input"] for row in rows if "test_subtree_only" in row["input"])
    assert pasted.startswith("    def test_subtree_only(self):\n        with GitTemporaryDirectory():\n")
    assert not any(row["input"].startswith(("/undo", "/diff", "/ex")) for row in rows)
