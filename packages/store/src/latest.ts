/** Of several changes of one row in a batch the last counts. */
import type { Attempt, Follow, Job, Node } from "@titan/core";
import type { Batch, PayloadRow, SubmissionRow } from "./store.ts";

export interface Latest {
  readonly jobs: ReadonlyMap<string, Job>;
  readonly attempts: ReadonlyMap<string, Attempt>;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly follows: ReadonlyMap<string, Follow>;
  readonly payloads: ReadonlyMap<string, PayloadRow>;
  readonly submissions: ReadonlyMap<string, SubmissionRow>;
}

export function latestOf({ changes, payloads, submissions }: Batch): Latest {
  const jobs = new Map<string, Job>();
  const attempts = new Map<string, Attempt>();
  const nodes = new Map<string, Node>();
  const follows = new Map<string, Follow>();
  for (const { table, row } of changes) {
    if (table === "jobs") jobs.set(row.id, row);
    else if (table === "attempts") attempts.set(`${row.jobId}.${row.number}`, row);
    else if (table === "nodes") nodes.set(row.id, row);
    else follows.set(JSON.stringify([row.series, row.name, row.follower]), row);
  }
  return {
    jobs,
    attempts,
    nodes,
    follows,
    payloads: new Map(payloads.map((row) => [row.jobId, row])),
    submissions: new Map(submissions.map((row) => [row.key, row])),
  };
}
