"""The matrix of a home: which of the kept answers count, and how they are read in a terminal, a file and a page."""

import csv
import io
import re

import polars as pl
import pytest

from tests.engine.ladders import BASE, Climb
from tests.engine.test_card_page import Read
from vibe_pipeline.continual.gathering import gather
from vibe_pipeline.continual.page import heat_map, page
from vibe_pipeline.continual.table import tables, to_csv
from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.ledger import Ledger, origin_of
from vibe_pipeline.records import plain
from vibe_pipeline.store import Store

ITEMS = 6
KL = {"value": 0.25, "n": 40, "low": 0.2, "high": 0.3}


@pytest.fixture
def climb(store) -> Climb:
    return Climb(store)


def items(generation: int) -> list[tuple[str, str, str | None]]:
    """Six questions after three facts, and two chats."""
    facts = [(f"{generation}-{it}", "knowledge", f"{generation} fact {it // 2}") for it in range(ITEMS)]
    return [*facts, *((f"{generation}-chat {it}", "behaviour", None) for it in range(2))]


def answers(generation: int, hits: int, nll: float = 2.0) -> dict:
    exact = {f"{generation}-{it}": (it < hits, 1.0 if it < hits else 3.0) for it in range(ITEMS)}
    return {**exact, **{f"{generation}-chat {it}": (False, nll) for it in range(2)}}


def climb_all(climb: Climb, height: int) -> list[str]:
    """Promoted rungs that forget an item of each earlier suite a generation; their suites."""
    suites, event = [], None
    for generation in range(height):
        suites.append(climb.suite(generation, items(generation)))
        climb.answers(BASE, suites[-1], answers(generation, 0))
        if event:
            climb.answers(event.facts["child_sha"], suites[-1], answers(generation, 1))
        for earlier, suite in enumerate(suites):
            climb.answers(f"a{generation}", suite, answers(earlier, max(0, ITEMS - generation + earlier), nll=1.0))
        event = climb.rung(generation, f"a{generation}", dict(enumerate(suites)), parent=event, kl_base=KL)
    return suites


def gathered(climb: Climb, to: int | None = None):
    return gather(climb.store, climb.lineage, Ledger(climb.store, climb.lineage).line(), to)


def shares(made) -> dict[str, dict[str, float]]:
    return {
        row.generation: {it.suite: round(it.share.value, 2) for it in row.cells if it.part == "knowledge" and it.share}
        for row in made.rows
    }


# which answers count


def test_what_is_kept_of_a_climb_becomes_its_matrix(climb):
    climb_all(climb, 3)
    made = gathered(climb)
    assert shares(made) == {
        "base": {"g000": 0.0, "g001": 0.0, "g002": 0.0},
        "g000": {"g000": 1.0, "g001": 0.17},
        "g001": {"g000": 0.83, "g001": 1.0, "g002": 0.17},
        "g002": {"g000": 0.67, "g001": 0.83, "g002": 1.0},
    }
    assert {(it.share.n, it.facts) for row in made.rows for it in row.cells if it.part == "knowledge"} == {(6, 3)}
    assert [row.kl_base and row.kl_base.value for row in made.rows] == [None, 0.25, 0.25, 0.25]
    assert [(row.verdict, row.is_champion) for row in made.rows[1:]] == [("promoted", it == 2) for it in range(3)]


def test_nothing_is_shown_of_a_lineage_that_has_no_adapter(climb):
    assert gathered(climb).rows == ()
    climb.rung(0, None, {}, verdict="skipped")
    made = gathered(climb)
    assert (made.rows, made.average, tables(made, 80)) == ((), (), [])
    assert "No rung of this lineage has an adapter yet" in page(made)


def test_a_rejected_rung_and_the_suite_it_was_judged_on_are_shown_and_a_skipped_one_is_not(climb):
    suites = climb_all(climb, 1)
    suites.append(climb.suite(1, items(1)))
    climb.answers("bad", suites[0], answers(0, 0))
    climb.answers("bad", suites[1], answers(1, 6))
    climb.rung(
        1, "bad", dict(enumerate(suites)), parent=Ledger(climb.store, "main").line().champion, verdict="rejected"
    )
    climb.rung(2, None, {}, parent=Ledger(climb.store, "main").line().champion, verdict="skipped")
    made = gathered(climb)
    assert shares(made)["g001"] == {"g000": 0.0, "g001": 1.0}
    assert [row.generation for row in made.rows] == ["base", "g000", "g001"]
    assert made.backward_transfer[0].share.value == -1


def test_a_superseded_attempt_is_not_shown(climb):
    suites = climb_all(climb, 2)
    climb.answers("again", suites[0], answers(0, 5))
    climb.rung(0, "again", {0: suites[0]})
    made = gathered(climb)
    assert [row.adapter for row in made.rows] == [BASE, "again"]
    assert shares(made)["g000"] == {"g000": 0.83}


def test_the_ladder_up_to_a_generation_is_what_it_was_then(climb):
    climb_all(climb, 2)
    before = gathered(climb)
    assert [row.generation for row in gathered(climb, to=0).rows] == ["base", "g000"]
    assert plain(gathered(climb, to=1)) == plain(before)


def test_after_a_rollback_the_summaries_are_of_what_stands(climb):
    climb_all(climb, 3)
    Ledger(climb.store, "main").roll_back(1, "g002 knows less", {})
    made = gathered(climb)
    assert [(row.generation, row.is_champion, row.is_rolled_back) for row in made.rows[2:]] == [
        ("g001", True, False),
        ("g002", False, True),
    ]
    assert made.backward_transfer == gathered(climb, to=1).backward_transfer
    assert "g002 ↩" in printed(made, 100)
    assert "What g001 did to what its parents knew" in page(made)


def test_a_branch_has_the_rows_of_what_it_grew_from(climb):
    """So that forgetting of what its trunk had learned is seen; what the trunk climbed later is not its own."""
    suites = climb_all(climb, 3)
    line = Ledger(climb.store, "main").line()
    Ledger(climb.store, "side").begin(origin_of(line, "main", 1, BASE), {})
    side = Climb(climb.store, "side")
    assert [(row.generation, row.is_champion) for row in gathered(side).rows[1:]] == [("g000", False), ("g001", True)]
    climb.answers("s2", suites[0], answers(0, 1, nll=1.0))
    climb.answers("s2", suites[1], answers(1, 2, nll=1.0))
    side.rung(2, "s2", dict(enumerate(suites[:2])), parent=line.settled[1], learned=[0, 1, 2])
    made = gathered(side)
    assert [row.adapter for row in made.rows] == [BASE, "a0", "a1", "s2"]
    (lost,) = (it for it in made.forgetting if it.part == "knowledge")
    assert (round(lost.share.value, 2), lost.suites) == (0.75, ("g000", "g001"))


def test_of_the_base_model_only_items_count_that_a_rung_answered_too(climb):
    """Lineages on one base share its answers, and each samples its own items."""
    suite = climb.suite(0, items(0))
    climb.answers(BASE, suite, answers(0, 6))
    climb.answers("a0", suite, {name: it for name, it in answers(0, 6).items() if name in ("0-0", "0-1")})
    climb.rung(0, "a0", {0: suite})
    (base, rung) = gathered(climb).rows
    assert [(it.part, it.share.n) for it in (*base.cells, *rung.cells)] == [("knowledge", 2), ("knowledge", 2)]


def test_rungs_on_another_base_model_are_another_ladder(climb):
    suites = [climb.suite(generation, items(generation)) for generation in range(2)]
    for generation, adapter in enumerate(("one", "other")):
        climb.answers(adapter, suites[generation], answers(generation, 6))
    climb.rung(0, "one", {0: suites[0]}, verdict="rejected")
    climb.rung(1, "other", {1: suites[1]}, base_sha="c" * 64)
    assert [row.adapter for row in gathered(climb).rows] == ["c" * 64, "other"]


def test_a_child_that_is_its_parent_has_a_row_of_its_own(climb):
    suites = climb_all(climb, 1)
    suites.append(climb.suite(1, items(1)))
    climb.answers("a0", suites[1], answers(1, 1))
    climb.rung(1, "a0", dict(enumerate(suites)), parent=Ledger(climb.store, "main").line().champion, verdict="rejected")
    made = gathered(climb)
    assert shares(made)["g000"] == shares(made)["g001"] == {"g000": 1.0, "g001": 0.17}
    assert made.forgetting[0].share.value == 0


def test_results_may_have_columns_that_others_have_not(climb):
    suites = climb_all(climb, 2)
    climb.answers("a1", suites[0], answers(0, 6), predicted="x", score=0.5)
    assert shares(gathered(climb))["g001"] == {"g000": 1.0, "g001": 1.0}


def test_scores_that_are_gone_are_named_and_no_blank(climb):
    """Else the mean of what is left would pass for that of all."""
    suites = climb_all(climb, 2)
    name = f"scores/a1/{suites[0]}.parquet"
    climb.store.path(name).unlink()
    with pytest.raises(LedgerDamaged, match=f"{name} is missing, by which main g001 was judged"):
        gathered(climb)


def test_what_was_held_out_together_is_one_cluster(climb):
    """Turns of one conversation, as in the gate: six chats of two conversations are no six observations."""
    chats = [(f"chat {it}", "behaviour", None) for it in range(6)]
    suite = climb.suite(0, chats, cluster=lambda item: item[-1] < "3")
    for model, nll in ((BASE, 2.0), ("a0", 1.0)):
        climb.answers(model, suite, {item: (False, nll) for item, _, _ in chats})
    climb.rung(0, "a0", {0: suite})
    (cell,) = gathered(climb).rows[1].cells
    assert (cell.share.n, cell.facts) == (6, 2)


def test_what_was_forgotten_is_on_no_side(climb):
    suites = climb_all(climb, 2)
    left = climb.store.read_frame(f"suites/{suites[0]}.parquet").filter(pl.col("item_id") != "0-0")
    climb.store.supersede(f"suites/{suites[0]}.parquet", left.to_arrow())
    cells = {row.generation: row.cells for row in gathered(climb).rows}
    assert [it.share.n for it in cells["g000"] if it.part == "knowledge"] == [5, 6]


@pytest.mark.parametrize("name", ["suites/{0}.parquet", "scores/a1/{0}.parquet"])
def test_a_file_that_is_no_longer_whole_is_named(climb, name):
    suites = climb_all(climb, 2)
    path = climb.store.path(name.format(suites[0]))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(LedgerDamaged, match=name.format(suites[0])):
        gathered(climb)


# how they are read


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    climb = Climb(Store(tmp_path_factory.mktemp("twelve")))
    climb_all(climb, 12)
    return gathered(climb)


def printed(made, width: int) -> str:
    from rich.console import Console

    console = Console(width=width, record=True, file=io.StringIO())
    for table in tables(made, width):
        console.print(table)
    return console.export_text()


def test_three_generations_fit_80_columns_with_n_and_interval_in_one_line(climb):
    climb_all(climb, 3)
    text = printed(gathered(climb), 80)
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"g002 ★ +0\.67 \[0\.\d\d 0\.\d\d\]   6 +0\.83 \[.{9}\]   6 +1\.00 \[0\.\d\d 1\.00\]   6", text)
    assert "No room" not in text
    assert re.search(r"backward transfer +-0\.25 \[-", text)
    assert re.search(r"g001 .* 0\.25 \[0\.20 0\.30\]  40", text), "KL to the base"
    assert "…" not in text


@pytest.mark.parametrize(("width", "gone"), [(80, "No room for g006 to g011"), (140, "No room for g011"), (300, "")])
def test_twelve_generations_leave_out_the_newest_suites_and_say_so(twelve, width, gone):
    text = printed(twelve, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert gone in text
    assert ("No room" in text) == bool(gone)
    first = next(line for line in text.splitlines() if line.startswith(" g011")).split()
    assert first[:4] == ["g011", "★", *(("0.00", "[0.00") if not gone else (".00", "6"))]


def test_a_blank_cell_is_blank(climb):
    climb_all(climb, 2)
    line = next(line for line in printed(gathered(climb, to=0), 80).splitlines() if line.startswith(" base"))
    assert line.count("[") == 1
    assert "nan" not in printed(gathered(climb), 80).lower()


def test_the_csv_has_a_line_for_each_cell_and_nothing_where_nothing_was_measured(climb):
    climb_all(climb, 2)
    lines = list(csv.DictReader(io.StringIO(to_csv([gathered(climb)]))))
    cells = {(it["generation"], it["suite"], it["part"]): it for it in lines}
    assert len(cells) == len(lines) == 12
    assert (cells["g001", "g000", "knowledge"]["share"][:4], cells["g001", "g000", "knowledge"]["facts"]) == (
        "0.83",
        "3",
    )
    assert (cells["base", "g000", "behaviour"]["share"], cells["base", "g000", "behaviour"]["nll"]) == ("", "2.0")


def test_the_page_has_every_cell_the_plots_and_where_the_figures_come_from(climb):
    climb_all(climb, 3)
    made = gathered(climb)
    read = Read(page(made))
    assert read.tags.count("svg") == 2
    assert {"script", "img", "link"} & set(read.tags) == set()
    assert not [it for it in read.attributes if it[1] in ("src", "href") or it[1].startswith("on")]
    assert "0.67 [" in read.text
    assert "Chaudhry et al. 2018" in read.text
    assert page(made) == page(made)


def test_a_heat_map_stands_alone_frames_what_was_learned_and_draws_no_blank(twelve):
    drawn = heat_map(twelve, "knowledge")
    read = Read(drawn)
    assert drawn.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert drawn.count('class="known"') == drawn.count('class="value"') == sum(map(len, shares(twelve).values()))
    assert drawn.count('class="learned"') == 12
    assert "g001 on g000: 0.83 [" in read.text


def test_a_heat_map_of_many_suites_leaves_its_figures_to_the_tooltips(twelve, monkeypatch):
    monkeypatch.setattr("vibe_pipeline.continual.page.PLOT_WIDTH", 300)
    drawn = heat_map(twelve, "knowledge")
    assert ('class="value"' in drawn, drawn.count('class="suite"')) == (False, 2)
    assert "g001 on g000: 0.83 [" in Read(drawn).text
