"""Documents: a section keeps its identity, what only looks like a heading is none, and no text is lost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.serving import sealed
from vibe_pipeline.interactions.importers import Wanted, document, import_paths
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.store import Store

MANUAL = """---
title: The manual
---
Before any heading.

# Install `vibe`

Two steps.

```sh
# not a heading
pip install it
```

## On Linux

> # nor this

Setext
------

Below it.

# Use

Run it.
"""

RST = """\
======
Manual
======

Welcome.

Install
=======

Two steps::

    $ run
    -----

On Linux
--------
Easily.

Use
===

Run it.
"""


@pytest.fixture
def bring(store, tmp_path):
    """Write a file of the folder `docs` and import that folder."""

    def run(text: str | bytes, name: str = "manual.md", **options):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        options = {"format": "document", **options}
        (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "docs"], Wanted(**options))
        assert result.imported + result.duplicate + result.quarantined == result.read
        return result

    return run


def rows(store: Store) -> list[dict]:
    return sealed(store.root).rows(named=True)


def sections(text: str, name: str, tmp_path: Path) -> list[tuple[str, str]]:
    path = tmp_path / name
    path.write_text(text)
    return [(" > ".join(it.value["headings"]), it.value["text"]) for it in document.records(File(path, name))]


def test_sections_of_markdown_have_their_path_of_headings(tmp_path):
    assert sections(MANUAL, "a.md", tmp_path) == [
        ("", "Before any heading."),
        ("Install vibe", "Two steps.\n\n```sh\n# not a heading\npip install it\n```"),
        ("Install vibe > On Linux", "> # nor this"),
        ("Install vibe > Setext", "Below it."),
        ("Use", "Run it."),
    ]


def test_sections_of_restructured_text(tmp_path):
    assert sections(RST, "a.rst", tmp_path) == [
        ("Manual", "Welcome."),
        ("Manual > Install", "Two steps::\n\n    $ run\n    -----"),
        ("Manual > Install > On Linux", "Easily."),
        ("Manual > Use", "Run it."),
    ]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("---\n\nAn introduction that matters.\n\n---\n\nMore.", "a.md", [("", "---\n\nAn intro")]),
        ("---\n- a point\n---\nMore.", "a.md", [("", "---\n- a point")]),
        ("+++\n[page]\ntitle = 'x'\n+++\nText.", "a.md", [("", "Text.")]),
        ('---\n# of jo\ntags:\n- a\n  b: c\n\n"k": [1,\n]\n---\nText.', "a.md", [("", "Text.")]),
        ("---\n---\nText.", "a.md", [("", "Text.")]),
        ("---\nFAQ\n---\n\nText.", "a.rst", [("FAQ", "Text.")]),
        ("---\na: b\n---\nText.", "a.txt", [("", "---\na: b\n---\nText.")]),
    ],
)
def test_front_matter_is_keys_at_the_start_of_markdown(tmp_path, text, name, expected):
    found = sections(text, name, tmp_path)
    assert [(path, part[: len(start)]) for (path, part), (_, start) in zip(found, expected, strict=True)] == expected


def test_a_section_is_an_interaction_that_says_where_it_stood(bring, store):
    assert bring(MANUAL, "guide/manual.md").imported == 5
    found = {row["input"]: row for row in rows(store)}
    row = found["Install vibe > On Linux"]
    assert (row["module"], row["action"], row["output"]) == ("document", "document", "> # nor this")
    assert '"document": "guide/manual.md"' in row["extra"]
    assert '"front_matter": "title: The manual"' in row["extra"]
    assert "guide/manual.md" in found


def test_an_edited_section_is_new_in_its_old_place_and_its_neighbours_are_known(bring, store):
    bring(MANUAL)
    result = bring(MANUAL.replace("Two steps.", "Three steps."))
    assert (result.read, result.imported, result.duplicate) == (5, 1, 4)
    versions = [row["conversation_id"] for row in rows(store) if row["input"] == "Install vibe"]
    assert len(versions) == 2
    assert len(set(versions)) == 1


def test_the_same_folder_in_another_place_brings_nothing_new(bring, store, tmp_path):
    bring(MANUAL, "guide/manual.md")
    (tmp_path / "docs").rename(tmp_path / "moved")
    (again,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "moved"], Wanted("document"))
    assert (again.imported, again.duplicate) == (0, 5)


def test_a_long_section_is_split_between_its_blocks(tmp_path):
    fence = "```\n" + "code\n\n" * 400 + "```"
    text = "# A\n\n" + "\n\n".join(["word " * 300] * 4) + f"\n\n{fence}\n"
    parts = [part for _, part in sections(text, "a.md", tmp_path)]
    assert max(map(len, parts)) <= document.LIMIT
    assert parts[-1].count("```") == 2
    assert [part.count("word") for part in parts] == [600, 600, 0]


@given(st.text(st.sampled_from("ab .\n#=-`>*\r\t1é"), max_size=400))
def test_no_word_is_lost_whatever_the_text(tmp_path_factory, text):
    for name in ("a.txt", "a.md", "a.rst"):
        found = sections(text, name, tmp_path_factory.mktemp("any"))
        told = "".join(part for _, part in found) + "".join(path for path, _ in found)
        # A heading with nothing below it is no section, so in Markdown and rst only what stands below is looked for.
        if name == "a.txt":
            assert "".join(told.split()) == "".join(text.split())
        assert all(part.strip() for _, part in found)


def test_a_huge_line_is_cut_and_nothing_of_it_is_lost(tmp_path):
    text = "x" * 9_000 + " " + "y" * 300
    parts = [part for _, part in sections(text, "a.txt", tmp_path)]
    assert max(map(len, parts)) <= document.LIMIT
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\0b" * 10, "not text"),
        (b"x" * 40, "larger than 0 MiB: no document"),
        (b"good\n\ncaf\xe9\n", "not UTF-8"),
        (b"\xff\xfea\x00b", "not UTF-8"),
    ],
)
def test_what_is_no_document_says_why(bring, monkeypatch, content, reason):
    monkeypatch.setattr(document, "LARGEST", 35)
    assert bring(content, "a.txt").reasons == {reason: 1}


@pytest.mark.parametrize(("name", "format"), [("README", "document"), ("a.txt", "git"), ("a.zip", "document")])
def test_a_file_that_the_named_format_does_not_read_is_one_reject(store, tmp_path, name, format):
    (tmp_path / name).write_text("# One\n\ntext\n")
    (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / name], Wanted(format))
    assert result.reasons == {f"no file that the format {format} reads": 1}


def test_a_named_text_is_a_document_and_a_folder_gives_its_texts_only_when_asked(store, bring, tmp_path):
    bring(MANUAL)
    logger = InteractionLogger(store.root)
    (named,) = import_paths(logger, store, [tmp_path / "docs" / "manual.md"])
    assert (named.format, named.duplicate) == ("document", 5)
    assert [it.read for it in import_paths(logger, store, [tmp_path / "docs"])] == [0]


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ('{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}', "openai_chat"),
        ('[\n{"prompt": "q", "completion": "a"}\n]', "openai_chat"),
        ("# aider chat started at 2026-01-02 03:04:05\n\n#### q  \n\na\n", "aider"),
        ("[a link](there) begins this text", "document"),
        ("2026 was a good year", "document"),
        ("[]\n\nis an empty list", "document"),
        ("[1, 2]\n\nhas two numbers", "document"),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_the_content_of_a_named_file_decides(store, tmp_path, left_alone, text, format, name):
    (tmp_path / name).write_text(text)
    (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / name])
    assert (result.format, result.imported) == (format, 1)
