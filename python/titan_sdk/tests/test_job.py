"""What TitanJob takes, and what it refuses and how it says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from titan_sdk import InvalidInput, NotThereYet, ScriptNotFound, ScriptUnreadable, TitanError, TitanJob

HELLO = "print('hello')\n"


@pytest.fixture
def script(workdir: Path) -> str:
    (workdir / "hello.py").write_text(HELLO)
    return "hello.py"


BAD_NAMES = [
    "",
    "a/b",
    "..",
    "../up",
    "a\0b",
    "a\nb",
    "x" * 10_240,
    "🚀",
    " ",
    ".hidden",
    "-flag",
    "a b",
    "a\n",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_job_ids_are_refused(script: str, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TitanJob(name, script)
    assert caught.value.field == "job_id"
    assert len(str(caught.value)) < 500


BAD_VALUES: list[tuple[str, Any]] = [
    *[("cpus", value) for value in (0, -1, float("nan"), float("inf"), 1e9, 0.0001, "2", True)],
    *[("gpus", value) for value in (-1, 1.5, 10_000, "1", True)],
    *[("memory", value) for value in (0, -1, 2**60, "lots", "", "-1G", "1" * 40)],
    *[("gpu_memory", value) for value in (0, "24 apples")],
    *[("priority", value) for value in (10**7, 1.5, "high")],
    *[("delay", value) for value in (-1, 0.5, 10**15)],
    *[("timeout", value) for value in (0, -5, float("nan"), 10**9)],
    *[("queue_timeout", value) for value in (0, -5)],
    *[("retries", value) for value in (-1, 1_001, 0.5)],
    *[("retry_backoff", value) for value in (-1,)],
    *[("affinity", value) for value in ("yes", 1, None)],
    *[("requirement", value) for value in ("", "a b", "x" * 200)],
    *[("args", value) for value in ("unclosed 'quote", ["a\0b"], ["\ud800"], [None], "x" * 200_000)],
    *[("env", value) for value in ({"": "x"}, {"A=B": "x"}, {"A": "a\0b"}, {"A": None})],
    *[("labels", value) for value in ({"a b": "x"}, {"a": "x" * 300}, [""])],
    *[("parents", value) for value in (["x" * 300], [3])],
]


@pytest.mark.parametrize(("field", "value"), BAD_VALUES)
def test_bad_values_are_refused_and_named(script: str, field: str, value: object) -> None:
    options: dict[str, Any] = {field: value}
    with pytest.raises(InvalidInput) as caught:
        TitanJob("job", script, **options)
    assert (caught.value.field or "").startswith(field.removesuffix("s"))
    assert caught.value.code == "bad-field"


BAD_SCRIPTS: list[tuple[type[TitanError], Callable[[Path], object]]] = [
    (ScriptNotFound, lambda path: None),
    (ScriptUnreadable, lambda path: path.mkdir()),
    (ScriptUnreadable, lambda path: path.write_bytes(b"")),
    (ScriptUnreadable, lambda path: path.write_bytes(b"print('\xff')")),
]


@pytest.mark.parametrize(("kind", "make"), BAD_SCRIPTS)
def test_scripts_that_cannot_run_are_refused(
    workdir: Path, kind: type[TitanError], make: Callable[[Path], object]
) -> None:
    make(workdir / "bad.py")
    with pytest.raises(kind) as caught:
        TitanJob("job", "bad.py")
    assert caught.value.field == "filename"
    assert "bad.py" in str(caught.value)


def test_a_missing_script_raises_what_the_original_raised(workdir: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TitanJob("job", "nowhere.py")


def test_what_comes_later_says_so(script: str) -> None:
    with pytest.raises(NotThereYet, match="services"):
        TitanJob("job", script, "SERVICE")
    with pytest.raises(NotThereYet, match="services"):
        TitanJob("job", script, port=8000)
    with pytest.raises(NotThereYet, match="gates"):
        TitanJob("job", script, hitl_message="ok?")


def test_the_originals_positions_hold(script: str) -> None:
    job = TitanJob("job", script, "TASK", "a 'b c'", ["DAG-up"], 0, False, 7, 1500, True, "GPU", None, 60)
    assert job.spec() == {
        "name": "job",
        "script": "hello.py",
        "args": ["a", "b c"],
        "requirement": "GPU",
        "priority": 7,
        "delay_ms": 1500,
        "affinity": True,
    }
    assert (job.id, job.filename, job.parents, job.delay) == ("job", script, ["up"], 1500)


def test_argument_lists_stay_as_they_are(script: str) -> None:
    wild = ["; rm -rf /", "a|b", 'it\'s "quoted"', "two\nlines", "", "ünï ✓", "$HOME", "*"]
    assert TitanJob("job", script, args=wild).spec()["args"] == wild
    assert TitanJob("job", script, args=[1, 2.5, Path("x")]).spec()["args"] == ["1", "2.5", "x"]


def test_the_script_is_read_at_once(workdir: Path, script: str) -> None:
    job = TitanJob("job", script)
    (workdir / script).write_text("print('changed')")
    (file,) = job.payload()
    assert file.content == HELLO.encode()


def test_script_content_needs_no_file(workdir: Path) -> None:
    job = TitanJob(job_id="inline", script_content=HELLO)
    assert (job.script, job.payload()[0].content) == ("inline.py", HELLO.encode())
    with pytest.raises(ScriptUnreadable):
        TitanJob("inline", script_content="")
    with pytest.raises(InvalidInput):
        TitanJob("nothing")


def test_a_command_is_split_once_and_excludes_a_script(script: str) -> None:
    assert TitanJob("job", command="echo 'a b'").spec()["command"] == ["echo", "a b"]
    assert TitanJob("job", command=["/bin/true"], args=["x"]).spec()["command"] == ["/bin/true", "x"]
    with pytest.raises(InvalidInput):
        TitanJob("job", script, command="true")
    with pytest.raises(InvalidInput):
        TitanJob("job", command="true", script_content=HELLO)
    with pytest.raises(InvalidInput):
        TitanJob("job", command=[])


def test_amounts_and_times_reach_the_api_in_its_units(script: str) -> None:
    job = TitanJob(
        "job",
        script,
        cpus=0.5,
        memory="24GB",
        gpus=2,
        gpu_model="A100",
        gpu_memory=2**30,
        labels=["fast"],
        timeout=1.5,
        queue_timeout=0.0001,
        retries=2,
        retry_backoff=0,
        stop_grace=3,
        env={"N": 3},
        python="/usr/bin/python3",
    )
    spec = job.spec()
    assert spec["cpus"] == 0.5
    assert spec["memory"] == "24GB"
    assert (spec["gpus"], spec["gpu_model"], spec["gpu_memory"]) == (2, "A100", 2**30)
    assert spec["labels"] == {"fast": "true"}
    assert (spec["timeout_ms"], spec["queue_timeout_ms"]) == (1500, 1)
    assert (spec["retries"], spec["retry_backoff_ms"], spec["grace_ms"]) == (2, 0, 3000)
    assert (spec["env"], spec["python"]) == ({"N": "3"}, "/usr/bin/python3")


def test_files_keep_their_places_beside_the_script(workdir: Path) -> None:
    (workdir / "src/__pycache__").mkdir(parents=True)
    for name in ("src/main.py", "src/part.py", "src/__pycache__/part.pyc", "data.bin"):
        (workdir / name).write_bytes(b"x = 1\n")
    job = TitanJob("job", "src/main.py", files=["src", "data.bin"])
    assert sorted(file.path for file in job.payload()) == ["data.bin", "src/main.py", "src/part.py"]
    assert TitanJob("job", "src/main.py", files={"lib/x.py": "data.bin"}).payload()[1].path == "lib/x.py"
    with pytest.raises(ScriptNotFound):
        TitanJob("job", "src/main.py", files=["nowhere"])
    with pytest.raises(InvalidInput):
        TitanJob("job", "src/main.py", files={"../up": "data.bin"})


def test_two_files_cannot_have_one_place(workdir: Path) -> None:
    (workdir / "a.py").write_text("1")
    (workdir / "b.py").write_text("2")
    with pytest.raises(InvalidInput, match=r"a\.py"):
        TitanJob("job", "a.py", files={"a.py": "b.py"}).payload()


def test_archive_jobs_name_upload_and_path() -> None:
    job = TitanJob("job", "proj.zip/src/main.py", is_archive=True)
    assert (job.upload, job.script, job.payload_b64) == ("proj.zip", "src/main.py", "REMOTE_ASSET")
    for bad in ("proj.zip", "proj.zip/", "proj.zip/../x", None):
        with pytest.raises(InvalidInput):
            TitanJob("job", bad, is_archive=True)
