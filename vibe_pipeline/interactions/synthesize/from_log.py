"""What synthesis takes from the log: sealed interactions of people and programs, in a seeded order.

A conversation that is held out is left alone, or what is made of it would be trained on while it is judged; only
labels are made for it, for they stay in it. What synthesis logged itself is not taken again, and neither is what
somebody disliked, nor code that the scrubber has changed. Not here: what is made of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.fingerprint import grouped_sql, held_out_sql
from vibe_pipeline.interactions.reading import REMARKED, define_sealed, rows_of
from vibe_pipeline.interactions.synthesize.made import SOURCE
from vibe_pipeline.records import Interaction
from vibe_pipeline.scrub.placeholders import PLACEHOLDER
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store

MAX_CHARACTERS = 20_000
"""Of input and output: more is no single piece of code or question."""

DEFINED = r"regexp_extract_all(output, 'def\s+([^\s(\[]+)', 1)"
"""The names of functions in an answer."""

HAS_FAILED = r"""EXISTS (
    FROM interactions AS run
    WHERE run.conversation_id = interactions.conversation_id AND list_contains($runs, run.action)
        AND run.success = false AND NOT coalesce(contains(run.extra, '"augmented_from"'), false)
        AND list_bool_or(list_transform(
            regexp_extract_all(
                replace(interactions.output, chr(13), ''), '(?m)^(?:def|class|async def) .*(?:\n[ \t].*|\n[ \t]*$)*'
            ),
            lambda it: contains(replace(run.input, chr(13), ''), rtrim(it, chr(32) || chr(10)))
        ))
)"""
"""Whether a run of the conversation failed that held a function or class of the answer: tests would keep its bug."""

UNSAID = """
success IS NULL AND coalesce(feedback, $neutral) <= $neutral AND coalesce(len(improvements), 0) = 0
AND coalesce(lower(extra ->> '$.tests') NOT IN ('passed', 'true', 'failed', 'false'), true)
"""
"""Nobody said whether it works: to run what somebody likes by itself would speak against it for want of its world."""

AS_WRITTEN = f"""NOT regexp_matches(
    concat_ws(' ', CASE WHEN list_contains($runs, action) THEN input ELSE output END, extra ->> '$.tests'),
    '{PLACEHOLDER.pattern}'
)"""
"""Whether no placeholder stands in the code, its tests and doctests: what runs with one is not what somebody wrote."""

OF_FAMILIES = """(
    SELECT *, coalesce(
        min(nullif(extra ->> '$.branch_of', '')) OVER (PARTITION BY conversation_id), conversation_id
    ) AS family
    FROM logged_interactions
)"""

HELD_OUT = """
SELECT conversation_id
FROM (SELECT conversation_id, coalesce('group:' || grouping, family) AS held_with FROM ({grouped})) WHERE {held_out}
"""
"""Conversations that curation will hold out, as far as the log alone tells: where a branch goes off from another, or
earlier generations put a group elsewhere, it knows more."""

CHOSEN = """
SELECT * EXCLUDE (comments) FROM interactions
WHERE source <> $source AND list_contains($actions, action) AND output <> ''
    AND coalesce(feedback, $neutral) >= $neutral AND length(input) + length(output) <= $characters AND {condition}
QUALIFY NOT list_contains($chat, action)
    OR count(*) FILTER (list_contains($chat, action)) OVER (PARTITION BY conversation_id) = 1 OR {in_any_turn}
ORDER BY sha256($seed || interaction_id) LIMIT $limit
"""


@dataclass(frozen=True, slots=True)
class FromLog:
    """The log of one home, as far as it is sealed."""

    store: Store
    settings: Curate

    def to_augment(self, limit: int, seed: int) -> list[Interaction]:
        """Questions that stand alone, written code and runs; a later turn of a chat means nothing by itself."""
        curate = self.settings
        actions = (*curate.chat_actions, *curate.generate_actions, *curate.run_actions)
        condition = f"{self._is_learned} AND (list_contains($chat, action) OR {AS_WRITTEN})"
        return self._chosen(actions, condition, limit, seed)

    def with_code(self, limit: int, seed: int) -> list[Interaction]:
        """Answers that define functions and did not fail, in a run of their conversation neither."""
        return self._with_code("contains(output, 'def ')", limit, seed)

    def with_code_of(self, names: Collection[str]) -> list[Interaction]:
        """All answers that define functions of these names and did not fail."""
        return self._with_code(f"list_has_any({DEFINED}, $names)", None, 0, names=names)

    def _with_code(self, condition: str, limit: int | None, seed: int, **more: Collection[str]) -> list[Interaction]:
        actions = (*self.settings.chat_actions, *self.settings.generate_actions)
        condition = f"{condition} AND {AS_WRITTEN} AND success IS DISTINCT FROM false AND NOT {HAS_FAILED}"
        return self._chosen(actions, f"{condition} AND {self._is_learned}", limit, seed, in_any_turn=True, **more)

    def to_label(self, limit: int, seed: int) -> list[Interaction]:
        """Answers that may be code, of which nobody said whether they work; those that have a label get it again."""
        actions = (*self.settings.chat_actions, *self.settings.generate_actions)
        condition = f"{UNSAID} AND {AS_WRITTEN} AND (contains(output, '```') OR list_contains($generate, action))"
        return self._chosen(actions, condition, limit, seed, in_any_turn=True, generate=self.settings.generate_actions)

    @property
    def _is_learned(self) -> str:
        grouped = grouped_sql(OF_FAMILIES, self.settings.group)
        held_out = held_out_sql("held_with", self.settings.salt, self.settings.held_out)
        return f"conversation_id NOT IN ({HELD_OUT.format(grouped=grouped, held_out=held_out)})"

    def _chosen(
        self,
        actions: tuple[str, ...],
        condition: str,
        limit: int | None,
        seed: int,
        *,
        in_any_turn: bool = False,
        **more: Collection[str],
    ) -> list[Interaction]:
        given = {
            "source": SOURCE,
            "actions": list(actions),
            "chat": list(self.settings.chat_actions),
            "runs": list(self.settings.run_actions),
            "characters": MAX_CHARACTERS,
            "neutral": self.settings.neutral,
            "seed": str(seed),
            "limit": limit,
            **{name: list(value) for name, value in more.items()},
        }
        with connect(self.store.path(SPILL)) as database:
            for stream in ("interactions", "remarks"):
                define_sealed(database, f"logged_{stream}", self.store, stream)
            database.execute(REMARKED)
            query = CHOSEN.format(condition=condition, in_any_turn=str(in_any_turn).lower())
            return [_interaction(row) for row in rows_of(database.sql(query, params=given))]


def _interaction(row: dict[str, Any]) -> Interaction:
    lists = {name: tuple(row[name] or ()) for name in ("improvements", "learnings")}
    extra = json.loads(row["extra"]) if row["extra"] else {}
    return Interaction(**{**row, **lists, "extra": extra if isinstance(extra, dict) else {}})
