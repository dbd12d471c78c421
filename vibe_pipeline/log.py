"""A home's log as people, Dagster and the ladder use it: seal it, cut it into generations, forget, read.

Not here: writing to it, which takes no more than an InteractionLogger, and what is made of a generation (ladder.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from vibe_pipeline import counting, forgetting
from vibe_pipeline.errors import GenerationRefused, LedgerDamaged
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions import compaction, following, quarantine, reading, sealing, segments
from vibe_pipeline.interactions.ingest import spans
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.interactions.schema import STREAMS
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import Cut, LogHealth, Segment, generation_name, plain
from vibe_pipeline.settings import Settings
from vibe_pipeline.store import Store, size_of
from vibe_pipeline.trigger import Readiness, readiness

CUT_WAIT_S = 3600.0
"""Two processes that would cut, or merge what a cut may pin, do so one after the other."""

MOST_SEGMENTS = 64
"""After the last cut: more are merged, so that whoever looks every 30 seconds opens no more files than these."""


class Log:
    """The log of one home and its cuts."""

    def __init__(self, store: Store, settings: Settings, watch: Watch = nobody) -> None:
        self.store = store
        self.settings = settings
        self._watch = watch

    def seal(self) -> list[Segment]:
        """Turn spools into segments; returns the new ones. Spans of conversations that go on wait for the rest.

        A forgetting that dies meanwhile does no harm: no segment is rewritten, and its salted ids are kept before its
        first step, so that none of its rows is sealed any more."""
        forgetting.finish(self.store, self.settings)
        spans.join(self.store, self.settings.log)
        return sealing.seal(self.store, self.settings.curate, self.settings.log, self._watch)

    def compact(self) -> list[Segment]:
        """Merge the small segments that no cut has pinned; returns the merged ones."""
        with self._cutting():
            return self._compact(self.cuts())

    def plan_forgetting(self, criteria: Criteria) -> dict[str, Any]:
        """What forgetting would erase and which rungs were built from it; erases nothing."""
        return forgetting.described(forgetting.preview(self.store, criteria), None)

    def forget(self, criteria: Criteria) -> dict[str, Any]:
        """Erase what matches wherever it lies, leave a tombstone and taint what was built from it.

        Busy while somebody curates or climbs. Killed, it is finished by whoever next seals, climbs or forgets, or has
        not begun.
        """
        return forgetting.described(*forgetting.forget(self.store, self.settings, criteria))

    def cuts(self) -> list[Cut]:
        """All cuts, from g000 up."""
        names = self.store.names("cuts", ".json")
        for generation, name in enumerate(names):
            if name != (wanted := _cut_name(generation)):
                raise LedgerDamaged(f"{wanted} is missing, and later cuts are there", "Restore it from a backup")
        return [self.store.read_record(Cut, name) for name in names]

    def cut(self, generation: int) -> Cut:
        """One of them; GenerationRefused where it is not open."""
        if not 0 <= generation < (count := self.opened()):
            raise GenerationRefused(
                f"{generation_name(generation)} is not open; there are {count} generations",
                "Run `vibe generation open` first",
            )
        return self.store.read_record(Cut, _cut_name(generation))

    def opened(self) -> int:
        """How many generations are open; none of their cuts is read."""
        return len(self.store.names("cuts", ".json"))

    def open_generation(self, *, force: bool = False) -> Cut:
        """Seal the log and close the next generation's window; GenerationRefused if there would be too little to judge
        by, nothing to learn, or nothing of the group by which conversations are held out: a cut is final."""
        self.seal()
        with self._cutting():
            return self._open(self.cuts(), force=force)

    def readiness(self) -> Readiness:
        """How far the sealed log is from its next generation, by what [trigger] says and counts that are kept."""
        cuts = self.cuts()
        return self._readiness(cuts[-1] if cuts else None)

    def open_when_due(self, wait_s: float = CUT_WAIT_S) -> tuple[Cut | None, str]:
        """Seal the log and open the next generation if it is due: its cut, or None, and all numbers in words. Asked
        again right after, it is not: what decides is counted since the last cut, under the lock that a cut is made
        under."""
        self.seal()
        with self._cutting(wait_s):
            cuts = self.cuts()
            last = cuts[-1] if cuts else None
            if sum(map(len, self._since(last).values())) > MOST_SEGMENTS:
                self._compact(cuts)
            found = self._readiness(last)
            if not found.is_due:
                return None, found.words
            try:
                return self._open(cuts, force=False), found.words
            except GenerationRefused as refused:
                return None, f"{found.words}, but {refused}"

    # Reading

    def stats(self) -> dict[str, Any]:
        """What the sealed log holds, from the counts kept per segment, and what waits to be sealed."""
        sealed = self._sealed()
        every = [segment for found in sealed.values() for segment in found]
        came_in = sum(segment.bytes for segment in every)
        stored = size_of(self.store.path(segments.file_name(self.store, segment)) for segment in every)
        return {
            **{stream: sum(segment.rows for segment in found) for stream, found in sealed.items()},
            "segments": len(every),
            "bytes": came_in,
            "stored_bytes": stored,
            "saved": round(1 - stored / came_in, 3) if came_in else None,
            "quarantined": self._quarantined(),
            "waiting_bytes": self.waiting_bytes(),
            "waiting_spans": spans.waiting(self.store),
            "generations": len(self.cuts()),
        }

    def waiting_bytes(self) -> int:
        """Of lines that are logged and not sealed yet."""
        return sealing.waiting_bytes(self.store)

    def health(self) -> LogHealth:
        """How old the newest sealed interaction is and how much was quarantined, beside what the settings allow."""
        sealed, quarantined, newest = self._sealed(), self._quarantined(), reading.newest(self.store)
        came_in = quarantined + sum(segment.rows for found in sealed.values() for segment in found)
        return LogHealth(
            interactions=sum(segment.rows for segment in sealed["interactions"]),
            age_days=(datetime.now(UTC) - newest).total_seconds() / 86_400 if newest else None,
            stale_days=self.settings.log.stale_days,
            quarantined=quarantined,
            quarantine_share=quarantined / came_in if came_in else 0.0,
            quarantine_limit=self.settings.log.quarantine_limit,
        )

    def tail(self, limit: int) -> list[dict[str, Any]]:
        """The latest interactions, sealed or not, oldest first."""
        return reading.tail(self.store, limit, self.settings.log)

    def follow(self, limit: int) -> Iterator[list[dict[str, Any]]]:
        """The same, and then what arrives, in lists; an empty one where nothing has arrived since the last."""
        return following.follow(self.store, limit, self.settings.log)

    def search(self, text: str, limit: int) -> list[dict[str, Any]]:
        """Interactions whose input or output holds a text, newest first."""
        return reading.search(self.store, text, limit, self.settings.log)

    def sha(self) -> str:
        """Hash of everything sealed so far."""
        return key_of({stream: [segment.sha for segment in found] for stream, found in self._sealed().items()})

    def _sealed(self) -> dict[str, list[Segment]]:
        return {stream: segments.manifest(self.store, stream) for stream in STREAMS}

    def _quarantined(self) -> int:
        return sum(sum(quarantine.reasons(self.store, stream).values()) for stream in STREAMS)

    def _readiness(self, last: Cut | None) -> Readiness:
        found = counting.counts(self.store, self._since(last), self.settings.curate)
        return readiness(found, self.settings.trigger)

    def _since(self, last: Cut | None) -> dict[str, list[Segment]]:
        return {
            stream: segments.manifest(self.store, stream, after=getattr(last, f"{stream}_position", -1))
            for stream in STREAMS
        }

    @contextmanager
    def _cutting(self, wait_s: float = CUT_WAIT_S) -> Iterator[None]:
        """Alone among those who cut or merge, with nothing half forgotten: what is merged must hold no erased row."""
        with forgetting.making(self.store, self.settings), self.store.lock("cuts", wait_s):
            yield

    def _open(self, cuts: list[Cut], *, force: bool) -> Cut:
        last = cuts[-1] if cuts else None
        if not force:  # before segments are merged: a trigger asks again and again
            self._require_expected(*self._next_cut(last))
        self._compact(cuts)
        cut, _ = self._next_cut(last)
        self.store.write_json(_cut_name(cut.generation), plain(cut))
        return cut

    def _compact(self, cuts: list[Cut]) -> list[Segment]:
        """What lies after the last cut; the caller holds the lock that keeps another cut from being made."""
        after = {stream: getattr(cuts[-1], f"{stream}_position") if cuts else -1 for stream in STREAMS}
        return [
            segment
            for stream in STREAMS
            for segment in compaction.compact(
                self.store, stream, self.settings.curate, after[stream], watch=self._watch
            )
        ]

    def _require_expected(self, cut: Cut, window: list[Segment]) -> None:
        """GenerationRefused where the counts of these interactions speak against a cut."""
        group, wanted = self.settings.curate.group, self.settings.gate.min_items
        learned = sum(segment.learned for segment in window)
        others = cut.interactions - learned - (cut.expected_held_out - cut.probes)
        would_hold = f"{generation_name(cut.generation)} would hold {cut.interactions:,} interactions"
        remedy = f"Log more{f', of another {group} too' if group else ''}"
        if others:
            would_hold += f" ({others:,} of them of actions that no list of [curate] names)"
            remedy = "Name them there, or log more"
        if group and cut.interactions and not any(segment.grouped for segment in window):
            raise GenerationRefused(
                f"{would_hold}, and none of them has {group}, by which they would be held out",
                "Correct curate.group in vibe.toml, or open it all the same with --force",
            )
        if cut.expected_held_out < wanted:
            raise GenerationRefused(
                f"{would_hold}, {cut.probes:,} probes and about {cut.expected_held_out:,} held-out items; "
                f"gate.min_items is {wanted}",
                f"{remedy}, or open it all the same with --force",
            )
        if wanted and not learned:
            raise GenerationRefused(
                f"{would_hold} and nothing to learn from: all of it would be held out{f' by {group}' if group else ''}",
                f"{remedy}, or open it all the same with --force",
            )

    def _next_cut(self, last: Cut | None) -> tuple[Cut, list[Segment]]:
        """The cut that would close the window from the last one to now, and the interactions in it."""
        new = self._since(last)
        new["interactions"] = segments.recounted(self.store, new["interactions"], self.settings.curate)
        position = {
            stream: found[-1].sequence if found else getattr(last, f"{stream}_position", -1)
            for stream, found in new.items()
        }
        shas = {stream: tuple(segment.sha for segment in found) for stream, found in new.items()}
        cut = Cut(
            generation=last.generation + 1 if last else 0,
            interaction_segments=shas["interactions"],
            probe_segments=shas["probes"],
            remark_segments=shas["remarks"],
            interactions_position=position["interactions"],
            probes_position=position["probes"],
            remarks_position=position["remarks"],
            interactions=sum(segment.rows for segment in new["interactions"]),
            probes=sum(segment.rows for segment in new["probes"]),
            expected_held_out=sum(segment.held_out for found in new.values() for segment in found),
            previous=key_of(plain(last)) if last else None,
        )
        return cut, new["interactions"]


def _cut_name(generation: int) -> str:
    return f"cuts/{generation:06d}.json"
