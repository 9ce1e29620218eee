import type { Draft } from "../draft.ts";
import type { Attempt, Cause, Exit, Job, JobState } from "../model.ts";
import { isFinished } from "../transitions.ts";

/** A back-off doubles at each retry, up to this. */
const BACKOFF_MAX_MS = 86_400_000;
const NO_DEVICES: readonly number[] = [];

/** An end that no process came to: nothing ran, or nothing is known of how it ended. */
export function endWithout(cause: Cause, message: string): Exit {
  return { cause, code: null, signal: null, message, maxRssBytes: 0, cpuMs: 0 };
}

/** Ends a live attempt, and with it the job, unless the job is tried again. */
export function endAttempt(draft: Draft, job: Job, attempt: Attempt, exit: Exit): void {
  const { now } = draft;
  draft.putAttempt({ ...attempt, state: "ended", exitedAt: attempt.exitedAt ?? now, endedAt: now, exit });
  const { nodeId, jobId, number } = attempt;
  draft.effects.push({ type: "forget", nodeId, jobId, number });
  const end = endOf(job, number, exit);
  if (end !== null) {
    const startedAt = attempt.startedAt ?? job.startedAt;
    finishJob(draft, job.startedAt === startedAt ? job : { ...job, startedAt }, end.state, end.exit);
    return;
  }
  const backoff = Math.min(BACKOFF_MAX_MS, job.retry.backoffMs * 2 ** (number - 1));
  draft.putJob({
    ...job,
    state: "waiting",
    readyAt: now,
    notBefore: now + backoff,
    nodeId: null,
    devices: NO_DEVICES,
    startedAt: null,
    note: `attempt ${number} of ${job.retry.max + 1} ended: ${describeExit(exit)}`,
  });
}

/** What the end of this attempt makes of the job; null if it is tried again. */
function endOf(job: Job, number: number, exit: Exit): { state: JobState; exit: Exit } | null {
  if (exit.cause === "exit" && exit.code === 0) return { state: "succeeded", exit };
  if (job.cancel !== null) return { state: "cancelled", exit: { ...exit, cause: job.cancel } };
  if (exit.cause === "cancelled" || exit.cause === "owner-gone") return { state: "cancelled", exit };
  return number > job.retry.max ? { state: "failed", exit } : null;
}

/** Ends a job for good, and all that this decides about the jobs that wait for it. */
export function finishJob(draft: Draft, job: Job, state: JobState, exit: Exit): void {
  const row: Job = { ...job, state, exit, finishedAt: draft.now };
  draft.putJob(row);
  settleChildren(draft, row);
}

/** Lets the children of a finished job go ahead, or ends them and their own children. */
export function settleChildren(draft: Draft, finished: Job): void {
  const open = [finished];
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    for (const id of draft.state.children.get(parent.id) ?? []) {
      const child = draft.job(id);
      if (child === undefined || isFinished(child.state)) continue;
      if (parent.state === "succeeded") {
        if (draft.parentSucceeded(id) === 0) draft.putJob(readyNow(child, draft.now));
        continue;
      }
      const row: Job = {
        ...child,
        state: "failed",
        exit: endWithout("parent-failed", parentFailed(parent)),
        finishedAt: draft.now,
      };
      draft.putJob(row);
      open.push(row);
    }
  }
}

/** The job with nothing left to wait for but its delay and a place. */
export function readyNow(job: Job, now: number): Job {
  return { ...job, readyAt: now, notBefore: now + job.delayMs };
}

/** The line that a job gets whose parent did not succeed. */
export function parentFailed(parent: Pick<Job, "id" | "name" | "state">): string {
  return `${parent.name} (${parent.id}) ${parent.state === "cancelled" ? "was cancelled" : "failed"}`;
}

/** How an attempt ended, for people. */
export function describeExit(exit: Exit): string {
  if (exit.message !== "") return exit.message;
  if (exit.cause === "exit") return `exit code ${exit.code}`;
  if (exit.cause === "signal") return `signal ${exit.signal}`;
  return exit.cause;
}
