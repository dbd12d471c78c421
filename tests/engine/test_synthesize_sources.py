"""What else is synthesised: documents, examples and tasks; and of all sources together as many as are wanted."""

from __future__ import annotations

import re

import pytest

from tests.engine.counting import only
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.synthesize import synthesize
from vibe_pipeline.interactions.synthesize.mistakes import proven
from vibe_pipeline.interactions.synthesize.pool import successes
from vibe_pipeline.interactions.synthesize.snippets import Snippet
from vibe_pipeline.sandbox import Limits, run

# documents


def test_modules_classes_and_the_readme_are_documents_cut_at_their_headings(counting):
    rows = only(counting, documents=9).interactions
    titles = {row.input for row in rows}
    assert {"counting", "counting > Usage", "counting.Counter", "counting/README.md > Counting > Install"} <= titles
    assert {row.action for row in rows} == {"document"}
    assert len({row.conversation_id for row in rows}) == 3
    usage = next(row for row in rows if row.input == "counting > Usage")
    assert usage.output.startswith("Give :func:`count` what you have")
    assert usage.extra == {"document": "counting", "headings": ["Usage"]}


def test_a_section_of_badges_links_and_pictures_is_none(counting):
    badge = "[![how it is built](https://example.org/built.svg)](https://example.org/builds) "
    picture = '<div align="center"><img src="https://example.org/counting.svg" height="150" alt="Counting"></div>'
    install = "Nothing is needed at all, or see [here](https://example.org) what may be."
    sections = f"# Counting\n\n{picture}\n\n## Sponsors\n\n{3 * badge}\n\n## Install\n\n{install}\n"
    (counting.parent.parent / "README.md").write_text(sections)
    titles = [row.input for row in only(counting, documents=9).interactions if "README" in row.input]
    assert titles == ["counting/README.md > Counting > Install"]


def test_an_installed_distribution_gives_its_long_description():
    rows = synthesize(["httptools"], facts=0, mistakes=0, documents=50).interactions
    assert any(row.input.startswith("httptools/README.md") for row in rows)


# examples and tasks


@pytest.mark.parametrize(
    "code",
    ["print({'a', 'b', 'c', 'd'})", "print(list(set('to be or not'.split())))", "print(hash('text') % 1000)"],
)
def test_what_the_hash_seed_decides_is_proven_by_no_run(code):
    for is_example in (True, False):
        assert proven(Snippet(code, is_example), None, Limits()) is None


def test_what_stays_the_same_under_every_hash_seed_is_proven():
    assert proven(Snippet("print(sorted({'a', 'b'}))", is_example=True), None, Limits()).output == "['a', 'b']"


def test_an_example_is_asked_in_one_direction_and_its_answer_ran():
    rows = only("collections", examples=2).interactions
    conversations = [
        [it for it in rows if it.conversation_id == name] for name in {row.conversation_id for row in rows}
    ]
    assert {tuple(row.action for row in turns) for turns in conversations} == {("ask",), ("generate", "run")}
    for first, *_ in conversations:
        told = first.input.partition("\n\n")[2]
        code, printed = (told, first.output) if first.action == "ask" else (first.output, told)
        assert run(code).output == printed


def test_tasks_need_no_package_and_their_answers_are_computed():
    made = synthesize([], tasks=44)
    assert len({row.input for row in made.interactions}) == len(made.interactions) == 44
    tests = [row.extra["tests"] for row in made.interactions if row.action == "generate"]
    values = [(row.input.partition("\n\n")[2], row.output) for row in made.interactions if row.action == "ask"]
    assert tests
    assert values
    assert run("\n".join([*tests, *(f"assert repr({code}) == {value!r}" for code, value in values)])).worked


def test_a_larger_number_of_tasks_only_adds_and_the_same_seed_gives_the_same():
    few, many = (synthesize([], tasks=count).interactions for count in (5, 30))
    assert [row.interaction_id for row in few] == [row.interaction_id for row in many[:5]]
    assert [row.input for row in synthesize([], tasks=5, seed=1).interactions] != [row.input for row in few]


# as many as are wanted


def test_results_that_are_forgotten_at_once_are_counted_each():
    found = successes(1000, lambda number: (number,), range(1000), lambda *_: None)
    assert sum(1 for _ in found) == 1000


def test_of_those_with_one_key_the_first_is_taken():
    found = successes(3, lambda number: (number,), range(30), lambda *_: None, lambda result: result[0] // 10)
    assert list(found) == [(0,), (10,), (20,)]


@pytest.mark.parametrize(
    ("packages", "amounts", "words"),
    [
        ([], {}, "names no package"),
        ([], {"tasks": -1}, "names no package|below 0"),
        (["os"], {"documents": -1}, "documents = -1"),
        (["os"], {"labels": 1}, "without a log"),
        ([], {"labels": 1}, "without a log"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(packages, amounts, words):
    with pytest.raises(SettingsInvalid, match=words):
        synthesize(packages, **amounts)


def test_synthesising_from_all_sources_twice_gives_the_same_rows(counting):
    wanted = {"documents": 2, "signatures": 2, "examples": 1, "tasks": 3, "tests": 1, "augment": 2}
    first, again = (only(counting, **wanted) for _ in range(2))
    assert [(row.interaction_id, row.output) for row in first.interactions] == [
        (row.interaction_id, row.output) for row in again.interactions
    ]
    assert [it.probe_id for it in first.probes] == [it.probe_id for it in again.probes]
    assert len({row.interaction_id for row in first.interactions}) == len(first.interactions)
    assert not re.search(re.escape(str(counting.parent)), str(first))


def test_as_many_are_augmented_as_were_asked_for_and_the_same_ones_each_time():
    first, again = (synthesize(["os"], facts=20, mistakes=0, augment=30).interactions for _ in range(2))
    assert len({row.extra.get("augmented_from") for row in first} - {None}) == 30
    assert [row.interaction_id for row in first] == [row.interaction_id for row in again]


def test_a_package_whose_stubs_lead_to_another_one_is_read():
    rows = only("attrs", facts=5, signatures=5).interactions
    assert {row.extra["fact"].partition(" of ")[2] or row.extra["fact"] for row in rows}
