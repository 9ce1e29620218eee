"""TitanResource against a real cluster: live output, metadata, failures, interruption."""

# No postponed annotations here: Dagster reads those of `context` as they are.

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_titan import TitanEngine, TitanResource
from live_cluster import Cluster
from titan_sdk import InvalidInput, JobResult, ScriptNotFound, TitanClient

SLEEPER = "import time\nprint('asleep', flush=True)\ntime.sleep(300)\n"


@pytest.fixture
def instance(cluster: Cluster, workdir: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as own:
        yield own


def logged(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    return [entry.user_message for entry in instance.all_logs(run_id)]


def test_output_metadata_and_result(instance: dg.DagsterInstance, workdir: Path, capfd: Any) -> None:
    (workdir / "work.py").write_text(
        "import os, sys\nprint('out', sys.argv[1], os.environ['WORD'])\nprint('err', file=sys.stderr)\n"
    )
    results: list[JobResult] = []

    @dg.asset
    def model(context: dg.AssetExecutionContext, titan: TitanEngine) -> None:
        done = titan.run_task(
            context, "work.py", "GPU", True, args=["a b"], env={"WORD": "hi"}, cpus=0.5, timeout=60
        )
        assert done
        results.append(done)

    run = dg.materialize([model], resources={"titan": TitanEngine()}, instance=instance)
    assert run.success
    captured = capfd.readouterr()
    assert "out a b hi\n" in captured.out
    assert "err\n" in captured.err
    messages = logged(instance, run.run_id)
    assert any("out a b hi" in message for message in messages)
    assert any("stderr: err" in message for message in messages)
    (materialization,) = run.asset_materializations_for_node("model")
    shown = {name: value.value for name, value in materialization.metadata.items()}
    assert shown["titan/node"] == "gpu1"
    assert shown["titan/devices"] == "0"
    assert shown["titan/exit"] == "0"
    assert shown["titan/job"] == results[0].id
    assert str(shown["titan/url"]).endswith(results[0].id)
    assert isinstance(shown["titan/waited"], float)
    assert isinstance(shown["titan/ran"], float)
    assert (results[0].name, results[0].node, results[0].run) == ("model", "gpu1", run.run_id)


def test_a_failing_script_is_a_failure_with_its_stderr(instance: dg.DagsterInstance, workdir: Path) -> None:
    (workdir / "bad.py").write_text("import sys\nprint('the reason', file=sys.stderr)\nsys.exit(7)\n")

    @dg.asset
    def model(context: dg.AssetExecutionContext, titan: TitanResource) -> None:
        titan.run_task(context, script_path="bad.py")

    run = dg.materialize(
        [model], resources={"titan": TitanResource()}, instance=instance, raise_on_error=False
    )
    assert not run.success
    failure = run.failure_data_for_node("model")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "the reason" in (failure.user_failure_data.description or "")
    shown = {name: value.value for name, value in failure.user_failure_data.metadata.items()}
    assert shown["titan/exit"] == "7"
    assert "the reason" in str(shown["titan/output"])


def test_a_retry_is_dagsters_and_a_job_of_its_own(instance: dg.DagsterInstance, workdir: Path) -> None:
    (workdir / "once.py").write_text(
        "import os, sys\nif not os.path.exists('here'):\n    open('here', 'w').close()\n    sys.exit(1)\n"
    )

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
    def model(context: dg.AssetExecutionContext, titan: TitanResource) -> None:
        titan.run_task(context, "once.py", requirement="GPU")

    run = dg.materialize([model], resources={"titan": TitanResource()}, instance=instance)
    assert run.success
    assert [job.state for job in TitanClient().jobs(run=run.run_id)] == ["succeeded", "failed"]


def test_ops_multi_assets_and_partitions(instance: dg.DagsterInstance, workdir: Path) -> None:
    (workdir / "ok.py").write_text("print('fine')")
    resources = {"titan": TitanResource()}

    @dg.op
    def work(context: dg.OpExecutionContext, titan: TitanResource) -> None:
        titan.run_task(context, "ok.py")

    @dg.job
    def flow() -> None:
        work()

    @dg.multi_asset(specs=[dg.AssetSpec("left"), dg.AssetSpec("right")])
    def both(context: dg.AssetExecutionContext, titan: TitanResource):  # noqa: ANN202  (Dagster wants none here)
        titan.run_task(context, "ok.py")
        titan.run_task(context, command=["/bin/sh", "-c", "exit 0"], job_name="second")

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["eu/west"]))
    def parted(context: dg.AssetExecutionContext, titan: TitanResource) -> None:
        titan.run_task(context, "ok.py", env={"PARTITION": context.partition_key})

    @dg.asset_check(asset="parted")
    def check(context: dg.AssetCheckExecutionContext, titan: TitanResource) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=bool(titan.run_task(context, "ok.py")))

    @dg.op(out=dg.DynamicOut(int))
    def spread() -> Iterator[dg.DynamicOutput[int]]:
        for number in range(2):
            yield dg.DynamicOutput(number, mapping_key=str(number))

    @dg.op
    def one(context: dg.OpExecutionContext, titan: TitanResource, number: int) -> None:
        titan.run_task(context, "ok.py", args=[number])

    @dg.job
    def mapped() -> None:
        spread().map(one)

    assert mapped.execute_in_process(resources=resources, instance=instance).success
    checks = dg.materialize(
        [parted, check], resources=resources, instance=instance, partition_key="eu/west", selection="*"
    )
    assert [found.passed for found in checks.get_asset_check_evaluations()] == [True]
    assert flow.execute_in_process(resources=resources, instance=instance).success
    run = dg.materialize([both], resources=resources, instance=instance)
    for materialization in run.asset_materializations_for_node("both"):
        assert "titan/node" in materialization.metadata
    assert dg.materialize([parted], resources=resources, instance=instance, partition_key="eu/west").success


def test_bad_input_is_a_typed_error_and_submits_nothing(instance: dg.DagsterInstance, workdir: Path) -> None:
    caught: list[BaseException] = []

    @dg.asset
    def model(context: dg.AssetExecutionContext, titan: TitanResource) -> None:
        for options in ({"script_path": "nowhere.py"}, {"command": "true", "cpus": -1}):
            try:
                titan.run_task(context, **options)  # pyright: ignore[reportArgumentType]
            except (ScriptNotFound, InvalidInput) as error:
                caught.append(error)

    run = dg.materialize([model], resources={"titan": TitanResource()}, instance=instance)
    assert [type(error) for error in caught] == [ScriptNotFound, InvalidInput]
    assert TitanClient().jobs(run=run.run_id) == []


def test_the_reason_of_a_wait_is_logged(instance: dg.DagsterInstance, workdir: Path) -> None:
    @dg.asset
    def model(context: dg.AssetExecutionContext, titan: TitanResource) -> None:
        titan.run_task(context, command="true", gpus=9, queue_timeout=2.5)

    run = dg.materialize(
        [model], resources={"titan": TitanResource()}, instance=instance, raise_on_error=False
    )
    assert not run.success
    waits = [message for message in logged(instance, run.run_id) if "waits:" in message]
    assert waits
    assert "gpu" in waits[0].lower()
    failure = run.failure_data_for_node("model")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "gpu" in (failure.user_failure_data.description or "").lower()


DEFINITIONS = """
import dagster as dg
from dagster_titan import TitanResource

@dg.asset
def sleeper(context: dg.AssetExecutionContext, titan: TitanResource):
    titan.run_task(context, "sleeper.py", requirement="GPU")

defs = dg.Definitions(assets=[sleeper], resources={"titan": TitanResource()})
"""


def test_an_interrupted_step_ends_its_job_and_says_so(
    cluster: Cluster, workdir: Path, tmp_path: Path
) -> None:
    (workdir / "sleeper.py").write_text(SLEEPER)
    (workdir / "defs.py").write_text(DEFINITIONS)
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    process = subprocess.Popen(
        [
            str(Path(sys.executable).parent / "dagster"),
            "asset",
            "materialize",
            "-f",
            "defs.py",
            "--select",
            "*",
        ],
        cwd=workdir,
        env={**cluster.environment, "DAGSTER_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    client = TitanClient()
    before = {job.id for job in client.jobs(name="sleeper")}
    try:
        until = time.monotonic() + 60
        job = None
        while job is None or "asleep" not in client.fetch_logs(job.id):
            assert time.monotonic() < until
            new = [found for found in client.jobs(name="sleeper", state="running") if found.id not in before]
            job = new[0] if new else None
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        result = client.wait(job.id, 10, check=False)
        assert time.monotonic() - asked < 3
        assert result.state == "cancelled"
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode != 0
    assert "terminated on node gpu1" in output
    assert "UNCONFIRMED" not in output


def test_an_interrupt_in_this_process_is_delivered_promptly(
    instance: dg.DagsterInstance, workdir: Path
) -> None:
    (workdir / "sleeper.py").write_text(SLEEPER)

    @dg.asset
    def sleeper(context: dg.AssetExecutionContext, titan: TitanResource) -> None:
        titan.run_task(context, "sleeper.py")

    client = TitanClient()
    interrupted: list[float] = []

    def interrupt() -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            running = client.jobs(name="sleeper", state="running", limit=1)
            if running and "asleep" in client.fetch_logs(running[0].id):
                break
            time.sleep(0.05)
        interrupted.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(BaseException) as caught:
        dg.materialize([sleeper], resources={"titan": TitanResource()}, instance=instance)
    ended = time.monotonic()
    thread.join()
    assert type(caught.value).__name__ in ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
    assert ended - interrupted[0] < 4
    assert client.jobs(name="sleeper", limit=1)[0].state == "cancelled"
