import { isFinished, type Job } from "@titan/core";
import type { Logger } from "pino";
import type { Engine } from "../engine/engine.ts";

/** Where a submission names none. */
export const OWNER_GRACE_MS = 30_000;

interface Owner {
  graceMs: number;
  sessions: number;
  /** Runs while no session is open. */
  timer: NodeJS.Timeout | null;
}

/**
 * Jobs that belong to a process, such as a Dagster step: without an open session of their owner for its grace, they are
 * cancelled. Kept in memory only, so the time counts only while the master serves, and afresh after each start.
 */
export class Owners {
  readonly #engine: Engine;
  readonly #log: Pick<Logger, "info" | "error">;
  readonly #owners = new Map<string, Owner>();
  readonly #graceMs: number;
  #closed = false;

  /** Starts the grace of every owner of an unfinished job. */
  constructor(engine: Engine, log: Pick<Logger, "info" | "error">, graceMs: number = OWNER_GRACE_MS) {
    this.#engine = engine;
    this.#log = log;
    this.#graceMs = graceMs;
    for (const job of engine.state.jobs.values()) if (job.ownerId !== null) this.#wait(job.ownerId);
  }

  /** A job of this owner was taken: without a session within the grace it is cancelled. */
  submitted(id: string, graceMs: number | undefined): void {
    if (this.#closed) return;
    const owner = this.#owner(id);
    if (graceMs !== undefined && graceMs !== owner.graceMs) {
      owner.graceMs = graceMs;
      this.#stopTimer(owner);
    }
    this.#wait(id);
  }

  /** The owner is there until the function that is returned was called. */
  opened(id: string): () => void {
    const owner = this.#owner(id);
    owner.sessions += 1;
    this.#stopTimer(owner);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      owner.sessions -= 1;
      if (!this.#closed) this.#wait(id);
    };
  }

  /** Nobody is cancelled any more: from here on the master does not serve. */
  close(): void {
    this.#closed = true;
    for (const owner of this.#owners.values()) this.#stopTimer(owner);
  }

  #owner(id: string): Owner {
    let owner = this.#owners.get(id);
    if (owner === undefined) {
      owner = { graceMs: this.#graceMs, sessions: 0, timer: null };
      this.#owners.set(id, owner);
    }
    return owner;
  }

  #wait(id: string): void {
    const owner = this.#owner(id);
    if (owner.sessions > 0 || owner.timer !== null) return;
    owner.timer = setTimeout(() => this.#over(id), owner.graceMs);
    owner.timer.unref();
  }

  #stopTimer(owner: Owner): void {
    if (owner.timer !== null) clearTimeout(owner.timer);
    owner.timer = null;
  }

  #over(id: string): void {
    this.#owners.delete(id);
    const jobIds = this.#unfinishedOf(id).map((job) => job.id);
    if (jobIds.length === 0) return;
    this.#log.info({ owner: id, jobs: jobIds.length }, "an owner is gone: its jobs are cancelled");
    this.#engine.execute({ type: "cancel", jobIds, cause: "owner-gone" }).catch((error: unknown) => {
      this.#log.error(
        { err: error, owner: id },
        "could not cancel the jobs of an owner that is gone; trying again",
      );
      if (!this.#closed) this.#wait(id);
    });
  }

  #unfinishedOf(id: string): Job[] {
    return [...this.#engine.state.jobs.values()].filter(
      (job) => job.ownerId === id && !isFinished(job.state),
    );
  }
}
