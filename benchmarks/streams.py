"""Two streams of real data on which a model that learns one generation after another forgets.

`desks`: what people ask an assistant (CLINC150, Larson et al. 2019), to be sent to a desk. Each generation is another
team with the same requests and the same desks, assigned anew: what was right for one team is wrong for the next, and
only the team's name in the prompt tells them apart. `facts`: questions with short answers (NQ-open, Kwiatkowski et al.
2019), each in wordings that are trained and in wordings that are not; no generation knows a fact of another.

A seed draws what is in a stream and in which order; the same seed gives the same stream. Items are held out by
utterance (desks) or wording (facts) and belong to a cluster, the intent or the fact. Not here: training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.fingerprint import sha_of_bytes
from vibe_pipeline.records import ExampleSet, Kind, Split, Stage, Tier
from vibe_pipeline.replay.request import CHARACTERS_PER_TOKEN, FRAMING_TOKENS
from vibe_pipeline.store import Store

TEAMS = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ironwood", "Juniper", "Kapok", "Larch")
DESKS = (
    "north",
    "river",
    "stone",
    "garden",
    "tower",
    "silver",
    "harbor",
    "winter",
    "bridge",
    "meadow",
    "copper",
    "south",
)

TRAINED = (
    "{}?",
    "Question: {}",
    "Do you know {}?",
    "Answer in a few words: {}",
    "Quiz: {}?",
    "{}, please?",
    "I was asked {}",
    "Here is a question: {}?",
)
HELD_OUT = ("Tell me: {}?", "I would like to know {}.", "Can you say {}?", "They want to know: {}")


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a stream is. Each generation has clusters × rows examples and clusters × held_out items."""

    generations: int
    clusters: int
    rows: int
    held_out: int


@dataclass(frozen=True, slots=True)
class Generation:
    """What a generation trains on, and what it is asked: item_id, suite, cluster, prompt, answer."""

    examples: ExampleSet
    items: pl.DataFrame


Tables = tuple[pl.DataFrame, pl.DataFrame]
"""(generation, cluster, prompt, completion) of examples and of items."""


def desks(data: Path, shape: Shape, seed: int) -> Tables:
    """The same utterances for each team, sent to other desks."""
    _require(shape, generations=len(TEAMS), clusters=len(DESKS), rows=16, held_out=15)
    chance = np.random.default_rng([seed, 0])
    known = _read(data, "clinc150_train").filter(pl.col("intent") != "oos")
    asked = pl.concat([_read(data, "clinc150_val"), _read(data, "clinc150_test")])
    intents = chance.choice(known["intent"].unique().sort().to_numpy(), shape.clusters, replace=False)
    teams = chance.permutation(TEAMS)[: shape.generations]
    orders = [chance.permutation(DESKS[: shape.clusters]) for _ in teams]
    desk = pl.DataFrame(
        {
            "generation": np.repeat(np.arange(shape.generations, dtype=np.int32), shape.clusters),
            "team": np.repeat(teams, shape.clusters),
            "cluster": np.tile(np.arange(shape.clusters), shape.generations),
            "intent": np.tile(intents, shape.generations),
            "completion": np.concatenate(orders),
        }
    )
    said = pl.format("{} (team {})", "text", "team")
    drawn = (_drawn(rows, "intent", count, chance) for rows, count in ((known, shape.rows), (asked, shape.held_out)))
    train, items = (
        desk.join(rows, on="intent").select("generation", "cluster", "completion", prompt=said) for rows in drawn
    )
    return train, items


def facts(data: Path, shape: Shape, seed: int) -> Tables:
    """Facts of their own for each generation."""
    _require(shape, generations=1235 // shape.clusters, clusters=1235, rows=len(TRAINED), held_out=len(HELD_OUT))
    chance = np.random.default_rng([seed, 1])
    short = _read(data, "nq_open").select("question", completion=pl.col("answers").list.first())
    short = short.filter(pl.col("question").str.len_chars() <= 60, pl.col("completion").str.len_chars() <= 24)
    places = chance.choice(short.height, shape.generations * shape.clusters, replace=False)
    known = short[places].with_columns(
        generation=pl.Series(np.repeat(np.arange(shape.generations, dtype=np.int32), shape.clusters)),
        cluster=pl.Series(np.tile(np.arange(shape.clusters), shape.generations)),
    )
    return _worded(known, TRAINED[: shape.rows]), _worded(known, HELD_OUT[: shape.held_out])


STREAMS: dict[str, Callable[[Path, Shape, int], Tables]] = {"desks": desks, "facts": facts}


def shapes(generations: int, examples: int) -> dict[str, Shape]:
    """Each stream with about so many examples a generation."""
    desks, facts = Shape(generations, 6, 13, 5), Shape(generations, 20, 4, 2)
    return {
        "desks": replace(desks, rows=max(1, round(examples / desks.clusters))),
        "facts": replace(facts, clusters=max(1, round(examples / facts.rows))),
    }


def sizes(shape: Shape) -> list[ExampleSet]:
    """A stream without its examples: only how many there are."""
    rows = shape.clusters * shape.rows
    return [_counted(number, "", rows, letters=rows) for number in range(shape.generations)]


@cache
def sha_of(name: str, data: Path, shape: Shape, seed: int) -> str:
    """Of the content of a stream."""
    tables = (_numbered(table) for table in STREAMS[name](data, shape, seed))
    return sha_of_bytes("".join(table.write_ndjson() for table in tables).encode())


def stored(store: Store, tables: Tables) -> list[Generation]:
    """A stream as example sets in a store, in the order of files that curation gives, each with its items."""
    train, items = (_numbered(table) for table in tables)
    generations = []
    for (number,), rows in train.group_by("generation", maintain_order=True):
        asked = items.filter(generation=number).rename({"generation": "suite", "completion": "answer"})
        generations.append(Generation(_examples(store, rows), asked.rename({"example_id": "item_id"})))
    return generations


def _examples(store: Store, rows: pl.DataFrame) -> ExampleSet:
    letters = pl.col("prompt").str.len_chars() + pl.col("completion").str.len_chars()
    table = rows.drop("cluster").with_columns(
        split=pl.lit(str(Split.TRAIN)),
        kind=pl.lit(str(Kind.CONVERSATION)),
        stage=pl.lit(str(Stage.CONVERSATIONS)),
        tier=pl.lit(str(Tier.OWN)),
        priority=pl.int_range(pl.len()),
        tokens=(FRAMING_TOKENS + letters / CHARACTERS_PER_TOKEN).cast(pl.Int64),
    )
    sha = store.write_table("examples", table.to_arrow())
    return _counted(int(rows["generation"][0]), sha, table.height, int(table.select(letters.sum()).item()))


def _counted(number: int, sha: str, rows: int, letters: int) -> ExampleSet:
    counts = ((str(Split.TRAIN), str(Kind.CONVERSATION), rows, letters),)
    return ExampleSet(generation=number, sha=sha, suite_sha=sha, rows=rows, counts=counts, dropped={})


def _numbered(table: pl.DataFrame) -> pl.DataFrame:
    table = table.sort("generation", "cluster", "prompt")
    at = pl.int_range(pl.len()).over("generation").cast(pl.String).str.zfill(5)
    return table.with_columns(example_id=pl.format("{}-{}", "generation", at))


def _worded(known: pl.DataFrame, wordings: tuple[str, ...]) -> pl.DataFrame:
    asked = [known.with_columns(prompt=pl.format(wording, "question")) for wording in wordings]
    return pl.concat(asked).select("generation", "cluster", "completion", "prompt")


def _drawn(rows: pl.DataFrame, by: str, count: int, chance: np.random.Generator) -> pl.DataFrame:
    """So many rows of each group."""
    shuffled = rows.sort("id").with_columns(chance=pl.Series(chance.random(rows.height)))
    return shuffled.filter(pl.col("chance").rank("ordinal").over(by) <= count)


def _read(data: Path, name: str) -> pl.DataFrame:
    file = data / "dev" / f"{name}.jsonl"
    if not file.exists():
        raise SettingsInvalid(f"{file} is missing", "Set VIBE_DATA, or --data, to the folder that holds dev/")
    return pl.read_ndjson(file)


def _require(shape: Shape, **most: int) -> None:
    for name, limit in most.items():
        if not 1 <= (asked := getattr(shape, name)) <= limit:
            raise SettingsInvalid(
                f"a stream of {asked} {name} cannot be made of what there is", f"Ask for 1 to {limit}"
            )
