"""A step's process outlives an executor that is killed: Dagster fails the run at once, and the step works on,
for nobody."""

from __future__ import annotations

import os
import threading

from titan_sdk.owner import abandon_owners

from . import _compat

_watching: set[int] = set()
_lock = threading.Lock()


def end_with_executor() -> None:
    """From now on the jobs of this process end, after their grace, when its executor's process is gone."""
    executor = _compat.executor_process()
    with _lock:
        if executor is None or os.getpid() in _watching:
            return
        _watching.add(os.getpid())

    def watch() -> None:
        executor.join()
        abandon_owners()

    threading.Thread(target=watch, name="titan-executor", daemon=True).start()
