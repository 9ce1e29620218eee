import type { Requirement } from "@titan/core";
import type { RequirementView } from "@titan/protocol";

/** ISO 8601 in UTC, of milliseconds since the epoch. */
export function isoTime(at: number): string {
  return new Date(at).toISOString();
}

export function isoTimeOrNull(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}

/** Whole milliseconds from one time to another; never negative, as clocks of two machines may differ. */
export function span(from: number, to: number): number {
  return Math.max(0, Math.round(to - from));
}

export function requirementView(requirement: Requirement): RequirementView {
  return {
    cpus: requirement.cpuMillis / 1_000,
    memory: requirement.memoryBytes,
    gpus: requirement.gpus,
    gpu_model: requirement.gpuModel,
    gpu_memory: requirement.gpuMemoryBytes,
    labels: { ...requirement.labels },
  };
}
