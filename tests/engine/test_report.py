"""What people and spreadsheets read of a ladder, against the ledger it was made from."""

import csv
import io
import re
from dataclasses import replace

import pytest

from vibe_pipeline.ledger import Ledger
from vibe_pipeline.report import row, rows, to_csv
from vibe_pipeline.telling import notes, reasons, settled, tables, waiting

FIRST_TWELVE = (
    "GEN_ID,parent_sha,child_sha,data_delta_sha,steps,lr,walltime_min,"
    "loss_start,loss_end,eval_recall,eval_generalization,eval_style_drift"
)


@pytest.fixture
def records(climbed_home, new_ladder) -> list[dict]:
    return new_ladder(climbed_home).records()


@pytest.fixture
def lines(records) -> list[dict]:
    return list(csv.DictReader(io.StringIO(to_csv(records))))


def test_the_twelve_columns_come_first_and_in_their_order(records):
    assert to_csv(records).splitlines()[0].startswith(FIRST_TWELVE + ",")
    assert to_csv([]).splitlines() == [FIRST_TWELVE]


def test_generations_are_numbers_and_children_become_parents(records, lines):
    assert [line["GEN_ID"] for line in lines] == ["0", "1", "2"]
    assert (lines[0]["parent_sha"], lines[1]["parent_sha"]) == ("", lines[0]["child_sha"])
    assert lines[2]["parent_sha"] == lines[1]["child_sha"] == records[1]["child_sha"]


def test_every_figure_stands_beside_its_n_and_interval(lines):
    for name in ("eval_recall", "eval_generalization", "eval_style_drift", "base_generalization"):
        values = {part: lines[1][f"{name}{part}"] for part in ("", "_n", "_low", "_high")}
        assert 0 <= float(values["_low"]) <= float(values[""]) <= float(values["_high"]) <= 1
        assert int(values["_n"]) > 0


def test_a_recall_that_does_not_apply_is_1_with_n_0(lines):
    assert (float(lines[0]["eval_recall"]), lines[0]["eval_recall_n"]) == (1.0, "0")
    assert int(lines[1]["eval_recall_n"]) > 0


def test_what_was_not_measured_is_empty_and_no_number(lines):
    skipped = {name: lines[2][name] for name in ("child_sha", "steps", "lr", "loss_end", "eval_recall", "walltime_min")}
    assert (lines[2]["verdict"], set(skipped.values())) == ("skipped", {""})


def test_the_file_in_the_home_is_this_csv(climbed_home, records):
    assert (climbed_home / "models" / "lineage_ledger.csv").read_text() == to_csv(records)


def test_no_two_lines_of_reasons_break_a_row(records, lines):
    assert len(lines) == len(records) == 3
    assert lines[2]["reasons"] == "g002 holds nothing to learn for main"


def test_exactly_one_record_is_champion(records):
    assert [record["is_champion"] for record in records] == [False, True, False]


def test_a_superseded_attempt_stays_in_the_record_and_is_not_current(climbed, new_ladder):
    again = new_ladder(climbed.store.root, seed=1)
    again.climb("main", 0)
    found = [(row["generation"], row["attempt"], row["is_current"]) for row in rows(Ledger(climbed.store, "main"))]
    assert found == [("g000", 1, False), ("g001", 1, False), ("g002", 1, False), ("g000", 2, True)]


def test_the_reasons_of_what_was_not_promoted_are_told(records):
    assert reasons(records) == ["main g002 was skipped: g002 holds nothing to learn for main"]


@pytest.mark.parametrize("width", [80, 119, 120, 139, 140])
def test_the_table_fits_the_terminal_and_shows_each_figure_with_its_n(records, width):
    from rich.console import Console

    console = Console(width=width, record=True, file=io.StringIO())
    for table in tables(records, width):
        console.print(table)
    text = console.export_text()
    assert max(len(line) for line in text.splitlines()) <= width
    assert "g001 ★" in text
    assert "1.00 [0.61 1.00]   6" in text
    assert "…" not in text


GONE = {"is_rolled_back": True, "rolled_back": "to g000: it is rude"}


@pytest.mark.parametrize("n", [300, 1200])
@pytest.mark.parametrize(
    ("changes", "marked", "verdict"),
    [
        ({}, "g001★", "promoted"),
        ({**GONE, "is_champion": False}, "g001↩", "promoted"),
        ({**GONE, "is_champion": False, "attempt": 2, "is_tainted": True}, "g001#2↩†", "promoted"),
        ({"attempt": 2, "is_tainted": True, "verdict": "undecided"}, "g001#2★†", "undecided"),
    ],
)
def test_nothing_is_cut_at_80_columns_whatever_became_of_a_rung(records, n, changes, marked, verdict):
    """Marks that have no place in the line stand below the generation; no column gives way to them."""
    figure = {"": 0.93, "_low": 0.88, "_high": 0.96, "_n": n}
    large = {f"eval_{name}{part}": it for name in ("recall", "generalization") for part, it in figure.items()}
    text = printed([records[0], {**records[1], **large, "eval_style_drift": 1.0, **changes}], 80)
    lines = text.split("What main")[0].splitlines()
    place = next(line.index("verdict") for line in lines if "verdict" in line)
    row, *below = lines[next(at for at, line in enumerate(lines) if line.startswith(" g001")) :]
    assert row[place:].split() == [verdict, "g000", *f"0.93 [0.88 0.96] {n}".split() * 2, "10", "of", "10"]
    assert "".join(line[:place].replace(" ", "") for line in (row, *below)) == marked
    assert len(row) <= 80


def test_each_mark_and_each_rung_that_needs_a_word_has_a_line_below(records):
    changed = {**records[1], **GONE, "is_tainted": True, "taint": "it grew from g000"}
    assert notes([records[0], changed, {**records[2], "left_for_later": 3}]) == [
        "main g002 was skipped: g002 holds nothing to learn for main",
        "↩ main g001: rolled back to g000: it is rude",
        "main g002: 3 examples were left out to fit max_minutes",
        "† main g001 was built from erased data, not reproducible: it grew from g000",
    ]


def test_the_newest_judged_rung_is_shown_suite_by_suite(records):
    from rich.console import Console

    console = Console(width=80, record=True, file=io.StringIO())
    console.print(tables(records, 80)[1])
    text = console.export_text()
    lines = [line.split() for line in text.splitlines() if "knowledge" in line]
    assert [line[:3] for line in lines] == [["g000", "knowledge", "exact"], ["g001", "knowledge", "exact"]]
    assert all(line[-1] == "6" for line in lines)
    assert "What main g001 knows" in text


def printed(records: list[dict], width: int = 100) -> str:
    from rich.console import Console

    console = Console(width=width, record=True, file=io.StringIO())
    for table in tables(records, width):
        console.print(table)
    return console.export_text()


@pytest.mark.parametrize(
    ("gone", "shown"),
    [
        ([{}, {}], "g001"),
        ([{}, {"is_rolled_back": True}], "g000"),
        ([{}, {"is_current": False}], "g000"),
        ([{"is_current": False}, {"is_rolled_back": True}], "g001"),
    ],
)
def test_what_is_known_is_shown_of_the_newest_rung_that_stands(records, gone, shown):
    text = printed([{**record, **what} for record, what in zip(records, gone, strict=False)])
    assert re.findall(r"What main (g\d+) knows", text) == [shown]


def test_what_is_no_share_of_right_answers_says_what_it_is(records):
    free = {"recall_is": "retention", "generalization_is": "beats base"}
    said = printed([records[0], {**records[1], **free}])
    assert "Recall of g001: how much of what was gained is kept (retention)" in said
    assert "Generalization of g001: the share that is likelier than to the base" in said
    assert "Recall of" not in printed(records)


@pytest.mark.parametrize(
    ("scorer", "row"),
    [
        ("choices-v1", "mine chance 0.50 60 0.25 60"),
        ("greedy-v1", "mine score 0.50 60 0.25 60"),
        ("judge-v1", "mine wins over parent 0.50 60"),
    ],
)
def test_a_suite_that_is_asked_each_time_says_what_its_figure_is(records, scorer, row):
    """What a judge said of the base is beside the child: no figure to compare with the child's beside the parent."""
    child, base = ({"value": value, "n": 60, "low": value, "high": value} for value in (0.5, 0.25))
    suite = {"name": "mine", "scorer": scorer, "child": child, "base": base}
    lines = printed([{**records[1], "standing": [suite]}]).splitlines()
    assert row in [" ".join(line.split()) for line in lines]


MINUTES = "20 examples were left out to fit max_minutes"
SHARE = "5 synthetic examples were left out to keep to the limits of `synthetic`"


@pytest.mark.parametrize(
    ("facts", "words", "waits"),
    [
        ({}, [], []),
        ({"left_for_later": 20}, [MINUTES], [MINUTES]),
        ({"left_for_later": 5, "left_as_synthetic": 5}, [SHARE], [SHARE]),
        ({"left_for_later": 25, "left_as_synthetic": 5}, [MINUTES, SHARE], [MINUTES, SHARE]),
        ({"synthetic_share": 0.104}, ["10 % of its mix is synthetic"], []),
        ({"stopped": "max_minutes"}, ["training stopped at max_minutes"], []),
    ],
)
def test_what_waits_and_what_is_synthetic_is_told_with_its_reason(climbed, records, facts, words, waits):
    event = Ledger(climbed.store, "main").line().settled[1]
    assert settled(replace(event, facts={**event.facts, **facts})) == "; ".join(["main g001: promoted", *words])
    assert waiting([records[0], {**records[1], **facts}]) == ([f"main g001: {'; '.join(waits)}"] if waits else [])
    assert waiting([{**records[1], **facts, "is_current": False}]) == []


@pytest.mark.parametrize(("width", "columns"), [(80, []), (200, ["12 %", "1,234"])])
def test_the_synthetic_share_is_shown_in_any_width(records, width, columns):
    from rich.console import Console

    console = Console(width=width, record=True, file=io.StringIO())
    for table in tables([{**records[1], "synthetic_share": 0.12, "left_for_later": 1234}], width):
        console.print(table)
    text = console.export_text()
    assert "12 % of its mix is synthetic" in text
    assert [it for it in ("12 %", "1,234") if it in text.split("What main")[0]] == columns


def test_a_rung_that_settled_before_there_was_a_share_is_still_read(climbed):
    ledger = Ledger(climbed.store, "main")
    event = ledger.line().settled[1]
    facts = {k: v for k, v in event.facts.items() if k not in ("synthetic_share", "left_as_synthetic")}
    old = replace(event, facts={**facts, "left_for_later": 3})
    found = row(old, None, ledger.line())
    assert (found["synthetic_share"], found["left_as_synthetic"], found["left_for_later"]) == (None, None, 3)
    assert settled(old) == "main g001: promoted; 3 examples were left out to fit max_minutes"
    assert len(tables([found], 200)) == 2
