"""Output to Dagster's event log: whole lines, in batches, because each event is a write to its database."""

from __future__ import annotations

import time
from logging import Logger

from titan_sdk import LogEvent

BATCH_SECONDS = 0.25
# An event is a row that the UI loads whole; what does not fit is in the stdout and stderr tabs.
BATCH_CHARACTERS = 16_384
_MARKS = {"stdout": "", "stderr": "stderr: ", "titan": "titan: "}


class EventLog:
    def __init__(self, log: Logger, wanted: bool) -> None:
        self._log = log
        self._wanted = wanted
        self._lines: list[str] = []
        self._size = 0
        self._left_out = 0
        self._parts: dict[str, str] = {}
        self._sent_at = 0.0

    def add(self, event: LogEvent) -> None:
        if not self._wanted:
            return
        *whole, rest = (self._parts.get(event.stream, "") + event.text).split("\n")
        # A line of 10 MB would be copied with each piece of it.
        if len(rest) > BATCH_CHARACTERS:
            whole.append(rest)
            rest = ""
        self._parts[event.stream] = rest
        for line in whole:
            self._take(_MARKS.get(event.stream, "") + line.rstrip("\r"))
        self.tick()

    def tick(self) -> None:
        """Sends what there is, at most four times a second."""
        if self._lines and time.monotonic() - self._sent_at >= BATCH_SECONDS:
            self._send()

    def flush(self) -> None:
        """Sends all there is, also a last line without an end."""
        for stream, rest in self._parts.items():
            if rest:
                self._take(_MARKS.get(stream, "") + rest)
        self._parts.clear()
        if self._lines:
            self._send()

    def _take(self, line: str) -> None:
        if self._size + len(line) > BATCH_CHARACTERS and self._lines:
            self._left_out += 1
            return
        self._lines.append(line[:BATCH_CHARACTERS])
        self._size += len(line)

    def _send(self) -> None:
        if self._left_out:
            self._lines.append(
                f"({self._left_out} lines left out here; the step's stdout and stderr have all)"
            )
        self._log.info("\n".join(self._lines))
        self._lines = []
        self._size = self._left_out = 0
        self._sent_at = time.monotonic()
