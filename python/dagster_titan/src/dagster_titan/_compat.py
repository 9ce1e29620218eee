"""What has to be asked of Dagster's inside, in one place, tried on the oldest and newest supported
version."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg


@dataclass(frozen=True)
class StepFacts:
    run_id: str
    job: str
    location: str | None
    step_key: str
    retry_number: int
    name: str
    upstream: list[str]


def current_op_context() -> Any | None:
    """The context of the op, asset or check that runs in this thread, as an op's; None outside of one."""
    try:
        return dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return None


def step_facts(context: Any) -> StepFacts:
    op_context = getattr(context, "op_execution_context", context)
    run = op_context.run
    # Not documented, but meant for authors of frameworks; there is no other way to the step's key.
    step = op_context.get_step_execution_context().step
    origin = getattr(run, "remote_job_origin", None) or getattr(run, "external_job_origin", None)
    return StepFacts(
        run_id=op_context.run_id,
        job=op_context.job_name,
        location=getattr(origin, "location_name", None),
        step_key=step.key,
        retry_number=op_context.retry_number,
        name=step_name(op_context),
        upstream=_upstream(op_context, step),
    )


def step_name(op_context: Any) -> str:
    """The asset's name without its prefix, as the seed writes it; the step's key where it makes several or
    none."""
    keys = _asset_keys(op_context)
    return keys[0].path[-1] if len(keys) == 1 else op_context.get_step_execution_context().step.key


def _asset_keys(op_context: Any) -> list[dg.AssetKey]:
    try:
        return list(op_context.selected_asset_keys) if op_context.has_assets_def else []
    except dg.DagsterError:
        # A graph asset's inner op belongs to an asset without being one.
        return []


def _upstream(op_context: Any, step: Any) -> list[str]:
    own = _asset_keys(op_context)
    if own:
        deps = op_context.assets_def.asset_deps
        above = {key for asset in own for key in deps.get(asset, ())} - set(own)
        return sorted({key.path[-1] for key in above})
    return sorted(step.get_execution_dependency_keys())


def executor_process() -> Any | None:
    """The process of the executor that started this one for a single step; None where steps run in the
    executor's own, whose parent they may well outlive."""
    # Of a process that was spawned, this is what it was made to run.
    target = getattr(multiprocessing.current_process(), "_target", None)
    if getattr(target, "__module__", None) != "dagster._core.executor.child_process_executor":
        return None
    return multiprocessing.parent_process()


@contextmanager
def interrupts_held_back() -> Generator[None, None, None]:
    """Within, a further interrupt is noted and not raised, so that the remote job is ended with care. Ctrl-C
    in a terminal reaches a step twice: by itself, and through Dagster's parent process."""
    try:
        from dagster._utils.interrupts import capture_interrupts
    except ImportError:
        yield
        return
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with capture_interrupts():
        yield


def register_library(name: str, version: str) -> None:
    try:
        from dagster_shared.libraries import DagsterLibraryRegistry
    except ImportError:
        return
    DagsterLibraryRegistry.register(name, version, is_dagster_package=False)
