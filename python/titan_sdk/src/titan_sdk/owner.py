"""Shows the master that the owner of some jobs is still there: one open answer per owner and process."""

from __future__ import annotations

import atexit
import http.client
import os
import threading
from urllib.parse import quote

from .errors import TitanError
from .transport import LONGEST_PAUSE, Stream, Transport

# The master sends a sign of life each 10 s.
SILENCE_SECONDS = 35.0


class OwnerSession:
    """Open from the first job held to the last one released, or to the end of the process: then the master
    waits the owner's grace and cancels what is left."""

    def __init__(self, transport: Transport, owner_id: str) -> None:
        self._transport = transport
        self._path = f"/owners/{quote(owner_id, safe='')}/session"
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._thread: threading.Thread | None = None
        self._open: Stream | None = None
        self._wake = threading.Event()

    def hold(self, key: str) -> None:
        with self._lock:
            self._held.add(key)
            if self._thread is None or not self._thread.is_alive():
                self._wake.clear()
                self._thread = threading.Thread(target=self._keep, name="titan-owner", daemon=True)
                self._thread.start()

    def release(self, key: str) -> None:
        with self._lock:
            self._held.discard(key)
            if not self._held:
                self.hang_up()

    def hang_up(self) -> None:
        self._wake.set()
        stream = self._open
        if stream is not None:
            stream.hang_up()

    def _keep(self) -> None:
        pause = 0.1
        while True:
            with self._lock:
                if not self._held or _abandoned.is_set():
                    self._thread = None
                    return
                self._wake.clear()
            try:
                stream = self._transport.stream(self._path, silence=SILENCE_SECONDS)
                with self._lock:
                    self._open = stream
                    if not self._held or _abandoned.is_set():
                        stream.hang_up()
                try:
                    for _ in stream.lines():
                        pause = 0.1
                finally:
                    self._open = None
                    stream.close()
            except (OSError, http.client.HTTPException, TitanError):
                # A master that restarts: it counts the grace only while it serves.
                pass
            self._wake.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


_sessions: dict[tuple[int, str, str], OwnerSession] = {}
_sessions_lock = threading.Lock()
_abandoned = threading.Event()


def owner_session(transport: Transport, owner_id: str) -> OwnerSession:
    """The one session of that owner in this process; clients of the same master share it."""
    # A forked child has its parent's sessions without their threads, so the process is part of the key.
    key = (os.getpid(), transport.url, owner_id)
    with _sessions_lock:
        session = _sessions.get(key)
        if session is None:
            session = _sessions[key] = OwnerSession(transport, owner_id)
        return session


def abandon_owners() -> None:
    """Keeps no owner of this process any longer, for good: those for whom it works are gone, and its jobs end
    after their grace as if it were gone too."""
    _abandoned.set()
    _hang_up_all()


def _hang_up_all() -> None:
    for session in list(_sessions.values()):
        session.hang_up()


atexit.register(_hang_up_all)
