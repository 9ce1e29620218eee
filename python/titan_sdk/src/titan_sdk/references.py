"""Which job a handle, an id or a name means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from .context import RunContext
from .errors import InvalidInput, JobNotFound
from .transport import Transport

if TYPE_CHECKING:
    from .handle import RunHandle

_ID = re.compile(r"[a-z0-9]{3,12}\Z")


class References:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        #: This client's own latest submission of each name.
        self.ids_by_name: dict[str, str] = {}
        self._runs: dict[str, RunHandle] = {}

    def remember(self, job_id: str, name: str) -> None:
        self.ids_by_name[name] = job_id
        # A job submitted later hides an earlier run of the same name.
        self._runs.pop(name, None)

    def remember_run(self, run: RunHandle) -> None:
        # A job of that name comes first: `DAG-<id>` has always been a job's.
        if run.name not in run.jobs:
            self._runs[run.name] = run

    def own_run(self, reference: str) -> RunHandle | None:
        """This client's own latest DAG of that name, where no job has the name."""
        from .handle import JobHandle, RunHandle

        if isinstance(reference, RunHandle):
            return reference
        return None if isinstance(reference, JobHandle) else self._runs.get(reference.removeprefix("DAG-"))

    def resolve(self, reference: str, context: RunContext | None) -> str:
        """The job's id. Raises JobNotFound; TitanError ambiguous-id for a beginning of several ids."""
        from .handle import JobHandle, RunHandle

        if isinstance(reference, JobHandle):
            return reference.id
        if isinstance(reference, RunHandle):
            raise InvalidInput(
                f"{reference!r} is several jobs",
                field="job_id",
                hint="Use its own methods, or one of its .jobs.",
            )
        if not isinstance(reference, str) or not reference:
            raise InvalidInput(f"{reference!r} refers to no job", field="job_id")
        name = reference.removeprefix("DAG-")
        own = self.ids_by_name.get(name)
        if own is not None:
            return own
        run = None if context is None else context.run_id
        found = self._latest(name, run)
        if found is None and not reference.startswith("DAG-") and _ID.match(name):
            # Raises JobNotFound itself.
            found = self._transport.json("GET", f"/jobs/{quote(name, safe='')}")["id"]
        if found is None:
            place = f" in run {run}" if run else ""
            raise JobNotFound(f"there is no job {reference!r}{place}")
        return found

    def _latest(self, name: str, run: str | None) -> str | None:
        jobs = self._transport.json("GET", "/jobs", query={"name": name, "run": run, "limit": 1})["jobs"]
        return jobs[0]["id"] if jobs else None
