"""What a submission returns: the original's answer as text, and a hold on what was submitted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .errors import JobFailed
from .results import JobResult, JobStatus, LogEvent, RunResult

if TYPE_CHECKING:
    from .client import TitanClient

ACCEPTED = "DAG_ACCEPTED"


class JobHandle(str):
    """Equal to "DAG_ACCEPTED", which the original returned. `id` is the job's own, `name` what its author
    called it."""

    id: str
    name: str
    _client: TitanClient

    def __new__(cls, client: TitanClient, job_id: str, name: str) -> JobHandle:
        self = super().__new__(cls, ACCEPTED)
        self._client = client
        self.id = job_id
        self.name = name
        return self

    def wait(self, timeout: float | None = None, *, check: bool = True) -> JobResult:
        """The result, once the job has ended. Raises WaitTimeout after `timeout` seconds (the job goes on),
        and JobFailed where it did not succeed, unless `check` is False."""
        return self._client.wait(self, timeout, check=check)

    def logs(self, follow: bool = True, *, attempt: int | None = None) -> Iterator[LogEvent]:
        """All output from the start, as it comes; with `follow` until the job has ended, else what is there
        now."""
        return self._client.logs(self, follow, attempt=attempt)

    def cancel(self) -> JobStatus:
        """Asks for the end of the job; returns at once. Cancelling what has ended changes nothing."""
        return self._client.cancel(self)

    @property
    def status(self) -> JobStatus:
        return self._client.get_job_status(self)

    @property
    def result(self) -> JobResult | None:
        """None while the job has not ended."""
        return self._client.result(self)

    def __repr__(self) -> str:
        return f"<JobHandle {self.name} {self.id}>"

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # Connections do not travel to other processes; the answer does.
        return (str, (ACCEPTED,))


class RunHandle(str):
    """As JobHandle, for all jobs of one `submit_dag`. `id` is the run they belong to, `jobs` holds one
    JobHandle per name."""

    id: str | None
    name: str
    jobs: dict[str, JobHandle]

    def __new__(cls, name: str, run_id: str | None, jobs: dict[str, JobHandle]) -> RunHandle:
        self = super().__new__(cls, ACCEPTED)
        self.id = run_id
        self.name = name
        self.jobs = jobs
        return self

    def wait(self, timeout: float | None = None, *, check: bool = True) -> RunResult:
        """The results, once all jobs have ended. Raises as JobHandle.wait does; JobFailed for what failed
        first by itself."""
        until = None if timeout is None else time.monotonic() + timeout
        results: dict[str, JobResult] = {}
        for name, job in self.jobs.items():
            left = None if until is None else max(0.0, until - time.monotonic())
            results[name] = job.wait(left, check=False)
        outcome = RunResult(results)
        if check and not outcome:
            worst = self.jobs[outcome.failed[0].name]
            worst.wait(5.0)
            raise JobFailed(outcome.failed[0])
        return outcome

    def logs(self, follow: bool = True) -> Iterator[tuple[str, LogEvent]]:
        """(job's name, event), one job after the other in the order of submission."""
        for name, job in self.jobs.items():
            for event in job.logs(follow):
                yield name, event

    def cancel(self) -> JobStatus:
        for job in self.jobs.values():
            job.cancel()
        return self.status

    @property
    def status(self) -> JobStatus:
        """FAILED as soon as one job failed, COMPLETED when all succeeded, RUNNING while one runs."""
        found = [job.status for job in self.jobs.values()]
        for word in ("FAILED", "RUNNING", "PENDING"):
            for status in found:
                if status == word:
                    started = word == "PENDING" and "COMPLETED" in found
                    return JobStatus("RUNNING" if started else word, status.detail, status.result)
        return JobStatus("COMPLETED", "succeeded")

    @property
    def result(self) -> RunResult | None:
        """None while a job has not ended."""
        results = {name: job.result for name, job in self.jobs.items()}
        ended = {name: result for name, result in results.items() if result is not None}
        return RunResult(ended) if len(ended) == len(results) else None

    def __repr__(self) -> str:
        return f"<RunHandle {self.name} {self.id} {list(self.jobs)}>"

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return (str, (ACCEPTED,))
