"""What a value must look like before it is sent: the rules of the HTTP API, told at the line that broke
them."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from .errors import InvalidInput

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_MEMORY = re.compile(r"[0-9]+(\.[0-9]+)?\s*([KMGTkmgt]i?)?[Bb]?\Z")
YEAR_SECONDS = 366 * 86_400
TEXT_LIMIT = 131_072
P = ParamSpec("P")
R = TypeVar("R")


def check_name(value: object, field: str) -> str:
    """Letters, digits, `.`, `_`, `-`; at most 128; not starting with `.` or `-`."""
    if not isinstance(value, str) or not NAME.match(value):
        shown = (
            repr(value) if len(str(value)) <= 60 else f"{str(value)[:60]!r}… ({len(str(value))} characters)"
        )
        raise InvalidInput(
            f"{field} {shown} is not allowed",
            field=field,
            hint="Use letters, digits, '.', '_' and '-', at most 128, not starting with '.' or '-'.",
        )
    return value


def check_number(value: object, field: str, least: float, most: float, *, above: bool = False) -> float:
    """A finite number from `least` (not itself where `above`) to `most`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidInput(f"{field} must be a number, not {value!r}", field=field)
    if value < least or value > most or (above and value == least):
        bound = f"above {least}" if above else f"from {least}"
        raise InvalidInput(f"{field} must be {bound} to {most}, not {value!r}", field=field)
    return value


def check_whole(value: object, field: str, least: int, most: int) -> int:
    number = check_number(value, field, least, most)
    if number != int(number):
        raise InvalidInput(f"{field} must be a whole number, not {value!r}", field=field)
    return int(number)


def check_cpus(value: object) -> float:
    number = check_number(value, "cpus", 0, 100_000, above=True)
    if round(number, 3) != number:
        raise InvalidInput(f"cpus must be a multiple of 0.001, not {value!r}", field="cpus")
    return number


def seconds_to_ms(value: object, field: str) -> int:
    """Seconds, as people give them, to whole milliseconds, at least one."""
    return max(1, round(check_number(value, field, 0, YEAR_SECONDS, above=True) * 1000))


def seconds_from_zero_to_ms(value: object, field: str) -> int:
    return round(check_number(value, field, 0, YEAR_SECONDS) * 1000)


def optional(
    check: Callable[Concatenate[Any, P], R], value: object, *rest: P.args, **named: P.kwargs
) -> R | None:
    """None stays None, everything else is checked."""
    return None if value is None else check(value, *rest, **named)


def check_memory(value: object, field: str) -> int | str:
    """Bytes, or text such as `512M` or `24GB`."""
    if isinstance(value, str):
        if not _MEMORY.match(value) or len(value) > 32:
            raise InvalidInput(
                f"{field} {value!r} is no amount", field=field, hint="Write 512M, 24GB or bytes."
            )
        return value
    return check_whole(value, field, 1, 2**50)


def check_text(value: object, field: str, most: int = TEXT_LIMIT) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{field} must be text, not {value!r}", field=field)
    if "\0" in value:
        raise InvalidInput(f"{field} must not hold a NUL character", field=field)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(f"{field} holds half a character (at {error.start})", field=field) from error
    if len(value) > most:
        raise InvalidInput(f"{field} has {len(value)} characters, at most {most} are allowed", field=field)
    return value


def argument_list(value: str | Sequence[Any] | None, field: str = "args") -> list[str]:
    """A list stays as it is (numbers and paths become text); one text is split as a shell would split it."""
    if value is None:
        return []
    if isinstance(value, str):
        try:
            parts: Iterable[Any] = shlex.split(check_text(value, field))
        except ValueError as error:
            raise InvalidInput(
                f"{field} cannot be split: {error}", field=field, hint="Pass a list."
            ) from error
    else:
        parts = value
    return [_argument(part, f"{field}[{index}]") for index, part in enumerate(parts)]


def _argument(value: object, field: str) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, os.PathLike):
        return check_text(os.fspath(value), field)  # pyright: ignore[reportUnknownArgumentType]
    return check_text(value, field)


def check_env(value: Mapping[str, Any] | None) -> dict[str, str]:
    result: dict[str, str] = {}
    for name, text in (value or {}).items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name or len(name) > 256:
            raise InvalidInput(f"env: {name!r} is no name of a variable", field="env")
        result[name] = _argument(text, f"env.{name}")
    return result


def check_labels(value: Mapping[str, str] | Iterable[str] | None) -> dict[str, str]:
    """A mapping, or a list of names that stand for `true`."""
    pairs: dict[str, str] = {}
    if isinstance(value, str):
        pairs = {value: "true"}
    elif isinstance(value, Mapping):
        pairs.update(cast("Mapping[str, str]", value))
    elif value is not None:
        pairs = dict.fromkeys(value, "true")
    return {
        check_name(name, "labels"): check_text(text, f"labels.{name}", 256) for name, text in pairs.items()
    }
