"""An answer that was cut off, filtered or interrupted is no success, whichever provider or format says so."""

import json

import pytest

from tests.engine.genai import chat, otlp, said
from tests.engine.genai import read as spans
from tests.engine.importing import read
from vibe_pipeline.interactions.importers.payloads import answered
from vibe_pipeline.interactions.importers.stop_reasons import failure_of

ANSWER = {"role": "assistant", "content": "a"}
QUESTION = {"role": "user", "content": "q"}
PART = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
ASKED_TOO_MUCH = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


@pytest.mark.parametrize(
    ("payload", "text", "failure"),
    [
        ({"choices": [{"finish_reason": "length", "message": ANSWER}]}, "a", "length"),
        ({"choices": [{"finish_reason": "content_filter", "message": {"content": ""}}]}, "", "content_filter"),
        ({"object": "response", "output": [PART], **ASKED_TOO_MUCH}, "a", "length"),
        ({"object": "response", "output": [], "text": {"format": {}}, **ASKED_TOO_MUCH}, "", "length"),
        ({"object": "response", "output": [PART], "status": "cancelled"}, "a", "interrupted"),
        ([PART | {"status": "incomplete"}], "a", "interrupted"),
        ({"type": "message", **ANSWER, "stop_reason": "max_tokens"}, "a", "length"),
        ({"type": "message", "role": "assistant", "content": [], "stop_reason": "refusal"}, "", "content_filter"),
        ({"candidates": [{"finishReason": "MAX_TOKENS", "content": {"parts": [{"text": "a"}]}}]}, "a", "length"),
        ({"candidates": [{"finish_reason": "FinishReason.SAFETY"}]}, "", "content_filter"),
        ({"output": {"message": ANSWER}, "stopReason": "guardrail_intervened"}, "a", "content_filter"),
        ({"message": ANSWER, "done": True, "done_reason": "length"}, "a", "length"),
        ({"text": "a", "finishReason": "content-filter"}, "a", "content_filter"),
        ({"type": "ai", "content": "a", "response_metadata": {"finish_reason": "length"}}, "a", "length"),
        ({"generations": [[{"text": "a", "generation_info": {"finish_reason": "length"}}]]}, "a", "length"),
        ([{"role": "assistant", "parts": [{"content": "a"}], "finish_reason": "length"}], "a", "length"),
    ],
)
def test_all_apis_tell_of_an_answer_that_did_not_end_well(payload, text, failure):
    (message,) = answered(payload)
    assert (message.text, message.success, message.error_type) == (text, False, failure)


@pytest.mark.parametrize("reason", ["stop", "end_turn", "tool_calls", "STOP", "completed", "", None, 1, ["length"]])
def test_an_answer_that_ended_says_nothing_of_its_success(reason):
    (message,) = answered({"choices": [{"finish_reason": reason, "message": ANSWER}]})
    assert (failure_of(reason), message.success, message.error_type) == (None, None, None)


def test_what_a_cut_answer_asked_for_stays_with_it():
    call = {"id": "k", "function": {"name": "f", "arguments": "{}"}}
    (message,) = answered({"choices": [{"finish_reason": "length", "message": ANSWER | {"tool_calls": [call]}}]})
    assert (message.text, message.calls[0][0], message.success) == ("a", "k", False)


CUT = {"choices": [{"finish_reason": "length", "message": ANSWER}]}
FILTERED = {"choices": [{"finish_reason": "content_filter", "message": {"role": "assistant", "content": ""}}]}
MOMENT = "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(("response", "failure"), [(CUT, "length"), (FILTERED, "content_filter")])
@pytest.mark.parametrize(
    "record",
    [
        lambda response: {"request": {"messages": [QUESTION]}, "response": response},
        lambda response: {"call_type": "acompletion", "startTime": 1, "messages": [QUESTION], "response": response},
        lambda response: {
            **{"id": "o", "traceId": "t", "type": "GENERATION", "startTime": MOMENT},
            **{"input": [QUESTION], "output": response},
        },
        lambda response: {
            "info": {"trace_id": "t"},
            "data": {
                "spans": [
                    {
                        "span_id": "s",
                        "attributes": {
                            "mlflow.spanType": '"CHAT_MODEL"',
                            "mlflow.spanInputs": json.dumps({"messages": [QUESTION]}),
                            "mlflow.spanOutputs": json.dumps(response),
                        },
                    }
                ]
            },
        },
    ],
    ids=["openai", "litellm", "langfuse", "mlflow"],
)
def test_every_format_that_keeps_the_response_keeps_how_it_ended(record, response, failure):
    (item,) = read(record(response))
    assert (item.input, item.success, item.error_type) == ("q", False, failure)


@pytest.mark.parametrize(
    "more",
    [
        {"gen_ai__response__finish_reasons": '["length"]'},
        {"gen_ai__response__finish_reasons": "length"},
        {"ai__response__finishReason": "length"},
    ],
)
def test_a_span_tells_how_its_answer_ended(more):
    (item,) = spans(otlp(chat(1, [said("user", "q")], [said("assistant", "a")], **more)))
    assert (item.output, item.success, item.error_type) == ("a", False, "length")


@pytest.mark.parametrize("content", ["a", ""])
def test_a_message_in_a_span_tells_how_it_ended(content):
    answer = said("assistant", *filter(None, [content])) | {"finish_reason": "content_filter"}
    (item,) = spans(otlp(chat(1, [said("user", "q")], [answer])))
    assert (item.output, item.success, item.error_type) == (content, False, "content_filter")


@pytest.mark.parametrize(
    "place",
    [
        lambda output: {"output": output},
        lambda output: {"events": [{"event": "model", "output": output}]},
    ],
)
def test_a_sample_of_inspect_ai_tells_how_its_answer_ended_whatever_its_grade(place):
    answer = {**ANSWER, "id": "2"}
    output = {"choices": [{"message": answer, "stop_reason": "max_tokens"}]}
    sample = {"id": 1, "epoch": 1, "messages": [QUESTION, answer], "scores": {"match": {"value": "C"}}, **place(output)}
    (item,) = read({"eval": {"task": "t"}, "samples": [sample]}, "inspect_ai")
    assert (item.output, item.success, item.error_type) == ("a", False, "length")
