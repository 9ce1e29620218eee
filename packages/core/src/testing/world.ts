import assert from "node:assert/strict";
import { apply } from "../apply.ts";
import { decide } from "../decide.ts";
import type { Command, Decision, Effect, NewJob, NewNode, Report } from "../decision.ts";
import { type Explanation, explain } from "../explain.ts";
import type { Cause, Device, Exit, FinishedJob, Job, Labels, LogBytes } from "../model.ts";
import { type AskedAmounts, resolveRequirement } from "../presets.ts";
import { DEFAULT_SETTINGS, type Settings } from "../settings.ts";
import { emptyState } from "../snapshot.ts";
import type { State } from "../state.ts";
import { checkState } from "./check-state.ts";

export const GIB = 1024 ** 3;
const NO_LOG: LogBytes = { stdout: 0, stderr: 0, titan: 0 };

/** A job of which only what matters to the test is said. Its id is its name, unless given. */
export type JobSketch = Partial<Omit<NewJob, "requirement">> & {
  readonly preset?: string;
  readonly asks?: AskedAmounts;
};

export interface NodeSketch {
  readonly cpus?: number;
  readonly memoryGib?: number;
  /** A number of equal devices, or the memory of each in GiB with its model. */
  readonly gpus?: number | readonly { readonly gib: number; readonly model: string }[];
  readonly labels?: Labels;
  readonly bootId?: string;
}

/** A master's memory with a clock of its own, driven by hand. Checks every invariant after every command. */
export class World {
  readonly state: State;
  readonly settings: Settings;
  now = 1_000_000;
  /** Effects of the last command. */
  effects: readonly Effect[] = [];
  #checked: boolean;

  constructor(options: { checked?: boolean; settings?: Settings; finishedMax?: number } = {}) {
    this.state = emptyState(options.finishedMax);
    this.settings = options.settings ?? DEFAULT_SETTINGS;
    this.#checked = options.checked ?? true;
  }

  /** Decides and applies. Everything decided is frozen first: later decisions may not change it. */
  try(command: Command): Decision {
    const decision = freeze(decide(this.state, command, this.now, this.settings));
    apply(this.state, decision.changes);
    this.effects = decision.effects;
    if (this.#checked) checkState(this.state, this.now);
    return decision;
  }

  run(command: Command): Decision {
    const decision = this.try(command);
    assert.equal(decision.rejected, undefined);
    return decision;
  }

  join(name: string, sketch: NodeSketch = {}, attempts: readonly Report[] = []): void {
    this.run({ type: "node-joined", node: newNode(name, sketch), attempts });
  }

  submit(...sketches: readonly (JobSketch & { readonly name: string })[]): void {
    this.run({ type: "submit", jobs: sketches.map(newJob), known: [] });
  }

  /** Names of the jobs that were placed, as `job@node`. */
  place(): string[] {
    return this.run({ type: "place" }).effects.flatMap((effect) =>
      effect.type === "start" ? [`${effect.job.name}@${effect.nodeId}`] : [],
    );
  }

  /** The whole life of an attempt from here on: it has exited and printed nothing. */
  exit(id: string, end: number | Cause = 0, logBytes = NO_LOG): Decision {
    return this.run({ type: "report", nodeId: this.job(id).nodeId!, report: this.exited(id, end, logBytes) });
  }

  exited(id: string, end: number | Cause = 0, logBytes = NO_LOG): Report {
    return { ...this.running(id), state: "exited", exitedAt: this.now, exit: exitOf(end), logBytes };
  }

  running(id: string): Report {
    const { now, state } = this;
    const number = state.jobs.get(id)?.attempt ?? 1;
    return {
      jobId: id,
      number,
      state: "running",
      startedAt: now,
      exitedAt: null,
      exit: null,
      logBytes: null,
    };
  }

  starts(id: string): void {
    this.run({ type: "report", nodeId: this.job(id).nodeId!, report: this.running(id) });
  }

  tick(): void {
    this.run({ type: "tick" });
  }

  job(id: string): Job {
    const job = this.state.jobs.get(id);
    assert.ok(job, `${id} is not unfinished`);
    return job;
  }

  finished(id: string): FinishedJob {
    const job = this.state.finished.get(id);
    assert.ok(job, `${id} is not finished: ${this.state.jobs.get(id)?.state}`);
    return job;
  }

  /** `succeeded`, or state, cause and message in one line. */
  end(id: string): string {
    const { state, exit } = this.finished(id);
    return state === "succeeded"
      ? state
      : `${state}: ${exit?.cause}${exit?.message ? `: ${exit.message}` : ""}`;
  }

  why(id: string): Explanation {
    const explanation = explain(this.state, id, this.now);
    assert.ok(explanation);
    return explanation;
  }

  reason(id: string): string {
    return this.why(id).reason;
  }
}

export function newJob(sketch: JobSketch & { readonly name: string }): NewJob {
  const { preset, asks, ...given } = sketch;
  return {
    id: sketch.name,
    runId: null,
    series: null,
    ownerId: null,
    requirement: resolveRequirement(preset, asks),
    parents: [],
    upstream: [],
    affinity: "none",
    priority: 1,
    retry: { max: 0, backoffMs: 1_000 },
    timeoutMs: null,
    queueTimeoutMs: null,
    graceMs: 5_000,
    delayMs: 0,
    ...given,
  };
}

export function newNode(name: string, sketch: NodeSketch = {}): NewNode {
  const gpus = sketch.gpus ?? 0;
  const sizes =
    typeof gpus === "number" ? Array.from({ length: gpus }, () => ({ gib: 24, model: "L4" })) : gpus;
  const devices = sizes.map(
    ({ gib, model }, index): Device => ({
      index,
      vendor: "declared",
      model,
      memoryBytes: gib * GIB,
      uuid: null,
    }),
  );
  const capacity = {
    cpuMillis: (sketch.cpus ?? 4) * 1_000,
    memoryBytes: (sketch.memoryGib ?? 32) * GIB,
    devices,
  };
  return {
    id: name,
    name,
    capacity,
    labels: sketch.labels ?? {},
    about: {},
    bootId: sketch.bootId ?? "boot",
  };
}

export function exitOf(end: number | Cause): Exit {
  const base = { message: "", maxRssBytes: 0, cpuMs: 0 };
  if (typeof end === "number") return { ...base, cause: "exit", code: end, signal: null };
  return { ...base, cause: end, code: null, signal: end === "launch-failed" ? null : "SIGKILL" };
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
  return value;
}
