"""Synthesising from a tiny package on disk and from the standard library: what is taken, what is left, what repeats."""

from __future__ import annotations

import importlib.abc
import importlib.util
import logging
import random
import re
import sys

import pytest

from vibe_pipeline.errors import SettingsInvalid, SourceUnreadable
from vibe_pipeline.interactions.synthesize import synthesize
from vibe_pipeline.interactions.synthesize.documentation import PROBE_WORDINGS, WORDINGS
from vibe_pipeline.interactions.synthesize.mistakes import pairs_of
from vibe_pipeline.interactions.synthesize.mutations import MISTAKES, mutations
from vibe_pipeline.interactions.synthesize.packages import find
from vibe_pipeline.sandbox import Limits, run

FILES = {
    "__init__.py": """
from .plain import add, add_again
from ._hidden import gathered, _secret
""",
    "plain.py": '''
"""Adding."""
import os

def add(left, right=1):
    """Add two whole numbers.

    >>> add(2, 3)
    5
    """
    return left + right

add_again = add

def _private():
    """Return what nobody outside may see."""

def undocumented():
    return os.name
''',
    "styles.py": '''
def rest(path):
    """Read ``path`` with :func:`os.path.join` and a `cache`.

    :param path: what to read
    """

def google(path):
    """Count the lines of a file.

    Args:
        path: The file.
    """

def numpy(path):
    """
    Sort the lines of a file
    by their length.

    Parameters
    ----------
    path : str
    """

def long(path):
    """Do a great many things one after the other, in an order that this sentence takes far too long to tell anybody."""

def same(path):
    """Count the lines of a file."""

def old(path):
    """Deprecated: read the file in the old way."""

class Reader:
    """A reader that remembers its place."""

    def skip(self, lines):
        """Skip that many lines."""

    def _rewind(self):
        """Go back to the first line."""
''',
    "_hidden.py": '''
def gathered(words):
    """Join all words with commas."""

def _secret():
    """Return what must stay hidden."""
''',
    "broken.py": "def broken(:\n",
}

ANSWERS = {
    "abacus.add": "Add two whole numbers.",
    "abacus.gathered": "Join all words with commas.",
    "abacus.styles.rest": "Read path with os.path.join and a cache.",
    "abacus.styles.google": "Count the lines of a file.",
    "abacus.styles.numpy": "Sort the lines of a file by their length.",
    "abacus.styles.Reader": "A reader that remembers its place.",
    "abacus.styles.Reader.skip": "Skip that many lines.",
}


@pytest.fixture
def abacus(tmp_path):
    folder = tmp_path / "abacus"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def shutil_synthesis():
    return synthesize(["shutil", "os.path"], facts=30, mistakes=12)


def answers(synthesis):
    return {probe.fact: probe.answer for probe in synthesis.probes}


def test_a_source_folder_gives_each_public_sentence_once_and_leaves_the_rest(abacus):
    found = answers(synthesize([str(abacus)], mistakes=0))
    # Of `google` and `same`, which say the same, either may stay.
    if "abacus.styles.same" in found:
        found["abacus.styles.google"] = found.pop("abacus.styles.same")
    assert found == ANSWERS


def test_a_broken_file_is_skipped_with_a_word_and_without_a_path_of_this_machine(abacus, caplog):
    with caplog.at_level(logging.WARNING):
        synthesize([str(abacus)], mistakes=0)
    words = [record.getMessage() for record in caplog.records]
    assert len(words) == 1
    assert "abacus/broken.py, line 1" in words[0]
    assert str(abacus.parent) not in words[0]


def test_reading_a_source_folder_executes_nothing(abacus):
    (abacus / "plain.py").write_text('raise SystemExit(3)\n\ndef add(a, b):\n    """Add two whole numbers."""\n')
    assert "abacus.add" in answers(synthesize([str(abacus)], mistakes=0))
    assert "abacus" not in sys.modules


def test_a_single_file_and_a_folder_of_files_are_named_as_their_user_would_import_them(abacus, tmp_path):
    styles = answers(synthesize([str(abacus / "styles.py")], mistakes=0))
    assert styles["abacus.styles.rest"] == ANSWERS["abacus.styles.rest"]
    (tmp_path / "alone.py").write_text((abacus / "styles.py").read_text())
    alone = answers(synthesize([str(tmp_path / "alone.py")], mistakes=0))
    assert alone["alone.rest"] == ANSWERS["abacus.styles.rest"]
    (tmp_path / "alone.py").unlink()
    assert set(answers(synthesize([str(tmp_path)], mistakes=0))) == set(answers(synthesize([str(abacus)], mistakes=0)))


def test_an_editable_install_that_only_the_import_system_knows_is_found(abacus, monkeypatch):
    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            return importlib.util.spec_from_file_location(name, abacus / "__init__.py") if name == "abacus" else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert "abacus.add" in answers(synthesize(["abacus"], mistakes=0))


def test_all_names_the_public_ones(abacus):
    (abacus / "__init__.py").write_text("from ._hidden import gathered\n__all__ = ['gathered']\n")
    found = answers(synthesize([str(abacus)], mistakes=0))
    assert "abacus.gathered" in found
    assert "abacus.plain.add" in found
    assert "abacus.add" not in found


def test_names_of_the_standard_library_are_those_a_user_writes():
    found = answers(synthesize(["shutil", "os"], mistakes=0))
    assert found["os.path.isabs"] == "Test whether a path is absolute."
    assert found["shutil.copymode"] == "Copy mode bits from src to dst."
    assert "os.rename" in found
    assert not any(name.startswith(("posix", "genericpath", "nt")) for name in found)
    assert "os.startfile" not in found or sys.platform == "win32"


@pytest.mark.parametrize("package", ["math", "zlib", "socket"])
def test_modules_written_in_c_have_facts(package):
    assert len(synthesize([package], facts=5, mistakes=0).probes) == 5


def test_every_fact_is_logged_in_two_wordings_and_probed_in_a_third(shutil_synthesis):
    asked = [one for one in shutil_synthesis.interactions if one.action == "ask"]
    logged = {one.input for one in asked}
    assert len(asked) == len(logged) == 2 * len(shutil_synthesis.probes) == 60
    assert len({one.conversation_id for one in asked}) == 60
    for probe in shutil_synthesis.probes:
        assert probe.question == PROBE_WORDINGS[0].format(name=probe.fact)
        assert {one.output for one in asked if one.extra["fact"] == probe.fact} == {probe.answer}


def test_the_wording_of_a_probe_is_never_logged(shutil_synthesis):
    openings = {text.split("{name}")[0].strip() for text in WORDINGS.values()}
    assert not openings & {text.split("{name}")[0].strip() for text in PROBE_WORDINGS}
    texts = [text for one in shutil_synthesis.interactions for text in (one.input, one.output)]
    assert not any(probe.question in text for probe in shutil_synthesis.probes for text in texts)


def test_no_two_facts_share_an_answer_and_every_answer_is_one_short_sentence(shutil_synthesis):
    found = list(answers(shutil_synthesis).values())
    assert len(set(found)) == len(found)
    assert all(3 <= len(answer.split()) <= 16 and answer[-1] in ".!" and "\n" not in answer for answer in found)


def test_synthesising_twice_gives_the_same_ids_and_texts_in_the_same_order(shutil_synthesis):
    again = synthesize(["shutil", "os.path"], facts=30, mistakes=12)
    first = [(one.interaction_id, one.input, one.output) for one in shutil_synthesis.interactions]
    assert [(one.interaction_id, one.input, one.output) for one in again.interactions] == first
    assert [probe.probe_id for probe in again.probes] == [probe.probe_id for probe in shutil_synthesis.probes]
    assert len({identity for identity, _, _ in first}) == len(first)


def test_a_larger_limit_only_adds_and_another_seed_chooses_others():
    few = answers(synthesize(["os"], facts=10, mistakes=0))
    assert few.items() <= answers(synthesize(["os"], facts=20, mistakes=0)).items()
    assert few != answers(synthesize(["os"], facts=10, mistakes=0, seed=1))


def test_a_changed_docstring_is_a_new_conversation(abacus):
    def question():
        asked = synthesize([str(abacus)], mistakes=0).interactions
        return next(one for one in asked if one.extra == {"fact": "abacus.add", "wording": "A"})

    before = question()
    (abacus / "plain.py").write_text('def add(a, b):\n    """Add two numbers of any kind."""\n')
    after = question()
    assert before.conversation_id != after.conversation_id
    assert before.interaction_id != after.interaction_id


def test_a_mistake_is_a_failing_run_followed_by_a_working_one(shutil_synthesis):
    runs = [one for one in shutil_synthesis.interactions if one.action == "run"]
    failing, working = runs[::2], runs[1::2]
    assert len(failing) == len(working) == 12
    for bad, good in zip(failing, working, strict=True):
        assert (bad.turn, good.turn, bad.conversation_id) == (0, 1, good.conversation_id)
        assert (bad.success, good.success, good.error_type) == (False, True, None)
        assert bad.error_type
        assert bad.error_type in bad.output.splitlines()[-1]
        assert 'File "snippet.py", line ' in bad.output


def test_mistakes_really_fail_and_fixes_really_work(shutil_synthesis):
    for one in [one for one in shutil_synthesis.interactions if one.action == "run"][:8]:
        again = run(one.input)
        assert (again.worked, again.output) == (one.success, one.output)


def test_mistakes_of_a_package_use_its_own_examples_and_several_kinds_of_error(abacus):
    runs = [one for one in synthesize([str(abacus)], mistakes=9).interactions if one.action == "run"]
    fixed = [one.input for one in runs if one.success]
    assert "from abacus import add\n\nprint(add(2, 3))" in fixed
    assert len({one.error_type for one in runs if not one.success}) >= 2


def test_no_text_tells_of_this_machine(abacus, shutil_synthesis):
    both = (*shutil_synthesis.interactions, *synthesize([str(abacus)], mistakes=9).interactions)
    texts = [text for one in both for text in (one.input, one.output, one.module, str(one.extra))]
    places = [str(abacus.parent), sys.prefix, sys.base_prefix]
    assert not [text for text in texts if any(place in text for place in places)]
    assert not [text for text in texts if re.search(r'File "[^"]*[/\\]', text)]


def test_a_package_that_is_never_imported_is_refused_with_what_helps(tmp_path):
    (tmp_path / "endless.py").write_text("while True:\n    pass\n")
    with pytest.raises(SourceUnreadable, match=r"does not end within 1 seconds\. .*ask for no mistakes"):
        pairs_of([find(str(tmp_path / "endless.py"))], limit=1, seed=0, limits=Limits(seconds=1))


def test_a_folder_that_cannot_be_imported_gives_facts_and_refuses_only_counted_mistakes(abacus):
    (abacus / "plain.py").write_text('import no_such_thing_here\n\ndef add(a, b):\n    """Add two whole numbers."""\n')
    assert "abacus.add" in answers(synthesize([str(abacus)]))
    with pytest.raises(SourceUnreadable, match=r"importing abacus fails: .*no_such_thing_here.*Install what it needs"):
        synthesize([str(abacus)], mistakes=3)


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("no_such_package_anywhere", "is not installed"),
        ("shutil.no_such_module", r"shutil has no no_such_module\. Correct the name, or name shutil"),
        ("json.nope", r"json has no nope\. "),
        ("json.nope.x", r"json has no nope\. "),
        ("json.decoder.nope", r"json\.decoder has no nope\. .*or name json\.decoder"),
        ("os.path.nope", r"os\.path has no nope\. .*or name os\.path"),
        ("./no/such/folder", "does not exist"),
        ("antigravity", "cannot be imported"),
    ],
)
def test_what_cannot_be_found_is_refused_in_a_sentence(package, words):
    with pytest.raises(SourceUnreadable, match=words):
        synthesize([package])


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("os.path.join", "join"),
        ("statistics.fmean", "fmean"),
        ("json.decoder.JSONDecoder.decode", "decode"),
        ("griffe.load", "load"),
    ],
)
def test_a_single_function_is_named_like_a_module(name, fact):
    made = synthesize([name], mistakes=1, signatures=1, facts=1)
    facts = [row for row in made.interactions if "fact" in row.extra]
    assert {row.extra["fact"].rpartition(".")[2].partition(",")[0] for row in facts} >= {fact}
    assert all(name in row.input for row in facts)


@pytest.mark.parametrize("facts", [None, 10])
def test_a_package_that_gives_nothing_at_all_is_refused(tmp_path, facts):
    (tmp_path / "mute.py").write_text("def quiet():\n    return 1\n")
    with pytest.raises(SourceUnreadable, match=r"nothing was made of mute: no public docstring.*ask for signatures"):
        synthesize([str(tmp_path / "mute.py")], facts=facts, mistakes=0, tests=5, signatures=4)


def test_a_package_without_docstrings_gives_what_else_it_has(tmp_path, caplog):
    (tmp_path / "mute.py").write_text("def plus(a: int, b: int):\n    return a + b\n")
    made = synthesize([str(tmp_path / "mute.py")], facts=10, mistakes=0, tests=5, signatures=4)
    assert any("signature of mute.plus" in row.extra.get("fact", "") for row in made.interactions)
    assert any(row.output.startswith("assert plus(") for row in made.interactions)
    assert "no facts from mute" in caplog.text


def test_a_package_without_docstrings_takes_nothing_from_one_beside_it(tmp_path, abacus, caplog):
    (tmp_path / "mute.py").write_text("def quiet():\n    return 1\n")
    assert answers(synthesize([str(abacus), str(tmp_path / "mute.py")], mistakes=0))
    assert "no facts from mute" in caplog.text


def test_a_file_that_is_no_python_is_refused(tmp_path):
    (tmp_path / "torn.py").write_text("def torn(:\n")
    with pytest.raises(SourceUnreadable, match="torn cannot be read"):
        synthesize([str(tmp_path / "torn.py")])


@pytest.mark.parametrize(
    "bad", [{"facts": -1}, {"mistakes": -1}, {"packages": []}, {"packages": [""]}, {"packages": "os"}]
)
def test_values_that_mean_nothing_are_refused(bad):
    with pytest.raises(SettingsInvalid):
        synthesize(**{"packages": ["os"], **bad})


def test_nothing_is_asked_of_a_package_when_both_limits_are_zero():
    synthesis = synthesize(["os"], facts=0, mistakes=0)
    assert synthesis.interactions == synthesis.probes == ()


@pytest.mark.parametrize("kind", MISTAKES)
def test_every_kind_of_mistake_changes_code_it_applies_to(kind):
    printing = "print('n' + str(count), copy2('a', target=count.real), ''.join('b'))"
    code = f"from shutil import copy2\n\ncount = 3\nif count:\n    {printing}"
    assert kind in {name for name, mutated in mutations(code, random.Random(0), 0) if mutated != code}


def test_pairs_are_at_most_one_a_name_and_their_kinds_vary():
    pairs = pairs_of([find("shutil"), find("textwrap")], limit=15, seed=0)
    assert len({pair.failing for pair in pairs}) == 15
    assert len({pair.mistake for pair in pairs}) >= 5
