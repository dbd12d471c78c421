"""document over hand-made texts: passages that a person would cut so, and sections that stay together."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.building import event, learned, remark
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


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Before\n\nOne\n~~~\n\ntext\n\nTwo\n~~~~\n# y", ["Before", "One\n~~~\n\ntext", "Two\n~~~~", "# y"]),
        ("~~~\n# x\n~~~\n\n# B\n\ny", ["~~~\n# x\n~~~", "# B\n\ny"]),
        ("Say:\n~~~ sh\n# x\n\nlast line\n~~~\n# B\n\ny", ["Say:\n~~~ sh\n# x\n\nlast line\n~~~", "# B\n\ny"]),
        ("```x = 1```\n\n```\n# x\n```\n# B", ["```x = 1```\n\n```\n# x\n```", "# B"]),
        ("````` sh\n# x\n`````\n# B", ["````` sh\n# x\n`````", "# B"]),
        ("====\nTop\n====\n\nx\n\n####\nNext\n####\n\ny", ["====\nTop\n====\n\nx", "####\nNext\n####\n\ny"]),
        ("x\n\n---\ntitle: long\n---\n\ny", ["x\n\n---\ntitle: long\n---\n\ny"]),
        ("x\n\n====\n\n====\n\ny", ["x\n\n====\n\n====\n\ny"]),
    ],
)
def test_underlines_and_fences_are_told_apart(text, cut):
    assert sorted(row["completion"] for row in passages(document(text))) == sorted(cut)


def test_a_title_between_two_lines_names_its_section():
    first, second = (passages(document(f"====\n{title}\n====\n\nx"))[0] for title in ("Top", "End"))
    assert first["section"] != second["section"]


def section(text, *headings, document="api.md", name=None, **values):
    extra = {"document": document, "headings": list(headings)}
    return event(name or " > ".join(headings) or document, text, action="document", extra=extra, **values)


@pytest.mark.parametrize(
    ("told", "passage"),
    [
        (section("Returns None.", "API", "chmod(path)"), "API > chmod(path)\n\nReturns None."),
        (section("chmod(path)\n\nReturns None.", "API", "chmod(path)"), "chmod(path)\n\nReturns None."),
        (section("## chmod(path)\nReturns None.", "API", "chmod(path)"), "## chmod(path)\nReturns None."),
        (section("Install it first.", "Install"), "Install\n\nInstall it first."),
        (section("Before any heading."), "Before any heading."),
        (section("Paths.", document="os.path", name="os.path"), "os.path\n\nPaths."),
        (section("Paths.", "Notes", document="os.path", name="os.path > Notes"), "os.path > Notes\n\nPaths."),
        (section("Run it.", "Use", document="x/README.md", name="x/README.md > Use"), "Use\n\nRun it."),
        (document("Text.", "guide.md", extra={"document": "guide.md"}), "Text."),
        (document("Text.", "guide.md", extra={"headings": "Use"}), "Text."),
        (section("Text.", "w" * 3000, "Use"), "Use\n\nText."),
        (section("Text.", "w" * 3000), "Text."),
    ],
)
def test_a_passage_of_a_section_begins_with_the_path_of_its_headings(told, passage):
    assert [row["completion"] for row in passages(told)] == [passage]


@pytest.mark.parametrize("end", ["", "\n# no heading, for it is code"])
def test_every_passage_of_a_long_section_has_the_headings_and_none_is_too_long(end):
    for size in range(1700, 2100, 40):
        rows = passages(
            section(
                ("Words. " * 30).strip() + "\n\n" + "é" * 100 + "\n\n" + "x\n\n" * (size // 3) + end, "API", "chmod"
            )
        )
        assert len(rows) >= 1 + (size > LIMIT)
        assert all(row["completion"].startswith("API > chmod\n\n") for row in rows)
        assert max(len(row["completion"]) for row in rows) <= LIMIT
        assert len({row["section"] for row in rows}) == 1 + bool(end)


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


def refuted(*events, before=()):
    return [row["completion"] for row in passages(*events, before=before) if row["failure"] == "disliked"]


@pytest.mark.parametrize("text", ["One.", f"# A\n\nOne.\n\n# B\n\n{PARAGRAPH * 9}"])
def test_a_text_that_was_disliked_is_given_as_disliked_in_all_its_passages(text):
    told = document(text)
    cut = [row["completion"] for row in passages(told)]
    assert refuted(document(text, feedback=-1.0)) == cut
    assert refuted(remark(told, score=-1.0), before=[told]) == cut
    assert refuted(remark(told, score=1.0), before=[told]) == []


def test_a_line_that_was_disliked_takes_back_the_passage_that_it_was_joined_to():
    lines = [event("", f"line {number}", turn=number, action="log") for number in range(3)]
    assert [row["completion"] for row in passages(*lines)] == ["line 0\nline 1\nline 2"]
    assert refuted(remark(lines[1], score=-1.0), before=lines) == ["line 0\nline 1\nline 2"]
