"""Tells titan_sdk which Dagster step it is in. Never imports dagster: where nobody else has, there is no
step."""

from __future__ import annotations

import re
import sys

from titan_sdk.context import RunContext

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")


def current() -> RunContext | None:
    """The step that runs in this thread; None outside of one."""
    dagster = sys.modules.get("dagster")
    # Half imported, it has no contexts yet.
    if dagster is None or not hasattr(dagster, "OpExecutionContext"):
        return None
    from . import _compat

    context = _compat.current_op_context()
    return None if context is None else of_context(context)


def of_context(context: object) -> RunContext:
    """The run context of an op's, asset's or asset check's execution context."""
    from . import _compat, orphan

    step = _compat.step_facts(context)
    orphan.end_with_executor()
    return RunContext(
        run_id=step.run_id,
        series=f"{step.location}/{step.job}" if step.location else step.job,
        owner=f"{step.run_id}/{step.step_key}/{step.retry_number}",
        upstream=step.upstream,
        name=job_name(step.name),
    )


def job_name(text: str) -> str:
    """Titan's names are letters, digits, `.`, `_` and `-`: dynamic steps are called `score[7]`."""
    return _NOT_IN_NAMES.sub("_", text).strip("._-")[:128] or "step"
