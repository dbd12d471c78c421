"""document over hand-made texts: passages that a person would cut so, and sections that stay together."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.building import event, learned
from vibe_pipeline.curate.builders.document import LIMIT

PARAGRAPH = "Some words that fill a line of the manual.\n" * 9


def document(text, name="Guide", **values):
    return event(name, text, **{"action": "document", **values})


def passages(*events, before=()):
    return learned("document", *events, before=before)


def test_a_short_text_is_one_passage():
    (row,) = passages(document("\r\nOne.\r\n\r\n\r\n  Two.\r\n"))
    assert (row["prompt"], row["question"], row["completion"], row["stage"]) == ("", "", "One.\n\n\n  Two.", None)


def test_a_text_is_cut_at_its_headings_which_name_the_section():
    text = "Before.\n\n# A\n\nOne.\n\n## B\nTwo.\n\nTitle\n=====\n\nThree.\n\n```sh\n# no heading\n```"
    rows = passages(document(text))
    cut = {row["completion"]: row["section"] for row in rows}
    assert sorted(cut) == [
        "# A\n\nOne.",
        "## B\nTwo.",
        "Before.",
        "Title\n=====\n\nThree.\n\n```sh\n# no heading\n```",
    ]
    assert len(set(cut.values())) == 4


def test_a_long_section_is_cut_between_its_blocks_and_held_out_as_a_whole():
    text = "# A\n\n" + "\n\n".join(PARAGRAPH.strip() for _ in range(20))
    rows = passages(document(text))
    assert len({row["section"] for row in rows}) == 1
    sizes = [len(row["completion"]) for row in rows]
    assert max(sizes) <= LIMIT
    assert min(sizes) > LIMIT / 3
    assert all(row["completion"].removeprefix("# A\n\n").startswith("Some words") for row in rows)
    assert all(row["completion"].endswith("manual.") for row in rows)
    assert sum(row["completion"].count("\n\n") for row in rows) == 20 - len(rows) + 1


def test_an_edited_section_and_its_parts_keep_their_section():
    first, second = (passages(document(text, extra={"document": "guide.md"})) for text in ("Old.", "New.\n" * 900))
    assert {row["section"] for row in (*first, *second)} == {first[0]["section"]}
    (other,) = passages(document("Old.", "Other", extra={"document": "guide.md"}))
    assert other["section"] != first[0]["section"]


def test_a_long_log_is_cut_at_lines():
    lines = [f"{number:05} something happened" for number in range(1000)]
    rows = passages(event("", "\n".join(lines), action="log"))
    assert {row["stage"] for row in rows} == {"logs_specs"}
    assert sorted("\n".join(row["completion"] for row in rows).split("\n")) == lines
    assert max(len(row["completion"]) for row in rows) <= LIMIT


def test_lines_that_were_logged_one_by_one_are_joined():
    told = [event(f"line {turn}", action="log", turn=turn) for turn in range(300)]
    rows = passages(*told)
    assert sorted("\n".join(row["completion"] for row in rows).split("\n")) == sorted(it.input for it in told)
    assert 2 <= len(rows) <= 4
    assert sorted(identity for row in rows for identity in row["interaction_ids"]) == sorted(
        it.interaction_id for it in told
    )
    assert all(len(row["interaction_ids"]) == row["completion"].count("\n") + 1 for row in rows)


def test_lines_after_the_cut_are_cut_for_themselves():
    told = [event(f"line {turn}", action="log", turn=turn) for turn in range(4)]
    (row,) = passages(*told[2:], before=told[:2])
    assert row["completion"] == "line 2\nline 3"


def test_lines_of_another_tier_are_a_passage_of_their_own_in_whatever_order_they_were_logged():
    sources = ["logger", "synthesize"] * 2
    told = [event(f"line {turn}", action="log", turn=turn, source=it) for turn, it in enumerate(sources)]
    for logged in (told, told[::-1]):
        cut = {row["completion"]: row["tier"] for row in passages(*logged)}
        assert cut == {"line 0\nline 2": "own", "line 1\nline 3": "synthetic"}


def test_a_line_that_is_too_long_stays_whole():
    line = "x" * 50_000 + "é文"
    assert line in [row["completion"] for row in passages(document(f"a\n\n{line}\n\nb"))]


@pytest.mark.parametrize(
    "values", [{"text": " \n\t\n"}, {"text": "Text.", "success": False}, {"text": "T", "action": "ask"}]
)
def test_nothing_is_made_of_empty_texts_of_what_failed_and_of_other_actions(values):
    assert passages(document(**values, name="")) == []


LINES = st.lists(
    st.one_of(
        st.sampled_from(["", "", "# A", "## B", "```", "~~~", "---", "===", "T", "- x", " # y"]),
        st.integers(1, 240).map(lambda size: "w " * size + "."),
    ),
    max_size=60,
)


@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(st.lists(LINES, min_size=40, max_size=60))
def test_no_line_is_lost_doubled_or_cut(texts):
    told = [document("\n".join(lines), name="", turn=turn) for turn, lines in enumerate(texts)]
    rows = passages(*told)
    for lines, it in zip(texts, told, strict=True):
        parts = [row["completion"] for row in rows if row["interaction_ids"] == [it.interaction_id]]
        kept = [line.strip() for part in parts for line in part.split("\n")]
        assert sorted(filter(None, kept)) == sorted(filter(None, (line.strip() for line in lines)))
        assert all(len(part) <= LIMIT for part in parts)
