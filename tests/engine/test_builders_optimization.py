"""optimization over hand-made sessions: what a person would call a faster way."""

import pytest

from tests.engine.building import PRINTED, event, run, variants

SLOW, FAST = "print(sum([n for n in range(10)]))", "print(sum(range(10)))"


def test_a_variant_that_prints_the_same_faster_or_shorter_is_learned():
    runs = [run(SLOW, True, 0, PRINTED, latency_ms=90.0), run(FAST, True, 1, PRINTED + "\n", latency_ms=30.0)]
    assert variants(*runs) == [(SLOW, FAST, ["faster", "shorter"])]


@pytest.mark.parametrize(
    "later",
    [
        run(FAST, True, 1, "2, 3, 5, 8"),
        run(FAST, False, 1, PRINTED),
        run(FAST, None, 1, PRINTED),
        run(FAST, True, 1, PRINTED, module="other"),
        run(FAST, True, 1, PRINTED, conversation_id="elsewhere"),
        run("cat answer.txt", True, 1, PRINTED),
        run(SLOW, True, 1, PRINTED, latency_ms=1.0),
        run(SLOW.replace(" ", ""), True, 1, PRINTED),
        run(FAST, True, 1, PRINTED, latency_ms=500.0),
        run(SLOW.replace("n", "m"), True, 1, PRINTED, latency_ms=80.0),
    ],
    ids=["output", "failed", "unknown", "module", "conversation", "no version", "same", "layout", "slower", "hardly"],
)
def test_what_does_something_else_or_is_no_better_is_no_optimization(later):
    assert variants(run(SLOW, True, 0, PRINTED, latency_ms=90.0), later) == []


def test_what_prints_nothing_shows_nothing():
    assert variants(run(SLOW, True, 0, " "), run(FAST, True, 1, "\n")) == []


@pytest.mark.parametrize(
    "printed", ["0", "45", "ok", "OK\n", "Done.", "true", "1 passed", "5 passed", "all tests passed"]
)
def test_what_prints_nothing_of_substance_shows_nothing(printed):
    assert variants(run(SLOW, True, 0, printed), run(FAST, True, 1, printed)) == []


@pytest.mark.parametrize("printed", [PRINTED, "sum 45", "[1, 2]", "1836311903", "2026-11-22", "hello world"])
def test_what_prints_more_than_a_word_or_a_long_one_shows_that_it_does_the_same(printed):
    assert len(variants(run(SLOW, True, 0, printed), run(FAST, True, 1, printed))) == 1


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (
            "psql -tc \"SELECT name FROM users WHERE active AND age > 150 AND country = 'DE'\"",
            'psql -tc "SELECT name FROM users WHERE active AND age > 150"',
        ),
        ("pytest -q tests/test_a.py tests/test_b.py && echo all good", "pytest -q tests/test_a.py && echo all good"),
        ("rm -rf build && cmake -B build && cmake --build build && ./app", "cmake --build build && ./app"),
        (
            "python manage.py migrate\npython manage.py loaddata users\npython manage.py check",
            "python manage.py check",
        ),
        ("n = [i * i for i in range(9)]\nassert sum(n) == 204\nprint(n)", "n = [i * i for i in range(9)]\nprint(n)"),
        ("grep -rn TODO src tests | sort", "grep -rn TODO src | sort"),
        ("print(area(3, 4, scale))", "print(area(3, 4))"),
        ("print(area(scale, 3, 4))", "print(area(3, 4))"),
        ("if a(x) and b(x):\n    print(x, y)", "if a(x):\n    print(x, y)"),
    ],
)
def test_to_leave_something_out_is_no_optimization(earlier, later):
    slow = run(earlier, True, 0, PRINTED, latency_ms=900.0)
    assert variants(slow, run(later, True, 1, PRINTED, latency_ms=10.0)) == []
    told = event(earlier, later, action="optimize", success=True)
    assert variants(told) == [(earlier, later, ["success"])]


CHECK = "for number in range({}):\n    check(number)\nprint('checked everything')"
FETCH = "rows = fetch_all(){}\nbig = [row for row in rows if row.total > 100]\nprint('customers', len(big))"
EPOCHS = "epochs = {}\nfor epoch in range(epochs):\n    print('trained', epoch)"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (CHECK.format("100"), CHECK.format("10")),
        (CHECK.format("1, 1_000"), CHECK.format("1, 200")),
        (EPOCHS.format("50"), EPOCHS.format("5")),
        (FETCH.format(""), FETCH.format("[:10]")),
        (FETCH.format("[:500]"), FETCH.format("[:10]")),
        (FETCH.format(""), FETCH.format(".head(10)")),
        ("SELECT name, total FROM orders ORDER BY name", "SELECT name, total FROM orders ORDER BY name LIMIT 10"),
        ("grep -rn TODO src", "grep -rn TODO src | head -5"),
        ("cargo build --workspace", "cargo build --workspace -q"),
        ("cargo build --workspace", "cargo  build --workspace"),
        ("npm run build web", "npm run build web --silent --no-color"),
    ],
)
def test_to_do_it_for_less_or_to_say_less_is_no_optimization(earlier, later):
    slow = run(earlier, True, 0, PRINTED, latency_ms=900.0)
    assert variants(slow, run(later, True, 1, PRINTED, latency_ms=10.0)) == []


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("python build.py --target release", "python build.py --target release --jobs 2"),
        (FETCH.format("(batch=10)"), FETCH.format("(batch=5000)")),
        (FETCH.format(""), FETCH.format("").replace("fetch_all()", "fetch_all(where='total > 100')")),
        ("total = sum([n * n for n in range(1000)])\nprint(total)", "print(sum(n * n for n in range(1000)))"),
        (FETCH.format("") + "\nprint(big[0], big[1])", FETCH.format("") + "\nprint(*big[:2])"),
    ],
)
def test_who_does_as_much_may_change_numbers_and_slices(earlier, later):
    slow = run(earlier, True, 0, PRINTED, latency_ms=900.0)
    assert len(variants(slow, run(later, True, 1, PRINTED, latency_ms=10.0))) == 1


READ = 'import pandas as pd\ndf = pd.read_csv("prices.csv")\nprint(df.describe())'
ORDERS = "SELECT name, total FROM orders JOIN users USING (user_id) WHERE total > 100 ORDER BY total"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (READ, READ.replace("df =", "# of all prices\ndf =")),
        (READ, READ.replace("df", "data")),
        ("cargo build", "cargo build --verbose"),
        ("cargo build --workspace", "cargo build --workspace --jobs 4"),
        ("cd app && make docs tests", "cd app && make docs tests -j4"),
        (ORDERS, ORDERS + ", name"),
        ("python report.py --year 2025", "python report.py --year 2025 --colour"),
    ],
)
def test_what_a_first_run_left_in_a_cache_is_no_optimization_of_the_second(earlier, later):
    slow = run(earlier, True, 0, PRINTED, latency_ms=2100.0)
    assert variants(slow, run(later, True, 1, PRINTED, latency_ms=40.0)) == []


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (READ, READ.replace('csv")', 'csv", engine="pyarrow")')),
        (READ, READ.replace("pandas", "polars")),
        (FETCH.format(""), "@cache\n" + FETCH.format("")),
        ("python report.py --year 2025", "python report.py --year 2025 -j 4"),
        ("python -c 'print(sum([n for n in range(9)]))'", "python -c 'print(sum(range(9)))'"),
    ],
)
def test_another_function_and_more_workers_are_faster(earlier, later):
    slow = run(earlier, True, 0, PRINTED, latency_ms=2100.0)
    assert len(variants(slow, run(later, True, 1, PRINTED, latency_ms=40.0))) == 1


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("print(sorted(list(set(names))))", "print(sorted(set(names)))"),
        ("cat notes.txt | grep -n total", "grep -n total notes.txt"),
        ("def f(a, b):\n    result = a + b\n    return result", "def f(a, b):\n    return a + b"),
    ],
)
def test_what_only_stood_round_something_may_go(earlier, later):
    slow = run(earlier, True, 0, PRINTED, latency_ms=900.0)
    assert len(variants(slow, run(later, True, 1, PRINTED, latency_ms=10.0))) == 1


def test_a_variant_is_compared_with_the_nearest_earlier_one():
    runs = [run(SLOW, True, 0, PRINTED), run("cat answer.txt", True, 1, PRINTED), run(FAST, True, 2, PRINTED)]
    assert variants(*runs) == [(SLOW, FAST, ["shorter"])]


def test_a_slow_run_that_arrives_after_the_fast_one_has_its_variant():
    slow, fast = run(SLOW, True, 0, PRINTED), run(FAST, True, 1, PRINTED)
    assert variants(slow, before=[fast]) == [(SLOW, FAST, ["shorter"])]
    assert variants(run("ls", True, 2, PRINTED), before=[fast, slow]) == []


@pytest.mark.parametrize(
    ("slow", "fast", "evidence"),
    [
        ("curl -s http://localhost/a", "curl -s http://localhost/a --max-time 5", None),
        ("git fetch origin main", "git fetch origin main --depth 1", None),
        ("curl -s $(echo http://localhost/a)", "curl -s http://localhost/a", ["shorter"]),
        ("cat curls.txt | sort -n -k 2 --stable", "sort -n -k 2 --stable curls.txt", ["faster"]),
        ("cat ssh.txt | grep -n -i total --color", "grep -n -i total --color ssh.txt", ["faster"]),
    ],
)
def test_what_waits_for_a_network_shows_no_time(slow, fast, evidence):
    found = variants(run(slow, True, 0, PRINTED, latency_ms=900.0), run(fast, True, 1, PRINTED, latency_ms=10.0))
    assert found == ([(slow, fast, evidence)] if evidence else [])


def test_an_optimization_that_somebody_logged_is_learned_when_it_succeeded():
    told = [
        event("slow", f"fast {n}", action="optimize", success=it, turn=n) for n, it in enumerate((True, False, None))
    ]
    same = event("slow", " slow", action="optimize", success=True, turn=3)
    assert variants(*told, same) == [("slow", "fast 0", ["success"])]
