"""Examples leave for other programs in the shape that is asked for, all of them or with the reason why not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.curated import take_back, write_set
from tests.engine.exporting import ROWS, TOLD, TURNS, read, write_log
from vibe_pipeline.curate.export import writing
from vibe_pipeline.curate.export.outcome import left_out
from vibe_pipeline.curate.export.shapes import Shape
from vibe_pipeline.curate.export.writing import Wanted, export
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.store import Store

few = settings(max_examples=6)


# shapes


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_prompt_and_completion_are_what_the_ladder_trains_on(leave, format):
    made, files = leave(format=format)
    assert made.shape == "prompt-completion"
    assert files["train"] == [
        {"prompt": "Add.\n\n", "completion": "a + b"},
        {"prompt": "Why?\n\n", "completion": "Because."},
    ]
    assert (made.rows, made.kinds) == (
        {"train": 2, "validation": 1, "test": 1},
        {"code_generation": 1, "conversation": 3},
    )


def test_the_files_have_the_names_that_their_readers_expect(leave):
    assert list(leave()[0].files.values()) == ["train.jsonl", "val.jsonl", "test.jsonl"]
    parquet = leave(format="parquet", name="other")[0]
    assert list(parquet.files.values()) == ["train.parquet", "validation.parquet", "test.parquet"]


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_preferences_are_pairs_for_trl_and_for_openai(leave, format):
    assert leave(shape=Shape.PREFERENCE, format=format)[1] == {
        "train": [{"prompt": "Which?\n\n", "chosen": "This.", "rejected": "That."}]
    }
    assert leave(shape=Shape.OPENAI_PREFERENCE, format=format, name="other")[1] == {
        "train": [
            {
                "input": {"messages": [{"role": "user", "content": "Which?"}]},
                "preferred_output": [{"role": "assistant", "content": "This."}],
                "non_preferred_output": [{"role": "assistant", "content": "That."}],
            }
        ]
    }


def test_preferences_in_a_chat_have_its_turns_for_openai(leave):
    row = {"kind": "preference", "prompt": "Hi\n\nHo\n\nWhich?", "completion": "This.", "rejected": "That."}
    log = [("a", "Hi", "Ho"), ("b", "Which?", "This.")]
    _, files = leave([{**row, "interaction_ids": ["a", "b"]}], log, shape=Shape.OPENAI_PREFERENCE)
    said = [("user", "Hi"), ("assistant", "Ho"), ("user", "Which?")]
    assert files["train"][0]["input"] == {"messages": [{"role": role, "content": words} for role, words in said]}


def test_texts_are_documents_and_what_training_lays_end_to_end(leave):
    _, files = leave(shape=Shape.TEXT)
    assert {row["text"] for row in files["train"]} == {"Once upon a time", "Add.\n\na + b", "Why?\n\nBecause."}


def test_what_has_not_the_shape_is_counted_with_the_reason(leave):
    made, _ = leave()
    assert made.left_out == {
        "document": {"has no prompt: --shape text": 1, "was forgotten": 1},
        "preference": {"compares two answers: --shape preference": 1},
    }
    assert "1 preference: compares two answers: --shape preference" in left_out(made)
    assert sum(made.rows.values()) + sum(sum(it.values()) for it in made.left_out.values()) == len(ROWS)


def test_an_answer_without_words_has_no_shape(leave):
    made, _ = leave([{}, {"completion": " \n"}, {"completion": "\u2003\x0b"}], shape=Shape.MESSAGES)
    assert made.left_out == {"conversation": {"has an empty answer": 2}}


@pytest.mark.parametrize(
    ("kinds", "shape"),
    [
        ((), "prompt-completion"),
        (("conversation", "preference"), "prompt-completion"),
        (("preference",), "preference"),
        (("preference", "document"), "preference"),
        (("document",), "text"),
    ],
)
def test_the_kinds_choose_the_shape_where_nobody_does(leave, kinds, shape):
    assert leave(kinds=kinds)[0].shape == shape


def test_kinds_that_were_not_asked_for_are_not_told_of(leave):
    made, _ = leave(kinds=("conversation",))
    assert (made.kinds, made.left_out) == ({"conversation": 3}, {})


TAKEN_BACK = "was taken back by a later generation (disliked, or answered anew)"


@pytest.mark.parametrize("size", [1, 3, 1 << 15])
def test_what_was_taken_back_is_counted_with_the_reason_whatever_chunk_it_is_in(store, tmp_path, monkeypatch, size):
    monkeypatch.setattr(writing, "CHUNK", size)
    examples = write_set(store, 2, [{} for _ in range(8)])
    sha = take_back(store, 2, 7, 0, 3)["withdrawn_sha"]
    made = export(store, examples, Wanted(folder=tmp_path / "out"), [], withdrawn_sha=sha)
    numbers = [row["prompt"].split()[-1] for row in read(tmp_path / "out" / "train.jsonl")]
    assert (numbers, made.left_out) == (list("12456"), {"conversation": {TAKEN_BACK: 3}})
    other = export(store, write_set(store, 3, [{}]), Wanted(folder=tmp_path / "other"), [], withdrawn_sha=sha)
    assert other.left_out == {}


def test_what_was_forgotten_is_told_so_though_it_was_taken_back_and_so_is_what_has_not_the_shape(store, tmp_path):
    examples = write_set(store, 2, [{}, {"is_forgotten": True}, {"completion": ""}])
    sha = take_back(store, 2, 1, 2)["withdrawn_sha"]
    made = export(store, examples, Wanted(folder=tmp_path / "out"), [], withdrawn_sha=sha)
    assert made.left_out == {"conversation": {TAKEN_BACK: 1, "was forgotten": 1}}


def test_where_all_was_taken_back_nothing_is_left_and_it_is_said_why(store, tmp_path):
    examples = write_set(store, 2, [{}])
    sha = take_back(store, 2, 0)["withdrawn_sha"]
    with pytest.raises(SettingsInvalid, match="1 conversation: was taken back by a later generation"):
        export(store, examples, Wanted(folder=tmp_path / "out"), [], withdrawn_sha=sha)


# messages


MESSAGES = [
    {"role": "user", "content": "What\n\nis it?"},
    {"role": "assistant", "content": "A fox.", "weight": 0},
    {"role": "user", "content": "Sure?"},
    {"role": "assistant", "content": "Yes.", "weight": 1},
]


def test_a_conversation_has_its_turns_as_messages_and_only_its_last_answer_is_learned(leave):
    made, files = leave([TOLD], TURNS, shape=Shape.MESSAGES)
    assert files["train"] == [{"messages": MESSAGES}]
    assert made.whole_prompts == 0


def test_the_same_messages_are_in_parquet(leave):
    _, files = leave([TOLD], TURNS, shape=Shape.MESSAGES, format="parquet")
    assert files["train"] == [{"messages": [{"weight": None, **message} for message in MESSAGES]}]


@pytest.mark.parametrize(
    ("row", "log"),
    [
        (TOLD, TURNS[:1]),
        (TOLD, [("i1", "What is it, then?", "A fox."), TURNS[1]]),
        ({**TOLD, "prompt": "What\n\nis it?--A fox.\n\nSure?"}, TURNS),
        ({**TOLD, "prompt": "\n\nA fox.\n\nSure?"}, [("i1", "", "A fox."), TURNS[1]]),
        ({**TOLD, "prompt": "   \n \n\nA fox.\n\nSure?"}, [("i1", "   \n ", "A fox."), TURNS[1]]),
        ({**TOLD, "prompt": "What?\n\n\t\u00a0\n\nSure?"}, [("i1", "What?", "\t\u00a0"), TURNS[1]]),
    ],
)
def test_turns_that_do_not_make_up_the_prompt_leave_it_whole_and_are_counted(leave, row, log):
    made, files = leave([row], log, shape=Shape.MESSAGES)
    assert [it["content"] for it in files["train"][0]["messages"]] == [row["prompt"], "Yes."]
    assert made.whole_prompts == 1


def test_a_question_that_was_not_answered_is_no_turn(leave):
    log = [TURNS[0], ("i0", "Hello?", ""), TURNS[1]]
    _, files = leave([{**TOLD, "interaction_ids": ["i1", "i0", "i2"]}], log, shape=Shape.MESSAGES)
    assert files["train"] == [{"messages": MESSAGES}]


BRIEF = "Be brief.\n\nVery."


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_what_the_assistant_was_told_is_the_first_message_of_any_kind(leave, format):
    log = [("i1", "Why?", "So."), ("i2", "Sure?", "Yes.", BRIEF), ("i3", "ran it", "ok")]
    rows = [
        {"prompt": f"{BRIEF}\n\nWhy?\n\nSo.\n\nSure?", "completion": "Yes.", "interaction_ids": ["i1", "i2"]},
        {"prompt": f"{BRIEF}\n\nSure?", "completion": "Yes.", "interaction_ids": ["i2"]},
        {"prompt": f"{BRIEF}\n\nSure?", "completion": "y", "interaction_ids": ["i2", "i3"], "kind": "code_generation"},
    ]
    made, files = leave(rows, log, shape=Shape.MESSAGES, format=format)
    found = [[(it["role"], it["content"]) for it in row["messages"][:-1]] for row in files["train"]]
    first, last = ("system", BRIEF), ("user", "Sure?")
    assert found == [[first, last], [first, ("user", "Why?"), ("assistant", "So."), last], [first, last]]
    assert made.whole_prompts == 0


def test_what_was_told_leads_openais_preferences(leave):
    pair = {"kind": "preference", "prompt": f"{BRIEF}\n\nSure?", "completion": "Yes.", "rejected": "No."}
    log = [("i1", "Sure?", "No.", BRIEF), ("i2", "Sure?", "Yes.", BRIEF)]
    _, files = leave([{**pair, "interaction_ids": ["i1", "i2"]}], log, shape=Shape.OPENAI_PREFERENCE)
    assert [it["role"] for it in files["train"][0]["input"]["messages"]] == ["system", "user"]


def test_turns_that_are_not_found_leave_what_was_told_apart_and_are_counted(leave):
    log = [("i1", "elsewhere", "So."), ("i2", "Sure?", "Yes.", BRIEF)]
    row = {"prompt": f"{BRIEF}\n\nWhy?\n\nSo.\n\nSure?", "completion": "Yes.", "interaction_ids": ["i1", "i2"]}
    made, files = leave([row], log, shape=Shape.MESSAGES)
    assert [it["content"] for it in files["train"][0]["messages"]] == [BRIEF, "Why?\n\nSo.\n\nSure?", "Yes."]
    assert made.whole_prompts == 1


CODE = {"kind": "code_generation", "completion": "y", "interaction_ids": ["i1", "i2", "i3"]}
RAN = ("i3", "y", "it ran")


@pytest.mark.parametrize("named", ["", "\n\nfox.py"])
def test_code_that_was_asked_for_in_a_chat_has_its_turns(leave, named):
    made, files = leave([{**CODE, "prompt": TOLD["prompt"] + named}], [*TURNS, RAN], shape=Shape.MESSAGES)
    told = [*MESSAGES[:2], {"role": "user", "content": f"Sure?{named}"}]
    assert files["train"] == [{"messages": [*told, {"role": "assistant", "content": "y", "weight": 1}]}]
    assert made.whole_prompts == 0


def test_code_whose_turns_are_not_found_is_counted(leave):
    made, files = leave([{**CODE, "prompt": "Else\n\nwhat?\n\nSure?"}], [*TURNS, RAN], shape=Shape.MESSAGES)
    assert len(files["train"][0]["messages"]) == 2
    assert made.whole_prompts == 1


def test_what_is_no_conversation_is_one_question(leave):
    row = {**TOLD, "kind": "error_correction"}
    made, files = leave([row], TURNS, shape=Shape.MESSAGES)
    assert [it["role"] for it in files["train"][0]["messages"]] == ["user", "assistant"]
    assert made.whole_prompts == 0


WORDS = st.text(st.sampled_from('ab \n"\\ü\x00\x1f\u2028😀'), min_size=1, max_size=8).filter(
    lambda it: it.strip(" \t\r\n\u2028")
)


@few
@given(st.lists(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4), min_size=1, max_size=5))
def test_any_words_come_back_as_they_were_said(tmp_path_factory, conversations):
    folder = tmp_path_factory.mktemp("home")
    store, rows, log, told = Store(folder), [], [], []
    for number, turns in enumerate(conversations):
        ids = [f"{number} {place}" for place in range(len(turns))]
        log += [(name, *turn) for name, turn in zip(ids, turns, strict=True)]
        said = [words for turn in turns for words in turn]
        rows.append({"prompt": "\n\n".join(said[:-1]), "completion": said[-1], "interaction_ids": ids})
        told.append(said)
    wanted = Wanted(folder=folder / "out", shape=Shape.MESSAGES)
    made = export(store, write_set(store, 0, rows), wanted, write_log(folder, log))
    found = [[it["content"] for it in row["messages"]] for row in read(folder / "out" / "train.jsonl")]
    assert (sorted(found), made.whole_prompts) == (sorted(told), 0)
