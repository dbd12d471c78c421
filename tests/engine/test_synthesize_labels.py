"""What running logged code says of it: whether it works, whether its tests pass, and what cannot be said."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.building import learned
from vibe_pipeline.interactions.synthesize.labels import labelled
from vibe_pipeline.records import Interaction
from vibe_pipeline.sandbox import Limits, run

NOW = datetime(2026, 1, 1, tzinfo=UTC)


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
def test_code_that_only_works_without_its_tests_is_not_labelled(tests):
    assert [labelled(answered(code, extra={"tests": tests}), Limits(), NOW) for code in (INC, WRONG)] == [None, None]


@pytest.mark.parametrize(
    "beside",
    [
        "def test_one(one):\n    assert inc(one) == 2",
        "import pytest\n\n@pytest.mark.parametrize('n', [1])\ndef test_each(n):\n    assert inc(n) == 2",
        "async def test_later():\n    assert inc(1) == 2",
        "class TestOther:\n    def __init__(self, one):\n        pass\n\n    def test_other(self):\n        inc(1)",
        CASE + "    @unittest.expectedFailure\n    def test_one(self):\n        self.assertEqual(inc(1), 3)",
    ],
)
def test_where_some_tests_cannot_be_called_only_a_failure_of_the_others_tells(beside):
    tests = f"{beside}\n\n\ndef test_inc():\n    assert inc(1) == 2"
    right, wrong = (labelled(answered(code, extra={"tests": tests}), Limits(), NOW) for code in (INC, WRONG))
    assert (right, wrong.success, wrong.extra["tested"]) == (None, False, True)


def test_tests_that_check_nothing_say_nothing():
    tests = "def test_inc():\n    inc(1)\n\nassert True"
    assert labelled(answered(INC, extra={"tests": tests}), Limits(), NOW) is None


@pytest.mark.parametrize(
    "code",
    [
        "def double(x):\n    return undefined * x",
        "import json\n\nWORDS = ['a']\n\nclass Stack:\n    def push(self, it):\n        self.itemz.append(it)",
        "async def main():\n    raise ValueError\n\nmain()",
        "def test_write(tmp_path):\n    tmp_path.nothing()",
        "import threading\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()",
    ],
)
def test_code_of_which_nothing_ran_does_not_work(code):
    assert labelled(answered(code), Limits(), NOW) is None


DOUBLE = 'def double(n):\n    """Twice.\n\n    >>> double(3)\n    6\n    """\n    return n * 2'


def test_doctests_are_run_where_no_tests_were_logged():
    right, wrong = (labelled(answered(code), Limits(), NOW) for code in (DOUBLE, DOUBLE.replace("* 2", "* 3")))
    assert (right.success, right.extra["tested"]) == (True, True)
    assert (wrong.success, wrong.error_type) == (False, "AssertionError")
    assert not run(wrong.input).worked
    failing = f"{DOUBLE}\n\nif __name__ == '__main__':\n    print(double(1 / 0))"
    assert labelled(answered(failing), Limits(), NOW) is None
    assert labelled(answered(DOUBLE.replace(">>> ", ">>> import no_such\n    >>> ")), Limits(), NOW) is None


@pytest.mark.parametrize("tests", [{"inc(1)": 2}, [["inc(1)", 2]], 7])
def test_tests_that_are_no_code_count_as_tests_that_were_not_run(tests):
    assert labelled(answered(INC, extra={"tests": tests}), Limits(), NOW) is None


CHECK = "METADATA = {}\n\n\ndef check(candidate):\n    assert candidate(1) == 2\n"


def test_a_check_that_its_runner_would_call_is_called_with_the_entry_point():
    told = {"tests": CHECK, "entry_point": "inc"}
    right, wrong = (labelled(answered(code, extra=told), Limits(), NOW) for code in (INC, WRONG))
    assert [(label.success, label.extra["tested"]) for label in (right, wrong)] == [(True, True), (False, True)]
    assert right.input.endswith("\n\ncheck(inc)")


@pytest.mark.parametrize("entry_point", [None, 7, "Solution().inc", ""])
def test_a_check_without_a_name_to_call_it_with_says_nothing(entry_point):
    told = {"tests": CHECK, "entry_point": entry_point}
    assert labelled(answered(INC, extra=told), Limits(), NOW) is None


@pytest.mark.parametrize(
    "end", ["import sys\nsys.exit(0)", "quit()", "print('[true, null, 0.1]', flush=True)\nimport os\nos._exit(0)"]
)
@pytest.mark.parametrize("tests", ["assert inc(1) == 3", "def test_inc():\n    assert inc(1) == 3"])
def test_code_that_ends_itself_before_its_tests_is_not_labelled(end, tests):
    assert labelled(answered(f"{INC}\n\n{end}", extra={"tests": tests}), Limits(), NOW) is None


@pytest.mark.parametrize("end", ["import os\n    os._exit(0)", "import sys\n    sys.exit(0)", "raise SystemExit"])
@pytest.mark.parametrize(
    "tests",
    ["assert inc(1) == 2", "def test_inc():\n    assert inc(1) == 2", f"{CASE}    def test_inc(self):\n        inc(1)"],
)
def test_code_that_ends_the_process_when_a_test_calls_it_is_not_labelled(end, tests):
    assert labelled(answered(f"def inc(n):\n    {end}", extra={"tests": tests}), Limits(), NOW) is None


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
    code = "def double(a):\r\n    return a + a\r\n\r\nprint(double(2))\r\n"
    told = answered(answer.format(code), extra={"tests": tests} if tests else {})
    (example,) = learned("code_generation", told, labelled(told, Limits(), NOW + timedelta(seconds=1)))
    assert (example["completion"].strip(), example["evidence"]) == (code.replace("\r", "").strip(), ["ran later"])


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
        "try:\n    import no_such as it\nexcept ImportError:\n    it = None\nprint(it.mean([1]))",
        "import shutil\nprint(shutil.which('docker').strip())",
        "import os.path\nassert os.path.isfile('settings.ini')",
        "import glob\nprint(max(glob.glob('*.log')))",
        "import configparser\nread = configparser.ConfigParser()\nread.read('app.ini')\nprint(read['db'])",
        "import sqlite3\nsqlite3.connect('app.db').execute('select * from users')",
        "from os import cpu_count\nprint(range(0, 9, max(0, cpu_count() - 99)))",
    ],
)
def test_what_fails_for_want_of_something_here_is_not_labelled(code):
    assert labelled(answered(code), Limits(seconds=1.0), NOW) is None


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("import uuid\nprint(uuid.uuid4())", ""),
        ("import os\nprint(os.environ.get('DEBUG'))", ""),
        ("import sys\nprint(sys.version_info[0])", ""),
        ("import datetime\nprint(datetime.datetime.now().year)", ""),
        ("import os\nprint(os.path.join('a', 'b'), file=__import__('sys').stdout)", "a/b"),
        ("print({'a', 'b', 'c', 'd'})", ""),
        ("print(list(set('to be or not'.split())))", ""),
        ("print(hash('text') % 1000)", ""),
    ],
)
def test_a_label_holds_no_output_that_is_never_seen_again(code, output):
    assert labelled(answered(code), Limits(), NOW).output == output


def test_code_that_works_now_and_then_is_not_labelled():
    code = "import secrets\nif secrets.randbelow(2):\n    raise ValueError"
    assert any(labelled(answered(code), Limits(), NOW) is None for _ in range(20))


@pytest.mark.parametrize("tests", [None, "assert first() == first.known"])
def test_code_that_ends_as_the_hash_seed_wills_is_not_labelled(tests):
    known = run("print(next(iter(set('abcdefgh'))))").output
    code = f"def first():\n    return next(iter(set('abcdefgh')))\n\nfirst.known = {known!r}"
    alone = code if tests else f"{code}\nassert first() == first.known"
    assert labelled(answered(alone, extra={"tests": tests} if tests else {}), Limits(), NOW) is None


@pytest.mark.parametrize(
    "tests",
    [
        "assert (inc(1) == 2, 'message')",
        "assert inc(1) == 2 or True",
        "assert inc",
        "tests = [lambda: inc(1) == 2]\nassert tests",
        "assert callable(inc)",
        "if inc(1) == 2:\n    assert True\nelse:\n    print('no')",
        "if __name__ == '__main__':\n    assert inc(1) == 2\nassert inc(1) > 0",
        "def main():\n    assert inc(1) == 2\n\nif __name__ == '__main__':\n    main()\nassert inc(1) > 0",
    ],
)
def test_a_check_that_cannot_fail_or_did_not_run_is_no_test(tests):
    assert [labelled(answered(code, extra={"tests": tests}), Limits(), NOW) for code in (INC, WRONG)] == [None, None]


def test_tests_in_classes_of_classes_are_called():
    tests = "class TestAll:\n    class TestInc:\n        def test_inc(self):\n            assert inc(1) == 2"
    right, wrong = (labelled(answered(code, extra={"tests": tests}), Limits(), NOW) for code in (INC, WRONG))
    assert (right.extra["tested"], right.success, wrong.success) == (True, True, False)


@pytest.mark.parametrize(
    "code",
    [
        "import time\nassert time.localtime().tm_year == 2025",
        "import random\nassert random.random() > -1",
        "import datetime\nif datetime.date.today().year > 2000:\n    raise ValueError",
    ],
)
def test_a_verdict_of_the_day_or_of_chance_is_no_label(code):
    assert labelled(answered(code), Limits(), NOW) is None


@pytest.mark.parametrize(
    "code",
    [
        "queue = Queue()\nprint(queue.pop())",
        "df = df.dropna()\nprint(df)",
        "class Solution:\n    def two(self, nums: List[int]) -> int:\n        return 2",
        'def total(n):\n    """\n    >>> total(3)\n    6\n    """\n    return double(n)',
    ],
)
def test_code_that_misses_what_stood_before_it_is_not_labelled(code):
    assert labelled(answered(code), Limits(), NOW) is None


def test_code_that_calls_what_it_defines_later_fails():
    assert labelled(answered("print(inc(1))\n\n" + INC), Limits(), NOW).error_type == "NameError"


def test_code_whose_other_process_crashes_does_not_work():
    code = "import multiprocessing\n\ndef crash():\n    1 / 0\n\n" + (
        "process = multiprocessing.get_context('fork').Process(target=crash)\nprocess.start()\nprocess.join()"
    )
    assert labelled(answered(code), Limits(), NOW) is None
