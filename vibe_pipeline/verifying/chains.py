"""The chains of a home, read as far as they can be: damage in one place must not hide what is wrong elsewhere."""

from __future__ import annotations

from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.ledger import GENESIS, Event, Ledger
from vibe_pipeline.store import Store
from vibe_pipeline.verifying.findings import Findings


def check(store: Store, ledger: Ledger, findings: Findings) -> list[Event]:
    """The events whose own hash is right. Each link is checked here, and the head by the ledger itself."""
    events: list[Event] = []
    before, previous = len(findings.problems), GENESIS
    for place, name in enumerate(store.names(f"ledger/{ledger.lineage}", ".json")):
        event = _event(store, name, findings)
        if event is None:
            previous = ""  # what stood there is not known: the next link is not judged by it
            continue
        if event.sequence != place or f"{place:06d}" not in name:
            findings.add("chain", name, f"event {place}", f"event {event.sequence}")
        elif previous and event.previous != previous:
            findings.add("chain", name, f"after {previous}", f"after {event.previous}")
        previous = event.sha
        events.append(event)
    findings.checked["events"] += len(events)
    try:
        ledger.events()
    except LedgerDamaged as error:
        if len(findings.problems) == before:
            findings.add("chain", f"ledger/heads/{ledger.lineage}.json", "the last event of the chain", error.what)
    except (KeyError, TypeError, AttributeError) as error:
        findings.add("chain", f"ledger/{ledger.lineage}", "events", f"{type(error).__name__}: {error}")
    return events


def _event(store: Store, name: str, findings: Findings) -> Event | None:
    try:
        stored = store.read_json(name)
        body, outside, sha = stored["body"], stored["outside"], stored["sha"]
        if (found := key_of(body)) != sha:
            findings.add("event", name, sha, found)
            return None
        return Event(**{key: value for key, value in body.items() if key != "schema_version"}, outside=outside, sha=sha)
    except LedgerDamaged as error:
        findings.add("event", name, "an event", error.what)
    except (KeyError, TypeError, ValueError) as error:
        findings.add("event", name, "an event", f"{type(error).__name__}: {error}")
    return None
