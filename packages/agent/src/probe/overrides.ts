/** Hardware that the operator declares, in place of or beside what was found. */
import type { Capacity, Device, Labels } from "@titan/core";
import { TitanError } from "@titan/protocol";

export interface Overrides {
  readonly cpus?: number;
  readonly memoryBytes?: number;
  /** Fewer than found: the first ones. More than found: the rest is declared. */
  readonly gpus?: number;
  /** Of declared devices. */
  readonly gpuModel?: string;
  readonly gpuMemoryBytes?: number;
  /** Nothing real is offered: every device is declared, for trying things out. */
  readonly pretend?: boolean;
}

export interface NodeSpec {
  readonly name: string | null;
  readonly labels: Labels;
  readonly overrides: Overrides;
}

/** The found capacity with what the operator says instead. */
export function applyOverrides(found: Capacity, overrides: Overrides): Capacity {
  const real = overrides.pretend ? [] : found.devices;
  const wanted = overrides.gpus ?? real.length;
  const devices: Device[] = real.slice(0, wanted);
  let index = Math.max(-1, ...devices.map((device) => device.index));
  while (devices.length < wanted) {
    index += 1;
    const { gpuModel: model = "declared", gpuMemoryBytes: memoryBytes = 0 } = overrides;
    devices.push({ index, vendor: "declared", model, memoryBytes, uuid: null });
  }
  return {
    cpuMillis: overrides.cpus === undefined ? found.cpuMillis : Math.round(overrides.cpus * 1000),
    memoryBytes: overrides.memoryBytes ?? found.memoryBytes,
    devices,
  };
}

const KEYS = ["name", "gpus", "cpus", "mem", "memory", "gpu_model", "gpu_memory"] as const;

/** `name=x,gpus=1,cpus=4,mem=8G,gpu_model=A100,gpu_memory=80G,label.k=v`. Throws `usage` naming the part at fault. */
export function parseNodeSpec(text: string): NodeSpec {
  const fields: Partial<Record<(typeof KEYS)[number], string>> = {};
  const labels: Record<string, string> = {};
  for (const part of text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "")) {
    const at = part.indexOf("=");
    const key = at < 0 ? part : part.slice(0, at);
    const value = at < 0 ? "" : part.slice(at + 1);
    const known = KEYS.find((each) => each === key);
    if (key.startsWith("label.")) Object.assign(labels, parseLabel(part.slice("label.".length)));
    else if (known === undefined || at < 0 || value === "") {
      throw new TitanError(
        "usage",
        `"${part}" in the node "${text}" is not one of ${KEYS.join("=, ")}= or label.KEY=`,
      );
    } else fields[known] = value;
  }
  const memory = fields.mem ?? fields.memory;
  return {
    name: fields.name ?? null,
    labels,
    overrides: {
      pretend: true,
      gpus: fields.gpus === undefined ? 0 : wholeNumber("gpus", fields.gpus),
      ...(fields.cpus === undefined ? {} : { cpus: positive("cpus", fields.cpus) }),
      ...(memory === undefined ? {} : { memoryBytes: parseMemory(memory) }),
      ...(fields.gpu_model === undefined ? {} : { gpuModel: fields.gpu_model }),
      ...(fields.gpu_memory === undefined ? {} : { gpuMemoryBytes: parseMemory(fields.gpu_memory) }),
    },
  };
}

/** `fast` or `disk=ssd`: a label, `true` where no value is given. */
export function parseLabel(text: string): Labels {
  const at = text.indexOf("=");
  const key = at < 0 ? text : text.slice(0, at);
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(key))
    throw new TitanError("usage", `"${text}" is not a label`);
  return { [key]: at < 0 ? "true" : text.slice(at + 1) };
}

/** Bytes of `512M`, `8G`, `24GB`, `1.5T`: powers of 1024. Throws `usage`. */
export function parseMemory(text: string): number {
  const parts = text.trim().match(/^(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?$/i);
  const bytes = Math.round(Number(parts?.[1]) * 1024 ** " KMGT".indexOf(parts?.[2]?.toUpperCase() || " "));
  if (!(bytes > 0)) throw new TitanError("usage", `"${text}" is not an amount of memory such as 512M or 8G`);
  return bytes;
}

function wholeNumber(what: string, text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new TitanError("usage", `${what}=${text} is not a whole number`);
  return Number(text);
}

function positive(what: string, text: string): number {
  const value = Number(text);
  if (!(value > 0) || value > 100_000)
    throw new TitanError("usage", `${what}=${text} is not a number above 0`);
  return value;
}
