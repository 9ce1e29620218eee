"""Where the master is, and the token that it asks for, without being told."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from .errors import InvalidInput, TitanAuthError

DEFAULT_PORT = 9090


def find_url(explicit: str | None = None) -> str:
    """The master's address, without a slash at its end: explicit, TITAN_URL, TITAN_HOST and TITAN_PORT, or
    127.0.0.1:9090. `host:port` means plain http. Raises InvalidInput where what was given is no
    http(s) address."""
    url = explicit or os.environ.get("TITAN_URL")
    if not url:
        host = os.environ.get("TITAN_HOST") or "127.0.0.1"
        port = os.environ.get("TITAN_PORT") or str(DEFAULT_PORT)
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if "://" not in url:
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        sound = sound and url.isprintable() and " " not in url
    except ValueError:
        sound = False
    if not sound:
        raise InvalidInput(
            f"{url!r} is not the address of a master",
            field="url",
            hint="It looks like http://127.0.0.1:9090.",
        )
    return url.rstrip("/")


def state_home() -> Path:
    """The folder that this user's masters, nodes and clients share."""
    own = os.environ.get("TITAN_STATE_HOME")
    if own:
        return Path(own)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "titan"


def find_token(explicit: str | None = None) -> str | None:
    """Explicit, TITAN_TOKEN, TITAN_TOKEN_FILE, or the file in the state folder; None where there is none.

    Raises TitanAuthError where TITAN_TOKEN_FILE cannot be read, where the state folder's token is open to
    others, or where a token is such that no header can carry it.
    """
    token = explicit or os.environ.get("TITAN_TOKEN")
    if token:
        return _checked(token.strip())
    named = os.environ.get("TITAN_TOKEN_FILE")
    if named:
        # Its mode is its keeper's business: container platforms mount secrets as they please.
        return _read(Path(named))
    path = state_home() / "token"
    if not path.exists():
        return None
    _refuse_if_open_to_others(path)
    return _read(path)


def _read(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise TitanAuthError(f"the token file {path} cannot be read: {error}") from error
    return _checked(token)


def _checked(token: str) -> str:
    """The token itself is in no message: it may be a real one with something pasted behind it."""
    if not all("!" <= letter <= "~" for letter in token):
        raise TitanAuthError("the token holds characters that no token has, such as spaces or line breaks")
    return token


def _refuse_if_open_to_others(path: Path) -> None:
    about = path.stat()
    if about.st_mode & 0o077:
        raise TitanAuthError(
            f"the token file {path} can be read by others (mode {about.st_mode & 0o777:04o})",
            hint=f"chmod 600 {path}",
        )
    if about.st_uid not in (os.geteuid(), 0):
        raise TitanAuthError(f"the token file {path} belongs to another user (uid {about.st_uid})")
