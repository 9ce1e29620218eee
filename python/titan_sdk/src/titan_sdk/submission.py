"""From TitanJobs to one request: files sent, parents named, all or nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from .blobs import Blobs
from .context import RunContext
from .errors import InvalidInput, ScriptNotFound, TitanError
from .job import TitanJob
from .payload import PayloadFile
from .transport import Transport

MOST_JOBS = 10_000


def submit(
    transport: Transport,
    blobs: Blobs,
    jobs: Sequence[TitanJob],
    belongs: Mapping[str, Any],
    context: RunContext | None,
    earlier: Mapping[str, str],
) -> dict[str, Any]:
    """Sends the jobs and returns the API's answer. `belongs`: the submission's run and owner; `earlier`: ids
    of jobs that this client submitted before, by name. Repeats with one key until the master has answered."""
    if not 1 <= len(jobs) <= MOST_JOBS:
        raise InvalidInput(f"a submission holds 1 to {MOST_JOBS} jobs, not {len(jobs)}", field="jobs")
    files = [job.payload() for job in jobs]
    key = str(uuid.uuid4())
    body = {**belongs, "jobs": _specs(jobs, files, blobs, context, earlier)}
    everything = [file for some in files for file in some]
    blobs.send(everything)
    try:
        return transport.json("POST", "/jobs", body=body, key=key)
    except TitanError as error:
        if error.code != "unknown-blob":
            raise
        # The master has lost what it was sent earlier (a fresh state folder): send all again, once.
        blobs.forget()
        blobs.send(everything)
        return transport.json("POST", "/jobs", body=body, key=str(uuid.uuid4()))


def _specs(
    jobs: Sequence[TitanJob],
    files: Sequence[Sequence[PayloadFile]],
    blobs: Blobs,
    context: RunContext | None,
    earlier: Mapping[str, str],
) -> list[dict[str, Any]]:
    names = {job.id for job in jobs}
    uploads: dict[str, list[dict[str, Any]]] = {}
    specs: list[dict[str, Any]] = []
    for job, own in zip(jobs, files, strict=True):
        spec = job.spec()
        refs = [file.ref() for file in own]
        if job.upload is not None:
            if job.upload not in uploads:
                uploads[job.upload] = blobs.kept(job.upload)
            refs = [*uploads[job.upload], *refs]
            if all(ref["path"] != job.script for ref in refs):
                raise ScriptNotFound(f"the upload {job.upload} holds no {job.script}", field="filename")
        if refs:
            spec["files"] = refs
        if job.parents:
            # Outside of a run the master knows no names of earlier submissions; this client does.
            spec["parents"] = [
                parent if parent in names or context is not None else earlier.get(parent, parent)
                for parent in job.parents
            ]
        if context is not None and context.upstream:
            spec["upstream"] = context.upstream
        specs.append(spec)
    return specs
