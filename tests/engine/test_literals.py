"""A program on other input is no fix of what failed, and no faster way to it; a literal that was wrong is mended."""

import pytest

from tests.engine.building import PRINTED, fixes, run, variants

REPORT = "import pandas as pd\nfrom shop import report\ndf = pd.read_csv({})\nprint(report(df))"
FUNCTION = "def total(prices):\n    rest = prices[{}:]\n    return sum(rest)\nprint(total({}))"
OTHER_INPUTS = [
    (REPORT.format("'march.csv'"), REPORT.format("'april.csv'")),
    (REPORT.format("'data/march.csv', nrows=50"), REPORT.format("'data/june.csv', nrows=10")),
    (FUNCTION.format(1, "[3, 4, 5]"), FUNCTION.format(1, "[3, 4, 7]")),
    (FUNCTION.format(1, "[3, 4, 5]"), FUNCTION.format(1, "(9,)")),
    (FUNCTION.format(1, "{}"), FUNCTION.format(1, "{'a': 1, 'b': 2}")),
    (
        "from shop import report\ndf = report(year=2024)\nprint(df.total / df.count)",
        "from shop import report\ndf = report(year=2025)\nprint(df.total / df.count)",
    ),
    (
        "from shop import report\n# what ACME owes\nfor kind in report('ACME'):\n    print(kind, 1)",
        "from shop import report\n# what we owe\nfor kind in report('Umbrella'):\n    print(kind, 1)",
    ),
    (
        "import sys\ndef main():\n    rows = open('march.csv')\n    print(len(rows))\nmain()",
        "import sys\ndef main():\n    rows = open('april.csv')\n    print(len(rows))\nmain()",
    ),
    (
        "SELECT region, sum(amount)\nFROM orders\nWHERE kind = 'new' AND amount > 0\nGROUP BY region",
        "SELECT region, sum(amount)\nFROM orders\nWHERE kind = 'paid' AND amount > 9\nGROUP BY region",
    ),
    (
        "const fs = require('fs')\nconst text = fs.readFileSync('a/march.json')\nconsole.log(text.length)",
        "const fs = require('fs')\nconst text = fs.readFileSync('a/april.json')\nconsole.log(text.length)",
    ),
]


@pytest.mark.parametrize(("failing", "worked"), OTHER_INPUTS)
@pytest.mark.parametrize("said", ["", 'File "x.py", line 7\nKeyError: 5', "HTTPError: 500 for march.csv, year 2024"])
def test_the_same_program_on_other_input_is_no_fix(failing, worked, said):
    assert fixes(run(failing, False, 0, said), run(worked, True, 1)) == set()


@pytest.mark.parametrize(("slow", "fast"), [*OTHER_INPUTS, (FUNCTION.format(1, "[3]"), FUNCTION.format(2, "[3]"))])
def test_the_same_program_on_other_input_is_not_faster(slow, fast):
    earlier = run(slow, True, 0, PRINTED, latency_ms=900.0)
    assert variants(earlier, run(fast, True, 1, PRINTED, latency_ms=10.0)) == []


@pytest.mark.parametrize(
    ("failing", "fixed", "said"),
    [
        (FUNCTION.format(2, "[3, 4]"), FUNCTION.format(1, "[3, 4]"), "AssertionError"),
        (
            "function total(a) {\n  return a.slice(2)\n}\nconsole.log(total([1, 2]))",
            "function total(a) {\n  return a.slice(1)\n}\nconsole.log(total([1, 2]))",
            "1 is missing",
        ),
        (REPORT.format("'march.cvs'"), REPORT.format("'march.csv'"), "FileNotFoundError"),
        (REPORT.format("'MARCH.CSV'"), REPORT.format("'march.csv'"), "FileNotFoundError"),
        (REPORT.format("'march.csv'"), REPORT.format("'in/2026/march.csv'"), "FileNotFoundError: 'march.csv'"),
        (REPORT.format("'march.csv', sep='t'"), REPORT.format("'march.csv', sep='tab'"), "sep is one of: tab, space"),
        (REPORT.format("'march.csv'"), REPORT.format("'march.csv', 1"), "TypeError: header is missing"),
        (REPORT.format("'march.csv', 1"), REPORT.format("'march.csv'"), "TypeError: takes 1 positional argument"),
        (REPORT.format("3, 4"), REPORT.format("(3, 4)"), "TypeError"),
        (REPORT.format("f'{moth}.csv'"), REPORT.format("f'{spring.month}.csv'"), "NameError"),
    ],
)
def test_a_literal_that_was_wrong_is_mended(failing, fixed, said):
    assert fixes(run(failing, False, 0, said), run(fixed, True, 1)) == {(failing, fixed)}
