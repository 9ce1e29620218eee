import type { Change, Effect, Job } from "@titan/core";
import type { PayloadRow, SubmissionRow } from "@titan/store";

interface Reply {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** What gathers in one turn of the event loop and is committed, released or refused as a whole. */
export class Group {
  readonly changes: Change[] = [];
  readonly effects: Effect[] = [];
  readonly payloads: PayloadRow[] = [];
  readonly submissions: SubmissionRow[] = [];
  readonly replies: Reply[] = [];
  /** Something was asked, even if nothing came of it. */
  touched = false;

  get storesNothing(): boolean {
    return this.changes.length === 0 && this.payloads.length === 0 && this.submissions.length === 0;
  }

  add(changes: readonly Change[], effects: readonly Effect[]): void {
    // Not push(...changes): a submission of 10,000 jobs would be that many arguments.
    for (const change of changes) this.changes.push(change);
    for (const effect of effects) this.effects.push(effect);
  }

  committed(): Promise<void> {
    return new Promise((resolve, reject) => this.replies.push({ resolve, reject }));
  }

  /** Each changed job once, as it is after the group. */
  jobs(): Job[] {
    const last = new Map<string, Job>();
    for (const change of this.changes) if (change.table === "jobs") last.set(change.row.id, change.row);
    return [...last.values()];
  }
}
