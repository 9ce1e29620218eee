"""Pipeline files of the original. The master reads them, so that every client reads them alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .discovery import find_token, find_url
from .errors import ScriptNotFound, TitanError
from .job import TitanJob
from .payload import PathLike
from .transport import Transport


class TitanYAMLParser:
    """One pipeline file. Raises ScriptNotFound where it does not exist, TitanError (bad-yaml, with line and
    column) where it cannot be understood."""

    def __init__(self, file: PathLike, *, transport: Transport | None = None) -> None:
        self.path = Path(file).absolute()
        self._transport = transport or Transport(find_url(), find_token, 30.0)
        try:
            content = self.path.read_bytes()
        except (FileNotFoundError, IsADirectoryError) as error:
            raise ScriptNotFound(f"there is no pipeline file {file}", field="yaml_path") from error
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise TitanError(f"{file} is not UTF-8 (byte {error.start})", code="bad-yaml") from error
        headers = {"Content-Type": "application/yaml", "Accept": "application/json"}
        self._view: dict[str, Any] = self._transport.request("POST", "/yaml", content, headers).json()

    def get_project_name(self) -> str:
        return self._view["name"]

    def is_project_mode(self) -> bool:
        """Whether every job gets the whole folder of the file, not its script alone."""
        return self._view["project"]

    def build_jobs(self) -> list[TitanJob]:
        """The jobs, their scripts read now. Raises what TitanJob raises."""
        return [self._job(view) for view in self._view["jobs"]]

    def _job(self, view: dict[str, Any]) -> TitanJob:
        resources: dict[str, Any] = dict(view.get("resources") or {})
        for name in ("timeout", "queue_timeout"):
            milliseconds = resources.pop(f"{name}_ms", None)
            resources[name] = None if milliseconds is None else milliseconds / 1000
        return TitanJob(
            view["id"],
            view["file"],
            args=view["args"],
            parents=view["depends_on"],
            priority=view["priority"],
            delay=view["delay_ms"],
            affinity=view["affinity"],
            requirement=view["requirement"],
            env=view["env"],
            files=["."] if self.is_project_mode() else None,
            base=self.path.parent,
            **resources,
        )
