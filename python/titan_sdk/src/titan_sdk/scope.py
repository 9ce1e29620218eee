"""What ties a client's submissions to the run that it is in: run, owner, upstream, session and mirrors."""

from __future__ import annotations

import os
from typing import Any, Final

from .context import RunContext, current_run_context
from .errors import InvalidInput
from .logs import LogFollower
from .mirror import Mirror, Mirrors
from .owner import OwnerSession, owner_session
from .transport import Transport

DEFAULT_GRACE_SECONDS = 30.0


class Auto:
    """Stands for: find the run by asking the registered run contexts."""

    def __repr__(self) -> str:
        return "AUTO"


AUTO: Final = Auto()


class Scope:
    def __init__(
        self, transport: Transport, given: RunContext | Auto | None, mirror: bool | None, grace: float | None
    ) -> None:
        self._transport = transport
        self._given = given
        # Threads that user code starts do not inherit the step's context, so it is looked up here as well.
        self._found = current_run_context() if isinstance(given, Auto) else given
        self._mirror = mirror
        self._grace = _grace_seconds(grace)
        self._sessions: dict[str, OwnerSession] = {}
        self._mirrors: dict[str, Mirror] = {}
        self._mirroring = Mirrors()

    def current(self) -> RunContext | None:
        if not isinstance(self._given, Auto):
            return self._given
        return current_run_context() or self._found

    def submission(self, context: RunContext | None) -> dict[str, Any]:
        """The part of a submission that says where it belongs."""
        if context is None:
            return {}
        body: dict[str, Any] = {"run": {"id": context.run_id, "series": context.series}}
        if context.owner is not None:
            body["owner"] = {"id": context.owner, "grace_ms": round(self._grace * 1000)}
        return body

    def open(self, context: RunContext | None, key: str) -> OwnerSession | None:
        """Holds the owner's session under `key`; before the submission, so that there is no moment without
        it."""
        if context is None or context.owner is None:
            return None
        session = owner_session(self._transport, context.owner)
        session.hold(key)
        return session

    def watch(self, context: RunContext | None, session: OwnerSession | None, job_id: str) -> None:
        """From now on the job's lines are copied here, and the owner's session is kept for it."""
        if session is not None:
            session.hold(job_id)
            self._sessions[job_id] = session
        if context is not None and self._mirrors_wanted():
            # It outlives any restart of the master: giving up would lose lines of a job that goes on.
            follower = LogFollower(self._transport, job_id, window=float("inf"))
            mirror = self._mirrors[job_id] = Mirror(follower, lambda: self._release(job_id))
            self._mirroring.start(mirror)

    def ended(self, job_id: str) -> None:
        """The job has been seen to have ended: its mirror is waited for, its hold on the session let go."""
        mirror = self._mirrors.get(job_id)
        if mirror is not None:
            mirror.wait_until_whole()
            self._mirrors.pop(job_id, None)
        self._release(job_id)

    def _release(self, job_id: str) -> None:
        session = self._sessions.pop(job_id, None)
        if session is not None:
            session.release(job_id)

    def _mirrors_wanted(self) -> bool:
        if self._mirror is not None:
            return self._mirror
        return os.environ.get("TITAN_MIRROR", "1").lower() not in ("0", "false", "no", "off")


def _grace_seconds(given: float | None) -> float:
    text = os.environ.get("TITAN_OWNER_GRACE")
    try:
        grace = float(text) if given is None and text else DEFAULT_GRACE_SECONDS if given is None else given
    except ValueError:
        grace = -1.0
    if not 0 <= grace <= 86_400:
        raise InvalidInput(
            f"the owner's grace must be 0 to 86400 seconds, not {text or given!r}", field="grace"
        )
    return grace
