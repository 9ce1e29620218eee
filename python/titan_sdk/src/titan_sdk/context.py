"""The run that this process is a part of, if something knows of one.

Whoever orchestrates (dagster_titan, for one) registers a function under the entry point group
`titan_sdk.run_context`; this package knows nothing of it beyond the answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points

GROUP = "titan_sdk.run_context"


@dataclass(frozen=True)
class RunContext:
    """`run_id` groups jobs; `series` is what this run is one of many of; `owner` is who the jobs belong to
    and end with; `upstream` are names of jobs of this run that affinity may mean; `name` is a name for a job
    of this step."""

    run_id: str
    series: str | None = None
    owner: str | None = None
    upstream: list[str] = field(default_factory=list[str])
    name: str | None = None


_providers: list[Callable[[], RunContext | None]] | None = None


def current_run_context() -> RunContext | None:
    """The first answer of a registered function; None outside of any run. The list of functions is read once
    per process (some 10 ms in a large environment), the functions are asked each time."""
    global _providers
    if _providers is None:
        _providers = _load()
    for provider in _providers:
        context = provider()
        if context is not None:
            return context
    return None


def _load() -> list[Callable[[], RunContext | None]]:
    found: dict[str, Callable[[], RunContext | None]] = {}
    for entry in entry_points(group=GROUP):
        if entry.value in found:
            continue
        try:
            found[entry.value] = entry.load()
        except Exception as error:
            # A broken plug-in must not stop plain submissions, but jobs without their run must not go
            # unnoticed.
            warnings.warn(f"titan_sdk: run context {entry.value} cannot be loaded: {error}", stacklevel=3)
    return list(found.values())
