import type { Change, Decision, Effect } from "./decision.ts";
import type { Attempt, Job } from "./model.ts";
import type { State } from "./state.ts";

/** A decision in the making: what it has changed so far lies over a state that stays as it is. */
export class Draft {
  readonly state: State;
  readonly now: number;
  readonly changes: Change[] = [];
  readonly effects: Effect[] = [];
  #jobs: Map<string, Job> | null = null;
  #pending: Map<string, number> | null = null;

  constructor(state: State, now: number) {
    this.state = state;
    this.now = now;
  }

  /** The unfinished job as this decision leaves it; finished ones only if this decision finished them. */
  job(id: string): Job | undefined {
    return this.#jobs?.get(id) ?? this.state.jobs.get(id);
  }

  putJob(row: Job): void {
    this.#jobs ??= new Map();
    this.#jobs.set(row.id, row);
    this.changes.push({ table: "jobs", row });
  }

  putAttempt(row: Attempt): void {
    this.changes.push({ table: "attempts", row });
  }

  /** One parent less to wait for; answers how many are left. */
  parentSucceeded(childId: string): number {
    this.#pending ??= new Map();
    const left = (this.#pending.get(childId) ?? this.state.pending.get(childId) ?? 0) - 1;
    this.#pending.set(childId, left);
    return left;
  }

  done(): Decision {
    return { changes: this.changes, effects: this.effects };
  }
}
