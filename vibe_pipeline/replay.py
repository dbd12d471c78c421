"""The replay mix: what a generation trains on, as one ordered table.

Every epoch takes the whole delta and a fresh draw from all deltas that promoted ancestors learned
(resampling beat a fixed sample .983 to .861: docs/log.md, "replay"), ordered by curriculum stage, replay
and delta interleaved within a stage. A draw reads only the row groups it hits, so its cost is bounded by
the draw and not by the height of the ladder.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.records import ExampleSet, Mix, Stage, Tier
from vibe_pipeline.settings import Replay, Synthetic
from vibe_pipeline.store import ROW_GROUP, Store

COLUMNS = ["example_id", "kind", "stage", "tier", "generation", "prompt", "completion"]

IS_SYNTHETIC = pl.col("tier") == Tier.SYNTHETIC

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
    max_length: int
    """Tokens of a row that are learned; the rest is cut off."""
    seed: int
    budget_tokens: int | None = None
    """Tokens of all epochs together; None where the delta is known to fit."""

    @property
    def delta_rows(self) -> int:
        """Training rows of the delta."""
        return sum(examples.train_rows(self.kinds) for examples in self.delta)

    def rows(self, sets: tuple[ExampleSet, ...]) -> tuple[int, int]:
        """Training rows of these sets: those that are not synthetic, and those that are."""
        others, made = (
            sum(len(rows) for it in sets for rows in it.train_ranges(self.kinds, synthetic))
            for synthetic in (False, True)
        )
        return others, made

    def learned(self, others: int, made: int, room: int) -> tuple[int, int]:
        """Of so many rows of the delta, and so many synthetic ones, as many as fit the room and the synthetic share.

        What will be replayed beside them stands for the share too, so that nothing of the delta waits for old rows.
        """
        past, made_past = self.rows(self.ancestors)

        def fits(kept: int) -> bool:
            beside = min(others, room - kept)
            drawn = min(past, self._wanted(beside + kept, past + made_past))
            return kept <= self.synthetic.allowed(beside + drawn)

        kept = _most(min(made, room), fits)
        return min(others, room - kept), kept

    def replayed(self, others: int, made: int) -> tuple[int, int]:
        """Rows drawn for every epoch beside such rows of the delta: as many synthetic ones as the past has of them, if
        the delta leaves them so much of the share."""
        past, made_past = self.rows(self.ancestors)
        wanted = self._wanted(others + made, past + made_past)
        alike = round(wanted * made_past / max(1, past + made_past))
        kept = _most(alike, lambda it: made + it <= self.synthetic.allowed(others + min(past, wanted - it)))
        return min(past, wanted - kept), kept

    def _wanted(self, delta_rows: int, pool: int) -> int:
        return int(_beside(delta_rows, pool, self.replay.minimum, self.replay.share))

    def tokens_per_row(self, sets: tuple[ExampleSet, ...]) -> float:
        """Of training rows of these sets: an estimate on the high side, from their characters."""
        characters = sum(examples.train_characters(self.kinds) for examples in sets)
        tokens = characters / max(1, sum(self.rows(sets))) / CHARACTERS_PER_TOKEN + FRAMING_TOKENS
        return min(tokens, self.max_length)

    @property
    def expected_tokens(self) -> float:
        """Tokens of all epochs of all that may be learned of the delta, and of its replay."""
        learned = self.learned(*self.rows(self.delta), self.delta_rows)
        delta, past = (self.tokens_per_row(sets) for sets in (self.delta, self.ancestors))
        return (sum(learned) * delta + sum(self.replayed(*learned)) * past) * self.epochs

    def fitting(self, tokens: np.ndarray) -> tuple[int, int]:
        """How many rows of the delta, best first, of so many tokens, fit the budget; and the least replayed beside.

        At least one fits. Where the budget is short the minimum is no more than these: a rung is for what is new.
        """
        minimum, rows = self.replay.minimum, np.arange(1, tokens.size + 1)
        learned = np.minimum(tokens, self.max_length).cumsum()
        whole, short = (self._costs(learned, rows, least) for least in (minimum, np.minimum(minimum, rows)))
        if self.budget_tokens is None or not tokens.size or whole[-1] <= self.budget_tokens:
            return tokens.size, minimum
        room = max(1, int(np.searchsorted(short, self.budget_tokens, side="right")))
        return room, min(minimum, room)

    def _costs(self, learned: np.ndarray, rows: np.ndarray, least: int | np.ndarray) -> np.ndarray:
        """Tokens of all epochs of the first so many rows of the delta, and of their replay."""
        replayed = _beside(rows, sum(self.rows(self.ancestors)), least, self.replay.share)
        return (learned + replayed * self.tokens_per_row(self.ancestors)) * self.epochs


def make(store: Store, request: Request) -> Mix:
    """Write the mix of a request as mixes/<sha>.parquet."""
    table, delta = _mixed(store, request)
    first = table.filter(epoch=0) if table.height else table
    delta_rows = first.filter(origin="delta").height if table.height else 0
    return Mix(
        sha=store.write_table("mixes", table.to_arrow()),
        rows=table.height,
        epochs=request.epochs,
        delta_rows=delta_rows,
        replay_rows=first.height - delta_rows,
        left_for_later=delta.offered - delta_rows,
        left_as_synthetic=delta.room - delta_rows,
        synthetic_rows=_synthetic(table),
    )


def mix(store: Store, request: Request) -> pl.DataFrame:
    """The mix: COLUMNS, origin ('delta' or 'replay'), epoch and position; empty when the delta is.

    Of a delta larger than the budget the rows of highest priority are kept. Of synthetic rows every epoch holds as many
    as are allowed beside its others, first the delta's and then replayed ones. A prompt that the delta answers is not
    replayed with its old answer. What was forgotten left an empty place in its file, and is in no mix.
    """
    return _mixed(store, request)[0]


@dataclass(frozen=True, slots=True)
class _Delta:
    rows: pl.DataFrame
    """What is learned of it."""
    offered: int
    """Rows that there were to choose from."""
    room: int
    """How many of these the budget has room for."""
    minimum: int
    """Old rows that are replayed beside it at least."""


def _mixed(store: Store, request: Request) -> tuple[pl.DataFrame, _Delta]:
    taken = _preferred(store, request)
    request = replace(request, replay=request.replay.model_copy(update={"minimum": taken.minimum}))
    delta = taken.rows
    if delta.is_empty():
        return delta.drop("priority"), taken
    chance = np.random.default_rng(request.seed)
    drawn = [
        _pick(store, request, hand).join(delta, on="prompt", how="anti") for hand in _hands(request, delta, chance)
    ]
    allowed = [_allowed(request, delta, it) for it in drawn]  # less may have come than was drawn
    delta = _within(delta.sort("priority", "example_id"), min(allowed)).drop("priority").sort("example_id")
    if delta.is_empty():
        return delta, taken
    left = [most - _synthetic(delta) for most in allowed]
    epochs = [
        _interleave(delta, _within(replayed, most), chance).with_columns(epoch=pl.lit(epoch, pl.Int32))
        for epoch, (replayed, most) in enumerate(zip(drawn, left, strict=True))
    ]
    return pl.concat(epochs).with_row_index("position"), taken


def _hands(request: Request, delta: pl.DataFrame, chance: np.random.Generator) -> list[np.ndarray]:
    """The rows of all ancestors that each epoch replays, as `_pick` counts them."""
    others, made = request.rows(request.ancestors)
    counts = request.replayed(delta.height - _synthetic(delta), _synthetic(delta))
    dealt = [_deal(pool, count, request.epochs, chance) for pool, count in zip((others, made), counts, strict=True)]
    return [np.append(rows, others + synthetic) for rows, synthetic in zip(*dealt, strict=True)]


def _allowed(request: Request, *parts: pl.DataFrame) -> int:
    """How many rows of a mix of these parts may be synthetic."""
    rows = sum(part.height for part in parts)
    return int(min(rows, request.synthetic.allowed(rows - sum(map(_synthetic, parts)))))


def _synthetic(rows: pl.DataFrame) -> int:
    return rows.filter(IS_SYNTHETIC).height


def _within(rows: pl.DataFrame, made: int) -> pl.DataFrame:
    """The rows with the first so many synthetic ones."""
    return rows.filter(~IS_SYNTHETIC | (IS_SYNTHETIC.cum_sum() <= made))


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to the limit that fits, where none fits above one that does not; 0 always does."""
    return limit if fits(limit) else bisect_left(range(1, limit + 1), True, key=lambda it: not fits(it))


def _beside(rows: int | np.ndarray, pool: int, least: int | np.ndarray, share: float) -> np.ndarray:
    """How many of the pool are replayed beside so many rows of the delta."""
    return np.minimum(pool, np.maximum(least, np.round(share * rows)))


def _preferred(store: Store, request: Request) -> _Delta:
    """What is learned of the delta. Where there is no choice its rows alone are read."""
    is_whole = sum(request.learned(*request.rows(request.delta), request.delta_rows)) == request.delta_rows
    if is_whole and (request.budget_tokens is None or request.expected_tokens <= request.budget_tokens):
        wanted = [(examples, _positions(examples.train_ranges(request.kinds))) for examples in request.delta]
        rows = _read(store, wanted, [*COLUMNS, "priority"])
        return _Delta(rows, rows.height, rows.height, request.replay.minimum)
    offered = pl.concat(_offered(store, examples, request.kinds, at) for at, examples in enumerate(request.delta))
    offered = offered.sort("priority", "set", "row")
    others, made = offered.filter(~pl.col("is_synthetic")), offered.filter("is_synthetic")
    allowed = _first(others, made, request.learned(others.height, made.height, offered.height))
    fitting, minimum = request.fitting(allowed.sort("priority", "set", "row")["tokens"].to_numpy())
    room = fitting if fitting < allowed.height else offered.height
    best = offered.head(room).filter("is_synthetic").height
    counts = request.learned(others.height, best, room)
    kept = _first(others, made, counts)
    wanted = [(examples, np.sort(kept.filter(set=at)["row"].to_numpy())) for at, examples in enumerate(request.delta)]
    return _Delta(_read(store, wanted, [*COLUMNS, "priority"]), offered.height, room, minimum)


def _first(others: pl.DataFrame, made: pl.DataFrame, counts: tuple[int, int]) -> pl.DataFrame:
    return pl.concat([others.head(counts[0]), made.head(counts[1])])


def _offered(store: Store, examples: ExampleSet, kinds: tuple[str, ...], at: int) -> pl.DataFrame:
    """set, row, priority, tokens, is_synthetic of the training rows of one example set; nothing that was forgotten."""
    file = store.existing(f"examples/{examples.sha}.parquet")
    known = pl.read_parquet(file, columns=["priority", "tokens"], glob=False)
    parts = [
        pl.DataFrame({"row": pl.Series(_positions(examples.train_ranges(kinds, synthetic)))}).with_columns(
            is_synthetic=pl.lit(synthetic)
        )
        for synthetic in (False, True)
    ]
    offered = pl.concat(parts).with_columns(set=at)
    return pl.concat([offered, known[offered["row"]]], how="horizontal").drop_nulls("priority")


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


def _read(
    store: Store, wanted: Iterable[tuple[ExampleSet, np.ndarray]], columns: Sequence[str] = COLUMNS
) -> pl.DataFrame:
    """Those rows of those files, reading only the row groups that hold one."""
    tables = []
    for examples, rows in wanted:
        if rows.size:
            file = pq.ParquetFile(store.existing(f"examples/{examples.sha}.parquet"))
            groups = np.unique(rows // ROW_GROUP)
            table = file.read_row_groups(groups.tolist(), columns=list(columns))
            at = np.searchsorted(groups, rows // ROW_GROUP) * ROW_GROUP + rows % ROW_GROUP
            tables.append(table.take(pa.array(at)))
    frame = (
        pl.from_arrow(pa.concat_tables(tables)) if tables else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    )
    assert isinstance(frame, pl.DataFrame)
    return frame.drop_nulls("example_id")
