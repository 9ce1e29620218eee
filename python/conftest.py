"""Fixtures of both packages' tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_cluster import STANDARD, Cluster, StartCluster


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test finds the cluster, the token or the Dagster home of whoever runs it."""
    for name in [name for name in os.environ if name.startswith("TITAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


@pytest.fixture(scope="session")
def _shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture
def cluster(_shared_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """One plain node and one with a GPU, two cpus each; shared by all tests, and found by TitanClient()."""
    monkeypatch.setenv("XDG_STATE_HOME", str(_shared_cluster.state))
    monkeypatch.setenv("TITAN_URL", _shared_cluster.url)
    return _shared_cluster


@pytest.fixture
def new_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartCluster]:
    """Starts a cluster that only this test uses."""
    started: list[Cluster] = []

    def start(*nodes: str) -> Cluster:
        folder = tmp_path / f"cluster{len(started)}"
        folder.mkdir()
        one = Cluster(folder, nodes or STANDARD)
        started.append(one)
        one.start()
        monkeypatch.setenv("XDG_STATE_HOME", str(one.state))
        monkeypatch.setenv("TITAN_URL", one.url)
        return one

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
