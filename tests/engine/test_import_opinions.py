"""What people thought of an answer is a remark, so that what they thought later comes with a later import."""

import json

import polars as pl
import pytest

from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store


def open_webui(thumb):
    answer = {"parentId": "u", "role": "assistant", "content": "a", **({"annotation": thumb} if thumb else {})}
    messages = {"u": {"parentId": None, "role": "user", "content": "q"}, "a": answer}
    return {"id": "row", "user_id": "me", "chat": {"history": {"currentId": "a", "messages": messages}}}


def open_webui_rating(thumb):
    value = {"type": "rating", "data": thumb or {}, "meta": {"message_id": "a"}}
    return value | {"snapshot": {"chat": open_webui(None)}} if thumb else open_webui(None)


def langfuse(thumb):
    scores = [{"name": "toxic", "value": 0.5, "source": "EVAL", "comment": "mild"}]
    if thumb:
        value = max(thumb["rating"], 0)
        scores += [
            {"name": "thumb", "value": value, "dataType": "BOOLEAN", "source": "API", "comment": thumb["comment"]}
        ]
    return {
        "id": "t",
        "timestamp": "2026-01-02T00:00:00Z",
        "htmlPath": "/",
        "input": "q",
        "output": "a",
        "scores": scores,
    }


@pytest.mark.parametrize("value", [open_webui, open_webui_rating, langfuse])
def test_what_was_thought_after_the_first_import_comes_with_the_next_one(tmp_path, value):
    store = Store(tmp_path / "home")
    path = tmp_path / "export.json"
    thumbs = [
        None,
        {"rating": 1, "comment": "fine"},
        {"rating": 1, "comment": "fine"},
        {"rating": -1, "comment": "wrong"},
    ]
    imported = []
    for thumb in thumbs:
        path.write_text(json.dumps([value(thumb)]))
        (result,) = import_paths(InteractionLogger(store.root), store, [path])
        imported.append((result.imported, result.duplicate, result.quarantined))
    assert imported == [(1, 0, 0), (1, 0, 0), (0, 1, 0), (1, 0, 0)]
    seal(store, Curate())
    (item,), said = (rows(store, stream) for stream in ("interactions", "remarks"))
    assert [(it["kind"], it["score"], it["text"]) for it in sorted(said, key=lambda it: it["occurred_at"])] == [
        ("feedback", 1.0, "fine"),
        ("feedback", -1.0, "wrong"),
    ]
    assert {it["interaction_id"] for it in said} == {item["interaction_id"]}
    assert "opinions" not in (item["extra"] or "")


def rows(store: Store, stream: str) -> list[dict]:
    return pl.read_parquet(paths(store, stream, [it.sha for it in manifest(store, stream)])).rows(named=True)


def test_feedback_that_came_with_the_first_import_is_a_remark_too(tmp_path):
    store = Store(tmp_path / "home")
    path = tmp_path / "export.json"
    path.write_text(json.dumps(open_webui({"rating": -1})))
    import_paths(InteractionLogger(store.root), store, [path])
    seal(store, Curate())
    assert [(row["score"], row["text"]) for row in rows(store, "remarks")] == [(-1.0, None)]
    assert [row["feedback"] for row in rows(store, "interactions")] == [-1.0]


def test_a_rating_that_cannot_be_joined_is_counted(tmp_path):
    store = Store(tmp_path / "home")
    path = tmp_path / "message_feedback.json"
    path.write_text(json.dumps([{"id": "m", "conversation_id": "c", "rating": "thumbsDown", "content": "{}"}]))
    (result,) = import_paths(InteractionLogger(store.root), store, [path])
    assert result.reasons == {"a rating without its conversation, that stands in another file": 1}
