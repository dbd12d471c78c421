"""Functions cut out of packages and logs, what they do on generated inputs, and their tests."""

from __future__ import annotations

import ast
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.interactions.synthesize.functions import Function, call_text, generated_tests
from vibe_pipeline.interactions.synthesize.functions.arguments import MAX_TEXT, edges, enlarged, inputs_of
from vibe_pipeline.interactions.synthesize.functions.calls import calls_in, calls_in_docstring, promises_in_docstring
from vibe_pipeline.interactions.synthesize.functions.generated_tests import with_tests
from vibe_pipeline.interactions.synthesize.functions.logged import function_in, python_in, without_namesakes
from vibe_pipeline.interactions.synthesize.functions.outcomes import fitting, judged, keeps_promises, observed
from vibe_pipeline.interactions.synthesize.functions.rows import probes_of_tests, rows_of_tests
from vibe_pipeline.interactions.synthesize.functions.standalone import standalone
from vibe_pipeline.interactions.synthesize.packages import find
from vibe_pipeline.records import Interaction
from vibe_pipeline.sandbox import Limits, run

NOW = datetime(2026, 1, 1, tzinfo=UTC)

MODULE = '''
import math as arithmetic, os
from .other import gone

FACTOR = 2
TWICE = {name: name for name in dir()}

def double(number):
    """Double it.

    >>> double(4)
    8
    """
    return helped(number) * FACTOR

def helped(number: int) -> int:
    return int(arithmetic.floor(number))

def relative(number):
    return gone(number)

def late(number):
    return TWICE[number]

def listing(path):
    return os.listdir(path)

def nothing():
    return 1

FACTOR_TWO = 2
def rebound(a):
    return FACTOR_TWO + a
FACTOR_TWO = 3
'''

CLAMP = """def clamp(number, low, high):
    if number < low:
        return low
    if number > high:
        return high
    return number"""


def function(code: str, **known) -> Function:
    name = next(node.name for node in reversed(ast.parse(code).body) if isinstance(node, ast.FunctionDef))
    return Function(**{"module": "m", "name": name, "written": f"m.{name}", "code": code, **known})


@pytest.fixture(scope="module")
def clamp():
    return generated_tests.tested(
        function(CLAMP, calls=(((5, 0, 3), {}), ((-1, 0, 3), {}), ((2, 0, 3), {}))), 0, Limits()
    )


# where they come from


def test_a_function_is_cut_out_with_what_it_needs_and_left_out_where_that_cannot_be(tmp_path):
    (tmp_path / "numbers_of.py").write_text(MODULE)
    found = {it.name: it for it in standalone([find(str(tmp_path / "numbers_of.py"))], 0)}
    assert found.keys() == {"double", "helped"}
    assert run(f"{found['double'].code}\nprint(double(2.5))").output == "4"
    assert found["double"].calls == (((4,), {}),)
    assert found["double"].written == "numbers_of.double"


def test_calls_with_literals_are_known_inputs_and_others_are_not():
    code = "f(1, [2])\nassert f((3,), key='a') == f(1, [2])\nx.f(-1)\nf(x)\ng(1)\nf(*[1])\nx().f(2)"
    assert calls_in(code, "f") == (((1, [2]), {}), (((3,),), {"key": "a"}), ((-1,), {}))
    docstring = ">>> f(1)\n2\n>>> f(\n... 2)\n3\n>>> f(4)\nTraceback (most recent call last):\nE: x"
    assert calls_in_docstring(docstring, "f") == (((1,), {}), ((2,), {}))
    assert calls_in("no python at all", "f") == ()


def test_a_promise_is_what_a_doctest_says_of_a_call_where_both_are_literals():
    docstring = ">>> f(1)\n2\n>>> m.f([1],\n... key='a')\n{'a': 1}\n>>> f('a')\n"
    others = [
        "f(x)\n3",
        "f(3) + 1\n4",
        "print(f(4))\n5",
        "f(5)\n[1, ...]",
        "f(6)\n<object>",
        "f(7)  # doctest: +SKIP\n8",
    ]
    docstring += "".join(f">>> {it}\n" for it in [*others, "f(8)\nTraceback (most recent call last):\nE: x"])
    assert promises_in_docstring(docstring, "f") == ((((1,), {}), "2"), ((([1],), {"key": "a"}), "{'a': 1}"))


def logged(output: str, **known) -> Interaction:
    told = {
        "conversation_id": "c",
        "turn": 0,
        "occurred_at": NOW,
        "module": "m",
        "action": "generate",
        "input": "do it",
    }
    return Interaction(**{"interaction_id": "i", **told, "output": output, **known})


def test_an_answer_gives_the_function_that_its_tests_call():
    defined = "import math\n\ndef main(x):\n    return other(x)\n\ndef other(x):\n    return math.sqrt(x)\n"
    code = f"{defined}\nprint(main(4))".replace("\n", "\r\n")
    found = function_in(logged(f"Here:\n```python\n{code}\n```\nDone.", extra={"tests": ["assert main(9) == 3", 7]}))
    assert found is not None
    assert (found.name, found.calls, found.tests) == ("main", (((9,), {}), ((4,), {})), "assert main(9) == 3")
    assert "print" not in found.code
    assert run(f"{found.code}\nprint(main(9))").output == "3.0"


@pytest.mark.parametrize(
    "text", ["", "Yes", "42", "It works.", "```\na = 1\n```\n```\nb = 2\n```", "```bash\nls -l\n```"]
)
def test_what_is_no_single_piece_of_code_is_none(text):
    assert python_in(text) is None


def test_functions_of_one_name_are_left_out_unless_they_are_the_same_code():
    codes = [f"def {name}(n):\n    return n {change}" for name, change in (("solve", "+ 1"), ("other", "+ 1"))]
    first, other, again, namesake = map(function, [*codes, codes[0], codes[0].replace("1", "2")])
    assert without_namesakes([first, other, again], [again, other, first]) == [first, other]
    assert without_namesakes([first, other], [first, other, namesake]) == [other]


# inputs


@given(st.integers(0, 99))
def test_mutations_of_known_calls_keep_their_types_and_stay_short(seed):
    calls = (((3, "ab", [1, 2], (True, None), {"k": 1.5}, {"s"}), {"key": 2}),)
    (found,) = inputs_of(function("def f(*a, **k):\n    pass", calls=calls), random.Random(seed), 12)
    assert found[0] == calls[0]
    assert len({repr(it) for it in found}) == len(found) > 6
    for positional, keywords in found:
        assert [type(value) for value in positional] == [int, str, list, tuple, dict, set]
        assert keywords == {"key": 2}
        assert len(repr((positional, keywords))) <= MAX_TEXT


@pytest.mark.parametrize(
    ("parameters", "fits"),
    [
        ("a: int, b: 'str'", lambda a, b: type(a) is int and type(b) is str),
        ("a: list[str], b: int = 1", lambda a: all(type(it) is str for it in a)),
        ("a: typing.Optional[float]", lambda a: type(a) is float),
        ("a: 'dict[str, list[int]] | None'", lambda a: all(type(it) is list for it in a.values())),
        ("a: tuple[int, str], /", lambda a: type(a) is tuple and len(a) == 2),
        ("a: Iterable", lambda a: type(a) is list),
    ],
)
def test_annotations_say_what_to_pass(parameters, fits):
    code = f"def f({parameters}):\n    pass"
    (found,) = inputs_of(function(code), random.Random(0), 8)
    assert len(found) > 2
    assert all(fits(*positional) for positional, _ in found)


def test_a_function_that_says_nothing_is_tried_with_every_type_until_one_fits():
    code = "def f(words, count):\n    return [word.upper() for word in words[:count]]"
    found = fitting(function(code), random.Random(0), 5, Limits())
    assert [(type(words), type(count)) for (words, count), _ in found] == [(list, int)] * 5 or [
        (type(words), type(count)) for (words, count), _ in found
    ] == [(str, int)] * 5


def test_edges_of_the_types_that_are_shown_are_inputs_one_by_one_and_together():
    found = [(*positional, *keywords.values()) for positional, keywords in edges([((5, "ab", [3, 4]), {"key": {1}})])]
    assert found == [
        *((number, "ab", [3, 4], {1}) for number in (0, 1, -1)),
        *((5, text, [3, 4], {1}) for text in ("", "a")),
        *((5, "ab", items, {1}) for items in ([], [3], [0])),
        (5, "ab", [3, 4], set()),
        (0, "", [], set()),
    ]
    assert [it for (it,), _ in edges([((value,), {}) for value in (None, (), {"a": [1]})])] == [None, (), {}, {"a": []}]


def test_a_larger_input_has_the_same_types():
    large, _ = enlarged((("ab", [1, 2], {3}, (4,), 5, True), {}), 10, random.Random(0))
    assert [type(it) for it in large] == [str, list, set, tuple, int, bool]
    assert (len(large[0]), len(large[1]), len(large[3]), large[4]) == (20, 20, 10, 50)


# what they do


def test_only_what_is_seen_twice_the_same_is_an_outcome():
    code = (
        "import random\ncalls = []\n\ndef f(a):\n    print('noise')\n    calls.append(a)\n"
        "    return [a, a * 2, set('xyz'), list(set('abcdef')), random.random(), len(calls), open, 1 / 0][a]"
    )
    code = code.replace("1 / 0", "0")
    seen = observed(function(code), [((a,), {}) for a in range(7)], Limits())
    assert {it.arguments[0][0]: it.result for it in seen} == {0: "0", 1: "2", 2: "{'x', 'y', 'z'}"}


NUMBERED = """import itertools
numbers = itertools.count(1)
def f(prefix):
    return prefix + str(next(numbers))"""
WRONGLY_CACHED = """known = {}
def f(width, height):
    if width not in known:
        known[width] = width * height
    return known[width]"""
COUNTED = """seen = {}
def f(name):
    seen[name] = seen.get(name, 0) + 1
    return seen[name]"""


@pytest.mark.parametrize(
    ("code", "calls", "alike"),
    [
        (NUMBERED, [("a",), ("b",), ("c",)], {}),
        (COUNTED, [("a",), ("b",), ("c",)], {}),
        (WRONGLY_CACHED, [(3, 4), (3, 5), (2, 5)], {(2, 5): "10"}),
    ],
)
def test_what_depends_on_earlier_calls_is_no_outcome(code, calls, alike):
    seen = observed(function(code), [(arguments, {}) for arguments in calls], Limits())
    assert {it.arguments[0]: it.result for it in seen} == alike


def test_an_input_that_never_ends_or_fails_or_is_changed_costs_itself_alone():
    code = "def f(a):\n    while a == [0]:\n        pass\n    return a.pop(0) if a == [1] else len(a) // (len(a) - 2)"
    seen = observed(function(code), [(([0],), {}), (([1],), {}), (([2, 3],), {}), (([4],), {})], Limits())
    assert [(it.arguments, it.result) for it in seen] == [((([4],), {}), "-1")]


def test_tests_pass_or_name_their_error():
    codes = ["def f():\n    return 1", "def f():\n    return 2", "def f(:", "def f():\n    while True: pass"]
    wrong = ["AssertionError", None]
    wanted = [[None, None], wrong, ["SyntaxError"] * 2, ["TooLong"] * 2]
    assert judged(codes, ["assert f() == 1", "assert f() > 0"], Limits()) == wanted


def test_annotations_are_values_in_code_and_in_its_tests():
    code = "def f(a: int):\n    return f.__annotations__['a'] is int"
    assert judged([code], ["assert f(1)", f"{code}\nassert f(1)"], Limits()) == [[None, None]]


def test_a_dataclass_finds_the_module_that_it_is_defined_in():
    code = "from __future__ import annotations\nfrom dataclasses import dataclass\n\n@dataclass\nclass P:\n    x: int"
    assert judged([code], ["assert P(1).x == 1"], Limits()) == [[None]]


def test_tests_that_are_functions_are_called():
    codes = ["def f():\n    return 1", "def f():\n    return 2"]
    tests = ["def test_f():\n    assert f() == 1", "def test_f(given):\n    assert f() == 1"]
    assert judged(codes, tests, Limits()) == [[None, None], ["AssertionError", None]]


# tests


@pytest.mark.parametrize(("value", "keeps"), [("6", True), ("4", False), ("6.0", False)])
def test_a_function_that_breaks_the_word_of_its_docstring_gets_no_tests(tmp_path, value, keeps):
    code = f'def triple(n):\n    """Three times.\n\n    >>> triple(2)\n    {value}\n    """\n    return n * 3\n'
    (tmp_path / "numbers_of.py").write_text(code)
    (of_a_package,) = standalone([find(str(tmp_path / "numbers_of.py"))], 0)
    for function in (of_a_package, function_in(logged(f"```python\n{code}```"))):
        assert (generated_tests.tested(function, 0, Limits()) is not None) == keeps


@pytest.mark.parametrize("body", ["while n:\n        pass", "return 1 / 0", "return triple(n)"])
def test_what_does_not_end_or_fails_gives_nothing_of_what_is_promised(body):
    it = function(f"def triple(n):\n    {body}", promised=((((0,), {}), "0"), (((2,), {}), "6")))
    assert not keeps_promises(it, Limits())


def test_generated_tests_pass_and_catch_faults(clamp):
    assert run(with_tests(CLAMP, clamp.asserts)).worked
    assert clamp.mutants >= clamp.caught > clamp.mutants / 2
    assert len({outcome.result for outcome in clamp.asked}) > 1


def test_what_is_probed_is_logged_nowhere(clamp):
    rows = [*rows_of_tests(clamp, NOW)]
    probes = [*probes_of_tests(clamp, NOW)]
    assert len(probes) == 2
    assert {row.extra["fact"] for row in rows} == {probe.fact for probe in probes}
    for probe, outcome in zip(probes, clamp.held_out, strict=True):
        call = call_text("clamp", outcome.arguments)
        assert (probe.question, probe.answer) == (f"Give the value of m.{call}.", outcome.result)
        assert not [row for row in rows if call in row.input or call in row.output]


def test_a_fault_is_a_failing_run_and_its_fix(clamp):
    failing, working = (row for row in rows_of_tests(clamp, NOW) if row.action == "run")
    assert (failing.turn, working.turn, failing.conversation_id) == (0, 1, working.conversation_id)
    assert (failing.success, working.success, working.error_type) == (False, True, None)
    for row in (failing, working):
        again = run(row.input)
        assert (again.worked, again.output, again.error_type) == (row.success, row.output, row.error_type)


def test_the_same_seed_gives_the_same_tests(clamp):
    again = generated_tests.tested(clamp.function, 0, Limits())
    assert again == clamp


def test_tests_that_fail_in_the_form_that_is_logged_are_none():
    code = "def f(number):\n    return number % 4 if __name__ == 'snippet' else None"
    assert generated_tests.tested(function(code, calls=(((7,), {}), ((9,), {}))), 0, Limits()) is None


def test_a_function_that_prints_has_no_silent_run():
    code = CLAMP.replace("    return number", "    print(number)\n    return number")
    found = generated_tests.tested(function(code, calls=(((5, 0, 3), {}), ((-1, 0, 3), {}))), 0, Limits())
    assert found.caught
    assert found.faulty is None


@pytest.mark.parametrize("code", ["def f(a):\n    return 0", "import random\ndef f(a):\n    return random.random()"])
def test_a_function_that_shows_nothing_gets_no_tests(code):
    assert generated_tests.tested(function(code, calls=(((1,), {}), ((2,), {}))), 0, Limits()) is None


def test_what_is_made_of_a_logged_function_stays_in_its_conversation():
    origin = logged(CLAMP, user="ada", turn=4)
    found = generated_tests.tested(
        function(CLAMP, origin=origin, calls=(((5, 0, 3), {}), ((-1, 0, 3), {}))), 0, Limits()
    )
    rows = [*rows_of_tests(found, NOW)]
    assert {(row.conversation_id, row.user, row.extra["augmented_from"]) for row in rows} == {("c", "ada", "i")}
    assert [(row.turn, row.output == "") for row in rows if row.action == "run"] == [(4, False), (5, True)]
    assert len({row.interaction_id for row in rows}) == len(rows)
