"""What else is synthesised: documents, signatures, examples, tasks, and what the log's own code gives."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import pytest

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.fingerprint import is_held_out
from vibe_pipeline.interactions import synthesize as synthesizing
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.synthesize import FromLog, synthesize
from vibe_pipeline.interactions.synthesize.mistakes import proven
from vibe_pipeline.interactions.synthesize.packages import find
from vibe_pipeline.interactions.synthesize.pool import successes
from vibe_pipeline.interactions.synthesize.sandbox import Limits, run
from vibe_pipeline.interactions.synthesize.signatures import signature_facts
from vibe_pipeline.interactions.synthesize.snippets import Snippet
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)

SOURCE = '''
"""Counting of things.

Counting is the first thing that people do with numbers, and the last thing that they forget. This module counts.

Usage
=====

Give :func:`count` what you have, and it tells how much of it there is; nothing else is done here, and nothing printed.
"""

class Counter:
    """A thing that counts and remembers what it has counted before, for as long as it lives; it forgets nothing at all,
    and tells all of it to whoever asks.
    """

    def add(self, thing, /, times=1, *, quietly=False):
        """Count a thing, or several of them."""

def count(things, *more, start=0, **named):
    """Count all things that are given.

    >>> count([1, 2])
    2
    """
    return start + len(things) + len(more)

def opaque(a=object()):
    """Do what nobody can see."""
'''


@pytest.fixture
def counting(tmp_path):
    (tmp_path / "src" / "counting").mkdir(parents=True)
    (tmp_path / "src" / "counting" / "__init__.py").write_text(SOURCE, encoding="utf-8")
    readme = "# Counting\n\nHow to count, for those who never did.\n\n## Install\n\n" + "Nothing is needed at all. " * 8
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    return tmp_path / "src" / "counting"


def only(package, **amounts):
    return synthesize([str(package)], **{"facts": 0, "mistakes": 0, **amounts})


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


def test_an_installed_distribution_gives_its_long_description():
    rows = synthesize(["httptools"], facts=0, mistakes=0, documents=50).interactions
    assert any(row.input.startswith("httptools/README.md") for row in rows)


# signatures


def test_signatures_are_asked_as_a_caller_types_them(counting):
    found = {fact.fact: fact.answer for fact in signature_facts([find(str(counting))], limit=99, seed=0)}
    assert found == {
        "signature of counting.count": "counting.count(things, *more, start=0, **named)",
        "parameters of counting.count": "things, more, start, named",
        "default of counting.count, start": "0",
        "signature of counting.Counter.add": "counting.Counter.add(thing, /, times=1, *, quietly=False)",
        "parameters of counting.Counter.add": "thing, times, quietly",
        "default of counting.Counter.add, times": "1",
        "default of counting.Counter.add, quietly": "False",
        "parameters of counting.opaque": "a",
    }


ODD = """
import functools
from contextlib import contextmanager
from functools import partial, wraps

LIMIT = 3

if LIMIT > 3:
    def chosen(a, b=1): ...
else:
    def chosen(a): ...

try:
    from fast import quick
except ImportError:
    def quick(a): ...

def bound_anew(a, b=1): ...
bound_anew = partial(bound_anew, 1)

def wrapper(function):
    def inner(*given): ...
    return inner

@wrapper
def wrapped(a, b=1): ...

@functools.partial(partial, b=2)
def given(a, b=1): ...

@wraps(wrapped)
def posing(*given): ...

class Twice:
    def method(self, a): ...

class Twice:
    def method(self, b): ...

class Once:
    def method(self, a): ...

    def method(self, b): ...

    @wrapper
    def odd(self, a): ...

    @staticmethod
    def static(a): ...

    @classmethod
    def made(cls, a): ...

@contextmanager
def opened(a):
    yield [plain for plain in a]

@functools.lru_cache(maxsize=None)
def cached(a): ...

def plain(a): ...
"""


DEFAULTS = """
import math, sys
from other import *
_ALIGN = "default"
LIMIT = -3
SHIFTED = 1 << 4
TWICE = 1
TWICE += 1
ITEMS = []
HERE = 1 if sys.platform == "linux" else 2
if sys.platform == "linux":
    AT_TIMES = 1

def named(align=_ALIGN, *, limit=LIMIT): ...
def plain(a=-1, b=(1, -2.5), c={}, d=b"x", e=None): ...
def one(a=SHIFTED): ...
def two(a=1, b=TWICE): ...
def three(a=ITEMS): ...
def four(a=HERE): ...
def five(a=math.pi): ...
def six(a=AT_TIMES): ...
def seven(a=...): ...
class Box:
    SIZE = 3
    def held(self, size=SIZE, align=_ALIGN): ...
"""


def test_a_default_is_asked_where_it_is_a_value_and_by_its_value(tmp_path):
    (tmp_path / "given.py").write_text(DEFAULTS.replace("from other import *\n", ""), encoding="utf-8")
    found = {it.fact: it.answer for it in signature_facts([find(str(tmp_path / "given.py"))], limit=99, seed=0)}
    assert {fact.removeprefix("default of given."): answer for fact, answer in found.items() if "default" in fact} == {
        "named, align": "'default'",
        "named, limit": "-3",
        "plain, a": "-1",
        "plain, b": "(1, -2.5)",
        "plain, c": "{}",
        "plain, d": "b'x'",
        "plain, e": "None",
        "two, a": "1",
        "Box.held, align": "'default'",
    }
    assert found["signature of given.named"] == "given.named(align='default', *, limit=-3)"
    assert "signature of given.two" not in found
    assert found["parameters of given.two"] == "a, b"


def test_a_name_that_a_star_import_may_bind_anew_is_no_value(tmp_path):
    (tmp_path / "given.py").write_text(DEFAULTS, encoding="utf-8")
    found = {it.fact for it in signature_facts([find(str(tmp_path / "given.py"))], limit=99, seed=0)}
    assert "default of given.plain, a" in found
    assert "default of given.named, align" not in found


def test_a_signature_that_may_be_another_when_it_runs_is_no_fact(tmp_path):
    (tmp_path / "odd.py").write_text(ODD, encoding="utf-8")
    found = signature_facts([find(str(tmp_path / "odd.py"))], limit=99, seed=0)
    names = {fact.fact.partition("signature of ")[2] for fact in found} - {""}
    assert names == {f"odd.{name}" for name in ("wrapper", "Once.static", "Once.made", "opened", "cached", "plain")}


@pytest.mark.parametrize("package", ["math", "shutil", "json", "pathlib"])
def test_the_standard_library_still_has_facts_of_signatures(package):
    assert len(signature_facts([find(package)], limit=4, seed=0)) == 4


def test_every_fact_of_a_signature_is_asked_twice_and_probed_in_a_third_wording(counting):
    made = only(counting, signatures=4)
    asked = Counter(row.extra["fact"] for row in made.interactions)
    assert asked == {probe.fact: 2 for probe in made.probes}
    assert len(made.probes) == 4
    assert not {probe.question for probe in made.probes} & {row.input for row in made.interactions}


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


# the log


@pytest.fixture(scope="module")
def from_log(tmp_path_factory):
    store, settings = Store(tmp_path_factory.mktemp("home")), Curate()
    logger = InteractionLogger(store.root)
    names = [f"talk {number}" for number in range(16)]
    held_out = [name for name in names if is_held_out(name, settings.salt, settings.held_out)]
    for name in names:
        told = {"module": "m", "conversation_id": name, "user": "ada"}
        code = f"def add_{name[5:]}(a, b=1):\n    return a + b\n\nadd_{name[5:]}(1, 2)"
        logger.log(
            **told, action="generate", input=f"Write a function to add {name}.", output=code, interaction_id=name
        )
        logger.log(**told, action="ask", input="What does it do?", output="It adds.")
    disliked = logger.log(module="m", action="ask", input="What does bad do?", output="Nothing.", feedback=-1)
    logger.close()
    seal(store, settings)
    return FromLog(store, settings), set(held_out), disliked


def test_held_out_conversations_are_left_alone_but_for_labels(from_log):
    log, held_out, _ = from_log
    assert held_out
    assert {row.conversation_id for row in log.with_code(99, 0)} & held_out == set()
    assert {row.conversation_id for row in log.to_augment(99, 0)} & held_out == set()
    assert {row.interaction_id for row in log.to_label(99, 0)} >= held_out


def test_what_was_disliked_is_not_augmented(from_log):
    log, _, disliked = from_log
    assert disliked not in {row.interaction_id for row in log.to_augment(99, 0)}


def test_a_log_gives_labels_tests_and_augmentations_of_its_own_code(from_log):
    log, held_out, _ = from_log
    made = synthesize([], log=log, labels=3, tests=1, augment=2)
    labels = [row for row in made.interactions if "labels" in row.extra]
    others = [row for row in made.interactions if "augmented_from" in row.extra]
    assert (len(labels), len(others) + len(labels)) == (3, len(made.interactions))
    assert all(row.success for row in labels)
    assert {row.user for row in made.interactions} == {"ada"}
    assert {row.conversation_id for row in others} & held_out == set()
    assert made.probes
    written(log, made)
    assert {row.source for row in log.to_augment(99, 0)} == {"logger"}


@pytest.mark.parametrize(("bodies", "is_told"), [(["n * 3", "n * 4"], False), (["n * 3", "n * 3"], True)])
def test_functions_of_one_name_get_no_tests_wherever_in_the_log_they_are(tmp_path, monkeypatch, bodies, is_told):
    store, settings = Store(tmp_path), Curate(held_out=0.0)
    logger = InteractionLogger(store.root)
    for body in bodies:
        code = f"def solve(n):\n    return {body}\n\nsolve(2)\nsolve(3)"
        logger.log(module="m", action="generate", input="Solve it.", output=code)
    logger.close()
    seal(store, settings)
    monkeypatch.setattr(synthesizing, "CANDIDATES", 1)
    assert bool(synthesize([], log=FromLog(store, settings), tests=1).probes) == is_told


def written(log, made):
    """What was made is in the log afterwards, and no turn of what people said."""
    InteractionLogger(log.store.root, source="synthesize").log_many(made.interactions, made.probes)
    seal(log.store, log.settings)


def test_a_number_of_labels_is_that_of_all_and_a_larger_one_only_adds(from_log):
    log, *_ = from_log
    given = []
    for number in (4, 4, 7):
        made = synthesize([], log=log, labels=number)
        given.append({row.interaction_id for row in made.interactions})
        written(log, made)
    assert [len(rows) for rows in given] == [4, 4, 7]
    assert given[0] == given[1] < given[2]


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


def test_code_that_failed_gets_no_tests_and_what_somebody_vouched_for_no_label(tmp_path):
    store, settings = Store(tmp_path), Curate(held_out=0.0)
    logger = InteractionLogger(store.root)
    code = "def third(n):\n    return n // 2"
    for name, told in {"plain": {}, "liked": {"feedback": 1.0}, "passed": {"extra": {"tests": "passed"}}}.items():
        logger.log(module="m", action="generate", input="q", output=code, interaction_id=name, **told)
    logger.log(module="m", action="generate", input="q", output=code, interaction_id="failed", conversation_id="c")
    failing = f"{code}\n\nassert third(9) == 3"
    logger.log(module="m", action="run", input=failing, output="-", success=False, conversation_id="c")
    logger.close()
    seal(store, settings)
    log = FromLog(store, settings)
    assert {row.interaction_id for row in log.with_code(9, 0)} == {"plain", "liked", "passed"}
    assert {row.interaction_id for row in log.to_label(9, 0)} == {"plain", "failed"}
