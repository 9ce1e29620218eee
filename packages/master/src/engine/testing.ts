/** An engine over a real store, and the commands that tests give it. */
import type { Exit, LogBytes, NewJob, NewNode, Report } from "@titan/core";
import { openSqliteStore, type Store } from "@titan/store";
import { pino } from "pino";
import { systemClock } from "./clock.ts";
import { Engine } from "./engine.ts";
import { ENGINE_SETTINGS, type EngineSettings } from "./settings.ts";

export const SILENT = pino({ level: "silent" });

export interface OpenEngine {
  readonly engine: Engine;
  readonly store: Store;
  close(): Promise<void>;
}

/**
 * `place` is the path of a SQLite file, or opens another store. `wrap` puts something between engine and store, such as
 * a commit that fails.
 */
export async function openEngine(
  place: string | (() => Promise<Store>),
  settings: Partial<EngineSettings> = {},
  wrap: (store: Store) => Store = (store) => store,
): Promise<OpenEngine> {
  const opened = typeof place === "string" ? await openSqliteStore(place) : await place();
  const store = wrap(opened);
  const engine = await Engine.open({
    store,
    clock: systemClock,
    settings: { ...ENGINE_SETTINGS, ...settings },
    log: SILENT,
  });
  const close = async () => {
    await engine.close();
    await opened.close();
  };
  return { engine, store, close };
}

export function newJob(id: string, more: Partial<NewJob> = {}): NewJob {
  return {
    id,
    name: id,
    runId: null,
    series: null,
    ownerId: null,
    requirement: { cpuMillis: 1_000, memoryBytes: 0, gpus: 0, gpuModel: null, gpuMemoryBytes: 0, labels: {} },
    parents: [],
    upstream: [],
    affinity: "none",
    priority: 1,
    retry: { max: 0, backoffMs: 1 },
    timeoutMs: null,
    queueTimeoutMs: null,
    graceMs: 5_000,
    delayMs: 0,
    ...more,
  };
}

export function submit(...jobs: NewJob[]) {
  return { type: "submit", jobs, known: [] } as const;
}

export const PAYLOAD = { command: ["true"], script: null, args: [], env: {}, python: null, files: [] };

export function payloadsOf(jobs: readonly NewJob[]) {
  return jobs.map(({ id }) => ({ jobId: id, payload: JSON.stringify(PAYLOAD) }));
}

export function newNode(id: string, cpus = 4, gpus = 0): NewNode {
  const devices = Array.from({ length: gpus }, (_, index) => ({
    index,
    vendor: "declared" as const,
    model: "Test GPU",
    memoryBytes: 2 ** 34,
    uuid: null,
  }));
  const capacity = { cpuMillis: cpus * 1_000, memoryBytes: 2 ** 34, devices };
  return { id, name: id, capacity, labels: {}, about: {}, bootId: "boot" };
}

export const EXIT_0: Exit = { cause: "exit", code: 0, signal: null, message: "", maxRssBytes: 1, cpuMs: 1 };
export const NO_BYTES: LogBytes = { stdout: 0, stderr: 0, titan: 0 };

export function exited(jobId: string, number = 1, exit = EXIT_0, logBytes = NO_BYTES): Report {
  return { jobId, number, state: "exited", startedAt: 1, exitedAt: 2, exit, logBytes };
}
