import { type Change, isFinished, type JobState, type State } from "@titan/core";

/** How many jobs of a run are in each state. All zero: there is no such run. */
export type RunCounts = Readonly<Record<JobState, number>>;

type Ended = { succeeded: number; failed: number; cancelled: number };

export function unfinishedOf(state: State, runId: string): number {
  return state.runs.get(runId)?.live.size ?? 0;
}

/**
 * Ended jobs of the runs that somebody asked about and that are still going on, counted along with every change, so
 * that asking about a run of 20,000 jobs reads the store once and not each time.
 */
export class RunTally {
  readonly #ended = new Map<string, Ended>();

  /** Takes the changes in the moment that memory takes them. */
  note(changes: readonly Change[]): void {
    if (this.#ended.size === 0) return;
    for (const change of changes) {
      if (change.table !== "jobs" || change.row.runId === null) continue;
      const ended = this.#ended.get(change.row.runId);
      if (ended !== undefined && isFinished(change.row.state)) ended[change.row.state as keyof Ended] += 1;
    }
  }

  /** What memory says of the run, or null where its ended jobs were not read yet. */
  counts(state: State, runId: string): RunCounts | null {
    const ended = this.#ended.get(runId);
    if (ended === undefined) return null;
    let running = 0;
    const live = state.runs.get(runId)?.live ?? [];
    for (const id of live) if (state.jobs.get(id)?.state === "running") running += 1;
    return { ...ended, running, waiting: unfinishedOf(state, runId) - running };
  }

  /** Begins to count from what the store has; `ahead` is what memory has beyond that. */
  begin(runId: string, stored: RunCounts, ahead: readonly Change[]): void {
    const { succeeded, failed, cancelled } = stored;
    this.#ended.set(runId, { succeeded, failed, cancelled });
    const ofRun = (change: Change) => change.table === "jobs" && change.row.runId === runId;
    this.note(ahead.filter(ofRun));
  }

  end(runId: string): void {
    this.#ended.delete(runId);
  }

  clear(): void {
    this.#ended.clear();
  }
}

export function allStates(counts: Partial<Record<JobState, number>>): RunCounts {
  return { waiting: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, ...counts };
}
