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

from vibe_pipeline.records import ExampleSet, Mix, Stage, Tier
from vibe_pipeline.settings import Replay, Synthetic
from vibe_pipeline.store import ROW_GROUP, Store

COLUMNS = ["example_id", "kind", "stage", "tier", "generation", "prompt", "completion"]

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
    synthetic: Synthetic
    epochs: int
    seed: int
    budget_tokens: int | None = None
    """Tokens of all epochs together; None where the delta is known to fit."""

    @property
    def delta_rows(self) -> int:
        """Training rows of the delta."""
        return sum(examples.train_rows(self.kinds) for examples in self.delta)

    def replay_rows(self, delta_rows: int) -> int:
        """Rows drawn for every epoch beside so many of the delta."""
        wanted = max(self.replay.minimum, round(self.replay.share * delta_rows))
        return min(wanted, sum(self.allowed(self.ancestors)))

    def allowed(self, sets: tuple[ExampleSet, ...]) -> tuple[int, int]:
        """Training rows that are not synthetic, and how many that are may stand beside them."""
        others, made = (
            sum(len(rows) for it in sets for rows in it.train_ranges(self.kinds, synthetic))
            for synthetic in (False, True)
        )
        return others, int(min(made, self.synthetic.allowed(others)))

    @property
    def tokens_per_row(self) -> float:
        """An estimate, on the high side, from the characters of the delta."""
        characters = sum(examples.train_characters(self.kinds) for examples in self.delta)
        return characters / max(1, self.delta_rows) / CHARACTERS_PER_TOKEN + FRAMING_TOKENS

    @property
    def expected_tokens(self) -> float:
        """Tokens of all epochs of all that may be learned of the delta, and of its replay."""
        rows = sum(self.allowed(self.delta))
        return (rows + self.replay_rows(rows)) * self.tokens_per_row * self.epochs

    @property
    def kept_rows(self) -> int:
        """Rows of the delta that may be learned and fit the budget, at least one."""
        if self.budget_tokens is None or self.expected_tokens <= self.budget_tokens:
            return sum(self.allowed(self.delta))
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
        synthetic_rows=table.filter(tier=Tier.SYNTHETIC).height,
    )


def mix(store: Store, request: Request) -> pl.DataFrame:
    """The mix: COLUMNS, origin ('delta' or 'replay'), epoch and position; empty when the delta is.

    Of a delta larger than the budget the rows of highest priority are kept, of synthetic ones as many as are allowed. A
    prompt that the delta answers is not replayed with its old answer. What was forgotten left an empty place in its
    file, and is in no mix.
    """
    delta = _read(store, _preferred(store, request)).sort("example_id")
    if delta.is_empty():
        return delta
    chance = np.random.default_rng(request.seed)
    others, made = request.allowed(request.ancestors)
    synthetic = sum(examples.train_rows(request.kinds) for examples in request.ancestors) - others
    pool = np.append(np.arange(others), others + chance.choice(synthetic, size=made, replace=False))
    hands = _deal(len(pool), request.replay_rows(delta.height), request.epochs, chance)
    drawn = [_pick(store, request, pool[hand]).join(delta, on="prompt", how="anti") for hand in hands]
    epochs = [
        _interleave(delta, replayed, chance).with_columns(epoch=pl.lit(epoch, pl.Int32))
        for epoch, replayed in enumerate(drawn)
    ]
    return pl.concat(epochs).with_row_index("position")


def _preferred(store: Store, request: Request) -> list[tuple[ExampleSet, np.ndarray]]:
    """The rows of the delta that are learned. Priorities are read only where there is a choice."""
    if request.kept_rows >= request.delta_rows:
        return [(examples, _positions(examples.train_ranges(request.kinds))) for examples in request.delta]
    _, made = request.allowed(request.delta)
    offered = pl.concat(_offered(store, examples, request.kinds, at) for at, examples in enumerate(request.delta))
    offered = offered.sort("priority", "set", "row")
    is_allowed = ~pl.col("is_synthetic") | (pl.col("is_synthetic").cum_sum() <= made)
    kept = offered.filter(is_allowed).head(request.kept_rows)
    return [(examples, np.sort(kept.filter(set=at)["row"].to_numpy())) for at, examples in enumerate(request.delta)]


def _offered(store: Store, examples: ExampleSet, kinds: tuple[str, ...], at: int) -> pl.DataFrame:
    """set, row, priority, is_synthetic of the training rows of one example set; what was forgotten is not offered."""
    file = store.existing(f"examples/{examples.sha}.parquet")
    priority = pl.read_parquet(file, columns=["priority"], glob=False)["priority"]
    parts = [
        pl.DataFrame({"row": pl.Series(_positions(examples.train_ranges(kinds, synthetic)))}).with_columns(
            is_synthetic=pl.lit(synthetic)
        )
        for synthetic in (False, True)
    ]
    offered = pl.concat(parts).with_columns(set=at)
    return offered.with_columns(priority=priority.gather(offered["row"])).drop_nulls("priority")


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
    """Those rows, counted over the training rows of all ancestors, synthetic ones last."""
    picked = np.sort(picked)
    stretches = [
        (examples, rows)
        for synthetic in (False, True)
        for examples in request.ancestors
        for rows in examples.train_ranges(request.kinds, synthetic)
    ]
    ends = np.cumsum([len(rows) for _, rows in stretches], dtype=np.int64)
    owner = np.searchsorted(ends, picked, side="right")
    wanted = []
    for index in np.unique(owner):
        examples, rows = stretches[index]
        wanted.append((examples, rows.start + picked[owner == index] - (ends[index] - len(rows))))
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


def _positions(ranges: list[range]) -> np.ndarray:
    """File positions, one by one."""
    return np.concatenate([np.empty(0, np.int64), *(np.arange(rows.start, rows.stop) for rows in ranges)])


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
