"""Code under other names, laid out otherwise and with one fault; questions in other words; and what is made of rows."""

from __future__ import annotations

import ast
import itertools
import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.building import learned
from tests.engine.pure_functions import behaviour, functions
from vibe_pipeline.interactions.synthesize.augment import augmented
from vibe_pipeline.interactions.synthesize.augment.layout import LAYOUTS, laid_out
from vibe_pipeline.interactions.synthesize.augment.renaming import renamed
from vibe_pipeline.interactions.synthesize.operators import OPERATORS, mutants
from vibe_pipeline.interactions.synthesize.pool import successes
from vibe_pipeline.progress import nobody
from vibe_pipeline.records import Interaction
from vibe_pipeline.sandbox import Limits, run
from vibe_pipeline.settings import Curate

INPUTS = ((0, 0), (1, 2), (5, 3), (-2, 7))
SEEDS = st.integers(0, 99).map(random.Random)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


# names


@given(functions(), SEEDS)
def test_other_names_keep_what_a_function_does(code, chooser):
    changed = renamed(code, chooser, tests="f(1, 2)")
    assert changed is not None
    assert changed != code
    assert behaviour(changed, INPUTS) == behaviour(code, INPUTS)


@pytest.mark.parametrize(
    "code",
    [
        "def f(key):\n    return sorted([key], key=len)",  # a keyword of somebody else
        "def f(count):\n    # count is what was given\n    return 1",
        'def f(count):\n    """The count."""\n    return count',
        "def f(count):\n    return f'{count=}'",
        "def f(self):\n    return self",
        "def f(count):\n    return locals()",
        "count = 1\ndef f():\n    global count\n    count = 2",
        "def f():\n    try:\n        pass\n    except ValueError as problem:\n        return problem",
        "def f():\n    import os as system\n    return system",
        "class A:\n    count = 1\n    def f(self):\n        return self.count",
        "def f(:\n",
        "def f(list):\n    return list",
        "def f(count):\n    return 'count'",
        "def grow(size=3):\n    return size",
        "def grow(*, size):\n    return size",
        "class A:\n    def __init__(self, size=3):\n        pass",
        "from inspect import signature as told\ndef f(size):\n    return told(f)",
        "def f(size):\n    return f.__code__.co_varnames",
        "def f(size):\n    import builtins\n    return builtins.vars()",
        "def f(size):\n    return getattr(size, 'real')",
        "def f(point):\n    match point:\n        case complex(real=3):\n            real = 1\n            return real",
        "def test_save(tmp_path, monkeypatch):\n    assert tmp_path\n\ntest_save(1, 2)",
        "@receiver(post_save)\ndef saved(sender, instance, created):\n    return instance\n\nsaved(1, 2, 3)",
        "@app.get('/')\nasync def search(query: str, limit: int):\n    return query\n\nsearch('a', 1)",
        "class M:\n    @validator('a')\n    def check(cls, v, values, field):\n        return v",
        "class Est:\n    def __init__(self, alpha, beta):\n        self.a = alpha\n\nEst(1, 2)",
        "class Est:\n    def fit(self, data):\n        return data\n\nEst().fit([1])",
        "def grow(size):\n    return size",
        "def grow(size):\n    return size and grow(size - 1)",
        "def grow(size):\n    return size\n\ndef twice(n=2):\n    return grow(2)",
        "def _grow(size):\n    return size",
        "def _grow(size):\n    return size\n\nprint(list(map(_grow, [1])))",
        "def grow(size):\n    return size\n\nprint(grow(1), grow(**given))",
        "def main(name: str):\n    print(name)\n\nmain('a')\ntyper.run(main)",
        "def make():\n    def inner(size):\n        return size\n    return inner\n\nmake()(1)",
        "grow = lambda size: size\nprint(grow(1))",
        "register('key', lambda url, timeout: url)",
        "def f(h\u00fclle):\n    # the H\u00fclle, that is h\u0075\u0308lle\n    return h\u00fclle\n\nf(1)",
    ],
)
def test_names_that_others_may_know_stay(code):
    assert all(renamed(code, random.Random(seed)) is None for seed in range(5))


@pytest.mark.parametrize(
    "tests",
    ["grow(size=2)", "grow(*given)\ngrow(**given)", "check(grow)", "run(2)", "grow(:", "@given()\ndef grow(): ..."],
)
def test_tests_that_pin_no_call_leave_parameters(tests):
    assert renamed("def grow(size):\n    return size", random.Random(0), tests, tests) is None


@pytest.mark.parametrize(
    ("code", "tests"),
    [
        ("def grow(size):\n    return size", "def test_it():\n    assert grow(3) == 3"),
        ("def grow(size):\n    return size\n\nprint(grow(3))", ""),
        ("def _grow(size=3):\n    return size\n\ndef twice():\n    return _grow(2)", ""),
        ("def make():\n    def inner(size):\n        return size\n    return inner(2)", ""),
        ("def make():\n    size = 2\n    return size", ""),
        ("class A:\n    @property\n    def it(self):\n        size = 2\n        return size", ""),
        ("def f(xs):\n    return [size for size in xs]", ""),
        ("print(sorted([1], key=lambda size: -size))", ""),
    ],
)
def test_names_that_nobody_writes_change_unless_somebody_spoke_of_them(code, tests):
    assert "size" not in renamed(code, random.Random(0), tests=tests)
    assert renamed(code, random.Random(0), "with its sizes", tests) is not None
    assert renamed(code, random.Random(0), "called with `size`, please", tests) is None


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("def f(\ufb01le):\n    return file", "def f({0}):\n    return {0}"),
        ("def f(\u00b5):\n    return \u03bc * 2", "def f({0}):\n    return {0} * 2"),
    ],
)
def test_a_name_is_the_same_however_it_is_written(code, wanted):
    changed = renamed(code, random.Random(0), tests="f(1)")
    assert changed == wanted.format(re.search(r"\((\w+)\)", changed)[1])
    assert changed.isascii()


def test_a_name_that_is_no_single_token_stays():
    assert renamed("def f(l\u00e4nge):\n    return la\u0308nge", random.Random(0), tests="f(1)") is None


def test_a_name_changes_everywhere_it_means_the_same_and_nowhere_else():
    code = "def f(words):\n    return [words.words for é in words if é.words]\n"
    found = {renamed(code, random.Random(seed), tests="f([])") for seed in range(40)}
    assert any(it and "words.words for" not in it and ".words for" in it for it in found)


# layouts


@given(functions(), SEEDS)
def test_another_layout_is_the_same_program(code, chooser):
    for _, changed in laid_out(code, chooser):
        assert changed.strip() != code.strip()
        assert ast.dump(ast.parse(changed)) == ast.dump(ast.parse(code))


def test_every_layout_changes_code_it_applies_to():
    code = "def f(a):\n   # three\n   if a == 'x':\n      return (a +\n  1)\n   return '''\n  kept'''\n"
    plain = code.replace("   # three\n", "")
    found = dict(laid_out(code, random.Random(0))) | dict(laid_out(plain, random.Random(0)))
    assert found.keys() == LAYOUTS.keys()
    assert "\n  kept" in found["tabs"]
    assert '"x"' in found["other quotes"]


# faults


@given(functions(), SEEDS)
def test_a_mutant_differs_from_its_original_in_one_place(code, chooser):
    original = ast.parse(code)
    for name, mutated in itertools.islice(mutants(code, chooser), 8):
        assert name in OPERATORS
        assert differences(original, ast.parse(mutated)) == 1


def differences(one: object, other: object) -> int:
    """Nodes and values of one tree that must be replaced to make the other."""
    if isinstance(one, ast.AST) and type(one) is type(other):
        return sum(differences(getattr(one, name, None), getattr(other, name, None)) for name in one._fields)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return sum(differences(*pair) for pair in zip(one, other, strict=True))
    return int(isinstance(one, ast.AST) or one != other)


@pytest.mark.parametrize(
    ("code", "operator", "wanted"),
    [
        ("def f(a):\n    return a < 1", "comparison", "a >= 1"),
        ("def f(a):\n    return a < 1", "boundary", "a <= 1"),
        ("def f(a):\n    return -a ** 2", "arithmetic", "-(a * 2)"),
        ("def f(a):\n    return 'é' and a or 1", "boolean", "('é' or a) or 1"),
        ("def f(a):\n    return a[1:]", "off by one", "a[2:]"),
        ("def f(a):\n    return a", "return value", "return None"),
        ("def f(a):\n    return a not  in (1,)", "comparison", "a in (1,)"),
        ("def f(a):\n    a += 1\n    return a", "arithmetic", "a -= 1"),
    ],
)
def test_operators_make_the_faults_they_are_named_for(code, operator, wanted):
    assert any(name == operator and wanted in mutated for name, mutated in mutants(code, random.Random(0)))


TESTING = [
    "assert add(1, -2) == -1",
    "total = add(1, -2)\nassert total == -1 and total",
    "def test_add():\n    total = add(1, -2)\n    assert total == -1",
    "async def test_add(given=3):\n    return add(1, 2) == 3",
    "class TestAdd:\n    wanted = 3\n    def test_it(self):\n        assert add(1, 2) == self.wanted",
    "class Adding(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(add(1, 2), 3)",
    "def check(candidate):\n    assert candidate(1, 2) == 3\n\ncheck(add)",
    "def main():\n    for n in range(3):\n        assert add(n, 1) == n + 1\n\nmain()",
    "if __name__ == '__main__':\n    given = 1, 2\n    assert add(*given) == 3",
    "for n in range(3):\n    if add(n, 1) != n + 1:\n        raise AssertionError(n)",
    "with pytest.raises(TypeError):\n    add(1, 2, 3)",
    "np.testing.assert_allclose(add(1, 2), 3)",
]


@pytest.mark.parametrize("tests", TESTING)
def test_a_fault_is_planted_in_code_and_never_in_its_tests(tests):
    code = "def add(a, b):\n    return a + b + 0\n\n\n"
    found = [mutated for _, mutated in mutants(code + tests, random.Random(0))]
    assert found
    assert all(it.endswith(f"\n\n\n{tests}") for it in found)


def test_what_code_asserts_of_its_arguments_is_left_and_the_rest_is_not():
    code = "def half(n):\n    assert n % 2 == 0, n + 1\n    return n // 2\n\nprint(half(4))"
    found = [mutated for _, mutated in mutants(code, random.Random(0))]
    assert all("assert n % 2 == 0, n + 1\n" in it for it in found)
    assert any("half(5)" in it for it in found)
    assert any("n // 3" in it for it in found)


def test_text_that_is_no_python_has_no_mutants():
    assert list(mutants("ls -l | grep x", random.Random(0))) == []


# rows

RAN = Interaction(
    interaction_id="i",
    conversation_id="c",
    turn=3,
    occurred_at=NOW,
    module="m",
    action="run",
    input="def double(number):\n    return 2 * number\n\nassert double(2) == 4\nprint(double(3))",
    output="6",
    success=True,
    user="ada",
)
DOUBLE = RAN.input.partition("\n\n")[0]


def one_of(row: Interaction, augmentation: str) -> tuple[Interaction, ...]:
    later = NOW + timedelta(seconds=1)
    found = (augmented(row, Curate(), later, seed, Limits()) for seed in range(20))
    return next(it for it in found if it and it[0].extra["augmentation"].startswith(augmentation))


def test_a_run_with_a_fault_really_fails_and_is_followed_by_its_fix():
    failing, working = one_of(RAN, "fault")
    assert (run(failing.input).output, failing.success, failing.error_type) == (failing.output, False, "AssertionError")
    assert (working.input, working.output, working.success) == (RAN.input, "6", True)
    assert failing.turn < working.turn


@pytest.mark.parametrize("augmentation", ["layout", "other names"])
def test_a_run_with_other_code_was_run_again(augmentation):
    (row,) = one_of(RAN, augmentation)
    assert row.input != RAN.input
    assert (row.output, row.success) == ("6", True)


def test_what_is_made_says_from_what_and_stays_where_it_was():
    for row in one_of(RAN, "fault"):
        assert (row.extra["augmented_from"], row.conversation_id, row.user) == ("i", "c", "ada")
        assert row.source == "synthesize"
        assert row.interaction_id != "i"


def test_a_run_that_ends_otherwise_here_is_not_augmented():
    shell = replace(RAN, input="ls - l", output="total 0")
    assert [augmented(shell, Curate(), NOW, seed, Limits()) for seed in range(3)] == [None] * 3


def test_a_run_that_prints_what_the_hash_seed_decides_is_not_augmented():
    code = "def shown(text):\n    return list(set(text))\n\nprint(shown('abcdefgh'))"
    one = replace(RAN, input=code, output=run(code).output)
    assert [augmented(one, Curate(), NOW, seed, Limits()) for seed in range(3)] == [None] * 3


def test_code_under_other_names_passes_the_tests_that_were_logged_with_it():
    asked = replace(RAN, action="generate", input="double it", output=DOUBLE)
    wrong = {"tests": "assert double(2) == 5"}
    assert one_of(replace(asked, extra={"tests": ["assert double(2) == 4"]}), "other names")
    found = [augmented(replace(asked, extra=wrong), Curate(), NOW, seed, Limits()) for seed in range(6)]
    assert {it[0].extra["augmentation"].partition(":")[0] for it in found if it} <= {"layout"}


@pytest.mark.parametrize(
    "known",
    [
        {"input": "Write double, whose parameter is number."},
        {"output": f"It doubles number:\n```python\n{DOUBLE}\n```"},
        {"extra": {"tests": "def test_double(given):\n    assert double(number=given)"}},
    ],
)
def test_names_of_the_request_the_answer_and_the_tests_stay(known):
    asked = replace(RAN, **{"action": "generate", "input": "double it", "output": DOUBLE, **known})
    found = [augmented(asked, Curate(), NOW, seed, Limits()) for seed in range(6)]
    assert "other names" not in {it[0].extra["augmentation"] for it in found if it}


def test_a_paraphrase_keeps_answer_and_fact():
    asked = replace(RAN, action="ask", input="What does os.path do?", output="Paths.", extra={"fact": "os.path"})
    (row,) = one_of(asked, "paraphrase")
    assert row.input != asked.input
    assert (row.output, row.extra["fact"]) == ("Paths.", "os.path")


def test_a_paraphrase_is_no_turn_of_the_conversation_that_it_stays_in():
    asked = replace(RAN, action="ask", input="What does os.path do?", output="Paths.", turn=0)
    (row,) = one_of(asked, "paraphrase")
    examples = learned("conversation", asked, row)
    assert {(it["prompt"], it["completion"]) for it in examples} == {(asked.input, "Paths."), (row.input, "Paths.")}


def test_what_was_synthesised_is_no_step_of_a_session():
    steps = [
        replace(RAN, interaction_id=action, turn=turn, action=action) for turn, action in enumerate(("ask", "run"))
    ]
    assert learned("pattern", *steps, *one_of(RAN, "fault")) == []


def test_code_that_is_nested_too_deep_to_be_walked_costs_nobody_else():
    deep = replace(RAN, interaction_id="deep", input="print(" + "-" * 1500 + "1)")
    with nobody("augmenting") as advance:
        attempt = partial(augmented, actions=Curate(), now=NOW, seed=0, limits=Limits())
        (found,) = successes(9, attempt, [deep, RAN], advance)
    assert found[0].extra["augmented_from"] == "i"
