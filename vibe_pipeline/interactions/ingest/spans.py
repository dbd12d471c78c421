"""Spans that came over HTTP, kept until the rest of their conversation has come, then read as one.

An exporter sends what has ended since its last request: a call of a model now, the tool that it asked for and the
agent around both in later requests. Read by themselves they would be other interactions than the whole is. So each
span waits in a spool, on the disk, and a conversation is read once it is complete: the spans around all its traces
have come and nothing followed for SETTLED_S, or nothing followed for ABANDONED_S. Where too much waits, the largest are
read at once. Ids depend on what was said alone: spans that come twice, and conversations that go on later and repeat
their history, bring only what is new.

Not here: what spans mean (importers/genai_spans.py).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from vibe_pipeline import settings
from vibe_pipeline.durable import make_folder, sync
from vibe_pipeline.fingerprint import sha_of_bytes
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.importers import lines_of
from vibe_pipeline.interactions.importers.genai_spans import NOTHING, Span, conversations_of, interactions_of
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.importers.tally import Line, by_stream
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.schema import require_version
from vibe_pipeline.interactions.spool import take
from vibe_pipeline.records import SCHEMA_VERSION
from vibe_pipeline.store import Store, size_of

SPOOL = "log/spans/spool"
JOINING = "log/spans/joining"

SOURCE = "otlp"

FIELDS = tuple(field.name for field in fields(Span))

LOCK_WAIT_S = 60.0

SETTLED_S = 10.0
"""Processes that share a trace export it each for itself, by default every 5 s."""

ABANDONED_S = 600.0
"""How long a tool may run before the call after it counts as another conversation, where no outer span says more."""

CROWDED_BYTES = 8 << 20
"""More than this does not wait for what may never come, and the largest conversations do not wait at all."""

FULL_BYTES = 32 << 20
"""More than this is not taken in: what is joined is held in memory, and takes some ten times as much there."""


IsMeant = Callable[[str], bool]
"""Whether a conversation, told as text, is not to wait for its rest."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One span as it was kept."""

    line: bytes
    span: Span
    received_at: datetime


def line_of_span(span: Span, received_at: datetime) -> bytes:
    """The span as one line of JSON."""
    known = {name: getattr(span, name) for name in FIELDS}
    values = {"schema_version": SCHEMA_VERSION, "received_at": received_at, **known}
    return json.dumps(values, default=datetime.isoformat, separators=(",", ":")).encode()


def waiting(store: Store) -> int:
    """How many spans wait for the rest of their conversation."""
    count = 0
    for path in _files(store):
        with suppress(FileNotFoundError):  # joined meanwhile
            count += path.read_bytes().count(b"\n")
    return count


def waiting_bytes(store: Store) -> int:
    """How many bytes of spans wait."""
    return size_of(_files(store))


def locked(store: Store, wait_s: float = LOCK_WAIT_S) -> AbstractContextManager[None]:
    """One joiner at a time."""
    return store.lock("spans", wait_s)


def join(
    store: Store,
    log: settings.Log = settings.DEFAULT_LOG,
    *,
    now: datetime | None = None,
    wait_s: float = LOCK_WAIT_S,
    is_meant: IsMeant | None = None,
    is_ending: Callable[[], bool] = bool,
) -> int:
    """Log the interactions of all conversations that are complete, or meant; returns how many there were. Once it is
    ending, no other conversation is begun: they wait on.

    The order of the steps is the safety: log, keep what still waits in one new file, only then remove the old ones. A
    crash in between repeats some of it, which gives the same ids. Busy if another process joins for longer than that.
    """
    if not _files(store):
        return 0
    with locked(store, wait_s):
        files = _taken(store)
        spans, rejects = _read(files)
        complete, rest = _divided(spans, now or datetime.now(UTC), is_meant)
        found: list[Line] = []
        for conversation in complete:
            if is_ending():
                rest += conversation
                continue
            interactions, unusable = _interactions(conversation)
            found += interactions
            rejects += unusable
        logger = InteractionLogger(store.root)
        logger.log_lines(**by_stream(found))
        logger.close()
        quarantine.keep(store, "interactions", rejects, SOURCE, log, source=SOURCE)
        _replace(store, files, rest)
    return sum(line.stream == "interactions" for line in found)


def coming(store: Store, is_meant: IsMeant) -> tuple[dict[str, list[bytes]], list[str]]:
    """What joining the conversations that are meant would log (stream → lines) and put aside; joins nothing."""
    with locked(store):
        spans, rejects = _read(_files(store))
    found: list[Line] = []
    for conversation in _conversations(spans):
        if is_meant(_text(conversation)):
            interactions, unusable = _interactions(conversation)
            found += interactions
            rejects += unusable
    return by_stream(found), [text for text, _ in rejects]


def _taken(store: Store) -> list[Path]:
    """What is nobody's but the joiner's: a writer whose spool was taken has begun another."""
    make_folder(store.path(JOINING))
    for path in _files(store, (SPOOL,)):
        take(path, store.path(JOINING) / path.name)
    return _files(store, (JOINING,))


def _files(store: Store, folders: Sequence[str] = (SPOOL, JOINING)) -> list[Path]:
    return [store.path(name) for folder in folders for name in store.names(folder, ".jsonl")]


def _read(files: Sequence[Path]) -> tuple[list[Waiting], list[tuple[str, str]]]:
    """The spans, and the lines that are none: a write that was cut off, which nobody was told of."""
    spans: list[Waiting] = []
    rejects: list[tuple[str, str]] = []
    for line in chain.from_iterable(path.read_bytes().split(b"\n") for path in files):
        try:
            if line:
                spans.append(_waiting(line))
        except (ValueError, TypeError, KeyError) as error:
            rejects.append((line.decode(errors="replace"), f"not a span: {error}"))
    return spans, rejects


def _waiting(line: bytes) -> Waiting:
    values = json.loads(line)
    require_version(values.pop("schema_version"), "a waiting span")
    received_at = datetime.fromisoformat(values.pop("received_at"))
    times = {name: values[name] and datetime.fromisoformat(values[name]) for name in ("start", "end")}
    events = tuple((name, attributes) for name, attributes in values["events"])
    return Waiting(line, Span(**{**values, **times, "events": events}), received_at)


def _conversations(spans: Sequence[Waiting]) -> list[list[Waiting]]:
    conversations: dict[str, list[Waiting]] = defaultdict(list)
    for name, each in zip(conversations_of([each.span for each in spans]), spans, strict=True):
        conversations[name].append(each)
    return list(conversations.values())


def _divided(
    spans: Sequence[Waiting], now: datetime, is_meant: IsMeant | None
) -> tuple[list[list[Waiting]], list[Waiting]]:
    """The conversations that are complete or meant, and the spans of the others."""
    is_crowded = _size(spans) > CROWDED_BYTES
    complete: list[list[Waiting]] = []
    going_on: list[list[Waiting]] = []
    for conversation in _conversations(spans):
        quiet_s = abs((now - max(each.received_at for each in conversation)).total_seconds())
        patience_s = SETTLED_S if is_crowded or _is_rooted(conversation) else ABANDONED_S
        if quiet_s >= patience_s or (is_meant and is_meant(_text(conversation))):
            complete.append(conversation)
        else:
            going_on.append(conversation)
    size = sum(map(_size, going_on))
    going_on.sort(key=_size)
    while is_crowded and size > CROWDED_BYTES // 2:  # half of it, or the next span would make a crowd again
        complete.append(going_on.pop())
        size -= _size(complete[-1])
    return complete, [each for conversation in going_on for each in conversation]


def _size(spans: Sequence[Waiting]) -> int:
    return sum(len(each.line) for each in spans)


def _is_rooted(conversation: Sequence[Waiting]) -> bool:
    """Whether the outermost span of every trace has come: it ends last."""
    traces = {each.span.trace for each in conversation}
    return traces == {each.span.trace for each in conversation if each.span.parent is None}


def _text(conversation: Sequence[Waiting]) -> str:
    """All that is known of a conversation by now, as it came and as it would be logged."""
    lines = [line.text for line in _interactions(conversation)[0]]
    return b"\n".join((f'"{SOURCE}"'.encode(), *(each.line for each in conversation), *lines)).decode()


def _interactions(conversation: Sequence[Waiting]) -> tuple[list[Line], list[tuple[str, str]]]:
    """Its interactions, and what of it cannot be read; a trace that tells of no model is neither."""
    spans, at = [each.span for each in conversation], min(each.received_at for each in conversation)
    text = b"\n".join(each.line for each in conversation).decode()
    try:
        found = lines_of(lambda: interactions_of(spans, SOURCE, at), at)
    except Unusable as reason:
        return [], [(text, str(reason))] if str(reason) != NOTHING else []
    lost = [(item.part or text, str(item)) for item in found if isinstance(item, Unusable)]
    return [item for item in found if isinstance(item, Line)], lost


def _replace(store: Store, files: Sequence[Path], rest: Sequence[Waiting]) -> None:
    data = b"".join(each.line + b"\n" for each in rest)
    kept = f"{JOINING}/{sha_of_bytes(data)}.jsonl"
    if data and not store.exists(kept):
        store.write(kept, data)
    for path in files:
        if not data or path != store.path(kept):
            path.unlink()
    sync(store.path(JOINING))
