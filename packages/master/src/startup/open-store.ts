/** The store of a master: a SQLite file of its own, or PostgreSQL where a URL is given. */
import { join } from "node:path";
import { TitanError } from "@titan/protocol";
import { openPostgresStore, openSqliteStore, type Store, StoreError } from "@titan/store";

/**
 * With the right to write. `onDeposed` is called once that is gone for good: another master has taken the database.
 * Throws a `TitanError`: state-in-use, version-mismatch, or usage where PostgreSQL cannot be had at `url`.
 */
export async function openStore(
  stateDir: string,
  url: string | undefined,
  onDeposed: (error: TitanError) => void,
): Promise<Store> {
  try {
    return url === undefined
      ? await openSqliteStore(join(stateDir, "titan.db"))
      : await openLeading(url, onDeposed);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    if (error.code === "in-use") throw new TitanError("state-in-use", error.message, { cause: error });
    if (error.code === "newer-schema")
      throw new TitanError("version-mismatch", error.message, { cause: error });
    throw error;
  }
}

async function openLeading(url: string, onDeposed: (error: TitanError) => void): Promise<Store> {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new TitanError("usage", "A store is given as a URL", { hint: "Such as postgres://host/database." });
  }
  try {
    const store = await openPostgresStore(url, { onDeposed: () => onDeposed(deposedError()) });
    try {
      await store.acquireTerm();
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  } catch (error) {
    if (error instanceof StoreError) throw error;
    // The driver's words name the host, the user, the database, and never the password. A name that has two addresses
    // fails without words, with a code.
    const { message, code } = error as NodeJS.ErrnoException;
    throw new TitanError("usage", `Cannot open the PostgreSQL store: ${message || code}`, {
      hint: "Check --store or TITAN_STORE, and that the database lets this machine in.",
      cause: error,
    });
  }
}

function deposedError(): TitanError {
  return new TitanError("state-in-use", "Another master has taken this database", {
    hint: "Only one may serve it. What this one has acknowledged is there.",
  });
}
