"""The values that come back: what became of a job, its status as the original's pollers read it, its
output."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

END_STATES = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class JobResult:
    """How a job stands or ended. True where it succeeded. Times are seconds."""

    id: str
    name: str
    #: waiting, running, succeeded, failed or cancelled
    state: str
    #: One line for people: why it waits, or why it ended.
    reason: str = ""
    #: Why it ended: exit, signal, timeout, cancelled, owner-gone, queue-timeout, parent-failed, ...
    cause: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    node: str | None = None
    devices: tuple[int, ...] = ()
    attempt: int = 0
    waited: float = 0.0
    ran: float | None = None
    run: str | None = None
    #: What the scheduler had to say, such as an affinity that could not hold.
    note: str = ""
    #: The job as the API shows it.
    detail: dict[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)

    def __bool__(self) -> bool:
        return self.state == "succeeded"

    @property
    def ended(self) -> bool:
        return self.state in END_STATES

    @staticmethod
    def from_view(view: dict[str, Any]) -> JobResult:
        ran = view.get("ran_ms")
        return JobResult(
            id=view["id"],
            name=view["name"],
            state=view["state"],
            reason=view.get("reason") or "",
            cause=view.get("cause"),
            exit_code=view.get("exit_code"),
            signal=view.get("signal"),
            node=view.get("node"),
            devices=tuple(view.get("devices") or ()),
            attempt=view.get("attempt") or 0,
            waited=(view.get("waited_ms") or 0) / 1000,
            ran=None if ran is None else ran / 1000,
            run=view.get("run"),
            note=view.get("note") or "",
            detail=view,
        )


class JobStatus(str):
    """One of PENDING, RUNNING, COMPLETED, FAILED: the words that a loop written for the original understands.
    Every end that is not success reads FAILED; `detail` says which it was, `result` has everything."""

    __slots__ = ("detail", "result")

    detail: str
    result: JobResult | None

    def __new__(cls, word: str, detail: str = "", result: JobResult | None = None) -> JobStatus:
        self = super().__new__(cls, word)
        self.detail = detail
        self.result = result
        return self

    def __getnewargs__(self) -> tuple[str, str, JobResult | None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return (str(self), self.detail, self.result)

    @staticmethod
    def of(result: JobResult) -> JobStatus:
        words = {"waiting": "PENDING", "running": "RUNNING", "succeeded": "COMPLETED"}
        detail = f"{result.state}: {result.reason}" if result.reason else result.state
        return JobStatus(words.get(result.state, "FAILED"), detail, result)


@dataclass(frozen=True)
class LogEvent:
    """A piece of output as it was written: `text` may hold many lines, or part of one. Print it with
    `end=""`.

    `stream` is stdout, stderr, or titan (what the scheduler and the node have to say); `at` is when the node
    read it.
    """

    stream: str
    text: str
    at: datetime
    attempt: int


@dataclass(frozen=True)
class RunResult:
    """How all jobs of one submission ended, by name. True where all succeeded."""

    jobs: dict[str, JobResult]

    def __bool__(self) -> bool:
        return all(self.jobs.values())

    @property
    def failed(self) -> list[JobResult]:
        """Those that did not succeed; what failed by itself before what only waited for it."""
        bad = [result for result in self.jobs.values() if not result]
        return sorted(bad, key=lambda result: result.cause in ("parent-failed", "cancelled"))
