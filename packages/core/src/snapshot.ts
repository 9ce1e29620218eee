import { apply } from "./apply.ts";
import type { Change } from "./decision.ts";
import { addFinished } from "./finished.ts";
import type { Attempt, FinishedJob, Follow, Job, Node } from "./model.ts";
import { emptyMemory, FINISHED_MAX, type Memory, type State } from "./state.ts";

/** The rows that a state is made of, as a store keeps them. */
export interface Rows {
  readonly jobs: readonly Job[];
  readonly attempts: readonly Attempt[];
  readonly nodes: readonly Node[];
  readonly follows: readonly Follow[];
  readonly finished: readonly FinishedJob[];
  /** Highest `seq` ever given. */
  readonly lastSeq: number;
}

/** `finishedMax`: how many finished jobs are kept at hand. */
export function emptyState(finishedMax = FINISHED_MAX): State {
  return emptyMemory(finishedMax);
}

/** The state whose rows these are. `jobs` are unfinished, `attempts` live; the order of either does not matter. */
export function fromSnapshot(rows: Rows, finishedMax = FINISHED_MAX): State {
  const state = emptyState(finishedMax);
  remember(
    state,
    [...rows.finished].sort((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0) || a.seq - b.seq),
  );
  const jobs = [...rows.jobs].sort((a, b) => a.seq - b.seq);
  apply(state, [
    ...rows.follows.map((row): Change => ({ table: "follows", row })),
    ...rows.nodes.map((row): Change => ({ table: "nodes", row })),
    ...jobs.map((row): Change => ({ table: "jobs", row })),
    ...rows.attempts.map((row): Change => ({ table: "attempts", row })),
  ]);
  (state as Memory).lastSeq = Math.max(state.lastSeq, rows.lastSeq);
  return state;
}

/**
 * Takes finished jobs to hand that had been forgotten, before a command that refers to them is decided: how a parent
 * that ended long ago still gives its node to affinity.
 */
export function remember(state: State, finished: readonly FinishedJob[]): void {
  for (const job of finished) if (!state.finished.has(job.id)) addFinished(state as Memory, job);
}
