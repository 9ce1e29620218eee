import { formatBytes } from "../explain/units.ts";
import type { Device, Node, Requirement } from "../model.ts";
import type { Used } from "../state.ts";

/** One thing that a node lacks for a job. `what` names it, such as `cpus`, `A100 gpus` or `label fast`. */
export interface Miss {
  readonly dimension: "label" | "gpus" | "memory" | "cpus";
  readonly what: string;
  /** Milli-cpus, bytes, a number of devices, or a label's value. */
  readonly need: number | string;
  readonly has: number | string;
}

/** What stands for the value of a label that a node does not carry. */
export const NO_LABEL = "none";

/** Whether a node may be given new attempts at all. */
export function takesJobs(node: Node): boolean {
  return node.connected && node.admission === "open";
}

/** Whether a device is one that the requirement may get: by its model and memory. */
export function deviceServes(device: Device, requirement: Requirement): boolean {
  if (device.memoryBytes < requirement.gpuMemoryBytes) return false;
  const { gpuModel } = requirement;
  return gpuModel === null || device.model.toLowerCase().includes(gpuModel.toLowerCase());
}

/** Whether the node would hold it if nothing else ran there. */
export function holdsInTotal(node: Node, requirement: Requirement): boolean {
  const { capacity } = node;
  return (
    requirement.cpuMillis <= capacity.cpuMillis &&
    requirement.memoryBytes <= capacity.memoryBytes &&
    (requirement.gpus === 0 || countDevices(node, requirement, null) >= requirement.gpus) &&
    hasLabels(node, requirement)
  );
}

/** Whether it fits beside what runs there now. Says nothing of labels: ask `holdsInTotal` once before. */
export function fitsBeside(node: Node, used: Used, requirement: Requirement): boolean {
  const { capacity } = node;
  return (
    requirement.cpuMillis <= capacity.cpuMillis - used.cpuMillis &&
    requirement.memoryBytes <= capacity.memoryBytes - used.memoryBytes &&
    (requirement.gpus === 0 || countDevices(node, requirement, used) >= requirement.gpus)
  );
}

/** Devices of the node that serve the requirement: the free ones, or all where `used` is null. */
export function countDevices(node: Node, requirement: Requirement, used: Used | null): number {
  let count = 0;
  for (const device of node.capacity.devices) {
    if (deviceServes(device, requirement) && !used?.devices.has(device.index)) count += 1;
  }
  return count;
}

/** Everything that is missing, by the same comparisons as above: in total where `used` is null, else beside it. */
export function missesOf(node: Node, used: Used | null, requirement: Requirement): Miss[] {
  const misses: Miss[] = [];
  for (const [name, need] of Object.entries(requirement.labels)) {
    const has = Object.hasOwn(node.labels, name) ? node.labels[name]! : NO_LABEL;
    if (has !== need) misses.push({ dimension: "label", what: `label ${name}`, need, has });
  }
  if (requirement.gpus > 0) {
    const has = countDevices(node, requirement, used);
    const { gpus: need } = requirement;
    if (has < need) misses.push({ dimension: "gpus", what: gpuWords(requirement), need, has });
  }
  const memory = node.capacity.memoryBytes - (used?.memoryBytes ?? 0);
  if (requirement.memoryBytes > memory) {
    misses.push({
      dimension: "memory",
      what: "memory",
      need: requirement.memoryBytes,
      has: Math.max(0, memory),
    });
  }
  const cpus = node.capacity.cpuMillis - (used?.cpuMillis ?? 0);
  if (requirement.cpuMillis > cpus) {
    misses.push({ dimension: "cpus", what: "cpus", need: requirement.cpuMillis, has: Math.max(0, cpus) });
  }
  return misses;
}

function hasLabels(node: Node, requirement: Requirement): boolean {
  for (const name in requirement.labels) {
    if (!Object.hasOwn(node.labels, name) || node.labels[name] !== requirement.labels[name]) return false;
  }
  return true;
}

function gpuWords({ gpuModel, gpuMemoryBytes }: Requirement): string {
  const model = gpuModel === null ? "" : `${gpuModel} `;
  return gpuMemoryBytes > 0 ? `${model}gpus of ${formatBytes(gpuMemoryBytes)}` : `${model}gpus`;
}
