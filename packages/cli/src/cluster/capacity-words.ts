/** `8 cpu · 16 GB · 1× RTX 4060 8 GB`. */
import { bytes, cpus } from "../output/amounts.ts";
import { visible } from "../output/safe.ts";
import type { Style } from "../output/style.ts";
import type { NodeReady } from "./parent-line.ts";

export function capacityWords(node: Pick<NodeReady, "cpus" | "memory" | "gpus">, style: Style): string {
  const parts = [`${cpus(node.cpus)} cpu`, bytes(node.memory)];
  const counts = new Map<string, number>();
  for (const { model, memory } of node.gpus) {
    const name = `${model === "declared" ? "gpu (declared)" : model}${memory > 0 ? ` ${bytes(memory)}` : ""}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [name, count] of counts) parts.push(`${count}${style.sign("times")} ${visible(name)}`);
  return parts.join(` ${style.sign("dot")} `);
}
