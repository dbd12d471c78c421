"""What is told from the text of code alone: whether it asks for the machine, and whether its tests check it."""

from __future__ import annotations

import pytest

from vibe_pipeline.interactions.synthesize.functions import Function, generated_tests
from vibe_pipeline.interactions.synthesize.functions.checking import checks, has_doctests, uses_itself
from vibe_pipeline.interactions.synthesize.outside import is_pure, may_miss, shows_place
from vibe_pipeline.sandbox import Limits


@pytest.mark.parametrize(
    "code",
    [
        "import os\ndef f(n):\n    return os.cpu_count() * n",
        "from os import cpu_count as cores\ndef f(n):\n    return cores() * n",
        "import os.path as p\ndef f(name):\n    return p.abspath(name)",
        "from pathlib import Path\ndef f(app):\n    return str(Path.home() / app)",
        "from pathlib import Path\ndef f(name):\n    return Path(name).exists()",
        "from pathlib import Path\ndef f(name):\n    it = Path(name)\n    return it.resolve()",
        "import getpass\ndef f(n):\n    return n + getpass.getuser()",
        "import datetime\ndef f(year):\n    return datetime.date.today().year - year",
        "from datetime import datetime as d\ndef f(year):\n    return d.now().year - year",
        "import sys\ndef f(name):\n    return name + sys.platform",
        "import time\ndef f(n):\n    return time.ctime(n)",
        "import random\ndef f(n):\n    return random.randrange(n)",
        "def f(name):\n    return open(name).read()",
        "def f(n):\n    return len(globals()) + n",
        "def f(:",
    ],
)
def test_functions_of_the_machine_the_date_or_chance_are_not_pure(code):
    assert not is_pure(code)


@pytest.mark.parametrize(
    "code",
    [
        "import os\ndef f(a, b):\n    return os.path.splitext(os.path.join(a, b))",
        "from os.path import basename\ndef f(a):\n    return basename(a)",
        "def f(items, input):\n    items.remove(input)\n    return items.index(input)",
        "import datetime\ndef f(year):\n    return datetime.date(year, 1, 1).isoformat()",
        "import sys\ndef f(items):\n    return min(items, default=sys.maxsize)",
        "import random\ndef f(n):\n    return random.Random(n).random()",
        "def f(n):\n    return 1",
        "def f():\n    return 1",
        "import re\ndef f(time, now):\n    # now is the time\n    return re.compile(time).sub(now, 'open')",
    ],
)
def test_functions_that_only_calculate_are_pure(code):
    assert is_pure(code)


def test_what_may_be_absent_is_not_what_may_be_another():
    codes = ["os.getenv('A')", "os.path.isfile('a')", "torch.cuda.is_available()", "datetime.date.today()", "os.sep"]
    codes = [f"import os, torch, datetime\nprint({code})" for code in codes]
    assert [may_miss(code) for code in codes] == [True, True, True, False, False]
    assert [shows_place(code) for code in codes] == [True, True, True, True, False]


def test_a_function_of_the_machine_gets_no_tests():
    code = "import os\n\ndef f(number: int):\n    return os.cpu_count() * number"
    function = Function(module="m", name="f", written="m.f", code=code)
    assert generated_tests.tested(function, 0, Limits()) is None


INC = "import math\n\nSTEP = 1\n\ndef inc(n):\n    return n + STEP\n\nadd = lambda n: n + 1"


@pytest.mark.parametrize(
    "tests",
    [
        "assert inc(1) == 2",
        "assert add(1) == 2 and STEP == 1",
        "result = inc(1)\nassert result == 2",
        "found = []\nfor n in range(3):\n    found.append(inc(n))\nassert found == [1, 2, 3]",
        "def check(candidate):\n    assert candidate(1) == 2\n\ncheck(inc)",
        "def given(n):\n    return inc(n)\n\ndef test_inc():\n    assert given(1) == 2",
        "for call in (inc, add):\n    assert call(1) == 2",
        "class T(unittest.TestCase):\n    def test_inc(self):\n        self.assertEqual(inc(1), 2)",
        "class T(unittest.TestCase):\n    def setUp(self):\n        self.two = inc(1)\n\n"
        "    def test_inc(self):\n        self.assertTrue(self.two == 2)",
        "def test_inc():\n    with pytest.raises(TypeError):\n        inc('a')",
        "try:\n    inc('a')\nexcept TypeError:\n    pass\nelse:\n    assert False",
        "if inc(1) != 2:\n    raise ValueError('no')",
        "try:\n    assert inc(1) == 2\nexcept AssertionError:\n    print('no')\n    raise",
        "try:\n    assert inc(1) == 2\nexcept TypeError:\n    pass",
        "with redirect_stdout(io.StringIO()) as out:\n    inc(1)\nassert out.getvalue() == ''",
    ],
)
def test_checks_that_hang_on_the_code_are_found(tests):
    assert checks(INC, tests)


@pytest.mark.parametrize(
    "tests",
    [
        "assert True",
        "inc(1)",
        "def test_inc():\n    return inc(1) == 2",
        "print(inc(1))",
        "try:\n    assert inc(1) == 2\nexcept Exception:\n    pass",
        "try:\n    assert inc(1) == 2\nexcept:\n    print('no')",
        "with contextlib.suppress(AssertionError):\n    assert inc(1) == 2",
        "result = inc(1)\nwanted = 2\nassert wanted == 2",
        "assert math.sqrt(4) == 2",
        "if __name__ == '__main__':\n    assert inc(1) == 2",
        "class T(unittest.TestCase):\n    def test_inc(self):\n        inc(1)\n        self.assertTrue(True)",
        "Check that inc(1) is 2.",
    ],
)
def test_tests_that_pass_whatever_the_code_does_check_nothing(tests):
    assert not checks(INC, tests)


@pytest.mark.parametrize(
    ("code", "uses"),
    [
        ("def f():\n    pass\n\nf()", True),
        ("def f():\n    pass\n\nif __name__ == '__main__':\n    f()", True),
        ("class A:\n    pass\n\na = A()", True),
        ("print(1)", True),
        ("import math\ntotal = math.sqrt(4)", True),
        ("f = lambda: 1\nf()", True),
        ("def f():\n    pass\n\nprint('ready')", False),
        ("from framework import App\napp = App()\n\n@app.get('/')\ndef f():\n    pass", False),
        ("try:\n    import json\nexcept ImportError:\n    json = None", False),
        ('"""Words."""\nimport math\nSIZE = 2 * 3\nNAMES = ["a", ("b", -1)]', False),
        ("f = lambda: 1", False),
    ],
)
def test_a_script_that_only_defines_uses_nothing(code, uses):
    assert uses_itself(code) is uses


def test_examples_count_that_doctest_finds_and_that_say_what_comes_out():
    one = '"""\n    >>> 1\n    1\n    """'
    assert has_doctests(f"def f():\n    {one}")
    assert has_doctests(f"class A:\n    def f(self):\n        {one}")
    assert not has_doctests(f"def f():\n    def g():\n        {one}")
    assert not has_doctests('"""\n>>> 1  # doctest: +SKIP\n1\n\n>>> f()\n"""')
