"""What property tests of scrubbing put texts and documents together from: secrets, look-alikes, broken syntax."""

import json

from hypothesis import strategies as st

from tests.engine.look_alikes import harmless
from tests.engine.planted import planted

PIECES = st.sampled_from(
    [item.before + item.value + item.after for item in planted(seed=3, each=2)]
    + [text for _, text in harmless(seed=3, each=2)]
    + ["[email:3f2a9c]", "://", "@", ":", "password=", '"', "\\n", "[", "]", " ", "/home/", "+", "0"]
)

HALF = "\ud83d"
"""What an emoji that was cut in two leaves: UTF-8 cannot hold it, an escape in JSON can."""

SPLINTERS = st.one_of(PIECES, st.sampled_from(
    [HALF, "\n", "\0", "\x85", "\x1b[1m", "\\ud83d", "\\u0085", "\\x", "\\", '"', "[[[[", "]", '{"phone": 4155552671}']
))  # fmt: skip
MESSAGES = st.lists(SPLINTERS, max_size=4).map("".join)
DOCUMENTS = st.recursive(
    MESSAGES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MESSAGES, inner, max_size=2) | inner.map(json.dumps),
    max_leaves=6,
)
