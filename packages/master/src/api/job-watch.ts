import type { Job } from "@titan/core";
import type { Engine } from "../engine/engine.ts";

/**
 * Tells who looks at a job that it has changed. One subscription for all viewers: a commit of 1,000 jobs must not be
 * gone through once for each of them.
 */
export class JobWatch {
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #unsubscribe: () => void;

  constructor(engine: Pick<Engine, "onCommitted">) {
    this.#unsubscribe = engine.onCommitted((jobs) => this.#tell(jobs));
  }

  /** Calls `listener` after each commit that changed the job. Returns the way out. */
  onChange(jobId: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(jobId) ?? new Set();
    this.#listeners.set(jobId, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(jobId) === listeners) this.#listeners.delete(jobId);
    };
  }

  close(): void {
    this.#unsubscribe();
  }

  #tell(jobs: readonly Job[]): void {
    if (this.#listeners.size === 0) return;
    for (const { id } of jobs) {
      for (const listener of this.#listeners.get(id) ?? []) listener();
    }
  }
}
