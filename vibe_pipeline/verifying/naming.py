"""What names what: everything that a cut, a manifest, a result or an event names must lie in the home.

A field means the same wherever it stands, so events and results are walked without knowing their kinds. What rows were
forgotten of is found by the store's redirect from its first sha. Not here: whether it holds what its name says
(files.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.schema import STREAMS
from vibe_pipeline.ledger import SETTLED, Event
from vibe_pipeline.records import Cut, ExampleSet, Mix, Scorecard, Training, plain
from vibe_pipeline.rung import scorecard_key
from vibe_pipeline.store import REDIRECTS, Store
from vibe_pipeline.verifying.findings import Findings

FILES = {
    "mix_sha": "mixes/{}.parquet",
    "items_sha": "scorecards/{}.parquet",
    "suite_sha": "suites/{}.parquet",
    "withdrawn_sha": "withdrawn/{}.parquet",
    "child_sha": "models/adapters/{}",
    "parent_sha": "models/adapters/{}",
    "adapter_sha": "models/adapters/{}",
    "base_sha": "models/base/{}",
}
"""Field → what lies in the home for it."""

EVENTS = ("event_sha", "halted_sha")
"""Fields that name an event of any lineage."""

STAGES: dict[str, tuple[type[Any], str]] = {
    "examples": (ExampleSet, "examples/{}.parquet"),
    "mix": (Mix, "mixes/{}.parquet"),
    "training": (Training, ""),
    "scorecard": (Scorecard, ""),
}
"""Stage → its record, and what its `sha` is of."""


class Names:
    """Asks for what is named; `there` are the names of all files."""

    def __init__(self, store: Store, there: set[str], findings: Findings) -> None:
        self._store, self._there, self._findings = store, there, findings
        self._segments = {Path(name).stem for name in there if name.startswith("log/") and "/segments/" in name}

    def of_event(self, event: Event, name: str, known: set[str]) -> None:
        """The files and events that an event names, and the results that led to it."""
        self._of_fields(event.facts, name)
        for generation, sha in event.facts.get("champions", {}).items():
            self._wants(f"models/adapters/{sha}", f"{name}: champions.{generation}")
        for field, sha in _fields(event.facts):
            if field in EVENTS and sha and sha not in known:
                self._findings.add("event", name, f"{field} {sha}", "no event of any chain")
        for stage, key in _results_of(event):
            self._wants(f"results/{stage}/{key}.json", name)

    def of_cuts(self, names: list[str]) -> None:
        """Cuts follow each other, pin segments that are there, and lead to the results that are called after them."""
        curated = {Path(name).stem for name in self._there if name.startswith("results/examples/")}
        previous: Cut | None = None
        for generation, name in enumerate(names):
            cut = self._record(Cut, name)
            if cut is None:
                previous = None
                continue
            expected = key_of(plain(previous)) if previous else None
            if (previous or generation == 0) and cut.previous != expected:
                self._findings.add("cut", name, f"after {expected}", f"after {cut.previous}")
            if cut.generation != generation:
                self._findings.add("cut", name, f"cut {generation}", f"cut {cut.generation}")
            for field in ("interaction_segments", "probe_segments", "remark_segments"):
                for sha in getattr(cut, field):
                    self._wants_segment(sha, f"{name}: {field}")
            if curated and key_of(plain(cut)) not in curated and generation < len(curated):
                self._findings.add("cut", name, "examples that are called after it", "none")
            previous = cut

    def of_results(self, names: Iterable[str]) -> None:
        """Each is the record of its stage, and what it names is there."""
        for name in names:
            kind, own = STAGES.get(Path(name).parent.name, (None, ""))
            record = self._record(kind, name) if kind else None
            if record is not None:
                self._of_fields(plain(record), name)
                if own:
                    self._wants(own.format(record.sha), name)

    def of_manifests(self) -> None:
        """Every entry names a segment."""
        for stream in STREAMS:
            for name in self._store.names(f"log/{stream}/manifest", ".json"):
                if (entry := self._read(name)) is not None:
                    self._wants_segment(str(entry.get("sha")), name)

    def of_bases_and_redirects(self) -> None:
        """A base model's origin names its folder, a redirect what stands for the file that went."""
        for name in self._store.names("models/base", ".json"):
            if (entry := self._read(name)) is not None:
                self._wants(f"models/base/{entry.get('sha')}", name)
        stems = {Path(name).stem for name in self._there}  # of a redirect too: what it leads to may have shrunk again
        for name in self._store.names(REDIRECTS, ".json"):
            if (entry := self._read(name)) is not None and entry.get("sha") not in stems:
                self._findings.add("file", name, f"a file {entry.get('sha')}", "missing")

    def _of_fields(self, values: Any, name: str) -> None:
        for field, sha in _fields(values):
            if sha and field in FILES:
                self._wants(FILES[field].format(sha), name)

    def _wants(self, wanted: str, named_by: str) -> None:
        self._findings.checked["names"] += 1
        if wanted not in self._there and self._current(wanted) not in self._there:
            self._findings.add("file", wanted, f"named by {named_by}", "missing")

    def _wants_segment(self, sha: str, named_by: str) -> None:
        self._findings.checked["names"] += 1
        if sha not in self._segments and Path(self._current(f"log/segments/{sha}.parquet")).stem not in self._segments:
            self._findings.add("file", f"segment {sha}", f"named by {named_by}", "missing")

    def _current(self, name: str) -> str:
        try:
            return self._store.current(name)
        except (LedgerDamaged, KeyError):
            return name  # the redirect is damaged, and named by itself

    def _record(self, kind: type[Any], name: str) -> Any:
        return self._or_damaged(lambda: self._store.read_record(kind, name), name)

    def _read(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._or_damaged(lambda: self._store.read_json(name), name)
        return found

    def _or_damaged(self, read: Callable[[], Any], name: str) -> Any:
        try:
            return read()
        except LedgerDamaged as error:
            if not self._findings.is_damaged(name):
                self._findings.add("file", name, "a record", error.what)
            return None


def _fields(values: Any) -> Iterator[tuple[str, str | None]]:
    """All (field, text) at any depth."""
    if isinstance(values, dict):
        for key, value in values.items():
            if isinstance(value, str):
                yield key, value
            else:
                yield from _fields(value)
    elif isinstance(values, list):
        for value in values:
            yield from _fields(value)


def _results_of(event: Event) -> Iterator[tuple[str, str]]:
    """(stage, key) of the results that a settled rung was made of, as far as it says."""
    facts = event.facts
    if event.kind == SETTLED and facts["child_sha"] and "training_key" in facts:
        yield "mix", facts["mix_key"]
        yield "training", facts["training_key"]
        yield "scorecard", scorecard_key(facts["rung_key"], facts["child_sha"])
