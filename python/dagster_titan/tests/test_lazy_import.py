"""The package costs nothing where Dagster is not used, and finds its step where it is."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg
from dagster_titan.run_context import current, job_name

from titan_sdk import RunContext, current_run_context


def test_neither_the_package_nor_its_run_context_imports_dagster() -> None:
    code = """
import sys, dagster_titan, dagster_titan.run_context as r
print(r.current(), 'dagster' in sys.modules, sorted(dir(dagster_titan)))
dagster_titan.TitanEngine
print('dagster' in sys.modules, dagster_titan.TitanEngine is dagster_titan.TitanResource)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "None False ['TitanEngine', 'TitanResource', '__version__']\nTrue True\n"


def test_outside_of_a_step_there_is_no_run() -> None:
    assert current() is None


def test_names_of_dynamic_steps_become_names_of_jobs() -> None:
    assert job_name("score[7]") == "score_7"
    assert job_name("raw_data") == "raw_data"
    assert job_name("größe 2") == "gr_e_2"
    assert job_name("🚀") == "step"


def _contexts_of(
    assets: list[dg.AssetsDefinition], seen: dict[str, RunContext | None]
) -> dg.ExecuteInProcessResult:
    result = dg.materialize(assets, raise_on_error=False)
    assert seen
    return result


def test_an_asset_knows_its_run_owner_and_upstream() -> None:
    seen: dict[str, RunContext | None] = {}

    @dg.asset(key_prefix="raw")
    def first() -> None:
        seen["first"] = current_run_context()

    @dg.asset(deps=[first])
    def second() -> None:
        seen["second"] = current_run_context()

    @dg.asset(deps=[first, second])
    def third() -> None:
        seen["third"] = current_run_context()

    result = _contexts_of([first, second, third], seen)
    third_seen = seen["third"]
    assert third_seen is not None
    assert third_seen.upstream == ["first", "second"]
    assert third_seen.name == "third"
    assert third_seen.run_id == result.run_id
    assert third_seen.owner == f"{result.run_id}/third/0"
    assert seen["first"] is not None
    assert seen["first"].upstream == []
    assert seen["first"].name == "first"
    assert seen["first"].series == third_seen.series


def test_multi_assets_partitions_and_checks_have_a_run_too() -> None:
    seen: dict[str, RunContext | None] = {}

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["eu/west", "us"]))
    def parted() -> None:
        seen["parted"] = current_run_context()

    @dg.multi_asset(specs=[dg.AssetSpec("left", deps=[parted]), dg.AssetSpec("right", deps=["left"])])
    def both():  # noqa: ANN202  (Dagster wants none here)
        seen["both"] = current_run_context()

    @dg.asset_check(asset="left")
    def check() -> dg.AssetCheckResult:
        seen["check"] = current_run_context()
        return dg.AssetCheckResult(passed=True)

    assert dg.materialize([parted], partition_key="eu/west").success
    assert dg.materialize([both, check], selection=dg.AssetSelection.all()).success
    assert seen["parted"] is not None
    assert seen["parted"].name == "parted"
    assert seen["both"] is not None
    assert (seen["both"].name, seen["both"].upstream) == ("both", ["parted"])
    assert seen["check"] is not None


def test_ops_follow_the_steps_before_them_and_retries_are_owners_of_their_own() -> None:
    seen: list[RunContext | None] = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def make() -> int:
        seen.append(current_run_context())
        if len(seen) == 1:
            raise ValueError("once")
        return 1

    @dg.op
    def take(made: int) -> None:
        seen.append(current_run_context())

    @dg.job
    def flow() -> None:
        take(make())

    result = flow.execute_in_process()
    first, again, last = (context for context in seen if context is not None)
    assert (first.owner, again.owner) == (f"{result.run_id}/make/0", f"{result.run_id}/make/1")
    assert (last.name, last.upstream, last.series) == ("take", ["make"], "flow")
