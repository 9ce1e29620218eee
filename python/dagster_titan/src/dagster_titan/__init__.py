"""Run Dagster's ops and assets on Titan's nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .resource import TitanEngine, TitanResource

__version__ = "0.1.0"

__all__ = ["TitanEngine", "TitanResource", "__version__"]


def __getattr__(name: str) -> Any:
    # titan_sdk loads `dagster_titan.run_context` also where no Dagster runs; importing dagster there would
    # cost 1.5 s, so it is imported with the first name that needs it.
    if name in ("TitanEngine", "TitanResource"):
        from . import resource

        return getattr(resource, name)
    raise AttributeError(f"module 'dagster_titan' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
