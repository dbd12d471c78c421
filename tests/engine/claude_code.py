"""Lines of Claude Code's sessions, and what the importer makes of them, for its tests: not a test itself."""

from __future__ import annotations

from tests.engine.spoiling import MOMENT
from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.records import Interaction


def line(kind: str, content, uuid: str = "", parent: str | None = None, session: str = "s1", **more) -> dict:
    message = {"role": kind, "content": content, **more.pop("message", {})}
    value = {"type": kind, "sessionId": session, "timestamp": "2026-01-02T03:04:05Z", "message": message, **more}
    return value | ({"uuid": uuid, "parentUuid": parent} if uuid else {})


def user(content, *names, **more) -> dict:
    return line("user", content, *names, **more)


def answer(content, *names, **more) -> dict:
    return line("assistant", content, *names, **more)


def call(identity: str, command: str = "ls") -> dict:
    return {"type": "tool_use", "id": identity, "name": "Bash", "input": {"command": command}}


def result(identity: str, content="done", details=None, **more) -> dict:
    part = {"type": "tool_result", "tool_use_id": identity, "content": content, **more}
    return user([part], **({"toolUseResult": details} if details is not None else {}))


def read(*lines: dict) -> list[Interaction]:
    importer = formats()["claude_code"]
    assert all(importer.recognises(value) or importer.accompanies(value) for value in lines)
    return [item for item in importer.read(list(lines), "test", MOMENT) if isinstance(item, Interaction)]


def said(*lines: dict) -> list[tuple[str, str, str]]:
    return [(item.action, item.input, item.output) for item in read(*lines)]


BASH = '{"name": "Bash", "arguments": {"command": "ls"}}'
