"""Submit jobs to Titan, follow their output, get their results. Standard library only."""

from .client import TitanClient
from .context import RunContext, current_run_context
from .error_table import ERRORS, ErrorCode
from .errors import (
    InvalidInput,
    JobFailed,
    JobNotFound,
    NotThereYet,
    ScriptNotFound,
    ScriptUnreadable,
    TitanAuthError,
    TitanConnectionError,
    TitanError,
    WaitTimeout,
)
from .handle import JobHandle, RunHandle
from .job import TitanJob
from .results import JobResult, JobStatus, LogEvent, RunResult
from .scope import AUTO

__version__ = "0.1.0"

__all__ = [
    "AUTO",
    "ERRORS",
    "ErrorCode",
    "InvalidInput",
    "JobFailed",
    "JobHandle",
    "JobNotFound",
    "JobResult",
    "JobStatus",
    "LogEvent",
    "NotThereYet",
    "RunContext",
    "RunHandle",
    "RunResult",
    "ScriptNotFound",
    "ScriptUnreadable",
    "TitanAuthError",
    "TitanClient",
    "TitanConnectionError",
    "TitanError",
    "TitanJob",
    "WaitTimeout",
    "__version__",
    "current_run_context",
]
