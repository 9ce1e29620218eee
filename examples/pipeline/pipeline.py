"""Three assets whose work runs on Titan's nodes, by the resource of `dagster_titan`.

dagster dev -f examples/pipeline/pipeline.py
"""

from pathlib import Path

import dagster as dg
from dagster_titan import TitanResource

HERE = Path(__file__).parent


@dg.asset
def raw_data(context: dg.AssetExecutionContext, titan: TitanResource) -> None:
    """Runs wherever a CPU is free; plain jobs keep off GPU nodes while others are there."""
    titan.run_task(context, str(HERE / "extract.py"))


@dg.asset(deps=[raw_data])
def trained_model(context: dg.AssetExecutionContext, titan: TitanResource) -> None:
    """Needs a GPU, and would like the node of raw_data, whose file it reads when it is there."""
    titan.run_task(context, str(HERE / "train.py"), requirement="GPU", affinity=True)


@dg.asset(deps=[trained_model])
def evaluation_metrics(context: dg.AssetExecutionContext, titan: TitanResource) -> None:
    """Light work again."""
    titan.run_task(context, str(HERE / "eval.py"))


defs = dg.Definitions(
    assets=[raw_data, trained_model, evaluation_metrics],
    resources={"titan": TitanResource()},
)
