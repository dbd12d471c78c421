"""The door to MLflow's tracking stores: a database, a server or an mlruns folder → its traces, in all experiments.

MLflow's own client reads them, page by page. A database is never created and never migrated: one of another version of
MLflow is refused in MLflow's words. Not here: what a trace means (mlflow_traces.py).
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.importers.databases import MAGIC
from vibe_pipeline.interactions.importers.files import File, Where
from vibe_pipeline.interactions.importers.raw import Raw, read_text

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Trace, TraceInfo

SERVERS = ("http", "https", "postgresql", "mysql", "mssql")
"""Schemes of addresses, with or without a driver: postgresql+psycopg2://…"""

PAGE = 100
"""Traces asked for at once."""

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",  # an mlruns folder is refused without it, and we only read
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # seven take minutes to say that nobody answers
}


def connects(where: str) -> bool:
    """Whether this is the address of a tracking server or database, or an mlruns folder."""
    scheme, is_address, _ = where.partition("://")
    if is_address:
        return scheme.partition("+")[0] in SERVERS
    first = islice(Path(where).glob("*/meta.yaml"), 1)
    return any("artifact_location" in it.read_text(errors="replace") for it in first)


def opens(file: File, start: bytes) -> bool:
    """Whether the file is a tracking database with traces."""
    if not start.startswith(MAGIC):
        return False
    address = f"{file.path.resolve().as_uri()}?immutable=1"  # no lock and no file beside it for a look at the names
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            return bool(database.execute("SELECT 1 FROM sqlite_master WHERE name = 'trace_info'").fetchall())
    except sqlite3.Error:
        return False


def records(where: Where) -> Iterator[Raw]:
    """One record a trace, oldest first in each experiment."""
    address = where if isinstance(where, str) else str(where.path)
    is_file = isinstance(where, File) and where.path.is_file()
    with _quiet():
        client, experiments = _experiments(f"sqlite:///{Path(address).absolute()}" if is_file else address)
    for experiment in experiments:
        yield from _traces(client, experiment)


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow is told by the environment, which is as it was for whoever uses MLflow afterwards; nor does it warn of
    each trace without spans, which we count."""
    told = {name: value for name, value in QUIET.items() if name not in os.environ}
    os.environ.update(told)
    warning = logging.getLogger("mlflow.tracing.client")
    level = warning.level
    warning.setLevel(logging.ERROR)
    try:
        yield
    finally:
        warning.setLevel(level)
        for name in told:
            del os.environ[name]


def _experiments(address: str) -> tuple[MlflowClient, list[str]]:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        client = MlflowClient(tracking_uri=address)
        page = client.search_experiments()
        found = list(page)
        while page.token:
            page = client.search_experiments(page_token=page.token)
            found += page
    except MlflowException as error:
        what = f"the tracking store {address} cannot be read: {_first_line(error)}"
        raise SourceUnreadable(what, "Check the address, and that this version of MLflow made the store") from error
    return client, [experiment.experiment_id for experiment in found]


def _traces(client: MlflowClient, experiment: str) -> Iterator[Raw]:
    """What comes before a page that cannot be read is kept. MLflow leaves out the traces whose spans it cannot read:
    they are those among the names, asked for first, that do not come."""
    from mlflow.exceptions import MlflowException

    left: dict[str, str] = {}
    with suppress(MlflowException):  # the same page fails below, where what comes before it is kept
        for trace in _found(client, experiment, include_spans=False):
            left[trace.info.trace_id] = _without_spans(trace.info)
    try:
        for trace in _found(client, experiment, include_spans=True):
            left.pop(trace.info.trace_id, None)
            yield read_text(trace.to_json())
    except MlflowException as error:
        yield Raw(f"experiment {experiment}", reason=f"the store cannot be read any further: {_first_line(error)}")
        return
    yield from (Raw(json.dumps({"trace_id": name}), reason=reason) for name, reason in left.items())


def _found(client: MlflowClient, experiment: str, *, include_spans: bool) -> Iterator[Trace]:
    about = {"locations": [experiment], "max_results": PAGE, "order_by": ["timestamp_ms ASC"]}
    token: str | None = ""
    while token is not None:
        with _quiet():
            page = client.search_traces(**about, page_token=token or None, include_spans=include_spans)
        yield from page
        token = page.token or None


def _without_spans(info: TraceInfo) -> str:
    """Why there is nothing to read of a trace, and where it should be; one reason for all of a folder."""
    if info.state == "IN_PROGRESS":
        return "a trace without spans (still running, or broken off)"
    folder = info.tags.get("mlflow.artifactLocation", "").partition(info.trace_id)[0]
    return f"a trace whose spans MLflow cannot read: they should be in {folder or 'its store'} (moved or deleted?)"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
