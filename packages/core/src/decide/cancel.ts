import type { Decision } from "../decision.ts";
import type { Draft } from "../draft.ts";
import type { Job } from "../model.ts";
import { holdsResources } from "../transitions.ts";
import { endWithout, settleChildren } from "./outcome.ts";
import { reject } from "./reject.ts";

/**
 * Cancels jobs: waiting ones end at once, running ones when their process is gone. Finished ones are left as they are.
 * A success that comes before the stop wins.
 */
export function cancel(draft: Draft, jobIds: readonly string[], cause: "cancelled" | "owner-gone"): Decision {
  const { state } = draft;
  const unknown = jobIds.find((id) => !state.jobs.has(id) && !state.finished.has(id));
  if (unknown !== undefined) {
    return reject("job-not-found", `there is no job ${unknown}`, "titan ps -a lists the jobs.");
  }
  const ended: Job[] = [];
  for (const id of new Set(jobIds)) {
    const job = state.jobs.get(id);
    if (job?.state === "waiting") ended.push(endWaiting(draft, job, cause));
    else if (job?.state === "running") stopRunning(draft, job, cause);
  }
  // Only now the children: those that were named themselves are cancelled, not failed for their parent's sake.
  for (const job of ended) settleChildren(draft, job);
  return draft.done();
}

function endWaiting(draft: Draft, job: Job, cause: "cancelled" | "owner-gone"): Job {
  const row: Job = {
    ...job,
    state: "cancelled",
    cancel: cause,
    exit: endWithout(cause, ""),
    finishedAt: draft.now,
  };
  draft.putJob(row);
  return row;
}

function stopRunning(draft: Draft, job: Job, cause: "cancelled" | "owner-gone"): void {
  if (job.cancel === null) draft.putJob({ ...job, cancel: cause });
  const attempt = draft.state.attempts.get(job.id);
  if (attempt === undefined || !holdsResources(attempt.state)) return;
  const { nodeId, number } = attempt;
  draft.effects.push({
    type: "stop",
    nodeId,
    jobId: job.id,
    number,
    cause: job.cancel ?? cause,
    graceMs: job.graceMs,
  });
}
