"""The run context is looked up lazily, and costs nothing where nobody asks."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_importing_the_package_loads_no_plugin_and_no_dagster() -> None:
    assert run("import titan_sdk, sys; print('dagster' in sys.modules, 'dagster_titan' in sys.modules)") == (
        "False False\n"
    )


def test_outside_of_dagster_there_is_no_run_and_dagster_is_not_imported() -> None:
    code = "import titan_sdk, sys; print(titan_sdk.current_run_context(), 'dagster' in sys.modules)"
    assert run(code) == "None False\n"


def test_the_package_needs_only_the_standard_library() -> None:
    code = """
import sys
before = set(sys.modules)
import titan_sdk
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new - set(sys.stdlib_module_names) - {"titan_sdk"}))
"""
    assert run(code) == "[]\n"
