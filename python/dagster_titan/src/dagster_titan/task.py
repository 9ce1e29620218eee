"""One job of one step: submitted, followed and, where the step is interrupted, ended."""

from __future__ import annotations

import queue
import threading
import time
from logging import Logger

from titan_sdk.handle import JobHandle
from titan_sdk.mirror import write_event

from titan_sdk import JobResult, LogEvent, TitanClient, TitanError, TitanJob, WaitTimeout

from ._compat import interrupts_held_back
from .event_log import EventLog

# Short, so that an interrupt, which Python delivers to the main thread between two instructions, is never
# late.
SLICE_SECONDS = 0.1
# How often a job that has not printed yet is asked why; the end of the log tells everything else.
ASK_SECONDS = 1.0
# Beyond the job's own grace: the way there and back, and the last of the log.
MARGIN_SECONDS = 5.0
QUEUE_LENGTH = 1_000


class Task:
    def __init__(
        self, client: TitanClient, job: TitanJob, log: Logger, log_lines: bool, stop_grace: float
    ) -> None:
        self._client = client
        self._job = job
        self._log = log
        self._events = EventLog(log, log_lines)
        self._stop_grace = stop_grace
        self._queue: queue.Queue[LogEvent | Exception | None] = queue.Queue(QUEUE_LENGTH)
        self._abandoned = threading.Event()

    def run(self) -> JobResult:
        """The result, whatever it is. On an interrupt, or any other exception, the remote job is ended
        first."""
        handle = self._client.submit_job(self._job)
        try:
            self._follow(handle)
            return handle.wait(check=False)
        except BaseException as error:
            with interrupts_held_back():
                self._end(handle, error)
            raise
        finally:
            self._abandoned.set()
            self._events.flush()

    def _follow(self, handle: JobHandle) -> None:
        self._log.info(f"'{handle.name}' is Titan job {handle.id}")
        follower = self._client.follow(handle)

        def read() -> None:
            last: Exception | None = None
            try:
                for event in follower:
                    self._hand_over(event)
            except Exception as error:
                last = error
            self._hand_over(last)

        threading.Thread(target=read, name=f"titan-log-{handle.id}", daemon=True).start()
        try:
            self._copy(handle)
        finally:
            follower.stop()

    def _hand_over(self, item: LogEvent | Exception | None) -> None:
        # A full queue holds the reader back; one that nobody empties any more must not hold it for ever.
        while not self._abandoned.is_set():
            try:
                self._queue.put(item, timeout=0.5)
                return
            except queue.Full:
                continue

    def _copy(self, handle: JobHandle) -> None:
        waiting = _Waiting(handle, self._log)
        while True:
            try:
                item = self._queue.get(timeout=SLICE_SECONDS)
            except queue.Empty:
                self._events.tick()
                waiting.tick()
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            if item.stream != "titan":
                waiting.over()
            write_event(item)
            self._events.add(item)

    def _end(self, handle: JobHandle, error: BaseException) -> None:
        """Ends the remote job and says whether that is certain. Raises nothing: the first error is the one to
        tell."""
        # Whoever ends a run waits for this; a master that is gone as well must not make that half a minute.
        self._client.retry_window = MARGIN_SECONDS
        self._events.flush()
        self._log.info(f"'{handle.name}': {type(error).__name__}, ending Titan job {handle.id}")
        try:
            handle.cancel()
            result = handle.wait(self._stop_grace + MARGIN_SECONDS, check=False)
        except (TitanError, WaitTimeout) as problem:
            self._log.error(
                f"'{handle.name}': termination of Titan job {handle.id} is UNCONFIRMED: {problem}\n"
                f"Without this process Titan ends it after its grace; titan status {handle.id} shows it."
            )
        else:
            place = f"terminated on node {result.node}" if result.node else "ended before it was placed"
            self._log.info(f"'{handle.name}': Titan job {handle.id} {place} ({result.state})")


class _Waiting:
    """Says why a job waits: after a second, and again when the reason changes."""

    def __init__(self, handle: JobHandle, log: Logger) -> None:
        self._handle = handle
        self._log = log
        self._ask_at = time.monotonic() + ASK_SECONDS
        self._said = ""
        self._over = False

    def over(self) -> None:
        self._over = True

    def tick(self) -> None:
        if self._over or time.monotonic() < self._ask_at:
            return
        self._ask_at = time.monotonic() + ASK_SECONDS
        try:
            result = self._handle.status.result
        except TitanError:
            # The log's reader decides when the master has been gone for too long.
            return
        if result is None or result.state != "waiting":
            self._over = True
            if self._said and result is not None and result.node:
                self._log.info(f"'{result.name}' was placed on {result.node} after {result.waited:.1f} s")
        elif result.reason != self._said:
            self._said = result.reason
            self._log.info(f"'{result.name}' waits: {result.reason}")
