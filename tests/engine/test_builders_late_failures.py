"""Code that was learned and then failed, was corrected or was rejected: given once, to be taken back."""

import pytest

from tests.engine.building import event, learned, remark, run
from tests.engine.generated_code import BETTER, KIND, LONG, answer, taught, write


def refuted(*events, before=()):
    return [
        (row["completion"], row["failure"])
        for row in learned(KIND, *events, before=before)
        if row["failure"] is not None
    ]


CHECK = f"{LONG}\nassert total == 1"


@pytest.mark.parametrize(
    "before",
    [
        [write(LONG), run(LONG, True, 1)],
        [write(LONG), run(f"{LONG}\nprint(total)", True, 1)],
        [write(LONG, True)],
        [write(LONG), event("Thanks!", "Fine.", turn=1)],
        [answer(LONG), run(LONG, True, 1)],
    ],
    ids=["ran", "ran in another", "success", "accepted", "in a chat"],
)
@pytest.mark.parametrize("failing", [LONG, CHECK])
def test_code_that_fails_after_it_was_learned_is_given_as_failed_since(before, failing):
    assert len(taught(*before)) == 1
    assert refuted(run(failing, False, 2), before=before) == [(LONG, "failed since")]
    assert refuted(run("ls", True, 3), before=[*before, run(failing, False, 2)]) == []


@pytest.mark.parametrize("code", [write(LONG), answer(LONG)])
def test_code_that_failed_and_was_never_learned_is_not_given(code):
    assert refuted(code, run(LONG, False, 1)) == []
    assert refuted(run(CHECK, False, 1), before=[code]) == []


BLOCK = f"So:\n\n```python\n{BETTER}\n```"


@pytest.mark.parametrize(
    ("before", "better"),
    [
        ([write(LONG, True)], BETTER),
        ([write(LONG), event("Thanks!", "Fine.", turn=1)], BETTER),
        ([write(LONG), run(LONG, True, 1)], BETTER),
        ([answer(LONG), run(LONG, True, 1)], BLOCK),
        ([answer(LONG), run(LONG, True, 1)], "None of this: use sum()."),
    ],
)
def test_code_that_somebody_corrected_is_given_as_corrected(before, better):
    assert len(taught(*before)) == 1
    edit = remark(before[0], text=better)
    assert refuted(edit, before=before) == [(LONG, "corrected")]
    assert refuted(run("ls", True, 3), before=[*before, edit]) == []


def test_of_several_corrections_all_but_the_last_are_given_as_corrected():
    code = write(LONG, True, improvements=(LONG.replace("100", "102"),))
    told = learned(KIND, remark(code, text=BETTER), before=[code])
    assert {row["completion"]: row["failure"] for row in told} == {
        LONG: "corrected",
        LONG.replace("100", "102"): "corrected",
        BETTER: None,
    }


@pytest.mark.parametrize("code", [write(LONG), write(LONG, False), answer(LONG)])
def test_a_correction_of_code_that_was_never_learned_gives_it_not(code):
    assert refuted(remark(code, text=BETTER), before=[code]) == []


def test_who_corrects_only_what_stands_around_the_code_takes_nothing_back():
    told = [answer(LONG), run(LONG, True, 1)]
    assert refuted(remark(told[0], text=f"Better words:\n```python\n{LONG}\n```"), before=told) == []


@pytest.mark.parametrize(
    "values",
    [
        {"extra": {"alternatives": ["bad"]}},
        {"extra": {"rejected": "bad "}},
        {"extra": {"rank": 0}},
    ],
    ids=str,
)
def test_code_in_whose_place_other_code_was_kept_is_given_as_rejected(values):
    bad, good = write("bad", True, extra={"rank": 1}), write("good", True, 1, **values)
    assert taught(bad, good) == [("good", ["success"])]
    assert refuted(good, before=[bad]) == [("bad", "rejected")]
    assert refuted(write("more", True, 2), before=[bad, good]) == []
