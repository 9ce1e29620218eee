import { type Requirement, resolveRequirement as resolve } from "@titan/core";
import type { JobSpec } from "@titan/protocol";
import { memoryBytes } from "./memory.ts";

/** The core's requirement of a job as its author wrote it: text becomes bytes, CPUs become thousandths. Throws `bad-field`. */
export function resolveRequirement(spec: JobSpec, at: string): Requirement {
  return resolve(spec.requirement, {
    cpuMillis: spec.cpus === undefined ? undefined : Math.round(spec.cpus * 1_000),
    memoryBytes: spec.memory === undefined ? undefined : memoryBytes(spec.memory, `${at}.memory`),
    gpus: spec.gpus,
    gpuModel: spec.gpu_model,
    gpuMemoryBytes:
      spec.gpu_memory === undefined ? undefined : memoryBytes(spec.gpu_memory, `${at}.gpu_memory`),
    labels: spec.labels,
  });
}
