import type { NodeView } from "@titan/protocol";
import { command } from "../command.ts";
import { connect } from "../connect.ts";
import { age, bytes, cpus } from "../output/amounts.ts";
import { visible } from "../output/safe.ts";
import type { Style } from "../output/style.ts";
import { table } from "../output/table.ts";

export default command({
  usage: ["titan node ls"],
  about: "Lists the nodes: what each has, and how much of it is in use.",
  examples: [["titan node ls --json | jq -r '.nodes[].name'", "their names"]],
  flags: {},
  takes: { min: 0, max: 0 },
  async run({ flags, terminal }) {
    const nodes = await connect({ flags }).nodes();
    if (flags.json) terminal.json({ nodes });
    else if (nodes.length === 0)
      terminal.err("no node has joined; on the machine that shall: titan join URL\n");
    else terminal.out(nodeTable(nodes, terminal.style, Date.now()));
    return 0;
  },
});

export function nodeTable(nodes: readonly NodeView[], style: Style, now: number): string {
  const head = ["NODE", "STATE", "CPU", "MEMORY", "GPU", "JOBS", "LABELS", "VERSION"];
  const rows = nodes.map((node) => [
    visible(node.name),
    stateOf(node, style, now),
    `${cpus(node.cpus_used)}/${cpus(node.cpus)}`,
    `${node.memory_used === 0 ? "0" : bytes(node.memory_used)}/${bytes(node.memory)}`,
    gpus(node, style),
    String(node.jobs.length),
    labels(node),
    visible(node.about.version ?? "-"),
  ]);
  return table(head, rows);
}

function stateOf(node: NodeView, style: Style, now: number): string {
  const text = `${style.sign(node.state)} ${node.state}`;
  if (node.state === "up") return style.green(text);
  const since = node.silent_at === null ? "" : ` ${age(node.silent_at, now)}`;
  return style.yellow(`${text}${since}`);
}

/** `1/2 A100 80 GB`: in use of all, model by model. */
function gpus(node: NodeView, style: Style): string {
  const groups = new Map<string, { used: number; all: number }>();
  for (const gpu of node.gpus) {
    const name = `${gpu.model}${gpu.memory > 0 ? ` ${bytes(gpu.memory)}` : ""}`;
    const group = groups.get(name) ?? { used: 0, all: 0 };
    groups.set(name, { used: group.used + (gpu.job === null ? 0 : 1), all: group.all + 1 });
  }
  const parts = [...groups].map(([name, { used, all }]) => `${used}/${all} ${visible(name)}`);
  return parts.length === 0 ? "-" : parts.join(` ${style.sign("dot")} `);
}

function labels(node: NodeView): string {
  const own = Object.entries(node.labels).filter(([key]) => key !== "os" && key !== "arch");
  return own.length === 0
    ? "-"
    : visible(own.map(([key, value]) => (value === "true" ? key : `${key}=${value}`)).join(","));
}
