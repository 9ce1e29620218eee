"""A job as its author describes it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from . import checks
from .errors import InvalidInput, NotThereYet
from .payload import Files, PathLike, PayloadFile, check_path, check_script, collect, merge, read_script

_SERVICE_TYPES = ("SERVICE", "DEPLOY_PAYLOAD")


class TitanJob:
    """One script, or one command, and what it needs.

    The first thirteen parameters are the original's, in its order. `filename` is relative to the current
    folder (to `base` where given) and read at once; with `script_content` it may be left out; with
    `is_archive` it is `<upload>/<path>`. `args` is a list, passed on unchanged, or one text, split as a shell
    would. `delay` is milliseconds, as in the original; `timeout`, `queue_timeout`, `retry_backoff` and
    `stop_grace` are seconds. `memory` and `gpu_memory` are bytes or text such as `24GB`; amounts given
    explicitly override `requirement`'s. `affinity=True` prefers the node of the job that this one follows,
    `"required"` insists on it. `files` are files or folders to send along, found on the node beside the
    script as they are here.

    Raises InvalidInput (naming the field), ScriptNotFound or ScriptUnreadable.
    """

    def __init__(
        self,
        job_id: str,
        filename: PathLike | None = None,
        job_type: str = "RUN_PAYLOAD",
        args: str | Sequence[Any] | None = None,
        parents: Sequence[str] | None = None,
        port: int = 0,
        is_archive: bool = False,
        priority: int = 1,
        delay: int = 0,
        affinity: bool | Literal["required"] = False,
        requirement: str = "GENERAL",
        hitl_message: str | None = None,
        max_wait_seconds: int = 172_800,
        *,
        script_content: str | None = None,
        command: str | Sequence[Any] | None = None,
        cpus: float | None = None,
        memory: int | str | None = None,
        gpus: int | None = None,
        gpu_model: str | None = None,
        gpu_memory: int | str | None = None,
        labels: Mapping[str, str] | Iterable[str] | None = None,
        env: Mapping[str, Any] | None = None,
        python: PathLike | None = None,
        files: Files = None,
        timeout: float | None = None,
        queue_timeout: float | None = None,
        retries: int | None = None,
        retry_backoff: float | None = None,
        stop_grace: float | None = None,
        base: PathLike | None = None,
    ) -> None:
        _refuse_what_is_not_there(job_type, port, hitl_message)
        self.id = checks.check_name(job_id, "job_id")
        self.filename = filename
        self.job_type = job_type
        self.args = checks.argument_list(args)
        self.parents = _parents(parents)
        self.port = port
        self.is_archive = is_archive
        self.priority = checks.check_whole(priority, "priority", -1_000_000, 1_000_000)
        self.delay = checks.check_whole(delay, "delay", 0, checks.YEAR_SECONDS * 1000)
        self.affinity = _affinity(affinity)
        self.requirement = checks.check_name(requirement, "requirement")
        self.hitl_message = hitl_message
        self.max_wait_seconds = max_wait_seconds
        self.env = checks.check_env(env)
        self.command = None if command is None else checks.argument_list(command, "command")
        self._options = _drop_none(
            cpus=checks.optional(checks.check_cpus, cpus),
            memory=checks.optional(checks.check_memory, memory, "memory"),
            gpus=checks.optional(checks.check_whole, gpus, "gpus", 0, 1_024),
            gpu_model=checks.optional(checks.check_text, gpu_model, "gpu_model", 128),
            gpu_memory=checks.optional(checks.check_memory, gpu_memory, "gpu_memory"),
            labels=checks.check_labels(labels) or None,
            python=checks.optional(
                checks.check_text, None if python is None else str(python), "python", 4_096
            ),
            timeout_ms=checks.optional(checks.seconds_to_ms, timeout, "timeout"),
            queue_timeout_ms=checks.optional(checks.seconds_to_ms, queue_timeout, "queue_timeout"),
            retries=checks.optional(checks.check_whole, retries, "retries", 0, 1_000),
            retry_backoff_ms=checks.optional(checks.seconds_from_zero_to_ms, retry_backoff, "retry_backoff"),
            grace_ms=checks.optional(checks.seconds_from_zero_to_ms, stop_grace, "stop_grace"),
        )
        folder = Path(base) if base is not None else Path.cwd()
        #: Path of the script within the job's files; None for a command.
        self.script: str | None = None
        #: Name of the upload that an archive job takes its files from.
        self.upload: str | None = None
        self._script_file: PayloadFile | None = None
        self._take_code(script_content, folder)
        self._files = collect(files, folder)

    def _take_code(self, script_content: str | None, folder: Path) -> None:
        if self.command is not None:
            if not self.command or not self.command[0]:
                raise InvalidInput("command is empty", field="command")
            if self.filename is not None or script_content is not None:
                raise InvalidInput("give either a script or a command", field="command")
        elif self.is_archive:
            self.upload, self.script = _archive_parts(self.filename)
        elif script_content is not None:
            # A lone surrogate cannot be written as UTF-8; it is the caller's text that is at fault.
            content = checks.check_text(script_content, "script_content", 2**31).encode(
                "utf-8", "surrogatepass"
            )
            name = Path(self.filename).name if self.filename else f"{self.id}.py"
            self.script = check_path(name)
            self._script_file = PayloadFile(name, check_script(name, content))
        elif self.filename:
            self.script, self._script_file = read_script(self.filename, folder)
        else:
            raise InvalidInput("a job needs a filename, script_content or a command", field="filename")

    def payload(self) -> list[PayloadFile]:
        """The files that travel with the job, one per path. Raises InvalidInput where two want the same
        path."""
        own = [self._script_file] if self._script_file else []
        return merge([*own, *self._files])

    def spec(self) -> dict[str, Any]:
        """The job in the API's words, without its files."""
        spec: dict[str, Any] = {"name": self.id, "requirement": self.requirement, "priority": self.priority}
        if self.command is not None:
            spec["command"] = [*self.command, *self.args]
        else:
            spec["script"] = self.script
            if self.args:
                spec["args"] = self.args
        if self.env:
            spec["env"] = self.env
        if self.delay:
            spec["delay_ms"] = self.delay
        if self.affinity:
            spec["affinity"] = self.affinity
        return {**spec, **self._options}

    @property
    def payload_b64(self) -> str:
        """The script in base64, as the original kept it; its word for an archive."""
        if self.is_archive:
            return "REMOTE_ASSET"
        content = self._script_file.content if self._script_file else b""
        return base64.b64encode(content if isinstance(content, bytes) else content.read_bytes()).decode()

    def to_string(self) -> str:
        """The job as JSON, in the API's words."""
        return json.dumps({**self.spec(), "parents": self.parents}, ensure_ascii=False)

    def __repr__(self) -> str:
        return f"<TitanJob {self.id} {self.script or self.command}>"


def _refuse_what_is_not_there(job_type: str, port: int, hitl_message: str | None) -> None:
    if job_type in _SERVICE_TYPES or port:
        raise NotThereYet("services are not there yet", field="job_type" if not port else "port", hint="")
    if hitl_message is not None:
        raise NotThereYet("approval gates (hitl_message) are not there yet", field="hitl_message", hint="")


def _parents(parents: Sequence[str] | None) -> list[str]:
    given = [parents] if isinstance(parents, str) else list(parents or [])
    names: list[str] = []
    for index, parent in enumerate(given):
        # A JobHandle is a text too, whose `id` is what is meant.
        text = getattr(parent, "id", parent)
        names.append(checks.check_text(text, f"parents[{index}]", 256).removeprefix("DAG-"))
    return names


def _affinity(value: object) -> bool | Literal["required"]:
    if value == "required":
        return "required"
    if isinstance(value, bool):
        return value
    raise InvalidInput(f"affinity must be True, False or 'required', not {value!r}", field="affinity")


def _archive_parts(filename: PathLike | None) -> tuple[str, str]:
    upload, _, entry = str(filename or "").partition("/")
    if not upload or not entry:
        raise InvalidInput(
            f"an archive job's filename is <upload>/<path>, not {filename!r}",
            field="filename",
            hint="Such as proj.zip/src/main.py, after upload_project_folder('proj').",
        )
    return checks.check_name(upload, "filename"), check_path(entry)


def _drop_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
