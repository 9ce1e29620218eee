"""The shape that people wrote by hand before `dagster_titan`: a resource of their own that submits and polls.

It must go on working as it is, so the tests run it where the original of this shape is not at hand.
Run it from this folder: the scripts' names are relative.
"""

import time

import dagster as dg
from titan_sdk import TitanClient, TitanJob


class TitanEngine(dg.ConfigurableResource):
    """Submits one script as one job, and asks for its state until it has ended."""

    poll_seconds: float = 0.5

    def run_task(
        self,
        context: dg.AssetExecutionContext,
        script_path: str,
        requirement: str = "GENERAL",
        affinity: bool = False,
    ) -> None:
        client = TitanClient()
        name = context.asset_key.path[-1]
        job = TitanJob(
            job_id=name,
            filename=script_path,
            job_type="RUN_PAYLOAD",
            requirement=requirement,
            affinity=affinity,
            is_archive=False,
        )
        context.log.info(f"submitting {name}: {requirement}, affinity {affinity}")
        client.submit_job(job)
        while (status := client.get_job_status(f"DAG-{name}")) not in ("COMPLETED", "FAILED"):
            time.sleep(self.poll_seconds)
        logs = client.fetch_logs(f"DAG-{name}")
        if status == "FAILED":
            context.log.error(f"{name} failed:\n{logs}")
            raise RuntimeError(f"{name} failed on Titan")
        context.log.info(f"{name} is done:\n{logs}")


@dg.asset
def raw_data(context: dg.AssetExecutionContext, titan: TitanEngine) -> None:
    titan.run_task(context, script_path="extract.py")


@dg.asset
def trained_model(context: dg.AssetExecutionContext, titan: TitanEngine, raw_data: None) -> None:
    titan.run_task(context, script_path="train.py", requirement="GPU", affinity=True)


@dg.asset
def evaluation_metrics(context: dg.AssetExecutionContext, titan: TitanEngine, trained_model: None) -> None:
    titan.run_task(context, script_path="eval.py")


defs = dg.Definitions(
    assets=[raw_data, trained_model, evaluation_metrics],
    resources={"titan": TitanEngine()},
)
