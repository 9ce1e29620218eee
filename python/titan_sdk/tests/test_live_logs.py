"""Output against a real cluster: live, exact, bounded, across cut connections."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cutting_proxy import CuttingProxy
from live_cluster import Cluster
from titan_sdk import RunContext, TitanClient, TitanJob

SLOW_LINES = """
import sys, time
for n in range(8):
    print(f"line {n} ✓", flush=True)
    print(f"error {n}", file=sys.stderr, flush=True)
    time.sleep(0.15)
"""


def inline(name: str, code: str, **options: Any) -> TitanJob:
    return TitanJob(name, script_content=code, **options)


def test_lines_come_while_the_job_runs(cluster: Cluster) -> None:
    handle = TitanClient().submit_job(inline("slow", SLOW_LINES))
    seen: dict[str, str] = {"stdout": "", "stderr": ""}
    status_at_first = None
    for event in handle.logs():
        if event.stream in seen:
            status_at_first = status_at_first or handle.status
            seen[event.stream] += event.text
    assert status_at_first == "RUNNING"
    assert seen["stdout"] == "".join(f"line {n} ✓\n" for n in range(8))
    assert seen["stderr"] == "".join(f"error {n}\n" for n in range(8))
    assert handle.status == "COMPLETED"


def test_without_following_it_ends_at_what_is_there(cluster: Cluster) -> None:
    handle = TitanClient().submit_job(
        inline("running", "import time; print('x', flush=True); time.sleep(60)")
    )
    until = time.monotonic() + 20
    while not any(event.stream == "stdout" for event in handle.logs(follow=False)):
        assert time.monotonic() < until
    assert handle.status == "RUNNING"
    handle.cancel()
    handle.wait(20, check=False)


@pytest.mark.parametrize("cut_after", [500, 3_000])
def test_a_cut_connection_resumes_and_never_looks_like_the_end(cluster: Cluster, cut_after: int) -> None:
    code = "import time\nfor n in range(300):\n    print(n, '✓' * 20, flush=True)\n    time.sleep(0.002)"
    proxy = CuttingProxy(cluster.port, 0)
    try:
        client = TitanClient(proxy.url)
        handle = client.submit_job(inline("cut", code))
        proxy.cut_after = cut_after
        text = "".join(event.text for event in handle.logs() if event.stream == "stdout")
        assert text == "".join(f"{n} {'✓' * 20}\n" for n in range(300))
        assert proxy.cuts > 0
    finally:
        proxy.close()


def test_a_large_log_is_whole_in_logs_and_bounded_in_fetch_logs(cluster: Cluster) -> None:
    client = TitanClient()
    size = 5_000_000
    code = f"import sys\nfor n in range({size} // 100): sys.stdout.write(f'{{n:099d}}\\n')"
    handle = client.submit_job(inline("large", code))
    handle.wait(60)
    assert sum(len(event.text) for event in handle.logs() if event.stream == "stdout") == size
    head, _, rest = client.fetch_logs(handle).partition("\n")
    assert f"{size - 1_048_576} bytes" in head
    assert len(rest) == 1_048_576
    assert rest.endswith(f"{size // 100 - 1:099d}\n")


def test_invalid_utf8_nothing_and_one_long_line(cluster: Cluster) -> None:
    client = TitanClient()
    bad = client.submit_job(inline("bad-bytes", "import sys; sys.stdout.buffer.write(b'a\\xffb\\n')"))
    none = client.submit_job(inline("silent", "pass"))
    long = client.submit_job(inline("long-line", "print('x' * 10_000_000)"))
    for handle in (bad, none, long):
        handle.wait(60)
    assert client.fetch_logs(bad) == "a\ufffdb\n"
    assert client.fetch_logs(none) == ""
    assert sum(len(event.text) for event in long.logs()) == 10_000_001


def test_within_a_run_lines_are_mirrored_live_and_whole(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    scope = RunContext("mirror-run", "tests/mirror", "mirror-run/step/0", [], "step")
    client = TitanClient(scope=scope)
    handle = client.submit_job(inline("mirrored", SLOW_LINES))
    seen_while_running = ""
    while client.get_job_status("DAG-mirrored") not in ("COMPLETED", "FAILED"):
        seen_while_running += capsys.readouterr().out
        time.sleep(0.05)
    last = capsys.readouterr()
    assert "line 0" in seen_while_running
    assert seen_while_running + last.out == "".join(f"line {n} ✓\n" for n in range(8))
    # Another client of the same run finds it by name; one of another run does not.
    assert TitanClient(scope=scope).get_job_status("DAG-mirrored").result == handle.result
    other = RunContext("other-run", "tests/mirror", None)
    with pytest.raises(LookupError):
        TitanClient(scope=other).get_job_status("DAG-mirrored")


@pytest.mark.parametrize("how", ["argument", "environment", "no run"])
def test_mirroring_can_be_off(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "environment":
        monkeypatch.setenv("TITAN_MIRROR", "0")
    scope = None if how == "no run" else RunContext("quiet-run")
    client = TitanClient(scope=scope, mirror=False if how == "argument" else None)
    client.submit_job(inline("quiet", "print('loud')")).wait(30)
    assert capsys.readouterr().out == ""


OWNER = """
import os, sys
from titan_sdk import RunContext, TitanClient, TitanJob
client = TitanClient(scope=RunContext("owned", None, "owned/step/0"), grace=0.5, mirror=False)
print(client.submit_job(TitanJob("orphan", script_content="import time; time.sleep(120)")).id, flush=True)
sys.stdin.read()
"""


def test_a_job_ends_with_its_owners_process(cluster: Cluster, workdir: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        env=cluster.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    job_id = process.stdout.readline().strip()
    client = TitanClient()
    while client.get_job_status(job_id) != "RUNNING":
        time.sleep(0.05)
    with pytest.raises(TimeoutError):
        client.wait(job_id, 1.5)
    process.kill()
    process.communicate()
    result = client.wait(job_id, 20, check=False)
    assert (result.state, result.cause) == ("cancelled", "owner-gone")


def test_a_process_that_leaves_early_does_not_hang(cluster: Cluster) -> None:
    code = """
from titan_sdk import RunContext, TitanClient, TitanJob
client = TitanClient(scope=RunContext("early", None, "early/step/0"), grace=0)
noisy = "import time\\nwhile True: print('x' * 1000, flush=True)"
client.submit_job(TitanJob("noisy", script_content=noisy))
import time; time.sleep(1)
"""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], env=cluster.environment, capture_output=True, timeout=30
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"Fatal" not in done.stderr
    assert time.monotonic() - started < 8
    assert TitanClient(scope=RunContext("early")).wait("noisy", 20, check=False).cause == "owner-gone"
