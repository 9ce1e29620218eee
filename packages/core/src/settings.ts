import type { Job } from "./model.ts";

/** What an operator may change of the rules. Durations in milliseconds. */
export interface Settings {
  /** How long a silent node keeps the attempts of jobs that Titan may run again. */
  readonly leaseMs: number;
  /** How long it keeps the others: long enough for a laptop to sleep without losing a training. */
  readonly lostAfterMs: number;
}

/**
 * How long an attempt goes on without a word between its node and the master; then the node ends it. Longer for what
 * Titan may not run again: the node may only be asleep.
 */
export function heldMs(job: Pick<Job, "retry">, settings: Settings): number {
  return job.retry.max > 0 ? settings.leaseMs : settings.lostAfterMs;
}

/** Grace of a job that its node ends because the master stays away: the master counts on it, so it is short. */
export const LOST_GRACE_MS = 500;

export const DEFAULT_SETTINGS: Settings = { leaseMs: 10_000, lostAfterMs: 900_000 };
