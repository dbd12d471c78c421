"""inspect_ai's logs of evaluations: .json, and .eval, which is a zip with one file a sample.

A sample is one conversation; of its events only the times are read: when an answer or a tool was asked for, and how
long it took. A zip is read where it lies and nothing of it is written anywhere, so that the names in it cannot lead
out of a folder; one that was cut off gives the samples that are whole.

Not here: what an exchange is (exchanges.py), and the library itself: it brings a web server and a dozen providers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from vibe_pipeline.interactions.importers.archives import is_archive, members
from vibe_pipeline.interactions.importers.calls import error_name, is_finite
from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.fields import ms_between, row_of, rows_of, text_at
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, moment_of
from vibe_pipeline.interactions.importers.payloads import asked
from vibe_pipeline.interactions.importers.raw import NOT_JSON, NOT_UTF8, TOO_DEEP, Raw
from vibe_pipeline.interactions.importers.stop_reasons import reason_in, stopped
from vibe_pipeline.interactions.lines import repaired
from vibe_pipeline.records import Interaction

Row = dict[str, Any]

HEADERS = ("header.json", "_journal/start.json")
REFERENCE = "attachment://"
GRADES = {"C": True, "I": False, "N": False}
"""Correct, incorrect, no answer; what is partly correct is neither."""


def opens(file: File, start: bytes) -> bool:
    """Whether it is a zip with the files of a log in it; what is called .eval is one, however broken."""
    if not is_archive(start):
        return False
    return file.path.suffix.lower() == ".eval" or b"_journal/" in start


def recognises(value: Any) -> bool:
    """Whether this is a log, whole or with one of its samples."""
    return isinstance(value, dict) and isinstance(value.get("eval"), dict) and ("samples" in value or "plan" in value)


def records(file: File) -> Iterator[Raw]:
    """One record a sample, with what the log says of all of them."""
    log = _log(file.path)
    is_empty = True
    for member in members(file.path):
        is_sample = member.name.startswith("samples/") and member.suffix == ".json"
        is_empty = is_empty and not is_sample and member.reason is None
        if member.reason is not None:
            yield Raw(member.name, reason=member.reason)
        elif is_sample:
            content = member.file.read()
            sample, reason = _json(content)
            value = {"eval": {}, **log, "samples": [sample]} if reason is None else None
            yield Raw(repaired(content.decode("utf-8", "replace")), value, reason)
    if is_empty:
        yield Raw(file.path.name, {"eval": {}, **log, "samples": []})


def _log(path: Path) -> Row:
    """What a zip says of all its samples; it stands behind them, so the archive is read once more for it."""
    headers = {
        it.name: row_of(_json(it.file.read())[0]) for it in members(path) if it.name in HEADERS and not it.reason
    }
    header = next((headers[name] for name in HEADERS if "eval" in headers.get(name, {})), {})
    return {key: header[key] for key in ("eval", "status") if key in header}


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of all samples; a sample that gives nothing costs no other."""
    samples = value.get("samples")
    if not isinstance(samples, list) or not samples:
        raise Unusable("a log without samples" if not samples else "samples is not a list")
    found: list[Interaction] = []
    losses = Losses()
    for sample in samples:
        with losses.of(sample):
            found += _sample(sample, value["eval"], source, at)
    yield from losses.beside(found)
    yield from found


def _sample(sample: Any, evaluation: Row, source: str, at: datetime) -> list[Interaction]:
    if not isinstance(sample, dict):
        raise Unusable("a sample is not an object")
    kept = [evaluation.get("task_id"), sample.get("id"), sample.get("epoch")]  # a retry has a run_id of its own
    name = text_at(sample, "uuid") or json.dumps(kept)
    task = {key: evaluation[key] for key in ("task",) if isinstance(evaluation.get(key), str)}
    output = row_of(sample.get("output"))
    created = _began(sample) or moment_of({"time": evaluation.get("created")})
    origin = Origin(
        module="inspect_ai",
        source=source,
        at=created or at,
        model=text_at(evaluation, "model") or text_at(output, "model"),
        extra={**task, **_about(sample)},
        conversation=name,
    )
    return interactions(_judged(_messages(sample, output), sample), origin)


def _messages(sample: Row, output: Row) -> list[Message]:
    listed = sample.get("messages")
    if not isinstance(listed, list):
        raise Unusable("a sample without messages")
    attachments = row_of(sample.get("attachments"))
    timed = _times([*_events(sample), {"output": output}])
    messages = [each for item in listed for each in _message(item, attachments, timed)]
    if not any(message.role == "user" for message in messages) and not any(m.role == "result" for m in messages):
        messages = [*asked(_filled(sample.get("input"), attachments)), *messages]
    if not any(message.role == "assistant" for message in messages):
        choices = output.get("choices")
        first = row_of(choices[0]) if isinstance(choices, list) and choices else {}
        said = first.get("message")
        messages += list(_message(said, attachments, timed)) if isinstance(said, dict) else []
    return _with_calls(messages, listed)


def _message(item: Any, attachments: Row, timed: dict[str, Row]) -> Iterator[Message]:
    """A message in our words; what a tool broke on is its error."""
    if not isinstance(item, dict):
        raise Unusable("a message is not an object")
    event = timed.get(text_at(item, "id") or "") or timed.get(text_at(item, "tool_call_id") or "") or {}
    at, ended = moment_of({"time": event.get("timestamp")}), moment_of({"time": event.get("completed")})
    error = row_of(item.get("error"))
    for message in stopped(asked([_filled(item, attachments)]), _reason(event)):
        said = replace(message, at=at, latency_ms=ms_between(at, ended))
        if message.role == "assistant":
            said = replace(said, model=text_at(item, "model") or text_at(event, "model"))
        if message.role == "result" and not error:
            said = replace(said, success=True)
        elif message.role == "result":
            words = text_at(error, "message") or ""
            kind, extra = text_at(error, "type") or "error", {"error": words} if words else {}
            said = replace(said, text=message.text or words, success=False, error_type=kind, extra=extra)
        yield said


def _reason(event: Row) -> Any:
    """Why the model stopped in it."""
    choices = rows_of(row_of(event.get("output")).get("choices"))
    return reason_in(choices[0]) if choices else None


def _events(sample: Row) -> list[Row]:
    """Of the sample; old logs keep them in a transcript."""
    return rows_of(sample.get("events", row_of(sample.get("transcript")).get("events")))


def _times(events: list[Row]) -> dict[str, Row]:
    """The event of each answer by the id of its message, and of each run of a tool by the id of its call."""
    found: dict[str, Row] = {}
    for event in events:
        choices = row_of(event.get("output")).get("choices")
        answer = row_of(row_of(choices[0]).get("message")) if isinstance(choices, list) and choices else {}
        name = text_at(event, "id") if event.get("event") == "tool" else text_at(answer, "id")
        if name:
            found.setdefault(name, event)
    return found


def _began(sample: Row) -> datetime | None:
    first = next((moment for event in _events(sample) if (moment := moment_of({"time": event.get("timestamp")}))), None)
    return moment_of({"time": sample.get("started_at")}) or first


def _with_calls(messages: list[Message], listed: list[Any]) -> list[Message]:
    """A log may hold results of tools whose calls it does not: then the tool's name stands for the call."""
    known = {identity for message in messages for identity, _ in message.calls}
    names = {
        text_at(item, "tool_call_id"): text_at(item, "function")
        for item in listed
        if isinstance(item, dict) and item.get("role") == "tool"
    }
    complete: list[Message] = []
    for message in messages:
        if message.role == "result" and message.call_id and message.call_id not in known:
            call = json.dumps({"name": names.get(message.call_id), "arguments": {}}, ensure_ascii=False)
            complete.append(Message("assistant", calls=((message.call_id, call),)))
        complete.append(message)
    return complete


def _judged(messages: list[Message], sample: Row) -> list[Message]:
    """The last answer with its score; a sample that broke before its answer has one that failed."""
    error = row_of(sample.get("error"))
    last = max((n for n, message in enumerate(messages) if message.role == "assistant" and message.text), default=-1)
    asked_last = max((n for n, message in enumerate(messages) if message.role == "user"), default=-1)
    if error and asked_last > last:
        words = text_at(error, "message")
        extra = {"error": words} if words else {}
        return [*messages, Message("assistant", success=False, error_type=error_name(words), extra=extra)]
    if last < 0:
        return messages
    grades = [grade for grade in map(_grade, row_of(sample.get("scores")).values()) if grade is not None]
    if error:
        messages[last] = replace(messages[last], success=False, error_type=error_name(text_at(error, "message")))
    elif grades:
        messages[last] = replace(messages[last], success=all(grades) and messages[last].success is not False)
    return messages


def _grade(score: Any) -> bool | None:
    """Whether an answer was right; what a number means only its scorer knows."""
    value = score.get("value") if isinstance(score, dict) else score
    return GRADES.get(value) if isinstance(value, str) else value if isinstance(value, bool) else None


def _about(sample: Row) -> Row:
    """What is kept beside the text: the expected answer and the scores."""
    scores = {
        name: {
            key: item for key, item in score.items() if key in ("value", "answer", "explanation") and item is not None
        }
        for name, score in row_of(sample.get("scores")).items()
        if isinstance(score, dict)
    }
    plain = {key: sample[key] for key in ("id", "epoch", "target") if sample.get(key) not in (None, "", [])}
    limit = text_at(row_of(sample.get("limit")), "type")
    found = {**plain, **({"scores": scores} if scores else {}), **({"limit": limit} if limit else {})}
    return {key: item for key, item in found.items() if is_finite(item)}


def _filled(value: Any, attachments: Row) -> Any:
    """With the long texts that are kept once for the whole sample put back."""
    if isinstance(value, str) and value.startswith(REFERENCE):
        found = attachments.get(value.removeprefix(REFERENCE))
        return found if isinstance(found, str) else value
    if isinstance(value, list):
        return [_filled(item, attachments) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, attachments) for key, item in value.items()}
    return value


def _json(content: bytes) -> tuple[Any, str | None]:
    try:
        return repaired(json.loads(content.decode("utf-8-sig"))), None
    except UnicodeDecodeError:
        return None, NOT_UTF8
    except RecursionError:
        return None, TOO_DEEP
    except ValueError:
        return None, NOT_JSON
