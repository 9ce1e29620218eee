/**
 * What a store must do. It holds the rows that the core decides and the few things that the core never looks at
 * (payloads, idempotency keys, uploads). SQL lives behind this interface only; no rule does.
 */
import type { Attempt, Change, FinishedJob, Follow, Job, JobState, Node } from "@titan/core";

/**
 * Everything of one group commit: all of it is stored, durably, or none. Of several changes of one row the last counts.
 * The job of an attempt or a payload is in the same batch or in the store already; a batch without it is refused.
 */
export interface Batch {
  readonly changes: readonly Change[];
  readonly payloads: readonly PayloadRow[];
  readonly submissions: readonly SubmissionRow[];
}

/** `payload` is JSON text: the store never looks inside. */
export interface PayloadRow {
  readonly jobId: string;
  readonly payload: string;
}

/** The answer that an idempotency key was given, and the hash of what it was given for. */
export interface SubmissionRow {
  readonly key: string;
  readonly bodySha256: string;
  readonly answer: string;
  readonly at: number;
}

/** What the core needs in memory after a start: unfinished jobs, live attempts, nodes, follows, the newest finished jobs. */
export interface Snapshot {
  readonly jobs: readonly Job[];
  readonly attempts: readonly Attempt[];
  readonly nodes: readonly Node[];
  readonly follows: readonly Follow[];
  readonly finished: readonly FinishedJob[];
  /** Highest `seq` ever given; 0 in an empty store. */
  readonly lastSeq: number;
}

export interface JobFilter {
  readonly states?: readonly JobState[];
  readonly runId?: string;
  readonly name?: string;
  /** Only jobs with a lower `seq`: the cursor of a listing, newest first. */
  readonly belowSeq?: number;
  readonly limit: number;
}

export interface Store {
  load(finishedLimit: number): Promise<Snapshot>;
  /** Resolves when the batch is durable. Rejects when it is not, or when that is not known. */
  commit(batch: Batch): Promise<void>;

  job(id: string): Promise<Job | null>;
  /** Ids that start with `prefix`, at most `limit`. */
  jobIds(prefix: string, limit: number): Promise<string[]>;
  /** Newest first. */
  jobs(filter: JobFilter): Promise<Job[]>;
  attempts(jobId: string): Promise<Attempt[]>;
  /** The job of the run that finished last, by (`finishedAt`, `seq`), of those that had a node; null where none has. */
  lastFinished(runId: string): Promise<FinishedJob | null>;
  runCounts(runId: string): Promise<Partial<Record<JobState, number>>>;
  counts(): Promise<Partial<Record<JobState, number>>>;
  payloads(jobIds: readonly string[]): Promise<Map<string, string>>;
  submission(key: string): Promise<SubmissionRow | null>;
  putUpload(name: string, files: string, at: number): Promise<void>;
  upload(name: string): Promise<string | null>;
  close(): Promise<void>;
}

/** A store that several masters have open: all may read, and the one with the current term may write. */
export interface FencedStore extends Store {
  /**
   * Makes this store the one that may write, from now on and instead of any other: their commits reject with a
   * `StoreError` deposed from then on and change nothing, and none of them is under way any more when this resolves.
   * Higher than every term before.
   */
  acquireTerm(): Promise<number>;
  /** The term under which this store writes, current or not; null before `acquireTerm`. `load` takes a higher one. */
  readonly term: number | null;
}
