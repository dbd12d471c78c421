"""Leaks and duplicates planted in real text (VIBE_DATA): how many are caught, and what is lost that is neither.

Every text of a source has one part: an item that is held out with a version of it in training, a row with a copy that
comes later or at once, a pair that only looks alike, or a row that nothing is planted near. All lie in one log of two
generations; in the next round every text has another part. The tables, with Wilson's intervals: docs/log.md, "leaks
and duplicates".
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import count, cycle, islice
from keyword import iskeyword
from pathlib import Path
from random import Random

import polars as pl
import pytest

from tests.acceptance.versions import (
    edited,
    escaped,
    framed,
    logged_by,
    quoted,
    reformatted,
    renamed,
    retyped,
    swapped,
)
from tests.engine.curating import World, event, on_side, probe
from vibe_pipeline.evaluate.figures import share
from vibe_pipeline.judgement import Figure
from vibe_pipeline.records import Interaction, Probe
from vibe_pipeline.settings import Curate

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))

pytestmark = [
    pytest.mark.skipif(not (DATA / "dev").is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA"),
    pytest.mark.filterwarnings("ignore:invalid escape sequence"),  # MBPP's own
]

ROUNDS = 3

Pair = tuple[str, str]
"""A question and its answer."""


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / "dev" / f"{name}.jsonl").read_text().splitlines()]


def is_python(code: str) -> bool:
    try:
        return bool(ast.parse(code))
    except SyntaxError:
        return False


def chats() -> list[Pair]:
    """OASST: of each question the first answer."""
    messages = rows("oasst_messages")
    asked = {row["message_id"]: row["text"] for row in messages if row["role"] == "user"}
    answers = {row["parent_id"]: row["text"] for row in reversed(messages) if row["role"] == "assistant"}
    return [(asked[parent], text) for parent, text in answers.items() if parent in asked]


def neighbour(name: str) -> Pair:
    """What a template makes of names, of which each is another fact."""
    return (
        f"Where is the name {name} of Python defined, and what has to be done first?",
        f"Find {name} in the documentation, import the module that it names, and only then use it in your own code.",
    )


def sources() -> dict[str, list[Pair]]:
    found = {
        "oasst": chats(),
        "gsm8k": [(row["question"], row["answer"]) for row in rows("gsm8k")],
        "mbpp": [(row["text"], row["code"]) for row in rows("mbpp") if is_python(row["code"])],
        "quixbugs": [(f"Repair {row['name']}", row["fixed"]) for row in rows("quixbugs") if is_python(row["fixed"])],
        "nl2bash": [(row["description"], row["command"]) for row in rows("nl2bash")],
        "clinc150": [(row["text"], row["intent"]) for row in rows("clinc150_train")],
        "names": [*map(neighbour, sorted({*dir(os), *dir(ast), *dir(re), *dir(json), *dir(Path), *dir(pl)}))],
    }
    return {name: list(dict(Random(0).sample(pairs, len(pairs))).items()) for name, pairs in found.items()}


CODE = ("mbpp", "quixbugs")
LEAK, BORN = "leak into training", "item that was trained on"
EARLIER, WITHIN = "duplicate of an earlier generation", "duplicate within the generation"
ALIKE, INNOCENT = "alike", "innocent"


def of_both(change: Callable[[str], str]) -> Callable[[Pair], Pair]:
    return lambda pair: (change(pair[0]), change(pair[1]))


def plants(source: str, chance: Random, other: Callable[[], str]) -> dict[str, dict[str, Callable[[Pair], Pair]]]:
    """What is made of an item, and of a row that is learned: by table, by the name that it has in the table."""
    if source in ("clinc150", "names"):
        return {}

    def retyped_code(pair: Pair) -> Pair:
        return pair[0].upper(), reformatted(pair[1], chance)

    same = {
        "the same": lambda pair: pair,
        "retyped": retyped_code if source in CODE else of_both(lambda text: retyped(text, chance)),
    }
    if source in ("oasst", "gsm8k"):
        same["sentences swapped"] = lambda pair: (f"{pair[0]} ", swapped(pair[1], chance))
    leaks, again = dict(same), dict(same)
    for percent in (5, 10, 20):
        name = f"{percent} % of the words"
        leaks[name] = of_both(lambda text, part=percent / 100: edited(text, part, chance))
        again[name] = lambda pair, part=percent / 100: (f"{pair[0]} ...", edited(pair[1], part, chance))
    leaks |= {
        "quoted": lambda pair: (f"And this? {other()}", quoted(pair[1], other())),
        "in a log": lambda pair: (f"What was printed? {other()}", logged_by(pair[1], chance)),
        "in HTML": lambda pair: (f"What was shown? {other()}", escaped(pair[1], chance)),
        "question framed": lambda pair: (framed(pair[0], chance), pair[1]),
        "question another": lambda pair: (f"Say it once more, number {chance.randrange(10**9)}", pair[1]),
        "answer another": lambda pair: (pair[0], other()),
    }
    if source in CODE:
        leaks["renamed"] = lambda pair: (f"And {pair[0].lower()}", renamed(pair[1]))
    return {LEAK: leaks, BORN: leaks, EARLIER: again, WITHIN: again, ALIKE: alike(source, chance)}


def another_flag(command: str) -> str:
    changed = re.sub(r"(?<= -)[a-z]+\b", lambda it: it[0][:-1] + chr(ord(it[0][-1]) ^ 1), command, count=1)
    return changed if changed != command else f"{command} -v"


def alike(source: str, chance: Random) -> dict[str, Callable[[Pair], Pair]]:
    """What shares most of its words with a row, and is another one."""
    if source == "gsm8k":
        other = of_both(lambda text: re.sub(r"\d+", lambda it: str(int(it[0]) + chance.randrange(1, 9)), text))
        return {"other numbers": other}
    if source == "nl2bash":
        return {"another flag": lambda pair: (f"{pair[0]} ({chance.choice('abc')})", another_flag(pair[1]))}
    return {}


numbers = count()


def logged(pair: Pair, source: str, *, held: bool = False, **values) -> Interaction:
    name = on_side(f"{next(numbers)} ", held=held)
    values |= {"action": "generate", "success": True} if source in CODE else {}
    return event(*pair, conversation=name, interaction_id=name, **values)


@dataclass(frozen=True)
class Plant:
    table: str
    kind: str
    source: str
    pair: Pair
    names: tuple[str, ...]
    """Of interactions of which one must leave, or all must stay."""
    because: str | None = None
    """It must leave because this was learned or held out before, if it was."""
    first: str | None = None
    """Or else this must be taken back, in whose place it comes: one of both is taught."""


class Planted:
    """What is logged in two generations, and what was planted in it."""

    def __init__(self) -> None:
        self.steps: tuple[list, list] = ([], [])
        self.plants: list[Plant] = []

    def put(self, step: int, it: Interaction | Probe) -> str:
        self.steps[step].append(it)
        return it.interaction_id if isinstance(it, Interaction) else it.probe_id

    def fill(self, source: str, pairs: list[Pair], turn: int) -> None:
        """Give every pair its part; another one in another turn."""
        chance = Random(f"{source} {turn}")
        spare, pairs = pairs[: len(pairs) // 10], pairs[len(pairs) // 10 :]
        others = cycle(answer for _, answer in spare)
        kinds = plants(source, chance, lambda: next(others))
        parts = [(table, kind) for table in kinds for kind in kinds[table]] + [(INNOCENT, "nothing near")] * 4
        for pair, (table, kind) in zip(pairs, islice(cycle(parts), 7 * turn, None), strict=False):
            version = kinds[table][kind](pair) if table in kinds else pair
            fact = {"extra": {"fact": pair[0]}} if source == "names" else {}
            learned = self.put(int(table != BORN), logged(version, source, **fact))
            names, because, first = [learned], None, None
            if table == BORN:
                names, because = [self.put(1, logged(pair, source, held=True))], learned
            elif table != INNOCENT:
                first = self.put(int(table in (WITHIN, ALIKE)), logged(pair, source, held=table == LEAK))
                names += [first] if table in (WITHIN, ALIKE) else []
                because = first if table == LEAK else None
            before = first if table == EARLIER else None
            self.plants.append(Plant(table, kind, source, version, tuple(names), because, before))

    def gone(self, home: Path) -> list[tuple[Plant, bool]]:
        world, frames = World(home), []
        for events in self.steps:
            world.log(*events)
            curated = world.cut()
            frames.append(curated.frame["interaction_ids"])
        kept = {*pl.concat(frames).explode().drop_nulls()}
        sha = curated.made.withdrawn_sha
        rows = world.ladder.store.read_frame(f"withdrawn/{sha}.parquet")["row"] if sha else []
        back = {*frames[0].gather(rows).explode()}
        there = [plant for plant in self.plants if plant.because is None or plant.because in kept]
        return [(plant, plant.first in back or not kept.issuperset(plant.names)) for plant in there]


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> list[tuple[Plant, bool]]:
    texts, every = sources(), []
    for turn in range(ROUNDS):
        planted = Planted()
        for source, pairs in texts.items():
            planted.fill(source, pairs, turn)
        every += planted.gone(tmp_path_factory.mktemp("world"))
    return every


def told(found: list[tuple[Plant, bool]], table: str) -> dict[tuple[str, str], Figure]:
    """The share that left by kind and source, and as a table on the screen."""
    hits = defaultdict(list)
    for plant, is_gone in found:
        if plant.table == table:
            hits[plant.kind, plant.source].append(is_gone)
    figures = {key: share(pl.Series(gone)) for key, gone in hits.items()}
    print(f"\n| {table} | of | caught | missed | share | 95 % |\n| --- | --- | --- | --- | --- | --- |")
    for (kind, source), it in sorted(figures.items()):
        gone = sum(hits[kind, source])
        print(f"| {kind} | {source} | {gone} | {it.n - gone} | {it.value:.2f} | [{it.low:.2f}, {it.high:.2f}] |")
    return figures


SOURCES = ("oasst", "gsm8k", "mbpp", "nl2bash")
LEAK_FLOORS = {
    "the same": (1.0, 1.0, 1.0, 1.0),
    "retyped": (0.85, 0.95, 0.85, 0.75),
    "sentences swapped": (0.85, 0.95),
    "question another": (0.9, 0.95, 0.9),
    "question framed": (0.85, 0.95, 0.95, 0.5),
    "quoted": (0.8, 0.95, 0.6),
    "in a log": (0.85, 0.95, 0.85),
    "in HTML": (0.9, 0.95, 0.9),
    "5 % of the words": (0.85, 0.95, 0.7),
    "10 % of the words": (0.55, 0.7, 0.6),
}
DUPLICATE_FLOORS = {
    "the same": (1.0, 1.0, 1.0, 1.0),
    "retyped": (0.9, 0.95, 0.8, 0.65),
    "sentences swapped": (0.85, 0.9),
    "5 % of the words": (0.75, 0.85, 0.6),
}
"""By source, a little below what was measured; what has none is told in the table alone."""


def below(figures: dict[tuple[str, str], Figure], floors: dict[str, tuple[float, ...]]) -> list[str]:
    return [
        f"{kind} of {source}: {figures[kind, source].value:.2f} < {floor}"
        for kind, of in floors.items()
        for source, floor in zip(SOURCES, of, strict=False)
        if figures[kind, source].value < floor
    ]


@pytest.mark.parametrize("table", [LEAK, BORN])
def test_leaks_are_caught(found, table):
    figures = told(found, table)
    assert not below(figures, LEAK_FLOORS)
    assert figures["renamed", "mbpp"].value >= 0.8
    assert figures["answer another", "gsm8k"].value <= 0.05  # another answer is no leak


@pytest.mark.parametrize("table", [EARLIER, WITHIN])
def test_duplicates_are_caught(found, table):
    assert not below(told(found, table), DUPLICATE_FLOORS)


def test_what_only_looks_alike_stays(found):
    figures = told(found, ALIKE)
    assert figures["other numbers", "gsm8k"].value <= 0.05
    assert figures["another flag", "nl2bash"].value <= 0.15


INSTRUCTION = """You are a careful assistant for customer support. Read the message below and answer with the intent of
the customer, one label only, in lower case, without quotes, without an explanation and without a full stop at its end.
If you are not sure, take the label that is closest to what was meant.

Message: {}
Intent:"""


def instructed() -> dict[str, list[Pair]]:
    """By source, short answers to what is put behind one instruction a task."""
    tasks = {row["task"]: row["definition"] for row in rows("superni_tasks")}
    defined = [(f"{tasks[row['task']]}\n\nInput: {row['input']}\nOutput:", row) for row in rows("superni_instances")]
    return {
        "clinc150": [(INSTRUCTION.format(row["text"]), row["intent"]) for row in rows("clinc150_train")],
        "superni": [(asked, str(row["output"])) for asked, row in dict(defined).items()],
    }


@pytest.mark.parametrize(("source", "least"), [("clinc150", 0.93), ("superni", 0.97)])
@pytest.mark.parametrize("cuts", [1, 5])
def test_what_stands_behind_one_instruction_is_not_the_same_for_it(tmp_path, source, least, cuts):
    """Of 2,500 messages 479 stayed, of 130 rows of a task 3."""
    world, kept, pairs = World(tmp_path, Curate.model_validate({"quality": {"shortest": 0}})), 0, instructed()[source]
    for nth in range(cuts):
        world.log(*(logged(pair, source, held=at % 5 == 0) for at, pair in enumerate(pairs[nth::cuts])))
        kept += world.cut().frame.filter(pl.col("kind") != "pattern").height
    print(f"\n{source} in {cuts}: of {len(pairs)} kept {kept}")
    assert kept >= (least if cuts == 1 else least - 0.05) * len(pairs)


def likest(pair: Pair, pairs: list[Pair], is_code: bool) -> float:
    """How like its answer is to the likest other one, by words (Ratcliff and Obershelp); of code whatever its names."""
    words = {it: nameless(it[1]) if is_code else it[1].lower().split() for it in pairs}
    mine = words[pair]
    near = sorted(pairs, key=lambda it: -len({*mine} & {*words[it]}) / len({*mine} | {*words[it]}))[1:12]
    return max(SequenceMatcher(None, mine, words[it], autojunk=False).ratio() for it in near)


def nameless(code: str) -> list[str]:
    numbers: dict[str, str] = {}
    words = re.findall(r"\w+|[^\w\s]", code.lower())
    return [
        it if iskeyword(it) else numbers.setdefault(it, f"n{len(numbers)}") if it[0].isalpha() else it for it in words
    ]


LOST = {"mbpp": 0.2, "quixbugs": 0.2, "nl2bash": 0.04, "clinc150": 0.005, "oasst": 0.03}
"""MBPP has many programs twice, and commands and utterances some; of OASST an answer that says what it will not do."""


def test_what_is_lost_though_nothing_was_planted_near_has_a_twin_of_its_own(found):
    figures, texts = told(found, INNOCENT), sources()
    lost = sorted({(plant.source, plant.pair) for plant, is_gone in found if is_gone and plant.table == INNOCENT})
    likeness = {it: likest(it[1], texts[it[0]], it[0] in CODE) for it in lost}
    alone = [it for it in lost if likeness[it] < 0.85]
    print(f"{len(lost)} lost, {len(alone)} of them without a twin:", *alone, sep="\n")
    assert len(alone) <= 0.15 * len(lost)
    assert all(it.value <= LOST.get(source, 0) for (_, source), it in figures.items())


PROBES = {
    "the same": lambda asks, chance: asks,
    "retyped": lambda asks, chance: retyped(f"{asks}?", chance),
    "in other order": lambda asks, chance: " ".join(chance.sample(asks.split(), len(asks.split()))),
    "please": lambda asks, chance: f"Can you please tell me: {asks}",
    "10 % of the words": lambda asks, chance: edited(asks, 0.1, chance),
    "framed": framed,
}


def test_what_a_probe_asks_is_not_trained_on_in_other_spellings(tmp_path):
    """A paraphrase is what a fact is trained on; only the probe's own question is a leak."""
    planted, chance = Planted(), Random(3)
    for row, kind in zip(rows("nq_open"), cycle([*PROBES, "another probe's answer"]), strict=False):
        asks, answer = row["question"], row["answers"][0]
        fact = {"fact": row["id"]}
        planted.put(0, replace(probe(row["id"], asks, answer), probe_id=row["id"]))
        version = PROBES[kind](asks, chance) if kind in PROBES else f"Name what number {next(numbers)} is about"
        name = planted.put(1, logged((version, answer), "nq_open", extra=fact))
        planted.plants.append(Plant(LEAK, kind, "nq_open", (version, answer), (name,)))
    shares = {kind: it.value for (kind, _), it in told(planted.gone(tmp_path), LEAK).items()}
    assert {shares[kind] for kind in ("the same", "retyped", "in other order")} == {1.0}
    assert {shares[kind] for kind in ("framed", "another probe's answer")} == {0.0}
