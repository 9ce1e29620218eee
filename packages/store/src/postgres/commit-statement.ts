/** A batch as one statement. */
import type { Attempt, Job } from "@titan/core";
import { latestOf } from "../latest.ts";
import { devicesText, jsonOrNull, specText } from "../rows.ts";
import type { Batch } from "../store.ts";

const JOB_COLUMNS = `seq bigint, id text, name text, run_id text, spec text, state text, attempt integer, ready_at float8,
  not_before float8, node_id text, devices text, started_at float8, finished_at float8, cancel text, exit text, note text`;
const JOB_CHANGING = [
  ..."state attempt ready_at not_before node_id devices started_at".split(" "),
  ..."finished_at cancel exit note".split(" "),
];
const ATTEMPT_COLUMNS = `job_seq bigint, number integer, node_id text, devices text, state text, placed_at float8,
  started_at float8, exited_at float8, ended_at float8, exit text, log_bytes text`;
const ATTEMPT_CHANGING = [
  ..."node_id devices state placed_at started_at exited_at ended_at exit log_bytes".split(" "),
];

/** The job's seq as the batch has it, else as the store has it; a job that neither has is a null that no table takes. */
const JOB_SEQ = "COALESCE(x.job_seq, (SELECT jobs.seq FROM jobs WHERE jobs.id = x.job_id))";

interface Part {
  readonly table: string;
  /** Names and types, as the rows come in; a row that belongs to a job brings `job_id` besides. */
  readonly columns: string;
  readonly ofJob?: true;
  readonly key: string;
  readonly changing: readonly string[];
  /** `jsonb` is 12 % faster for many small rows, but takes no more than 256 MiB of text; payloads may be more. */
  readonly json: "json" | "jsonb";
}

/** In the order of the rows that `partsOf` makes. */
const PARTS: readonly Part[] = [
  { table: "jobs", columns: JOB_COLUMNS, key: "seq", changing: JOB_CHANGING, json: "jsonb" },
  {
    table: "attempts",
    columns: ATTEMPT_COLUMNS,
    ofJob: true,
    key: "job_seq, number",
    changing: ATTEMPT_CHANGING,
    json: "jsonb",
  },
  {
    table: "payloads",
    columns: "job_seq bigint, payload text",
    ofJob: true,
    key: "job_seq",
    changing: ["payload"],
    json: "json",
  },
  { table: "nodes", columns: "id text, row text", key: "id", changing: ["row"], json: "jsonb" },
  {
    table: "follows",
    columns: "series text, name text, follower text, requirement text",
    key: "series, name, follower",
    changing: ["requirement"],
    json: "jsonb",
  },
  {
    table: "submissions",
    columns: "key text, body_sha256 text, answer text, at float8",
    key: "key",
    changing: ["body_sha256", "answer", "at"],
    json: "json",
  },
];

/**
 * Everything is joined to this row: where the term is another by now nothing is written and no row comes back. The lock
 * is shared, so a new term waits for the commits under way, and those that come later find it.
 */
export const CURRENT = "current AS MATERIALIZED (SELECT term FROM leader WHERE term = $1 FOR SHARE)";

export interface Statement {
  /** Equal texts have equal names: the server plans each once a connection. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * One statement is one transaction and one round trip, whatever the batch holds: there is no moment between its begin and
 * its end at which a connection could be lost with half of it done. It answers a row where `term` is the current one.
 */
export function commitStatement(batch: Batch, term: number): Statement {
  const rows = partsOf(batch);
  const used = PARTS.flatMap((part, at) => (rows[at]!.length > 0 ? [{ part, rows: rows[at]! }] : []));
  const puts = used.map(({ part }, at) => `, put_${part.table} AS (${putOf(part, at + 2)})`);
  return {
    name: `commit ${used.map(({ part }) => part.table).join(" ")}`,
    text: `WITH ${CURRENT}${puts.join("")} SELECT term FROM current`,
    values: [term, ...used.map((each) => jsonText(each.rows))],
  };
}

function putOf({ table, columns, ofJob, key, changing, json }: Part, parameter: number): string {
  const names = columns.split(",").map((column) => column.trim().split(" ")[0]!);
  const values = names.map((name) => (name === "job_seq" ? JOB_SEQ : `x.${name}`));
  const definition = ofJob ? `job_id text, ${columns}` : columns;
  return `INSERT INTO ${table} (${names.join(", ")}) SELECT ${values.join(", ")}
    FROM ${json}_to_recordset($${parameter}::${json}) AS x(${definition}), current
    ON CONFLICT (${key}) DO UPDATE SET ${changing.map((name) => `${name} = excluded.${name}`).join(", ")}`;
}

function partsOf(batch: Batch): readonly object[][] {
  const { jobs, attempts, payloads, nodes, follows, submissions } = latestOf(batch);
  const seqOf = (jobId: string): number | null => jobs.get(jobId)?.seq ?? null;
  return [
    Array.from(jobs.values(), jobRow),
    Array.from(attempts.values(), (attempt) => attemptRow(attempt, seqOf(attempt.jobId))),
    Array.from(payloads.values(), ({ jobId, payload }) => ({
      job_id: jobId,
      job_seq: seqOf(jobId),
      payload,
    })),
    Array.from(nodes.values(), (node) => ({ id: node.id, row: JSON.stringify(node) })),
    Array.from(follows.values(), (follow) => ({
      ...follow,
      requirement: JSON.stringify(follow.requirement),
    })),
    Array.from(submissions.values(), ({ key, bodySha256, answer, at }) => ({
      key,
      body_sha256: bodySha256,
      answer,
      at,
    })),
  ];
}

function jobRow(job: Job): object {
  return {
    seq: job.seq,
    id: job.id,
    name: job.name,
    run_id: job.runId,
    spec: specText(job),
    state: job.state,
    attempt: job.attempt,
    ready_at: job.readyAt,
    not_before: job.notBefore,
    node_id: job.nodeId,
    devices: devicesText(job.devices),
    started_at: job.startedAt,
    finished_at: job.finishedAt,
    cancel: job.cancel,
    exit: jsonOrNull(job.exit),
    note: job.note,
  };
}

function attemptRow(attempt: Attempt, jobSeq: number | null): object {
  return {
    job_id: attempt.jobId,
    job_seq: jobSeq,
    number: attempt.number,
    node_id: attempt.nodeId,
    devices: devicesText(attempt.devices),
    state: attempt.state,
    placed_at: attempt.placedAt,
    started_at: attempt.startedAt,
    exited_at: attempt.exitedAt,
    ended_at: attempt.endedAt,
    exit: jsonOrNull(attempt.exit),
    log_bytes: jsonOrNull(attempt.logBytes),
  };
}

/** What PostgreSQL's texts cannot hold; it stands in JSON as an escape. */
const MAYBE_UNSTORABLE = /\\u0000|\\ud[89a-f]/;

/**
 * A zero character or half a surrogate pair, in a note that quotes a label for instance, becomes U+FFFD: one such text
 * must not make a whole group fail, again and again.
 */
function jsonText(rows: readonly object[]): string {
  const text = JSON.stringify(rows);
  if (!MAYBE_UNSTORABLE.test(text)) return text;
  return JSON.stringify(rows, (_key, value: unknown) =>
    typeof value === "string" ? storable(value) : value,
  );
}

export function storable(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}
