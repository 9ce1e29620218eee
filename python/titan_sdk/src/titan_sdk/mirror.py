"""Copies a job's output to this process's own stdout and stderr while it runs."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import TextIO

from .errors import TitanError
from .logs import LogFollower
from .results import LogEvent

# Signs of life are waited for, not the clock: a log of 100 MB takes longer than a few seconds to copy.
PATIENCE_SECONDS = 5.0
# One connection and one thread each: a DAG of 10,000 jobs in one step must not open 10,000 of them.
MOST_AT_ONCE = 64
_writing = threading.Lock()
_leaving = threading.Event()
_running: weakref.WeakSet[Mirror] = weakref.WeakSet()


class Mirror:
    """`done` is set when the job's last byte was written here, or when it had to give up. `on_end` is called
    when the job has been seen to have ended."""

    def __init__(self, follower: LogFollower, on_end: Callable[[], None]) -> None:
        self._follower = follower
        self._on_end = on_end
        self._pid = os.getpid()
        self._alive_at = time.monotonic()
        self.done = threading.Event()
        _running.add(self)

    def run(self) -> None:
        try:
            for event in self._follower:
                self._alive_at = time.monotonic()
                if _leaving.is_set():
                    return
                write_event(event)
            self._on_end()
        except TitanError as error:
            if not _leaving.is_set():
                write_text(sys.stderr, f"titan: the output stops here: {error.message}\n")
        finally:
            self.done.set()

    def wait_until_whole(self) -> bool:
        """Waits for the last byte, at most a few seconds since the last one came. True where it is whole."""
        self._alive_at = time.monotonic()
        # After a fork there is no thread that would ever set `done`.
        while self._pid == os.getpid() and time.monotonic() - self._alive_at < PATIENCE_SECONDS:
            if self.done.wait(0.2):
                return True
        return self.done.is_set()

    def stop(self) -> None:
        self._follower.stop()


class Mirrors:
    """Runs mirrors on daemon threads, the earliest submitted first where there are more than fit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[Mirror] = deque()
        self._threads = 0

    def start(self, mirror: Mirror) -> None:
        with self._lock:
            self._queue.append(mirror)
            if self._threads >= MOST_AT_ONCE:
                return
            self._threads += 1
        threading.Thread(target=self._work, name="titan-mirror", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._threads -= 1
                    return
                mirror = self._queue.popleft()
            mirror.run()


def write_event(event: LogEvent) -> None:
    """To the sys.stdout or sys.stderr of this moment (Dagster and tests change them), flushed."""
    if event.stream == "stdout":
        write_text(sys.stdout, event.text)
    elif event.stream == "stderr":
        write_text(sys.stderr, event.text)
    else:
        write_text(sys.stderr, "".join(f"titan: {line}\n" for line in event.text.splitlines()))


def write_text(target: TextIO | None, text: str) -> None:
    if target is None:
        return
    with _writing:
        try:
            try:
                target.write(text)
            except UnicodeEncodeError:
                # A terminal or file that is not UTF-8 gets what it can show.
                encoding = target.encoding or "ascii"
                target.write(text.encode(encoding, "backslashreplace").decode(encoding))
            target.flush()
        except (OSError, ValueError):
            # Closed under us: nobody is there to read it, and the job must not be harmed by that.
            pass


def _leave() -> None:
    # A daemon thread that writes while the interpreter ends is a fatal error, so none may be within a write
    # then.
    _leaving.set()
    for mirror in list(_running):
        mirror.stop()
    if _writing.acquire(timeout=1.0):
        _writing.release()


atexit.register(_leave)
