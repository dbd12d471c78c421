"""Lines of Codex rollouts, and what the importer makes of them, for its tests: not a test itself."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.engine.spoiling import MOMENT
from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.records import Interaction

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def line(kind: str, **payload) -> dict:
    return {"timestamp": "2026-01-02T03:04:05Z", "type": kind, "payload": payload}


META = line("session_meta", id="t1", cwd="/w", cli_version="0.50", git={"branch": "main"})


def item(kind: str, **more) -> dict:
    return line("response_item", type=kind, **more)


def event(kind: str, **more) -> dict:
    return line("event_msg", type=kind, **more)


def user(*texts: str) -> dict:
    return item("message", role="user", content=[{"type": "input_text", "text": text} for text in texts])


def answer(text: str) -> dict:
    return item("message", role="assistant", content=[{"type": "output_text", "text": text}])


def call(call_id: str = "c", arguments: str = '{"command": ["ls"]}') -> dict:
    return item("function_call", name="shell", call_id=call_id, arguments=arguments)


def output(value, call_id: str = "c") -> dict:
    return item("function_call_output", call_id=call_id, output=value)


def read(*lines: dict) -> list[Interaction]:
    importer = formats()["codex_cli"]
    assert all(importer.recognises(value) for value in lines)
    return [item for item in importer.read(list(lines), "test", MOMENT) if isinstance(item, Interaction)]


def said(*lines: dict) -> list[tuple[str, str, str]]:
    return [(found.action, found.input, found.output) for found in read(*lines)]


SHELL = '{"name": "shell", "arguments": {"command": ["ls"]}}'
