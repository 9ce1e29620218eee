/** The tables of the SQLite store, and the check that a file is one that this build understands. */
import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../store-error.ts";

/** Kept in SQLite's `user_version`. A change of the tables adds one and a step to `MIGRATIONS`. */
export const SCHEMA_VERSION = 1;

/**
 * `seq` is the key of everything that belongs to a job. Ids are random, so a table ordered by them is written all over
 * the file; ordered by `seq`, what is written together lies together, and only the one index on `id` is scattered.
 * What never changes of a job is JSON in `spec`; what changes has columns, so that an update writes some 100 bytes.
 */
const TABLES = `
CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  run_id TEXT,
  spec TEXT NOT NULL,
  state TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  ready_at REAL,
  not_before REAL NOT NULL,
  node_id TEXT,
  devices TEXT NOT NULL,
  started_at REAL,
  finished_at REAL,
  cancel TEXT,
  exit TEXT,
  note TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_state ON jobs (state, seq);
CREATE INDEX jobs_name ON jobs (name, seq);
CREATE INDEX jobs_run ON jobs (run_id, seq) WHERE run_id IS NOT NULL;
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_run_finished ON jobs (run_id, finished_at)
  WHERE run_id IS NOT NULL AND finished_at IS NOT NULL AND node_id IS NOT NULL;

CREATE TABLE attempts (
  job_seq INTEGER NOT NULL,
  number INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  devices TEXT NOT NULL,
  state TEXT NOT NULL,
  placed_at REAL NOT NULL,
  started_at REAL,
  exited_at REAL,
  ended_at REAL,
  exit TEXT,
  log_bytes TEXT,
  PRIMARY KEY (job_seq, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_live ON attempts (job_seq, number) WHERE ended_at IS NULL;

CREATE TABLE payloads (job_seq INTEGER PRIMARY KEY, payload TEXT NOT NULL) STRICT;
CREATE TABLE nodes (id TEXT PRIMARY KEY, row TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE follows (
  series TEXT NOT NULL,
  name TEXT NOT NULL,
  follower TEXT NOT NULL,
  requirement TEXT NOT NULL,
  PRIMARY KEY (series, name, follower)
) STRICT, WITHOUT ROWID;
CREATE TABLE submissions (key TEXT PRIMARY KEY, body_sha256 TEXT NOT NULL, answer TEXT NOT NULL, at REAL NOT NULL) STRICT;
CREATE TABLE uploads (name TEXT PRIMARY KEY, files TEXT NOT NULL, at REAL NOT NULL) STRICT;
`;

/** Step `i` takes a file from version `i` to `i + 1`. */
const MIGRATIONS: readonly string[] = [TABLES];

/** Throws a `StoreError` (newer-schema) on a file that a later build has written. */
export function migrate(db: DatabaseSync, path: string): void {
  const found = Number(db.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (found > SCHEMA_VERSION) {
    throw new StoreError(
      "newer-schema",
      `${path} was written by a newer version (schema ${found}; this one knows ${SCHEMA_VERSION})`,
    );
  }
  for (let version = found; version < SCHEMA_VERSION; version++) {
    db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[version]!} PRAGMA user_version = ${version + 1}; COMMIT;`);
  }
}
