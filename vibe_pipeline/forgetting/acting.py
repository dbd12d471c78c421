"""Forgetting, done so that a kill at any moment leaves something that can be finished.

First the intent is written, then the salted ids: from then on it is done, by whoever next seals, curates, climbs or
forgets; an intent without them is dropped, for nothing was begun. Then come the steps (erasing.py), then the taint and
the tombstone; the intent goes last. While it is at work nobody climbs, cuts or seals. Neither intent nor tombstone
holds an erased row, its id or the words that were asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pyarrow as pa

from vibe_pipeline.curate.cards.page import page_name
from vibe_pipeline.curate.dedup.index import FOLDER as INDEX
from vibe_pipeline.errors import Busy
from vibe_pipeline.fingerprint import sha_of_bytes
from vibe_pipeline.forgetting import plan as plans
from vibe_pipeline.forgetting.erasing import (
    amend_manifest,
    empty_quarantine,
    erased,
    recount,
    shrink,
    silence,
    sweep,
)
from vibe_pipeline.forgetting.plan import Plan
from vibe_pipeline.interactions import forgotten, quarantine
from vibe_pipeline.interactions.ingest import spans
from vibe_pipeline.interactions.matching import Criteria, matching, matching_rejects, quarantined, tell_of
from vibe_pipeline.interactions.schema import STREAMS
from vibe_pipeline.interactions.sealing import seal_alone
from vibe_pipeline.interactions.segments import locked
from vibe_pipeline.ledger import Ledger, chains
from vibe_pipeline.records import SCHEMA_VERSION, generation_name, load, plain
from vibe_pipeline.report import write_csv
from vibe_pipeline.settings import Settings
from vibe_pipeline.store import Store

INTENT = f"{forgotten.FOLDER}/intent.json"

CLIMBING = "climbing"
"""Shared by all who make something of the data (a merged segment, a cut, a rung), and held alone by forgetting."""

WAIT_S = 10.0

MAKING_WAIT_S = 3600.0


def preview(store: Store, criteria: Criteria) -> Plan:
    """What forgetting would do now; changes nothing."""
    coming, lost = spans.coming(store, _tells_of(criteria))
    with locked(store):
        found = matching(store, criteria, coming)
        rejects = matching_rejects(store, criteria) + int(tell_of(lost, criteria).sum())
    return plans.make(store, found, len(quarantined(store, criteria)) + rejects)[0]


def forget(store: Store, settings: Settings, criteria: Criteria) -> tuple[Plan, str | None]:
    """Erase what matches, everywhere; what was done and its tombstone (None where nothing matched)."""
    with _alone(store):
        if store.exists(INTENT):
            _finish(store, settings)
        spans.join(store, settings.log, is_meant=_tells_of(criteria))
        found = matching(store, criteria)  # before sealing: a secret that leaves with it could not be searched for
        if not len(found) and not matching_rejects(store, criteria) and not quarantined(store, criteria):
            return plans.make(store, found, 0)[0], None
        seal_alone(store, settings.curate, settings.log)
        with quarantine.locked(store):  # from here on an import knows what is not to be put aside again
            lines = quarantined(store, criteria)
            made, rows = plans.make(store, found, len(lines))
            told = pa.table({"kind": [quarantine.KIND] * len(lines), "id": lines}, schema=rows.schema)
            tombstone, salt = uuid.uuid4().hex, forgotten.salt(store)
            asked = {name: sha_of_bytes(f"{salt}{value}".encode()) for name, value in criteria.given.items()}
            intent = {
                "schema_version": SCHEMA_VERSION,
                "tombstone": tombstone,
                "requested_at": _now(),
                "asked": asked,
                "plan": plain(replace(made, examples={})),
            }
            store.write_json(INTENT, intent)
            forgotten.keep(store, tombstone, salt, plans.salted(pa.concat_tables([rows, told]), salt))
        _finish(store, settings)
        return made, tombstone


def finish(store: Store, settings: Settings) -> None:
    """Complete what a killed process began to forget."""
    if store.exists(INTENT):
        with _alone(store):
            if store.exists(INTENT):
                _finish(store, settings)


@contextmanager
def making(store: Store, settings: Settings) -> Iterator[None]:
    """Make something of the data: nothing of it is forgotten meanwhile, and nothing is half forgotten."""
    while True:
        finish(store, settings)
        with store.shared(CLIMBING, MAKING_WAIT_S):
            if not store.exists(INTENT):  # a forgetting may have begun, and died, since we looked
                yield
                return


def tainted_adapters(store: Store) -> set[str]:
    """Adapters that were trained on what is erased by now: their results are still found by key."""
    stones = [store.read_json(name) for name in store.names(forgotten.FOLDER, ".json")]
    return {rung["child_sha"] for stone in stones for rung in stone.get("plan", {}).get("rungs", ())}


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(store.shared(CLIMBING, WAIT_S, alone=True))
        except Busy as error:
            what = (
                "the log is being compacted, or a generation cut, curated or climbed: nothing can be erased meanwhile"
            )
            raise Busy(what, "Wait until it is done, or end it, and run the same command again") from error
        held.enter_context(store.lock("cuts", WAIT_S))
        held.enter_context(locked(store))
        sweep(store)
        yield


def _finish(store: Store, settings: Settings) -> None:
    intent = store.read_json(INTENT)
    done, tombstone = load(Plan, intent["plan"]), intent["tombstone"]
    if not store.exists(forgotten.hashes_name(tombstone)):
        return store.remove(INTENT)
    with erased(store, tombstone) as rows:
        for name in done.discarded:
            store.remove(name)
        for holding in done.files:
            shrink(store, holding, rows)
        for stream in STREAMS:
            amend_manifest(store, stream, settings.curate)
        empty_quarantine(store, rows)
    recount(store)
    store.remove(INDEX)  # made again without what went
    for generation, _, _ in done.generations:
        store.remove(page_name(generation_name(generation)))
    silence(store, {rung.child_sha for rung in done.rungs})
    for lineage, rungs in groupby(done.rungs, key=lambda rung: rung.lineage):
        Ledger(store, lineage).taint(tombstone, [_tainted(rung) for rung in rungs])
    write_csv(store, chains(store))
    names = [it.name for it in done.files if it.name not in done.discarded]
    became = {name: store.current(name) for name in names if store.current(name) != name}
    store.write_json(f"{forgotten.FOLDER}/{tombstone}.json", {**intent, "finished_at": _now(), "became": became})
    store.remove(INTENT)


def _tells_of(criteria: Criteria) -> Callable[[str], bool]:
    return lambda text: bool(tell_of([text], criteria)[0])


def _tainted(rung: plans.Touched) -> dict[str, Any]:
    return {name: getattr(rung, name) for name in ("generation", "attempt", "event_sha", "because")}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
