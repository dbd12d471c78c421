"""Spans as JSON, and what is read from them, for the tests of importers: not a test itself."""

import json
from datetime import UTC, datetime

from vibe_pipeline.interactions.importers import otel_genai
from vibe_pipeline.records import Interaction

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)

NANOSECONDS = 1_767_312_000_000_000_000


def otlp(*spans: dict) -> dict:
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": list(spans)}]}]}


def span(number: int = 1, trace: str = "t", events: list | None = None, **more) -> dict:
    attributes = {key.replace("__", "."): value for key, value in more.items() if "__" in key}
    return {
        "traceId": trace,
        "spanId": f"s{number}",
        "startTimeUnixNano": str(NANOSECONDS + number * 10**9),
        "endTimeUnixNano": str(NANOSECONDS + number * 10**9 + 250_000_000),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
        "events": [{"name": name, "attributes": values} for name, values in events or []],
        **{key: value for key, value in more.items() if "__" not in key},
    }


def attributes(**values: str) -> list[dict]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def said(role: str, *parts) -> dict:
    return {"role": role, "parts": [{"type": "text", "content": p} if isinstance(p, str) else p for p in parts]}


def chat(number: int, asked: list, answer: list, **more) -> dict:
    messages = {"gen_ai__input__messages": json.dumps(asked), "gen_ai__output__messages": json.dumps(answer)}
    return span(number, gen_ai__operation__name="chat", gen_ai__request__model="m", **messages, **more)


def read(*values) -> list[Interaction]:
    found = list(otel_genai.read(list(values), "test", MOMENT))
    assert all(isinstance(item, Interaction) for item in found), found
    return found


def turns(found: list[Interaction]) -> list[tuple]:
    return [(item.turn, item.action, item.input, item.output) for item in found]
