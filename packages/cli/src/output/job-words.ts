/** Words for what jobs want and where they are. */
import type { JobView, RequirementView } from "@titan/protocol";
import { bytes, cpus } from "./amounts.ts";
import { visible } from "./safe.ts";

/** `1 cpu · 1 gpu A100 40 GB · 16 GB · fast`. */
export function wants(need: RequirementView, dot: string): string {
  const parts = [`${cpus(need.cpus)} cpu`];
  if (need.gpus > 0) {
    const memory = need.gpu_memory > 0 ? ` ${bytes(need.gpu_memory)}` : "";
    parts.push(`${need.gpus} gpu${need.gpu_model === null ? "" : ` ${need.gpu_model}`}${memory}`);
  }
  if (need.memory > 0) parts.push(bytes(need.memory));
  for (const [key, value] of Object.entries(need.labels))
    parts.push(value === "true" ? key : `${key}=${value}`);
  return visible(parts.join(` ${dot} `));
}

/** `gpubox gpu0,1`, or `-` before it has a node. */
export function place({ node, devices }: Pick<JobView, "node" | "devices">): string {
  if (node === null) return "-";
  return visible(devices.length === 0 ? node : `${node} gpu${devices.join(",")}`);
}

export function shortId(id: string): string {
  return id.slice(0, 8);
}

export function isOver(job: Pick<JobView, "state">): boolean {
  return job.state !== "waiting" && job.state !== "running";
}
