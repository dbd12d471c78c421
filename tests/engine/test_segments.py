"""Sealing doubles nothing and loses nothing, wherever it is interrupted, and its counts are true."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from vibe_pipeline.errors import Busy, LedgerDamaged
from vibe_pipeline.fingerprint import is_held_out
from vibe_pipeline.interactions import quarantine, sealing, segments
from vibe_pipeline.interactions.known import Known
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal, waiting_bytes
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.records import Interaction, Probe
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.scrub.placeholders import PLACEHOLDER
from vibe_pipeline.settings import Curate, Log
from vibe_pipeline.store import Store

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
KEY = "AKIAIOSFODNN7EXAMPLE"


@pytest.fixture
def logger(store) -> InteractionLogger:
    return InteractionLogger(store.root)


def interaction(identity: str, conversation: str = "c", turn: int = 0, **values) -> Interaction:
    fixed = {"occurred_at": MOMENT, "module": "m", "action": "ask", "input": "q"}
    return Interaction(interaction_id=identity, conversation_id=conversation, turn=turn, **{**fixed, **values})


def rows(store: Store, stream: str = "interactions") -> list[dict]:
    files = paths(store, stream, [segment.sha for segment in manifest(store, stream)])
    return [row for file in files for row in pl.read_parquet(file).rows(named=True)]


def ids(store: Store) -> list[str]:
    return [row["interaction_id"] for row in rows(store)]


def test_nothing_logged_seals_nothing(store):
    assert seal(store, Curate()) == []
    assert manifest(store, "interactions") == []


def test_all_spools_become_one_segment_and_are_gone(store, logger):
    logger.log_many([interaction("a"), interaction("b")])
    InteractionLogger(store.root).log_many([interaction("c")])
    (segment,) = seal(store, Curate())
    assert sorted(ids(store)) == ["a", "b", "c"]
    assert manifest(store, "interactions") == [segment]
    assert not list(store.root.rglob("*.jsonl"))


def test_lines_wait_in_bytes_until_they_are_sealed(store, logger):
    logger.log_many([interaction("a")])
    with pytest.MonkeyPatch.context() as crash:
        crash.setattr(Store, "write_table", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            seal(store, Curate())
    logger.log_many([interaction("b")])
    assert waiting_bytes(store) == sum(path.stat().st_size for path in store.root.rglob("*.jsonl")) > 0
    seal(store, Curate())
    assert waiting_bytes(store) == 0


def test_sealing_leaves_the_memory_of_the_program_around_as_it_was(store, logger):
    pool = pa.default_memory_pool().backend_name
    logger.log_many([interaction("a")])
    seal(store, Curate())
    assert pa.default_memory_pool().backend_name == pool != pa.system_memory_pool().backend_name


def test_both_streams_are_sealed_apart_and_numbered_from_zero(store, logger):
    probe = Probe(probe_id="p", fact="f", question="q", answer="a", occurred_at=MOMENT, source="s")
    logger.log_many([interaction("a")], [probe])
    first = seal(store, Curate())
    logger.log_many([interaction("b")])
    second = seal(store, Curate())
    assert [(s.stream, s.sequence) for s in first + second] == [("interactions", 0), ("probes", 0), ("interactions", 1)]
    assert manifest(store, "interactions", after=0) == second
    assert rows(store, "probes")[0]["probe_id"] == "p"


def test_rows_lie_by_conversation_and_turn(store, logger):
    logger.log_many(
        [interaction("1", "b", 1), interaction("2", "a", 1), interaction("3", "b", 0), interaction("4", "a", 0)]
    )
    seal(store, Curate())
    assert ids(store) == ["4", "2", "3", "1"]


def test_the_same_rows_give_the_same_sha_whoever_logged_them(tmp_path):
    shas = []
    for name, order in (("one", ["a", "b", "c"]), ("two", ["c", "a", "b"])):
        store = Store(tmp_path / name)
        for identity in order:
            InteractionLogger(store.root).log_many([interaction(identity)])
        shas += [segment.sha for segment in seal(store, Curate())]
    assert shas[0] == shas[1]


def test_the_counts_are_those_of_the_rows(store, logger):
    records = [interaction(f"{c}-{t}", f"c{c}", t) for c in range(40) for t in range(3)]
    logger.log_many(records)
    size = sum(len(line) for spool in store.root.rglob("*.jsonl") for line in spool.read_bytes().splitlines())
    (segment,) = seal(store, Curate(salt="it's", held_out=0.3))
    held_out = sum(is_held_out(record.conversation_id, "it's", 0.3) for record in records)
    assert (segment.rows, segment.conversations, segment.bytes, segment.held_out) == (120, 40, size, held_out)
    assert held_out > 0


def test_every_probe_is_held_out(store, logger):
    logger.probe(fact="f", question="q", answer="a")
    (segment,) = seal(store, Curate())
    assert (segment.rows, segment.held_out, segment.conversations) == (1, 1, 0)


def test_an_id_is_sealed_once_and_the_first_one_wins(store, logger):
    logger.log_many([interaction("a", input="first"), interaction("a", input="second")])
    seal(store, Curate())
    logger.log_many([interaction("a", input="third")])
    assert seal(store, Curate()) == []
    assert [row["input"] for row in rows(store)] == ["first"]


@pytest.mark.parametrize("step", ["write_table", "write_json", "unlink"])
def test_a_seal_that_dies_at_any_step_is_mended_by_the_next(store, logger, monkeypatch, step):
    logger.log_many([interaction("a"), interaction("b")])

    def die(place, *_, **__):
        if place == store or place.suffix == ".jsonl":
            raise KeyboardInterrupt

    monkeypatch.setattr(Path if step == "unlink" else Store, step, die)
    with pytest.raises(KeyboardInterrupt):
        seal(store, Curate())
    monkeypatch.undo()
    logger.log_many([interaction("c")])
    seal(store, Curate())
    assert sorted(ids(store)) == ["a", "b", "c"]
    assert not list(store.root.rglob("*.jsonl"))


def test_torn_lines_go_to_quarantine_and_cost_no_other(store, logger):
    logger.log_many([interaction("a")])
    (spool,) = store.root.rglob("*.jsonl")
    with spool.open("ab") as file:
        file.write(b'[]\n{"interaction_id": "half", "inp\xc3')
    (segment,) = seal(store, Curate())
    assert segment.rows == 1
    assert quarantine.reasons(store, "interactions") == {
        "JSON, but not an object": 1,
        "not JSON (a write that was cut off?)": 1,
    }


def test_secrets_are_scrubbed_from_every_text_column(store, logger):
    fields = dict.fromkeys(("module", "action", "input", "output", "error_type", "model_id"), f"see {KEY}")
    lists = dict.fromkeys(("improvements", "learnings"), ("fine", f"see {KEY}"))
    logger.log_many([interaction("a", **fields, **lists, extra={"deep": [{"key": KEY}]}), interaction("b")])
    logger.probe(fact="f", question=f"what is {KEY}?", answer=KEY)
    seal(store, Curate())
    row, plain = rows(store)
    assert KEY not in str(row) + str(rows(store, "probes"))
    placed = PLACEHOLDER.search(row["input"])[0]
    assert json.loads(row["extra"]) == {"deep": [{"key": placed}]}
    assert row["learnings"] == ["fine", f"see {placed}"]
    assert (plain["learnings"], plain["extra"], plain["error_type"]) == ([], None, None)


def test_who_did_it_and_the_ids_stay_for_forgetting(store, logger):
    mail = "jo@acme.io"
    logger.log_many([interaction(mail, mail, user=mail)])
    seal(store, Curate())
    (row,) = rows(store)
    assert (row["interaction_id"], row["conversation_id"], row["user"]) == (mail, mail, mail)


def test_a_source_may_be_a_path(store):
    InteractionLogger(store.root, source="/home/joanna/notes.md").log(module="m", action="a", input="i")
    seal(store, Curate())
    assert PLACEHOLDER.sub("*", rows(store)[0]["source"]) == "/home/*/notes.md"


def test_quarantine_names_nobody(store):
    mail = "joanna.doe@acme.io"
    quarantine.keep(store, "interactions", [(mail, f"unknown role '{mail}'")], "/home/joanna/x\udcff.jsonl")
    (path,) = store.path("log/interactions/quarantine").iterdir()
    entry = json.loads(path.read_bytes())
    assert PLACEHOLDER.sub("*", entry["origin"]) == "/home/*/x\ufffd.jsonl"
    placed = PLACEHOLDER.fullmatch(entry["raw"])[0]
    assert quarantine.reasons(store, "interactions") == {f"unknown role '{placed}'": 1}


def test_originals_are_kept_apart_and_private_only_on_request(store, logger):
    logger.log_many([interaction("a", input=f"see {KEY}"), interaction("b")])
    seal(store, Curate(), Log(keep_originals=True))
    (original,) = store.path("log/interactions/originals").iterdir()
    assert pl.read_parquet(original).select("interaction_id", "input").rows() == [("a", f"see {KEY}")]
    assert original.stat().st_mode & 0o777 == 0o600
    assert KEY not in str(rows(store))
    logger.log_many([interaction("c", input=f"see {KEY}")])
    seal(store, Curate())
    assert len(list(store.path("log/interactions/originals").iterdir())) == 1


class Spoiling(Scrubber):
    """Takes an address out of `extra` with its quotation marks."""

    def table(self, table, columns):
        extra = pc.replace_substring(table["extra"], '"jo@example.org"', "[email:000000]")
        return table.set_column(table.schema.get_field_index("extra"), "extra", extra), {}


def test_a_row_whose_extra_is_no_json_once_it_is_scrubbed_costs_itself(store, logger, monkeypatch):
    monkeypatch.setattr(sealing, "Scrubber", Spoiling)
    extras = [{}, {"a": "jo@example.org"}, {"a": "b"}]
    logger.log_many([interaction(f"i{number}", extra=extra) for number, extra in enumerate(extras)])
    seal(store, Curate(), Log(keep_originals=True))
    assert ids(store) == ["i0", "i2"]
    assert quarantine.reasons(store, "interactions") == {sealing.SPOILED: 1}
    assert seal(store, Curate()) == []


def test_scrubbing_can_be_left_out(store, logger):
    logger.log_many([interaction("a", input=KEY)])
    seal(store, Curate(), Log(scrub=False, personal_data=()))
    assert rows(store)[0]["input"] == KEY


def test_known_ids_are_found_sealed_and_unsealed(store, logger):
    logger.log_many([interaction("sealed")])
    seal(store, Curate())
    logger.log_many([interaction("waiting")])
    known = Known(store)
    assert known.add(["sealed", "waiting", "new", "new"]) == [False, False, True, False]
    assert known.add(["new", "newer"]) == [False, True]


def test_a_second_sealer_gives_up_after_a_wait(store, monkeypatch):
    monkeypatch.setattr(segments, "LOCK_WAIT_S", 0.05)
    seal(store, Curate())
    with store.lock("seal", 0), pytest.raises(Busy, match="run again") as caught:
        seal(store, Curate())
    assert caught.value.retryable


def test_a_missing_segment_is_reported_and_not_skipped(store, logger):
    logger.log_many([interaction("a")])
    (segment,) = seal(store, Curate())
    store.path(f"log/interactions/segments/{segment.month}/{segment.sha}.parquet").unlink()
    with pytest.raises(LedgerDamaged, match="missing"):
        paths(store, "interactions", [segment.sha])


@pytest.mark.parametrize(("change", "remedy"), [({"schema_version": 2}, "Upgrade"), ({"colour": "red"}, "backup")])
def test_a_manifest_entry_that_cannot_be_understood_is_never_guessed_at(store, logger, change, remedy):
    logger.log_many([interaction("a")])
    seal(store, Curate())
    name = "log/interactions/manifest/00000000.json"
    store.write_json(name, {**store.read_json(name), **change})
    with pytest.raises(LedgerDamaged, match=remedy):
        manifest(store, "interactions")
