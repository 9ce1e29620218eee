import type { Decision, Report } from "../decision.ts";
import type { Draft } from "../draft.ts";
import type { Attempt, Exit, Job, LogBytes } from "../model.ts";
import { endAttempt, endWithout } from "./outcome.ts";
import { stale } from "./reject.ts";

/**
 * What a node says of one attempt. A repeated or an earlier report changes nothing; one of an attempt that is no
 * longer the current one is rejected. The last report of a job that has finished is answered with `forget`.
 */
export function report(draft: Draft, nodeId: string, said: Report): Decision {
  const { state } = draft;
  const job = state.jobs.get(said.jobId);
  const attempt = state.attempts.get(said.jobId);
  const { jobId, number } = said;
  if (job === undefined && said.state === "exited" && state.finished.get(jobId)?.nodeId === nodeId) {
    draft.effects.push({ type: "forget", nodeId, jobId, number });
    return draft.done();
  }
  if (job === undefined || attempt === undefined) return stale(jobId, number);
  if (attempt.number !== number || attempt.nodeId !== nodeId) return stale(jobId, number);
  takeReport(draft, job, attempt, said);
  return draft.done();
}

/** The report is of this attempt: takes what is new in it. */
export function takeReport(draft: Draft, job: Job, attempt: Attempt, said: Report): void {
  if (said.state === "running" && attempt.state === "starting") {
    draft.putAttempt({ ...attempt, state: "running", startedAt: said.startedAt });
    draft.putJob({ ...job, startedAt: said.startedAt });
    return;
  }
  if (said.state !== "exited" || attempt.state === "exited") return;
  const exited: Attempt = {
    ...attempt,
    state: "exited",
    startedAt: said.startedAt ?? attempt.startedAt,
    exitedAt: said.exitedAt ?? draft.now,
    exit: exitOf(said),
    logBytes: said.logBytes,
  };
  // Most jobs print nothing: one step and one row less for them.
  if (isEmpty(said.logBytes)) endAttempt(draft, job, exited, exitOf(said));
  else draft.putAttempt(exited);
}

/** The master holds every byte of the attempt's log: the last thing that an attempt waits for. */
export function logWhole(draft: Draft, jobId: string, number: number): Decision {
  const job = draft.state.jobs.get(jobId);
  const attempt = draft.state.attempts.get(jobId);
  if (job === undefined || attempt === undefined || attempt.number !== number) return stale(jobId, number);
  if (attempt.state === "exited") endAttempt(draft, job, attempt, exitOf(attempt));
  return draft.done();
}

/** How it ended; a node that says "exited" without more has lost what it knew. */
export function exitOf(known: { readonly exit: Exit | null }): Exit {
  return known.exit ?? endWithout("node-lost", "its node could not tell how it ended");
}

function isEmpty(bytes: LogBytes | null): boolean {
  return bytes === null || (bytes.stdout === 0 && bytes.stderr === 0 && bytes.titan === 0);
}
