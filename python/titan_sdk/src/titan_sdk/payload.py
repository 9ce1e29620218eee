"""The files that travel with a job: read, checked, hashed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, cast

from .errors import InvalidInput, ScriptNotFound, ScriptUnreadable

# Never wanted on a node, and often most of a project's bytes.
SKIPPED_FOLDERS = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        ".tox",
        ".mypy_cache",
        ".ruff_cache",
    }
    | {".pytest_cache", ".ipynb_checkpoints", ".dagster", ".eggs"}
)
MOST_FILES = 20_000
PathLike = str | os.PathLike[str]
Files = Mapping[str, PathLike] | Iterable[PathLike] | PathLike | None


class PayloadFile:
    """One file under the path that it will have on the node. Content that is on disk is read again when it is
    sent."""

    def __init__(self, path: str, content: bytes | Path, *, executable: bool = False) -> None:
        self.path = check_path(path)
        self.content = content
        self.executable = executable
        self._ref: dict[str, Any] | None = None

    def ref(self) -> dict[str, Any]:
        """Path, hash and size, as the API wants them."""
        if self._ref is None:
            digest, size = hashlib.sha256(), 0
            for piece in self._pieces():
                digest.update(piece)
                size += len(piece)
            self._ref = {"path": self.path, "sha256": digest.hexdigest(), "size": size}
            if self.executable:
                self._ref["executable"] = True
        return self._ref

    def _pieces(self) -> Iterator[bytes]:
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as file:
            while piece := file.read(1_048_576):
                yield piece


def check_path(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path or len(path) > 1024:
        raise InvalidInput(f"{path!r} is no path within a job's files", field="files")
    return "/".join(parts)


def read_script(path: PathLike, base: Path) -> tuple[str, PayloadFile]:
    """The script's path within the job's files, and the script, read now. Raises ScriptNotFound,
    ScriptUnreadable."""
    full = base / path
    if "\0" in os.fspath(path):
        raise ScriptNotFound(
            f"the script {os.fspath(path)!r} cannot exist: its name holds a NUL", field="filename"
        )
    if full.is_dir():
        raise ScriptUnreadable(f"the script {os.fspath(path)} is a folder", field="filename")
    try:
        content = full.read_bytes()
    except FileNotFoundError as error:
        raise ScriptNotFound(
            f"there is no script {os.fspath(path)} (looked for {full})", field="filename"
        ) from error
    except OSError as error:
        raise ScriptUnreadable(
            f"the script {os.fspath(path)} cannot be read: {error}", field="filename"
        ) from error
    name = name_within(full, base)
    return name, PayloadFile(name, check_script(name, content), executable=os.access(full, os.X_OK))


def check_script(name: str, content: bytes) -> bytes:
    if not content:
        raise ScriptUnreadable(f"the script {name} is empty", field="filename")
    if name.endswith((".py", ".sh")):
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ScriptUnreadable(
                f"the script {name} is not UTF-8 (byte {error.start})", field="filename"
            ) from error
    return content


def name_within(path: Path, base: Path) -> str:
    """The path relative to `base` where it lies within, else only its last part: so that modules beside a
    script are beside it on the node too."""
    absolute = Path(os.path.abspath(path))
    try:
        return absolute.relative_to(os.path.abspath(base)).as_posix()
    except ValueError:
        return absolute.name


def collect(files: Files, base: Path) -> list[PayloadFile]:
    """Files and whole folders; a mapping gives the path on the node for each. Raises ScriptNotFound,
    InvalidInput."""
    if files is None:
        return []
    pairs: list[tuple[str | None, PathLike]] = []
    if isinstance(files, Mapping):
        pairs.extend(cast("Mapping[str, PathLike]", files).items())
    elif isinstance(files, (str, os.PathLike)):
        pairs.append((None, files))
    else:
        pairs.extend((None, path) for path in files)
    found: list[PayloadFile] = []
    for wanted, path in pairs:
        full = base / path
        name = wanted if wanted is not None else name_within(full, base)
        if full.is_dir():
            found.extend(walk(full, "" if name == "." else name))
        elif full.is_file():
            found.append(PayloadFile(name, full.absolute(), executable=os.access(full, os.X_OK)))
        else:
            raise ScriptNotFound(f"there is no file {os.fspath(path)} (looked for {full})", field="files")
    return found


def walk(folder: Path, prefix: str = "") -> list[PayloadFile]:
    """All regular files under a folder, in order, without what no node wants. Links to folders are not
    followed."""
    found: list[PayloadFile] = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(root) / name
            if name.endswith(".pyc") or not path.is_file():
                continue
            inner = path.relative_to(folder).as_posix()
            mode = os.access(path, os.X_OK)
            found.append(
                PayloadFile(f"{prefix}/{inner}" if prefix else inner, path.absolute(), executable=mode)
            )
            if len(found) > MOST_FILES:
                raise InvalidInput(
                    f"{folder} holds more than {MOST_FILES} files", field="files", code="too-large"
                )
    return found


def merge(files: Iterable[PayloadFile]) -> list[PayloadFile]:
    """One file per path. Raises InvalidInput where two different ones want the same."""
    by_path: dict[str, PayloadFile] = {}
    for file in files:
        other = by_path.setdefault(file.path, file)
        if other is not file and other.ref()["sha256"] != file.ref()["sha256"]:
            raise InvalidInput(f"two different files are both to be {file.path}", field="files")
    return list(by_path.values())
