import type { Amounts, Labels, Requirement } from "./model.ts";

const GIB = 1024 ** 3;

/** Names that a user may give in place of amounts. Any other name asks for one cpu and the label `name=true`. */
export const PRESETS: Readonly<Record<string, Amounts>> = {
  GENERAL: { cpuMillis: 1_000, memoryBytes: 0, gpus: 0 },
  GPU: { cpuMillis: 1_000, memoryBytes: 0, gpus: 1 },
  HIGH_MEM: { cpuMillis: 1_000, memoryBytes: 16 * GIB, gpus: 0 },
};

/** Amounts that were asked for by themselves. A field that is absent is taken from the preset. */
export interface AskedAmounts {
  readonly cpuMillis?: number | undefined;
  readonly memoryBytes?: number | undefined;
  readonly gpus?: number | undefined;
  readonly gpuModel?: string | null | undefined;
  readonly gpuMemoryBytes?: number | undefined;
  readonly labels?: Labels | undefined;
}

/**
 * What a job asks for, from a preset's name (`GENERAL` where absent) and amounts, which win over the preset.
 * A model or a memory of a gpu asks for one gpu where their number is left open.
 */
export function resolveRequirement(preset: string | null | undefined, asked: AskedAmounts = {}): Requirement {
  const name = preset ?? "GENERAL";
  const known = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  const base = known ?? PRESETS.GENERAL!;
  const wantsGpu = (asked.gpuModel ?? null) !== null || (asked.gpuMemoryBytes ?? 0) > 0;
  return {
    cpuMillis: asked.cpuMillis ?? base.cpuMillis,
    memoryBytes: asked.memoryBytes ?? base.memoryBytes,
    gpus: asked.gpus ?? (wantsGpu ? Math.max(1, base.gpus) : base.gpus),
    gpuModel: asked.gpuModel ?? null,
    gpuMemoryBytes: asked.gpuMemoryBytes ?? 0,
    labels: known ? (asked.labels ?? {}) : { [name]: "true", ...asked.labels },
  };
}
