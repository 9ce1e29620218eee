"""One HTTP exchange with the master, repeated while it may yet succeed."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlencode, urlsplit

from .errors import ScriptNotFound, TitanConnectionError, TitanError, error_from_problem

API = "/api/v1"
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
# What a proxy says while the master restarts, and what the master says when a commit's outcome is unknown:
# all may be repeated, because every request here is idempotent or carries a key.
PASSING = (502, 503, 504)


class Reply(NamedTuple):
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Transport:
    """Keeps one connection open per thread. Requests that fail for want of a master are repeated with growing
    pauses until `retry_window` seconds are over; then TitanConnectionError is raised."""

    def __init__(self, url: str, token: Callable[[], str | None], retry_window: float) -> None:
        self.url = url
        self.retry_window = retry_window
        self._parts = urlsplit(url)
        self._token = token
        self._kept = threading.local()

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        key: str | None = None,
        answer_after: float = 0.0,
        window: float | None = None,
    ) -> Any:
        """Sends `body` as JSON and returns the answer's JSON. Raises the TitanError that the answer stands
        for.

        `answer_after`: seconds that the master may take on purpose. `key`: the idempotency key.
        """
        headers = {"Accept": "application/json"}
        data: bytes | None = None
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        target = _target(path, query)
        return self.request(method, target, data, headers, answer_after=answer_after, window=window).json()

    def request(
        self,
        method: str,
        target: str,
        body: bytes | Path | None,
        headers: Mapping[str, str],
        *,
        allow: tuple[int, ...] = (),
        answer_after: float = 0.0,
        window: float | None = None,
    ) -> Reply:
        """As `json`, with the raw body; statuses in `allow` are answered, not raised."""
        window = self.retry_window if window is None else window
        until = time.monotonic() + window + answer_after
        pause = FIRST_PAUSE
        while True:
            left = until - time.monotonic()
            try:
                reply = self._once(method, target, body, headers, max(0.2, left), answer_after)
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, TitanError):
                    # A token that others can read is a PermissionError too, and no fault of the master.
                    raise
                failure: TitanError = self._unreachable(error, window)
                failure.__cause__ = error
            else:
                if reply.status < 300 or reply.status in allow:
                    return reply
                failure = _problem_of(reply)
                if reply.status not in PASSING:
                    raise failure
            left = until - time.monotonic()
            if left <= 0:
                raise failure
            time.sleep(min(pause, left))
            pause = min(pause * 2, LONGEST_PAUSE)

    def stream(
        self, path: str, query: Mapping[str, object] | None = None, *, silence: float = 60.0
    ) -> Stream:
        """Opens an answer that comes bit by bit, on a connection of its own. Not repeated: raises OSError or
        HTTPException where there is no master, TitanError where it refuses. `silence`: seconds without a byte
        after which the connection counts as dead."""
        connection = self._connect(CONNECT_SECONDS)
        try:
            connection.connect()
            connection.sock.settimeout(silence)
            connection.request("GET", self._path(_target(path, query)), headers=self._headers({}))
            response = connection.getresponse()
            if response.status >= 300:
                raise _problem_of(Reply(response.status, response.read()))
        except BaseException:
            connection.close()
            raise
        return Stream(connection, response)

    def _once(
        self,
        method: str,
        target: str,
        body: bytes | Path | None,
        headers: Mapping[str, str],
        left: float,
        answer_after: float,
    ) -> Reply:
        # Before connecting: a token that cannot be used is told at once, master or not.
        headers = self._headers(headers)
        connection = self._kept_connection()
        fresh = connection.sock is None
        try:
            if fresh:
                connection.timeout = min(CONNECT_SECONDS, left)
                connection.connect()
            connection.sock.settimeout(answer_after + min(READ_SECONDS, max(1.0, left)))
            if isinstance(body, Path):
                with _opened(body) as file:
                    size = {"Content-Length": str(os.fstat(file.fileno()).st_size)}
                    connection.request(method, self._path(target), file, {**headers, **size})
            else:
                connection.request(method, self._path(target), body, headers)
            response = connection.getresponse()
            return Reply(response.status, response.read())
        except BaseException as error:
            # Also on an interrupt: a half-read answer must not be taken for the next one's.
            connection.close()
            if not fresh and isinstance(error, (ConnectionError, http.client.BadStatusLine)):
                # An idle connection that the other side had closed is no failure of the master.
                return self._once(method, target, body, headers, left, answer_after)
            raise

    def _kept_connection(self) -> http.client.HTTPConnection:
        # A forked child must not speak on its parent's socket, so the process is part of the key.
        kept: tuple[int, http.client.HTTPConnection] | None = getattr(self._kept, "held", None)
        if kept is None or kept[0] != os.getpid():
            kept = (os.getpid(), self._connect(CONNECT_SECONDS))
            self._kept.held = kept
        return kept[1]

    def _connect(self, seconds: float) -> http.client.HTTPConnection:
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(self._parts.hostname or "", self._parts.port, timeout=seconds)

    def _path(self, target: str) -> str:
        return f"{self._parts.path}{API}{target}"

    def _headers(self, extra: Mapping[str, str]) -> dict[str, str]:
        token = self._token()
        return {**({"Authorization": f"Bearer {token}"} if token else {}), **extra}

    def _unreachable(self, error: Exception, window: float) -> TitanConnectionError:
        why = str(error) or type(error).__name__
        return TitanConnectionError(
            f"the master at {self.url} does not answer (tried for {window:g} s): {why}"
        )


class Stream:
    """An answer made of lines, as they come."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self._socket = connection.sock

    def lines(self) -> Iterator[bytes]:
        """Whole lines only: what follows the last newline of a cut connection is dropped. Raises OSError or
        HTTPException where it was cut."""
        rest = b""
        while True:
            piece = self._response.read1(262_144)
            if not piece:
                return
            lines = (rest + piece).split(b"\n") if rest else piece.split(b"\n")
            rest = lines.pop()
            yield from lines

    def hang_up(self) -> None:
        """From any thread: whoever reads finds the connection ended. Closing would not wake it, shutting down
        does."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """By the thread that reads, when it has done so."""
        self._connection.close()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ScriptNotFound(
            f"the file {path} has gone since it was named: {error}", field="files"
        ) from error


def _target(path: str, query: Mapping[str, object] | None) -> str:
    given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _problem_of(reply: Reply) -> TitanError:
    try:
        problem: Any = json.loads(reply.body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        text = reply.body[:200].decode("utf-8", "replace").strip()
        problem = {"detail": f"answer {reply.status} that is not Titan's: {text}"}
    return error_from_problem(reply.status, problem)  # pyright: ignore[reportUnknownArgumentType]
