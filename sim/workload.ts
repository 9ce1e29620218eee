/** Jobs of every kind, submitted over time by a client that repeats what it got no answer to. */
import type { NewJob, NewNode } from "@titan/core";
import { type Behaviour, commandOf } from "./behaviour.ts";
import type { Random } from "./random.ts";

const GIB = 2 ** 30;

export interface Submission {
  readonly key: string;
  readonly atMs: number;
  readonly jobs: readonly NewJob[];
  readonly payloads: readonly { readonly jobId: string; readonly payload: string }[];
  /** Of these jobs some are cancelled, so long after. */
  readonly cancels: readonly { readonly jobId: string; readonly afterMs: number }[];
}

export function makeNodes(count: number, random: Random): NewNode[] {
  return Array.from({ length: count }, (_, at) => {
    const gpus = at === 0 ? 4 : random.pick([0, 0, 1, 2, 4]);
    const id = `node${at}`;
    return {
      id,
      name: id,
      capacity: {
        cpuMillis: at === 0 ? 8_000 : random.pick([2_000, 4_000, 8_000]),
        memoryBytes: (at === 0 ? 32 : random.pick([4, 16, 32])) * GIB,
        devices: Array.from({ length: gpus }, (_, index) => ({
          index,
          vendor: "declared" as const,
          model: random.pick(["L4", "A100"]),
          memoryBytes: (at === 0 ? 40 : random.pick([16, 40])) * GIB,
          uuid: null,
        })),
      },
      labels: at % 2 === 0 ? { zone: "a" } : { zone: "b" },
      about: {},
      bootId: "",
    };
  });
}

/** `retries`: whether jobs may be tried again; see `Faults` for what goes with it. */
export function makeWorkload(jobs: number, overMs: number, retries: boolean, random: Random): Submission[] {
  const submissions: Submission[] = [];
  const earlier: NewJob[] = [];
  for (let made = 0; made < jobs; ) {
    const size = Math.min(jobs - made, random.span(1, 12));
    const runId = random.chance(0.7) ? `run${random.int(0, 5)}` : null;
    const batch: NewJob[] = [];
    for (let at = 0; at < size; at++) {
      const parents = random.chance(0.5) ? [...batch, ...earlier].slice(-12) : [];
      batch.push(makeJob(`job${made + at}`, runId, parents, retries, random));
    }
    made += size;
    earlier.push(...batch);
    submissions.push({
      key: `key${submissions.length}`,
      atMs: random.int(0, overMs),
      jobs: batch,
      payloads: batch.map(({ id, name }) => ({ jobId: id, payload: payload(name, random) })),
      cancels: batch
        .filter(() => random.chance(0.12))
        .map(({ id }) => ({
          jobId: id,
          afterMs: random.chance(0.3) ? random.int(0, 20) : random.span(0, 20_000),
        })),
    });
  }
  // Parents are submitted before those that name them.
  const times = submissions.map(({ atMs }) => atMs).sort((a, b) => a - b);
  return submissions.map((submission, at) => ({ ...submission, atMs: times[at]! }));
}

function makeJob(
  id: string,
  runId: string | null,
  candidates: readonly NewJob[],
  retries: boolean,
  random: Random,
): NewJob {
  const parents = candidates.length > 0 && random.chance(0.6) ? [random.pick(candidates)] : [];
  const [parent] = parents;
  const affinity = random.pick(["none", "none", "preferred", "required"] as const);
  const gpus = random.chance(0.25) ? random.int(1, 2) : 0;
  return {
    id,
    name: id,
    runId,
    series: runId === null ? null : "series",
    ownerId: null,
    requirement: {
      cpuMillis: random.pick([0, 500, 1_000, 1_000, 2_000, 4_000]),
      memoryBytes: random.pick([0, 0, 1, 4, 8]) * GIB,
      gpus,
      gpuModel: null,
      gpuMemoryBytes: gpus > 0 && random.chance(0.3) ? 24 * GIB : 0,
      labels: random.chance(0.1) ? { zone: "a" } : {},
    },
    parents: parents.map((job) => job.id),
    upstream: [],
    // The check of `required` knows the one node that is meant only where there is one parent.
    affinity: affinity === "required" && parent === undefined ? "none" : affinity,
    priority: random.int(0, 2),
    retry: { max: retries && random.chance(0.6) ? random.int(1, 3) : 0, backoffMs: random.int(100, 2_000) },
    timeoutMs: random.chance(0.1) ? random.int(500, 6_000) : null,
    queueTimeoutMs: random.chance(0.05) ? random.int(1_000, 20_000) : null,
    graceMs: random.pick([0, 500, 5_000]),
    delayMs: random.chance(0.1) ? random.int(1, 5_000) : 0,
  };
}

function payload(name: string, random: Random): string {
  const prints = random.chance(0.5);
  const large = random.chance(0.02);
  const behaviour: Behaviour = {
    runMs: random.chance(0.1) ? random.span(20_000, 90_000) : random.span(20, 15_000),
    stdout: prints ? (large ? 300_000 : random.span(1, 5_000)) : 0,
    stderr: random.chance(0.2) ? random.span(1, 500) : 0,
    codes: random.pick([[0], [0], [0], [0], [1, 0], [3]]),
    yieldsAfterMs: random.chance(0.7) ? random.int(0, 300) : null,
    prepareMs: random.chance(0.2) ? random.span(1, 3_000) : 0,
    cannotStart: random.chance(0.01),
  };
  const command = commandOf(behaviour);
  return JSON.stringify({ command, script: null, args: [name], env: {}, python: null, files: [] });
}
