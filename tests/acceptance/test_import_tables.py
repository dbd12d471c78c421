"""Real tables and documents, read from VIBE_DATA (default ../shared/data): questions, commands, logs, texts."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

from vibe_pipeline.interactions.importers import ImportedFile, Wanted, import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))

pytestmark = pytest.mark.skipif(not (DATA / "dev").is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")


def bring(home: Path, file: Path, **options) -> tuple[ImportedFile, dict[str, dict]]:
    store = Store(home)
    (result,) = import_paths(InteractionLogger(home), store, [file], Wanted(**options))
    assert result.read == result.imported + result.duplicate + result.quarantined
    seal(store, Curate())
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    return result, {row["input"]: row for row in pl.read_parquet(files).rows(named=True)}


def test_questions_and_answers_with_a_map(tmp_path):
    columns = ("input=question", "output=answer", "interaction_id=id", "action==ask")
    result, rows = bring(tmp_path, DATA / "dev" / "gsm8k.jsonl", columns=columns)
    count = len((DATA / "dev" / "gsm8k.jsonl").read_text().splitlines())
    assert (result.format, result.read, result.imported) == ("table", count, count)
    row = next(row for question, row in rows.items() if question.startswith("Natalia sold clips to 48"))
    assert (row["module"], row["action"]) == ("gsm8k", "ask")
    assert row["output"].endswith("altogether in April and May.\n#### 72")
    assert json.loads(row["extra"]) == {"final": "72", "split": "train"}


def test_the_same_rows_as_csv_and_parquet_are_known(tmp_path):
    columns = ("input=description", "output=command", "module=utility", "action==run")
    result, rows = bring(tmp_path, DATA / "dev" / "nl2bash.jsonl", columns=columns)
    assert result.quarantined == 0
    assert (
        next(row for said, row in rows.items() if said.startswith("(BSD specific) Display process"))["module"] == "top"
    )
    frame = pl.read_ndjson(DATA / "dev" / "nl2bash.jsonl")
    frame.write_csv(tmp_path / "as.csv")
    frame.write_parquet(tmp_path / "as.parquet")
    for name in ("as.csv", "as.parquet"):
        again, _ = bring(tmp_path, tmp_path / name, columns=columns)
        assert (again.read, again.imported, again.quarantined) == (result.read, 0, 0)


def test_lines_of_a_system_log_are_events(tmp_path):
    columns = ("input=content", "module=component", "interaction_id=id")
    result, rows = bring(tmp_path, DATA / "dev" / "loghub" / "OpenSSH_2k.jsonl", columns=columns)
    assert (result.imported, result.quarantined) == (2000, 0)
    row = rows["input_userauth_request: invalid user webmaster [preauth]"]
    assert (row["module"], row["action"], json.loads(row["extra"])) == ("LabSZ", "event", {"event_id": "E12"})


def test_a_text_is_a_document_and_the_collections_own_manual_has_its_sections(tmp_path):
    _, rows = bring(tmp_path / "text", DATA / "dev" / "loghub" / "LICENSE.txt")
    assert rows["LICENSE.txt"]["output"].startswith("LICENSE OF LOGHUB")
    result, rows = bring(tmp_path, DATA / "README.md")
    assert (result.format, result.quarantined) == ("document", 0)
    section = rows["Development data > dev/ > gsm8k.jsonl"]
    assert section["output"].startswith("- rows: ")
    assert (section["action"], json.loads(section["extra"])["document"]) == ("document", "README.md")


def test_chats_are_still_chats(tmp_path):
    result, _ = bring(tmp_path, DATA / "dev" / "oasst_conversations.jsonl")
    assert result.format == "openai_chat"
