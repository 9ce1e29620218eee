/** What is committed: one result for each job, steps that exist, reports that are true, affinity and cancels kept. */
import { type Attempt, isFinished, type Job, NEXT_ATTEMPT, NEXT_JOB } from "@titan/core";
import { keyOf } from "../ledger.ts";
import type { Check, Wrong } from "./check.ts";

export function oneResult(wrong: Wrong): Check {
  return {
    storing(batch, ledger) {
      const jobs = new Map<string, Job>();
      const attempts = new Map<string, Attempt>();
      for (const change of batch.changes) {
        if (change.table === "jobs") {
          judgeJob(jobs.get(change.row.id) ?? ledger.jobs.get(change.row.id), change.row, wrong);
          jobs.set(change.row.id, change.row);
        } else if (change.table === "attempts") {
          const key = keyOf(change.row);
          judgeAttempt(attempts.get(key) ?? ledger.attempts.get(key), change.row, wrong);
          attempts.set(key, change.row);
        }
      }
    },
  };
}

function judgeJob(before: Job | undefined, row: Job, wrong: Wrong): void {
  if (before === undefined) return;
  if (isFinished(before.state)) wrong(`one result: ${row.id} was ${before.state} and became ${row.state}`);
  else if (before.state !== row.state && !NEXT_JOB[before.state].includes(row.state))
    wrong(`one result: ${row.id} went from ${before.state} to ${row.state}`);
  if (row.attempt < before.attempt) wrong(`one result: ${row.id} went back to attempt ${row.attempt}`);
  if (before.cancel !== null && row.attempt > before.attempt)
    wrong(`cancel: ${row.id} was cancelled and placed again`);
}

function judgeAttempt(before: Attempt | undefined, row: Attempt, wrong: Wrong): void {
  if (before === undefined) {
    if (row.state !== "starting") wrong(`one result: ${keyOf(row)} began as ${row.state}`);
    return;
  }
  if (before.state === "ended") wrong(`stale report: ${keyOf(row)} had ended and was written again`);
  else if (before.state !== row.state && !NEXT_ATTEMPT[before.state].includes(row.state))
    wrong(`one result: ${keyOf(row)} went from ${before.state} to ${row.state}`);
  if (before.nodeId !== row.nodeId) wrong(`one result: ${keyOf(row)} moved to ${row.nodeId}`);
}

/** What an attempt is said to have come to, its process really came to: so no late report of another was taken. */
export function reportsTrue(wrong: Wrong): Check {
  return {
    storing(batch, ledger) {
      for (const change of batch.changes) {
        if (change.table !== "attempts") continue;
        const { row } = change;
        const { exit } = row;
        if (exit === null || (exit.cause !== "exit" && exit.cause !== "signal")) continue;
        const outcome = ledger.outcomes.get(keyOf(row));
        if (outcome === undefined)
          wrong(`stale report: ${keyOf(row)} is said to have ended, and no process of it did`);
        else if (
          outcome.code !== exit.code ||
          outcome.signal !== exit.signal ||
          outcome.nodeId !== row.nodeId
        )
          wrong(
            `stale report: ${keyOf(row)} ended with ${outcome.code ?? outcome.signal}, not ${exit.code ?? exit.signal}`,
          );
      }
    },
    final(ledger) {
      for (const job of ledger.jobs.values()) {
        if (job.state !== "succeeded") continue;
        const outcome = ledger.outcomes.get(`${job.id}.${job.attempt}`);
        if (outcome?.code !== 0)
          wrong(`stale report: ${job.id} succeeded, its attempt ${job.attempt} ended with ${outcome?.code}`);
      }
    },
  };
}

export function affinityKept(wrong: Wrong): Check {
  return {
    storing(batch, ledger) {
      for (const change of batch.changes) {
        if (change.table !== "attempts" || ledger.attempts.has(keyOf(change.row))) continue;
        const job = ledger.jobs.get(change.row.jobId) ?? inBatch(batch.changes, change.row.jobId);
        const [parent] = job?.parents ?? [];
        if (job?.affinity !== "required" || parent === undefined) continue;
        const { nodeId } = inBatch(batch.changes, parent) ?? ledger.jobs.get(parent) ?? {};
        if (nodeId !== change.row.nodeId)
          wrong(`affinity: ${job.id} is on ${change.row.nodeId}, its parent was on ${nodeId}`);
      }
    },
  };
}

function inBatch(
  changes: Parameters<NonNullable<Check["storing"]>>[0]["changes"],
  id: string,
): Job | undefined {
  const change = changes.findLast((each) => each.table === "jobs" && each.row.id === id);
  return change?.table === "jobs" ? change.row : undefined;
}
