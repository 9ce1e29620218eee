/** What the checks know, and from whom: rows from committed batches, processes from the launchers, answers from clients. */
import type { Attempt, Job, Node } from "@titan/core";
import type { Batch } from "@titan/store";
import type { Process, ProcessEnd } from "./launcher.ts";

export interface Outcome extends ProcessEnd {
  readonly nodeId: string;
}

export class Ledger {
  readonly jobs = new Map<string, Job>();
  /** By `<jobId>.<number>`. */
  readonly attempts = new Map<string, Attempt>();
  readonly nodes = new Map<string, Node>();
  readonly running = new Set<Process>();
  /** How processes ended, by key. */
  readonly outcomes = new Map<string, Outcome>();
  readonly acknowledged = new Set<string>();
  /** Jobs whose cancel was acknowledged: during which attempt, and when. */
  readonly cancelled = new Map<string, { readonly attempt: number; readonly at: number }>();
  /** When each node said hello last. */
  readonly joined = new Map<string, number>();
  masterSince = 0;

  take(batch: Batch, now: number): void {
    for (const change of batch.changes) {
      if (change.table === "jobs") this.jobs.set(change.row.id, change.row);
      else if (change.table === "attempts") this.attempts.set(keyOf(change.row), change.row);
      else if (change.table === "nodes") {
        this.nodes.set(change.row.id, change.row);
        if (change.row.connected) this.joined.set(change.row.id, now);
      }
    }
  }
}

export function keyOf({ jobId, number }: { readonly jobId: string; readonly number: number }): string {
  return `${jobId}.${number}`;
}

export function jobOfKey(key: string): string {
  return key.slice(0, key.lastIndexOf("."));
}
