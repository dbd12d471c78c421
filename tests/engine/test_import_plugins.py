"""Formats of other packages, found by their entry points."""

import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.engine.importing import chat, lines
from vibe_pipeline.errors import SettingsInvalid, SourceUnreadable
from vibe_pipeline.interactions.importers import formats, import_paths
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.importers.raw import Raw
from vibe_pipeline.interactions.importers.table import Read
from vibe_pipeline.interactions.logger import InteractionLogger


class Failing:
    """An importer of another package, with a bug in one of its functions."""

    def __init__(self, where="read", bug: type[BaseException] = KeyError):
        self.where = where
        self.bug = bug

    def fail(self, where):
        if self.where == where:
            raise self.bug("oops")

    def connects(self, address):
        return self.fail("connects")

    def opens(self, file, start):
        self.fail("opens")
        return self.where == "records"

    def records(self, file):
        self.fail("records")

    def recognises(self, value):
        self.fail("recognises")
        return value == "mine"

    def session_of(self, value):
        return self.fail("session_of")

    def read(self, value, source, at):
        self.fail("read")


@pytest.fixture
def entry_point(monkeypatch):
    def bring_in(load, name="failing") -> None:
        found = SimpleNamespace(name=name, value="x:y", load=load, dist=SimpleNamespace(name="vibe-failing"))
        monkeypatch.setattr("vibe_pipeline.interactions.importers.registry.entry_points", lambda group: [found])
        formats.cache_clear()

    yield bring_in
    formats.cache_clear()


@pytest.mark.parametrize("where", ["recognises", "session_of", "read"])
def test_a_format_of_another_package_is_used_and_its_bug_costs_one_record(bring, entry_point, where):
    entry_point(lambda: Failing(where))
    result = bring(lines('"mine"', chat("q", "a")))
    assert (result.imported, result.reasons) == (1, {"the importer failing failed: KeyError: 'oops'": 1})


@pytest.mark.parametrize("where", ["recognises", "session_of", "read"])
def test_one_that_would_end_the_program_costs_one_record_too(bring, entry_point, where):
    entry_point(lambda: Failing(where, SystemExit))
    result = bring(lines('"mine"', chat("q", "a")))
    assert (result.imported, result.reasons) == (1, {"the importer failing failed: SystemExit: oops": 1})


@pytest.mark.parametrize("where", ["opens", "records"])
def test_its_bug_in_reading_a_file_costs_that_file(store, tmp_path, entry_point, where):
    entry_point(lambda: Failing(where))
    (tmp_path / "a.jsonl").write_text("[]")
    (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "a.jsonl"])
    assert result.reasons == {"the importer failing failed: KeyError: 'oops'": 1}


def test_its_bug_in_opening_files_costs_none_that_another_format_reads(bring, entry_point):
    entry_point(lambda: Failing("opens"))
    result = bring(lines(chat("q", "a"), "mine"))
    assert (result.imported, result.reasons) == (1, {"the importer failing failed: KeyError: 'oops'": 1})


class Giving:
    """An importer of another package that gives something else than it should."""

    def __init__(self, **gives):
        for name, given in gives.items():
            setattr(self, name, lambda *of, given=given: given)

    def opens(self, file, start):
        return file.path.suffix == ".foo"

    def read(self, value, source, at):
        raise AssertionError


@pytest.mark.parametrize(
    ("gives", "words"),
    [
        ({"records": [{"foo": 1}]}, "TypeError: it gave {'foo': 1}"),
        ({"records": [Raw(None, 1)]}, "TypeError: it gave Raw"),  # type: ignore[arg-type]
        ({"records": None}, "TypeError: 'NoneType' object is not iterable"),
        ({"batches": [{"x": 1}]}, "TypeError: it gave {'x': 1}"),
        ({"batches": [Read(["x"], [], 1)]}, "TypeError: it gave Read"),  # type: ignore[list-item]
    ],
)
def test_what_is_no_record_costs_that_file(store, tmp_path, entry_point, gives, words):
    entry_point(lambda: Giving(**gives))
    (tmp_path / "x.foo").write_text("x")
    (tmp_path / "y.jsonl").write_text(lines(chat("q", "a")))
    bad, good = import_paths(InteractionLogger(store.root), store, [tmp_path / "x.foo", tmp_path / "y.jsonl"])
    (reason,) = bad.reasons
    assert reason.startswith(f"the importer failing failed: {words}")
    assert good.imported == 1


def test_a_session_may_be_named_by_anything(bring, entry_point):
    entry_point(lambda: Giving(recognises=True, session_of=["a"]))
    assert bring(lines(chat("q", "a"), '"mine"', '"mine"')).read == 2


def test_the_example_of_the_documentation_works(store, tmp_path, entry_point):
    text = (Path(__file__).parents[2] / "docs" / "importers.md").read_text()
    module = ModuleType("desk")
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], module.__dict__)
    entry_point(lambda: module, "desk")
    tickets = [{"ticket": 7, "asked": "q", "answered": "a"}, {"ticket": 8}]
    (tmp_path / "tickets.jsonl").write_text(lines(*tickets))
    (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path])
    assert (result.format, result.imported, result.reasons) == ("desk", 1, {"a ticket without a question": 1})


def test_its_bug_in_looking_at_a_folder_is_one_line(store, tmp_path, entry_point):
    entry_point(lambda: Failing("connects"))
    with pytest.raises(SourceUnreadable, match="the importer failing failed"):
        import_paths(InteractionLogger(store.root), store, [tmp_path])


@pytest.mark.parametrize("gave", [[], [Unusable("all of it is lost")]])
def test_a_record_of_which_it_gives_nothing_is_no_duplicate(bring, entry_point, gave):
    importer = SimpleNamespace(recognises=lambda value: value == "mine", read=lambda value, source, at: gave)
    entry_point(lambda: importer)
    result = bring(lines('"mine"', chat("q", "a")))
    assert (result.read, result.imported, result.duplicate, result.quarantined) == (2, 1, 0, 1)


def test_a_format_that_reads_nothing_is_refused(bring, entry_point):
    entry_point(lambda: SimpleNamespace(recognises=lambda value: True))
    with pytest.raises(SettingsInvalid, match="cannot be loaded: it has neither read nor batches"):
        bring("{}")


def broken():
    raise ImportError("no module named x")


def leaving():
    raise SystemExit("no licence")


@pytest.mark.parametrize(
    ("name", "load", "words"),
    [
        ("leaving", leaving, "the importer leaving of the package vibe-failing cannot be loaded: no licence"),
        ("broken", broken, "the importer broken of the package vibe-failing cannot be loaded: no module named x"),
        ("document", Failing, "the importer document of the package vibe-failing has a name that is taken"),
        ("auto", Failing, "the importer auto of the package vibe-failing has a name that is taken"),
    ],
)
def test_a_format_that_cannot_be_used_is_named_with_its_package(bring, entry_point, name, load, words):
    entry_point(load, name)
    with pytest.raises(SettingsInvalid, match=rf"{words}\..* remove vibe-failing"):
        bring(lines(chat("q", "a")))
