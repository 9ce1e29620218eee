"""What this package raises. `code` decides what it is; the message and the hint are for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .error_table import ERRORS, ErrorCode

if TYPE_CHECKING:
    from .results import JobResult


class TitanError(Exception):
    """The base of all errors raised here.

    `code` is one of `ERRORS`, `hint` says what to do, `field` names the argument or field at fault, if one
    is.
    """

    default_code: ClassVar[ErrorCode] = "internal"

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode | None = None,
        hint: str | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code: ErrorCode = code or self.default_code
        self.hint = ERRORS[self.code].hint if hint is None else hint
        self.field = field

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with the message alone and lose the rest; Dagster and
        # multiprocessing pickle exceptions.
        return (_rebuild, (type(self), self.message, dict(self.__dict__)))


def _rebuild(kind: type[TitanError], message: str, state: dict[str, Any]) -> TitanError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class TitanConnectionError(TitanError, ConnectionError):
    """The master did not answer within the retry window."""

    default_code = "master-unreachable"


class TitanAuthError(TitanError, PermissionError):
    """The token is missing, wrong, or kept where others can read it."""

    default_code = "unauthorized"


class InvalidInput(TitanError, ValueError):
    """An argument or field has a value that is not allowed; `field` names it. Nothing was changed."""

    default_code = "bad-field"


class ScriptNotFound(TitanError, FileNotFoundError):
    """The script, or a file to send with it, does not exist."""

    default_code = "script-not-found"


class ScriptUnreadable(TitanError, ValueError):
    """The script is a folder, is empty, or is not UTF-8."""

    default_code = "script-unreadable"


class JobNotFound(TitanError, LookupError):
    """No job goes by that id or name, as seen from here."""

    default_code = "job-not-found"


class WaitTimeout(TitanError, TimeoutError):
    """The job had not ended when the time given to `wait` was over. It goes on."""

    default_code = "wait-timeout"


class JobFailed(TitanError):
    """A job ended in another way than success.

    `exit_code` (None where it did not exit by itself), `reason` (one line), `tail` (the end of what it
    printed, stderr where it wrote any) and the whole `result`.
    """

    default_code = "job-failed"

    def __init__(self, result: JobResult, tail: str = "") -> None:
        place = f" on {result.node}" if result.node else ""
        message = f"job '{result.name}' ({result.id}) {result.state}{place}: {result.reason or result.cause}"
        super().__init__(f"{message}\n{tail.rstrip()}" if tail.strip() else message)
        self.result = result
        self.exit_code = result.exit_code
        self.reason = result.reason
        self.tail = tail


class NotThereYet(TitanError, NotImplementedError, AttributeError):
    """Part of the interface of the original that Titan does not have yet."""

    default_code = "bad-field"


_CLASS_OF: Mapping[str, type[TitanError]] = {
    "unauthorized": TitanAuthError,
    "job-not-found": JobNotFound,
    "script-not-found": ScriptNotFound,
    "script-unreadable": ScriptUnreadable,
    "master-unreachable": TitanConnectionError,
    "wait-timeout": WaitTimeout,
}


def error_from_problem(status: int, problem: Mapping[str, Any]) -> TitanError:
    """The error that an answer of the master stands for (RFC 9457). Unknown codes read as `internal`."""
    given = problem.get("code")
    code: ErrorCode = given if given in ERRORS else _code_of_status(status)
    text = str(problem.get("detail") or problem.get("title") or f"the master answered {status}")
    kind = _CLASS_OF.get(code) or (InvalidInput if ERRORS[code].status == 400 else TitanError)
    hint, field = problem.get("hint"), problem.get("field")
    return kind(
        text,
        code=code,
        hint=hint if isinstance(hint, str) else None,
        field=field if isinstance(field, str) else None,
    )


def _code_of_status(status: int) -> ErrorCode:
    for code, kind in ERRORS.items():
        if kind.status == status and code in ("bad-request", "unauthorized", "not-found", "too-large"):
            return code
    return "internal"
