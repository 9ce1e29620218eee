"""The client against a real cluster: submit, wait, cancel, names, bad input."""

from __future__ import annotations

import json
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from live_cluster import Cluster, StartCluster
from titan_sdk import (
    InvalidInput,
    JobFailed,
    JobHandle,
    JobNotFound,
    RunHandle,
    TitanAuthError,
    TitanClient,
    TitanError,
    TitanJob,
    WaitTimeout,
)


@pytest.fixture
def client(cluster: Cluster) -> TitanClient:
    return TitanClient()


def inline(name: str, code: str, **options: Any) -> TitanJob:
    return TitanJob(name, script_content=code, **options)


def test_a_job_is_submitted_waited_for_and_read(client: TitanClient, workdir: Path) -> None:
    (workdir / "hello.py").write_text("import sys; print('out', sys.argv[1:]); print('err', file=sys.stderr)")
    handle = client.submit_job(TitanJob("hello", "hello.py", args="a 'b c'"))
    assert handle == "DAG_ACCEPTED"
    assert isinstance(handle, JobHandle)
    result = handle.wait(30)
    assert result
    assert (result.name, result.state, result.exit_code) == ("hello", "succeeded", 0)
    assert result.node in ("plain", "gpu1")
    assert client.get_job_status("DAG-hello") == "COMPLETED"
    assert client.get_job_status("hello") == "COMPLETED"
    assert client.get_job_status(handle.id) == "COMPLETED"
    assert sorted(client.fetch_logs("DAG-hello").splitlines()) == ["err", "out ['a', 'b c']"]
    assert handle.result == result
    assert client.jobs(name="hello", limit=1)[0].id == handle.id


def test_arguments_and_environment_arrive_unchanged(client: TitanClient) -> None:
    wild = ["; rm -rf /", "a|b", 'it\'s "quoted"', "two\nlines", "", "ünï ✓ 🚀", "$HOME", "*"]
    code = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['WILD']]))"
    handle = client.submit_job(inline("wild", code, args=wild, env={"WILD": wild[3]}))
    handle.wait(30)
    assert json.loads(client.fetch_logs(handle)) == [wild, wild[3]]


def test_a_failure_raises_with_exit_code_reason_and_tail(client: TitanClient) -> None:
    handle = client.submit_job(inline("failing", "import sys; print('why', file=sys.stderr); sys.exit(3)"))
    with pytest.raises(JobFailed) as caught:
        handle.wait(30)
    assert caught.value.exit_code == 3
    assert caught.value.tail == "why\n"
    assert "why" in str(caught.value)
    assert caught.value.reason
    result = handle.wait(check=False)
    assert not result
    status = handle.status
    assert status == "FAILED"
    assert "failed" in status.detail


def test_every_end_that_is_no_success_reads_failed(client: TitanClient) -> None:
    killed = client.submit_job(inline("killed", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    late = client.submit_job(inline("late", "import time; time.sleep(60)", timeout=0.5))
    unroutable = client.submit_job(inline("unroutable", "1", gpus=64, queue_timeout=0.3))
    cancelled = client.submit_job(inline("cancelled", "import time; time.sleep(60)"))
    assert cancelled.cancel() in ("PENDING", "RUNNING", "FAILED")
    causes = [h.wait(30, check=False).cause for h in (killed, late, unroutable, cancelled)]
    assert causes == ["signal", "timeout", "queue-timeout", "cancelled"]
    assert [h.status for h in (killed, late, unroutable, cancelled)] == ["FAILED"] * 4
    assert killed.wait(check=False).signal == "SIGKILL"


def test_waiting_has_a_reason_and_waiting_has_an_end(client: TitanClient) -> None:
    handle = client.submit_job(inline("huge", "1", gpus=64))
    with pytest.raises(WaitTimeout) as caught:
        handle.wait(0.2)
    assert caught.value.code == "wait-timeout"
    assert handle.status == "PENDING"
    assert handle.result is None
    why = client.explain(handle)
    assert why["possible"] is False
    assert {node["node"] for node in why["nodes"]} == {"plain", "gpu1"}
    handle.cancel()
    assert handle.wait(10, check=False).state == "cancelled"


def test_a_dag_runs_in_order_and_ends_as_one(client: TitanClient) -> None:
    jobs = [inline(name, f"print('{name}')", parents=parents) for name, parents in [("a", []), ("b", ["a"])]]
    run = client.submit_dag("chain", [*jobs, inline("c", "print('c')", parents=["a", "b"])])
    assert run == "DAG_ACCEPTED"
    assert isinstance(run, RunHandle)
    outcome = run.wait(30)
    assert outcome
    times = [outcome.jobs[name].detail for name in "abc"]
    assert [t["finished_at"] <= n["started_at"] for t, n in pairwise(times)] == [True] * 2
    assert (run.status, client.get_job_status("DAG-chain")) == ("COMPLETED", "COMPLETED")
    assert "".join(event.text for _, event in run.logs() if event.stream == "stdout") == "a\nb\nc\n"
    assert {name for name, _ in run.logs(follow=False)} == {"a", "b", "c"}


def test_a_failed_parent_ends_its_children_with_that_cause(client: TitanClient) -> None:
    run = client.submit_dag(
        "breaks", [inline("bad", "raise SystemExit(1)"), inline("child", "1", parents=["bad"])]
    )
    with pytest.raises(JobFailed) as caught:
        run.wait(30)
    assert caught.value.result.name == "bad"
    assert run.jobs["child"].wait(check=False).cause == "parent-failed"
    assert run.status == "FAILED"


def test_parents_may_be_jobs_of_earlier_submissions(client: TitanClient) -> None:
    first = client.submit_job(inline("earlier", "print(1)"))
    first.wait(30)
    assert client.submit_job(inline("by-name", "print(2)", parents=["DAG-earlier"])).wait(30)
    assert client.submit_job(inline("by-handle", "print(2)", parents=[first])).wait(30)


@pytest.mark.parametrize(
    ("edges", "code", "told"),
    [
        ({"a": ["b"], "b": ["a"]}, "dependency-cycle", "a"),
        ({"a": ["a"]}, "dependency-cycle", "a"),
        ({"a": ["nowhere-at-all"]}, "unknown-parent", "nowhere-at-all"),
    ],
)
def test_a_bad_dag_is_refused_whole(
    client: TitanClient, edges: dict[str, list[str]], code: str, told: str
) -> None:
    before = [job.id for job in client.jobs()]
    jobs = [inline(name, "1", parents=parents) for name, parents in edges.items()]
    with pytest.raises(TitanError) as caught:
        client.submit_dag("bad", [inline("fine", "1"), *jobs])
    assert caught.value.code == code
    assert told in caught.value.message
    assert [job.id for job in client.jobs()] == before


def test_a_dag_with_one_name_twice_is_refused_whole(client: TitanClient) -> None:
    with pytest.raises(InvalidInput) as caught:
        client.submit_dag("twice", [inline("same", "1"), inline("same", "2")])
    assert caught.value.code == "duplicate-job"
    with pytest.raises(InvalidInput):
        client.submit_dag("empty", [])


def test_two_clients_never_see_each_others_jobs_of_one_name(cluster: Cluster) -> None:
    one, two = TitanClient(), TitanClient()
    good = one.submit_job(inline("same-name", "print('one')"))
    bad = two.submit_job(inline("same-name", "print('two'); raise SystemExit(1)"))
    good.wait(30)
    bad.wait(30, check=False)
    assert one.get_job_status("DAG-same-name") == "COMPLETED"
    assert two.get_job_status("DAG-same-name") == "FAILED"
    assert one.fetch_logs("DAG-same-name") == "one\n"
    assert two.fetch_logs("DAG-same-name").startswith("two\n")
    # A third one means the latest anywhere.
    assert TitanClient().get_job_status("DAG-same-name") == "FAILED"


def test_a_poll_right_after_submit_never_reads_an_old_result(client: TitanClient) -> None:
    client.submit_job(inline("again", "print('old')")).wait(30)
    assert client.get_job_status("DAG-again") == "COMPLETED"
    handle = client.submit_job(inline("again", "import time; time.sleep(1); print('new')"))
    assert client.get_job_status("DAG-again") in ("PENDING", "RUNNING")
    assert "old" not in client.fetch_logs("DAG-again")
    handle.wait(30)
    assert client.fetch_logs("DAG-again") == "new\n"


def test_files_travel_with_the_script(client: TitanClient, workdir: Path) -> None:
    (workdir / "src").mkdir()
    (workdir / "src/main.py").write_text("import part; print(part.word)")
    (workdir / "src/part.py").write_text("word = 'from the module'")
    handle = client.submit_job(TitanJob("with-files", "src/main.py", files=["src"]))
    handle.wait(30)
    assert client.fetch_logs(handle) == "from the module\n"
    assert client.upload_project_folder("src", "proj") == "UPLOAD_SUCCESS"
    archived = client.submit_job(TitanJob("archived", "proj.zip/main.py", is_archive=True))
    archived.wait(30)
    assert client.fetch_logs(archived) == "from the module\n"
    with pytest.raises(FileNotFoundError):
        client.submit_job(TitanJob("archived", "proj.zip/nowhere.py", is_archive=True))
    with pytest.raises(TitanError) as caught:
        client.submit_job(TitanJob("archived", "unknown.zip/main.py", is_archive=True))
    assert caught.value.code == "upload-not-found"
    assert client.deploy_script("src/part.py") == "DEPLOY_SUCCESS"
    assert client.upload_file("src/part.py") == "UPLOAD_SUCCESS"


def test_jobs_of_one_file_name_run_their_own_code(client: TitanClient) -> None:
    handles = [client.submit_job(inline("twin", f"print({n})")) for n in range(6)]
    for handle in handles:
        handle.wait(30)
    assert [client.fetch_logs(handle) for handle in handles] == [f"{n}\n" for n in range(6)]


def test_hardware_is_asked_for_and_shown(client: TitanClient) -> None:
    code = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['TITAN_NODE'])"
    handle = client.submit_job(inline("on-gpu", code, requirement="GPU"))
    result = handle.wait(30)
    assert (result.node, result.devices) == ("gpu1", (0,))
    assert client.fetch_logs(handle) == "0 gpu1\n"
    assert {node["name"]: len(node["gpus"]) for node in client.nodes()} == {"plain": 0, "gpu1": 1}


def test_unknown_jobs_and_wrong_tokens_are_errors(client: TitanClient, cluster: Cluster) -> None:
    for ask in (client.get_job_status, client.fetch_logs, client.cancel, client.wait):
        with pytest.raises(JobNotFound):
            ask("DAG-never-submitted")
    with pytest.raises(TitanAuthError):
        TitanClient(cluster.url, "titan_wrong").nodes()


def test_a_submission_outlasts_a_restart_of_the_master(new_cluster: StartCluster) -> None:
    one = new_cluster()
    client = TitanClient()
    done = client.submit_job(inline("before", "print('kept')"))
    done.wait(30)
    one.stop()
    back = threading.Thread(target=one.start)
    back.start()
    try:
        # Asked while there is no master; answered when it is back.
        assert client.submit_job(inline("after", "print('again')")).wait(30)
    finally:
        back.join()
    assert client.get_job_status(done) == "COMPLETED"
    assert client.fetch_logs(done) == "kept\n"
