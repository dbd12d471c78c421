"""What names what: everything that a cut, a manifest, a result or an event names must lie in the home.

A field means the same wherever it stands, so events and results are walked without knowing their kinds. What rows were
forgotten of is found by the store's redirect from its first sha. Not here: whether it holds what its name says
(files.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.schema import STREAMS
from vibe_pipeline.judgement import Scorecard
from vibe_pipeline.ledger import SETTLED, Event
from vibe_pipeline.records import Cut, ExampleSet, Mix, Training, plain
from vibe_pipeline.rung import scorecard_key
from vibe_pipeline.store import REDIRECTS, Store
from vibe_pipeline.verifying.answers import judged_at
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
        self._listed: set[str] = set()
        """Segments that a manifest lists."""
        self._missing: set[str] = set()
        self._curated: dict[int, set[str]] = defaultdict(set)
        """Generation → the keys of its examples."""

    def of_event(self, event: Event, name: str, known: set[str]) -> None:
        """The files and events that an event names, and the results that led to it."""
        self._of_fields(event.facts, name)
        for generation, sha in event.facts.get("champions", {}).items():
            self._wants(f"models/adapters/{sha}", f"{name}: champions.{generation}")
        for suite, sha in event.facts.get("marks", {}).items():
            self._wants(f"models/adapters/{sha}", f"{name}: marks.{suite}")
        for standing in event.facts.get("standing", ()):
            for wanted in judged_at(event, standing).values():
                self._wants(wanted, name)
            if best := standing.get("best_sha"):
                self._wants(f"scores/{best}/{standing['suite_sha']}.parquet", name)
        for field, sha in _fields(event.facts):
            if field in EVENTS and sha and sha not in known:
                self._findings.add("event", name, f"{field} {sha}", "no event of any chain")
        for stage, key in _results_of(event):
            self._wants(f"results/{stage}/{key}.json", name)
        for generation in event.facts.get("delta_generations", ()):
            if generation not in self._curated:
                self._miss(f"results/examples of generation {generation}", name)

    def of_cuts(self, names: list[str]) -> None:
        """Cuts follow each other, pin segments that are there and listed, and lead to the examples called after them.
        After results and manifests: they say what is there."""
        before: set[str | None] = {None}
        for generation, name in enumerate(names):
            cut = self._record(Cut, name)
            if cut is None:
                before = set()
                continue
            if before and cut.previous not in before:
                self._findings.add("cut", name, f"after {'or'.join(map(str, before))}", f"after {cut.previous}")
            if (cut.generation, name) != (generation, f"cuts/{generation:06d}.json"):
                self._findings.add("cut", name, f"cut {generation}", f"cut {cut.generation}")
            for field in ("interaction_segments", "probe_segments", "remark_segments"):
                for sha in getattr(cut, field):
                    self._wants_segment(sha, f"{name}: {field}")
                    if Path(self._current(f"log/segments/{sha}.parquet")).stem not in self._listed:
                        self._miss(f"an entry of segment {sha}", name)
            before = {key_of(plain(cut)), key_of(self._read(name))}  # of the fields of today, and of those it had
            if generation in self._curated and not before & self._curated[generation]:
                self._findings.add("cut", name, "examples that are called after it", "none")
        for generation in self._curated.keys() - set(range(len(names))):
            self._miss(f"cuts/{generation:06d}.json", "the examples that were made of it")

    def of_results(self, names: Iterable[str]) -> None:
        """Each is the record of its stage, and what it names is there."""
        for name in names:
            kind, own = STAGES.get(Path(name).parent.name, (None, ""))
            record = self._record(kind, name) if kind else None
            if record is not None:
                self._of_fields(plain(record), name)
                if isinstance(record, ExampleSet):
                    self._curated[record.generation].add(Path(name).stem)
                if own:
                    self._wants(own.format(record.sha), name)

    def of_manifests(self) -> None:
        """Every entry names a segment."""
        for stream in STREAMS:
            for name in self._store.names(f"log/{stream}/manifest", ".json"):
                if (entry := self._read(name)) is not None:
                    self._wants_segment(str(entry.get("sha")), name)
                    self._listed.add(str(entry.get("sha")))

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
        if not self._is_there(wanted) and not self._is_there(self._current(wanted)):
            self._miss(wanted, named_by)

    def _miss(self, wanted: str, named_by: str) -> None:
        if wanted not in self._missing:
            self._missing.add(wanted)
            self._findings.add("file", wanted, f"named by {named_by}", "missing")

    def _is_there(self, name: str) -> bool:
        """Whether it was read, or has come since: somebody may be climbing."""
        return name in self._there or self._store.path(name).exists()

    def _wants_segment(self, sha: str, named_by: str) -> None:
        self._findings.checked["names"] += 1
        if sha not in self._segments and Path(self._current(f"log/segments/{sha}.parquet")).stem not in self._segments:
            self._miss(f"segment {sha}", named_by)

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
    if event.kind != SETTLED or "mix_key" not in facts:
        return
    yield "mix", facts["mix_key"]
    if facts["child_sha"]:
        yield "training", facts["training_key"]
        yield "scorecard", scorecard_key(facts["rung_key"], facts["child_sha"])
