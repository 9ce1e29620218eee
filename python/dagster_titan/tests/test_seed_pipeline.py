"""The seed's pipeline.py, unmodified, on the real Dagster and a real cluster of one plain and one GPU
node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from live_cluster import Cluster, StartCluster, seed_folder
from titan_sdk import TitanClient

ASSETS = ("raw_data", "trained_model", "evaluation_metrics")
FAILING = "import sys\nprint('starting')\nprint('out of memory, really', file=sys.stderr)\nsys.exit(3)\n"


@dataclass
class Materialized:
    code: int
    events: str
    home: Path
    seconds: float

    def step_output(self, stream: str = "out") -> str:
        """What all of the run's steps wrote, as Dagster keeps it."""
        files = sorted(self.home.glob(f"storage/*/compute_logs/*.{stream}"))
        return "\n".join(file.read_text() for file in files)

    def run_ids(self) -> list[str]:
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            return [run.run_id for run in instance.get_runs()]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the seed, with no import of ours added to it."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("pipeline.py", "extract.py", "train.py", "eval.py"):
        shutil.copyfile(seed_folder() / name, folder / name)
    return folder


def materialize(cluster: Cluster, project: Path, home: Path) -> Materialized:
    """`dagster asset materialize` as a user types it."""
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    dagster = str(Path(sys.executable).parent / "dagster")
    started = time.monotonic()
    done = subprocess.run(
        [dagster, "asset", "materialize", "-f", "pipeline.py", "--select", "*"],
        cwd=project,
        env={**cluster.environment, "DAGSTER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    return Materialized(done.returncode, done.stdout + done.stderr, home, time.monotonic() - started)


def test_twice_the_second_time_training_is_where_its_rows_are(
    new_cluster: StartCluster, project: Path, tmp_path: Path
) -> None:
    cluster = new_cluster()
    client = TitanClient()
    first = materialize(cluster, project, tmp_path / "first")
    assert first.code == 0, first.events
    second = materialize(cluster, project, tmp_path / "second")
    assert second.code == 0, second.events
    assert "RUN_SUCCESS" in second.events
    (run_id,) = second.run_ids()
    jobs = {job.name: job for job in client.jobs(run=run_id)}
    assert set(jobs) == set(ASSETS)
    assert jobs["trained_model"].node == jobs["raw_data"].node == "gpu1"
    assert jobs["trained_model"].devices == (0,)
    assert jobs["evaluation_metrics"].node == "plain"
    assert "train: read 1000 rows that step 1 left on this node" in client.fetch_logs(
        jobs["trained_model"].id
    )
    # The step's own stdout and stderr have the lines, and the class's log of the end has them too.
    assert "train: epoch 10/10" in second.step_output("out")
    assert "extract: done" in second.step_output("err")
    assert "Titan Worker Logs" in second.events


def test_a_failing_script_ends_the_run_within_five_seconds_with_its_stderr(
    cluster: Cluster, project: Path, tmp_path: Path
) -> None:
    (project / "train.py").write_text(FAILING)
    done = materialize(cluster, project, tmp_path / "home")
    ended = time.time()
    assert done.code != 0
    assert "RUN_FAILURE" in done.events
    assert "out of memory, really" in done.events
    assert "out of memory, really" in done.step_output("err")
    (run_id,) = done.run_ids()
    (job,) = (job for job in TitanClient().jobs(run=run_id) if job.name == "trained_model")
    assert (job.state, job.exit_code) == ("failed", 3)
    with dg.DagsterInstance.from_config(str(done.home)) as instance:
        record = instance.get_run_records()[0]
        assert record.dagster_run.status == dg.DagsterRunStatus.FAILURE
        assert record.end_time is not None
        finished = dg_time(job.detail["finished_at"])
        assert record.end_time - finished < 5
        assert record.end_time <= ended


def dg_time(text: str) -> float:
    from titan_sdk.logs import parse_time

    return parse_time(text).timestamp()


def test_two_runs_at_once_have_their_own_logs(cluster: Cluster, project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(project, other)
    for folder, word in ((project, "left"), (other, "right")):
        script = folder / "extract.py"
        script.write_text(script.read_text() + f"print('this is {word}')\n")
    found: dict[str, Materialized] = {}

    def run(name: str, folder: Path) -> None:
        found[name] = materialize(cluster, folder, tmp_path / f"home-{name}")

    threads = [threading.Thread(target=run, args=pair) for pair in (("left", project), ("right", other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, not_name in (("left", "right"), ("right", "left")):
        assert found[name].code == 0, found[name].events
        assert f"this is {name}" in found[name].events
        assert f"this is {name}" in found[name].step_output()
        assert f"this is {not_name}" not in found[name].events + found[name].step_output()
        assert len(re.findall(r"extract: batch 5/5", found[name].step_output())) == 1


def test_in_process_the_pipeline_is_live(
    cluster: Cluster, project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`dg.materialize` in this very process: lines are seen before the step has ended."""
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.delitem(sys.modules, "pipeline", raising=False)
    import importlib

    pipeline = importlib.import_module("pipeline")
    times: dict[str, float] = {}
    read, write = os.pipe()
    stdout = os.fdopen(write, "w", buffering=1)

    def watch() -> None:
        with os.fdopen(read) as lines:
            for line in lines:
                times.setdefault(line.strip(), time.time())

    watcher = threading.Thread(target=watch)
    watcher.start()
    monkeypatch.setattr(sys, "stdout", stdout)
    try:
        result = dg.materialize([pipeline.raw_data], resources={"titan": pipeline.TitanEngine()})
    finally:
        stdout.close()
        watcher.join(10)
    assert result.success
    (job,) = TitanClient().jobs(run=result.run_id)
    batch = [times[f"extract: batch {n}/5, {n * 200} rows"] for n in range(1, 6)]
    assert batch == sorted(batch)
    assert batch[0] < dg_time(job.detail["finished_at"])
    assert batch[4] - batch[0] > 0.5
    del sys.modules["pipeline"]
