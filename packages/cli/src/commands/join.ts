import { join } from "node:path";
import type { AgentOptions, Overrides } from "@titan/agent";
import { ERRORS, TitanError } from "@titan/protocol";
import { discover, normalizeUrl, stateHome } from "@titan/sdk";
import { agentLog, logLevel } from "../cluster/agent-log.ts";
import { capacityWords } from "../cluster/capacity-words.ts";
import type { NodeReady } from "../cluster/parent-line.ts";
import { listenToParent } from "../cluster/parent-line.ts";
import { catchSignals } from "../cluster/signals.ts";
import type { Flags, Invocation } from "../command.ts";
import { command } from "../command.ts";
import { milliseconds, number } from "../job-flags.ts";
import { renderError } from "../output/error.ts";
import { visible } from "../output/safe.ts";

const FLAGS = {
  name: { type: "string", value: "NAME", help: "of this node; the host's where absent" },
  label: {
    type: "string",
    value: "K=V",
    multiple: true,
    help: "a fact that jobs may ask for; K alone means K=true",
  },
  cpus: { type: "string", value: "N", help: "offers that many in place of what is there" },
  memory: { type: "string", value: "SIZE", help: "offers that much, such as 16G" },
  gpus: { type: "string", value: "N", help: "offers that many; more than there are for trying things out" },
  "gpu-model": { type: "string", value: "NAME", help: "of devices that are not there" },
  "gpu-memory": { type: "string", value: "SIZE", help: "of devices that are not there" },
  state: { type: "string", value: "DIR", help: "the node's folder; else one under the user's state folder" },
  python: {
    type: "string",
    value: "PATH",
    help: "interpreter of Python jobs; TITAN_PYTHON or python3 where absent",
  },
  "lost-after": {
    type: "string",
    value: "TIME",
    help: "how long jobs go on without a word from the master; 15m",
  },
  "log-level": { type: "string", value: "LEVEL", help: "debug, info, warn or error; info where absent" },
  "with-parent": { type: "boolean", help: "takes the address from stdin and ends with it", hidden: true },
  "fake-node": { type: "string", help: "declares everything", hidden: true },
} as const satisfies Flags;

export default command({
  usage: ["titan join [URL] [flags]"],
  about:
    "Makes this machine a node: it dials out to the master, and needs no open port. Runs until it is ended.",
  examples: [
    ["titan join", "a node of the master on this machine"],
    ["TITAN_TOKEN=… titan join http://10.0.0.5:9090 --label fast", "of one elsewhere"],
  ],
  flags: FLAGS,
  takes: { min: 0, max: 1 },
  async run(invocation) {
    const { flags, terminal } = invocation;
    const signals = catchSignals();
    const line = flags["with-parent"] ? listenToParent(process.stdin) : null;
    // The agent takes a while to load: it does so while the parent's master starts.
    const loading = import("@titan/agent");
    const parent = line === null ? null : await line.parent;
    if (line !== null && parent === null) return 0;
    const agentModule = await loading;
    const options = agentOptions(invocation, parent ?? target(invocation), agentModule);
    const agent = await agentModule.startAgent(options);
    void agent.ready.then(
      () => announce(invocation, agent, options.url),
      () => undefined,
    );
    const stop = line === null ? signals.first : Promise.race([signals.first, line.gone]);
    void stop.then(() => agent.close());
    // A parent that is gone has nobody left to wait for the farewell.
    const hurry = line === null ? signals.second : Promise.race([signals.second, line.gone]);
    void hurry.then(() => agent.close({ now: true }));
    try {
      await agent.closed;
      return 0;
    } catch (error) {
      if (!(error instanceof TitanError)) throw error;
      terminal.err(renderError(error, { json: flags.json, color: terminal.errColor }));
      return ERRORS[error.code].exit;
    }
  },
});

type Join = Invocation<typeof FLAGS>;

function target({ flags, words }: Join): { url: string; token: string } {
  const { url, token } = discover({ url: words[0] ?? flags.url });
  if (token !== null) return { url, token };
  throw new TitanError(
    "unauthorized",
    `no token for ${url} was found in ${stateHome()}, nor in TITAN_TOKEN or TITAN_TOKEN_FILE`,
    {
      hint: "`titan token` on the master's machine prints it.",
    },
  );
}

function agentOptions(
  { flags, terminal }: Join,
  { url, token }: { url: string; token: string },
  agent: typeof import("@titan/agent"),
): AgentOptions {
  const fake = flags["fake-node"] === undefined ? null : agent.parseNodeSpec(flags["fake-node"]);
  const name = flags.name ?? agent.defaultName();
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(name)) {
    throw new TitanError("usage", `${JSON.stringify(name)} cannot be the name of a node`, {
      field: "--name",
      hint: "Letters, digits, '.', '_' and '-', at most 128, not starting with '.' or '-'.",
    });
  }
  const lostAfter = flags["lost-after"];
  return {
    url: normalizeUrl(url, "URL"),
    token,
    name,
    stateDir: flags.state ?? join(stateHome(), "nodes", name),
    overrides: fake?.overrides ?? overrides(flags, agent),
    labels: Object.assign({ ...fake?.labels }, ...flags.label.map(agent.parseLabel)),
    log: agentLog(logLevel(flags["log-level"], "info"), terminal.err),
    ...(flags.python === undefined ? {} : { python: flags.python }),
    ...(lostAfter === undefined ? {} : { lostAfterMs: milliseconds("lost-after", lostAfter) }),
  };
}

function overrides(flags: Join["flags"], { parseMemory }: typeof import("@titan/agent")): Overrides {
  return {
    ...(flags.cpus === undefined ? {} : { cpus: positive("cpus", flags.cpus) }),
    ...(flags.memory === undefined ? {} : { memoryBytes: parseMemory(flags.memory) }),
    ...(flags.gpus === undefined ? {} : { gpus: count("gpus", flags.gpus) }),
    ...(flags["gpu-model"] === undefined ? {} : { gpuModel: flags["gpu-model"] }),
    ...(flags["gpu-memory"] === undefined ? {} : { gpuMemoryBytes: parseMemory(flags["gpu-memory"]) }),
  };
}

function positive(flag: string, text: string): number {
  const value = number(flag, text);
  if (value > 0 && value <= 100_000) return value;
  throw new TitanError("usage", `--${flag} ${text} is not an amount above 0`, { field: `--${flag}` });
}

function count(flag: string, text: string): number {
  const value = number(flag, text);
  if (Number.isInteger(value) && value >= 0 && value <= 1_024) return value;
  throw new TitanError("usage", `--${flag} ${text} is not a whole number up to 1024`, { field: `--${flag}` });
}

function announce(
  { flags, terminal }: Join,
  agent: Awaited<ReturnType<typeof import("@titan/agent")["startAgent"]>>,
  url: string,
): void {
  const { cpuMillis, memoryBytes, devices } = agent.capacity;
  const ready: NodeReady = {
    ready: true,
    node: agent.name,
    url,
    pid: process.pid,
    cpus: cpuMillis / 1_000,
    memory: memoryBytes,
    gpus: devices.map(({ model, memoryBytes: memory }) => ({ model, memory })),
  };
  if (flags.json) terminal.json(ready);
  else terminal.out(`joined ${url} as ${visible(agent.name)}: ${capacityWords(ready, terminal.style)}\n`);
}
