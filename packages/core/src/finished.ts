import type { FinishedJob } from "./model.ts";
import { endedAfter, type Memory, type Run } from "./state.ts";

/** Takes a finished job to hand; the oldest makes room for it. */
export function addFinished(memory: Memory, job: FinishedJob): void {
  const known = memory.finished.delete(job.id);
  memory.finished.set(job.id, job);
  if (job.runId !== null) {
    const run = runOf(memory, job.runId);
    if (!known) run.finished += 1;
    if (job.nodeId !== null && endedAfter(job, run.lastFinished)) run.lastFinished = job;
  }
  if (memory.finished.size > memory.finishedMax) forgetOldest(memory);
}

/** Looked at for each job that comes: enough that memory shrinks again once those that were followed are not. */
const TRIES = 8;

/** A run goes with the last of its jobs. A job that an unfinished one follows stays: its node is still wanted. */
function forgetOldest(memory: Memory): void {
  for (let tries = 0; tries < TRIES && memory.finished.size > memory.finishedMax; tries++) {
    const [oldest] = memory.finished.values();
    if (oldest === undefined) return;
    if (!memory.followers.has(oldest.id)) forget(memory, oldest);
    else {
      memory.finished.delete(oldest.id);
      memory.finished.set(oldest.id, oldest);
    }
  }
}

function forget(memory: Memory, oldest: FinishedJob): void {
  memory.finished.delete(oldest.id);
  const run = oldest.runId === null ? undefined : memory.runs.get(oldest.runId);
  if (oldest.runId === null || run === undefined) return;
  run.finished -= 1;
  if (run.finished === 0 && run.live.size === 0) memory.runs.delete(oldest.runId);
}

/** The run of this id, made if it is new. */
export function runOf(memory: Memory, id: string): Run {
  const known = memory.runs.get(id);
  if (known !== undefined) return known;
  const run: Run = { live: new Set(), lastFinished: null, finished: 0 };
  memory.runs.set(id, run);
  return run;
}
