/** CPUs and memory that this process may really use: the machine's, its affinity, and its control groups' limits. */
import type { Evidence, Look } from "./look.ts";

export interface Machine {
  readonly cpus: number;
  /** CPUs that the scheduler lets this process run on. */
  readonly allowedCpus: number;
  readonly memoryBytes: number;
}

export interface Limits {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly evidence: readonly Evidence[];
}

const ROOT = "/sys/fs/cgroup";

/** Paths of this process in the control group hierarchies: `unified` (version 2), `cpu` and `memory` (version 1). */
export interface GroupPaths {
  readonly unified: string | null;
  readonly cpu: string | null;
  readonly memory: string | null;
}

/** Reads /proc/self/cgroup. */
export function parseGroups(text: string): GroupPaths {
  const found: { unified: string | null; cpu: string | null; memory: string | null } = {
    unified: null,
    cpu: null,
    memory: null,
  };
  for (const line of text.split("\n")) {
    const [id, controllers, ...rest] = line.split(":");
    const path = rest.join(":");
    if (id === "0" && controllers === "") found.unified = path;
    for (const name of controllers?.split(",") ?? []) {
      if (name === "cpu" || name === "memory") found[name] = path;
    }
  }
  return found;
}

/** `max 100000` or `150000 100000` of cpu.max; null means no limit. */
export function parseCpuMax(text: string): number | null {
  const [quota, period] = text.trim().split(/\s+/);
  return quota === "max" ? null : quotaMillis(quota, period);
}

/** cpu.cfs_quota_us and cpu.cfs_period_us of version 1; a quota of -1 means no limit. */
export function quotaMillis(quota: string | undefined, period: string | undefined): number | null {
  const [q, p] = [Number(quota), Number(period)];
  return q > 0 && p > 0 ? Math.floor((q / p) * 1000) : null;
}

/** memory.max or memory.limit_in_bytes; version 1 says "none" by a number near 2^63. */
export function parseMemoryLimit(text: string): number | null {
  const bytes = Number(text.trim());
  return Number.isFinite(bytes) && bytes > 0 && bytes < 2 ** 60 ? bytes : null;
}

/**
 * The folder of a group and all above it: any of them may hold the limit. In a container the path is the host's,
 * and what is mounted is the group itself: so the root is always looked at.
 */
export function groupFolders(mount: string, path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== "..");
  const folders = [mount];
  for (const part of parts) folders.push(`${folders.at(-1)}/${part}`);
  return folders.reverse();
}

export async function probeLimits(look: Look, machine: Machine): Promise<Limits> {
  const groups = parseGroups((await look.read("/proc/self/cgroup")) ?? "");
  const evidence: Evidence[] = [{ about: "cpu", looked: "processors", found: String(machine.cpus) }];
  if (machine.allowedCpus < machine.cpus) {
    evidence.push({ about: "cpu", looked: "CPU affinity", found: `${machine.allowedCpus} allowed` });
  }
  const cpu = await cpuLimit(look, groups);
  if (cpu !== null)
    evidence.push({ about: "cpu", looked: cpu.file, found: `limit of ${cpu.value / 1000} CPUs` });
  evidence.push({ about: "memory", looked: "memory", found: gib(machine.memoryBytes) });
  const memory = await memoryLimit(look, groups);
  if (memory !== null && memory.value < machine.memoryBytes) {
    evidence.push({ about: "memory", looked: memory.file, found: `limit of ${gib(memory.value)}` });
  }
  return {
    cpuMillis: Math.min(machine.allowedCpus * 1000, cpu?.value ?? Number.POSITIVE_INFINITY),
    memoryBytes: Math.min(machine.memoryBytes, memory?.value ?? Number.POSITIVE_INFINITY),
    evidence,
  };
}

interface Limit {
  readonly file: string;
  readonly value: number;
}

async function cpuLimit(look: Look, groups: GroupPaths): Promise<Limit | null> {
  const limits: Limit[] = [];
  for (const folder of groupFolders(ROOT, groups.unified ?? "")) {
    const value = parseCpuMax((await look.read(`${folder}/cpu.max`)) ?? "max");
    if (value !== null) limits.push({ file: `${folder}/cpu.max`, value });
  }
  for (const mount of [`${ROOT}/cpu`, `${ROOT}/cpu,cpuacct`]) {
    for (const folder of groupFolders(mount, groups.cpu ?? "")) {
      const file = `${folder}/cpu.cfs_quota_us`;
      const value = quotaMillis(
        (await look.read(file)) ?? "-1",
        (await look.read(`${folder}/cpu.cfs_period_us`)) ?? "0",
      );
      if (value !== null) limits.push({ file, value });
    }
  }
  return least(limits);
}

async function memoryLimit(look: Look, groups: GroupPaths): Promise<Limit | null> {
  const files = [
    ...groupFolders(ROOT, groups.unified ?? "").map((folder) => `${folder}/memory.max`),
    ...groupFolders(`${ROOT}/memory`, groups.memory ?? "").map((folder) => `${folder}/memory.limit_in_bytes`),
  ];
  const limits: Limit[] = [];
  for (const file of files) {
    const value = parseMemoryLimit((await look.read(file)) ?? "max");
    if (value !== null) limits.push({ file, value });
  }
  return least(limits);
}

function least(limits: readonly Limit[]): Limit | null {
  return limits.reduce<Limit | null>(
    (low, each) => (low === null || each.value < low.value ? each : low),
    null,
  );
}

export function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
