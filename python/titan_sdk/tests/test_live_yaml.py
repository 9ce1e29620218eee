"""Pipeline files of the original, against a real cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from titan_sdk.titan_yaml_parser import TitanYAMLParser

from live_cluster import Cluster
from titan_sdk import JobFailed, ScriptNotFound, TitanClient, TitanError

PIPELINE = """
name: nightly
project: {project}
jobs:
  - id: first
    file: first.py
    args: "one 'two three'"
  - id: second
    file: second.py
    depends_on: [first]
    requirement: GPU
"""


@pytest.fixture
def folder(workdir: Path) -> Path:
    nested = workdir / "pipelines"
    nested.mkdir()
    (nested / "first.py").write_text("import sys; print(sys.argv[1:])")
    (nested / "second.py").write_text("import shared; print(shared.word)")
    (nested / "shared.py").write_text("word = 'shared'")
    return nested


def test_a_project_is_submitted_whole(cluster: Cluster, folder: Path) -> None:
    (folder / "nightly.yaml").write_text(PIPELINE.format(project="true"))
    client = TitanClient()
    run = client.submit_yaml("pipelines/nightly.yaml", wait=True, timeout=60)
    assert run == "DAG_ACCEPTED"
    assert client.fetch_logs("DAG-first") == "['one', 'two three']\n"
    assert client.fetch_logs("DAG-second") == "shared\n"
    assert run.jobs["second"].wait().node == "gpu1"


def test_without_project_each_job_has_its_script_alone(cluster: Cluster, folder: Path) -> None:
    (folder / "nightly.yaml").write_text(PIPELINE.format(project="false"))
    parser = TitanYAMLParser("pipelines/nightly.yaml")
    assert (parser.get_project_name(), parser.is_project_mode()) == ("nightly", False)
    jobs = parser.build_jobs()
    assert [(job.id, job.script, job.parents, job.requirement) for job in jobs] == [
        ("first", "first.py", [], "GENERAL"),
        ("second", "second.py", ["first"], "GPU"),
    ]
    with pytest.raises(JobFailed) as caught:
        TitanClient().submit_yaml(folder / "nightly.yaml", wait=True, timeout=60)
    assert "No module named 'shared'" in caught.value.tail


def test_a_file_that_cannot_be_read_names_line_and_column(cluster: Cluster, folder: Path) -> None:
    (folder / "bad.yaml").write_text("name: x\njobs:\n  - id: [unclosed\n")
    with pytest.raises(TitanError, match=r"(?i)line") as caught:
        TitanYAMLParser("pipelines/bad.yaml")
    assert caught.value.code == "bad-yaml"
    with pytest.raises(ScriptNotFound):
        TitanYAMLParser("pipelines/nowhere.yaml")
    (folder / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(TitanError) as caught:
        TitanYAMLParser("pipelines/latin.yaml")
    assert caught.value.code == "bad-yaml"
