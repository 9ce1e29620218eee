/** The shipped master on virtual time: it opens what lies on its disk, serves, and may die at any step. */
import { Engine, type EngineSettings, NodeLink } from "@titan/master/simulation";
import type { Batch, Store } from "@titan/store";
import { SimulatedFault } from "./faults.ts";
import { FaultyStore } from "./faulty-store.ts";
import { type LogDisk, MemoryLogs } from "./memory-logs.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";
import { ProcessClock, type Time } from "./time.ts";

export interface MasterParts {
  readonly time: Time;
  readonly random: Random;
  readonly network: Network;
  readonly store: Store;
  readonly logs: LogDisk;
  readonly settings: EngineSettings;
  readonly stored: (batch: Batch) => void;
  readonly started: () => void;
  readonly finding: (what: string) => void;
}

export class MasterProcess {
  readonly #parts: MasterParts;
  #clock: ProcessClock;
  #store: FaultyStore | null = null;
  #logs: MemoryLogs | null = null;
  engine: Engine | null = null;

  constructor(parts: MasterParts) {
    this.#parts = parts;
    this.#clock = new ProcessClock(parts.time);
    this.#clock.alive = false;
    this.start();
  }

  get faults(): { readonly store: FaultyStore; readonly logs: MemoryLogs } | null {
    return this.#store === null || this.#logs === null ? null : { store: this.#store, logs: this.#logs };
  }

  start(): void {
    if (this.#clock.alive) return;
    const { time, random, store, logs, stored } = this.#parts;
    const clock = new ProcessClock(time);
    this.#clock = clock;
    this.#store = new FaultyStore(store, clock, random, {
      stored,
      crash: () => this.crash(random.span(50, 2_000)),
    });
    this.#logs = new MemoryLogs(logs, clock, random);
    void this.#serve(clock, this.#store, this.#logs);
  }

  /** `kill -9`, and a start again after `downMs`. */
  crash(downMs: number): void {
    if (!this.#clock.alive) return;
    this.#clock.alive = false;
    this.engine = null;
    this.#store = null;
    this.#logs = null;
    this.#parts.network.masterDied();
    this.#parts.time.after(downMs, () => this.start());
  }

  async #serve(clock: ProcessClock, faulty: FaultyStore, logs: MemoryLogs): Promise<void> {
    const { settings, network, finding, started } = this.#parts;
    const log = {
      info: () => undefined,
      warn: (fields: unknown, message?: string) => this.#judge(fields, message),
      error: (fields: unknown, message?: string) => this.#judge(fields, message),
    } as unknown as ConstructorParameters<typeof NodeLink>[2];
    try {
      const engine = await Engine.open({ store: faulty.store, clock, settings, log });
      const link = new NodeLink(engine, logs, log);
      this.engine = engine;
      started();
      network.listener = { clock, accept: (socket) => link.accept(socket) };
    } catch (error) {
      finding(`the master could not start: ${error}`);
    }
  }

  /** Whatever the master complains of must be a fault that was made for it. */
  #judge(fields: unknown, message = ""): void {
    const { err } = fields as { err?: unknown };
    if (err === undefined) return;
    for (let cause: unknown = err; cause instanceof Error; cause = cause.cause) {
      if (cause instanceof SimulatedFault) return;
    }
    const code = (err as { code?: string }).code;
    // A session that was joining when the memory was thrown away, and a gap behind a piece that could not be written.
    if (code === "commit-unknown" || code === "bad-request" || code === "state-in-use") return;
    this.#parts.finding(`the master complains: ${message}: ${err instanceof Error ? err.stack : err}`);
  }
}
