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


def test_what_nobody_knows_the_end_of_predicts_nothing():
    assert learned("error_prediction", run("x", None), run(" ", True, 1), event("q", "a", success=True)) == []


def test_an_input_that_both_worked_and_failed_has_two_examples_of_one_prompt():
    rows = learned("error_prediction", run("x", True), run("x", False, 1))
    assert [(row["prompt"], row["completion"]) for row in rows] == [("x", "works"), ("x", "fails")]
