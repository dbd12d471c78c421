"""First sentences, docstring by docstring."""

from __future__ import annotations

import pytest

from vibe_pipeline.interactions.synthesize.sentences import first_sentence


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("Test whether a path exists.  Returns False for broken links", "Test whether a path exists."),
        ("Return the name\nof this machine\n\nMore.", "Return the name of this machine."),
        ("Read it all at once\nReturns the bytes.", "Read it all at once."),
        ("gethostname() -> string\n\nReturn the current host name.", "Return the current host name."),
        ("f(a)\nf(a, b) -> c\n\nJoin a and b.", "Join a and b."),
        ("Use e.g. a file as input. Then go on.", "Use e.g. a file as input."),
        ("Write ``x`` with :class:`~a.b.Writer` to `out`.", "Write x with Writer to out."),
        ("See-through **bold** and *soft* words.", None),
        ("Make **bold** and *soft* words from *args.", "Make bold and soft words from *args."),
        ("Follow a [link][target] or [another](https://example.org).", "Follow a link or another."),
        ("Read `the guide <https://example.org>`_ again.", "Read the guide again."),
        ("compare two files.", "Compare two files."),
        ("a strategy for :class:`~python:complex` numbers.", "A strategy for complex numbers."),
        ("Parse a file\n:param file: what to parse", "Parse a file."),
        ("Return the names of\n:class:`.Box` and\n:py:meth:`~a.Box.open`.", "Return the names of Box and open."),
    ],
)
def test_the_first_sentence_is_taken_whole_and_plain(docstring, sentence):
    assert first_sentence(docstring) == sentence


@pytest.mark.parametrize(
    "docstring",
    [
        "",
        "Too short.",
        "f(a, b) -> c",
        "Same as above, but faster.",
        "Deprecated since version 3: use the other one.",
        "Initialize self.  See help(type(self)) for accurate signature.",
        "Return one of these:\n\n- a\n- b",
        "Return one of\n- a\n- b",
        "It returns the thing that was asked for.",
        "This sentence goes on and on and on until it holds far more than sixteen words in all.",
        "Open (the file of that name.",
        "Read https://example.org for all there is.",
        "=== A table of things ===",
    ],
)
def test_what_would_not_stand_by_itself_is_left_out(docstring):
    assert first_sentence(docstring) is None
