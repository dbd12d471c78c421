"""The examples of a home's generations: curated once, then shown, compared and handed over.

Where curation gets what it is given: the segments between two cuts, and what earlier generations hold. Not here: how a
generation is cut (log.py), curation itself (curate/), and who learns from the examples (ladder.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vibe_pipeline import forgetting, passes
from vibe_pipeline.curate.cards.card import Card, describe
from vibe_pipeline.curate.cards.difference import Difference, compare
from vibe_pipeline.curate.cards.page import page, page_name
from vibe_pipeline.curate.dedup.index import Entries, Index
from vibe_pipeline.curate.dedup.keys import withdrawn_entries
from vibe_pipeline.curate.dedup.known import entries_of, group_entries
from vibe_pipeline.curate.dedup.pages import Damaged
from vibe_pipeline.curate.dedup.sketch import MADE_BY
from vibe_pipeline.curate.events.window import Inputs, place_entries
from vibe_pipeline.curate.examples import Curated, curate
from vibe_pipeline.curate.export.outcome import Exported
from vibe_pipeline.curate.export.writing import Wanted, export
from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.errors import GenerationRefused
from vibe_pipeline.evaluate.suites import SCHEMA as SUITE
from vibe_pipeline.evaluate.suites import suite
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions import segments
from vibe_pipeline.log import Log
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import Cut, ExampleSet, generation_name, plain
from vibe_pipeline.results import Results
from vibe_pipeline.settings import Settings
from vibe_pipeline.store import Store
from vibe_pipeline.withdrawn import taken_back


class Generations:
    """The generations of one home."""

    def __init__(self, store: Store, settings: Settings, log: Log, results: Results, watch: Watch = nobody) -> None:
        self._store, self._settings, self._log, self._results, self._watch = store, settings, log, results, watch

    def examples(self, generation: int) -> ExampleSet:
        """The examples and the suite of one generation, curated once and fixed from then on."""
        first = generation
        while first and self.curated(first - 1) is None:
            first -= 1  # what lies below is not asked: it was there when this was made
        for below in range(first, generation):
            self._examples(below)
        return self._examples(generation)

    def curated(self, generation: int) -> ExampleSet | None:
        """The same, if they are made."""
        return self._results.kept("examples", key_of(plain(self._log.cut(generation))), ExampleSet)

    def broken_off(self) -> int | None:
        """The last generation, if it was opened and whoever did so died before its examples were made."""
        last = self._log.opened() - 1
        return last if last >= 0 and self.curated(last) is None else None

    def card(self, generation: int) -> Card:
        """The figures of a curated generation and some of its examples; its page is written with them."""
        with forgetting.making(self._store, self._settings):
            card = describe(self._store, self._made(generation), self._withdrawn_sha())
            self._store.write(page_name(card.generation), page(card).encode())
        return card

    def page(self, generation: int) -> Path:
        """Where the page of a generation lies once its card was made."""
        return self._store.path(page_name(generation_name(generation)))

    def compare(self, old: int, new: int) -> Difference:
        """What changed between two curated generations, and what their texts have in common."""
        sets, gone = (self._made(old), self._made(new)), self._withdrawn_sha()
        cards = describe(self._store, sets[0], gone), describe(self._store, sets[1], gone)
        return compare(self._store, cards, sets)

    def export(self, generation: int, wanted: Wanted) -> Exported:
        """A curated generation as a folder for other programs, without what was taken back up to now."""
        with forgetting.making(self._store, self._settings):
            examples = self._made(generation)
            logged = self._earlier("interactions", [*range(generation + 1)])
            return export(self._store, examples, wanted, logged, self._watch, self._withdrawn_sha())

    def _made(self, generation: int) -> ExampleSet:
        """The examples of a generation, which must have been made: looking at them makes nothing."""
        if (examples := self.curated(generation)) is None:
            raise GenerationRefused(
                f"{generation_name(generation)} is open, and its examples are not made yet",
                "Run `vibe climb`, or materialise its examples in Dagster",
            )
        return examples

    def _withdrawn_sha(self) -> str:
        """Of all that was taken back up to now: the newest curated generation says it, whose file holds what those
        before it took back. Looked for from above, so that it costs the same however high the ladder."""
        newest = (made for it in reversed(range(self._log.opened())) if (made := self.curated(it)))
        return next((made.withdrawn_sha for made in newest), "")

    def _examples(self, generation: int) -> ExampleSet:
        cut = self._log.cut(generation)
        return self._results.once("examples", key_of(plain(cut)), ExampleSet, lambda: self._curate(cut))

    def _curate(self, cut: Cut) -> ExampleSet:
        """Curate the delta of one cut and write examples and suite."""
        indexes = (
            Index(self._store, "places", self._places),
            Index(self._store, f"examples-{MADE_BY}", self._entries),
            Index(self._store, f"groups-{key_of(self._settings.curate.group)[:16]}", self._group_entries),
        )
        for index in indexes:
            index.forget(cut.generation)  # what it knows of one that was made before: this is another
        try:
            curated = self._curated(cut, *indexes)
        except Damaged:
            for index in indexes:
                index.forget(0)
            curated = self._curated(cut, *indexes)
        examples = self._store.existing_table(f"examples/{curated.sha}.parquet")
        only = key_of(["suites", cut.generation])[:32]
        return ExampleSet(
            generation=cut.generation,
            sha=curated.sha,
            suite_sha=self._store.write_tables("suites", SUITE, suite(examples, passes.PROMPT_FORMAT), only),
            rows=curated.rows,
            counts=curated.counts,
            synthetic=curated.synthetic,
            dropped=curated.dropped,
            leaks=curated.leaks,
            withdrawn=curated.withdrawn,
            withdrawn_sha=curated.withdrawn_sha,
            seconds=curated.seconds,
            group=self._settings.curate.group,
            grouped=curated.grouped,
            group_since=self._group_since(cut.generation),
            were_split=curated.were_split,
            unlisted=curated.unlisted,
            unlisted_actions=curated.unlisted_actions,
        )

    def _curated(self, cut: Cut, places: Index, known: Index, groups: Index) -> Curated:
        is_late = self._settings.curate.group and self._group_since(cut.generation)
        inputs = Inputs(
            interactions=self._segments("interactions", cut),
            remarks=self._segments("remarks", cut),
            probes=self._segments("probes", cut),
            earlier=self._earlier,
            places=places.below(cut.generation),
            known=known.below(cut.generation),
            ungrouped=groups.below(cut.generation) if is_late else [],
            withdrawn_sha=self._examples(cut.generation - 1).withdrawn_sha if cut.generation else "",
        )
        return curate(self._store, inputs, cut.generation, self._settings.curate, self._watch)

    def _segments(self, stream: str, *cuts: Cut) -> list[Path]:
        shas = [sha for cut in cuts for sha in getattr(cut, f"{stream.removesuffix('s')}_segments")]
        return segments.paths(self._store, stream, shas)

    def _earlier(self, stream: str, generations: list[int]) -> list[Path]:
        return self._segments(stream, *map(self._log.cut, generations))

    def _places(self, generation: int) -> Iterator[Entries]:
        """For the index: where conversations, interactions and remarks of a generation are."""
        interactions, remarks = (self._earlier(stream, [generation]) for stream in ("interactions", "remarks"))
        with connect(self._store.path(SPILL)) as db:
            yield place_entries(db, interactions, remarks, generation)

    def _entries(self, generation: int) -> Iterator[Entries]:
        """For the index: by what examples of a generation are known, what it took back, and of which inputs it could
        not tell how a run ends."""
        examples = self._examples(generation)
        file = self._store.existing(f"examples/{examples.sha}.parquet")
        interactions, spill = self._earlier("interactions", [generation]), self._store.path(SPILL)
        yield from entries_of(file, interactions, self._settings.curate.run_actions, spill)
        if examples.withdrawn:
            yield withdrawn_entries(taken_back(self._store, examples.withdrawn_sha, generation))

    def _group_entries(self, generation: int) -> Iterator[Entries]:
        """For the index: on which sides groups of today were before they were any. One look at all that was until the
        last generation that was not held out by them: only then it is known who belongs together."""
        if not self._is_held_out_by_group(generation) and (
            self.curated(generation + 1) is None or self._is_held_out_by_group(generation + 1)
        ):
            every = [*range(generation + 1)]
            files = [self._store.existing_table(f"examples/{self._examples(it).sha}.parquet") for it in every]
            interactions, spill = self._earlier("interactions", every), self._store.path(SPILL)
            if interactions:
                yield group_entries(files, interactions, self._settings.curate.group, spill)

    def _group_since(self, generation: int) -> int:
        """From which generation up to this one, which may not be made yet, `curate.group` is what it is today."""
        made = self.curated(generation - 1) if generation else None
        since = made.group_since if made and made.group == self._settings.curate.group else None
        return generation if since is None else since

    def _is_held_out_by_group(self, generation: int) -> bool:
        """Whether a generation that is made was, by that of today, and kept to what was before."""
        made = self._examples(generation)
        return made.group == self._settings.curate.group and made.group_since is not None
