/** The tables of the PostgreSQL store, and the check that a schema is one that this build understands. */
import type { PoolClient } from "pg";
import { StoreError } from "../store-error.ts";

/** Kept in the table `version`. A change of the tables adds one and a step to `MIGRATIONS`. */
export const SCHEMA_VERSION = 1;

/**
 * The rows of SQLite's tables in PostgreSQL's types, keyed the same way and for the same reasons. Texts that are compared
 * collate as bytes ("C"): a prefix is then a range of the index, whatever the database's language is.
 * (Two tables for a job, what changes apart from what does not, were tried: ends 15 % faster, submits 30 % slower.)
 * `leader` has one row: who may write, and under which term.
 */
const TABLES = `
CREATE TABLE leader (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  term bigint NOT NULL,
  holder text NOT NULL
);
INSERT INTO leader (term, holder) VALUES (0, '');

CREATE TABLE jobs (
  seq bigint PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  name text COLLATE "C" NOT NULL,
  run_id text COLLATE "C",
  spec text NOT NULL,
  state text COLLATE "C" NOT NULL,
  attempt integer NOT NULL,
  ready_at float8,
  not_before float8 NOT NULL,
  node_id text,
  devices text NOT NULL,
  started_at float8,
  finished_at float8,
  cancel text,
  exit text,
  note text NOT NULL
);
CREATE INDEX jobs_state ON jobs (state, seq);
CREATE INDEX jobs_name ON jobs (name, seq);
CREATE INDEX jobs_run ON jobs (run_id, seq) WHERE run_id IS NOT NULL;
CREATE INDEX jobs_finished ON jobs (finished_at, seq) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_run_finished ON jobs (run_id, finished_at, seq)
  WHERE run_id IS NOT NULL AND finished_at IS NOT NULL AND node_id IS NOT NULL;

CREATE TABLE attempts (
  job_seq bigint NOT NULL,
  number integer NOT NULL,
  node_id text NOT NULL,
  devices text NOT NULL,
  state text NOT NULL,
  placed_at float8 NOT NULL,
  started_at float8,
  exited_at float8,
  ended_at float8,
  exit text,
  log_bytes text,
  PRIMARY KEY (job_seq, number)
);
CREATE INDEX attempts_live ON attempts (job_seq, number) WHERE ended_at IS NULL;

CREATE TABLE payloads (job_seq bigint PRIMARY KEY, payload text NOT NULL);
CREATE TABLE nodes (id text COLLATE "C" PRIMARY KEY, row text NOT NULL);
CREATE TABLE follows (
  series text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  follower text COLLATE "C" NOT NULL,
  requirement text NOT NULL,
  PRIMARY KEY (series, name, follower)
);
CREATE TABLE submissions (
  key text COLLATE "C" PRIMARY KEY,
  body_sha256 text NOT NULL,
  answer text NOT NULL,
  at float8 NOT NULL
);
CREATE TABLE uploads (name text COLLATE "C" PRIMARY KEY, files text NOT NULL, at float8 NOT NULL);
`;

/** Step `i` takes a schema from version `i` to `i + 1`. */
const MIGRATIONS: readonly string[] = [TABLES];

/**
 * Makes the schema or brings it up to date, in one transaction; of several that do so at once one works and the others
 * wait. Throws a `StoreError`: newer-schema of one that a later build has written, which is left as it is, and
 * not-a-store of a database that cannot hold every text.
 */
export async function migrate(client: PoolClient, schema: string): Promise<void> {
  const { server_encoding: encoding } = (await client.query("SHOW server_encoding")).rows[0];
  if (encoding !== "UTF8") {
    throw new StoreError("not-a-store", `the database's encoding is ${encoding}; it has to be UTF8`);
  }
  await client.query("BEGIN");
  try {
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('titan schema ' || $1, 0))", [schema]);
    const found = await versionOf(client, schema);
    if (found > SCHEMA_VERSION) {
      throw new StoreError(
        "newer-schema",
        `the schema ${schema} was written by a newer version (schema ${found}; this one knows ${SCHEMA_VERSION})`,
      );
    }
    for (let version = found; version < SCHEMA_VERSION; version++) {
      await client.query(MIGRATIONS[version]!);
      await client.query("UPDATE version SET version = $1", [version + 1]);
    }
    await client.query("COMMIT");
  } catch (error) {
    // Where the connection is gone, so is the transaction; the first error is the one that tells.
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** A role that may not make schemas can still use one that was made for it: it is only made where it is missing. */
async function versionOf(client: PoolClient, schema: string): Promise<number> {
  const { rows } = await client.query(
    "SELECT to_regnamespace($1) IS NOT NULL AS has_schema, to_regclass($1 || '.version') IS NOT NULL AS has_version",
    [schema],
  );
  if (!rows[0].has_schema) await client.query(`CREATE SCHEMA ${schema}`);
  if (!rows[0].has_version) {
    await client.query(
      "CREATE TABLE version (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), version integer NOT NULL)",
    );
    await client.query("INSERT INTO version (version) VALUES (0)");
  }
  return (await client.query<{ version: number }>("SELECT version FROM version")).rows[0]!.version;
}
