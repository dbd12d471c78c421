"""error_prediction over hand-made sessions: what a person would call an outcome."""

import pytest

from tests.engine.building import event, learned, run


@pytest.mark.parametrize(
    ("ended", "completion"),
    [
        (run("x", True), "works"),
        (run("x", False), "fails"),
        (run("x", False, error_type="TypeError"), "fails: TypeError"),
        (run("x", False, error_type="requests.exceptions.Timeout"), "fails: Timeout"),
        (run("x", False, error_type="exit code 1"), "fails: exit code 1"),
        (run("x", False, error_type=" a\nb" * 99), "fails: a"),
        (run("x", False, 0, "Traceback …\n  File\nza.b.KeyError: 'a'\n"), "fails: KeyError"),
        (run("x", False, 0, "said ValueError once\nand went on"), "fails"),
    ],
)
def test_a_run_teaches_whether_it_works_and_else_which_error(ended, completion):
    (row,) = learned("error_prediction", ended)
    assert (row["prompt"], row["completion"], row["evidence"]) == ("x", completion, [])


NODE = "a.js:2\nuse(a.b.c);\n        ^\n\nTypeError: no b\n    at main (a.js:2:21)\n\nNode.js v20"
JAVA = (
    'Exception in thread "main" java.lang.NullPointerException: x\n\tat Main.main(Main.java:1)\nCaused by: a.Error: y'
)
PYTHON = 'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n    f(3)\n'
INNER = PYTHON + "KeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\n"
NOTEBOOK = "KeyError          Traceback (most recent call last)\nCell In[3], line 1\n----> 1 d['a']\n\nKeyError: 'a'"


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (NODE, "TypeError"),
        ("node:errors:4\nError [ERR_X]: y\nAssertionError [ERR_ASSERTION]: 1 == 2\n    at a", "AssertionError"),
        (JAVA, "NullPointerException"),
        ("Unhandled exception. System.IO.FileNotFoundException: no a\n   at Main()", "FileNotFoundException"),
        ("PHP Fatal error:  Uncaught TypeError: f(): no in a.php:3\nStack trace:\n#0 {main}", "TypeError"),
        ("main.rb:1:in `<main>': undefined local variable (NameError)\n\nputs nmae", "NameError"),
        ("a.rb:3:in `open': No such file (Errno::ENOENT)\n\tfrom a.rb:3:in `<main>'", "ENOENT"),
        (PYTHON + "pydantic_core._core.ValidationError: 1 error\nname\n  is no text", "ValidationError"),
        (PYTHON + "sqlalchemy.exc.OperationalError: (sqlite3.Error) no a\n[SQL: select *]", "OperationalError"),
        (PYTHON + "StopIteration", "StopIteration"),
        (PYTHON + "DeprecationWarning: foo is old", "DeprecationWarning"),
        (PYTHON + "requests.exceptions.Timeout: a\n", "Timeout"),
        (INNER + PYTHON + "app.Refused: b", "Refused"),
        (NOTEBOOK, "KeyError"),
        (">       assert f(1) == 2\nE       AssertionError: assert 1 == 2\n\na.py:3", "AssertionError"),
        ("Error: No such container: web", None),
        ("it was a ValueError: so it said", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_errors_name_is_found_where_languages_write_it(said, named):
    (row,) = learned("error_prediction", run("x", False, 0, said))
    assert row["completion"] == (f"fails: {named}" if named else "fails")


def test_what_nobody_knows_the_end_of_predicts_nothing():
    assert learned("error_prediction", run("x", None), run(" ", True, 1), event("q", "a", success=True)) == []


def test_an_input_that_both_worked_and_failed_has_two_examples_of_one_prompt():
    rows = learned("error_prediction", run("x", True), run("x", False, 1))
    assert [(row["prompt"], row["completion"]) for row in rows] == [("x", "works"), ("x", "fails")]
