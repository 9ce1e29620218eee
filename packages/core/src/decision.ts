import type { Attempt, Exit, FinishedJob, Follow, Job, LogBytes, Node } from "./model.ts";

/** What may be asked of the core. Whoever asks has read the clock and made the ids: the core does neither. */
export type Command =
  | { readonly type: "submit"; readonly jobs: readonly NewJob[]; readonly known: readonly FinishedJob[] }
  | {
      readonly type: "cancel";
      readonly jobIds: readonly string[];
      readonly cause: "cancelled" | "owner-gone";
    }
  | { readonly type: "node-joined"; readonly node: NewNode; readonly attempts: readonly Report[] }
  | { readonly type: "node-silent"; readonly nodeId: string }
  /** Memory has just been loaded: nobody knows how long the master was away, so every node counts as silent from now. */
  | { readonly type: "loaded" }
  | { readonly type: "report"; readonly nodeId: string; readonly report: Report }
  /** The master holds every byte of the attempt's log. */
  | { readonly type: "log-whole"; readonly jobId: string; readonly number: number }
  | { readonly type: "place" }
  | { readonly type: "tick" };

/** A job as submitted: ids are made, names of parents and upstream are resolved to ids (of `known` or of this batch). */
export type NewJob = Pick<
  Job,
  | "id"
  | "name"
  | "runId"
  | "series"
  | "ownerId"
  | "requirement"
  | "parents"
  | "upstream"
  | "affinity"
  | "priority"
  | "retry"
  | "timeoutMs"
  | "queueTimeoutMs"
  | "graceMs"
  | "delayMs"
>;

export type NewNode = Pick<Node, "id" | "name" | "capacity" | "labels" | "about" | "bootId">;

/** What a node says of one attempt: always the whole present state, so a later one makes an earlier one needless. */
export interface Report {
  readonly jobId: string;
  readonly number: number;
  readonly state: "starting" | "running" | "exited";
  readonly startedAt: number | null;
  readonly exitedAt: number | null;
  readonly exit: Exit | null;
  readonly logBytes: LogBytes | null;
}

/** A row to write. The same list is applied to memory and committed to the store, in this order. */
export type Change =
  | { readonly table: "jobs"; readonly row: Job }
  | { readonly table: "attempts"; readonly row: Attempt }
  | { readonly table: "nodes"; readonly row: Node }
  | { readonly table: "follows"; readonly row: Follow };

/** A message that may be lost or repeated without harm; sent only after the changes are committed. */
export type Effect =
  /** Start this attempt. Repeated on reconnect; a node that has it already ignores it. */
  | { readonly type: "start"; readonly nodeId: string; readonly job: Job; readonly notes: readonly string[] }
  /** End this attempt: polite signal, `graceMs`, deadly signal. */
  | {
      readonly type: "stop";
      readonly nodeId: string;
      readonly jobId: string;
      readonly number: number;
      readonly cause: Exit["cause"];
      readonly graceMs: number;
    }
  /** The node may forget this attempt: its end is committed. */
  | { readonly type: "forget"; readonly nodeId: string; readonly jobId: string; readonly number: number };

export interface Rejection {
  readonly code: "duplicate-job" | "unknown-parent" | "dependency-cycle" | "job-not-found" | "stale-attempt";
  readonly message: string;
  readonly hint: string;
  /** Path of the field at fault, such as `jobs[3].parents[0]`. */
  readonly field: string | null;
}

export type Decision =
  | {
      readonly changes: readonly Change[];
      readonly effects: readonly Effect[];
      readonly rejected?: undefined;
    }
  | { readonly changes: readonly []; readonly effects: readonly []; readonly rejected: Rejection };
