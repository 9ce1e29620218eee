"""A script with a child and a grandchild, and whether anything of it is left."""

from __future__ import annotations

import time
from pathlib import Path

from webserver import wait_until

_SCRIPT = """
import os, subprocess, time
child = subprocess.Popen(["/bin/sh", "-c", "sleep 600 & wait"])
path = {folder!r} + "/" + os.environ["TITAN_RUN_ID"]
with open(path + ".part", "w") as file:
    file.write(f"{{os.getpid()}} {{child.pid}}")
os.rename(path + ".part", path)
print("planted", flush=True)
time.sleep(600)
"""


def tree_script(folder: Path) -> str:
    """A script that leaves its own and its child's pid in that folder, and sleeps."""
    return _SCRIPT.format(folder=str(folder))


def planted_tree(folder: Path, run_id: str) -> set[int]:
    """The processes of the tree script in that run, once all three are there."""
    pids = folder / run_id
    wait_until(f"the script of run {run_id} sleeps", pids.exists, 60)
    script, child = map(int, pids.read_text().split())

    def whole() -> set[int] | None:
        tree = _processes_of(script)
        return tree if len(tree) == 3 else None

    tree = wait_until("its tree is whole", whole)
    assert {script, child} < tree
    return tree


def _processes_of(pid: int) -> set[int]:
    found = {pid}
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found |= _processes_of(int(child))
    return found


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def seconds_until_gone(pids: set[int], since: float) -> float:
    """Seconds from `since`, a time.time(), until none of the processes is left."""
    wait_until(f"the processes {sorted(pids)} are gone", lambda: not alive(pids), 20)
    return time.time() - since
