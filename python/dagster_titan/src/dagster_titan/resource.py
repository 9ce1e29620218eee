"""The resource that assets and ops use: one call runs one script on a node that fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import dagster as dg
from pydantic import Field
from titan_sdk.payload import Files, PathLike

from titan_sdk import JobResult, TitanClient, TitanJob

from . import __version__, _compat
from .outcome import add_metadata, failure_of, summary_of
from .run_context import job_name as name_of
from .run_context import of_context
from .task import Task

_compat.register_library("dagster-titan", __version__)


class TitanResource(dg.ConfigurableResource[Any]):
    """Sends steps to Titan. Needs no configuration on the master's machine.

    While a script runs its output is in the step's stdout and stderr, live, and in batches in the event log.
    Node, devices, times and exit are metadata of the output. A script that fails raises `dg.Failure` with the
    end of its stderr; a run that is terminated ends the script and waits for it.
    """

    url: str | None = Field(
        default=None, description="The master; TITAN_URL, or this machine's, where absent."
    )
    token: str | None = Field(
        default=None, description="TITAN_TOKEN, TITAN_TOKEN_FILE or this user's, where absent."
    )
    grace: float | None = Field(
        default=None,
        ge=0,
        description="Seconds that a job outlives a step's process that is gone; TITAN_OWNER_GRACE, or 30, "
        "where absent.",
    )
    stop_grace: float = Field(
        default=5.0,
        ge=0,
        description="Seconds between the polite signal and the deadly one when a job is ended.",
    )
    retry_window: float = Field(
        default=30.0, ge=0, description="Seconds that an absent master is tried again."
    )
    log_lines: bool = Field(
        default=True, description="Whether output goes to the event log as well, in batches."
    )

    def run_task(
        self,
        context: dg.OpExecutionContext | dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
        script_path: PathLike | None = None,
        requirement: str = "GENERAL",
        affinity: bool | Literal["required"] = False,
        *,
        args: str | Sequence[Any] | None = None,
        env: Mapping[str, Any] | None = None,
        cpus: float | None = None,
        gpus: int | None = None,
        gpu_model: str | None = None,
        gpu_memory: int | str | None = None,
        memory: int | str | None = None,
        labels: Mapping[str, str] | Iterable[str] | None = None,
        timeout: float | None = None,
        queue_timeout: float | None = None,
        retries: int | None = None,
        files: Files = None,
        python: PathLike | None = None,
        priority: int = 1,
        job_name: str | None = None,
        command: str | Sequence[Any] | None = None,
    ) -> JobResult:
        """Runs a script, or a command, on a node that fits, and returns how it ended: truthy.

        `timeout` and `queue_timeout` are seconds; the other arguments are TitanJob's. `affinity=True` prefers
        the node that made this asset's upstream. `job_name` is the asset's or op's name where absent. Titan
        runs the script once; give `retries` only to scripts that may be run again, and leave the step's
        retries to Dagster's policy.

        Raises dg.Failure where it did not succeed, TitanError where it could not be submitted or the master
        is gone.
        """
        run = of_context(context)
        job = TitanJob(
            job_name or run.name or name_of("step"),
            script_path,
            args=args,
            env=env,
            requirement=requirement,
            affinity=affinity,
            cpus=cpus,
            gpus=gpus,
            gpu_model=gpu_model,
            gpu_memory=gpu_memory,
            memory=memory,
            labels=labels,
            timeout=timeout,
            queue_timeout=queue_timeout,
            retries=retries,
            files=files,
            python=python,
            priority=priority,
            command=command,
            stop_grace=self.stop_grace,
        )
        # The task copies the output itself: the main thread, which Dagster interrupts, must be the one that
        # waits.
        client = TitanClient(
            self.url, self.token, mirror=False, retry_window=self.retry_window, scope=run, grace=self.grace
        )
        result = Task(client, job, context.log, self.log_lines, self.stop_grace).run()
        if not result:
            raise failure_of(client, result)
        context.log.info(summary_of(result))
        add_metadata(context, client.url, result)
        return result

    def client(self, **options: Any) -> TitanClient:
        """A client of the same master, for what `run_task` does not do. Within a step its jobs belong to
        it."""
        return TitanClient(self.url, self.token, retry_window=self.retry_window, grace=self.grace, **options)


#: Its name in the seed.
TitanEngine = TitanResource
