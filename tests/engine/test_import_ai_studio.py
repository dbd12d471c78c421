"""AI Studio's saved prompts: chunks in their order, thoughts apart, code with what came out of it."""

from datetime import UTC, datetime

import pytest

from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.interactions.importers.messages import Unusable

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def read(*chunks, **more):
    value = {"runSettings": {"model": "models/gemini-x"}, "chunkedPrompt": {"chunks": list(chunks)}, **more}
    importer = formats()["ai_studio"]
    assert importer.recognises(value)
    return list(importer.read(value, "test", MOMENT))


def test_a_prompt_with_thoughts_code_and_an_image():
    ran, answer = read(
        {"role": "user", "driveImage": {"id": "i"}},
        {"role": "user", "text": "what?", "createTime": "2025-01-01T00:00:00Z"},
        {"role": "model", "text": "hm", "isThought": True},
        {"role": "model", "executableCode": {"language": "PYTHON", "code": "1/0"}},
        {"role": "model", "codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "division"}},
        {"role": "model", "parts": [{"text": "a "}, {"text": "dot"}]},
        systemInstruction={"text": "be brief"},
    )
    assert (ran.input, ran.output) == ('{"name": "PYTHON", "arguments": "1/0"}', "division")
    assert (ran.success, ran.error_type) == (False, "OUTCOME_FAILED")
    assert (answer.input, answer.output, answer.model_id) == ("[image]\n\nwhat?", "a dot", "gemini-x")
    assert answer.extra == {"system": "be brief", "reasoning": "hm"}
    assert answer.occurred_at.year == 2025


def test_an_error_in_the_place_of_the_answer_is_a_failed_interaction():
    (item,) = read({"role": "user", "text": "q"}, {"role": "model", "errorMessage": "quota"})
    assert (item.input, item.output, item.success, item.error_type) == ("q", "", False, "error")


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([], "chunks is empty"),
        ([3], "a chunk is not an object"),
        ([{"text": "x"}], "a chunk has the unknown role None"),
        ([{"role": "user", "text": "q"}], "no answer follows a question"),
    ],
)
def test_what_gives_nothing_has_its_reason(chunks, reason):
    with pytest.raises(Unusable, match=reason):
        read(*chunks)
