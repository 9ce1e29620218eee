import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DEFAULT_PORT, TitanError, VERSION } from "@titan/protocol";
import { nameFrom, TitanClient } from "@titan/sdk";
import { capacityWords } from "../cluster/capacity-words.ts";
import type { LocalNode } from "../cluster/local-nodes.ts";
import { LocalNodes } from "../cluster/local-nodes.ts";
import type { NodeReady } from "../cluster/parent-line.ts";
import { catchSignals } from "../cluster/signals.ts";
import type { MasterState } from "../cluster/state.ts";
import { masterState, portFrom, removeState } from "../cluster/state.ts";
import type { Flags, Invocation } from "../command.ts";
import { command } from "../command.ts";
import { duration } from "../output/amounts.ts";

const FLAGS = {
  port: { type: "string", value: "N", help: `TITAN_PORT, else ${DEFAULT_PORT}; 0 takes any` },
  gpus: { type: "string", value: "N", help: "the node offers that many, there or not" },
  cpus: { type: "string", value: "N", help: "the node offers that many" },
  memory: { type: "string", value: "SIZE", help: "the node offers that much" },
  "fake-node": {
    type: "string",
    value: "SPEC",
    multiple: true,
    help: "one more node that pretends its hardware: name=big,gpus=2,cpus=4,mem=8G",
  },
  "no-node": { type: "boolean", help: "not this machine itself: only the pretended nodes" },
  state: {
    type: "string",
    value: "DIR",
    help: "the cluster's folder; else one under the user's state folder",
  },
  fresh: { type: "boolean", help: "forgets what earlier runs left" },
  python: { type: "string", value: "PATH", help: "interpreter of Python jobs" },
} as const satisfies Flags;

type Dev = Invocation<typeof FLAGS>;

export default command({
  usage: ["titan dev [--port N] [--gpus N] [--fake-node SPEC]… [--fresh]"],
  about:
    "Starts a master and nodes on this machine, until Ctrl-C. Its state is kept between runs, except with port 0.",
  examples: [
    ["titan dev", "a cluster of this machine"],
    ["titan dev --fake-node name=gpubox,gpus=2", "with a node that pretends to have GPUs"],
    ["titan dev --port 0 --json", "for tests: prints its address as JSON, leaves nothing behind"],
  ],
  flags: FLAGS,
  takes: { min: 0, max: 0 },
  async run(invocation) {
    const { flags, terminal } = invocation;
    const port = portFrom(flags.port);
    const running = flags.fresh && port !== 0 ? await findRunning(port) : null;
    if (running !== null)
      throw new TitanError("state-in-use", `titan dev runs already at ${running.url} (pid ${running.pid})`);
    const signals = catchSignals();
    const state = masterState(port, flags.state);
    if (flags.fresh) removeState(state.dir);
    const nodes = new LocalNodes(plannedNodes(invocation, state), (line) => terminal.err(`${line}\n`));
    try {
      const { startMaster } = await import("@titan/master");
      const master = await startMaster({
        host: "127.0.0.1",
        port,
        stateDir: state.dir,
        stateHome: state.home,
        logLevel: "warn",
      });
      try {
        const joined = nodes.join({ url: master.url, token: master.token });
        const early = await Promise.race([joined, signals.first]);
        if (typeof early !== "string") {
          announce(invocation, master.url, state, early);
          await signals.first;
        }
      } finally {
        await nodes.end(signals.second);
        await Promise.race([master.close(), signals.second]);
      }
    } catch (error) {
      nodes.kill();
      return await sayWhoRuns(error, port, invocation);
    } finally {
      if (state.throwaway) rmSync(state.dir, { recursive: true, force: true });
    }
    return 0;
  },
});

function plannedNodes({ flags }: Dev, state: MasterState): LocalNode[] {
  const python = flags.python === undefined ? [] : ["--python", flags.python];
  const nodes: LocalNode[] = [];
  const add = (name: string, own: readonly string[]) => {
    if (nodes.some((node) => node.name === name))
      throw new TitanError("usage", `two nodes are called ${name}`);
    nodes.push({
      name,
      flags: ["--state", join(state.dir, "nodes", name), "--log-level", "warn", ...python, ...own],
    });
  };
  if (!flags["no-node"]) {
    const amounts = (["cpus", "gpus", "memory"] as const).flatMap((key) =>
      flags[key] === undefined ? [] : [`--${key}`, flags[key]],
    );
    add(nameFrom(hostname()), amounts);
  }
  for (const [at, spec] of flags["fake-node"].entries()) {
    const name = /(?:^|,)\s*name=([^,]*)/.exec(spec)?.[1]?.trim() || `fake${at + 1}`;
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(name)) {
      throw new TitanError("usage", `${JSON.stringify(name)} cannot be the name of a node`, {
        field: "--fake-node",
      });
    }
    add(name, [`--fake-node=${spec}`]);
  }
  return nodes;
}

function announce(
  { flags, terminal }: Dev,
  url: string,
  state: MasterState,
  nodes: readonly NodeReady[],
): void {
  // Since the process began: what the user waited for.
  const readyMs = Math.round(performance.now());
  if (flags.json) {
    terminal.json({ ready: true, url, pid: process.pid, ready_ms: readyMs, state: state.dir, nodes });
    return;
  }
  const { style } = terminal;
  const width = Math.max(0, ...nodes.map(({ node }) => node.length)) + 2;
  const here = url === `http://127.0.0.1:${DEFAULT_PORT}` ? "" : `TITAN_URL=${url} `;
  const lines = [
    `  ${style.bold(`titan ${VERSION}`)}  ready in ${duration(readyMs)}  ${url}`,
    "",
    ...nodes.map((node) => `  node   ${node.node.padEnd(width)}${capacityWords(node, style)}`),
    `  state  ${state.dir}${state.throwaway ? "  (removed at the end)" : "  (kept between runs; --fresh forgets it)"}`,
    "",
    `  next   ${here}titan run -- echo hello`,
    `         ${here}titan ps -a`,
    "  Ctrl-C ends the cluster",
    "",
  ];
  terminal.out(`${lines.join("\n")}\n`);
}

interface Running {
  readonly url: string;
  readonly pid: number;
}

/** The master of this user on that port, if there is one. */
async function findRunning(port: number): Promise<Running | null> {
  try {
    const { url, pid } = await new TitanClient({ url: `http://127.0.0.1:${port}`, retryWindowMs: 0 }).info({
      // Something else may accept the connection and say nothing.
      signal: AbortSignal.timeout(2_000),
    });
    return { url, pid };
  } catch {
    return null;
  }
}

/** A second `titan dev` is no error: what was wanted is there. */
async function sayWhoRuns(error: unknown, port: number, { flags, terminal }: Dev): Promise<number> {
  const taken =
    error instanceof TitanError && (error.code === "port-in-use" || error.code === "state-in-use");
  const running = taken && port !== 0 ? await findRunning(port) : null;
  if (running === null) throw error;
  if (flags.json) terminal.json({ ready: true, url: running.url, pid: running.pid, already_running: true });
  else
    terminal.out(
      `titan is already running at ${running.url} (pid ${running.pid}); a second cluster: titan dev --port 0\n`,
    );
  const asked = ["fake-node", "gpus", "cpus", "memory", "no-node"] as const;
  const unheard = asked.filter((key) => (key === "fake-node" ? flags[key].length > 0 : flags[key]));
  if (unheard.length > 0) {
    terminal.err(
      `its nodes stay as they are: --${unheard.join(", --")} had no effect; more nodes: titan join\n`,
    );
  }
  return 0;
}
