"""Two generations side by side: what changed in their figures, and what their texts have in common.

Words are compared on equal samples, drawn by a hash, so that a large generation costs no more than a small one. Not
here: the figures of one generation (card.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from vibe_pipeline.curate.cards.card import AXES, Card
from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.records import ExampleSet
from vibe_pipeline.store import Store, sql_list

SAMPLED = 20_000
"""Rows of either side whose words are compared."""

ROWS = """
CREATE VIEW {side} AS SELECT example_id, conversation_id, prompt || ' ' || completion AS words
FROM read_parquet({file}, hive_partitioning = false) WHERE example_id IS NOT NULL
"""

CONVERSATIONS = """
SELECT count(old), count(new), count(*) FILTER (WHERE old IS NOT NULL AND new IS NOT NULL)
FROM (SELECT DISTINCT conversation_id AS old FROM old)
FULL JOIN (SELECT DISTINCT conversation_id AS new FROM new) ON old = new
"""

VOCABULARY = r"""
CREATE TABLE {side}_words AS
SELECT unnest(regexp_extract_all(lower(words), '[\p{{L}}_][\p{{L}}\p{{N}}_]*')) AS word, count(*) AS times
FROM {side} WHERE substr(md5(example_id), 1, 8) <= '{highest}' GROUP BY word
"""

WORDS = """
SELECT count(o.word), count(n.word), count(*) FILTER (WHERE o.word IS NOT NULL AND n.word IS NOT NULL),
    coalesce(sum(n.times) FILTER (WHERE o.word IS NULL), 0)::BIGINT, coalesce(sum(n.times), 0)::BIGINT
FROM old_words AS o FULL JOIN new_words AS n ON o.word = n.word
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One count on either side, and its share of all there."""

    old: int
    new: int
    old_share: float | None
    new_share: float | None


@dataclass(frozen=True, slots=True)
class Quantile:
    """A length in tokens on either side; None where there are no rows."""

    old: int | None
    new: int | None


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many there are on either side and in both."""

    old: int
    new: int
    both: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed from one generation to another."""

    old: str
    new: str
    rows: Change
    withdrawn_since: Change
    """Of these rows, how many later generations took back; every other figure goes on counting them."""
    counts: dict[str, dict[str, Change]]
    """What is counted (split, kind, stage, tier, reason, dropped) → value → its change; shares are of the rows, and
    of the candidates for what was dropped."""
    lengths: dict[str, dict[str, Quantile]]
    """Kind, or all → median, p90, p99, longest in tokens."""
    conversations: Overlap
    words: Overlap
    sampled: int
    """Rows of either side whose words were compared, at most."""
    new_words: float | None
    """Share of the newer side's text that is made of words which the older side does not have."""


def compare(store: Store, cards: tuple[Card, Card], sets: tuple[ExampleSet, ExampleSet]) -> Difference:
    """The older generation against the newer one, or any two in the order that is asked for."""
    old, new = cards
    with connect(store.path(SPILL)) as db:
        for side, examples, card in zip(("old", "new"), sets, cards, strict=True):
            db.execute(
                ROWS.format(side=side, file=sql_list([store.existing_table(f"examples/{examples.sha}.parquet")]))
            )
            db.execute(VOCABULARY.format(side=side, highest=_highest(card.rows)))
        (conversations,) = db.sql(CONVERSATIONS).fetchall()
        ((*words, strange, every),) = db.sql(WORDS).fetchall()
    return Difference(
        old=old.generation,
        new=new.generation,
        rows=Change(old=old.rows, new=new.rows, old_share=None, new_share=None),
        withdrawn_since=_change(old.withdrawn_since, new.withdrawn_since, old.rows, new.rows),
        counts=_counts(old, new),
        lengths=_lengths(old, new),
        conversations=Overlap(*conversations),
        words=Overlap(*words),
        sampled=SAMPLED,
        new_words=strange / every if every else None,
    )


def _highest(rows: int) -> str:
    """Up to which hash rows are drawn, so that about SAMPLED of so many are."""
    return f"{min(round((1 << 32) * SAMPLED / max(1, rows)), (1 << 32) - 1):08x}"


def _counts(old: Card, new: Card) -> dict[str, dict[str, Change]]:
    """Every count of the two cards, by what is counted."""
    sides = [
        {
            "split": card.splits,
            **{axis: {value: sum(it.values()) for value, it in card.counts[axis].items()} for axis in AXES},
            "reason": card.reasons,
            "dropped": {reason: count for reasons in card.dropped.values() for reason, count in reasons.items()},
        }
        for card in (old, new)
    ]
    return {
        name: _changes(sides[0][name], sides[1][name], *(_whole(card, name) for card in (old, new)))
        for name in sides[0]
    }


def _whole(card: Card, name: str) -> int:
    """What a share is a share of: the rows, or the candidates with those that were dropped."""
    return card.rows + (sum(sum(it.values()) for it in card.dropped.values()) if name == "dropped" else 0)


def _changes(old: dict[str, int], new: dict[str, int], of_old: int, of_new: int) -> dict[str, Change]:
    return {
        value: _change(old.get(value, 0), new.get(value, 0), of_old, of_new) for value in dict.fromkeys([*old, *new])
    }


def _change(old: int, new: int, of_old: int, of_new: int) -> Change:
    return Change(
        old=old, new=new, old_share=old / of_old if of_old else None, new_share=new / of_new if of_new else None
    )


def _lengths(old: Card, new: Card) -> dict[str, dict[str, Quantile]]:
    sides = [{"all": card.lengths, **card.lengths_by_kind} for card in (old, new)]
    return {
        kind: {
            name: Quantile(*(getattr(side.get(kind), name, None) for side in sides))
            for name in ("median", "p90", "p99", "longest")
        }
        for kind in dict.fromkeys([*sides[0], *sides[1]])
        if any(side.get(kind) for side in sides)
    }
