"""What Dagster shows of a job that has ended: metadata of the output, or the failure."""

from __future__ import annotations

from typing import Any

import dagster as dg

from titan_sdk import JobResult, TitanClient

TAIL_LINES = 20


def metadata_of(url: str, result: JobResult) -> dict[str, dg.MetadataValue[Any]]:
    """Where a job ran, for how long, and how it ended. Times are seconds."""
    values: dict[str, dg.MetadataValue[Any]] = {
        "titan/job": dg.MetadataValue.text(result.id),
        "titan/node": dg.MetadataValue.text(result.node or "-"),
        "titan/devices": dg.MetadataValue.text(", ".join(map(str, result.devices)) or "-"),
        "titan/waited": dg.MetadataValue.float(round(result.waited, 3)),
    }
    if result.ran is not None:
        values["titan/ran"] = dg.MetadataValue.float(round(result.ran, 3))
    values["titan/exit"] = dg.MetadataValue.text(_exit_text(result))
    values["titan/url"] = dg.MetadataValue.url(f"{url}/api/v1/jobs/{result.id}")
    if result.note:
        values["titan/note"] = dg.MetadataValue.text(result.note)
    return values


def _exit_text(result: JobResult) -> str:
    return result.signal or (
        str(result.exit_code) if result.exit_code is not None else result.cause or result.state
    )


def summary_of(result: JobResult) -> str:
    """Where a job ran and for how long, in a line for the event log."""
    devices = f" (GPU {', '.join(map(str, result.devices))})" if result.devices else ""
    ran = f"{result.ran or 0:.1f} s, after {result.waited:.1f} s of waiting"
    return f"'{result.name}' ran on {result.node}{devices} for {ran}"


def add_metadata(context: Any, url: str, result: JobResult) -> None:
    """To each output of the step; a step that calls several tasks shows the last one's."""
    op_context = getattr(context, "op_execution_context", context)
    metadata = metadata_of(url, result)
    outputs = [definition for definition in op_context.op_def.output_defs if not definition.is_dynamic]
    selected = op_context.selected_output_names
    for definition in outputs:
        if len(outputs) > 1 and definition.name not in selected:
            continue
        try:
            op_context.add_output_metadata(metadata, output_name=definition.name)
        except dg.DagsterInvariantViolationError:
            # The step has yielded that output already; where it ran is no reason to fail what has succeeded.
            continue


def failure_of(client: TitanClient, result: JobResult) -> dg.Failure:
    """The failure with the end of what the script wrote. Dagster's retry policy does not repeat what can
    never be."""
    failed = client.failure(result)
    tail = "\n".join(failed.tail.rstrip().splitlines()[-TAIL_LINES:])
    head = f"'{result.name}' {result.state}" + (f" on {result.node}" if result.node else "")
    # Of a cancelled job the reason begins with that word again.
    reason = (result.reason or result.cause or "").removeprefix(result.state).lstrip(": ")
    metadata = metadata_of(client.url, result)
    if tail:
        metadata["titan/output"] = dg.MetadataValue.md(f"```\n{tail}\n```")
    return dg.Failure(
        description="\n".join(filter(None, (f"{head}: {reason}" if reason else head, tail))),
        metadata=metadata,
        allow_retries=result.cause != "affinity-impossible",
    )
