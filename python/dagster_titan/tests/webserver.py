"""A real Dagster webserver for tests, used as its page uses it: by its GraphQL API."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
START_SECONDS = 60.0
PAUSE_SECONDS = 0.05

# Runs start at once, as children of the code location's server, which is also what terminates them.
INSTANCE = """\
telemetry:
  enabled: false
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
"""

LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""
TERMINATE = """
mutation Terminate($runId: String!) {
  terminateRun(runId: $runId) {
    __typename
    ... on TerminateRunFailure { message }
    ... on PythonError { message }
  }
}"""
RUN = """
query Run($runId: ID!) { runOrError(runId: $runId) { __typename ... on Run { status startTime endTime } } }"""
EVENTS = """
query Events($runId: ID!, $after: String) {
  logsForRun(runId: $runId, afterCursor: $after) {
    __typename
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on MessageEvent { message stepKey level timestamp eventType }
        ... on LogsCapturedEvent { fileKey stepKeys }
        ... on ExecutionStepFailureEvent { error { message } failureMetadata { description } }
        ... on MaterializationEvent { metadataEntries { ...entry } }
        ... on EngineEvent { metadataEntries { ...entry } }
      }
    }
  }
}
fragment entry on MetadataEntry {
  __typename
  label
  ... on TextMetadataEntry { text }
  ... on FloatMetadataEntry { floatValue }
  ... on UrlMetadataEntry { url }
}"""
CAPTURED = """
query Captured($key: [String!]!) { capturedLogs(logKey: $key) { stdout stderr } }"""


def wait_until(what: str, look: Callable[[], T | None], seconds: float = 30.0) -> T:
    """What `look` finds, once it is neither None nor False."""
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(PAUSE_SECONDS)


@dataclass
class Webserver:
    """Serves one code location per file of `folder`, which is the current folder of its steps."""

    folder: Path
    home: Path
    locations: tuple[str, ...]
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, environment: Mapping[str, str]) -> Webserver:
        self.home.mkdir()
        (self.home / "dagster.yaml").write_text(INSTANCE)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [str(Path(sys.executable).parent / "dagster-webserver")]
        command += ["-h", "127.0.0.1", "-p", str(self.port)]
        for location in self.locations:
            command += ["-f", location]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**environment, "DAGSTER_HOME": str(self.home)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until("the webserver answers", self._answers, START_SECONDS)
        return self

    @property
    def log(self) -> Path:
        return self.home / "webserver.log"

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            return self.ask("{ version }")["version"] != ""
        except OSError:
            return False

    def stop(self) -> None:
        process = self._process
        if process is None:
            return
        self._process = None
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL answer. Raises OSError where nobody answers."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
        assert "errors" not in body, body["errors"]
        return body["data"]

    def launch(self, location: str, *assets: str) -> WebserverRun:
        """Launches a run of those assets of a location."""
        selector = {
            "repositoryLocationName": location,
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": [asset]} for asset in assets],
        }
        params = {"selector": selector, "mode": "default", "runConfigData": {}}
        answer = self.ask(LAUNCH, params=params)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return WebserverRun(self, answer["run"]["runId"])


@dataclass(frozen=True)
class WebserverRun:
    webserver: Webserver
    id: str

    def look(self) -> dict[str, Any]:
        """`status`, `startTime`, `endTime`; times are seconds since 1970."""
        return self.webserver.ask(RUN, runId=self.id)["runOrError"]

    def wait(self, status: str, seconds: float = 60.0) -> dict[str, Any]:
        """The run once it has ended, which must be with that status."""

        def ended() -> dict[str, Any] | None:
            run = self.look()
            return run if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

        run = wait_until(f"run {self.id} ends", ended, seconds)
        assert run["status"] == status, self.text()
        return run

    def terminate(self) -> None:
        answer = self.webserver.ask(TERMINATE, runId=self.id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = None
        while True:
            page = self.webserver.ask(EVENTS, runId=self.id, after=after)["logsForRun"]
            found += page["events"]
            if not page["hasMore"]:
                return found
            after = page["cursor"]

    def types(self, step: str) -> set[str]:
        return {event["eventType"] for event in self.events() if event.get("stepKey") == step}

    def text(self) -> str:
        """The messages and errors of the event log, as its page shows them."""
        lines: list[str] = []
        for event in self.events():
            kind = event.get("eventType") or event.get("level")
            lines.append(f"{event.get('stepKey') or '-':20} {kind:24} {event.get('message')}")
            if event.get("error"):
                lines.append(event["error"]["message"])
        return "\n".join(lines)

    def captured(self, step: str) -> dict[str, str]:
        """`stdout` and `stderr` of a step so far, as its page shows them."""
        for event in self.events():
            if event["__typename"] == "LogsCapturedEvent" and step in (event["stepKeys"] or []):
                key = [self.id, "compute_logs", event["fileKey"]]
                logs = self.webserver.ask(CAPTURED, key=key)["capturedLogs"]
                return {name: logs[name] or "" for name in ("stdout", "stderr")}
        return {"stdout": "", "stderr": ""}
