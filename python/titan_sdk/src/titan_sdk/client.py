"""The client: submits jobs, tells how they stand, brings their output."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .blobs import Blobs, files_of_folder, files_of_upload
from .checks import check_name
from .context import RunContext
from .discovery import find_token, find_url
from .errors import JobFailed, NotThereYet, WaitTimeout
from .handle import JobHandle, RunHandle
from .job import TitanJob
from .logs import LogFollower, read_tail
from .payload import PathLike
from .references import References
from .results import JobResult, JobStatus, LogEvent
from .scope import AUTO, Auto, Scope
from .submission import submit
from .titan_yaml_parser import TitanYAMLParser
from .transport import Transport

# One question stays open at the master for this long; asking anew costs a millisecond.
WAIT_SLICE_SECONDS = 10.0
FAILURE_TAIL_BYTES = 4_096
_LATER = frozenset(
    {"store_put", "store_get", "store_sadd", "store_smembers", "stop_service"}
    | {"fetch_artifact", "publish_artifact", "get_artifact"}
)


class TitanClient:
    """Talks to one master. Needs no argument on the master's machine.

    `url`, `token`: found by themselves where not given (discovery.py). `mirror`: whether the output of jobs
    is copied to stdout and stderr while they run; where None, within a run and unless TITAN_MIRROR=0.
    `retry_window`: seconds for which an absent master is tried again before TitanConnectionError. `scope`:
    the run that submissions belong to; AUTO asks the registered run contexts, None means no run. `grace`:
    seconds that jobs of a run outlive their owner's process.

    A job is referred to by its handle, its id, or its name, with or without `DAG-`: a name means this
    client's own latest submission of it, else the latest in the current run, else, outside of a run, the
    latest anywhere. May be used from several threads.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        mirror: bool | None = None,
        retry_window: float = 30.0,
        scope: RunContext | Auto | None = AUTO,
        grace: float | None = None,
    ) -> None:
        self.url = find_url(url)
        self._transport = Transport(self.url, lambda: find_token(token), retry_window)
        self._blobs = Blobs(self._transport)
        self._scope = Scope(self._transport, scope, mirror, grace)
        self._references = References(self._transport)

    @property
    def retry_window(self) -> float:
        """Seconds for which an absent master is tried again. May be changed."""
        return self._transport.retry_window

    @retry_window.setter
    def retry_window(self, seconds: float) -> None:
        self._transport.retry_window = seconds

    def submit_job(self, job: TitanJob) -> JobHandle:
        """Submits one job. The handle equals "DAG_ACCEPTED", which the original returned."""
        context = self._scope.current()
        return self._submit([job], context, self._scope.submission(context))[1][job.id]

    def submit_dag(self, name: str, jobs: Sequence[TitanJob], agent_run_id: str | None = None) -> RunHandle:
        """Submits jobs together, all or none; `parents` name jobs among them. Within a run they join it; else
        they are a run of their own, called `agent_run_id` where given."""
        check_name(name, "name")
        context = self._scope.current()
        belongs = self._scope.submission(context)
        if context is None:
            run_id = agent_run_id or f"{name[:100]}-{uuid.uuid4().hex[:12]}"
            belongs = {"run": {"id": check_name(run_id, "agent_run_id"), "series": name}}
        run_id, handles = self._submit(jobs, context, belongs)
        handle = RunHandle(name, run_id, handles)
        self._references.remember_run(handle)
        return handle

    def submit_yaml(
        self,
        yaml_path: PathLike,
        agent_run_id: str | None = None,
        wait: bool = False,
        poll_interval: float = 2,
        timeout: float = 300,
    ) -> RunHandle:
        """Submits a pipeline file; script paths are relative to it. With `wait` it returns when all jobs have
        succeeded, and raises JobFailed or, after `timeout` seconds, WaitTimeout. `poll_interval` is not
        needed: the master answers at the event."""
        del poll_interval
        parser = TitanYAMLParser(yaml_path, transport=self._transport)
        handle = self.submit_dag(parser.get_project_name(), parser.build_jobs(), agent_run_id)
        if wait:
            handle.wait(timeout)
        return handle

    def _submit(
        self, jobs: Sequence[TitanJob], context: RunContext | None, belongs: dict[str, Any]
    ) -> tuple[str | None, dict[str, JobHandle]]:
        marker = f"submission {uuid.uuid4()}"
        session = self._scope.open(context, marker)
        try:
            names = self._references.ids_by_name
            answer = submit(self._transport, self._blobs, jobs, belongs, context, names)
            handles: dict[str, JobHandle] = {}
            for entry in answer["jobs"]:
                handles[entry["name"]] = JobHandle(self, entry["id"], entry["name"])
                self._references.remember(entry["id"], entry["name"])
                self._scope.watch(context, session, entry["id"])
            return answer["run"], handles
        finally:
            if session is not None:
                session.release(marker)

    def get_job_status(self, job_id: str) -> JobStatus:
        """PENDING, RUNNING, COMPLETED or FAILED, with `.detail` and `.result`. For a DAG's name: how all of
        it stands.

        Raises JobNotFound, and TitanConnectionError after the retry window; never answers with an error's
        text.
        """
        run = self._references.own_run(job_id)
        return run.status if run is not None else JobStatus.of(self._look(self._resolve(job_id)))

    def result(self, job_id: str) -> JobResult | None:
        """The result; None while the job has not ended."""
        result = self._look(self._resolve(job_id))
        return result if result.ended else None

    def wait(self, job_id: str, timeout: float | None = None, *, check: bool = True) -> JobResult:
        """The result, once the job has ended. Raises WaitTimeout after `timeout` seconds, and JobFailed where
        it did not succeed, unless `check` is False."""
        found = self._resolve(job_id)
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = WAIT_SLICE_SECONDS if until is None else max(0.0, until - time.monotonic())
            result = self._look(found, min(left, WAIT_SLICE_SECONDS))
            if result.ended:
                break
            if until is not None and time.monotonic() >= until:
                stands = f"{result.state}, {result.reason}"
                raise WaitTimeout(
                    f"job '{result.name}' ({result.id}) had not ended after {timeout} s: {stands}"
                )
        if check and not result:
            raise self.failure(result)
        return result

    def failure(self, result: JobResult) -> JobFailed:
        """The error for a job that did not succeed, with the end of its stderr, or of its stdout where that
        is empty."""
        tail = ""
        if result.attempt:
            for stream in ("stderr", "stdout"):
                tail = tail or read_tail(self._transport, result.id, FAILURE_TAIL_BYTES, stream)
        return JobFailed(result, tail)

    def _look(self, job_id: str, wait: float = 0.0) -> JobResult:
        query = {"wait_ms": round(wait * 1000)} if wait else None
        path = f"/jobs/{quote(job_id, safe='')}"
        result = JobResult.from_view(self._transport.json("GET", path, query=query, answer_after=wait))
        if result.ended:
            self._scope.ended(result.id)
        return result

    def _resolve(self, reference: str) -> str:
        return self._references.resolve(reference, self._scope.current())

    def logs(
        self, job_id: str, follow: bool = True, *, attempt: int | None = None, stream: str | None = None
    ) -> Iterator[LogEvent]:
        """All output from the start, as it comes; with `follow` until the job has ended, else what is there
        now."""
        found = self._resolve(job_id)
        return iter(LogFollower(self._transport, found, follow=follow, attempt=attempt, stream=stream))

    def follow(self, job_id: str) -> LogFollower:
        """As `logs`, as an object that another thread can stop."""
        return LogFollower(self._transport, self._resolve(job_id))

    def fetch_logs(self, job_id: str) -> str:
        """The last 1 MiB of output, stdout and stderr in the order they came; where that is not all, a first
        line says how much was left out. '' where there is none."""
        run = self._references.own_run(job_id)
        if run is None:
            return read_tail(self._transport, self._resolve(job_id))
        parts = ((name, read_tail(self._transport, job.id)) for name, job in run.jobs.items())
        return "".join(f"--- {name}\n{text}" for name, text in parts)

    def cancel(self, job_id: str) -> JobStatus:
        """Asks for the end of a job, or of a DAG's jobs; returns at once with how it stands. What has ended
        stays as it is."""
        run = self._references.own_run(job_id)
        if run is not None:
            return run.cancel()
        path = f"/jobs/{quote(self._resolve(job_id), safe='')}/cancel"
        return JobStatus.of(JobResult.from_view(self._transport.json("POST", path)))

    def explain(self, job_id: str) -> dict[str, Any]:
        """Why a job waits: `reason`, `possible`, `ahead`, and for each node what is missing."""
        return self._transport.json("GET", f"/jobs/{quote(self._resolve(job_id), safe='')}/why")

    def jobs(
        self, *, state: str | None = None, run: str | None = None, name: str | None = None, limit: int = 100
    ) -> list[JobResult]:
        """The latest jobs, newest first. `state`: one or more, separated by commas."""
        query = {"state": state, "run": run, "name": name, "limit": limit}
        return [
            JobResult.from_view(view) for view in self._transport.json("GET", "/jobs", query=query)["jobs"]
        ]

    def nodes(self) -> list[dict[str, Any]]:
        """The nodes with their capacity, use, labels and jobs."""
        return self._transport.json("GET", "/nodes")["nodes"]

    def upload_file(self, path: PathLike) -> str:
        """Keeps a file on the master under its name; a zip file stands for what is in it.
        "UPLOAD_SUCCESS"."""
        self._blobs.keep(*files_of_upload(path))
        return "UPLOAD_SUCCESS"

    def upload_project_folder(self, folder: PathLike, project_name: str | None = None) -> str:
        """Keeps a folder as `<project_name>.zip`, the name that archive jobs refer to. "UPLOAD_SUCCESS"."""
        files = files_of_folder(folder)
        name = project_name or Path(folder).resolve().name
        self._blobs.keep(name if name.endswith(".zip") else f"{name}.zip", files)
        return "UPLOAD_SUCCESS"

    def deploy_script(self, path: PathLike) -> str:
        """Keeps a script on the master under its name. "DEPLOY_SUCCESS"."""
        self._blobs.keep(*files_of_upload(path))
        return "DEPLOY_SUCCESS"

    def __getattr__(self, name: str) -> Any:
        # Also an AttributeError, so that hasattr() says no.
        if name in _LATER:
            raise NotThereYet(f"{name} is not there yet", hint="")
        raise AttributeError(f"'TitanClient' object has no attribute '{name}'")
