/** How the store is connected: one connection that writes, in order, and a few that read. */
import pg from "pg";
import { migrate } from "./schema.ts";

export interface Connections {
  /** A single connection: one commit waits for the other. */
  readonly writes: pg.Pool;
  readonly reads: pg.Pool;
}

const CONNECT_TIMEOUT_MS = 10_000;
const READ_TIMEOUT_MS = 60_000;
const READERS_MAX = 4;
const INT8 = 20;

/** Connects and brings the schema up to date. A connection that fails is thrown away; the next use makes another. */
export async function connect(url: string, schema: string, commitTimeoutMs: number): Promise<Connections> {
  const pool = (config: pg.PoolConfig) => poolOf(url, schema, config);
  // A server that has lost its client gives the statement up by itself, and with it the lock on the term. The client
  // waits a little longer, so that what it hears is the server's own word where there is one.
  const writes = pool({
    max: 1,
    idleTimeoutMillis: 0,
    statement_timeout: commitTimeoutMs,
    query_timeout: commitTimeoutMs + 1_000,
  });
  const reads = pool({ max: READERS_MAX, query_timeout: READ_TIMEOUT_MS });
  try {
    const client = await writes.connect();
    try {
      await migrate(client, schema);
    } finally {
      client.release();
    }
    return { writes, reads };
  } catch (error) {
    await Promise.all([writes.end(), reads.end()]);
    throw error;
  }
}

function poolOf(url: string, schema: string, config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    application_name: "titan",
    ...config,
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) },
    // Awaited, whatever its type says: nobody gets a connection without it.
    onConnect: (client) => prepare(client, schema),
  });
  // A connection that breaks while nobody uses it: the pool drops it, and there is nobody to tell.
  pool.on("error", () => undefined);
  return pool;
}

/** A database may be set to answer before it has written; a store may not. Stronger settings than `on` stay. */
async function prepare(client: pg.ClientBase, schema: string): Promise<void> {
  await client.query(
    `SELECT set_config('search_path', $1, false),
     CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END`,
    [schema],
  );
}
