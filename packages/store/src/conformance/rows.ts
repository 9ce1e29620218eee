/** Rows for the tests of stores: every field set, or every field at its emptiest. */
import type { Attempt, Change, Exit, Follow, Job, Node } from "@titan/core";
import type { Batch } from "../store.ts";

export const EXIT: Exit = {
  cause: "signal",
  code: null,
  signal: "SIGSEGV",
  message: "it 'died' \"badly\" — ☠",
  maxRssBytes: 2 ** 40,
  cpuMs: 12.25,
};

export function job(id: string, seq: number, more: Partial<Job> = {}): Job {
  return {
    id,
    seq,
    name: `job-${seq}`,
    runId: null,
    series: null,
    ownerId: null,
    requirement: { cpuMillis: 1_000, memoryBytes: 0, gpus: 0, gpuModel: null, gpuMemoryBytes: 0, labels: {} },
    parents: [],
    upstream: [],
    affinity: "none",
    priority: 1,
    retry: { max: 0, backoffMs: 1_000 },
    timeoutMs: null,
    queueTimeoutMs: null,
    graceMs: 5_000,
    delayMs: 0,
    submittedAt: 1_700_000_000_000,
    state: "waiting",
    attempt: 0,
    readyAt: null,
    notBefore: 0,
    nodeId: null,
    devices: [],
    startedAt: null,
    finishedAt: null,
    cancel: null,
    exit: null,
    note: "",
    ...more,
  };
}

/** Every field differs from what `job` gives. */
export function fullJob(id: string, seq: number): Job {
  return job(id, seq, {
    name: "träin_model",
    runId: "run-1",
    series: "series/ü\u0001",
    ownerId: "owner:1",
    requirement: {
      cpuMillis: 2_500,
      memoryBytes: 2 ** 50,
      gpus: 2,
      gpuModel: "A100",
      gpuMemoryBytes: 80 * 2 ** 30,
      labels: { zone: "eu'west", fast: "true" },
    },
    parents: ["p1", "p2"],
    upstream: ["u1"],
    affinity: "required",
    priority: -7,
    retry: { max: 3, backoffMs: 250 },
    timeoutMs: 60_000,
    queueTimeoutMs: 30_000,
    graceMs: 0,
    delayMs: 5,
    submittedAt: 1_700_000_000_001.5,
    state: "running",
    attempt: 2,
    readyAt: 1_700_000_000_002.25,
    notBefore: 1_700_000_000_003,
    nodeId: "node-1",
    devices: [0, 3],
    startedAt: 1_700_000_000_004,
    cancel: "owner-gone",
    note: "a note\nof two lines",
  });
}

export function ended(
  row: Job,
  state: "succeeded" | "failed" | "cancelled",
  finishedAt: number,
  nodeId: string | null,
): Job {
  return { ...row, state, finishedAt, nodeId, exit: EXIT };
}

export function attempt(jobId: string, number: number, more: Partial<Attempt> = {}): Attempt {
  return {
    jobId,
    number,
    nodeId: "node-1",
    devices: [],
    state: "starting",
    placedAt: 1_700_000_000_000,
    startedAt: null,
    exitedAt: null,
    endedAt: null,
    exit: null,
    logBytes: null,
    ...more,
  };
}

export function node(id: string, more: Partial<Node> = {}): Node {
  return {
    id,
    name: `name-of-${id}`,
    capacity: {
      cpuMillis: 4_000,
      memoryBytes: 8 * 2 ** 30,
      devices: [{ index: 0, vendor: "nvidia", model: "A100", memoryBytes: 80 * 2 ** 30, uuid: "GPU-1" }],
    },
    labels: { os: "linux" },
    admission: "open",
    about: { host: "h" },
    bootId: "boot-1",
    connected: true,
    joinedAt: 1,
    silentAt: null,
    ...more,
  };
}

export function follow(name: string, follower: string, gpus = 0): Follow {
  return {
    series: "s",
    name,
    follower,
    requirement: { cpuMillis: 1_000, memoryBytes: 0, gpus, gpuModel: null, gpuMemoryBytes: 0, labels: {} },
  };
}

export function batch(
  rows: { jobs?: Job[]; attempts?: Attempt[]; nodes?: Node[]; follows?: Follow[] } & Partial<Batch>,
): Batch {
  const changes: Change[] = [
    ...(rows.jobs ?? []).map((row): Change => ({ table: "jobs", row })),
    ...(rows.attempts ?? []).map((row): Change => ({ table: "attempts", row })),
    ...(rows.nodes ?? []).map((row): Change => ({ table: "nodes", row })),
    ...(rows.follows ?? []).map((row): Change => ({ table: "follows", row })),
    ...(rows.changes ?? []),
  ];
  return { changes, payloads: rows.payloads ?? [], submissions: rows.submissions ?? [] };
}
