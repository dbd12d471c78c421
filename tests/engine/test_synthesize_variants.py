"""Faster variants: each rewriting on its shape, what it must leave alone, and what was measured of both."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.engine.pure_functions import behaviour
from vibe_pipeline.interactions.synthesize.functions import Function
from vibe_pipeline.interactions.synthesize.functions.outcomes import raced
from vibe_pipeline.interactions.synthesize.functions.rewriting import rewritings
from vibe_pipeline.interactions.synthesize.functions.rows import row_of_variant
from vibe_pipeline.interactions.synthesize.functions.variants import variant_of
from vibe_pipeline.sandbox import Limits

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def function(code: str, **known) -> Function:
    return Function(**{"module": "m", "name": "f", "written": "m.f", "code": code, **known})


REWRITTEN = {
    "gathering loop": (
        "def f(xs):\n    out = []\n    for x in xs:\n        if x > 1:\n            out.append(x * 2)\n    return out",
        "out = [x * 2 for x in xs if x > 1]",
    ),
    "searched set": (
        "def f(xs, ys):\n    n = 0\n    for x in xs:\n        if x in ys:\n            n += 1\n    return n",
        "ys_set = set(ys)",
    ),
    "remembered recursion": ("def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)", "@cache\ndef f"),
    "compiled once": (
        "import re\n\ndef f(text):\n    return re.sub('a+', '', text)",
        "PATTERN = re.compile('a+')",
    ),
    "no lambda": ("def f(xs):\n    return list(filter(lambda x: x > 1, xs))", "[x for x in xs if x > 1]"),
    "min or max": ("def f(xs):\n    return sorted(xs)[-1]", "max(xs)"),
    "direct iteration": (
        "def f(xs):\n    n = 0\n    for i in range(len(xs)):\n        n += xs[i]\n    return n",
        "for item in xs:",
    ),
    "queue": (
        "def f(n):\n    q = [n]\n    seen = 0\n    while q:\n        x = q.pop(0)\n        seen += x\n"
        "        if x > 1:\n            q.append(x // 2)\n    return seen",
        "q.popleft()",
    ),
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_every_rewriting_applies_to_its_shape_and_means_the_same(name):
    code, wanted = REWRITTEN[name]
    changed = dict(rewritings(code))[name]
    assert wanted in changed
    inputs = [(), (1,), (7,), ([],), ([3, 1, 2],), ([3, 1], [1, 2]), ("banana",)]
    for before, after in zip(behaviour(code, inputs), behaviour(changed, inputs), strict=True):
        assert before[0] == "raised" or after == before


@pytest.mark.parametrize(
    "code",
    [
        "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x)\n    return out, x",
        "def f(xs):\n    out = []\n    for x in xs:\n        out.append(len(out))\n    return out",
        "def f(xs, ys):\n    for x in xs:\n        if x not in ys:\n            ys.append(x)\n    return ys",
        "def f(xs):\n    for i in range(len(xs)):\n        xs[i] = 0\n    return xs",
        "def f(xs):\n    n = 0\n    for i in range(len(xs)):\n        n = xs[i] * n + i\n    return n",
        "def f():\n    q = [1]\n    q.pop(0)\n    return q",
        "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x)\n    else:\n        out = 1\n    return out",
        "def f(xs):\n    yield from sorted(xs)",
    ],
)
def test_what_a_rewriting_would_change_is_left_alone(code):
    assert rewritings(code) == []


def test_a_race_forgets_what_was_remembered_and_drops_who_behaves_otherwise():
    slow = "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)"
    cached = f"from functools import cache\n\n@cache\n{slow}"
    wrong = "def f(n):\n    return n"
    inputs = [((n,), {}) for n in (3, 12, 14)]
    before, after, other, broken = raced([slow, cached, wrong, "def f(:"], "f", inputs, Limits(), runs=3)
    assert (other, broken) == (None, None)
    assert min(before) > 2 * min(after) > 0


LISTS = """def f(n):
    if n <= 0:
        return {first}
    return {rest}"""


@pytest.mark.parametrize(
    "code",
    [
        LISTS.format(first='[""]', rest='["0" + it for it in f(n - 1)] + ["1" + it for it in f(n - 1)]'),
        LISTS.format(first="(0, [])", rest="(len(f(n - 1)[1]) + len(f(n - 2)[1]), [n])"),
        LISTS.format(first="0", rest="[n] if n > 99 else f(n - 1) + f(n - 2) + 1"),
        LISTS.format(first="n", rest="print(n) or f(n - 1) + f(n - 2)"),
    ],
)
def test_what_callers_could_change_or_what_is_printed_is_not_remembered(code):
    cached = dict(rewritings(code))["remembered recursion"]
    before, after = raced([code, cached], "f", [((n,), {}) for n in (1, 2, 5, 9, 100)], Limits(), runs=1)
    assert before
    assert after is None


@pytest.mark.parametrize("first", ["1.5", "'a'", "b'a'", "('a', (1,))"])
def test_what_nobody_can_change_is_remembered(first):
    code = LISTS.format(first=first, rest="(f(n - 1), f(n - 2))[1]")
    cached = dict(rewritings(code))["remembered recursion"]
    assert all(raced([code, cached], "f", [((n,), {}) for n in (1, 2, 5)], Limits(), runs=1))


def test_a_variant_was_measured_on_the_same_results():
    code = REWRITTEN["remembered recursion"][0]
    found = variant_of(function(code, calls=(((5,), {}), ((12,), {}))), 0, Limits())
    assert found is not None
    assert found.seconds_before > 1.2 * found.seconds_after
    row = row_of_variant(found, NOW)
    assert (row.action, row.input, row.output, row.success) == ("optimize", code, found.code, True)
    assert row.extra.keys() == {"rewriting", "seconds_before", "seconds_after", "runs"}


def test_a_variant_that_fails_the_logged_tests_is_none():
    code = REWRITTEN["remembered recursion"][0]
    tests = "assert not hasattr(f, 'cache_info')"
    assert variant_of(function(code, calls=(((5,), {}), ((12,), {})), tests=tests), 0, Limits()) is None


CHEAPEST = """def f(prices):
    try:
        return sorted(prices)[0]
    except IndexError:
        return None"""


@pytest.mark.parametrize("seed", range(3))
def test_code_that_does_otherwise_on_nothing_is_no_variant(seed):
    calls = (([3, 1, 2],), {}), (([5, 4],), {})
    assert variant_of(function(CHEAPEST, calls=calls), seed, Limits()) is None


def test_a_function_without_a_shape_to_rewrite_is_not_run():
    assert variant_of(function("def f(a):\n    return a"), 0, Limits(seconds=0.0)) is None


def test_what_breaks_the_word_of_its_docstring_gets_no_variant():
    known = {"calls": (((5,), {}), ((12,), {})), "promised": ((((12,), {}), "89"),)}
    assert variant_of(function(REWRITTEN["remembered recursion"][0], **known), 0, Limits()) is None
