/** The flags that describe a job, the same for every command that submits one. */
import type { JobSpec } from "@titan/protocol";
import { TitanError } from "@titan/protocol";
import type { Flags, Values } from "./command.ts";
import { connect, findJob } from "./connect.ts";

export const JOB_FLAGS = {
  name: { type: "string", value: "NAME", help: "what it is called; else made from the command" },
  cpus: { type: "string", value: "N", help: "processors; fractions are allowed" },
  memory: { type: "string", value: "SIZE", help: "such as 512M or 16G" },
  gpus: { type: "string", value: "N", help: "devices" },
  "gpu-model": { type: "string", value: "NAME", help: "part of the device's name, such as A100" },
  "gpu-memory": { type: "string", value: "SIZE", help: "least memory of each device" },
  label: {
    type: "string",
    value: "K=V",
    multiple: true,
    help: "a label that the node must have; K alone means K=true",
  },
  requirement: { type: "string", value: "NAME", help: "GENERAL, GPU, HIGH_MEM, or a label" },
  affinity: { type: "string", value: "HOW", help: "preferred or required: the node of the job before it" },
  priority: { type: "string", value: "N", help: "higher goes first; 1 where absent" },
  timeout: { type: "string", value: "TIME", help: "ends it after that long: 90s, 10m, 2h" },
  "queue-timeout": { type: "string", value: "TIME", help: "fails it after waiting that long" },
  retries: { type: "string", value: "N", help: "attempts after the first that fails" },
  env: {
    type: "string",
    value: "K=V",
    multiple: true,
    help: "a variable of its environment; K alone takes yours",
  },
  python: { type: "string", value: "PATH", help: "interpreter on the node, for a Python script" },
  after: { type: "string", value: "JOB", multiple: true, help: "waits until that job has succeeded" },
  run: { type: "string", value: "ID", help: "puts it into that run" },
} as const satisfies Flags;

type JobFlags = Values<typeof JOB_FLAGS>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type JobFields = Partial<Mutable<Omit<JobSpec, "name" | "command" | "script">>>;

/** The fields of a job spec, all but what it runs. What numbers and sizes may be is the master's to say. */
export function jobFields(flags: JobFlags): JobFields {
  const fields: JobFields = {};
  if (flags.cpus !== undefined) fields.cpus = number("cpus", flags.cpus);
  if (flags.memory !== undefined) fields.memory = flags.memory;
  if (flags.gpus !== undefined) fields.gpus = number("gpus", flags.gpus);
  if (flags["gpu-model"] !== undefined) fields.gpu_model = flags["gpu-model"];
  if (flags["gpu-memory"] !== undefined) fields.gpu_memory = flags["gpu-memory"];
  if (flags.label.length > 0) fields.labels = Object.fromEntries(flags.label.map(label));
  if (flags.requirement !== undefined) fields.requirement = flags.requirement;
  if (flags.affinity !== undefined) fields.affinity = affinity(flags.affinity);
  if (flags.priority !== undefined) fields.priority = number("priority", flags.priority);
  if (flags.timeout !== undefined) fields.timeout_ms = milliseconds("timeout", flags.timeout);
  if (flags["queue-timeout"] !== undefined) {
    fields.queue_timeout_ms = milliseconds("queue-timeout", flags["queue-timeout"]);
  }
  if (flags.retries !== undefined) fields.retries = number("retries", flags.retries);
  if (flags.env.length > 0) fields.env = Object.fromEntries(flags.env.map(variable));
  if (flags.python !== undefined) fields.python = flags.python;
  return fields;
}

/** Ids of the jobs named by `--after`. Within a run its jobs' names count, which the master knows. */
export async function parentIds(
  flags: JobFlags & { url: string | undefined },
): Promise<{ parents?: string[] }> {
  if (flags.after.length === 0) return {};
  if (flags.run !== undefined) return { parents: [...flags.after] };
  const client = connect({ flags });
  return { parents: await Promise.all(flags.after.map(async (word) => (await findJob(client, word)).id)) };
}

export function number(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw badFlag(flag, text, "a number");
  return value;
}

/** `90`, `90s`, `10m`, `2h`, `1d`, `250ms`; seconds where it says nothing. */
export function milliseconds(flag: string, text: string): number {
  const parts = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  if (parts === null) throw badFlag(flag, text, "a time such as 90s, 10m or 2h");
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[parts[2] ?? "s"] ?? 1_000;
  return Math.round(Number(parts[1]) * unit);
}

function label(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, "true"] : [text.slice(0, at), text.slice(at + 1)];
}

function variable(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  const own = process.env[text];
  if (own === undefined) throw badFlag("env", text, "K=V, or the name of a variable that is set here");
  return [text, own];
}

function affinity(text: string): true | false | "required" {
  if (text === "required") return "required";
  if (text === "preferred" || text === "true") return true;
  if (text === "none" || text === "false") return false;
  throw badFlag("affinity", text, "preferred, required or none");
}

function badFlag(flag: string, text: string, wanted: string): TitanError {
  return new TitanError("usage", `--${flag} ${JSON.stringify(text)} is not ${wanted}`, {
    field: `--${flag}`,
  });
}
