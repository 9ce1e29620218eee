"""The seed's pipeline and one that uses TitanResource, launched and terminated by Dagster's webserver.

Both run at the same time in each test, because the start of their processes is most of what a test costs.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from process_tree import alive, planted_tree, seconds_until_gone, tree_script
from titan_sdk.logs import parse_time
from webserver import Webserver, WebserverRun, wait_until

from live_cluster import Cluster, seed_folder
from titan_sdk import JobResult, TitanClient

GRACE_SECONDS = 2.0
# How late the end may be seen: the way from Dagster to the step, and a poll, on a busy machine.
LATE_SECONDS = 3.0
SEED = "pipeline.py"
RESOURCE = "with_resource.py"
ASSETS = {
    SEED: ("raw_data", "trained_model", "evaluation_metrics"),
    RESOURCE: ("rows", "model", "score"),
}
PIPELINE = """
import dagster as dg
from dagster_titan import TitanResource

@dg.asset
def rows(context: dg.AssetExecutionContext, titan: TitanResource):
    titan.run_task(context, "extract.py")

@dg.asset(deps=[rows])
def model(context: dg.AssetExecutionContext, titan: TitanResource):
    titan.run_task(context, "train.py", requirement="GPU", affinity=True)

@dg.asset(deps=[model])
def score(context: dg.AssetExecutionContext, titan: TitanResource):
    titan.run_task(context, "eval.py")

defs = dg.Definitions(assets=[rows, model, score], resources={"titan": TitanResource()})
"""
# Ends when the test says so, so that what is seen before is seen while the step runs.
HELD_OPEN = """
import os
while not os.path.exists({gate!r}):
    time.sleep(0.02)
"""
FAILING = "import sys\nprint('starting')\nprint('out of memory, really', file=sys.stderr)\nsys.exit(3)\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("webserver") / "project"
    folder.mkdir()
    shutil.copyfile(seed_folder() / SEED, folder / SEED)
    (folder / RESOURCE).write_text(PIPELINE)
    return folder


@pytest.fixture(scope="module")
def webserver(_shared_cluster: Cluster, project: Path) -> Iterator[Webserver]:
    one = Webserver(project, project.parent / "home", (SEED, RESOURCE))
    try:
        grace = {"TITAN_OWNER_GRACE": str(GRACE_SECONDS)}
        yield one.start({**_shared_cluster.environment, **grace})
    finally:
        one.stop()


@pytest.fixture(autouse=True)
def _scripts(project: Path) -> None:
    """The seed's own; a test changes those that it is about."""
    for name in ("extract.py", "train.py", "eval.py"):
        shutil.copyfile(seed_folder() / name, project / name)


def plant(webserver: Webserver, project: Path) -> dict[str, tuple[WebserverRun, set[int]]]:
    """Launches the first asset of both; once their scripts sleep: each run, and its script's processes."""
    (project / "extract.py").write_text(tree_script(project.parent))
    runs = {name: webserver.launch(name, ASSETS[name][0]) for name in (SEED, RESOURCE)}
    return {name: (run, planted_tree(project.parent, run.id)) for name, run in runs.items()}


def wait_for_output(run: WebserverRun, step: str, *, structured: bool) -> None:
    """Until the script's lines are in the step's stdout and stderr, and in the event log where wanted."""

    def seen() -> bool:
        captured = run.captured(step)
        log = run.text() if structured else ""
        return (
            "extract: batch 1/5, 200 rows\n" in captured["stdout"]
            and "extract: done\n" in captured["stderr"]
            and (not structured or ("extract: batch 1/5" in log and "stderr: extract: done" in log))
        )

    wait_until(f"the output of {step} is seen", seen, 60)


def job_of(run: WebserverRun, name: str) -> JobResult:
    (job,) = (job for job in TitanClient().jobs(run=run.id) if job.name == name)
    return job


def finished(job: JobResult) -> float:
    return parse_time(job.detail["finished_at"]).timestamp()


def metadata(run: WebserverRun, step: str) -> dict[str, Any]:
    (made,) = (
        event
        for event in run.events()
        if event["__typename"] == "MaterializationEvent" and event["stepKey"] == step
    )
    entries = made["metadataEntries"]
    return {
        entry["label"]: next(entry[key] for key in entry if key[:2] not in ("__", "la")) for entry in entries
    }


def test_output_is_seen_before_the_step_ends_and_all_assets_materialize(
    cluster: Cluster, webserver: Webserver, project: Path
) -> None:
    gate = project.parent / "gate"
    extract = project / "extract.py"
    extract.write_text(extract.read_text() + HELD_OPEN.format(gate=str(gate)))
    runs = {name: webserver.launch(name, *ASSETS[name]) for name in (SEED, RESOURCE)}
    for name, run in runs.items():
        wait_for_output(run, ASSETS[name][0], structured=name == RESOURCE)
        assert not {"STEP_SUCCESS", "STEP_FAILURE"} & run.types(ASSETS[name][0]), run.text()
    gate.touch()
    for name, run in runs.items():
        run.wait("SUCCESS")
        for asset in ASSETS[name]:
            assert {"ASSET_MATERIALIZATION", "STEP_SUCCESS"} <= run.types(asset)
        assert "train: epoch 10/10" in run.captured(ASSETS[name][1])["stdout"]
    assert re.search(r"Titan Worker Logs:\n(.*\n)*?extract: batch 1/5", runs[SEED].text())
    shown = metadata(runs[RESOURCE], "model")
    job = job_of(runs[RESOURCE], "model")
    assert (shown["titan/node"], shown["titan/devices"], shown["titan/exit"]) == ("gpu1", "0", "0")
    assert (shown["titan/job"], shown["titan/url"]) == (job.id, f"{cluster.url}/api/v1/jobs/{job.id}")
    assert shown["titan/ran"] > 0.9
    assert shown["titan/waited"] >= 0


def test_a_terminated_run_is_canceled_and_its_remote_processes_are_gone(
    cluster: Cluster, webserver: Webserver, project: Path
) -> None:
    planted = plant(webserver, project)
    most = {RESOURCE: 2.0, SEED: GRACE_SECONDS + LATE_SECONDS}
    for name in (RESOURCE, SEED):
        run, tree = planted[name]
        assert alive(tree) == tree
        asked = time.time()
        run.terminate()
        assert seconds_until_gone(tree, asked) < most[name]
        run.wait("CANCELED")
        assert job_of(run, ASSETS[name][0]).state == "cancelled"
    assert re.search(r"terminated on node \w+ \(cancelled\)", planted[RESOURCE][0].text())


def test_a_failing_script_fails_the_run_within_five_seconds_with_its_stderr(
    cluster: Cluster, webserver: Webserver, project: Path
) -> None:
    (project / "extract.py").write_text("print('rows')\n")
    (project / "train.py").write_text(FAILING)
    runs = {name: webserver.launch(name, *ASSETS[name]) for name in (SEED, RESOURCE)}
    for name, run in runs.items():
        failed = run.wait("FAILURE")
        _, train, score = ASSETS[name]
        job = job_of(run, train)
        assert (job.state, job.exit_code) == ("failed", 3)
        assert failed["endTime"] - finished(job) < 5
        assert "STEP_FAILURE" in run.types(train)
        assert "STEP_START" not in run.types(score)
        assert "out of memory, really" in run.text()
        assert "out of memory, really" in run.captured(train)["stderr"]


@pytest.mark.parametrize("victim", ["Started process for run", "Capturing logs for process"])
def test_a_killed_run_worker_or_step_takes_its_job_along_after_the_grace(
    cluster: Cluster, webserver: Webserver, project: Path, victim: str
) -> None:
    planted = plant(webserver, project)
    killed: dict[str, float] = {}
    for name, (run, tree) in planted.items():
        assert alive(tree) == tree
        killed[name] = time.time()
        os.kill(pid_said(run, victim), signal.SIGKILL)
    for name, (_, tree) in planted.items():
        assert seconds_until_gone(tree, killed[name]) < GRACE_SECONDS + LATE_SECONDS
    for name, (run, _) in planted.items():
        job = wait_until("the job has ended", lambda run=run, name=name: _ended(run, ASSETS[name][0]))
        assert (job.state, job.cause) == ("cancelled", "owner-gone")
        assert finished(job) - killed[name] >= GRACE_SECONDS
        run.wait("FAILURE")
        # A step that Dagster left behind sees that its job was cancelled, and ends too.
        seconds_until_gone({pid_said(run, "Capturing logs for process")}, killed[name])


def pid_said(run: WebserverRun, message: str) -> int:
    said = re.search(rf"{message} \(pid: (\d+)\)", run.text())
    assert said, run.text()
    return int(said.group(1))


def _ended(run: WebserverRun, name: str) -> JobResult | None:
    job = job_of(run, name)
    return job if job.ended else None
