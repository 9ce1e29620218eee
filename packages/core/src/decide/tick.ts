import type { Decision } from "../decision.ts";
import type { Draft } from "../draft.ts";
import { formatDuration } from "../explain/units.ts";
import { reasonOf } from "../explain.ts";
import type { Attempt, Job } from "../model.ts";
import type { Settings } from "../settings.ts";
import { DEFAULT_SETTINGS, heldMs, LOST_GRACE_MS } from "../settings.ts";
import { isDelayed, type State } from "../state.ts";
import { isFinished } from "../transitions.ts";
import { endAttempt, endWithout, finishJob } from "./outcome.ts";

/** Everything that only time brings about: ends of delays and back-offs, queue timeouts, attempts that are lost. */
export function tick(draft: Draft, settings: Settings): Decision {
  const { state, now } = draft;
  for (const id of state.deadlines.due(now)) {
    const job = draft.job(id);
    if (job === undefined || isFinished(job.state)) continue;
    // Not back to `notBefore`: a master that was away meanwhile must not take that for time spent in the queue.
    if (isDelayed(job)) draft.putJob({ ...job, readyAt: now });
    else finishJob(draft, job, "failed", endWithout("queue-timeout", timeoutLine(state, job, now)));
  }
  for (const nodeId of state.silent) {
    for (const jobId of state.use.get(nodeId)?.attempts ?? []) {
      const job = state.jobs.get(jobId);
      const attempt = state.attempts.get(jobId);
      if (job === undefined || attempt === undefined) continue;
      if (lostAt(state, job, attempt, settings) <= now) endLost(draft, job, attempt);
    }
  }
  return draft.done();
}

/** When `tick` has something to do next, in milliseconds since the epoch; null while nothing waits for time alone. */
export function nextDeadline(state: State, settings: Settings = DEFAULT_SETTINGS): number | null {
  let next = state.deadlines.min() ?? Infinity;
  for (const nodeId of state.silent) {
    for (const jobId of state.use.get(nodeId)?.attempts ?? []) {
      const job = state.jobs.get(jobId);
      const attempt = state.attempts.get(jobId);
      if (job && attempt) next = Math.min(next, lostAt(state, job, attempt, settings));
    }
  }
  return next === Infinity ? null : next;
}

/** Messages that were on their way when the link broke, and a kill that takes its time. */
const MARGIN_MS = 500;
/** A tenth more for drift: two clocks that each run wrong by up to 5 %. */
const DRIFT_PART = 10;

/** When the node must have ended the attempt by itself: its time is over there, and the grace of its end. */
function lostAt(state: State, job: Job, attempt: Attempt, settings: Settings): number {
  const silentAt = state.nodes.get(attempt.nodeId)?.silentAt ?? 0;
  const held = heldMs(job, settings);
  return silentAt + held + Math.ceil(held / DRIFT_PART) + LOST_GRACE_MS + MARGIN_MS;
}

function endLost(draft: Draft, job: Job, attempt: Attempt): void {
  const node = draft.state.nodes.get(attempt.nodeId);
  const silentMs = draft.now - (node?.silentAt ?? draft.now);
  const message = `its node ${node?.name ?? attempt.nodeId} has been silent for ${formatDuration(silentMs)}`;
  // It had ended before the node fell silent: only the rest of its log is lost.
  const exit =
    attempt.state === "exited" && attempt.exit !== null ? attempt.exit : endWithout("node-lost", message);
  endAttempt(draft, job, attempt, exit);
}

function timeoutLine(state: State, job: Job, now: number): string {
  return `found no place in ${formatDuration(job.queueTimeoutMs ?? 0)}: ${reasonOf(state, job.id, now)}`;
}
