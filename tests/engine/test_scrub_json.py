"""JSON is scrubbed as what it says, keys and numbers too, and stays JSON; what only looks like it is a text."""

import json
import re
import tracemalloc

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.splinters import DOCUMENTS, HALF, MESSAGES, PIECES
from vibe_pipeline.scrub.placeholders import PLACEHOLDER


@given(DOCUMENTS.filter(lambda value: not isinstance(value, str)))
def test_any_document_is_scrubbed_and_stays_one(scrubber, value):
    scrubbed = scrubber.column(pl.Series([json.dumps(value)]))[0][0]
    assert type(json.loads(scrubbed)) is type(value)


@given(
    MESSAGES.map(lambda text: text.replace(HALF, "")),
    st.sampled_from(["[" * 2000, '{"a": ' * 300, '["', '{"a": "\n', ""]),
)
def test_no_text_stops_its_neighbours(scrubber, text, before):
    texts = pl.Series([f"{before}{text}", "mail jo@x.org"])
    assert PLACEHOLDER.search(scrubber.column(texts)[0][1])


@pytest.mark.parametrize("before", ["", "[" * 990, "[" * 100_000, '["first\nlast", '], ids=len)
@pytest.mark.parametrize(
    "text", ['"jo@x.org \\ud83d"', '"C:\\Users\\joanna\\x"', '"first\njo@x.org"', '"\\x jo@x.org"']
)
def test_what_only_looks_like_json_is_scrubbed_as_text(kinds, before, text):
    wanted = text.replace("jo@x.org", "[email]").replace("joanna", "[username]")
    assert kinds(before + text) == before + wanted


def test_half_a_character_in_json_stays_as_it_was_written(kinds):
    assert kinds('{"t": "jo@x.org: \\ud83d"}') == '{"t": "[email]: \\ud83d"}'


def test_in_json_each_number_is_quoted_by_itself(kinds):
    wanted = '{"phone": "[phone]", "mobile": "[phone]", "n": 1}'
    assert kinds('{"phone": 2125551234, "mobile": "2125551235", "n": 1}') == wanted


@given(
    st.dictionaries(
        st.one_of(PIECES, st.text(max_size=5)),
        st.one_of(
            PIECES, st.integers(), st.lists(PIECES, max_size=2), st.sampled_from([4242424242424242, 4155552671, 1e300])
        ),
        max_size=3,
    )
)
def test_json_stays_json_of_the_same_shape(scrubber, value):
    scrubbed = json.loads(scrubber.column(pl.Series([json.dumps(value, ensure_ascii=False)]))[0][0])
    assert [isinstance(it, list) for it in scrubbed.values()] == [isinstance(it, list) for it in value.values()]


def test_in_json_numbers_keys_and_escaped_secrets_are_seen(kinds):
    value = {
        "a@x.org": 1,
        "card": 4242424242424242,
        "phone": 4155552671,
        "password": 'x7"y9zz',
        "n": 10**30,
        "t": "é\nb@x.org",
    }
    assert json.loads(kinds(json.dumps({**value, "t": "é\nb@x.org"}))) == {
        "[email]": 1,
        "card": "[card]",
        "phone": "[phone]",
        "password": "[named_secret]",
        "n": 10**30,
        "t": "é\n[email]",
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("密码：hunter22x", "named_secret"),
        ("contraseña: hunter22x", "named_secret"),
        ("我的电话是13800138000", "phone"),
    ],
)
def test_words_of_other_languages_are_seen_in_json_in_ascii_too(kinds, text, kind):
    value = re.sub("[0-9a-z]+$", f"[{kind}]", text)
    assert json.loads(kinds(json.dumps([text]))) == [value]


def test_a_pair_of_fields_is_seen_in_json_inside_json(kinds):
    def nested(value: str) -> str:
        pair = f'"env":[{{"name":"DB_PASSWORD","value":"{value}"}}]'
        return json.dumps({"k": json.dumps({"k": pair})})

    assert kinds(nested("hunter22x")) == nested("[named_secret]")


def test_json_stays_json_even_where_a_secret_spans_two_values(clean):
    body = "\n".join("MIIEowIBAAKCAQEA7bq3" + str(row) * 44 for row in range(6))
    value = {"a": f"-----BEGIN PRIVATE KEY-----\n{body}", "b": f"{body}\n-----END PRIVATE KEY-----", "n": 10**30}
    scrubbed = json.loads(clean(json.dumps(value)))
    assert PLACEHOLDER.fullmatch(scrubbed["a"])
    assert scrubbed["n"] == 10**30


def test_what_looks_like_a_number_inside_a_string_is_none(kinds):
    text = '{"n": "\\": 415, {7", "phone": "4155552671", "fax":4155552672, "v": [-1, 2.5e3, "3"],"mobile" : 4155552673}'
    wanted = '{"n": "\\": 415, {7", "phone": "[phone]", "fax":"[phone]", "v": [-1, 2.5e3, "3"],"mobile" : "[phone]"}'
    assert kinds(text) == wanted


def test_json_of_many_numbers_takes_little_more_memory_than_its_text(clean):
    text = json.dumps({"mail": "jo@x.org", "phone": 4155552671, "v": [7] * 20_000}, separators=(",", ":"))
    clean('{"phone": 4155552671}')  # what is imported at the first
    tracemalloc.start()
    try:
        assert json.loads(clean(text))["v"] == [7] * 20_000
        assert tracemalloc.get_traced_memory()[1] < 25 * len(text)
    finally:
        tracemalloc.stop()
