/** Where a master keeps its state, and how to begin anew there. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { DEFAULT_PORT, TitanError } from "@titan/protocol";
import { stateHome } from "@titan/sdk";

export interface MasterState {
  readonly home: string;
  readonly dir: string;
  /** Lives as long as this process. */
  readonly throwaway: boolean;
}

/**
 * A cluster on any free port has no address to be found under again: its state goes with it, unless it is named.
 * Both folders are there afterwards. Throws `usage` where one cannot be.
 */
export function masterState(port: number, asked: string | undefined): MasterState {
  const home = folder(resolve(stateHome()), "TITAN_STATE_HOME");
  if (asked !== undefined) return { home, dir: folder(resolve(asked), "--state"), throwaway: false };
  if (port !== 0) return { home, dir: folder(join(home, `master-${port}`), "--state"), throwaway: false };
  return { home, dir: mkdtempSync(join(home, "master-0-")), throwaway: true };
}

function folder(path: string, field: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  } catch (error) {
    throw new TitanError("usage", `${path} cannot be used as a state folder`, {
      field,
      cause: error,
      hint: "Choose another with --state, or with TITAN_STATE_HOME for everything.",
    });
  }
}

/** Only what Titan keeps there: a folder that was named by mistake loses nothing else. */
const KEPT = ["titan.db", "titan.db-wal", "titan.db-shm", "logs", "blobs", "nodes"];

/** Throws `state-in-use` where a living process holds the folder. */
export function removeState(dir: string): void {
  const pid = lockHolder(join(dir, "lock"));
  if (pid !== null) throw new TitanError("state-in-use", `${dir} is in use by process ${pid}`);
  for (const name of KEPT) rmSync(join(dir, name), { recursive: true, force: true });
}

function lockHolder(file: string): number | null {
  try {
    const { pid } = JSON.parse(readFileSync(file, "utf8")) as { pid: number };
    process.kill(pid, 0);
    return pid;
  } catch {
    return null;
  }
}

/** `--port`, else TITAN_PORT, else 9090. */
export function portFrom(flag: string | undefined): number {
  const text = flag ?? (process.env.TITAN_PORT || String(DEFAULT_PORT));
  const port = Number(text);
  if (!/^[0-9]{1,5}$/.test(text) || port > 65_535) {
    throw new TitanError("usage", `${JSON.stringify(text)} is not a port`, { field: "--port" });
  }
  return port;
}
