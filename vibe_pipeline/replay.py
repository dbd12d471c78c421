"""The replay mix: what a generation trains on, as one ordered table.

Every epoch takes the whole delta and a fresh draw from all deltas that promoted ancestors learned
(resampling beat a fixed sample .983 to .861: docs/log.md, "replay"), ordered by curriculum stage, replay
and delta interleaved within a stage. A draw reads only the row groups it hits, so its cost is bounded by
the draw and not by the height of the ladder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.records import ExampleSet, Mix, Stage
from vibe_pipeline.settings import Replay
from vibe_pipeline.store import ROW_GROUP, Store

COLUMNS = ["example_id", "kind", "stage", "generation", "prompt", "completion"]

CHARACTERS_PER_TOKEN = 3.0
"""Low for English and code (about 4), so that an estimate errs towards too many tokens."""

FRAMING_TOKENS = 3
"""Blank line and end of sequence of one example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything a mix depends on, besides the rows themselves."""

    delta: tuple[ExampleSet, ...]
    ancestors: tuple[ExampleSet, ...]
    kinds: tuple[str, ...]
    replay: Replay
    epochs: int
    seed: int
    budget_tokens: int | None = None
    """Tokens of all epochs together; None where the delta is known to fit."""

    @property
    def delta_rows(self) -> int:
        """Training rows of the delta."""
        return _train_rows(self.delta, self.kinds)

    def replay_rows(self, delta_rows: int) -> int:
        """Rows drawn for every epoch beside so many of the delta."""
        wanted = max(self.replay.minimum, round(self.replay.share * delta_rows))
        return min(wanted, _train_rows(self.ancestors, self.kinds))

    @property
    def tokens_per_row(self) -> float:
        """An estimate, on the high side, from the characters of the delta."""
        characters = sum(examples.train_characters(self.kinds) for examples in self.delta)
        return characters / max(1, self.delta_rows) / CHARACTERS_PER_TOKEN + FRAMING_TOKENS

    @property
    def expected_tokens(self) -> float:
        """Tokens of all epochs of the whole delta and its replay."""
        return (self.delta_rows + self.replay_rows(self.delta_rows)) * self.tokens_per_row * self.epochs

    @property
    def kept_rows(self) -> int:
        """Rows of the delta that fit the budget, at least one."""
        if self.budget_tokens is None or self.expected_tokens <= self.budget_tokens:
            return self.delta_rows
        room = self.budget_tokens / self.tokens_per_row / self.epochs
        return max(1, int(min(room - self.replay_rows(0), room / (1 + self.replay.share))))


def make(store: Store, request: Request) -> Mix:
    """Write the mix of a request as mixes/<sha>.parquet."""
    table = mix(store, request)
    delta_rows = table.filter(origin="delta", epoch=0).height if table.height else 0
    return Mix(
        sha=store.write_table("mixes", table.to_arrow()),
        rows=table.height,
        epochs=request.epochs,
        delta_rows=delta_rows,
        replay_rows=request.replay_rows(delta_rows) if delta_rows else 0,
        left_for_later=request.delta_rows - request.kept_rows,
    )


def mix(store: Store, request: Request) -> pl.DataFrame:
    """The mix: COLUMNS, origin ('delta' or 'replay'), epoch and position; empty when the delta is.

    A delta larger than the budget is represented by a seeded sample of `kept_rows`. A prompt that the delta answers
    is not replayed with its old answer. What was forgotten left an empty place in its file, and is in no mix.
    """
    delta = _read(store, [(examples, _all_rows(examples, request.kinds)) for examples in request.delta])
    if delta.height > request.kept_rows:
        delta = delta.sample(request.kept_rows, seed=request.seed)
    delta = delta.sort("example_id")
    if delta.is_empty():
        return delta
    chance = np.random.default_rng(request.seed)
    hands = _deal(
        _train_rows(request.ancestors, request.kinds), request.replay_rows(delta.height), request.epochs, chance
    )
    drawn = [_pick(store, request, hand).join(delta, on="prompt", how="anti") for hand in hands]
    epochs = [
        _interleave(delta, replayed, chance).with_columns(epoch=pl.lit(epoch, pl.Int32))
        for epoch, replayed in enumerate(drawn)
    ]
    return pl.concat(epochs).with_row_index("position")


def _deal(pool: int, count: int, epochs: int, chance: np.random.Generator) -> list[np.ndarray]:
    """`count` of `pool` rows for each epoch, dealt like cards: none twice before all were seen, none twice in an epoch.

    Independent draws would leave 5 % of a pool of 256 unseen after six epochs of 100 (docs/log.md, "replay is dealt").
    """
    hands: list[np.ndarray] = []
    deck = np.empty(0, dtype=np.int64)
    for _ in range(epochs):
        if deck.size < count:
            fresh = chance.choice(pool, size=min(pool, count * epochs), replace=False)
            in_hand = np.isin(fresh, deck)
            deck = np.concatenate([deck, fresh[~in_hand], fresh[in_hand]])
        hands.append(deck[:count])
        deck = deck[count:]
    return hands


def _pick(store: Store, request: Request, picked: np.ndarray) -> pl.DataFrame:
    """Those rows, counted over the training rows of all ancestors."""
    picked = np.sort(picked)
    sizes = [examples.train_rows(request.kinds) for examples in request.ancestors]
    ends = np.cumsum(sizes, dtype=np.int64)
    owner = np.searchsorted(ends, picked, side="right")
    wanted = []
    for index in np.unique(owner):
        examples = request.ancestors[index]
        within = picked[owner == index] - (ends[index] - sizes[index])
        wanted.append((examples, _all_rows(examples, request.kinds)[within]))
    return _read(store, wanted)


def _interleave(delta: pl.DataFrame, drawn: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    """Both, stage by stage; within a stage each is shuffled and spread evenly: every batch sees its share of replay."""
    order = pl.Enum([stage.value for stage in Stage])
    spread = [
        frame.with_columns(origin=pl.lit(origin), chance=pl.Series(chance.random(frame.height))).with_columns(
            place=(pl.col("chance").rank("ordinal").over("stage") - 0.5) / pl.len().over("stage")
        )
        for frame, origin in ((delta, "delta"), (drawn, "replay"))
        if frame.height
    ]
    return pl.concat(spread).sort(pl.col("stage").cast(order), "place", "origin", "chance").drop("place", "chance")


def _all_rows(examples: ExampleSet, kinds: tuple[str, ...]) -> np.ndarray:
    """File positions of the training rows of these kinds."""
    ranges = [np.arange(rows.start, rows.stop) for rows in examples.train_ranges(kinds)]
    return np.concatenate(ranges) if ranges else np.empty(0, dtype=np.int64)


def _read(store: Store, wanted: Iterable[tuple[ExampleSet, np.ndarray]]) -> pl.DataFrame:
    """Those rows of those files, reading only the row groups that hold one."""
    tables = []
    for examples, rows in wanted:
        if rows.size:
            file = pq.ParquetFile(store.existing(f"examples/{examples.sha}.parquet"))
            groups = np.unique(rows // ROW_GROUP)
            table = file.read_row_groups(groups.tolist(), columns=COLUMNS)
            at = np.searchsorted(groups, rows // ROW_GROUP) * ROW_GROUP + rows % ROW_GROUP
            tables.append(table.take(pa.array(at)))
    frame = (
        pl.from_arrow(pa.concat_tables(tables)) if tables else pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    )
    assert isinstance(frame, pl.DataFrame)
    return frame.drop_nulls("example_id")


def _train_rows(sets: Iterable[ExampleSet], kinds: tuple[str, ...]) -> int:
    return sum(examples.train_rows(kinds) for examples in sets)
