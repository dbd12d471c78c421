"""`vibe rollback` and `vibe lineage …` as a shell meets them."""

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.declaring import _toml
from vibe_pipeline.records import Kind
from vibe_pipeline.settings import Lineage, load

pytestmark = pytest.mark.usefixtures("climbed_here")

ROW = {
    *("lineage", "is_declared", "settled", "champion", "champion_sha", "next_grows_from", "rolled_back", "pending"),
    *("is_halted", "halted", "halted_at", "origin"),
}


@pytest.fixture
def twig(vibe, tmp_path, toml):
    """A second lineage of vibe.toml, of the same settings."""
    section = toml.text[toml.text.index("[lineages.main]") :].replace("lineages.main", "lineages.twig")
    (tmp_path / "vibe.toml").write_text(f"{toml.text}{section}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rollback", "nobody", "--to", "g000", "--why", "x"), "'nobody' is not one of main"),
        (("rollback", "main", "--to", "third", "--why", "x"), "'third' is not a generation. Write it as g003."),
        (
            ("rollback", "main", "--to", "g002", "--why", "x"),
            "g002 is not a promoted rung of the current line of main;",
        ),
        (("rollback", "main", "--to", "g000", "--why", " "), "no reason is given"),
        (("lineage", "resume", "nobody"), "'nobody' is not one of main"),
        (("lineage", "halt", "nobody", "--why", "x"), "'nobody' is not one of main"),
        (
            ("lineage", "branch", "main", "--from", "g000", "--as", "main"),
            "main cannot branch from main: it has 6 events",
        ),
        (("lineage", "branch", "main", "--from", "g009", "--as", "main"), "main has settled g000 to g002"),
    ],
)
def test_what_is_refused_is_one_line_and_1(vibe, arguments, words):
    said = vibe(*arguments)
    assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 1)
    assert words in said.err


@pytest.mark.parametrize("arguments", [("rollback", "main", "--to", "g000"), ("lineage", "halt", "main"), ("lineage",)])
def test_a_reason_is_asked_for(vibe, arguments):
    assert vibe(*arguments).code == 2


def test_a_rollback_is_shown_by_the_ladder(vibe, ask):
    told = ask("rollback", "main", "--to", "g000", "--why", "g001 forgot")
    assert set(told) == ROW
    assert (told["champion"], told["next_grows_from"], told["rolled_back"]) == ("g000", "g000", ["g001", "g002"])
    said = vibe("ladder")
    assert re.search(r"g000 ★ +promoted", said.out)
    assert re.search(r"g001 ↩ +promoted", said.out)
    assert "↩ main g001, g002: rolled back to g000: g001 forgot" in said.out
    assert "What main g000 knows" in said.out
    assert [it["is_rolled_back"] for it in ask("ladder")] == [False, True, True]


def test_a_rollback_to_where_it_stands_says_so(vibe):
    assert (
        vibe("rollback", "main", "--to", "g001", "--why", "x").err
        == "main stands at g001 already: nothing was changed\n"
    )
    said = vibe("rollback", "main", "--to", "base", "--why", "all anew")
    assert (said.code, said.err) == (0, "")
    assert re.search(r"^champion +none$", said.out, re.MULTILINE)
    assert re.search(r"^rolled back +g000, g001, g002$", said.out, re.MULTILINE)


def test_a_halted_lineage_says_so_wherever_it_is_asked(vibe, ask):
    told = ask("lineage", "halt", "main", "--why", "the data\nis bad")
    assert (told["is_halted"], told["halted"], told["pending"]) == (True, "the data is bad", [])
    climb = vibe("climb")
    assert (climb.code, climb.out) == (1, "")
    remedy = "Mend the data of the next generation, then `vibe lineage resume main`."
    assert climb.err == f"vibe: main is halted: the data is bad. {remedy}\n"
    assert "main is halted since g002: the data is bad." in vibe("ladder").out
    assert "halted since g002" in vibe("lineage", "list").out
    assert ask("lineage", "resume", "main")["is_halted"] is False
    assert vibe("lineage", "resume", "main").err == "main is not halted: nothing was changed\n"
    assert "nothing to climb" in vibe("climb").err


def test_a_climb_that_halts_ends_there_and_tells(vibe, ask, monkeypatch):
    for _ in range(2):
        ask("generation", "open", "--force")
    facts = {"why": "the rule", "rule": None, "back": None}
    monkeypatch.setattr(
        "vibe_pipeline.halting.due", lambda line, _: facts if line.top == 3 and not line.halted else None
    )
    said = vibe("climb", "--threads", "1")
    assert said.code == 0
    assert "g003" in said.out
    assert "g004" not in said.out
    assert "main is halted since g003: the rule" in said.err


@pytest.mark.usefixtures("twig")
def test_a_branch_climbs_what_lies_above_and_names_its_origin(vibe, ask):
    said = vibe("lineage", "branch", "main", "--from", "g001", "--as", "twig")
    assert (said.code, said.err) == (0, "twig branched from main at g001 and grew from main g001\n")
    (record,) = ask("climb", "--lineage", "twig", "--threads", "1")
    assert (record["generation"], record["parent_generation"], record["verdict"]) == ("g002", "g001", "skipped")
    rows = {row["lineage"]: row for row in ask("lineage", "list")}
    assert rows.keys() == {"main", "twig"}
    assert rows["main"]["origin"] is None
    assert (rows["twig"]["champion"], rows["twig"]["pending"]) == ("g001", [])
    assert (
        rows["twig"]["origin"].items()
        >= {"source": "main", "from": "g001", "lineage": "main", "generation": "g001"}.items()
    )
    assert "twig branched from main at g001" in vibe("ladder").out
    assert "twig branched" not in vibe("ladder", "--lineage", "main").out


def test_a_lineage_that_left_vibe_toml_is_listed(ask, tmp_path, toml):
    (tmp_path / "vibe.toml").write_text(toml.text.replace("lineages.main", "lineages.other"))
    rows = {row["lineage"]: row["is_declared"] for row in ask("lineage", "list")}
    assert rows == {"other": True, "main": False}


# declaring


def test_a_lineage_is_declared_at_the_end_of_the_file_and_nothing_else_is_changed(vibe, ask, tmp_path, toml):
    before = (tmp_path / "vibe.toml").read_text()
    told = ask("lineage", "add", "twig", "--like", "main", "--seed", "7", "--kind", "conversation", "--by-hand")
    assert (told["lineage"], told["is_declared"], told["pending"]) == ("twig", True, ["g000", "g001", "g002"])
    after = (tmp_path / "vibe.toml").read_text()
    assert after.startswith(before.rstrip())
    its = load(tmp_path / "vibe.toml").lineages
    changed = {"seed": 7, "kinds": (Kind.CONVERSATION,), "automatic": False}
    assert its["twig"] == its["main"].model_copy(update=changed)
    said = vibe("lineage", "add", "twig")
    assert (said.code, "twig is declared already in" in said.err) == (1, True)
    assert (tmp_path / "vibe.toml").read_text() == after


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "a/b"), "a lineage is named by letters"),
        (("add", "twig", "--like", "nobody"), "'nobody' is not one of main"),
    ],
)
def test_what_cannot_be_declared_changes_no_file(vibe, tmp_path, arguments, words):
    before = (tmp_path / "vibe.toml").read_text()
    said = vibe("lineage", *arguments)
    assert (said.code, words in said.err, len(said.err.splitlines())) == (1, True, 1)
    assert (tmp_path / "vibe.toml").read_text() == before


def test_where_none_was_declared_the_default_stays_beside_it(vibe, ask, tmp_path, monkeypatch):
    monkeypatch.delenv("VIBE_CONFIG", raising=False)
    (tmp_path / "vibe.toml").unlink()
    ask("lineage", "add", "twig", "--seed", "3")
    its = load(tmp_path / "vibe.toml").lineages
    assert its == {"main": Lineage(), "twig": Lineage(seed=3)}


def test_a_branch_that_is_not_declared_is_declared_like_its_source_for_a_person_to_climb(ask, tmp_path):
    told = ask("lineage", "branch", "main", "--from", "g000", "--as", "twig")
    assert (told["origin"]["source"], told["pending"]) == ("main", ["g001", "g002"])
    its = load(tmp_path / "vibe.toml").lineages
    assert its["twig"] == its["main"].model_copy(update={"automatic": False})


def test_a_branch_that_is_refused_declares_nothing(vibe, tmp_path):
    before = (tmp_path / "vibe.toml").read_text()
    assert vibe("lineage", "branch", "main", "--from", "g009", "--as", "twig").code == 1
    assert (tmp_path / "vibe.toml").read_text() == before


tables = st.recursive(
    st.one_of(st.booleans(), st.integers(-9, 9), st.text("aé\"'\\\n#[]= ", max_size=6)),
    lambda its: st.lists(its, max_size=2),
)


@given(st.dictionaries(st.sampled_from(["recipe", "a b", "ü"]), st.dictionaries(st.text("ab.", min_size=1), tables)))
def test_what_is_declared_reads_back_as_it_was(values):
    assert tomllib.loads(_toml({"main": {}, "twig": values}))["lineages"] == {"main": {}, "twig": values}
