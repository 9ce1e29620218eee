/** Between the core's rows and columns of SQL, the same in every store: what is written reads back equal. */
import type { Attempt, Exit, FinishedJob, Job, JobState, LogBytes, Requirement } from "@titan/core";

/** What never changes of a job, apart from the columns that queries need. */
type Spec = Pick<
  Job,
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
  | "submittedAt"
>;

export const JOB_COLUMNS =
  "seq, id, name, run_id, spec, state, attempt, ready_at, not_before, node_id, devices, started_at, finished_at, cancel, exit, note";
export const FINISHED_COLUMNS = "seq, id, name, run_id, state, node_id, finished_at, exit";
export const ATTEMPT_COLUMNS =
  "jobs.id AS job_id, a.number, a.node_id, a.devices, a.state, a.placed_at, a.started_at, a.exited_at, a.ended_at, a.exit, a.log_bytes";

export interface JobRow {
  seq: number;
  id: string;
  name: string;
  run_id: string | null;
  spec: string;
  state: string;
  attempt: number;
  ready_at: number | null;
  not_before: number;
  node_id: string | null;
  devices: string;
  started_at: number | null;
  finished_at: number | null;
  cancel: string | null;
  exit: string | null;
  note: string;
}

export interface AttemptRow {
  job_id: string;
  number: number;
  node_id: string;
  devices: string;
  state: string;
  placed_at: number;
  started_at: number | null;
  exited_at: number | null;
  ended_at: number | null;
  exit: string | null;
  log_bytes: string | null;
}

export function specText(job: Job): string {
  const spec: Spec = {
    series: job.series,
    ownerId: job.ownerId,
    requirement: job.requirement,
    parents: job.parents,
    upstream: job.upstream,
    affinity: job.affinity,
    priority: job.priority,
    retry: job.retry,
    timeoutMs: job.timeoutMs,
    queueTimeoutMs: job.queueTimeoutMs,
    graceMs: job.graceMs,
    delayMs: job.delayMs,
    submittedAt: job.submittedAt,
  };
  return JSON.stringify(spec);
}

/** Most jobs hold no device or one: their text needs no JSON writer. */
export function devicesText(devices: readonly number[]): string {
  return devices.length === 0 ? "[]" : `[${devices.join(",")}]`;
}

function devicesOf(text: string): number[] {
  return text === "[]" ? [] : (JSON.parse(text) as number[]);
}

export function jsonOrNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

function parsed<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}

export function jobOf(row: JobRow): Job {
  return {
    ...(JSON.parse(row.spec) as Spec),
    id: row.id,
    seq: row.seq,
    name: row.name,
    runId: row.run_id,
    state: row.state as JobState,
    attempt: row.attempt,
    readyAt: row.ready_at,
    notBefore: row.not_before,
    nodeId: row.node_id,
    devices: devicesOf(row.devices),
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    cancel: row.cancel as Job["cancel"],
    exit: parsed<Exit>(row.exit),
    note: row.note,
  };
}

export function finishedOf(
  row: Pick<JobRow, "seq" | "id" | "name" | "run_id" | "state" | "node_id" | "finished_at" | "exit">,
): FinishedJob {
  return {
    id: row.id,
    seq: row.seq,
    name: row.name,
    runId: row.run_id,
    state: row.state as JobState,
    nodeId: row.node_id,
    finishedAt: row.finished_at,
    exit: parsed<Exit>(row.exit),
  };
}

export function attemptOf(row: AttemptRow): Attempt {
  return {
    jobId: row.job_id,
    number: row.number,
    nodeId: row.node_id,
    devices: devicesOf(row.devices),
    state: row.state as Attempt["state"],
    placedAt: row.placed_at,
    startedAt: row.started_at,
    exitedAt: row.exited_at,
    endedAt: row.ended_at,
    exit: parsed<Exit>(row.exit),
    logBytes: parsed<LogBytes>(row.log_bytes),
  };
}

export interface FollowRow {
  series: string;
  name: string;
  follower: string;
  requirement: string;
}

export function followOf(row: FollowRow) {
  const { series, name, follower, requirement } = row;
  return { series, name, follower, requirement: JSON.parse(requirement) as Requirement };
}
