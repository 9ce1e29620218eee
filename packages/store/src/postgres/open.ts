/** The way to PostgreSQL. Its driver is loaded here and only when asked for: 27 ms that a user of SQLite does not pay. */
import type { FencedStore } from "../store.ts";

export interface PostgresOptions {
  /** Where the tables are, apart from whatever else the database holds: lower case, digits, `_`. `titan` where absent. */
  readonly schema?: string;
  /** Longer than this and a commit's outcome counts as unknown; the server gives it up as well. 20 s where absent. */
  readonly commitTimeoutMs?: number;
  /** Called when the store refuses to write because another has the term. It must not throw. */
  readonly onDeposed?: () => void;
}

/**
 * Opens the store at a `postgres://` URL, making or updating its tables. Any number of masters may have it open, and all
 * may read; to write, one calls `acquireTerm`. Throws `StoreError`: newer-schema, not-a-store; a `RangeError` for a
 * schema of another form; else the database's own error, such as of a wrong password.
 */
export async function openPostgresStore(url: string, options: PostgresOptions = {}): Promise<FencedStore> {
  const { schema = "titan", commitTimeoutMs = 20_000, onDeposed = () => undefined } = options;
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new RangeError(`"${schema}" is no name of a schema`);
  const [{ connect }, { PostgresStore }] = await Promise.all([
    import("./connections.ts"),
    import("./postgres-store.ts"),
  ]);
  return new PostgresStore(await connect(url, schema, commitTimeoutMs), onDeposed);
}
