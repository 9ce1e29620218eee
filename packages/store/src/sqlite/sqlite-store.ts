/** The embedded store: one file, one process, SQLite as Node brings it. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
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
import type { Batch, JobFilter, Snapshot, Store, SubmissionRow } from "../store.ts";
import { StoreError } from "../store-error.ts";
import { migrate } from "./schema.ts";
import { Writes } from "./writes.ts";

const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

/**
 * Opens or makes the file, for this process alone: the lock is the kernel's and goes with the process, however it ends.
 * Throws `StoreError`: in-use, newer-schema, not-a-store.
 */
export function openSqliteStore(path: string): Promise<Store> {
  return new Promise((resolve) => resolve(new SqliteStore(openDatabase(path))));
}

function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    // FULL makes each commit durable. Exclusive locking needs no shared-memory file, and BEGIN EXCLUSIVE takes the lock
    // at once instead of at the first write. 16 MiB of cache hold the live end of every index.
    db.exec(`PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000;
      BEGIN EXCLUSIVE; COMMIT;`);
    migrate(db, path);
    return db;
  } catch (error) {
    db.close();
    const code = (error as { errcode?: number }).errcode;
    if (code === SQLITE_BUSY) throw new StoreError("in-use", `${path} is used by another process`, error);
    if (code === SQLITE_NOTADB) throw new StoreError("not-a-store", `${path} is not a database`, error);
    throw error;
  }
}

class SqliteStore implements Store {
  readonly #db: DatabaseSync;
  readonly #writes: Writes;
  /** Statements by their text: SQLite compiles each once. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#writes = new Writes(db);
  }

  async load(finishedLimit: number): Promise<Snapshot> {
    const jobs = this.#all<JobRow>(
      `SELECT ${JOB_COLUMNS} FROM jobs WHERE state IN ('waiting', 'running') ORDER BY seq`,
    );
    const attempts = this.#all<AttemptRow>(
      `SELECT ${ATTEMPT_COLUMNS} FROM attempts a JOIN jobs ON jobs.seq = a.job_seq WHERE a.ended_at IS NULL
       ORDER BY a.job_seq, a.number`,
    );
    const finished = this.#all<JobRow>(
      `SELECT ${FINISHED_COLUMNS} FROM jobs WHERE finished_at IS NOT NULL ORDER BY finished_at DESC, seq DESC LIMIT ?`,
      finishedLimit,
    );
    return {
      jobs: jobs.map(jobOf),
      attempts: attempts.map(attemptOf),
      nodes: this.#all<{ row: string }>("SELECT row FROM nodes ORDER BY id").map(
        ({ row }) => JSON.parse(row) as Node,
      ),
      follows: this.#all<FollowRow>("SELECT * FROM follows ORDER BY series, name, follower").map(followOf),
      finished: finished.map(finishedOf),
      lastSeq: this.#one<{ seq: number | null }>("SELECT max(seq) AS seq FROM jobs")?.seq ?? 0,
    };
  }

  async commit(batch: Batch): Promise<void> {
    this.#writes.write(batch);
  }

  async job(id: string): Promise<Job | null> {
    const row = this.#one<JobRow>(`SELECT ${JOB_COLUMNS} FROM jobs WHERE id = ?`, id);
    return row === undefined ? null : jobOf(row);
  }

  async jobIds(prefix: string, limit: number): Promise<string[]> {
    // A range and not LIKE: it uses the index, and no character of the prefix means anything
    // special. U+10FFFF sorts behind whatever may follow the prefix.
    const rows = this.#all<{ id: string }>(
      "SELECT id FROM jobs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
      prefix,
      `${prefix}\u{10ffff}`,
      limit,
    );
    return rows.map(({ id }) => id);
  }

  async jobs(filter: JobFilter): Promise<Job[]> {
    const { states, runId, name, limit } = filter;
    if (states === undefined || runId !== undefined || name !== undefined) {
      return this.#jobsWhere(filter, states).map(jobOf);
    }
    // An index walk for each state: one walk over several would have to sort all jobs in these states.
    const rows = states.flatMap((state) => this.#jobsWhere(filter, [state]));
    return rows
      .sort((a, b) => b.seq - a.seq)
      .slice(0, limit)
      .map(jobOf);
  }

  #jobsWhere(filter: JobFilter, states: readonly JobState[] | undefined): JobRow[] {
    const where: string[] = [];
    const values: (string | number)[] = [];
    const add = (condition: string, ...given: (string | number)[]) => {
      where.push(condition);
      values.push(...given);
    };
    if (filter.runId !== undefined) add("run_id = ?", filter.runId);
    if (filter.name !== undefined) add("name = ?", filter.name);
    if (filter.belowSeq !== undefined) add("seq < ?", filter.belowSeq);
    // The plus keeps SQLite from the index of states, which is the worse one where a run or a name is given.
    const state = where.some((condition) => !condition.startsWith("seq")) ? "+state" : "state";
    if (states?.length === 1) add(`${state} = ?`, states[0]!);
    else if (states !== undefined) add(`${state} IN (${states.map(() => "?").join(",")})`, ...states);
    const clause = where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`;
    const sql = `SELECT ${JOB_COLUMNS} FROM jobs ${clause} ORDER BY seq DESC LIMIT ?`;
    return this.#all<JobRow>(sql, ...values, filter.limit);
  }

  async attempts(jobId: string): Promise<Attempt[]> {
    return this.#all<AttemptRow>(
      `SELECT ${ATTEMPT_COLUMNS} FROM jobs JOIN attempts a ON a.job_seq = jobs.seq WHERE jobs.id = ? ORDER BY a.number`,
      jobId,
    ).map(attemptOf);
  }

  async lastFinished(runId: string): Promise<FinishedJob | null> {
    const row = this.#one<JobRow>(
      `SELECT ${FINISHED_COLUMNS} FROM jobs
       WHERE run_id = ? AND finished_at IS NOT NULL AND node_id IS NOT NULL ORDER BY finished_at DESC, seq DESC LIMIT 1`,
      runId,
    );
    return row === undefined ? null : finishedOf(row);
  }

  async runCounts(runId: string): Promise<Partial<Record<JobState, number>>> {
    return countsOf(
      this.#all("SELECT state, count(*) AS n FROM jobs WHERE run_id = ? GROUP BY state", runId),
    );
  }

  async counts(): Promise<Partial<Record<JobState, number>>> {
    return countsOf(this.#all("SELECT state, count(*) AS n FROM jobs GROUP BY state"));
  }

  async payloads(jobIds: readonly string[]): Promise<Map<string, string>> {
    const sql = "SELECT p.payload FROM jobs JOIN payloads p ON p.job_seq = jobs.seq WHERE jobs.id = ?";
    const found = new Map<string, string>();
    for (const id of jobIds) {
      const row = this.#one<{ payload: string }>(sql, id);
      if (row !== undefined) found.set(id, row.payload);
    }
    return found;
  }

  async submission(key: string): Promise<SubmissionRow | null> {
    const sql = "SELECT key, body_sha256, answer, at FROM submissions WHERE key = ?";
    const row = this.#one<{ key: string; body_sha256: string; answer: string; at: number }>(sql, key);
    return row === undefined
      ? null
      : { key: row.key, bodySha256: row.body_sha256, answer: row.answer, at: row.at };
  }

  async putUpload(name: string, files: string, at: number): Promise<void> {
    this.#statement("INSERT OR REPLACE INTO uploads (name, files, at) VALUES (?,?,?)").run(name, files, at);
  }

  async upload(name: string): Promise<string | null> {
    return this.#one<{ files: string }>("SELECT files FROM uploads WHERE name = ?", name)?.files ?? null;
  }

  async close(): Promise<void> {
    if (this.#db.isOpen) this.#db.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #all<T>(sql: string, ...values: (string | number)[]): T[] {
    return this.#statement(sql).all(...values) as T[];
  }

  #one<T>(sql: string, ...values: (string | number)[]): T | undefined {
    return this.#statement(sql).get(...values) as T | undefined;
  }
}

function countsOf(rows: { state: JobState; n: number }[]): Partial<Record<JobState, number>> {
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
}
