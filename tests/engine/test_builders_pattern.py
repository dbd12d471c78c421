"""pattern over hand-made sessions: steps without their texts, what came next and how it ended."""

from dataclasses import replace
from datetime import timedelta

from tests.engine.building import MOMENT, event, learned, run, tool


def taught(*events, before=()):
    return [(row["prompt"], row["completion"]) for row in learned("pattern", *events, before=before)]


SESSION = [
    event("mend the secret thing", "I will", success=True),
    tool("Read", True, 1, path="secret.py"),
    run("pytest -x secret", False, 2, error_type="exit code 1\nmore"),
]


def test_the_steps_so_far_teach_the_next_one_and_the_outcome_of_the_last():
    assert taught(*SESSION) == [
        ("m ask: works\nm tool Read: works", "m run pytest"),
        ("m ask: works\nm tool Read: works\nm run pytest:", "fails: exit code 1"),
    ]


def test_a_step_after_the_cut_is_learned_with_those_before_it():
    (row,) = learned("pattern", event("so?", "done", turn=3), before=SESSION)
    assert row["prompt"].endswith("m run pytest: fails: exit code 1")
    assert row["completion"] == "m ask"
    assert len(row["interaction_ids"]) == 4


def test_a_session_of_two_steps_or_of_one_kind_of_step_teaches_nothing():
    assert taught(*SESSION[:2]) == []
    assert taught(*(event(f"q{turn}", "a", turn=turn) for turn in range(9))) == []


def test_a_step_is_told_without_its_texts():
    told = "\n".join("\n".join(row) for row in taught(*SESSION, run("x = 'secret'\n", True, 3)))
    assert "secret" not in told


def test_a_prompt_holds_the_last_eight_steps():
    rows = learned("pattern", *(run(f"step{turn} x", None, turn) for turn in range(50)))
    assert rows[-1]["prompt"].splitlines() == [f"m run step{turn}" for turn in range(41, 49)]
    assert (len(rows), rows[-1]["completion"]) == (48, "m run step49")


def test_documents_and_log_lines_are_no_steps():
    told = [event(f"t{turn}", "text", action="document" if turn % 2 else "log", turn=turn) for turn in range(6)]
    assert taught(*told) == []


def test_an_answer_during_which_tools_were_called_has_no_outcome_before_they_have():
    """Importers put an exchange where it was asked, with a turn behind its tools': its outcome comes last."""
    asked = event("mend it", "I will", turn=2, success=False, error_type="interrupted", occurred_at=MOMENT)
    tools = [tool("Read", True, 0, path="a.py"), tool("Grep", True, 1, pattern="a")]
    meanwhile = [replace(it, occurred_at=MOMENT + timedelta(seconds=place + 1)) for place, it in enumerate(tools)]
    rows = taught(asked, *meanwhile, event("no", "Well", turn=3, success=True, occurred_at=MOMENT + timedelta(hours=1)))
    assert rows[0] == ("m ask\nm tool Read: works", "m tool Grep")
    assert rows[-1] == ("m ask\nm tool Read: works\nm tool Grep: works\nm ask:", "works")
