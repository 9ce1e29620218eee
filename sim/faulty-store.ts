/** Between a master and its store: commits that take time, fail, or end without anybody knowing how. */
import type { Batch, Store } from "@titan/store";
import { never, SimulatedFault } from "./faults.ts";
import type { Random } from "./random.ts";
import type { ProcessClock } from "./time.ts";

/** What becomes of the next commit: `unknown` is stored and answered as failed. */
export type CommitFault = "fail" | "unknown" | "crash-before" | "crash-after";

export interface StoreWatch {
  /** The batch is in the store, whatever the master comes to know of it. */
  stored(batch: Batch): void;
  /** The fault wants the master to die now. */
  crash(): void;
}

export class FaultyStore {
  readonly store: Store;
  readonly #inner: Store;
  readonly #clock: ProcessClock;
  readonly #random: Random;
  readonly #watch: StoreWatch;
  next: CommitFault | null = null;
  slowUntil = 0;
  loadFails = false;

  constructor(inner: Store, clock: ProcessClock, random: Random, watch: StoreWatch) {
    this.#inner = inner;
    this.#clock = clock;
    this.#random = random;
    this.#watch = watch;
    const alive = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return (...args: A): Promise<R> => (this.#clock.alive ? call(...args) : never<R>());
    };
    this.store = {
      load: alive((limit) => this.#load(limit)),
      commit: alive((batch) => this.#commit(batch)),
      job: alive((id) => inner.job(id)),
      jobIds: alive((prefix, limit) => inner.jobIds(prefix, limit)),
      jobs: alive((filter) => inner.jobs(filter)),
      attempts: alive((id) => inner.attempts(id)),
      lastFinished: alive((id) => inner.lastFinished(id)),
      runCounts: alive((id) => inner.runCounts(id)),
      counts: alive(() => inner.counts()),
      payloads: alive((ids) => this.#wait().then(() => inner.payloads(ids))),
      submission: alive((key) => inner.submission(key)),
      putUpload: alive((name, files, at) => inner.putUpload(name, files, at)),
      upload: alive((name) => inner.upload(name)),
      close: async () => undefined,
    };
  }

  async #load(limit: number): ReturnType<Store["load"]> {
    if (this.loadFails) {
      this.loadFails = false;
      throw new SimulatedFault("the store cannot be read");
    }
    return this.#inner.load(limit);
  }

  async #commit(batch: Batch): Promise<void> {
    const fault = this.next;
    this.next = null;
    await this.#wait();
    if (fault === "fail") throw new SimulatedFault("the disk refused the commit");
    if (fault === "crash-before") return this.#die();
    await this.#inner.commit(batch);
    this.#watch.stored(batch);
    if (fault === "crash-after") return this.#die();
    if (this.#random.chance(0.2)) await this.#wait();
    if (fault === "unknown") throw new SimulatedFault("the answer to the commit was lost");
  }

  #wait(): Promise<void> {
    const slow = this.#clock.now() < this.slowUntil;
    const ms = slow ? this.#random.span(20, 1_000) : this.#random.int(0, 2);
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }

  #die(): Promise<void> {
    this.#watch.crash();
    return never();
  }
}
