"""aider's chat history: who said which line, what became of an edit, and which commands were questions."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.spoiling import MOMENT
from vibe_pipeline.interactions.importers import formats, import_paths
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

START = "\n# aider chat started at 2026-01-02 03:04:05\n\n"
BANNER = """> /usr/bin/aider a.py  
> Aider v0.86.0  
> Main model: claude-x with diff edit format, infinite output  
> Weak model: claude-y  
> Added a.py to the chat.  
"""  # noqa: W291 the two spaces are aider's
APPLIED = "> Tokens: 1k sent, 2 received.  \n> Applied edit to a.py  \n> Commit 0a1b2c3 fix: it  \n"
FAILED = "> Tokens: 1k sent, 2 received.  \n> The LLM did not conform to the edit format.  \n> No such block  \n"


def read(*parts: str) -> list[Interaction]:
    value = {"started_at": "2026-01-02 03:04:05", "chat": "".join(parts)}
    return list(formats()["aider"].read(value, "test", MOMENT))


def pairs(*parts: str) -> list[tuple[str, str]]:
    return [(item.input, item.output) for item in read(*parts)]


def asked(*lines: str) -> str:
    return "\n#### " + "  \n#### ".join(lines) + "  \n"


def answered(text: str) -> str:
    return f"\n{text}\n\n"


def test_an_exchange_keeps_its_time_its_model_and_what_was_edited():
    (item,) = read(BANNER, asked("fix it"), answered("Sure.\n\n```py\nx\n```"), APPLIED)
    assert (item.input, item.output, item.model_id, item.success) == (
        "fix it", "Sure.\n\n```py\nx\n```", "claude-x", True
    )  # fmt: skip
    assert item.occurred_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert item.extra == {"edited": ["a.py"], "commits": ["0a1b2c3"]}


def test_headings_and_quotations_of_the_model_are_its_own():
    text = "# One\n\n#### Two\n\n> three\n\n> four"
    assert pairs(asked("q"), answered(text), APPLIED) == [("q", text)]


def test_a_question_of_several_lines_keeps_them():
    assert pairs(asked("    def f():", "", "        pass"), answered("a")) == [("    def f():\n\n        pass", "a")]


def test_a_command_is_a_question_only_if_the_model_answers_it():
    local = asked("/undo") + "> Removed: 0a1b2c3 fix: it  \n" + asked("/diff")
    assert pairs(local, asked("q"), answered("a"), asked("/ask why?"), answered("because"), asked("/exit")) == [
        ("q", "a"), ("/ask why?", "because")
    ]  # fmt: skip


def test_two_things_said_in_a_row_are_one_question():
    assert pairs(asked("one"), asked("two"), answered("a")) == [("one\n\ntwo", "a")]


def test_a_failed_edit_is_sent_back_to_the_model():
    first, second = read(asked("q"), answered("a"), FAILED, answered("b"), APPLIED)
    assert (first.output, first.success, first.error_type) == ("a", False, "edit format")
    assert (second.input, second.output, second.success) == (
        "The LLM did not conform to the edit format.\nNo such block", "b", True
    )  # fmt: skip


@pytest.mark.parametrize("what", ["lint", "test"])
def test_errors_of_linter_and_tests_are_sent_back(what):
    report = f"{APPLIED}> a.py:1: E999  \n> Attempt to fix {what} errors? y  \n"
    first, second = read(asked("q"), answered("a"), report, answered("b"))
    assert (first.success, first.error_type) == (False, f"{what} errors")
    assert second.input == "a.py:1: E999"


@pytest.mark.parametrize(
    "prompts",
    [
        "> Allow edits to a.py which was not previously added to chat? y  \n> Allow creation of new file b.py? y  \n",
        "> a.py  \n> Allow edits to file that has not been added to the chat? (Y)es/(N)o [Yes]: y  \n"
        "> b.py  \n> Create new file? (Y)es/(N)o/(A)ll/(S)kip all [Yes]: a  \n",
    ],
)
def test_what_the_person_confirmed_is_not_sent_to_the_model(prompts):
    _, second = read(asked("q"), answered("a"), prompts + FAILED, answered("b"))
    assert second.input == "The LLM did not conform to the edit format.\nNo such block"


def test_the_plan_of_an_architect_is_no_question_and_its_edits_belong_to_its_answer():
    plan = answered("Add a file:\n\n- `a.py`")
    (item,) = read(asked("q"), plan, asked("Add a file:", " ", "- `a.py`"), answered("```a.py```"), APPLIED)
    assert (item.input, item.output) == ("q", "Add a file:\n\n- `a.py`\n\n```a.py```")
    assert item.extra["edited"] == ["a.py"]


def test_a_question_that_was_interrupted_stands_alone():
    first, second = read(asked("q"), "> ^C KeyboardInterrupt  \n", asked("r"), answered("a"))
    assert (first.input, first.output, first.success, first.error_type) == ("q", "", False, "interrupted")
    assert (second.input, second.output, second.success) == ("r", "a", None)


@pytest.mark.parametrize(
    ("line", "error_type"),
    [
        ("^C KeyboardInterrupt", "interrupted"),
        ("Model claude-x has hit a token limit!", "token limit"),
    ],
)
def test_an_answer_that_was_cut_off_failed(line, error_type):
    (item,) = read(asked("q"), answered("half"), f"> {line}  \n")
    assert (item.output, item.success, item.error_type) == ("half", False, error_type)


def test_leaving_aider_is_no_interruption():
    (item,) = read(asked("q"), answered("a"), APPLIED, "> ^C again to exit  \n> ^C KeyboardInterrupt  \n")
    assert (item.output, item.success, item.error_type) == ("a", True, None)


def test_the_output_of_a_command_is_no_answer():
    ran = asked("/test pytest") + "> ===== test session starts =====\nplatform linux\n\nE   Timeout\n1 failed  \n"
    assert pairs(asked("q"), answered("a"), ran, asked("r"), answered("b")) == [("q", "a"), ("r", "b")]


@pytest.mark.parametrize("line", ["    ", "+a list in Markdown  "])
def test_lines_of_an_output_may_end_in_spaces_too(line):
    ran = (
        asked("/test pytest")
        + f"> === test session starts ===\n    def test():\n{line}\n        b = 2\n=== 1 failed ===  \n"
    )
    assert pairs(ran, answered("Make it 1.")) == [("/test pytest", "Make it 1.")]


def test_an_output_that_never_ends_ends_at_the_next_question():
    ran = asked("/run tail -f log") + "> one\ntwo\n"
    assert pairs(ran, asked("q"), answered("a")) == [("q", "a")]


def test_an_error_that_aider_did_not_expect_leaves_no_question_open():
    line = "> Unexpected error: litellm.APIConnectionError: None  \n"
    first, second = read(asked("hi"), line, asked("Unexpected error?"), answered("a"))
    assert (first.input, first.output, first.error_type) == ("hi", "", "APIConnectionError")
    assert (second.input, second.output) == ("Unexpected error?", "a")


def test_a_model_that_cannot_be_reached_is_an_event_without_output():
    line = "> litellm.RateLimitError: too many requests  \n"
    (item,) = read(asked("q"), line)
    assert (item.input, item.output, item.success, item.error_type) == ("q", "", False, "RateLimitError")
    (item,) = read(asked("q"), line, "> Retrying in 0.2 seconds...  \n", answered("a"))
    assert (item.output, item.success) == ("a", None)


def test_what_came_before_a_retry_is_thrown_away():
    line = "> litellm.APIConnectionError: cut off  \n> Retrying in 0.2 seconds...  \n"
    (item,) = read(asked("q"), answered("ha"), line, answered("half"), line, answered("whole"))
    assert (item.output, item.success, item.error_type) == ("whole", None, None)


@pytest.mark.parametrize(
    "text",
    [
        "<thinking-content-7bbeb8e1441453ad999a0bbba8a46d4b>\n\nhm\n\n</thinking-content-7bbeb8e1441453ad999a0bbba8a46d4b>\n\na",
        "<think>\nhm\n</think>\na",
        "--------------\n► **THINKING**\n\nhm\n\n------------\n► **ANSWER**\n\na",
    ],
)
def test_reasoning_is_no_part_of_the_answer(text):
    (item,) = read(asked("q"), answered(text))
    assert (item.output, item.extra) == ("a", {"reasoning": "hm"})


def test_an_output_of_several_lines_is_marked_at_its_first_only():
    command = "> /usr/bin/aider --message Do\nthis\n\nand that  \n> Main model: m with diff edit format  \n"
    (item,) = read(command, asked("Do", "this", "", "and that"), answered("> quoted\n\na"), APPLIED)
    assert (item.input, item.output, item.model_id) == ("Do\nthis\n\nand that", "> quoted\n\na", "m")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_history_is_found_in_a_folder_whatever_its_encoding(tmp_path, encoding):
    store = Store(tmp_path / "home")
    project = tmp_path / "project"
    project.mkdir()
    (project / "README.md").write_text("# A project\n")
    text = START + BANNER + asked("é?") + answered("è") + START + "> Aider v1  \n"
    (project / ".aider.chat.history.md").write_bytes(text.encode(encoding))
    path = project if encoding.startswith("utf-8") else project / ".aider.chat.history.md"
    (result,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (result.format, result.read, result.imported) == ("aider", 1, 1)


def test_a_start_in_which_nothing_was_asked_is_no_record(tmp_path):
    path = tmp_path / "chat.md"
    path.write_text(START + BANNER + asked("q") + answered("a") + START + BANNER + asked("/exit") + START)
    (result,) = import_paths(InteractionLogger(tmp_path), Store(tmp_path), [path])
    assert (result.read, result.imported, result.quarantined) == (1, 1, 0)


def test_what_stands_before_the_first_start_is_read_too(tmp_path, left_alone):
    path = tmp_path / "chat.md"
    path.write_text(asked("before") + answered("a") + START + asked("after") + answered("b"))
    (result,) = import_paths(InteractionLogger(tmp_path), Store(tmp_path), [path])
    assert (result.format, result.imported) == ("aider", 2)


def test_a_history_that_has_grown_brings_what_is_new(tmp_path, left_alone):
    store, path = Store(tmp_path / "home"), tmp_path / "chat.md"
    text = START + BANNER + asked("q") + answered("a") + APPLIED
    for more, expected in [("", (1, 0)), ("", (0, 1)), (asked("r") + answered("b"), (1, 0)), (START, (0, 1))]:
        text += more
        path.write_text(text)
        (result,) = import_paths(InteractionLogger(store.root), store, [path])
        assert (result.imported, result.duplicate) == expected


def test_a_start_without_an_answer_is_a_reason():
    with pytest.raises(Unusable, match="no answer follows a question"):
        read(BANNER, answered("an answer to nothing"))


PIECES = [
    "#### ",
    "> ",
    "  \n",
    "\n",
    "# aider chat started at ",
    "q",
    "/ask",
    "```",
    "\u2028",
    "\x0c",
    "\r",
    APPLIED,
    FAILED,
]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_no_text_gets_further_than_a_reason(text):
    with suppress(Unusable):
        assert list(formats()["aider"].read({"started_at": text[:20], "chat": text}, "test", MOMENT))


@given(st.binary(max_size=60))
def test_no_bytes_are_too_odd_to_be_opened(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("aider") / "a.md"
    path.write_bytes(b"# aider chat started at 2026-01-02 03:04:05\n#### q  \n\na\n" + content)
    aider = formats()["aider"]
    assert aider.opens(path, path.read_bytes()[:4096])
    assert next(raw.value["started_at"] for raw in aider.records(File(path, path.name))) == "2026-01-02 03:04:05"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n# 2026-01-02 03:04:05.678901\n+fix it\n+please\n", "what was typed"),
        ("TO LLM 2026-01-02T03:04:05\n-------\nSYSTEM be able\n", "what aider sent and got"),
    ],
)
def test_what_aider_keeps_beside_its_chats_is_told_in_one_line(bring, text, reason):
    result = bring(text)
    assert (result.read, result.quarantined) == (1, 1)
    assert reason in str(result.reasons)
