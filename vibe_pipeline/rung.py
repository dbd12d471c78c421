"""One rung, resolved: what it grows from, what it learns, what it is judged on, and the keys of all that.

Pure: from the line, the settings and the example sets to a Rung. The parent is the last promoted rung below; a
delta whose rung was not promoted is offered again (the last two at most), its suites count as new, not as recall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from vibe_pipeline.errors import RungRefused
from vibe_pipeline.fingerprint import key_of, short
from vibe_pipeline.judgement import Scorecard
from vibe_pipeline.ledger import SETTLED, Event, Line
from vibe_pipeline.models import BaseModel
from vibe_pipeline.records import OFFERED_AGAIN, ExampleSet, Training, generation_name
from vibe_pipeline.replay import Request
from vibe_pipeline.settings import Lineage, Replay

CODE_VERSION = 11
"""Part of every key: raised when the same inputs would give other bytes."""

FRESH = 0.2
"""A rung of which fewer new items are its own is another attempt at those that were asked before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One lineage × generation with all its inputs."""

    lineage: str
    generation: int
    settings: Lineage
    base: BaseModel
    parent: Event | None
    request: Request
    earlier: tuple[ExampleSet, ...]
    """Example sets that promoted ancestors learned: their suites are recall."""
    suites: tuple[tuple[str, str], ...] = ()
    """(name, sha) of the suites that are asked in every generation."""

    @property
    def delta(self) -> tuple[ExampleSet, ...]:
        """Example sets that this rung is to learn: their suites are new."""
        return self.request.delta

    @property
    def parent_sha(self) -> str | None:
        """The adapter it grows from; None at the first promoted rung."""
        return self.parent.facts["child_sha"] if self.parent else None

    @property
    def delta_sha(self) -> str:
        """The example set's hash, or one over several when deltas were offered again."""
        shas = [examples.sha for examples in self.delta]
        return shas[0] if len(shas) == 1 else key_of(shas)

    @property
    def learned(self) -> list[int]:
        """Generations that this adapter knows if it is promoted."""
        before = self.parent.facts["learned"] if self.parent else []
        return [*before, *(examples.generation for examples in self.delta)]

    @property
    def champions(self) -> dict[int, str]:
        """Which adapter was promoted with each generation that this one's parent knows: its recall then is the mark."""
        known = self.parent.facts.get("champions", {}) if self.parent else {}
        return {int(generation): sha for generation, sha in known.items()}

    def champions_with(self, training: Training) -> dict[str, str]:
        """The same, with this rung's adapter for what it learns: for the ledger."""
        own = {str(examples.generation): training.adapter_sha for examples in self.delta}
        return {str(generation): sha for generation, sha in self.champions.items()} | own

    @property
    def marks(self) -> dict[str, str]:
        """Of the suites that are asked each time: which promoted ancestor did best on it (sha → adapter)."""
        known = self.parent.facts.get("marks", {}) if self.parent else {}
        return {sha: known[sha] for _, sha in self.suites if sha in known}

    def marks_with(self, card: Scorecard) -> dict[str, str]:
        """The same with this rung's adapter where it did better on the same items, for the ledger. The first mark of a
        suite is the better of parent and child. (What a judge says is said beside one parent: no mark for others.)"""
        marks = dict(self.parent.facts.get("marks", {})) if self.parent else {}
        for it in card.standing:
            best = marks.get(it.suite_sha, self.parent_sha)
            beside = it.best_comparison if it.best_sha else it.parent_comparison
            is_better = beside is not None and beside.difference > 0
            if it.child.n and not it.is_judged:
                marks[it.suite_sha] = best if best and not is_better else card.adapter_sha
        return marks

    @property
    def mix_key(self) -> str:
        """Hash of what the mix depends on."""
        return key_of(
            {
                "code": CODE_VERSION,
                "delta": [examples.sha for examples in self.request.delta],
                "ancestors": [examples.sha for examples in self.request.ancestors],
                "kinds": list(self.request.kinds),
                "replay": self.request.replay.model_dump(mode="json"),
                "synthetic": self.request.synthetic.model_dump(mode="json"),
                "epochs": self.request.epochs,
                "max_length": self.request.max_length,
                "seed": self.request.seed,
                "budget_tokens": self.request.budget_tokens,
                "withdrawn": self.request.withdrawn_sha,
            }
        )

    @property
    def training_key(self) -> str:
        """Hash of what the adapter depends on. Device and threads may move bytes, not meaning: they are recorded."""
        return key_of(
            {
                "code": CODE_VERSION,
                "base": self.base.sha,
                "parent": self.parent_sha,
                "mix": self.mix_key,
                "recipe": self.settings.recipe.model_dump(mode="json"),
                "seed": self.settings.seed,
                "max_minutes": self.settings.max_minutes,
            }
        )

    @property
    def key(self) -> str:
        """The rung key: training and judging together."""
        return key_of(
            {
                "training": self.training_key,
                "suites": [examples.suite_sha for examples in (*self.delta, *self.earlier)],
                "champions": sorted(self.champions.items()),
                "marks": sorted(self.marks.items()),
                "standing": [list(suite) for suite in self.suites],
                "gate": self.settings.gate.model_dump(mode="json"),
                "style": self.settings.style.model_dump(mode="json"),
            }
        )

    def within(self, budget_tokens: int | None) -> Rung:
        """The same rung with a token budget for its mix."""
        return replace(self, request=replace(self.request, budget_tokens=budget_tokens))

    def made_by(self) -> dict[str, Any]:
        """What the ledger keeps of how it was trained and judged, so that both can be done again (`vibe verify`)."""
        return {
            "code_version": CODE_VERSION,
            "mix_key": self.mix_key,
            "training_key": self.training_key,
            "recipe": self.settings.recipe.model_dump(mode="json"),
            "gate": self.settings.gate.model_dump(mode="json"),
        }

    def identity(self) -> dict[str, Any]:
        """What the ledger keeps of the inputs."""
        return {
            "rung_key": self.key,
            "base_sha": self.base.sha,
            "parent_sha": self.parent_sha,
            "parents": [self.parent_sha] if self.parent_sha else [],
            "parent_generation": self.parent.generation if self.parent else None,
            "data_delta_sha": self.delta_sha,
            "delta_generations": [examples.generation for examples in self.delta],
            "seed": self.settings.seed,
        }


def attempts(events: Sequence[Event], rung: Rung) -> int:
    """How many other rungs were judged on the same new items before this one: they took their share of the level.

    Those of its generation, and those of earlier ones where hardly an item came since: a delta that is offered again
    with an empty generation is asked as before. What held nothing to learn was not judged, and the same rung, judged
    anew, is the attempt that it was."""
    sizes = {it.suite_sha: it.held_out_rows(tuple(map(str, rung.settings.kinds))) for it in rung.delta}

    def is_again(event: Event) -> bool:
        asked = {part["suite_sha"] for part in event.facts.get("parts", ()) if part.get("is_new")}
        fresh = sum(size for sha, size in sizes.items() if sha not in asked)
        return event.generation == rung.generation or fresh < FRESH * sum(sizes.values())

    judged = [it for it in events if it.kind == SETTLED and it.facts["child_sha"] and is_again(it)]
    keys = list(dict.fromkeys(it.rung_key for it in judged))
    return keys.index(rung.key) if rung.key in keys else len(keys)


def scorecard_key(rung_key: str, adapter_sha: str) -> str:
    """Hash of what a scorecard depends on."""
    return key_of({"rung": rung_key, "adapter": adapter_sha})


def require_same_base(promoted: Event, base: BaseModel) -> None:
    """An adapter means nothing on another base than the one it was trained on, even where the shapes agree."""
    if promoted.facts["base_sha"] != base.sha:
        raise RungRefused(
            f"{generation_name(promoted.generation)} of {promoted.lineage} was trained on the base model "
            f"{short(promoted.facts['base_sha'])}, and base_model now means {base.name} ({short(base.sha)})",
            f"Set base_model of {promoted.lineage} back, or declare a new lineage for the other model",
        )


def resolve(
    lineage: str, generation: int, settings: Lineage, base: BaseModel, line: Line, sets: Sequence[ExampleSet]
) -> Rung:
    """The rung of a lineage at a generation; RungRefused if one below is not settled. `sets[g]` belongs to g."""
    parent = line.parent_of(generation)
    if parent:
        require_same_base(parent, base)
    first = parent.generation + 1 if parent else 0
    delta = tuple(sets[max(first, generation - OFFERED_AGAIN) : generation + 1])
    earlier = tuple(sets[g] for g in (parent.facts["learned"] if parent else []))
    return Rung(
        lineage=lineage,
        generation=generation,
        settings=settings,
        base=base,
        parent=parent,
        earlier=earlier,
        request=Request(
            delta=delta,
            ancestors=earlier,
            kinds=tuple(sorted(settings.kinds)),
            synthetic=settings.synthetic,
            replay=settings.replay if earlier else Replay(minimum=0, share=0),  # so the key says it does not matter
            epochs=settings.recipe.epochs,
            max_length=settings.recipe.max_length,
            seed=settings.seed,
            withdrawn_sha=sets[generation].withdrawn_sha if earlier or len(delta) > 1 else "",
        ),
    )
