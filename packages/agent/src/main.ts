/** `node main.ts --url URL --state DIR [--name N] …`: one agent, with the token in TITAN_TOKEN. For people: `titan join`. */
import { parseArgs } from "node:util";
import { pino } from "pino";
import { runAgent } from "./foreground.ts";
import { parseLabel, parseNodeSpec } from "./probe/overrides.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    state: { type: "string" },
    name: { type: "string" },
    node: { type: "string" },
    label: { type: "string", multiple: true },
    python: { type: "string" },
    launcher: { type: "string" },
    "log-level": { type: "string" },
  },
});
const spec = values.node === undefined ? null : parseNodeSpec(values.node);
const name = values.name ?? spec?.name;
process.exitCode = await runAgent(
  {
    url: values.url ?? process.env.TITAN_URL ?? "http://127.0.0.1:9090",
    token: process.env.TITAN_TOKEN ?? "",
    stateDir: values.state ?? "titan-node",
    labels: Object.assign({ ...spec?.labels }, ...(values.label ?? []).map(parseLabel)),
    launcher: values.launcher === "noop" ? "noop" : "process",
    log: pino({ level: values["log-level"] ?? "info" }, pino.destination({ dest: 2, sync: true })),
    ...(name ? { name } : {}),
    ...(spec ? { overrides: spec.overrides } : {}),
    ...(values.python ? { python: values.python } : {}),
  },
  (agent) => process.stdout.write(`${JSON.stringify({ ready: true, node: agent.name, pid: process.pid })}\n`),
);
