"""Sends file contents under their hashes, each at most once, and keeps lists of files under names."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .checks import check_name
from .errors import InvalidInput, ScriptNotFound
from .payload import MOST_FILES, PathLike, PayloadFile, walk
from .transport import Transport

ASKED_AT_ONCE = 5_000


class Blobs:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._there: set[str] = set()

    def send(self, files: Iterable[PayloadFile]) -> None:
        """After this the master has the content of every file. Asks first, sends only what is missing."""
        wanted = {file.ref()["sha256"]: file for file in files}
        unsure = [sha for sha in wanted if sha not in self._there]
        for start in range(0, len(unsure), ASKED_AT_ONCE):
            some = unsure[start : start + ASKED_AT_ONCE]
            answer: dict[str, list[str]] = self._transport.json(
                "POST", "/blobs/missing", body={"sha256": some}
            )
            for sha in answer["missing"]:
                self._put(sha, wanted[sha].content)
            self._there.update(some)

    def forget(self) -> None:
        """What the master was known to have it may have lost, with its state folder."""
        self._there.clear()

    def _put(self, sha: str, content: bytes | Path) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        self._transport.request("PUT", f"/blobs/{sha}", content, headers)

    def keep(self, name: str, files: list[PayloadFile]) -> None:
        """Keeps the files under a name for jobs of later submissions."""
        check_name(name, "name")
        self.send(files)
        body = {"name": name, "files": [file.ref() for file in files]}
        self._transport.json("PUT", f"/uploads/{quote(name, safe='')}", body=body)

    def kept(self, name: str) -> list[dict[str, Any]]:
        """The files kept under a name. Raises TitanError, code upload-not-found."""
        return self._transport.json("GET", f"/uploads/{quote(name, safe='')}")["files"]


def files_of_upload(path: PathLike) -> tuple[str, list[PayloadFile]]:
    """The name and the files that uploading `path` means: a zip file stands for what is in it."""
    full = Path(path)
    if not full.is_file():
        raise ScriptNotFound(f"there is no file {path}", field="path")
    if full.suffix == ".zip" and zipfile.is_zipfile(full):
        return full.name, _unpacked(full)
    return full.name, [PayloadFile(full.name, full.absolute())]


def files_of_folder(folder: PathLike) -> list[PayloadFile]:
    if not Path(folder).is_dir():
        raise ScriptNotFound(f"there is no folder {folder}", field="folder")
    return walk(Path(folder))


def _unpacked(path: Path) -> list[PayloadFile]:
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MOST_FILES:
            raise InvalidInput(f"{path} holds more than {MOST_FILES} files", code="too-large", field="path")
        # PayloadFile refuses names that lead out of the job's folder.
        return [
            PayloadFile(
                entry.filename, archive.read(entry), executable=bool(entry.external_attr >> 16 & 0o111)
            )
            for entry in entries
        ]
