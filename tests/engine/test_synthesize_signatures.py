"""Signatures and defaults as facts: asked as a caller types them, and only where they hold when the code runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.engine.counting import only
from vibe_pipeline.interactions.synthesize.packages import find
from vibe_pipeline.interactions.synthesize.signatures import signature_facts


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


def given(folder: Path, source: str) -> dict[str, str]:
    """The facts of a module `given` with this source, each with its answer."""
    (folder / "given.py").write_text(source, encoding="utf-8")
    return {it.fact: it.answer for it in signature_facts([find(str(folder / "given.py"))], limit=99, seed=0)}


def test_a_default_is_asked_where_it_is_a_value_and_by_its_value(tmp_path):
    found = given(tmp_path, DEFAULTS.replace("from other import *\n", ""))
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
    found = given(tmp_path, DEFAULTS)
    assert "default of given.plain, a" in found
    assert "default of given.named, align" not in found


def test_a_signature_that_may_be_another_when_it_runs_is_no_fact(tmp_path):
    (tmp_path / "odd.py").write_text(ODD, encoding="utf-8")
    found = signature_facts([find(str(tmp_path / "odd.py"))], limit=99, seed=0)
    names = {fact.fact.partition("signature of ")[2] for fact in found} - {""}
    assert names == {f"odd.{name}" for name in ("wrapper", "Once.static", "Once.made", "opened", "cached", "plain")}


METHODS = """
class Box:
    def this(this, a): ...
    def uses(self, a, cls): ...
    def starred(*args, a): ...
    def mangled(self, __a, b=1): ...
    @staticmethod
    def static(self, a): ...
    @classmethod
    def made(klass, a): ...
def free(self, cls, __a): ...
"""


def test_of_a_method_its_first_parameter_is_no_callers_and_no_other(tmp_path):
    found = given(tmp_path, METHODS)
    assert {fact.removeprefix("parameters of given."): said for fact, said in found.items() if "para" in fact} == {
        "Box.this": "a",
        "Box.uses": "a, cls",
        "Box.starred": "args, a",
        "Box.static": "self, a",
        "Box.made": "a",
        "free": "self, cls, __a",
    }
    assert not [fact for fact in found if "mangled" in fact]


@pytest.mark.parametrize(("name", "told"), [("itertools.chain.from_iterable", "iterable"), ("array.array.append", "v")])
def test_c_code_tells_what_it_takes(name, told):
    found = {it.fact: it.answer for it in signature_facts([find(name.partition(".")[0])], limit=999, seed=0)}
    assert found[f"parameters of {name}"] == told


@pytest.mark.parametrize("package", ["math", "shutil", "json", "pathlib"])
def test_the_standard_library_still_has_facts_of_signatures(package):
    assert len(signature_facts([find(package)], limit=4, seed=0)) == 4


def test_every_fact_of_a_signature_is_asked_twice_and_probed_in_a_third_wording(counting):
    made = only(counting, signatures=4)
    asked = Counter(row.extra["fact"] for row in made.interactions)
    assert asked == {probe.fact: 2 for probe in made.probes}
    assert len(made.probes) == 4
    assert not {probe.question for probe in made.probes} & {row.input for row in made.interactions}
