/** The store of several masters: one PostgreSQL database, written under a term that only one of them has. */
import { randomUUID } from "node:crypto";
import type { Attempt, FinishedJob, Job, JobState, Node } from "@titan/core";
import {
  ATTEMPT_COLUMNS,
  type AttemptRow,
  attemptOf,
  FINISHED_COLUMNS,
  type FollowRow,
  finishedOf,
  followOf,
  JOB_COLUMNS,
  type JobRow,
  jobOf,
} from "../rows.ts";
import type { Batch, FencedStore, JobFilter, Snapshot, SubmissionRow } from "../store.ts";
import { StoreError } from "../store-error.ts";
import { CURRENT, commitStatement, storable } from "./commit-statement.ts";
import type { Connections } from "./connections.ts";
import { jobsQuery } from "./jobs-query.ts";

type Values = readonly (string | number | readonly string[])[];
type Query = <T>(text: string, ...values: Values) => Promise<T[]>;

export class PostgresStore implements FencedStore {
  readonly #connections: Connections;
  readonly #onDeposed: () => void;
  /** Tells this store from any other that had a term, whatever became of the answer that gave it. */
  readonly #holder = randomUUID();
  #term: number | null = null;
  #closing: Promise<void> | null = null;

  constructor(connections: Connections, onDeposed: () => void) {
    this.#connections = connections;
    this.#onDeposed = onDeposed;
  }

  get term(): number | null {
    return this.#term;
  }

  async acquireTerm(): Promise<number> {
    const sql = "UPDATE leader SET term = term + 1, holder = $1 RETURNING term";
    const { rows } = await this.#connections.writes.query<{ term: number }>(sql, [this.#holder]);
    this.#term = rows[0]!.term;
    return this.#term;
  }

  /**
   * Where this store may write it first takes a new term for itself. A commit whose connection was lost may still be on
   * its way: it is either over by then, and loaded, or of a term that is no longer current, and void.
   */
  async load(finishedLimit: number): Promise<Snapshot> {
    if (this.#term !== null) {
      const sql = "UPDATE leader SET term = term + 1 WHERE holder = $1 RETURNING term";
      const { rows } = await this.#connections.writes.query<{ term: number }>(sql, [this.#holder]);
      // Deposed: the old term stays, and the next commit says so. Reading is for everyone.
      this.#term = rows[0]?.term ?? this.#term;
    }
    return await this.#atOneMoment((query) => snapshot(query, finishedLimit));
  }

  async commit(batch: Batch): Promise<void> {
    const { name, text, values } = commitStatement(batch, this.#ownTerm());
    const { rowCount } = await this.#connections.writes.query({ name, text, values: [...values] });
    if (rowCount !== 1) throw this.#deposed();
  }

  async job(id: string): Promise<Job | null> {
    const [row] = await this.#all<JobRow>(`SELECT ${JOB_COLUMNS} FROM jobs WHERE id = $1`, id);
    return row === undefined ? null : jobOf(row);
  }

  async jobIds(prefix: string, limit: number): Promise<string[]> {
    // A range and not LIKE: it uses the index, and no character of the prefix means anything
    // special. U+10FFFF sorts behind whatever may follow the prefix.
    const rows = await this.#all<{ id: string }>(
      "SELECT id FROM jobs WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3",
      prefix,
      `${prefix}\u{10ffff}`,
      limit,
    );
    return rows.map(({ id }) => id);
  }

  async jobs(filter: JobFilter): Promise<Job[]> {
    const { text, values } = jobsQuery(filter);
    return (await this.#all<JobRow>(text, ...values)).map(jobOf);
  }

  async attempts(jobId: string): Promise<Attempt[]> {
    const rows = await this.#all<AttemptRow>(
      `SELECT ${ATTEMPT_COLUMNS} FROM jobs JOIN attempts a ON a.job_seq = jobs.seq WHERE jobs.id = $1 ORDER BY a.number`,
      jobId,
    );
    return rows.map(attemptOf);
  }

  async lastFinished(runId: string): Promise<FinishedJob | null> {
    const [row] = await this.#all<JobRow>(
      `SELECT ${FINISHED_COLUMNS} FROM jobs
       WHERE run_id = $1 AND finished_at IS NOT NULL AND node_id IS NOT NULL ORDER BY finished_at DESC, seq DESC LIMIT 1`,
      runId,
    );
    return row === undefined ? null : finishedOf(row);
  }

  async runCounts(runId: string): Promise<Partial<Record<JobState, number>>> {
    return countsOf(
      await this.#all("SELECT state, count(*) AS n FROM jobs WHERE run_id = $1 GROUP BY state", runId),
    );
  }

  async counts(): Promise<Partial<Record<JobState, number>>> {
    return countsOf(await this.#all("SELECT state, count(*) AS n FROM jobs GROUP BY state"));
  }

  async payloads(jobIds: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.#all<{ id: string; payload: string }>(
      "SELECT jobs.id, p.payload FROM jobs JOIN payloads p ON p.job_seq = jobs.seq WHERE jobs.id = ANY ($1::text[])",
      jobIds,
    );
    return new Map(rows.map(({ id, payload }) => [id, payload]));
  }

  async submission(key: string): Promise<SubmissionRow | null> {
    const [row] = await this.#all<{ key: string; body_sha256: string; answer: string; at: number }>(
      "SELECT key, body_sha256, answer, at FROM submissions WHERE key = $1",
      key,
    );
    return row === undefined
      ? null
      : { key: row.key, bodySha256: row.body_sha256, answer: row.answer, at: row.at };
  }

  async putUpload(name: string, files: string, at: number): Promise<void> {
    const { rowCount } = await this.#connections.writes.query(
      `WITH ${CURRENT} INSERT INTO uploads (name, files, at) SELECT $2, $3, $4 FROM current
       ON CONFLICT (name) DO UPDATE SET files = excluded.files, at = excluded.at`,
      [this.#ownTerm(), storable(name), storable(files), at],
    );
    if (rowCount !== 1) throw this.#deposed();
  }

  async upload(name: string): Promise<string | null> {
    const [row] = await this.#all<{ files: string }>("SELECT files FROM uploads WHERE name = $1", name);
    return row?.files ?? null;
  }

  close(): Promise<void> {
    const { writes, reads } = this.#connections;
    this.#closing ??= Promise.all([writes.end(), reads.end()]).then(() => undefined);
    return this.#closing;
  }

  #deposed(): StoreError {
    this.#onDeposed();
    return new StoreError("deposed", "another master has taken the term: nothing of the batch is stored");
  }

  #ownTerm(): number {
    if (this.#term === null) throw new StoreError("deposed", "this store has no term, and may only read");
    return this.#term;
  }

  async #all<T>(text: string, ...values: Values): Promise<T[]> {
    const given = values.map((value) => (typeof value === "string" ? storable(value) : value));
    return (await this.#connections.reads.query(text, given)).rows as T[];
  }

  /** What `read` asks is answered as of one moment, whatever is committed meanwhile. */
  async #atOneMoment<T>(read: (query: Query) => Promise<T>): Promise<T> {
    const client = await this.#connections.reads.connect();
    try {
      await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      const answer = await read(
        async <R>(text: string, ...values: Values) => (await client.query(text, [...values])).rows as R[],
      );
      await client.query("COMMIT");
      client.release();
      return answer;
    } catch (error) {
      client.release(error as Error);
      throw error;
    }
  }
}

async function snapshot(query: Query, finishedLimit: number): Promise<Snapshot> {
  const jobs = await query<JobRow>(
    `SELECT ${JOB_COLUMNS} FROM jobs WHERE state IN ('waiting', 'running') ORDER BY seq`,
  );
  const attempts = await query<AttemptRow>(
    `SELECT ${ATTEMPT_COLUMNS} FROM attempts a JOIN jobs ON jobs.seq = a.job_seq WHERE a.ended_at IS NULL
     ORDER BY a.job_seq, a.number`,
  );
  const nodes = await query<{ row: string }>("SELECT row FROM nodes ORDER BY id");
  const follows = await query<FollowRow>("SELECT * FROM follows ORDER BY series, name, follower");
  const finished = await query<JobRow>(
    `SELECT ${FINISHED_COLUMNS} FROM jobs WHERE finished_at IS NOT NULL ORDER BY finished_at DESC, seq DESC LIMIT $1`,
    finishedLimit,
  );
  const [last] = await query<{ seq: number | null }>("SELECT max(seq) AS seq FROM jobs");
  return {
    jobs: jobs.map(jobOf),
    attempts: attempts.map(attemptOf),
    nodes: nodes.map(({ row }) => JSON.parse(row) as Node),
    follows: follows.map(followOf),
    finished: finished.map(finishedOf),
    lastSeq: last?.seq ?? 0,
  };
}

function countsOf(rows: { state: JobState; n: number }[]): Partial<Record<JobState, number>> {
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
}
