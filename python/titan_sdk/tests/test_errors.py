"""The error table is the protocol's, and errors keep what they carry."""

from __future__ import annotations

import json
import pickle
import subprocess

import pytest
from titan_sdk.errors import error_from_problem

from live_cluster import ROOT, node_binary
from titan_sdk import ERRORS, JobFailed, JobResult, ScriptNotFound, TitanError


def test_the_table_is_the_protocols() -> None:
    source = ROOT / "packages/protocol/src/errors.ts"
    program = f"import({json.dumps(source.as_uri())}).then((m) => console.log(JSON.stringify(m.ERRORS)))"
    shown = subprocess.run([node_binary(), "-e", program], capture_output=True, check=True, text=True).stdout
    assert {code: kind._asdict() for code, kind in ERRORS.items()} == json.loads(shown)


@pytest.mark.parametrize("code", list(ERRORS))
def test_every_code_of_the_master_becomes_an_error_with_that_code(code: str) -> None:
    problem = {"code": code, "detail": "what happened", "hint": "what to do", "field": "jobs[0].cpus"}
    error = error_from_problem(400, problem)
    assert (error.code, error.message, error.hint, error.field) == (
        code,
        "what happened",
        "what to do",
        "jobs[0].cpus",
    )


def test_an_answer_that_is_not_titans_is_told_by_its_status() -> None:
    assert error_from_problem(401, {}).code == "unauthorized"
    assert error_from_problem(599, {"code": "from the future"}).code == "internal"


def test_errors_survive_pickling() -> None:
    error = ScriptNotFound("there is no script a.py", field="filename")
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, ScriptNotFound)
    assert (copy.message, copy.code, copy.field) == (error.message, "script-not-found", "filename")
    failed = JobFailed(JobResult("abc", "train", "failed", "exit code 3", "exit", 3), "Traceback …")
    again = pickle.loads(pickle.dumps(failed))
    assert (again.exit_code, again.reason, again.tail, str(again)) == (
        3,
        "exit code 3",
        "Traceback …",
        str(failed),
    )


def test_a_missing_script_is_also_a_missing_file() -> None:
    assert issubclass(ScriptNotFound, FileNotFoundError)
    assert issubclass(ScriptNotFound, TitanError)
