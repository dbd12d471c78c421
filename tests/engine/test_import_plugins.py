"""Formats of other packages, found by their entry points."""

from types import SimpleNamespace

import pytest

from tests.engine.importing import chat, lines
from vibe_pipeline.errors import SettingsInvalid, SourceUnreadable
from vibe_pipeline.interactions.importers import formats, import_paths
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger


class Failing:
    """An importer of another package, with a bug in one of its functions."""

    def __init__(self, where="read"):
        self.where = where

    def fail(self, where):
        if self.where == where:
            raise KeyError("oops")

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


@pytest.mark.parametrize("where", ["opens", "records"])
def test_its_bug_in_reading_a_file_costs_that_file(store, tmp_path, entry_point, where):
    entry_point(lambda: Failing(where))
    (tmp_path / "a.jsonl").write_text("[]")
    (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "a.jsonl"])
    assert result.reasons == {"the importer failing failed: KeyError: 'oops'": 1}


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


@pytest.mark.parametrize(
    ("name", "load", "words"),
    [
        ("broken", broken, "the importer broken of the package vibe-failing cannot be loaded: no module named x"),
        ("document", Failing, "the importer document of the package vibe-failing has a name that is taken"),
        ("auto", Failing, "the importer auto of the package vibe-failing has a name that is taken"),
    ],
)
def test_a_format_that_cannot_be_used_is_named_with_its_package(bring, entry_point, name, load, words):
    entry_point(load, name)
    with pytest.raises(SettingsInvalid, match=rf"{words}\..* remove vibe-failing"):
        bring(lines(chat("q", "a")))
