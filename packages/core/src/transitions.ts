import type { AttemptState, JobState } from "./model.ts";

/** Which state may follow which, as data: code, documentation and store are checked against the same table. */
export const NEXT_JOB: Readonly<Record<JobState, readonly JobState[]>> = {
  waiting: ["running", "failed", "cancelled"],
  running: ["waiting", "succeeded", "failed", "cancelled"],
  succeeded: [],
  failed: [],
  cancelled: [],
};

/** A report is always the whole present state, so the ones between may never have been seen. */
export const NEXT_ATTEMPT: Readonly<Record<AttemptState, readonly AttemptState[]>> = {
  starting: ["running", "exited", "ended"],
  running: ["exited", "ended"],
  exited: ["ended"],
  ended: [],
};

/** Whether a job in this state will never change again. */
export function isFinished(state: JobState): boolean {
  return state !== "waiting" && state !== "running";
}

/** Whether an attempt in this state holds its cpus, memory and devices. */
export function holdsResources(state: AttemptState): boolean {
  return state === "starting" || state === "running";
}

/** Throws on a step that the table does not have: that is a bug of ours and never something that a user did. */
export function assertStep<S extends string>(
  table: Readonly<Record<S, readonly S[]>>,
  from: S,
  to: S,
  what: string,
): void {
  if (from !== to && !table[from].includes(to)) throw new Error(`${what} may not go from ${from} to ${to}`);
}
