"""Reads a job's output: exactly once each byte, across dropped connections, up to the end record."""

from __future__ import annotations

import base64
import codecs
import http.client
import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from .errors import TitanConnectionError, TitanError
from .results import LogEvent
from .transport import CONNECT_SECONDS, FIRST_PAUSE, LONGEST_PAUSE, Stream, Transport

TAIL_BYTES = 1_048_576
# A connection that stood for this long was no failure; connecting itself takes at most CONNECT_SECONDS.
STEADY_SECONDS = CONNECT_SECONDS + 1.0


class LogFollower:
    """Iterates over a job's LogEvents. Ends at the job's `end` record where it follows, else at what is there
    now. A connection that drops is opened again behind the last record; `window` bounds how long in vain, in
    seconds."""

    def __init__(
        self,
        transport: Transport,
        job_id: str,
        *,
        follow: bool = True,
        attempt: int | None = None,
        stream: str | None = None,
        window: float | None = None,
    ) -> None:
        self._transport = transport
        self._path = f"/jobs/{quote(job_id, safe='')}/logs"
        self._query = {"follow": follow, "attempt": attempt, "stream": stream}
        self._window = transport.retry_window if window is None else window
        self._decoder = _Decoder()
        self._cursor: str | None = None
        self._open: Stream | None = None
        self._stopped = threading.Event()
        self._follow = follow

    def __iter__(self) -> Iterator[LogEvent]:
        failing_since: float | None = None
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            failure: Exception = ConnectionError("the stream was cut off")
            opened_at = time.monotonic()
            try:
                for record in self._records():
                    failing_since, pause = None, FIRST_PAUSE
                    if record.get("end"):
                        yield from self._decoder.finish()
                        return
                    yield from self._decoder.feed(record)
                    self._cursor = record["cursor"]
                if not self._follow:
                    yield from self._decoder.finish()
                    return
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, TitanError):
                    raise
                failure = error
            except TitanError as error:
                if error.code not in ("commit-unknown", "internal"):
                    raise
                failure = error
            if self._stopped.is_set():
                return
            now = time.monotonic()
            if now - opened_at > STEADY_SECONDS:
                # It stood, and only had nothing to say: a job may be silent for hours.
                failing_since, pause = None, FIRST_PAUSE
            failing_since = now if failing_since is None else failing_since
            if now - failing_since >= self._window:
                raise TitanConnectionError(
                    f"the log of {self._path} stopped coming (tried again for {self._window:g} s): {failure}"
                ) from failure
            self._stopped.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def stop(self) -> None:
        """Ends the iteration soon, from any thread."""
        self._stopped.set()
        stream = self._open
        if stream is not None:
            stream.hang_up()

    def _records(self) -> Iterator[dict[str, Any]]:
        stream = self._transport.stream(self._path, {**self._query, "after": self._cursor})
        self._open = stream
        try:
            for line in stream.lines():
                if line.strip():
                    record: dict[str, Any] = json.loads(line)
                    if "cursor" in record:
                        yield record
        finally:
            self._open = None
            stream.close()


class _Decoder:
    """Bytes to text, one decoder per stream, so that a character cut in two by a piece's end arrives whole.
    What is not UTF-8 is replaced."""

    def __init__(self) -> None:
        self._attempt = 0
        self._by_stream: dict[str, codecs.IncrementalDecoder] = {}
        self._last_at = datetime.now(timezone.utc)

    def feed(self, record: dict[str, Any]) -> Iterator[LogEvent]:
        if record["attempt"] != self._attempt:
            yield from self.finish()
            self._attempt = record["attempt"]
        stream = record.get("stream") or "stdout"
        data = record.get("data")
        if not data:
            return
        if record.get("at"):
            self._last_at = parse_time(record["at"])
        decoder = self._by_stream.get(stream)
        if decoder is None:
            decoder = self._by_stream[stream] = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(base64.b64decode(data))
        if text:
            yield LogEvent(stream, text, self._last_at, self._attempt)

    def finish(self) -> Iterator[LogEvent]:
        for stream, decoder in self._by_stream.items():
            text = decoder.decode(b"", final=True)
            if text:
                yield LogEvent(stream, text, self._last_at, self._attempt)
        self._by_stream.clear()


def parse_time(text: str) -> datetime:
    # Python 3.10 does not read the `Z`.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def read_tail(transport: Transport, job_id: str, most: int = TAIL_BYTES, stream: str | None = None) -> str:
    """The end of the latest attempt's log, streams together in the order they came; a first line says how
    many bytes were left out before it, where some were. With `stream` only that one, without such a line."""
    # The master counts the bytes of all streams together, and starts at the piece nearest to what was asked:
    # more is asked for, and cut to measure here.
    asked = 2 * max(most, TAIL_BYTES)
    for attempt in range(8):
        try:
            pieces, left_out = _pieces(transport, job_id, {"tail_bytes": asked, "stream": stream})
            return _join_tail(pieces, left_out, most, say=stream is None)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, TitanError):
                raise
            if attempt == 0:
                # The plain request waits out a restart, and raises what must be raised.
                transport.json("GET", f"/jobs/{quote(job_id, safe='')}")
            time.sleep(FIRST_PAUSE)
    raise TitanConnectionError(f"the log of {job_id} cannot be read: the connection drops each time")


def _pieces(transport: Transport, job_id: str, query: dict[str, Any]) -> tuple[list[tuple[str, bytes]], int]:
    """What the log holds now, and how many bytes come before it."""
    pieces: list[tuple[str, bytes]] = []
    left_out: int | None = None
    source = transport.stream(f"/jobs/{quote(job_id, safe='')}/logs", query)
    try:
        for line in source.lines():
            record: dict[str, Any] = json.loads(line) if line.strip() else {}
            if record.get("data"):
                left_out = record.get("offset", 0) if left_out is None else left_out
                pieces.append((record.get("stream", "stdout"), base64.b64decode(record["data"])))
    finally:
        source.close()
    return pieces, left_out or 0


def _join_tail(pieces: list[tuple[str, bytes]], left_out: int, most: int, *, say: bool = True) -> str:
    excess = sum(len(data) for _, data in pieces) - most
    kept: list[tuple[str, bytes]] = []
    for stream, data in pieces:
        cut = min(max(excess, 0), len(data))
        excess -= cut
        left_out += cut
        if cut < len(data):
            kept.append((stream, data[cut:]))
    decoders: dict[str, codecs.IncrementalDecoder] = {}
    text: list[str] = []
    for stream, data in kept:
        if stream not in decoders:
            decoders[stream] = codecs.getincrementaldecoder("utf-8")("replace")
            if left_out:
                # What is left of a character whose start was left out.
                data = data.lstrip(bytes(range(0x80, 0xC0))) if not text else data
        text.append(decoders[stream].decode(data))
    text.extend(decoder.decode(b"", final=True) for decoder in decoders.values())
    head = f"[titan: {left_out} bytes before this are left out; logs() has all]\n" if left_out and say else ""
    return head + "".join(text)
