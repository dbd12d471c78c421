"""The real `dagster dev` on a home of the test's own: started, asked over GraphQL, killed and started again.

Not here: what is expected of it (test_dagster_dev.py).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import dagster as dg

from tests.conftest import ROOT
from vibe_pipeline.ledger import chains
from vibe_pipeline.store import Store

BACKFILL = """
mutation ($rungs: [String!]!) {
  launchPartitionBackfill(backfillParams: {
    partitionNames: $rungs,
    assetSelection: [{path: ["replay_mix"]}, {path: ["adapter"]}, {path: ["scorecard"]}, {path: ["champion"]}]
  }) { __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } }
}"""

LOADED = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"


class Dev:
    """One home, and whatever serves it now."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, _free_port()
        self.log = home / "dagster-dev.log"
        self._environment = {
            **os.environ,
            "VIBE_HOME": str(home),
            "VIBE_CONFIG": str(home / "vibe.toml"),
            "DAGSTER_HOME": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        self._served: subprocess.Popen[bytes] | None = None

    @contextmanager
    def serving(self) -> Iterator[Dev]:
        """Until the block ends; it may be killed and started again meanwhile."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Come back when the code location is loaded."""
        command = [sys.executable, "-m", "dagster", "dev", "-p", str(self.port)]
        with self.log.open("ab") as log:
            self._served = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_on_one_core,
            )
        self.until("dagster dev serves", self._is_loaded, 120)

    def stop(self) -> None:
        """SIGINT, as Ctrl-C does; what is left of its session then (a run that is at work goes on) is killed."""
        if self._served is None:
            return
        self._served.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._served.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(self._served.pid, signal.SIGKILL)
        self._served.wait()
        self._served = None

    def kill_daemon(self) -> None:
        """SIGKILL of the daemon's process, which `dagster dev` follows."""
        assert self._served
        os.kill(self._child("dagster._daemon"), signal.SIGKILL)
        self._served.wait(60)
        self._served = None

    def kill_all(self) -> None:
        """SIGKILL of all its processes at once, those of runs too: what a power cut leaves."""
        assert self._served
        os.killpg(self._served.pid, signal.SIGKILL)
        self._served.wait(60)
        self._served = None

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as answer:
            told = json.load(answer)
        assert "errors" not in told, told
        data: dict[str, Any] = told["data"]
        return data

    def backfill(self, *rungs: str) -> None:
        """As the UI launches one."""
        launched = self.ask(BACKFILL, rungs=rungs)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def until(self, what: str, holds: Callable[[], Any], seconds: float = 600) -> Any:
        """What is waited for; what `dagster dev` said last where it does not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := holds():
                return found
            time.sleep(0.5)
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])
        raise AssertionError(f"after {seconds:.0f} s not yet: {what}\n{tail}")

    def timeline(self) -> str:
        """Every run and every event of the ledgers, in the order of the clock."""
        with dg.DagsterInstance.get() as instance:
            runs = instance.get_run_records()
        lines = [
            (it.create_timestamp.astimezone(UTC), f"run    {_called(it.dagster_run)} {it.dagster_run.status.value}")
            for it in runs
        ]
        for ledger in chains(Store(self.home)):
            for event in ledger.events():
                at = datetime.fromisoformat(event.outside["recorded_at"])
                words = f"ledger {event.lineage} g{event.generation:03d} {event.kind} {event.facts.get('verdict', '')}"
                lines.append((at, words))
        return "\n".join(f"{at:%H:%M:%S} {words}" for at, words in sorted(lines))

    def _is_loaded(self) -> bool:
        try:
            return bool(self.ask(LOADED)["repositoriesOrError"].get("nodes"))
        except OSError:
            return False

    def _child(self, module: str) -> int:
        assert self._served
        of_session = subprocess.run(
            ["ps", "-s", str(self._served.pid), "-o", "pid=,args="], capture_output=True, text=True, check=True
        )
        return next(int(line.split()[0]) for line in of_session.stdout.splitlines() if module in line)


def _called(run: dg.DagsterRun) -> str:
    return f"{run.job_name} {run.tags.get('dagster/partition', '')}"


def _on_one_core() -> None:
    """Runs train with as many threads as there are cores; beside other tests these would wait for each other."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
