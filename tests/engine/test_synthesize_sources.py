"""What else is synthesised: documents, signatures, examples, tasks, and what the log's own code gives."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.building import learned
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.fingerprint import is_held_out
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.synthesize import FromLog, synthesize
from vibe_pipeline.interactions.synthesize.labels import labelled
from vibe_pipeline.interactions.synthesize.packages import find
from vibe_pipeline.interactions.synthesize.pool import successes
from vibe_pipeline.interactions.synthesize.sandbox import Limits, run
from vibe_pipeline.interactions.synthesize.signatures import signature_facts
from vibe_pipeline.records import Interaction
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
        "signature of counting.opaque": "counting.opaque(a=object())",
        "parameters of counting.opaque": "a",
        "default of counting.opaque, a": "object()",
    }


def test_every_fact_of_a_signature_is_asked_twice_and_probed_in_a_third_wording(counting):
    made = only(counting, signatures=4)
    asked = Counter(row.extra["fact"] for row in made.interactions)
    assert asked == {probe.fact: 2 for probe in made.probes}
    assert len(made.probes) == 4
    assert not {probe.question for probe in made.probes} & {row.input for row in made.interactions}


# examples and tasks


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


# labels


def answered(output, **known) -> Interaction:
    place = {"interaction_id": "i", "conversation_id": "c", "turn": 2, "occurred_at": NOW, "module": "m"}
    return Interaction(**{**place, "action": "generate", "input": "do it", "output": output, "user": "ada", **known})


def test_code_that_nobody_vouched_for_is_run_in_its_conversation():
    code = "print(sum(range(10**7)) % 7)"
    label = labelled(answered(f"Try:\n\n```python\n{code}\n```\n"), Limits(), NOW)
    assert (label.action, label.input, label.output, label.success) == ("run", code, "3", True)
    assert (label.conversation_id, label.user, label.extra["labels"]) == ("c", "ada", "i")
    assert label.latency_ms >= 20


def test_tests_that_were_logged_with_code_decide():
    code = "def double(a):\r\n    return a + a"
    right, wrong = (labelled(answered(code, extra={"tests": test}), Limits(), NOW) for test in TESTS)
    assert (right.success, wrong.success, wrong.error_type) == (True, False, "AssertionError")


INC = "def inc(n):\n    return n + 1"
WRONG = "def inc(n):\n    return n"
CASE = "import unittest\n\nclass Inc(unittest.TestCase):\n    def setUp(self):\n        self.one = 1\n\n"


@pytest.mark.parametrize(
    "tests",
    [
        "assert inc(1) == 2",
        "def check(candidate):\n    assert candidate(1) == 2\n\ncheck(inc)",
        "for n in range(3):\n    assert inc(n) > n",
        "def test_inc():\n    assert inc(1) == 2",
        "import pytest\n\n@pytest.fixture\ndef one():\n    return 1\n\ndef test_one(one):\n    assert one == 1\n\n"
        "def test_inc():\n    assert inc(1) == 2",
        "import pathlib\nHERE = pathlib.Path(__file__)\n\ndef test_inc():\n    assert inc(1) == 2",
        "class TestInc:\n    def test_inc(self):\n        assert inc(1) == 2",
        CASE + "    def test_inc(self):\n        self.assertEqual(inc(self.one), 2)\n\n"
        "if __name__ == '__main__':\n    unittest.main()",
        CASE + "    def test_inc(self):\n        self.assertEqual([str(inc(self.one))], ['2'])",
        CASE
        + "    def test_inc(self):\n        with self.subTest('one'):\n            self.assertEqual(inc(self.one), 2)",
        CASE.replace("TestCase", "IsolatedAsyncioTestCase")
        + "    async def test_inc(self):\n        self.assertEqual(inc(self.one), 2)",
    ],
)
def test_tests_are_called_as_their_runners_would_call_them(tests):
    right, wrong = (labelled(answered(code, extra={"tests": tests}), Limits(), NOW) for code in (INC, WRONG))
    assert [label.extra["tested"] for label in (right, wrong)] == [True, True]
    assert [label.success for label in (right, wrong)] == [True, False]
    assert wrong.error_type == "AssertionError"
    number, line = re.findall(r'File "snippet.py", line (\d+), in .*\n +(.*)', wrong.output)[-1]
    assert wrong.input.splitlines()[int(number) - 1].strip() == line


@pytest.mark.parametrize(
    "tests",
    [
        "def test_inc(given):\n    assert inc(given) == 2",
        "import pytest\n\n@pytest.mark.parametrize('n', [1])\ndef test_inc(n):\n    assert inc(n) == 2",
        "import pytest\n\n@pytest.mark.skip\ndef test_inc():\n    assert inc(1) == 2",
        "import pytest\n\n@pytest.fixture(autouse=True)\ndef one():\n    global ONE\n    ONE = 1\n\n"
        "def test_inc():\n    assert inc(ONE) == 2",
        "class TestInc:\n    def setup_method(self):\n        self.one = 1\n\n"
        "    def test_inc(self):\n        assert inc(self.one) == 2",
        CASE + "    @unittest.skip('later')\n    def test_inc(self):\n        self.assertEqual(inc(self.one), 2)",
        "async def test_inc():\n    assert inc(1) == 2",
        "import sys\nsys.path.insert(0, '.')\n\ndef check(candidate):\n    assert candidate(1) == 2",
        "raise SystemExit(0)\nassert inc(1) == 2",
        "Check that inc(1) is 2.",
        "def test_inc():\n    yield inc(1) == 2",
        "import pytest\n\ndef test_inc():\n    pytest.skip('later')",
    ],
)
def test_code_whose_tests_could_not_be_run_is_not_tested(tests):
    label = labelled(answered(INC, extra={"tests": tests}), Limits(), NOW)
    assert (label.input, label.success, label.extra["tested"]) == (INC, True, False)


@pytest.mark.parametrize(
    "end", ["import sys\nsys.exit(0)", "quit()", "print('[true, null, 0.1]', flush=True)\nimport os\nos._exit(0)"]
)
@pytest.mark.parametrize("tests", ["assert inc(1) == 3", "def test_inc():\n    assert inc(1) == 3"])
def test_code_that_ends_itself_before_its_tests_is_not_tested(end, tests):
    label = labelled(answered(f"{INC}\n\n{end}", extra={"tests": tests}), Limits(), NOW)
    assert label is None or (label.success, label.extra["tested"]) == (True, False)


def test_tests_that_are_ended_from_within_have_not_come_to_their_end():
    code = "import os\n\ndef inc(n):\n    os._exit(0)"
    label = labelled(answered(code, extra={"tests": "def test_inc():\n    assert inc(1) == 2"}), Limits(), NOW)
    assert label.extra["tested"] is False


def test_what_only_a_script_does_is_not_done_when_it_is_tested():
    code = f"import sys\n\n{INC}\n\nif __name__ == '__main__':\n    sys.exit(inc(1))"
    label = labelled(answered(code, extra={"tests": "print(7)\nassert inc(1) == 2"}), Limits(), NOW)
    assert (label.success, label.output, label.extra["tested"]) == (True, "7", True)


def test_code_that_fails_by_itself_was_not_tested():
    label = labelled(answered(f"1 / 0\n{INC}", extra={"tests": "assert inc(1) == 2"}), Limits(), NOW)
    assert (label.error_type, label.extra["tested"]) == ("ZeroDivisionError", False)


@pytest.mark.parametrize("answer", ["{}", "Here it is:\n\n```python\n{}\n```\n"])
@pytest.mark.parametrize("tests", [None, "assert double(2) == 4"])
def test_a_label_is_evidence_for_the_code_that_it_ran(answer, tests):
    code = "def double(a):\r\n    return a + a\r\n"
    told = answered(answer.format(code), extra={"tests": tests} if tests else {})
    (example,) = learned("code_generation", told, labelled(told, Limits(), NOW + timedelta(seconds=1)))
    assert (example["completion"].strip(), example["evidence"]) == (code.strip(), ["ran later"])


ENDLESS = "import time\nwhile True:\n    time.sleep(1)"
TESTS = (["assert double(2) == 4"], "assert double(2) == 5")


@pytest.mark.parametrize(
    "code",
    [
        "import no_such_thing_here",
        "input()",
        "open('no such file')",
        "Just words.",
        ENDLESS,
        "class TclError(Exception):\n    pass\nraise TclError('no display name')",
        "import os\nos.environ['OPENAI_API_KEY']",
        "import os\nos.getenv('OPENAI_API_KEY').strip()",
        "import sys\nsys.argv[1]",
        "try:\n    raise ConnectionError\nexcept OSError as error:\n    raise RuntimeError('no answer') from error",
        "raise ExceptionGroup('all', [ValueError(1), ConnectionError(2)])",
        "raise SystemExit(3)",
    ],
)
def test_what_fails_for_want_of_something_here_is_not_labelled(code):
    assert labelled(answered(code), Limits(seconds=1.0), NOW) is None


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("import uuid\nprint(uuid.uuid4())", ""),
        ("import os\nprint(os.environ.get('DEBUG'))", "None"),
        ("import uuid\nraise ValueError(uuid.uuid4())", ""),
    ],
)
def test_a_label_holds_no_output_that_is_never_seen_again(code, output):
    assert labelled(answered(code), Limits(), NOW).output == output


def test_code_that_works_now_and_then_is_not_labelled():
    code = "import secrets\nif secrets.randbelow(2):\n    raise ValueError"
    assert any(labelled(answered(code), Limits(), NOW) is None for _ in range(20))


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
