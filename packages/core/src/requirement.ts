import type { Requirement } from "./model.ts";

/** Equal for requirements that ask the same, whatever the order of their labels. */
export function requirementKey(requirement: Requirement): string {
  const { cpuMillis, memoryBytes, gpus, gpuModel, gpuMemoryBytes, labels } = requirement;
  let key = `${cpuMillis},${memoryBytes},${gpus}`;
  if (gpus > 0)
    key += `,${gpuMemoryBytes},${gpuModel === null ? "" : JSON.stringify(gpuModel.toLowerCase())}`;
  const names = Object.keys(labels);
  if (names.length > 0) key += JSON.stringify(names.sort().map((name) => [name, labels[name]]));
  return key;
}

/** Whether every node that holds `more` holds `less` too. */
export function covers(more: Requirement, less: Requirement): boolean {
  if (more.cpuMillis < less.cpuMillis || more.memoryBytes < less.memoryBytes || more.gpus < less.gpus)
    return false;
  if (less.gpus > 0) {
    if (more.gpuMemoryBytes < less.gpuMemoryBytes) return false;
    if (less.gpuModel !== null && more.gpuModel?.toLowerCase() !== less.gpuModel.toLowerCase()) return false;
  }
  return Object.keys(less.labels).every((name) => more.labels[name] === less.labels[name]);
}
